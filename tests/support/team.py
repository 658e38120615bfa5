"""Processes of a team, each a fork of one server that has torch loaded: a start costs a fraction of a second."""

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2]))  # the processes import this module by its name
os.environ["TORCH_CPP_LOG_LEVEL"] = "ERROR"  # as the command sets it before it loads torch
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(
    [
        "nasreplay.jobs.training_job",
        "nasreplay.jobs.searches.live_search",
        "nasreplay.runs.store",
        "sklearn.datasets",
        "tests.support.team_jobs",
        "torch._dynamo",
        "torch.utils.flop_counter",
        "torch.utils.tensorboard",
    ]
)


def start(folder: Path, function: Callable, *arguments: Any, size: int = 2) -> Sequence[BaseProcess]:
    """Processes that call the function; what they print goes to folder/RANK.out and .err."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir(parents=True, exist_ok=True)
    team = [
        context.Process(target=_work, args=(rank, size, port, folder, function, arguments), daemon=True)
        for rank in range(size)
    ]
    for process in team:
        process.start()
    return team


def finish(team: Sequence[BaseProcess], seconds: float = 120) -> list[int | None]:
    """Their exit statuses; those that have not ended by then are killed, and have none."""
    for process in team:
        process.join(seconds)
    status = [process.exitcode for process in team]
    for process in team:
        process.kill()
        process.join()
    return status


def _work(rank: int, size: int, port: int, folder: Path, function: Callable, arguments: tuple) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(size),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
    )
    os.chdir(folder)
    for stream, name in ((1, "out"), (2, "err")):
        with open(folder / f"{rank}.{name}", "ab") as file:
            os.dup2(file.fileno(), stream)
    function(*arguments)
