import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasreplay.cli.main import main
from tests.support.command import CHECKOUT


@pytest.fixture(scope="session")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def home(cache) -> Iterator[Path]:
    """A cache folder of the tests' own, also for the processes that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASREPLAY_HOME", str(cache))
        yield cache


@pytest.fixture
def run(home, tmp_path, monkeypatch, capsys):
    """Run a command line in an empty folder: what it printed, after a check of its exit status."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*arguments: str, status: int = 0):
        found = 0
        try:
            main(list(arguments))
        except SystemExit as end:
            found = end.code
        told = capsys.readouterr()
        assert found == status, told.err
        return told

    return call


@pytest.fixture
def refused(run, tmp_path):
    """The single line on stderr of a command that must be refused before it writes anything."""

    def call(*arguments: str, writes: bool = False) -> str:
        before = sorted(tmp_path.rglob("*"))
        told = run(*arguments, status=2)
        assert told.out == ""
        assert told.err.count("\n") == 1, told.err
        assert told.err.startswith("nasreplay: error: ")
        assert writes or sorted(tmp_path.rglob("*")) == before
        return told.err

    return call


@pytest.fixture(scope="session")
def images(tmp_path_factory) -> Path:
    """$TORCH_HOME with made-up images under the names cifar10 and ILSVRC2012 (imagenet-1k)."""
    folder = tmp_path_factory.mktemp("torch")
    for name in ("cifar.python/cifar10", "ILSVRC2012"):
        for part, count in (("train", 8), ("test" if name.endswith("cifar10") else "val", 2)):
            for label in range(10):
                place = folder / name / part / f"class{label}"
                place.mkdir(parents=True)
                for number in range(count):
                    pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), dtype=np.uint8)
                    Image.fromarray(pixels).save(place / f"{number}.png")
    return folder


@pytest.fixture
def written(tmp_path, images, monkeypatch) -> Callable[[list[str]], list[list[str]]]:
    """From the words of a page's command line to the nasreplay commands that it runs, on the made-up images.

    A script is asked itself: its Python prints its arguments, and that no GPU is here. DIR is the images' folder.
    """
    (tmp_path / "DIR").symlink_to(images / "cifar.python")
    (tmp_path / "configs").symlink_to(CHECKOUT / "configs")
    for name, value in {"TORCH_HOME": str(images), "DATASETS": "cifar10", "SEEDS": "777"}.items():
        monkeypatch.setenv(name, value)
    shim = tmp_path / "bin" / "python3"
    shim.parent.mkdir()
    gpus = '[ "$1" = -c ] && echo 0 && exit\n'  # what a script asks: there are none
    shim.write_text(f'#!/bin/sh\n{gpus}for word in "$@"; do printf "%s\\0" "$word"; done; printf "\\n"\n')
    shim.chmod(0o755)
    path = f"{shim.parent}{os.pathsep}{os.environ['PATH']}"

    def written(words: list[str]) -> list[list[str]]:
        if words[0] == "nasreplay":
            return [words[1:]]
        done = subprocess.run(
            ["bash", str(CHECKOUT / words[1]), *words[2:]],
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.split("\0")[2:-1] for line in done.stdout.splitlines()]

    return written
