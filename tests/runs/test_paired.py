"""Paired differences of live searches from made-up logs: numbers, pairs, what is refused, table and figure."""

import json
import shutil

import numpy as np
import pytest

from nasreplay.cli.views.paired_text import MOST, paired_text
from nasreplay.errors import BadInput, BadOutput, BadSetting
from nasreplay.jobs.forks.compare_runs import compare_runs
from nasreplay.runs.parents import Parent
from nasreplay.spaces import TOPOLOGY

CELL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|none~1|none~2|"


def write(folder, seed, losses, *, parent=None, regrets=None, data="ab", dataset="digits", **settings):
    """A run folder as a live search leaves it, with these losses and accuracies 100 times as large."""
    (folder / "checkpoint").mkdir(parents=True)
    header = {
        "seed": seed,
        "searcher": {"name": "gdas", "tau_min": 0.1, **settings},
        "evaluator": {"space": "topology", "dataset": dataset, "data": data, "recipe": {"lr": 0.025}},
        "epochs": len(losses),
    }
    (folder / "run.json").write_text(json.dumps(header | ({"parent": parent._asdict()} if parent else {})))
    events = [
        {"event": "epoch", "epoch": n, "found": CELL, "train_loss": loss, "shared_accuracy": 100 * loss}
        | ({} if regrets is None else {"table_regret": regrets[n]})
        for n, loss in enumerate(losses)
    ]
    lines = [json.dumps(event) + "\n" for event in ({"event": "stage", "step": 1}, *events)]
    (folder / "events.jsonl").write_text("".join(lines))
    (folder / "checkpoint" / "epoch-00002.pth").write_bytes(b"state")
    return folder


@pytest.fixture
def seeds(tmp_path):
    """Two folders of five seeds, whose losses differ: those of the forks are 0.5 lower after epoch 2."""
    draws = np.random.default_rng(0)
    own, shift = draws.normal(3, 1, (5, 4)), draws.normal(-0.5, 0.01, (5, 4)) * np.array([0, 0, 1, 1])
    for seed in range(5):
        first = write(tmp_path / "first" / f"seed-{seed}", seed, own[seed].tolist())
        about = {"parent": Parent.at(first, 2), "tau_min": 1}
        write(tmp_path / "forks" / f"seed-{seed}", seed, (own + shift)[seed].tolist(), **about)
    return tmp_path, own, own + shift


def test_differences_and_both_standard_errors(seeds):
    folder, first, other = seeds
    found = compare_runs(folder / "first", folder / "forks")
    (each,) = found.against
    assert found.seeds == (0, 1, 2, 3, 4)
    assert each.equal_until == 2
    assert each.changed == {"gdas.tau_min": ("0.1", "1")}
    np.testing.assert_allclose(each.difference("loss"), other - first)
    np.testing.assert_allclose(each.paired_error("loss"), (other - first).std(axis=0, ddof=1) / 5**0.5)
    variances = [values.var(axis=0, ddof=1) for values in (first, other)]
    np.testing.assert_allclose(each.unpaired_error("loss"), np.sqrt(sum(variances) / 5))
    assert each.gain("loss") > 20
    assert [one.name for one in each.measures] == ["loss", "accuracy"]
    plain = json.loads(json.dumps(found.plain(), allow_nan=False))
    assert plain["against"][0]["loss"]["difference"][:2] == [0, 0]
    assert len(plain["against"][0]["accuracy"]["paired_error"]) == 4


def test_the_table_fits_80_columns(seeds):
    folder, *_ = seeds
    lines = paired_text(compare_runs(folder / "first", folder / "forks"))
    assert max(map(len, lines)) <= 80
    assert lines[0] == "forks minus first, 5 seeds"
    assert "gdas.tau_min 0.1 → 1" in lines[1]
    assert [line.split()[0] for line in lines[4:6]] == ["3", "4"]
    long = write(folder / "long", 0, np.linspace(10, 0, 200).tolist(), regrets=[50.0] * 200)
    other = write(folder / "other", 0, np.linspace(10, 1, 200).tolist(), regrets=[49.0] * 200)
    lines = paired_text(compare_runs(long, other, folder / "first"))
    assert max(map(len, lines)) <= 80
    assert "200" in [line.split()[0] for line in lines if line.strip()]
    assert sum(line.split()[:1] == [str(n)] for line in lines for n in range(201) if line) <= MOST + 5
    assert any("-1.00" in line for line in lines)


def test_one_seed_has_no_standard_error(tmp_path):
    write(tmp_path / "a", 3, [2.0, 1.0], regrets=[5, 4])
    write(tmp_path / "b", 3, [2.0, 1.5, 1.4], regrets=[5, 3, 2])
    found = compare_runs(tmp_path / "a", tmp_path / "b")
    (each,) = found.against
    assert each.epochs == 2
    assert each.difference("regret").tolist() == [[0, -1]]
    assert np.isnan(each.paired_error("loss")).all()
    assert found.plain()["against"][0]["loss"]["paired_error"] == [None, None]
    same = compare_runs(tmp_path / "a", tmp_path / "a")
    assert "equal in all 2 epochs" in paired_text(same)


