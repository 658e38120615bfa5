"""The pages: Python examples run as they are printed, captures are what the commands print, links lead somewhere."""

import multiprocessing
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
EXTEND = ROOT / "docs" / "extend.md"  # whose examples are tests themselves


def code(page: Path) -> str:
    return "\n".join(re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL))


def run_example(text: str, folder: Path) -> None:
    """What an example does; in a process of its own, where what it registers stays."""
    os.chdir(folder)
    exec(compile(text, "example.py", "exec"), {"__name__": "__main__"})


def done(*command: str | Path, cwd: Path) -> str:
    """What a program prints."""
    ended = subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if code(page) and page != EXTEND], ids=lambda page: page.name
)
def test_python_examples_run(page, tmp_path):
    process = multiprocessing.get_context("fork").Process(target=run_example, args=(code(page), tmp_path))
    process.start()
    process.join()
    assert process.exitcode == 0


@pytest.mark.slow
def test_the_example_searcher_passes_the_contract_suite(tmp_path):
    (tmp_path / "test_example.py").write_text(code(EXTEND))
    passed = re.search(
        r"(\d+) passed", done("-m", "pytest", "-p", "no:cacheprovider", "test_example.py", cwd=tmp_path)
    )
    assert passed
    assert int(passed[1]) >= 7


@pytest.mark.slow
def test_captures_are_what_the_commands_print():
    done(ROOT / "scripts" / "captures.py", "--check", cwd=ROOT)


def test_links_between_pages_are_not_broken():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
