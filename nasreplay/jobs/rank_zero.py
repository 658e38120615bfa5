"""Commands under torchrun: every rank does the same, rank 0 prints and writes, and an error is printed once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nasreplay.errors import BadSetting
from nasreplay.settings import Json

if TYPE_CHECKING:
    from nasreplay.evaluate.ledger import Ledger
    from nasreplay.evaluate.protocol import Evaluations, Evaluator
    from nasreplay.runs.record import RunFolder
    from nasreplay.search.base import Live, Searcher
    from nasreplay.train.distributed import ProcessGroup

T = TypeVar("T")
COMMANDS = ("fork", "retrain", "resume", "search")
LOST = "another process of this run has ended; the last checkpoint is intact"


def several() -> bool:
    """Whether torchrun, or a launcher with the same environment variables, started this process with others."""
    return "RANK" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1"


def is_first() -> bool:
    """Whether this process is the one that prints and writes."""
    return os.environ.get("RANK", "0") == "0"


def broadcast(make: Callable[[], T]) -> T:
    """What `make` returns on rank 0, on every rank; loads no torch where there is one process."""
    if not several():
        return make()
    from nasreplay.train.distributed import process_group

    return process_group().broadcast(make)


class RankZeroOutput:
    """Prints from rank 0 only; the first error of any rank is printed once."""

    def __init__(self):
        self._store: Any = None
        self._errors = sys.stderr

    def join(self, arguments: Sequence[str]) -> list[str]:
        """Join the process group, if torchrun started one; returns the arguments without those of launchers.

        Raises BadSetting for a command that works in one process.
        """
        if "LOCAL_RANK" in os.environ:
            arguments = [one for one in arguments if not one.startswith(("--local-rank=", "--local_rank="))]
        if not several():
            return list(arguments)
        if not is_first():
            sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # else each prints that the others have ended
        from nasreplay.train.distributed import init_process_group

        self._store = init_process_group()
        command = next((one for one in arguments if not one.startswith("-")), "")
        if command and command not in COMMANDS:
            raise BadSetting(f"nasreplay {command} works in one process: start it without torchrun")
        return list(arguments)

    def error(self, text: str) -> None:
        """Print an error on standard error, unless another rank has printed one."""
        if not several() or self._store is None:
            print(text, file=sys.stderr)
        elif self._comes_first():
            print(text, file=self._errors, flush=True)

    def _comes_first(self) -> bool:
        try:
            return self._store.add("told", 1) == 1
        except RuntimeError:  # the store went with the process that printed
            return False

    def lost(self, error: Exception) -> bool:
        """Whether an error only says that another process has ended."""
        if self._store is None or not isinstance(error, RuntimeError):
            return False
        from torch.distributed import DistError

        return isinstance(error, DistError) or "gloo" in str(error).lower()

    def leave(self) -> None:
        """Leave the process group after work that succeeded."""
        if self._store is not None:
            from nasreplay.train.distributed import destroy_process_group

            destroy_process_group()


class RankZeroRecorder:
    """A recorder whose run folder (None on other ranks) rank 0 writes; every rank begins with the state found there.

    The methods are those of `RunFolder`.
    """

    def __init__(self, group: ProcessGroup, folder: RunFolder | None):
        self.group, self.folder = group, folder
        self.hear: Callable[[Evaluations], None] | None = None  # what else takes the answers

    def start(self, header: Json, searcher: Searcher, evaluator: Evaluator) -> int:
        """Read the folder on rank 0 and load the state found there on every rank; returns the step to go on from."""

        def found() -> tuple[int, Any]:
            assert self.folder
            step = self.folder.start(header, searcher, evaluator)
            return step, step and (searcher.state_dict(), evaluator.state_dict())

        step, states = self.group.broadcast(found)
        if step and not self.folder:
            searcher.load_state_dict(states[0])
            evaluator.load_state_dict(states[1])
        return step

    def answers(self, answers: Evaluations) -> None:
        """Record answers."""
        if self.folder:
            self.folder.answers(answers)
            if self.hear:
                self.hear(answers)

    def step(self, step: int, live: Live, searcher: Searcher, evaluator: Evaluator) -> None:
        """Record a step. Raises TrainingFailed if the ranks' states differ at the end of an epoch."""
        if self.group.world_size > 1 and step % evaluator.steps_per_epoch == 0:
            from nasreplay.live.supernet import SupernetEvaluator

            net = evaluator.net.state_dict() if isinstance(evaluator, SupernetEvaluator) else {}
            self.group.check_same([searcher.state_dict(), net], f"after epoch {live.epoch + 1}")
        if self.folder:
            self.folder.step(step, live, searcher, evaluator)

    def end(self, step: int, finished: bool, searcher: Searcher, evaluator: Evaluator) -> None:
        """Record the end of the run."""
        if self.folder:
            self.folder.end(step, finished, searcher, evaluator)

    def close(self) -> None:
        """Close the folder."""
        if self.folder:
            self.folder.close()

    def agree(self, ledger: Ledger, asked: bool) -> bool:
        """Give every rank the clocks of rank 0; returns whether any process was asked to stop."""
        clocks = np.stack([ledger.simulated_s, ledger.wall_s]) * self.group.is_rank_zero
        flag = np.array([float(asked)])
        self.group.all_reduce_arrays(clocks, flag)
        ledger.simulated_s[:], ledger.wall_s[:] = clocks
        return bool(flag[0])
