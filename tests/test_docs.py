"""The Python examples of the README and of docs/ run as they are printed, page by page."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_python_examples_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile("\n".join(blocks(page)), str(page), "exec"), {"__name__": "example"})


@pytest.mark.slow
def test_captures_are_what_the_commands_print():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "captures.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_links_between_pages_are_not_broken():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_example_searcher_passes_the_contract_suite():
    names: dict[str, Any] = {"__name__": "example"}
    exec("\n".join(blocks(ROOT / "docs" / "extend.md")), names)
    suite = names["TestAnnealing"]()
    tests = [getattr(suite, name) for name in dir(suite) if name.startswith("test_")]
    assert len(tests) >= 7
    for test in tests:
        test()
