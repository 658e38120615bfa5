"""The wheel that is built from the source archive holds every module and every shipped configuration."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_every_configuration(tmp_path):
    pytest.importorskip("build", reason="pip install 'nasreplay[dev]' brings build")
    source = tmp_path / "source"
    source.mkdir()
    for name in ("nasreplay", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(tmp_path / "dist"),
        str(source),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr

    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "nasreplay").rglob("*.py")}
    configurations = {f"nasreplay/{path.relative_to(ROOT)}" for path in (ROOT / "configs").rglob("*.*")}
    assert len(modules) > 100
    assert len(configurations) > 10
    assert modules | configurations | {"nasreplay/py.typed"} <= held
    assert {name.split("/")[0] for name in held} == {"nasreplay", wheel.name.split("-py3")[0] + ".dist-info"}