def test_a_table_gives_regrets_that_were_not_recorded(tmp_path, monkeypatch):
    from nasreplay.jobs.forks import compare_runs as module

    class Truth:
        space, optimum = TOPOLOGY, 90.0

        def report(self, codes):
            return type("Report", (), {"valid": 80.0 + np.arange(len(codes))})

    opened = []
    monkeypatch.setattr(
        module, "load_table", lambda *names, **about: opened.append((names, about)) or Truth()
    )
    for name in ("a", "b"):
        write(tmp_path / name, 1, [2.0, 1.0, 0.5])
    (each,) = compare_runs(tmp_path / "a", tmp_path / "b", table="mine").against
    assert each.first["regret"].tolist() == [[10, 9, 8]]
    assert opened == [(("digits",), {"table": "mine", "trial": "mean"})]


def test_pairs_are_matched_by_seed(seeds):
    folder, *_ = seeds
    shutil.rmtree(folder / "forks" / "seed-3")
    found = compare_runs(folder / "first", folder / "forks")
    assert (found.seeds, found.left_out) == ((0, 1, 2, 4), (3,))
    assert paired_text(found)[0] == "seeds that not all have are left out: 3"
    write(folder / "forks" / "again", 2, [1.0])
    with pytest.raises(BadOutput, match="two runs of seed 2, again and seed-2"):
        compare_runs(folder / "first", folder / "forks")
    write(folder / "apart", 77, [1.0])
    with pytest.raises(BadInput, match="no seed in common"):
        compare_runs(folder / "first", folder / "apart")


def test_a_parent_that_has_changed_is_told(seeds):
    folder, *_ = seeds
    one, fork = folder / "first" / "seed-1", folder / "forks" / "seed-1"
    (one / "checkpoint" / "epoch-00002.pth").write_bytes(b"another")
    with pytest.raises(BadOutput, match=r"epoch 2 is no longer the one that .*forks/seed-1 was forked from"):
        compare_runs(one, fork)
    (one / "checkpoint" / "epoch-00002.pth").unlink()
    compare_runs(one, fork)  # the log is still that of its fork
    log = (one / "events.jsonl").read_text()
    (one / "events.jsonl").write_text(log.replace('"epoch": 1, "found"', '"epoch": 1, "more": 1, "found"'))
    with pytest.raises(BadOutput, match=r"its log before epoch 2 is no longer that of its fork"):
        compare_runs(one, fork)


def test_what_does_not_compare(tmp_path):
    a = write(tmp_path / "a", 1, [1.0])
    with pytest.raises(BadInput, match="searched other images of digits"):
        compare_runs(a, write(tmp_path / "images", 1, [1.0], data="cd"))
    with pytest.raises(BadInput, match="searched cifar10 in the topology space"):
        compare_runs(a, write(tmp_path / "set", 1, [1.0], dataset="cifar10"))
    with pytest.raises(BadOutput, match="holds no run"):
        compare_runs(a, tmp_path / "nowhere")
    with pytest.raises(BadOutput, match="no epoch of this search is over yet"):
        compare_runs(a, write(tmp_path / "begun", 1, []))
    (tmp_path / "replayed").mkdir()
    for header in (
        {"searchers": {}, "seed": 0},
        {"seed": 0, "recipe": {}},
        {"searcher": {"name": "rea"}, "seed": 1},
    ):
        (tmp_path / "replayed" / "run.json").write_text(json.dumps(header))
        with pytest.raises(BadOutput, match="no live search, but a run of another kind"):
            compare_runs(a, tmp_path / "replayed")
    with pytest.raises(BadSetting, match="alone: name the runs"):
        compare_runs(a)
    bad = write(tmp_path / "bad", 1, [1.0])
    (bad / "events.jsonl").write_text('{"event": "epoch", "epoch": 0, "found": "x", "train_loss": "much"}\n')
    with pytest.raises(BadOutput, match="train_loss"):
        compare_runs(a, bad)
    with pytest.raises(BadSetting, match="must end in"):
        compare_runs(a, a, figure=tmp_path / "f.gif")


@pytest.mark.parametrize(
    "ending", ["svg", *(pytest.param(one, marks=pytest.mark.slow) for one in ("png", "pdf"))]
)
def test_one_figure(seeds, ending):
    folder, *_ = seeds
    file = folder / f"figure.{ending}"
    compare_runs(folder / "first", folder / "forks", figure=file)
    first = file.read_bytes()
    assert len(first) > 4_000
    compare_runs(folder / "first", folder / "forks", figure=file)
    assert file.read_bytes() == first
