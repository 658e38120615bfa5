import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasreplay.data.own import from_json
from nasreplay.data.pack import Pack, write_pack
from nasreplay.data.semantics import Facts, Own, OwnSet
from nasreplay.data.verify import verify
from nasreplay.errors import BadArchitecture, BadInput, BadOutput, BadPack, BadSetting, NotMeasured
from nasreplay.evaluate.answers import AnswerLog
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.load import load_table
from nasreplay.evaluate.protocol import MEAN, Evaluations, Fidelity
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.tabulate import tabulate
from nasreplay.evaluate.tabulated import merge
from nasreplay.spaces import SIZE, TOPOLOGY

KILLS = 12
SOME = TOPOLOGY.codes(np.arange(0, TOPOLOGY.size, 7))  # 2,233 cells


def write(path: Path, **change: np.ndarray) -> Pack:
    """Two trials of pixels with gaps in the second, one of cifar10, tests of both; a whole clock."""
    draw = np.random.default_rng(0)
    two = draw.uniform(10, 90, (TOPOLOGY.size, 2))
    two[draw.random(TOPOLOGY.size) < 0.2, 1] = np.nan
    columns = {
        "pixels/12/seeds": np.array([777, 888]),
        "pixels/12/seconds_per_epoch": draw.uniform(1, 9, TOPOLOGY.size),
        "pixels/12/x-valid/accuracy": two,
        "pixels/12/x-test/accuracy": two / 2,
        "cifar10-valid/200/seeds": np.array([777]),
        "cifar10-valid/200/seconds_per_epoch": draw.uniform(1, 9, TOPOLOGY.size),
        "cifar10-valid/200/x-valid/accuracy": two[:, :1] + 5,
        "cifar10-valid/200/x-valid/eval_seconds": draw.uniform(1, 2, TOPOLOGY.size),
        "cifar10/200/seeds": np.array([777]),
        "cifar10/200/ori-test/accuracy": two[:, :1] / 3,
    } | change
    epochs = {"pixels/12": 12, "cifar10-valid/200": 200, "cifar10/200": 200}
    own = {"pixels": Own(Facts(10, 8, 1_437), {"x-valid": OwnSet(180)})}
    about = {"title": "two trials", "source": "a test", "licence": "CC0", "epochs": epochs}
    return write_pack(path, TOPOLOGY, columns, **about, own_datasets=own)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Pack:
    return write(tmp_path_factory.mktemp("source") / "source.h5")


@pytest.fixture
def pixels(source) -> TableEvaluator:
    return load_table("pixels", table=source, trial="mean")


class Live:
    """Stands for an evaluator with weights: one replica, no trials, its own words; ends after `left` answers."""

    space = SIZE
    abilities = frozenset({"evaluate"})
    steps_per_epoch = 1

    def __init__(self, left: float = np.inf, **told: Any):
        self.left, self.asked, self.told = left, 0, told

    def ladder(self) -> tuple[Fidelity, ...]:
        return Fidelity("12", 2), Fidelity("shared", 1)

    def evaluate(self, codes: np.ndarray, *, at: Fidelity, trial: None, replica: np.ndarray) -> Evaluations:
        assert trial is None
        self.left -= len(codes)
        self.asked += len(codes)
        if self.left < 0:
            raise RuntimeError("the power is gone")
        accuracy, none = codes.sum(axis=1) / 7, np.zeros(len(codes))
        answered = np.ones(len(codes), dtype=bool)
        return Evaluations(replica, codes, accuracy, none + MEAN, accuracy / 9, none, answered, at)

    def describe(self) -> dict[str, Any]:
        said = {"evaluator": "supernet", "dataset": "my-images", "valid": "accuracy with shared weights"}
        return {**said, "threads": 2, "device": "cpu", **self.told}


class LiveTested(Live):
    """One that knows the test accuracies of what it answers."""

    def tests(self, codes: np.ndarray, *, at: Fidelity, trial: None) -> np.ndarray | None:
        return None if at.recipe == "12" else codes.sum(axis=1) / 7 - 1


def live(*arguments: Any, **told: Any) -> Any:
    return Live(*arguments, **told)


FEW = SIZE.codes(np.arange(40))

# --- round trips -----------------------------------------------------------------------------------


