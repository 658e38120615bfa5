"""A table says what it holds: on the data set of a benchmark, too, whoever measured it."""

import json

import numpy as np
import pytest

import nasreplay
from nasreplay import load_table
from nasreplay.data.agreement import column
from nasreplay.data.describe import description
from nasreplay.data.pack import Pack, write_pack
from nasreplay.evaluate.base import Answers, EvaluatorBase
from nasreplay.evaluate.protocol import MEAN, Fidelity, Report
from nasreplay.evaluate.tabulate import tabulate
from nasreplay.spaces import SIZE, TOPOLOGY

SAID = "accuracy with shared weights on 512 fixed validation images of cifar10"


class Shared(EvaluatorBase):
    """What passes for a supernet."""

    kind = "supernet"

    def __init__(self, dataset="cifar10", said=SAID, space=TOPOLOGY):
        self.dataset, self.said, self.space = dataset, said, space

    def ladder(self):
        return (Fidelity("shared", 1),)

    def answer(self, codes, at, trial, replica):
        return Answers(50.0 + codes.sum(axis=1), np.full(len(codes), MEAN), np.ones(len(codes)))

    def report(self, codes):
        return Report(50.0 + codes.sum(axis=1), None, {"valid": self.said})

    def describe(self):
        return super().describe() | ({"valid": self.said} if self.said else {})


def filled(path, evaluator):
    return tabulate(evaluator, evaluator.space.codes(range(40)), path)


@pytest.mark.parametrize("dataset", ["cifar10", "cifar10-valid", "cifar100", "ImageNet16-120"])
@pytest.mark.parametrize("space", [TOPOLOGY, SIZE], ids=lambda space: space.name)
def test_every_door_has_the_evaluators_words(tmp_path, dataset, space):
    pack = filled(tmp_path / "shared.h5", Shared(dataset, space=space))
    table = load_table(dataset, table=pack, trial="mean")
    told = description(pack)["datasets"].values()
    sentences = {
        one["meaning"] for data in told for r in data["recipes"].values() for one in r["sets"].values()
    }
    asked = (
        nasreplay.query(space.at(7), datasets=(dataset,), table=str(pack.path))
        .datasets[dataset]
        .accuracies[0]
    )
    best = nasreplay.query(best=dataset, table=str(pack.path)).datasets[dataset].accuracies[0]
    sentences |= {asked.meaning.sentence, best.meaning.sentence}
    assert {sentence.split(" (read")[0] for sentence in sentences} == {SAID}
    for words in (column(pack, dataset).meaning, table.meaning["valid"], table.meaning["told"]):
        assert words.startswith(f"validation {SAID}")
        assert "training" not in words


def test_a_table_of_such_a_table_keeps_the_words(tmp_path):
    table = load_table("cifar10", table=filled(tmp_path / "shared.h5", Shared()), trial="mean")
    again = tabulate(table, TOPOLOGY.codes(range(20)), tmp_path / "again.h5")
    assert again.accuracy("cifar10")[1].sentence.startswith(SAID)


def test_a_table_of_a_benchmarks_table_has_the_benchmarks_words(tmp_path):
    table = load_table("cifar10", trial="mean")
    again = tabulate(table, TOPOLOGY.codes(range(20)), tmp_path / "again.h5")
    assert again.accuracy("cifar10")[1] == Pack.open(again.path).accuracy("cifar10")[1]
    assert again.accuracy("cifar10")[1].sentence.startswith("accuracy on the 25,000 held-out training images")


def test_nothing_is_lost_of_what_an_evaluator_says_after_where_a_number_is_read_from(tmp_path):
    told = "accuracy on 50 images (read from cifar10-valid), trained here to epoch 1, on 0.2 % of the images"
    pack = filled(tmp_path / "scratch.h5", Shared(said=f"validation {told}"))
    expected = told.replace(" (read from cifar10-valid)", "")
    assert pack.accuracy("cifar10")[1].sentence == f"{expected} (read from cifar10-valid)"


def test_the_words_of_a_data_set_of_ones_own_name_the_split_once(tmp_path):
    pack = filled(tmp_path / "own.h5", Shared("mine", f"validation {SAID}"))
    for words in (load_table(table=pack).meaning["valid"], column(pack, "mine").meaning):
        assert words.startswith(f"validation {SAID} (read from mine)")


def test_an_evaluator_that_says_nothing_is_named(tmp_path):
    pack = filled(tmp_path / "silent.h5", Shared(said=""))
    assert pack.accuracy("cifar10")[1].sentence.startswith("accuracy as the evaluator supernet answered it")


def packed(path, source):
    """A pack of cifar100, made by what `source` says."""
    accuracy = np.full((TOPOLOGY.size, 1), 50.0)
    columns = {"cifar100/200/seeds": [777], "cifar100/200/x-valid/accuracy": accuracy}
    epochs = {"cifar100/200": 200}
    return write_pack(path, TOPOLOGY, columns, title="t", source=source, licence="none", epochs=epochs)


@pytest.mark.parametrize(
    "source",
    ["", "{", "[]", '{"asked": {}}', json.dumps({"dataset": "nowhere", "evaluator": {}, "asked": {}})],
)
def test_any_other_source_leaves_the_benchmarks_words(tmp_path, source):
    pack = packed(tmp_path / "p.h5", source)
    assert pack.accuracy("cifar100")[1].sentence.startswith("accuracy on the validation half")


@pytest.mark.parametrize("said", [7, None, ["a"], {"b": 1}, "a\x1b[31m line\nand another"])
def test_words_of_any_kind_do_no_harm(tmp_path, said):
    job = {"dataset": "cifar100", "evaluator": {"evaluator": 3, "valid": said}, "asked": {}}
    pack = packed(tmp_path / "p.h5", json.dumps(job))
    assert "held-out" not in pack.accuracy("cifar100")[1].sentence
    assert pack.accuracy("cifar100")[1].sentence.isprintable()
