"""The log of an unfinished tabulation: a line of JSON that says what is asked, then one for each chunk of answers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

import numpy as np

from nasreplay.errors import BadInput, BadOutput
from nasreplay.files.lock import lock
from nasreplay.files.state import difference
from nasreplay.files.text import check_regular, place
from nasreplay.files.typed import parse_json

FORMAT = "nasreplay-tabulation/1"


class Answered(NamedTuple):
    """What an evaluator said of the architecture with a flat index, one number per trial that it has.

    Seeds (-1 = an average), validation accuracies in percent, seconds, test accuracies in percent (NaN = not known).
    """

    flat: int
    seed: list[int]
    accuracy: list[float]
    seconds: list[float]
    test: list[float]


_Row = tuple[int, list[int], list[float], list[float], list[float]]


class AnswerLog:
    """Append-only JSON lines with a lock. An incomplete last line, left by a kill, is cut off on resuming."""

    def __init__(self, path: Path, command: str = ""):
        self.path, self.command = path, command
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            if self.path.exists():
                check_regular(self.path, BadOutput)
            self._file = self.path.open("a+b")
        except OSError as problem:
            raise self._unwritable(problem) from problem
        self._lock(self._file)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file:
            self._file.close()

    def resume(self, job: dict[str, Any], flat: np.ndarray) -> list[Answered]:
        """The answers that the log holds, after a check that it is of the same job on the same architectures."""
        assert self._file
        self._file.seek(0)
        lines = self._file.read().splitlines(keepends=True)
        if not lines or not lines[0].endswith(b"\n"):
            self._file.truncate(0)
            self._write({"format": FORMAT, **job, "command": self.command, "working_folder": os.getcwd()})
            return []
        self._check_job(lines[0], job)
        whole, rows = len(lines[0]), []
        for line in lines[1:]:
            if not line.endswith(b"\n"):
                break
            try:
                rows += [Answered(*row) for row in parse_json(line, list[_Row], place(self.path))]
            except BadInput as problem:
                raise BadOutput(f"{problem}; delete it to start over") from None
            whole += len(line)
        self._file.truncate(whole)
        if [row.flat for row in rows] != flat[: len(rows)].tolist():
            raise BadOutput(f"{self.path}: damaged; delete it to start over")
        return rows

    def append(self, rows: list[Answered]) -> None:
        """Put a chunk of answers on the disk."""
        self._write(rows)

    def remove(self) -> None:
        """Delete the file: its answers are in a pack."""
        self.path.unlink()

    def _write(self, value: Any) -> None:
        assert self._file
        try:
            self._file.write(json.dumps(value).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def _check_job(self, first: bytes, job: dict[str, Any]) -> None:
        try:
            began = parse_json(first, dict[str, Any], "")
        except BadInput:
            began = {}
        if began.pop("format", None) != FORMAT:
            raise BadOutput(f"{self.path}: not the log of a tabulation; choose another --out")
        for circumstance in ("command", "working_folder"):
            began.pop(circumstance, None)
        if found := difference(began, job):
            name, was, now = found
            raise BadOutput(
                f"{self.path}: begun with {name} = {was}, now {now}: choose another --out, or delete this log"
            )

    def _lock(self, file: IO[bytes]) -> None:
        if not lock(file):
            file.close()
            raise BadOutput(f"{self.path}: another process is at this table; choose another --out")

    def _unwritable(self, problem: OSError) -> BadOutput:
        return BadOutput(f"{self.path}: cannot be written: {problem.strerror}; choose another --out")