def test_a_trial_of_a_table(source, pixels, tmp_path):
    made = tabulate(pixels, None, tmp_path / "one.h5", trial=777)
    assert verify(made) == []
    assert made.seeds("pixels", "12").tolist() == [777]
    copy, first = load_table("pixels", table=made, trial=777), load_table("pixels", table=source, trial=777)
    for one, other in zip(asked(copy), asked(first), strict=True):
        np.testing.assert_array_equal(one, other)
    assert copy.test is None  # the test accuracy of that trial alone is not told
    assert made.own == source.own
    assert made.licence == "CC0"
    assert list(tmp_path.iterdir()) == [made.path]


def asked(table: TableEvaluator) -> tuple[np.ndarray, ...]:
    every = table.space.all_codes
    return table.evaluate(every, replica=np.zeros(len(every), dtype=int))[2:5]


def test_all_trials_of_a_table(source, pixels, tmp_path):
    made = tabulate(pixels, None, tmp_path / "all.h5", trial=[888, 777])
    for path in ("seeds", "x-valid/accuracy"):
        np.testing.assert_array_equal(made.column(f"pixels/12/{path}"), source.column(f"pixels/12/{path}"))
    copy, first = load_table("pixels", table=made), load_table("pixels", table=source)
    np.testing.assert_array_equal(copy.levels[0].seconds, first.levels[0].seconds)
    assert verify(made) == []


@pytest.mark.parametrize("dataset", ["pixels", "cifar10"])
def test_the_mean_with_its_test_accuracy(source, tmp_path, dataset):
    table = load_table(dataset, table=source, trial="mean")
    copy = load_table(dataset, table=tabulate(table, None, tmp_path / "mean.h5"), trial="mean")
    codes = TOPOLOGY.all_codes
    for one, other in zip(copy.report(codes)[:2], table.report(codes)[:2], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(asked(copy)[0], asked(table)[0])
    np.testing.assert_allclose(asked(copy)[2], asked(table)[2], rtol=1e-15)
    assert verify(Pack.open(tmp_path / "mean.h5")) == []


def test_an_evaluator_with_weights(tmp_path):
    made = tabulate(live(), FEW, tmp_path / "live.h5")
    assert made.recipes("my-images") == {"shared": 1}
    base = "my-images/shared"
    accuracy = FEW.sum(axis=1) / 7
    np.testing.assert_array_equal(made.column(f"{base}/x-valid/accuracy")[:40, 0], accuracy)
    np.testing.assert_array_equal(
        made.column(f"{base}/seconds_per_epoch")[:40], np.where(accuracy, accuracy / 9, np.nan)
    )
    assert made.seeds("my-images", "shared").tolist() == [-1]
    assert made.accuracy("my-images")[1].sentence == "accuracy with shared weights (read from my-images)"
    assert "40 of 32,768 architectures" in made.title
    assert not made.has(f"{base}/x-test/accuracy")
    assert np.isfinite(made.column(f"{base}/x-valid/accuracy")).sum() == 40
    assert verify(made) == []


def test_an_evaluator_may_say_what_its_data_are(tmp_path):
    said = {"classes": 7, "resolution": 16, "training_images": 100, "sets": {"x-test": {"images": 5}}}
    evaluator: Any = LiveTested(own=said)
    made = tabulate(evaluator, FEW[1:], tmp_path / "live.h5")
    assert made.own == {"my-images": from_json(said)}
    test = made.accuracy("my-images", "test")[0]
    np.testing.assert_array_equal(test[1:40, 0], FEW[1:].sum(axis=1) / 7 - 1)


def test_an_epoch_inside_a_recipe_is_another_recipe(tmp_path):
    evaluator: Any = LiveTested()
    made = tabulate(evaluator, FEW, tmp_path / "live.h5", at=Fidelity("12", 2))
    assert made.recipes("my-images") == {"12-at-2": 2}
    assert made.sets("my-images", "12-at-2") == ("x-valid",)


# --- part of a space -------------------------------------------------------------------------------


def test_what_is_not_measured_stays_unknown(source, pixels, tmp_path):
    part = tabulate(pixels, SOME[:100], tmp_path / "part.h5", trial=888, chunk=30)
    held = int(np.isfinite(source.column("pixels/12/x-valid/accuracy")[: 7 * 100 : 7, 1]).sum())
    assert 60 < held < 100
    assert f"{held} of 15,625 architectures" in part.title
    table = load_table("pixels", table=part, trial="mean")
    again = tabulate(table, None, tmp_path / "again.h5")
    np.testing.assert_array_equal(
        again.column("pixels/12/x-valid/accuracy"), part.column("pixels/12/x-valid/accuracy")
    )


def test_a_table_of_nothing_is_refused(source, pixels, tmp_path):
    part = tabulate(pixels, SOME[:5], tmp_path / "part.h5")
    table = load_table("pixels", table=part, trial="mean")
    with pytest.raises(NotMeasured, match="table has measured none of these"):
        tabulate(table, SOME[50:60], tmp_path / "none.h5")
    with pytest.raises(NotMeasured, match="no trial 5 at epoch 12 of recipe 12; trials: 777, 888"):
        tabulate(pixels, SOME[:5], tmp_path / "none.h5", trial=[777, 5])
    with pytest.raises(BadSetting, match="no architecture"):
        tabulate(pixels, SOME[:0], tmp_path / "none.h5")
    assert list(tmp_path.iterdir()) == [part.path]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"shard": (0, 2)}, BadSetting, "shard 0/2"),
        ({"shard": (3, 2)}, BadSetting, "shard 3/2"),
        ({"shard": (1, 9_999)}, BadSetting, "n at most 2,233"),
        ({"at": Fidelity("200", 200)}, NotMeasured, "epoch 200 of recipe 200 is not on offer: epoch 12 of"),
        ({"trial": "drawn"}, BadSetting, "not filled with drawn trials"),
        ({"codes": np.full((2, 6), 9)}, BadArchitecture, "code 9"),
    ],
)
def test_bad_settings_write_nothing(pixels, tmp_path, settings, error, message):
    codes = settings.pop("codes", SOME)
    with pytest.raises(error, match=message):
        tabulate(pixels, codes, tmp_path / "none.h5", **settings)
    assert not list(tmp_path.iterdir())


