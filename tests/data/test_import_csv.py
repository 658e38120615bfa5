import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from nasreplay.data.importers.csv_to_pack import import_csv, read_map_file
from nasreplay.data.pack.check import verify
from nasreplay.data.trials import AVERAGED
from nasreplay.errors import BadArchitecture, BadInput, BadSetting, NasReplayError, UnknownName
from nasreplay.spaces import SIZE, TOPOLOGY, Space

ACCURACY = "acc=cifar10-valid/12/x-valid/accuracy"


def csv_file(folder: Path, *lines: str) -> Path:
    file = folder / "table.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def run(folder: Path, lines: list[str], mappings: list[str], space: Space = TOPOLOGY, **more):
    return import_csv(csv_file(folder, *lines), folder / "out.h5", mappings, space=space, **more)


def test_any_rows_in_any_order(tmp_path):
    done = run(
        tmp_path,
        ["key,acc,sec,noise", "421211,90.5,7,x", "000000,10,,", "123412,,2.5,"],
        ["key=key", ACCURACY, "sec*2=cifar10-valid/12/seconds_per_epoch", "sec=cifar10-valid/latency"],
    )
    assert (done.rows, done.missing) == (3, 15_622)
    flat = TOPOLOGY.flat(np.array([[4, 2, 1, 2, 1, 1], [0] * 6, [1, 2, 3, 4, 1, 2]]))
    values, meaning, recipe = done.pack.accuracy("cifar10")
    np.testing.assert_array_equal(values[flat, 0], [90.5, 10, np.nan])
    assert np.isnan(values).sum() == 15_623
    assert (meaning.stored, recipe) == ("cifar10-valid", "12")
    assert done.pack.seeds("cifar10-valid", "12").tolist() == [AVERAGED]
    seconds = done.pack.column("cifar10-valid/12/seconds_per_epoch")
    np.testing.assert_array_equal(seconds[flat], [14, np.nan, 5])
    np.testing.assert_array_equal(done.pack.column("cifar10-valid/latency")[flat], [7, np.nan, 2.5])
    assert done.pack.title == "table.csv"
    assert verify(done.pack) == []


def test_the_three_ways_to_name_an_architecture_agree(tmp_path):
    text = str(TOPOLOGY.at_flat(5))
    rows = {"arch": text, "key": "000010", "index": str(TOPOLOGY.at_flat(5).official_index)}
    for kind, name in rows.items():
        done = run(tmp_path, ["a,acc", f'"{name}",50'], [f"a={kind}", ACCURACY])
        assert np.flatnonzero(done.pack.accuracy("cifar10")[0][:, 0] == 50).tolist() == [5]


def test_trials_by_seed_beside_averages_of_another_set(tmp_path):
    done = run(
        tmp_path,
        ["key,a,b,t", "000000,1,2,3", "000001,4,,6"],
        [
            "key=key",
            "b=cifar100/200/x-valid/accuracy/888",
            "a=cifar100/200/x-valid/accuracy/777",
            "t=cifar100/200/x-test/accuracy",
        ],
    )
    assert done.pack.seeds("cifar100", "200").tolist() == [AVERAGED, 777, 888]
    nan = np.nan
    np.testing.assert_array_equal(done.pack.accuracy("cifar100")[0][:2], [[nan, 1, 2], [nan, 4, nan]])
    np.testing.assert_array_equal(
        done.pack.accuracy("cifar100", "test")[0][:2], [[3, nan, nan], [6, nan, nan]]
    )
    assert verify(done.pack) == []


def test_costs_and_top5_of_single_trials(tmp_path):
    done = run(
        tmp_path,
        ["key,p,q,top", "421211,0.5,0.6,99"],
        [
            "key=key",
            "p=cifar10/12/params/777",
            "q=cifar10/12/params/888",
            "top=cifar10/12/train/top5/888",
            ACCURACY.replace("acc=", "top="),
        ],
    )
    flat = TOPOLOGY.flat(np.array([[4, 2, 1, 2, 1, 1]]))
    np.testing.assert_array_equal(done.pack.column("cifar10/12/params")[flat], [[0.5, 0.6]])
    np.testing.assert_array_equal(done.pack.column("cifar10/12/train/top5")[flat], [[np.nan, 99]])
    assert verify(done.pack) == []
    with pytest.raises(BadInput, match="for cifar10/12/flops: negative or over 1e15"):
        run(tmp_path, ["key,p", "421211,-1"], ["key=key", "p=cifar10/12/flops/777"])


