"""Searchers named by place, `my.py:Annealing`: in this process and in workers, and what is said where that fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nasreplay.errors import BadInput, BadOutput, NasReplayError
from nasreplay.jobs.searches import search as recorded_search
from nasreplay.search import make
from tests.support.command import CHECKOUT, end, start

SEARCHER = '''
from dataclasses import dataclass
from typing import ClassVar

from nasreplay import search


@dataclass
class Sweep(search.SamplingSearcher):
    """Goes on from the best one seen."""

    width: int = 1

    name: ClassVar[str] = "{name}"
    source: ClassVar[str] = "a test"

    def ask(self, live):
        draws = self.draws(live.rows)
        return search.Question(self.space.mutate(self.state.best_codes[live.rows], draws), live.rows)
'''
SHORT = ("--dataset", "cifar10", "--replicas", "3", "--evaluations", "5", "--out", "run")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])


def write(name: str, text: str) -> Path:
    Path(name).write_text(text)
    return Path(name)


def test_a_searcher_of_a_file_or_a_module():
    write("sweeping.py", SEARCHER.format(name="sweep"))
    made = make("sweeping.py:Sweep", {"width": 3})
    assert made.settings() == {"width": 3}
    assert type(make("sweep")) is type(make("sweeping.py:Sweep")) is type(made)
    write("sweeping_module.py", SEARCHER.format(name="sweep-module"))
    assert make("sweeping_module:Sweep").name == "sweep-module"


def test_a_changed_file_is_imported_anew():
    write("changing.py", SEARCHER.format(name="changing"))
    assert make("changing.py:Sweep").settings() == {"width": 1}
    write("changing.py", SEARCHER.format(name="changing").replace("width: int = 1", "width: int = 2"))
    assert make("changing.py:Sweep").settings() == {"width": 2}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (None, "absent.py:Sweep", r"absent\.py: cannot be read: No such file"),
        ("class A:\n    def\n", "own.py:A", r"own\.py, line 2: invalid syntax"),
        ("a = 1\nb = a / 0\n", "own.py:A", r"own\.py, line 2: ZeroDivisionError: division by zero"),
        ("import nothing_of_the_kind\n", "own.py:A", r"own\.py, line 1: ModuleNotFoundError: No module named"),
        (SEARCHER, "own.py:Sweap", r"own\.py has no searcher 'Sweap': did you mean Sweep\? known: Sweep"),
        (SEARCHER, "own.py", r"own\.py: name the searcher, as in own\.py:Sweep; known: Sweep"),
        ("x = 1\n", "own.py:Sweep", r"own\.py has no searcher 'Sweep'; known: \(none\)"),
        (SEARCHER, "own.py:dataclass", "dataclass: dataclass is no class derived from nasreplay"),
        (SEARCHER.replace("def ask", "def asks"), "own.py:Sweep", r"Sweep lacks ask \(nasreplay\.search\.Samp"),
        (SEARCHER.replace("name: Cl", "nome: Cl"), "own.py:Sweep", "lacks name: class attributes, texts"),
        (SEARCHER.replace("width: int = 1", "width: int"), "own.py:Sweep", "lacks defaults of its fields width"),
        (SEARCHER.replace("@dataclass\n", ""), "own.py:Sweep", "lacks @dataclass above the class"),
        (SEARCHER, "own module:Sweep", "must be FILE.py:NAME or MODULE:NAME"),
        (None, "no_such_module:Sweep", "no module no_such_module here"),
        (SEARCHER + "\nfrom nasreplay import replay\nreplay('rea')\n", "own.py:Sweep",
         r"calls a comparison while it is imported: put the call below `if __name__ == '__main__':`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text, place, words):
    if text is not None:
        write("own.py", text.replace("{name}", "own"))
    with pytest.raises(BadInput, match=words) as problem:
        make(place)
    assert "\n" not in str(problem.value)


# --- processes -------------------------------------------------------------------------------------


def script(text: str, *arguments: str) -> tuple[str, str]:
    """What a script prints, and what it prints on stderr."""
    write("script.py", text)
    told = subprocess.run(
        [sys.executable, "script.py", *arguments],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return told.stdout, told.stderr


@pytest.mark.slow
def test_the_command_takes_a_place_in_two_workers_and_resumes_while_the_file_is_the_same():
    write("own.py", SEARCHER.format(name="sweep"))
    out, _ = end(start("replay", "own.py:Sweep", "rea", *SHORT, "--jobs", "2", cwd=Path.cwd()), 0)
    assert "sweep" in out
    alone, _ = end(
        start("replay", "own.py:Sweep", "rea", *SHORT[:-1], "one", "--jobs", "1", cwd=Path.cwd()), 0
    )
    table = [line.rsplit(None, 1)[0] for line in out.splitlines() if line.startswith(("sweep ", "rea "))]
    assert table == [
        line.rsplit(None, 1)[0] for line in alone.splitlines() if line.startswith(("sweep ", "rea "))
    ]
    _, err = end(
        start("replay", "--out", "run", "--replicas", "4", cwd=Path.cwd()), 0
    )  # the file is found again
    assert err == "added to run: replicas 3 to 3 of each searcher\n"
    write("own.py", SEARCHER.format(name="sweep") + "\n# another\n")
    _, err = end(start("replay", "own.py:Sweep", "random", *SHORT, "--replicas", "4", cwd=Path.cwd()), 2)
    assert "run: the file of sweep has changed since it was compared" in err
    _, err = end(start("replay", "random", "--out", "run", cwd=Path.cwd()), 0)  # what is there stays
    assert err == "added to run: random\n"
    _, err = end(start("replay", "--out", "run", "--replicas", "5", cwd=Path.cwd()), 2)
    assert "sweep on cifar10 is missing, and the class of sweep is not known here, or has changed" in err


CALL = """
from pathlib import Path
import nasreplay
print("started")
short = {"datasets": ("cifar10",), "replicas": 3, "evaluations": 5, "jobs": 2, "out": Path("run")}
done = nasreplay.replay(Sweep(), "rea", "random", **short)
print(sorted(row.searcher for row in done.rows))
"""


@pytest.mark.slow
def test_a_script_needs_no_guard():
    out, err = script(SEARCHER.format(name="sweep") + CALL)
    assert (out, err) == ("started\n['random', 'rea', 'sweep']\n", "")


@pytest.mark.slow
def test_an_error_in_a_worker_is_told_with_the_line_of_the_file():
    write("own.py", SEARCHER.format(name="sweep").replace("draws = self", "draws = itself"))
    for jobs in ("1", "2"):
        _, err = end(
            start("replay", "own.py:Sweep", "rea", "random", *SHORT, "--jobs", jobs, cwd=Path.cwd()), 1
        )
        [line] = err.splitlines()
        told = "own.py, line 18: NameError: name 'itself' is not defined; continue with: nasreplay resume "
        assert told in line


# --- installed packages ----------------------------------------------------------------------------

PACKAGE = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "sweeping"
version = "1.0"

[project.entry-points."nasreplay.searchers"]
sweep = "sweeping.searcher"

[project.entry-points."nasreplay.spaces"]
plain = "sweeping.space"

[project.entry-points."nasreplay.evaluators"]
counting = "sweeping.evaluator"

[tool.setuptools]
packages = ["sweeping"]
"""
SPACE = """
from nasreplay import Space, register_space

PLAIN = register_space(Space("plain", (("conv", "pool"), ("8", "16", "32"))))
"""
EVALUATOR = """
from dataclasses import dataclass

from nasreplay import evaluate
from nasreplay.evaluate.kinds import EvaluatorSettings
from sweeping.space import PLAIN


@dataclass(frozen=True, kw_only=True)
class CountingSettings(EvaluatorSettings, kind="counting"):
    start: float = 10.0
    \"\"\"Accuracy of the first architecture, percent.\"\"\"

    def open(self, asker=None):
        return evaluate.from_function(lambda one: self.start + sum(one.codes), PLAIN, seconds=1, dataset="counted")
"""