def test_names_are_checked_before_the_work(tmp_path):
    evaluator = live(dataset="a/b")
    with pytest.raises(BadSetting, match="cannot be called 'a/b'"):
        tabulate(evaluator, FEW, tmp_path / "none.h5")
    assert evaluator.asked == 0


def test_a_spent_budget_is_no_answer(pixels, tmp_path):
    pixels.begin(0, range(1), Budget(evaluations=10))
    with pytest.raises(BadSetting, match="budget is spent"):
        tabulate(pixels, SOME, tmp_path / "none.h5", chunk=20)


# --- shards ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("trial", [None, 777, (777, 888)])
def test_merged_shards_are_the_table_made_in_one_go(pixels, tmp_path, trial):
    whole = tabulate(pixels, SOME, tmp_path / "whole.h5", trial=trial, chunk=999)
    shards = [
        tabulate(pixels, SOME[::-1], tmp_path / f"{i}.h5", trial=trial, shard=(i, 3), chunk=100 * i).path
        for i in (1, 2, 3)
    ]
    merged = merge(shards[::-1], tmp_path / "merged.h5")
    assert merged.path.read_bytes() == whole.path.read_bytes()
    assert merge([*shards, merged.path], tmp_path / "again.h5").path.read_bytes() == whole.path.read_bytes()
    assert merge(shards, tmp_path / "merged.h5").fingerprint == whole.fingerprint


def test_a_shard_without_a_measured_cell_can_be_merged(source, pixels, tmp_path):
    part = tabulate(pixels, SOME[:1], tmp_path / "part.h5")
    table = load_table("pixels", table=part, trial="mean")
    shards = [tabulate(table, SOME[:2], tmp_path / f"{i}.h5", shard=(i, 2)).path for i in (1, 2)]
    merged = merge(shards, tmp_path / "merged.h5")
    assert np.isfinite(merged.accuracy("pixels")[0]).sum() == 1


def test_other_architectures_make_a_larger_table(pixels, tmp_path):
    parts = [SOME[:40], SOME[30:90]]
    packs = [tabulate(pixels, codes, tmp_path / f"{len(codes)}.h5").path for codes in parts]
    merged = merge(packs, tmp_path / "merged.h5")
    assert "90 of 15,625" in merged.title
    one_go = tabulate(pixels, SOME[:90], tmp_path / "90.h5")
    assert merged.fingerprint == one_go.fingerprint


