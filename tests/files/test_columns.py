import csv
import io

from nasreplay.files.columns import aligned, csv_text, markdown

ROWS = [("name", "MB", "title"), ("embedded", "1.5", ""), ("a", "12.0", "mine | yours")]


def test_columns_are_as_wide_as_their_widest_cell_and_end_without_spaces():
    assert aligned(ROWS, "lr") == [
        "name        MB  title",
        "embedded   1.5",
        "a         12.0  mine | yours",
    ]


def test_markdown_escapes_bars():
    assert markdown(ROWS, "lr") == [
        "| name | MB | title |",
        "| --- | ---: | --- |",
        "| embedded | 1.5 |  |",
        r"| a | 12.0 | mine \| yours |",
    ]


def test_csv_reads_back_the_same_numbers_and_texts():
    text = csv_text(["a", "b"], [[0.1 + 0.2, None], ["with, comma", 'and "quotes"']])
    assert text.splitlines()[1] == "0.30000000000000004,"
    assert list(csv.reader(io.StringIO(text)))[2] == ["with, comma", 'and "quotes"']
