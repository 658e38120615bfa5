"""Architectures of SLNAS on the command line: query, convert, draw, zoo; what is none is one line."""

import json

from nasreplay.spaces import SLNAS
from tests.support.formula import golden

README = json.dumps(golden("slnas_networks")["architectures"]["readme_aid50"])


def test_query_and_convert(run, refused):
    told = run("query", README).out
    assert "slnas space · index 3728323119463974294238983" in told
    assert "parameters, M             0.595" in told
    assert "no table can hold the 2.6e+25 architectures" in told
    facts = json.loads(run("query", "SLNAS_readme_aid50", "--json").out)
    assert (facts["architecture"], facts["datasets"]["cifar10"]["parameters"]) == (README, 595_456)
    assert run("query", README, "SLNAS_warmstart", "--csv").out.count("\n") == 7
    for form in ("darts", "json"):
        (line,) = run("convert", README, "--to", form).out.splitlines()
        assert run("convert", line, "--to", "string").out.strip() == README
    number = run("convert", README, "--to", "index").out.strip()
    assert run("convert", number, "--index", "--space", "slnas", "--to", "string").out.strip() == README
    assert "has no form 'cnas'; known: string, index, json, darts" in refused(
        "convert", README, "--to", "cnas"
    )
    assert "list 1 (normal), position 0: 5 is not in 0 ... 1" in refused(
        "query", README.replace("[0", "[5", 1)
    )
    assert "is no operation of SLNAS" in refused("convert", "DARTS_V2", "--space", "slnas", "--to", "string")


def test_lists_in_files(run, tmp_path):
    (tmp_path / "list.txt").write_text(f"{README}\nSLNAS_warmstart\n")
    assert run("convert", "list.txt", "--to", "string").out.splitlines()[0] == README
    told = run("query", "list.txt").out
    assert told.startswith("#3728323119463974294238983  [[0, 1,")
    assert "0.637" in told
    (tmp_path / "bad.txt").write_text(f"{README}\n[[0], [1]]\n")
    told = run("convert", "bad.txt", "--to", "string", status=2)
    assert told.out.splitlines()[0] == README
    assert "list 1 (normal) is of length 1" in told.err


def test_draw(run, tmp_path):
    assert run("draw", README, "--out", "cell.dot").out.split() == ["cell.dot"]
    assert (tmp_path / "cell.dot").read_text().count('label="max_pool_3x3"') == 8


def test_zoo(run, refused):
    told = run("zoo").out
    assert all(name in told for name in SLNAS.published.named)
    assert "is stated nowhere" in told
    for name, error in (("ENAS", 2.89), ("DARTS", 2.76), ("NAO", 2.93), ("SLNAS", 2.86)):
        assert f"\n{name}  cifar10: {error} % test error, " in told
    page = run("zoo", "slnas_sport_searched").out
    assert "1,367,904 parameters" in page
    assert "0.64 M" in page
    assert run("zoo", "SLNAS_warmstart", "--to", "darts").out.startswith("Genotype(normal=[('slnas:")
    assert json.loads(run("zoo", "SLNAS_warmstart", "--json").out)["space"] == "slnas"
    assert "did you mean SLNAS_warmstart?" in refused("zoo", "SLNAS_wamstart")