def test_merging_refuses_by_name(source, pixels, tmp_path):
    def made(name: str, evaluator: Any = pixels, codes: np.ndarray = SOME[:9], **settings: Any) -> Path:
        return tabulate(evaluator, codes, tmp_path / f"{name}.h5", **settings).path

    def refuses(message: str, *paths: Path, error: type[Exception] = BadInput) -> None:
        with pytest.raises(error, match=message) as caught:
            merge(paths, tmp_path / "out.h5")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "out.h5").exists()

    whole, first = made("whole"), made("first", shard=(1, 4))
    refuses("missing shards: 2/4, 4/4$", first, made("third", shard=(3, 4)))
    refuses(r"trial.*its trials is \[777\], that of .* is \[\"mean\"\]", whole, made("trial", trial=777))
    changed = write(tmp_path / "x.h5", **{"pixels/12/seconds_per_epoch": np.ones(TOPOLOGY.size)})
    refuses(
        "its evaluator.fingerprint is", whole, made("b", load_table("pixels", table=changed, trial="mean"))
    )
    refuses("dataset", whole, made("c", load_table("cifar10", table=source, trial="mean")))
    refuses("its space is", whole, made("live", live(), FEW))
    refuses("not made by `nasreplay tabulate`", whole, source.path, error=BadPack)
    refuses("no such file", whole, tmp_path / "absent", error=BadPack)
    one, other = (live(), live())
    one.evaluate = lambda *a, **k: Live.evaluate(other, *a, **k)._replace(accuracy=np.full(len(a[0]), 5.0))
    refuses("for 8:8:8:8:8 in my-images", made("d", one, FEW), made("e", other, FEW[:30]))


def test_merging_does_not_overwrite_another_table(pixels, tmp_path):
    paths = [tabulate(pixels, SOME[:9], tmp_path / f"{i}.h5", shard=(i, 2)).path for i in (1, 2)]
    before = paths[0].read_bytes()
    with pytest.raises(BadOutput, match="choose another --out"):
        merge(paths, paths[0])
    assert paths[0].read_bytes() == before


# --- interrupted -----------------------------------------------------------------------------------


def test_an_interrupted_tabulation_goes_on(tmp_path):
    whole = tabulate(live(), FEW, tmp_path / "whole.h5").path.read_bytes()
    out = tmp_path / "out.h5"
    with pytest.raises(RuntimeError, match="power"):
        tabulate(live(25), FEW, out, chunk=10)
    with pytest.raises(RuntimeError, match="power"):
        tabulate(live(15), FEW, out, chunk=10)
    assert not out.exists()
    last = live()
    told = []
    tabulate(last, FEW, out, chunk=7, progress=lambda done, total: told.append((done, total)))
    assert last.asked == 10
    assert told == [(37, 40), (40, 40)]
    assert out.read_bytes() == whole
    assert sorted(tmp_path.iterdir()) == [out, tmp_path / "whole.h5"]


