"""Commands that torchrun starts in two processes: one run folder, one voice, one end."""

import os
import signal
import time
from pathlib import Path

import pytest
import torch

from nasreplay.cli.main import main
from nasreplay.errors import BadData
from nasreplay.jobs.rank_zero import LOST
from nasreplay.runs.record import read_events
from nasreplay.train.checkpoint import load_checkpoint
from nasreplay.train.loop import Trainer
from tests.support import team
from tests.support.command import end, start

pytestmark = pytest.mark.slow

CELL = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|none~2|"
TINY = ("--dataset", "digits", "--channels", "2", "--cells", "1", "--threads", "1", "--seed", "5")
RETRAIN = ("retrain", CELL, *TINY, "--fraction", "0.1", "--batch", "16", "--epochs", "2", "--save-every", "0")
SEARCH = (
    "search",
    "gdas",
    "--evaluator",
    "supernet",
    *TINY,
    "--fraction",
    "0.1",
    "--batch",
    "32",
    "--epochs",
    "2",
)


def command(*arguments: str) -> None:
    main(list(arguments))


def finished(folder: Path, function, *arguments: str) -> tuple[list[int | None], str, str]:
    """Exit statuses of two processes, and all that they printed."""
    status = team.finish(team.start(folder, function, *arguments))
    out, err = (
        "".join((folder / f"{rank}.{name}").read_text() for rank in range(2)) for name in ("out", "err")
    )
    return status, out, err


def trained(folder: Path) -> dict:
    return load_checkpoint(max((folder / "checkpoint").glob("step-*.pt")))["state"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, home) -> Path:
    """A folder with the undisturbed training `it`, and what was printed."""
    folder = tmp_path_factory.mktemp("whole")
    status, out, err = finished(folder, command, *RETRAIN, "--out", "it")
    assert status == [0, 0], err
    (folder / "told").write_text(out)
    return folder


def test_a_training_is_told_and_kept_once_and_equals_accumulation(whole, run, tmp_path):
    told = (whole / "told").read_text()
    assert told.count("epoch 2/2") == told.count("after epoch 2") == 1
    assert "2 micro-batches" in told
    assert "2 processes" in told
    run(*RETRAIN, "--micro-batches", "2", "--out", "alone")
    one, other = (trained(folder) for folder in (whole / "it", tmp_path / "alone"))
    for name, values in one["trainer"]["network"].items():
        torch.testing.assert_close(values, other["trainer"]["network"][name], rtol=1e-4, atol=1e-4)
    assert one["epochs"][-1]["train"]["loss"] == pytest.approx(other["epochs"][-1]["train"]["loss"], rel=1e-4)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_training_that_was_killed_continues_to_the_same_bits(run, whole, tmp_path, number):
    victims = team.start(tmp_path, command, *RETRAIN, "--out", "it")
    saved = tmp_path / "it" / "checkpoint"
    until = time.monotonic() + 90
    while not any(saved.glob("step-*.pt")):
        assert victims[0].is_alive()
        assert time.monotonic() < until
        time.sleep(0.002)
    for process in victims if number == signal.SIGKILL else victims[1:]:  # one that is asked to stop asks all
        os.kill(process.pid or 0, number)
    status = team.finish(victims)
    told = (tmp_path / "0.err").read_text() + (tmp_path / "1.err").read_text()
    if number == signal.SIGTERM:
        assert status[1] == 143
        line = "interrupted; continue with: torchrun --nproc_per_node 2 -m nasreplay resume it"
        assert told.count(line) == told.count("\n") == 1, told
        out = run(*RETRAIN, "--micro-batches", "2", "--out", "it", "--resume").out  # in one process
    else:
        status, out, err = finished(tmp_path, command, *RETRAIN, "--out", "it", "--resume")
        assert status == [0, 0], err
    assert out.count("continuing in epoch") == 1
    one, other = (trained(folder / "it")["trainer"] for folder in (tmp_path, whole))
    tolerance = 0 if number == signal.SIGKILL else 1e-4
    for name, values in one["network"].items():
        torch.testing.assert_close(values, other["network"][name], rtol=tolerance, atol=tolerance)


