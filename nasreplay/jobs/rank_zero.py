"""Commands under torchrun: all processes do the same, the first one tells and writes, and an error is told once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from nasreplay.errors import BadSetting

if TYPE_CHECKING:
    from nasreplay.runs.record import RunFolder
    from nasreplay.train.distributed import Team

COMMANDS = ("retrain", "search")
LOST = "another process of this run has ended; --resume continues from the last checkpoint"


def several() -> bool:
    """Whether torchrun, or a launcher with the same environment variables, started this process with others."""
    return "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


def lead(make: Callable[[], Any]) -> Any:
    """What `make` gives in the first process, in all of them."""
    if not several():
        return make()
    from nasreplay.train.distributed import joined

    return joined().lead(make)


class Voice:
    """What a process may tell: all of it if it is alone; else only the first one's, and the first error of all."""

    def __init__(self):
        self._store: Any = None
        self._errors = sys.stderr

    def join(self, arguments: Sequence[str]) -> list[str]:
        """Join the other processes, if there are any; returns the arguments without those of launchers.

        Raises BadSetting for a command that works in one process.
        """
        if "LOCAL_RANK" in os.environ:
            arguments = [one for one in arguments if not one.startswith(("--local-rank=", "--local_rank="))]
        if not several():
            return list(arguments)
        if os.environ["RANK"] != "0":
            sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # else each tells that the others have ended
        from nasreplay.train.distributed import join

        self._store = join()
        command = next((one for one in arguments if not one.startswith("-")), "")
        if command and command not in COMMANDS:
            raise BadSetting(f"nasreplay {command} works in one process: start it without torchrun")
        return list(arguments)

    def error(self, text: str) -> None:
        """Tell of an error, unless another process has told of one."""
        if not several():
            click.echo(text, err=True)
        elif self._store is None:
            click.echo(text, err=True)  # joining failed
        elif self._comes_first():
            click.echo(text, file=self._errors)

    def _comes_first(self) -> bool:
        try:
            return self._store.add("told", 1) == 1
        except RuntimeError:  # the store went with the process that told
            return False

    def lost(self, error: Exception) -> bool:
        """Whether an error only says that another process has gone."""
        if self._store is None or not isinstance(error, RuntimeError):
            return False
        from torch.distributed import DistError

        return isinstance(error, DistError) or "gloo" in str(error).lower()

    def leave(self) -> None:
        """Leave the other processes after work that succeeded."""
        if self._store is not None:
            from nasreplay.train.distributed import leave

            leave()


class OneFolder:
    """A run folder that the first process writes; all begin with the state that it found there.

    folder: None in the others.
    """

    def __init__(self, team: Team, folder: RunFolder | None):
        self.team, self.folder = team, folder

    def start(self, header: dict[str, Any], searcher: Any, evaluator: Any) -> int:
        """As RunFolder."""

        def found() -> tuple[int, Any]:
            assert self.folder
            step = self.folder.start(header, searcher, evaluator)
            return step, step and (searcher.state_dict(), evaluator.state_dict())

        step, states = self.team.lead(found)
        if step and not self.folder:
            searcher.load_state_dict(states[0])
            evaluator.load_state_dict(states[1])
        return step

    def answers(self, answers: Any) -> None:
        """As RunFolder."""
        if self.folder:
            self.folder.answers(answers)

    def step(self, step: int, live: Any, searcher: Any, evaluator: Any) -> None:
        """As RunFolder; raises TrainingFailed if the processes' states differ at the end of an epoch."""
        if self.team.size > 1 and step % evaluator.steps_per_epoch == 0:
            self.team.check_same(
                [searcher.state_dict(), evaluator.net.state_dict()], f"after epoch {live.epoch + 1}"
            )
        if self.folder:
            self.folder.step(step, live, searcher, evaluator)

    def end(self, step: int, finished: bool, searcher: Any, evaluator: Any) -> None:
        """As RunFolder."""
        if self.folder:
            self.folder.end(step, finished, searcher, evaluator)

    def close(self) -> None:
        """As RunFolder."""
        if self.folder:
            self.folder.close()

    def agree(self, ledger: Any, asked: bool) -> bool:
        """Give all processes the first one's clocks; returns whether some process was asked to stop."""
        clocks = np.stack([ledger.simulated_s, ledger.wall_s]) * self.team.first
        flag = np.array([float(asked)])
        self.team.add(clocks, flag)
        ledger.simulated_s[:], ledger.wall_s[:] = clocks
        return bool(flag[0])