def test_a_finished_table_is_not_asked_for_again(tmp_path):
    first = tabulate(live(), FEW, tmp_path / "out.h5")
    again = live(threads=4, device="cuda")  # the same table, made elsewhere
    assert tabulate(again, FEW, tmp_path / "out.h5").fingerprint == first.fingerprint
    assert again.asked == 0
    with pytest.raises(BadOutput, match=r"is a table with evaluator\.bn = null, now 1: choose another --out"):
        tabulate(live(bn=1), FEW, tmp_path / "out.h5")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadOutput, match="exists, and is not this tabulation"):
        tabulate(live(), FEW, tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def begun(out: Path) -> Path:
    with pytest.raises(RuntimeError, match="power"):
        tabulate(live(25), FEW, out, chunk=10)
    return out.with_name(f"{out.name}.log")


@pytest.mark.parametrize("left", [0, 1, 100, -30, -1])
def test_a_line_that_was_cut_short_is_asked_for_again(tmp_path, left):
    out = tmp_path / "out.h5"
    log = begun(out)
    log.write_bytes(log.read_bytes()[:left])
    tabulate(live(), FEW, out)
    assert out.read_bytes() == tabulate(live(), FEW, tmp_path / "whole.h5").path.read_bytes()


def test_a_log_of_something_else_is_refused_and_kept(tmp_path):
    out = tmp_path / "out.h5"
    log = begun(out)
    content = log.read_bytes()
    with pytest.raises(BadOutput, match=r"out\.h5\.log: begun with evaluator.bn = null, now 1"):
        tabulate(live(bn=1), FEW, out)
    with pytest.raises(BadOutput, match="begun with asked"):
        tabulate(live(), FEW[:-1], out)
    assert log.read_bytes() == content
    lines = content.splitlines(keepends=True)
    log.write_bytes(b"".join([lines[0], *reversed(lines[1:])]))
    with pytest.raises(BadOutput, match="damaged; delete it"):
        tabulate(live(), FEW, out)
    log.write_bytes(b"my notes\n")
    with pytest.raises(BadOutput, match="not the log of a tabulation"):
        tabulate(live(), FEW, out)
    assert log.read_bytes() == b"my notes\n"


def test_one_process_at_a_time(tmp_path):
    pytest.importorskip("fcntl")
    out = tmp_path / "out.h5"
    with AnswerLog(begun(out)), pytest.raises(BadOutput, match="another process is at this table"):
        tabulate(live(), FEW, out)


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(BadOutput, match="cannot be written: No such file"):
        tabulate(live(), FEW, tmp_path / "absent" / "out.h5")


def test_a_space_too_large_for_a_table(tmp_path):
    evaluator = live()
    evaluator.space = type("Large", (), {"size": 10**30, "name": "nasnet"})()
    with pytest.raises(BadSetting, match="too many"):
        tabulate(evaluator, None, tmp_path / "out.h5")


# --- killed ----------------------------------------------------------------------------------------


class SlowFile:
    """A file that takes its time over a write, so that a kill lands inside; `inside` says so to the parent."""

    def __init__(self, file: Any, inside: Any):
        self.file, self.inside = file, inside

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def write(self, content: bytes) -> None:
        self.inside.value = 1
        for start in range(0, len(content), 2_000):
            self.file.write(content[start : start + 2_000])
            self.file.flush()
            time.sleep(0.0005)
        self.inside.value = 0


def tabulate_slowly(source: Path, out: Path, inside: Any) -> None:
    opened = AnswerLog.__enter__

    def slow(self: Any) -> Any:
        opened(self)
        self._file = SlowFile(self._file, inside)
        return self

    AnswerLog.__enter__ = slow
    tabulate(load_table("pixels", table=source, trial="mean"), SOME, out, chunk=150)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_tabulation_goes_on_to_the_same_bytes(source, pixels, tmp_path):
    whole = tabulate(pixels, SOME, tmp_path / "whole.h5").path.read_bytes()
    out = tmp_path / "out" / "table.h5"
    out.parent.mkdir()
    draw, context, landed, torn, ended = random.Random(), multiprocessing.get_context("fork"), 0, 0, 0
    inside = context.Value("i", 0, lock=False)
    until = time.monotonic() + 60
    while landed < KILLS or not ended:
        assert time.monotonic() < until, f"only {landed} kills landed in a write"
        inside.value = 0
        child = context.Process(target=tabulate_slowly, args=(source.path, out, inside))
        child.start()
        patience = draw.uniform(0, 0.15) if landed < KILLS else 60
        child.join(patience)
        while child.is_alive() and not inside.value:  # until a line is under way, or all is done
            time.sleep(0.0005)
        time.sleep(draw.uniform(0, 0.004))
        assert child.pid is not None
        if child.is_alive():
            os.kill(child.pid, signal.SIGKILL)
        child.join()
        log = out.with_name("table.h5.log")
        if child.exitcode:
            landed += inside.value or bool(list(out.parent.glob(".*.tmp")))
            torn += log.exists() and not log.read_bytes().endswith(b"\n")
        if out.exists():
            assert out.read_bytes() == whole
        if not child.exitcode:
            ended += 1
            assert [file.name for file in out.parent.iterdir()] == ["table.h5"]
            out.unlink()
    assert torn >= KILLS // 2


def test_the_log_is_plain_text(tmp_path):
    header, *chunks = map(json.loads, begun(tmp_path / "out.h5").read_text().splitlines())
    assert header["format"] == "nasreplay-tabulation/1"
    assert header["at"] == ["shared", 1]
    assert [len(chunk) for chunk in chunks] == [10, 10]
    assert chunks[0][1] == [1, [-1], [1 / 7], [1 / 63], [pytest.approx(np.nan, nan_ok=True)]]