def test_size_space_and_named_recipes(tmp_path):
    mappings = ["a=arch", "acc=cifar100/full/x-test/accuracy", "l=cifar100/full/x-test/loss"]
    lines = ["a,acc,l", "8:16:24:32:40,50,1.5"]
    with pytest.raises(BadSetting, match=r"recipe 'full': .* --epochs full=N"):
        run(tmp_path, lines, mappings, space=SIZE)
    done = run(tmp_path, lines, mappings, space=SIZE, epochs={"full": 90})
    assert done.pack.recipes("cifar100") == {"full": 90}
    with pytest.raises(BadArchitecture, match="the size space has no keys"):
        run(tmp_path, lines, ["a=key", *mappings[1:]], space=SIZE)


def test_a_column_name_may_hold_any_sign(tmp_path):
    done = run(tmp_path, ["key,a*2=b", "000000,3"], ["key=key", "a*2=b=cifar100/12/x-test/accuracy"])
    assert done.pack.accuracy("cifar100", "test")[0][0, 0] == 3


@pytest.mark.parametrize(
    ("lines", "mappings", "error", "message"),
    [
        (
            ["key,acc", "000000,x"],
            ["key=key", ACCURACY],
            BadInput,
            r"line 2, column 'acc': 'x' is not a number",
        ),
        (
            ["key,acc", "000000,101"],
            ["key=key", ACCURACY],
            BadInput,
            r"line 2, column 'acc': 101.0 .* 0 to 100",
        ),
        (["key,acc", "000000,-1"], ["key=key", ACCURACY], BadInput, "0 to 100 percent"),
        (["key,acc", "000000,inf"], ["key=key", ACCURACY], BadInput, "0 to 100 percent"),
        (["key,acc", "000000,1", "000000,2"], ["key=key", ACCURACY], BadInput, "line 3.*already in line 2"),
        (
            ["key,acc", "00000,1"],
            ["key=key", ACCURACY],
            BadArchitecture,
            "line 2, column 'key': .*six digits",
        ),
        (["key,acc", "15625,1"], ["key=index", ACCURACY], BadArchitecture, "from 0 to 15624"),
        (["key,acc", "-1,1"], ["key=index", ACCURACY], BadArchitecture, "from 0 to 15624"),
        (["key,acc", "|none~0|,1"], ["key=arch", ACCURACY], BadArchitecture, "line 2.*character 9"),
        (["key,acc", "000000,1"], ["kee=key", ACCURACY], UnknownName, "no column 'kee'; it has key, acc"),
        (["key,acc", "000000,1"], ["key=key", "x*2=cifar10/latency"], UnknownName, "no column 'x'"),
        (["key,acc", "000000,1"], ["key=key", "acc*z=cifar10/latency"], BadSetting, "factor 'z'"),
        (["key,acc", "000000,1"], ["key=key", "acc*nan=cifar10/latency"], BadSetting, "factor 'nan'"),
        (["key,acc", "000000,1"], [ACCURACY], BadSetting, "0 columns name the architecture"),
        (["key,acc", "000000,1"], ["key=key", "acc=index", ACCURACY], BadSetting, "2 columns name"),
        (["key,acc", "000000,1"], ["key=key"], BadSetting, "no column is mapped to a number"),
        (["key,acc", "000000,1"], ["key=key", "acc"], BadSetting, "must be COLUMN=TARGET"),
        (["key,acc", "000000,1"], ["key=key", "acc=accuracy"], UnknownName, "known: arch, key, index"),
        (["key,acc", "000000,1"], ["key=key", "acc=cifar10/12/seeds"], UnknownName, "unknown target"),
        (["key,acc", "000000,1"], ["key=key", "acc=c/12/x-valid/accuracy"], UnknownName, "cifar10-valid"),
        (["key,acc", "000000,1"], ["key=key", "acc=cifar10/12/x-valid/accuracy"], UnknownName, "ori-test"),
        (["key,acc", "000000,1"], ["key=key", ACCURACY, ACCURACY], BadSetting, "two columns are mapped"),
        (["key,acc", "000000,1"], ["key=key", ACCURACY, f"{ACCURACY}/7"], BadSetting, "both as an average"),
        (["key,acc", "000000,-1"], ["key=key", "acc=cifar10/latency"], BadInput, "negative or over 1e15"),
        (["key,acc", "000000,1,2"], ["key=key", ACCURACY], BadInput, "line 2: 3 cells, the header has 2"),
        (["key,acc,acc", "000000,1,2"], ["key=key", ACCURACY], BadInput, "stands twice"),
        (["key,acc"], ["key=key", ACCURACY], BadInput, "at least one row"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, lines, mappings, error, message):
    with pytest.raises(error, match=message) as caught:
        run(tmp_path, lines, mappings)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"key,acc\n\xff\xfe,1\n", "not UTF-8"),
        ("x.csv.gz", b"key,acc\n", "not a whole gzip file"),
        ("x.csv.gz", gzip.compress(b"key,acc\n" * 99, mtime=0)[:-9], "not a whole gzip file"),
        ("x.csv", b"", "at least one row"),
        ("none.csv", None, "cannot be read: No such file"),
    ],
)
def test_bad_files(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message):
        import_csv(tmp_path / name, tmp_path / "out.h5", ["key=key", ACCURACY], space=TOPOLOGY)


