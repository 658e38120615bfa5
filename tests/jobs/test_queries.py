"""`nasreplay.query`: what the command prints, as arrays."""

import inspect
import json

import numpy as np
import pytest

import nasreplay
from nasreplay.cli.views.query_data import json_text
from nasreplay.data.embedded import embedded_pack
from nasreplay.data.pack import index_columns, write_pack
from nasreplay.errors import BadSetting, UnknownName
from nasreplay.spaces import SIZE, TOPOLOGY, Space, register_space
from nasreplay.spaces.genotypes.notation import to_darts

FAST = TOPOLOGY.architecture("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|")


def test_a_table_without_accuracies_has_no_best(tmp_path):
    columns = {
        "cifar10-valid/12/seeds": np.array([777]),
        "cifar10-valid/12/x-valid/accuracy": np.full((TOPOLOGY.size, 1), np.nan),
    }
    pack = tmp_path / "empty.h5"
    write_pack(pack, TOPOLOGY, columns, title="empty", source="", licence="", epochs={"cifar10-valid/12": 12})
    for limit in (None, 0.5):
        found = nasreplay.query(best="cifar10", table=str(pack), max_params=limit)
        assert found.note == "no accuracy of cifar10 was measured in the table 'empty'"


def test_every_way_to_name_one():
    named = [FAST, FAST.official_index, str(FAST), TOPOLOGY.key(FAST.codes), TOPOLOGY.genotype(FAST.codes)]
    result = nasreplay.query(*named, to_darts(TOPOLOGY.genotype(FAST.codes)), datasets=("c10",))
    assert len(result) == 6
    assert result.architectures == [str(FAST)] * 6
    assert result.index.tolist() == [FAST.official_index] * 6
    (accuracy,) = result.datasets["cifar10"].accuracies
    assert np.ptp(accuracy.accuracy) == 0
    assert accuracy.trials.shape == (6, 3)


def test_it_has_what_the_command_prints():
    result = nasreplay.query(9930)
    told = json.loads(json_text(result))
    for name, known in result.datasets.items():
        (accuracy,) = known.accuracies
        (printed,) = told["datasets"][name]["accuracies"]
        assert accuracy.accuracy[0] == printed["accuracy_percent"]
        assert result.text(accuracy.neighbor[0]) == printed["best_neighbor"]["architecture"]
        assert accuracy.meaning.sentence == printed["meaning"]


def test_equivalents_are_the_best_of_their_class():
    flat = range(0, TOPOLOGY.size, 37)
    (accuracy,) = (
        nasreplay.query(*map(TOPOLOGY.at_flat, flat), datasets=("cifar100",)).datasets["cifar100"].accuracies
    )
    value = np.nanmean(embedded_pack().column("cifar100/200/x-valid/accuracy"), axis=1)
    for which, each in enumerate(flat):
        others = np.flatnonzero(TOPOLOGY.unique_class == TOPOLOGY.unique_class[each])
        best = np.sort(value[others[others != each]])[::-1][:3]
        told = accuracy.equivalents[which]
        np.testing.assert_allclose(accuracy.equivalents_accuracy[which][told >= 0], best)
        assert set(told[told >= 0]) <= set(TOPOLOGY.flat_to_official[others]) - {
            TOPOLOGY.flat_to_official[each]
        }


def test_the_best_under_limits():
    result = nasreplay.query(best="cifar10", max_params=0.4, count=5)
    (accuracy,) = result.datasets["cifar10"].accuracies
    assert (np.diff(accuracy.accuracy) <= 0).all()
    assert (result.datasets["cifar10"].parameters <= 400_000).all()
    assert result.best_of is not None
    assert result.best_of > len(result) == 5
    assert nasreplay.query(best="cifar10", max_params=0.001).note.startswith("no architecture of cifar10")


def test_without_a_table_costs_alone():
    result = nasreplay.query("8:8:8:8:8")
    assert (result.space, result.table) == (SIZE, None)
    assert "no accuracy" in result.note
    assert result.datasets["cifar10"].accuracies == ()


def test_a_table_of_a_registered_space(tmp_path):
    space = register_space(Space("query-blocks", (("skip", "wide"), ("2", "4", "6"))))
    columns = {
        "mine/9/seeds": np.array([1, 2]),
        "mine/9/x-valid/accuracy": np.arange(12.0).reshape(6, 2),
        **index_columns(space),
    }
    path = tmp_path / "blocks.h5"
    write_pack(path, space, columns, title="blocks", source="a test", licence="MIT", epochs={"mine/9": 9})
    result = nasreplay.query("wide/6", 0, table=str(path))
    assert result.architectures == ["wide/6", "skip/2"]
    known = result.datasets["mine"]
    assert known.accuracies[0].accuracy.tolist() == [10.5, 0.5]
    assert known.accuracies[0].rank.tolist() == [1, 6]
    assert np.isnan(known.parameters).all()
    assert nasreplay.query(best="mine", table=str(path), count=1).architectures == ["wide/6"]


def test_settings_are_keywords():
    assert "max_latency" in inspect.signature(nasreplay.query).parameters
    assert "Number of architectures with --best" in str(nasreplay.query.__doc__)
    with pytest.raises(UnknownName, match="query has no setting 'datset': did you mean dataset"):
        nasreplay.query(1, datset="cifar10")
    with pytest.raises(BadSetting, match="must be a seed"):
        nasreplay.query(1, trial="drawn")
