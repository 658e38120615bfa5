import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasreplay.cli.views.table_text import description_lines
from nasreplay.data import custom_dataset, semantics
from nasreplay.data.describe import description
from nasreplay.data.importers.csv_to_pack import import_csv
from nasreplay.data.measured import Limits, best, costs, held
from nasreplay.data.pack import Pack, write_pack
from nasreplay.data.pack.check import verify
from nasreplay.data.semantics import UNSTATED, CustomDataset, CustomSplit, Facts
from nasreplay.errors import BadInput, BadPack, BadSetting, NotMeasured, UnknownName
from nasreplay.evaluate.table.load import load_table, replayable
from nasreplay.spaces import TOPOLOGY
from tests.support.random_packs import in_a_worker
from tests.support.sample_packs import random_columns

PIXELS = CustomDataset(
    Facts(10, 8, 1_437),
    {"x-valid": CustomSplit(180), "x-test": CustomSplit(180, "accuracy on digits never seen")},
)


def columns_of(stored: str = "pixels") -> dict[str, np.ndarray]:
    draw = np.random.default_rng(0)
    return {
        f"{stored}/12/seeds": np.array([1]),
        f"{stored}/12/seconds_per_epoch": draw.uniform(1, 2, TOPOLOGY.size),
        f"{stored}/12/x-valid/accuracy": draw.uniform(10, 90, (TOPOLOGY.size, 1)),
        f"{stored}/12/x-test/accuracy": draw.uniform(10, 90, (TOPOLOGY.size, 1)),
    }


def write(path: Path, columns: dict[str, np.ndarray] | None = None, **datasets: CustomDataset) -> Pack:
    columns = columns_of() if columns is None else columns
    epochs = {"/".join(name.split("/")[:2]): 12 for name in columns if name.count("/") >= 2}
    about = {"title": "mine", "source": "a test", "licence": "MIT", "epochs": epochs}
    return write_pack(path, TOPOLOGY, columns, **about, custom_datasets=datasets)


@pytest.fixture(scope="module")
def pack(tmp_path_factory) -> Pack:
    return write(tmp_path_factory.mktemp("own") / "pixels.h5", pixels=PIXELS)


# --- the pack --------------------------------------------------------------------------------------


def test_what_is_said_of_a_data_set_is_read_back(pack):
    assert Pack.open(pack.path).custom == {"pixels": PIXELS}
    assert in_a_worker(pack).custom == {"pixels": PIXELS}
    assert pack.datasets == ("pixels",)
    assert verify(pack) == []


def test_readable_with_h5py_alone(pack):
    with h5py.File(pack.path) as file:
        said: dict[str, Any] = dict(file["pixels"].attrs)
    assert {name: said[name] for name in Facts._fields} == Facts(10, 8, 1_437)._asdict()
    assert json.loads(said["sets"])["x-test"] == {"images": 180, "sentence": "accuracy on digits never seen"}


def test_own_data_sets_stand_behind_the_published_ones(tmp_path):
    both = write(tmp_path / "both.h5", columns_of("a") | random_columns() | columns_of("zoo"), zoo=PIXELS)
    assert both.datasets == ("cifar10-valid", "a", "zoo")
    assert both.custom == {"a": UNSTATED, "zoo": PIXELS}
    assert replayable(both.path) == ("cifar10", "a", "zoo")
    assert list(held(both)) == ["cifar10", "a", "zoo"]
    assert both.holdings().startswith("valid of cifar10, a, zoo at recipe 12; test of a, zoo")


def test_the_fingerprint_covers_what_is_said(tmp_path, pack):
    same = write(tmp_path / "same.h5", pixels=PIXELS)
    assert same.path.read_bytes() == pack.path.read_bytes()
    other = write(tmp_path / "other.h5", pixels=PIXELS._replace(facts=Facts(11, 8, 1_437)))
    assert other.fingerprint != pack.fingerprint


@pytest.mark.parametrize(
    ("name", "value"),
    [("classes", 9), ("sets", "{}"), ("sets", "{"), ("sets", '{"x-valid": {"images": -1}}')],
)
def test_a_changed_attribute_is_noticed(tmp_path, name, value):
    path = write(tmp_path / "pack.h5", pixels=PIXELS).path
    with h5py.File(path, "r+") as file:
        file["pixels"].attrs[name] = value
    with pytest.raises(BadPack, match="damaged"):
        Pack.open(path)