@pytest.mark.slow
def test_a_package_that_is_really_installed_offers_a_searcher_a_space_and_an_evaluator(monkeypatch):
    folder, site = Path("sweeping"), Path("site").resolve()
    folder.mkdir()
    write("pyproject.toml", PACKAGE)
    for name, text in {"__init__": "", "searcher": SEARCHER, "space": SPACE, "evaluator": EVALUATOR}.items():
        write(
            f"sweeping/{name}.py",
            text.replace("{name}", "sweep").replace(
                "@dataclass\nclass Sw", "@search.register_searcher\n@dataclass\nclass Sw"
            ),
        )
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    made = subprocess.run([*pip, "--target", str(site), "."], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"pip cannot install here: {made.stderr[-200:]}")
    monkeypatch.setenv("PYTHONPATH", str(site))
    end(
        start("tabulate", "--evaluator", "counting", "--start", "20", "--out", "counted.h5", cwd=Path.cwd()),
        0,
    )
    short = ("--table", "counted.h5", "--evaluations", "4", "--replicas", "3", "--jobs", "2", "--out", "run")
    out, err = end(start("replay", "sweep", "rea", *short, cwd=Path.cwd()), 0)
    assert err == ""
    assert "23.00" in out
    out, _ = end(start("search", "sweep", "--evaluator", "counting", "--evaluations", "5", cwd=Path.cwd()), 0)
    assert "5 evaluations, 5 simulated s" in out


def test_a_recorded_search_goes_on_only_with_the_file_that_began_it(tmp_path):
    write("going.py", SEARCHER.format(name="going"))
    recorded_search("going.py:Sweep", evaluations=5, seed=0, out=tmp_path / "run")
    recorded_search("going.py:Sweep", evaluations=5, seed=0, out=tmp_path / "run", resume=True)
    write("going.py", SEARCHER.format(name="going") + "\n# another\n")
    with pytest.raises(BadOutput, match=r"searcher_file\.sha256"):
        recorded_search("going.py:Sweep", evaluations=5, seed=0, out=tmp_path / "run", resume=True)
    write("going.py", SEARCHER.format(name="going").replace("draws = self", "draws = itself"))
    with pytest.raises(NasReplayError, match=r"going\.py, line 18: NameError"):
        recorded_search("going.py:Sweep", evaluations=5, seed=0, out=tmp_path / "other")
