"""A searcher, a space or a function that is written wrongly is refused by its name, in one line."""

from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
import pytest

from nasreplay import Space, load_table, search
from nasreplay.errors import BadSetting
from nasreplay.evaluate.function_evaluator import from_function
from nasreplay.spaces import SIZE, TOPOLOGY, register_space
from nasreplay.testing import synthetic_table


@dataclass
class Asking(search.SamplingSearcher):
    """Asks what it is given."""

    name: ClassVar[str] = "asking"
    source: ClassVar[str] = "this test"
    given: ClassVar[Any] = None

    def ask(self, live):
        return type(self).given(self, live)


def sampled(searcher, rows):
    return searcher.space.sample(searcher.draws(rows))


@pytest.mark.parametrize(
    "given",
    [
        lambda self, live: None,
        lambda self, live: sampled(self, live.rows),
        lambda self, live: (sampled(self, live.rows), live.rows),
        lambda self, live: search.Question(sampled(self, live.rows)[:0], live.rows[:0]),
        lambda self, live: search.Question(sampled(self, live.rows) + 9, live.rows),
        lambda self, live: search.Question(sampled(self, np.array([0])), np.array([0])),  # for ever
    ],
)
def test_what_is_no_question_names_the_class(given, monkeypatch):
    monkeypatch.setattr(Asking, "given", given)
    with pytest.raises(BadSetting, match=r"^Asking\.ask: .*search\.Question\(codes, rows\)"):
        search.run(Asking, load_table("cifar10"), search.Budget(evaluations=4), seed=0, replicas=2)


def test_a_comparison_takes_a_class_and_a_place_takes_an_object(tmp_path):
    table = synthetic_table(TOPOLOGY)
    done = search.compare([search.REA, "random"], table, replicas=2, evaluations=5)
    assert [one.searcher for one in done.results] == ["rea", "random"]
    (tmp_path / "my.py").write_text("from nasreplay import search\nINST = search.REA(population=4)\n")
    made = search.make(f"{tmp_path / 'my.py'}:INST")
    assert made.settings()["population"] == 4
    assert "population" in made.chosen


@pytest.mark.parametrize("options", [[["a", "a"]], [["a/b", "c"]], [["", "c"]], [[" a", "b"]]])
def test_words_of_a_space_can_be_told_apart(options):
    with pytest.raises(BadSetting, match="words must differ"):
        Space("y", options)


def test_a_class_is_no_space():
    with pytest.raises(BadSetting, match=r"Mine is a class: give a space, as Mine\(\)"):
        register_space(cast(Any, type("Mine", (Space,), {"name": "mine", "options": (("a", "b"),)})))


def test_a_space_reads_what_a_query_reads():
    cell = TOPOLOGY.at(9930)
    assert cell.key
    assert TOPOLOGY.at("9930") == cell == TOPOLOGY.at(cell.key)
    assert np.array_equal(TOPOLOGY.codes(["9930", cell.key]), [cell.codes] * 2)
    with pytest.raises(ValueError, match="character"):
        SIZE.at(cell.text)


@pytest.mark.parametrize("given", [True, "50", np.True_])
def test_a_truth_value_and_a_text_are_no_percents(given):
    with pytest.raises(BadSetting, match="must give a number"):
        from_function(lambda one: given).evaluate(TOPOLOGY.codes([0]), replica=None)


def test_fractions_are_told_in_the_shortest_search():
    made = from_function(lambda one: 0.9)
    assert "percent is meant" in made.report(TOPOLOGY.codes([0, 1])).meaning["valid"]
    with pytest.raises(BadSetting, match="give percent"):
        made.report(TOPOLOGY.codes([2]))


def test_a_figure_has_a_path(tmp_path):
    done = search.compare(["rea", "random"], synthetic_table(TOPOLOGY), replicas=2, evaluations=5)
    for wrong in (cast(Any, None), cast(Any, 5)):
        with pytest.raises(BadSetting, match=r"plot: name the file|path is"):
            done.plot(wrong)