@pytest.mark.parametrize("name", ["c10", "CIFAR10", "ImageNet16", "cifar-100"])
def test_a_name_that_means_another_data_set_is_refused(tmp_path, name):
    with pytest.raises(BadSetting, match="that means"):
        write(tmp_path / "pack.h5", columns_of(name))
    assert not list(tmp_path.iterdir())


def test_facts_of_nothing_are_refused(tmp_path):
    with pytest.raises(BadInput, match="no column is of zebra"):
        write(tmp_path / "pack.h5", zebra=PIXELS)


def test_a_set_without_a_meaning_is_a_problem(tmp_path):
    columns = columns_of() | {"pixels/12/y/accuracy": np.full((TOPOLOGY.size, 1), 5.0)}
    assert verify(write(tmp_path / "pack.h5", columns)) == [
        "pixels/12/y has no meaning; known: train, x-valid, x-test"
    ]


# --- what the numbers mean -------------------------------------------------------------------------


def test_valid_and_test_are_the_own_sets(pack):
    valid, meaning, recipe = pack.accuracy("Pixels")
    assert meaning[:4] == ("pixels", "x-valid", 180, 1_437)
    assert meaning.sentence == (
        "accuracy on the 180 validation images after training on the 1,437 training images (read from pixels)"
    )
    np.testing.assert_array_equal(valid, columns_of()["pixels/12/x-valid/accuracy"])
    test, meaning, _ = pack.accuracy("pixels", "test", recipe)
    assert meaning.sentence == "accuracy on digits never seen (read from pixels)"
    np.testing.assert_array_equal(test, columns_of()["pixels/12/x-test/accuracy"])


def test_what_is_not_stated_is_not_made_up():
    meaning = semantics.meaning("a", "valid", {"a": UNSTATED})
    assert meaning == (
        "a", "x-valid", None, None,
        "accuracy on the validation images after training on the training images (read from a)",
    )  # fmt: skip
    assert semantics.meaning("a", "train", {"a": UNSTATED})[:4] == ("a", "train", None, None)


def test_unknown_names_list_the_own_ones_too(pack):
    with pytest.raises(UnknownName, match="known: pixels, cifar10, cifar100"):
        pack.accuracy("pixel")
    with pytest.raises(NotMeasured, match="no benchmark holds valtest of pixels; it has train, valid, test"):
        pack.accuracy("pixels", "valtest")
    with pytest.raises(NotMeasured, match="it holds valid of pixels at recipe 12; test of pixels"):
        pack.accuracy("pixels", "train")
    with pytest.raises(UnknownName, match="known: train, x-valid, x-test"):
        semantics.stored_meaning("pixels", "ori-test", pack.custom)


def test_costs_are_exact_or_unknown(pack):
    flat = np.arange(5)
    parameters, flops = costs(TOPOLOGY, flat, "pixels", pack.custom)
    np.testing.assert_array_equal(parameters, TOPOLOGY.parameters(TOPOLOGY.from_flat(flat), 10))
    np.testing.assert_array_equal(flops, TOPOLOGY.flops(TOPOLOGY.from_flat(flat), 10, 8))
    for cost in costs(TOPOLOGY, flat, "pixels", {"pixels": UNSTATED}):
        assert np.isnan(cost).all()
    with pytest.raises(NotMeasured, match="does not say how many classes"):
        semantics.facts("pixels", {"pixels": UNSTATED})


def test_limits_on_unknown_costs_are_refused(tmp_path):
    unstated = write(tmp_path / "pack.h5")
    ((measured, *_),) = held(unstated).values()
    assert len(best(unstated, measured, Limits(), 3)[0]) == 3
    with pytest.raises(NotMeasured, match="leave out --max-params"):
        best(unstated, measured, Limits(params=1.0), 3)


def test_a_table_of_its_own_data_is_an_evaluator(pack):
    table = load_table("PIXELS", table=pack)
    assert table.dataset == "pixels"
    assert table.describe()["own"] == custom_dataset.to_json(PIXELS)
    assert table.test is not None
    assert "digits never seen" in table.meaning["test"]


