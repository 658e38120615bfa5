"""Makes the captures in README.md and docs/: `python scripts/captures.py` writes them, `--check` compares them.

A capture is a block behind a comment `<!-- capture: COMMAND -->`: the command and what it prints on stdout, run in an
empty folder. `capture, wall seconds aside:` and `capture, numbers aside:` say what a comparison overlooks;
`without NAME and NAME` shortens the paragraphs that begin with `NAME:`.
"""

import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(
    r"(<!-- capture(?P<how>[^:]*): (?P<command>.*?) -->\n```\n)(?P<text>.*?)(?=^```$)", re.S | re.M
)
ASIDE = {"wall seconds": r"(?m)\d+\.\d+( s)?$", "numbers": r"\d[\d,.]*"}


def made(block: re.Match) -> str:
    """What the block shall say: its command, run now, and what that prints."""
    words = shlex.split(block["command"])
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    text = re.sub(
        r"(normal=\[\(.*?\)), .*(\], reduce_concat)", r"\1, …\2", done.stdout
    )  # the line of a genotype
    paragraphs = text.rstrip().split("\n\n")
    left_out = re.findall(r"(?:without|and) (\S+)", block["how"])
    for place, paragraph in enumerate(paragraphs):
        name = paragraph.split(":")[0]
        if name in left_out:
            paragraphs[place] = f"[{name} …]"
    return f"$ {block['command']}\n" + "\n\n".join(paragraphs) + "\n"


def compared(text: str, how: str) -> list[str]:
    """The lines of a capture as they are compared: what is aside is gone, and so are widths of columns."""
    for what, pattern in ASIDE.items():
        if f"{what} aside" in how:
            text = re.sub(pattern, "…", text)
    return [re.sub(r" +|-{3,}", " ", line).rstrip() for line in text.splitlines()]


def main(check: bool) -> int:
    """The number of pages whose captures differ from what the commands print."""
    differing = 0
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        old = page.read_text(encoding="utf-8")
        new = BLOCK.sub(lambda block: block[1] + _settled(block), old)
        if new != old:
            differing += 1
            if check:
                print(
                    *difflib.unified_diff(old.splitlines(), new.splitlines(), page.name, "now", lineterm=""),
                    sep="\n",
                )
            else:
                page.write_text(new, encoding="utf-8")
    return differing


def _settled(block: re.Match) -> str:
    """The new text, or the old one where only that differs which is aside."""
    text = made(block)
    return block["text"] if compared(text, block["how"]) == compared(block["text"], block["how"]) else text


if __name__ == "__main__":
    differing = main(check="--check" in sys.argv)
    sys.exit(differing > 0 and "--check" in sys.argv)
