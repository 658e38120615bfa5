from pathlib import Path

from nasreplay.data import semantics

PAGE = Path(__file__).resolve().parents[2] / "docs/semantics.md"


def test_the_table_of_the_page_is_that_of_the_code():
    lines = ["| data set | split | stored as | set | images | trained on | meaning |"]
    for dataset, split in semantics.requests():
        what = semantics.meaning(dataset, split)
        numbers = f"{what.images:,} | {what.trained_on:,}"
        lines.append(f"| {dataset} | {split} | {what.stored} | {what.set} | {numbers} | {what.sentence} |")
    page = PAGE.read_text(encoding="utf-8").splitlines()
    start = page.index(lines[0])
    assert [line for line in page[start : start + len(lines) + 1] if "---" not in line] == lines