def test_info_tells_what_is_known(tmp_path, pack):
    assert "pixels (no latency): a custom data set, 10 classes, 8×8 pixels, 1,437 training images" in (
        description_lines(pack)
    )
    assert description(pack)["datasets"]["pixels"]["facts"] == Facts(10, 8, 1_437)._asdict()
    assert any("not stated" in line for line in description_lines(write(tmp_path / "pack.h5")))


# --- JSON values, texts, CSV -----------------------------------------------------------------------

COUNTS = st.integers(1, 10**5)
OWN = st.builds(
    CustomDataset,
    st.none() | st.builds(Facts, COUNTS, COUNTS, COUNTS),
    st.dictionaries(
        st.sampled_from(custom_dataset.SETS),
        st.builds(CustomSplit, st.none() | COUNTS, st.none() | st.text(min_size=1)),
    ),
)


@pytest.mark.slow
@given(OWN)
def test_json_and_back(about):
    again = custom_dataset.from_json(json.loads(json.dumps(custom_dataset.to_json(about))))
    assert again == custom_dataset.from_json(custom_dataset.to_json(again))
    assert (again.facts, again.sets.keys()) == (about.facts, about.sets.keys())
    for name, each in about.sets.items():
        assert again.sets[name].images == each.images
        sentence = again.sets[name].sentence
        assert sentence == each.sentence or (sentence and sentence.isprintable())


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"sets": 3},
        {"sets": {"y": {}}},
        {"sets": {"x-valid": {"pictures": 3}}},
        {"sets": {"x-valid": {"images": 0}}},
        {"sets": {"x-valid": {"sentence": 3}}},
        {"sets": {}, "classes": 10},
        {"sets": {}, "classes": 10, "resolution": 8, "training_images": "many"},
    ],
)
def test_json_that_says_something_else(values):
    with pytest.raises(BadInput, match="custom data set"):
        custom_dataset.from_json(values)


def test_command_line_texts():
    facts_text = "pixels=classes:10,resolution:8,training_images:1437,x-valid:180,x-test:180"
    told = custom_dataset.from_texts([facts_text, "b"], ["pixels/x-test=accuracy on digits never seen"])
    assert told == {"pixels": PIXELS, "b": UNSTATED}


@pytest.mark.parametrize(
    ("facts_text", "sentence", "message"),
    [
        ("c10", None, "that means cifar10"),
        ("a b", None, "cannot be called 'a b'"),
        ("", None, "cannot be called ''"),
        ("a=classes:10", None, "say resolution and training_images too"),
        ("a=classes:x", None, "'classes:x' is not understood"),
        ("a=pixels:3", None, "'pixels:3' is not understood"),
        ("a=x-valid:0", None, "'x-valid:0' is not understood"),
        ("a", "b/x-valid=words", "known NAME/SET: a/train, a/x-valid, a/x-test"),
        ("a", "a/y=words", "must be NAME/SET=WORDS"),
        ("a", "a/x-valid", "must be NAME/SET=WORDS"),
    ],
)
def test_bad_texts_are_one_line(facts_text, sentence, message):
    with pytest.raises(BadSetting, match=message) as caught:
        custom_dataset.from_texts([facts_text], [sentence] if sentence else [])
    assert "\n" not in str(caught.value)


def test_import_csv(tmp_path):
    (tmp_path / "mine.csv").write_text("key,val\n000000,11.5\n000001,20\n")
    mappings = ["key=key", "val=pixels/12/x-valid/accuracy/3"]
    with pytest.raises(UnknownName, match=r"unknown stored data set 'pixels'.*add --own pixels"):
        import_csv(tmp_path / "mine.csv", tmp_path / "mine.h5", mappings, space=TOPOLOGY)
    known = custom_dataset.from_texts(["pixels"])
    wrong = [mappings[0], "val=pixels/12/ori-test/accuracy"]
    with pytest.raises(UnknownName, match="known: train, x-valid, x-test"):
        import_csv(tmp_path / "mine.csv", tmp_path / "mine.h5", wrong, space=TOPOLOGY, custom=known)
    done = import_csv(tmp_path / "mine.csv", tmp_path / "mine.h5", mappings, space=TOPOLOGY, custom=known)
    assert done.pack.accuracy("pixels")[0][:2, 0].tolist() == [11.5, 20]
    assert verify(done.pack) == []