def test_map_file(tmp_path):
    file = tmp_path / "map.config"
    file.write_text(json.dumps({"key": "key", "s*2": ["cifar10/latency", "cifar100/latency"]}))
    assert read_map_file(file) == ["key=key", "s*2=cifar10/latency", "s*2=cifar100/latency"]
    for wrong in ("[]", '{"key": 1}', "{", '{"a": [["x"]]}'):
        file.write_text(wrong)
        with pytest.raises(NasReplayError, match=r"map\.config"):
            read_map_file(file)
    with pytest.raises(BadInput, match="cannot be read"):
        read_map_file(tmp_path / "none")


@pytest.mark.slow
def test_the_published_table_as_a_12_epoch_pack(tmp_path, shared):
    done = import_csv(
        shared / "data" / "nb201_real.csv.gz",
        tmp_path / "real.h5",
        [
            "arch=arch",
            "c10valid_e12_valid_mean=cifar10-valid/12/x-valid/accuracy",
            "c10_e12_test=cifar10/12/ori-test/accuracy",
            "c100_e12_valid=cifar100/12/x-valid/accuracy",
            "c100_e12_test=cifar100/12/x-test/accuracy",
            "in16_e12_valid=ImageNet16-120/12/x-valid/accuracy",
            "in16_e12_test=ImageNet16-120/12/x-test/accuracy",
            "c10valid_train_s_per_epoch=cifar10-valid/12/seconds_per_epoch",
            "c10valid_train_s_per_epoch*6.068=ImageNet16-120/12/seconds_per_epoch",
            "eval_s_per_image*25000=cifar10-valid/12/x-valid/eval_seconds",
        ],
        space=TOPOLOGY,
    )
    assert done.missing == 0
    assert verify(done.pack) == []
    official = done.pack.column("official_index")
    for dataset, split, best, cell in (  # the published maxima of the 12-epoch recipe
        ("cifar10", "valid", 84.892, 13714),
        ("cifar10", "test", 89.16, 5374),
        ("cifar100", "valid", 61.32, 10165),
        ("cifar100", "test", 61.18, 2581),
        ("ImageNet16-120", "valid", 38.667, 2581),
        ("ImageNet16-120", "test", 38.267, 2581),
    ):
        values = done.pack.accuracy(dataset, split)[0][:, 0]
        assert abs(values.max() - best) < 1e-3
        assert official[values.argmax()] == cell
    seconds = done.pack.column("cifar10-valid/12/seconds_per_epoch")
    assert abs(12 * seconds.sum() - 1_713_737.7) < 0.1
    evaluation = done.pack.column("cifar10-valid/12/x-valid/eval_seconds")
    assert set(official[~np.isnan(evaluation)].tolist()) == set(range(1000))
