from pathlib import Path

import pytest

GENOTYPE = "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1)], normal_concat=[2], reduce=None)"


def test_files_are_named_after_the_architecture(run):
    assert run("draw", "DARTS").out.split() == ["DARTS_V2.svg", "DARTS_V2.png"]
    assert "sep_conv_3x3" in Path("DARTS_V2.svg").read_text()
    assert Path("DARTS_V2.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "text",
    ["333111", "|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|", "77", "8:16:24:32:40", GENOTYPE],
)
def test_every_notation_is_drawn(run, text):
    assert run("draw", text, "--out", "one.svg", "--out", "two.dot").out.split() == ["one.svg", "two.dot"]
    assert Path("one.svg").read_text().count("<text") >= 4
    assert Path("two.dot").read_text().startswith("digraph")


@pytest.mark.slow
def test_files_and_searches_are_drawn(run):
    Path("mine.txt").write_text(GENOTYPE)
    assert run("draw", "mine.txt", "--width", "3.3").out.split() == ["mine.svg", "mine.png"]
    run("search", "random", "--dataset", "cifar10", "--evaluations", "3", "--seed", "1", "--out", "it")
    assert run("draw", "it").out.split() == ["it.svg", "it.png"]


def test_none_is_dashed_or_left_out(run):
    run("draw", "10", "--out", "with.svg")
    run("draw", "10", "--out", "without.svg", "--hide-none")
    dashed, hidden = Path("with.svg").read_text(), Path("without.svg").read_text()
    assert "stroke-dasharray" in dashed
    assert ">none<" in dashed
    assert "stroke-dasharray" not in hidden
    assert ">none<" not in hidden


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing",), "a name of `nasreplay zoo`, or a file with one"),
        (("|none~0|",), "character 9: expected '+'"),
        (("missing/it.txt",), "no such file or folder"),
        (("7", "--out", "cell.gif"), "must end in .svg, .png, .pdf, .dot"),
        (("7", "--out", "missing/cell.svg"), "cannot be written"),
        (("7", "--width", "0.2"), "must be 1 to 40"),
        (("7", "--width", "wide"), "is not a valid float"),
        ((), "Missing argument 'ARCH…'"),
    ],
)
def test_mistakes_are_one_line(run, arguments, told):
    err = run("draw", *arguments, status=2).err
    assert told in err
    assert err.count("\n") == 1
    assert not list(Path().glob("*.svg"))