def test_torchrun_searches_in_one_folder(home, tmp_path, run):
    search = start_torchrun(*SEARCH, "--out", "it", cwd=tmp_path)
    out, err = end(search, 0)
    assert out.count("found") == 1
    assert err.count("epoch 2/2") == 1
    run(*SEARCH, "--micro-batches", "2", "--out", "alone")
    one, other = (
        [event["loss"] for event in read_events(tmp_path / name) if event["event"] == "step"]
        for name in ("it", "alone")
    )
    assert one == pytest.approx(other, rel=1e-4)


def start_torchrun(*arguments: str, cwd: Path):
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    return start(*arguments, cwd=cwd, launcher=launcher)


def test_a_search_that_was_killed_continues(home, tmp_path):
    victims = team.start(tmp_path / "killed", often, *SEARCH, "--out", "it")
    log = tmp_path / "killed" / "it" / "checkpoint"
    until = time.monotonic() + 90
    while not any(log.glob("step-*.pth")):
        assert victims[0].is_alive()
        assert time.monotonic() < until
        time.sleep(0.002)
    for process in victims:
        process.kill()
    team.finish(victims)
    for name, more in (("killed", ("--resume",)), ("whole", ())):
        status, _, err = finished(tmp_path / name, command, *SEARCH, "--out", "it", *more)
        assert status == [0, 0], err
    one, other = (newest(tmp_path / name / "it") for name in ("killed", "whole"))
    assert all(
        torch.equal(values, other["evaluator"]["net"][name])
        for name, values in one["evaluator"]["net"].items()
    )
    assert (one["searcher"]["state"]["logits"] == other["searcher"]["state"]["logits"]).all()


def newest(folder: Path) -> dict:
    return load_checkpoint(max((folder / "checkpoint").glob("step-*.pth")))


def often(*arguments: str) -> None:
    from nasreplay.jobs.searches import live_search

    live_search.SAVE_EVERY_S = 0.0
    main(list(arguments))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*RETRAIN, "--batch", "15"), "a batch of 15 images cannot be divided into 2 equal micro-batches"),
        (
            (*RETRAIN, "--micro-batches", "3", "--batch", "12"),
            "3 micro-batches for 2 processes: it must be a multiple",
        ),
        ((*RETRAIN, "--sync-bn"), "between CUDA devices only"),
        (("search", "rea", "--evaluations", "3"), "--evaluator table works in one process"),
        (("query", CELL), "nasreplay query works in one process"),
    ],
)
def test_what_cannot_be_done_together_is_refused_once(home, tmp_path, arguments, told):
    status, out, err = finished(tmp_path, command, *arguments)
    assert out == ""
    assert err.startswith("nasreplay: error: ")
    assert told in err
    assert err.count("\n") == 1, err
    assert 2 in status
    assert not (tmp_path / "output").exists()


def fails(*arguments: str) -> None:
    step, taken = Trainer._backward, 0

    def backward(self, batch):
        nonlocal taken
        taken += 1
        if os.environ["RANK"] == "1" and taken == 3:
            raise BadData("image 7 cannot be read")
        return step(self, batch)

    Trainer._backward = backward
    main(list(arguments))


def differs(*arguments: str) -> None:
    step = Trainer._backward

    def backward(self, batch):
        found = step(self, batch)
        if os.environ["RANK"] == "1":
            with torch.no_grad():
                next(self.network.parameters()).mul_(1 + 1e-6)
        return found

    Trainer._backward = backward
    main(list(arguments))


def vanishes(*arguments: str) -> None:
    step = Trainer._backward

    def backward(self, batch):
        if os.environ["RANK"] == "1" and self.totals.images:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, batch)

    Trainer._backward = backward
    main(list(arguments))


@pytest.mark.parametrize(
    ("function", "ends", "told"),
    [
        (fails, [1, 2], "image 7 cannot be read"),
        (differs, [1, 1], "after epoch 1, process 1 has other weights or logits than process 0"),
        (vanishes, [1, -signal.SIGKILL], LOST),
    ],
)
def test_when_one_process_fails_all_end_with_one_line(home, tmp_path, function, ends, told):
    status, _, err = finished(tmp_path, function, *RETRAIN, "--out", "it")
    assert status == ends, err
    assert err.count("nasreplay: error: ") == 1
    assert told in err
    assert err.count("\n") == 1, err
