"""TensorBoard scalars of a live run."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any


class TensorBoardWriter:
    """Event files in a folder; numbers become scalars, lists become one scalar an entry."""

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def _writer(self) -> Any:
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self.folder))

    def add(self, step: int, facts: dict[str, Any]) -> None:
        """Write the numeric facts of an epoch or step."""
        for name, value in facts.items():
            if isinstance(value, list):
                for place, part in enumerate(value):
                    self._writer.add_scalar(f"{name}/{place}", part, step)
            elif isinstance(value, int | float):
                self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        """Finish the file."""
        if "_writer" in vars(self):
            self._writer.close()
