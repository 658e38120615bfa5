import json

import pytest

from nasreplay.spaces import known_spaces
from nasreplay.spaces.genotypes.notation import read_genotype
from nasreplay.spaces.genotypes.published_genotypes import zoo


def test_the_list_has_every_name_with_its_size(run):
    told, _, others = run("zoo").out.partition("\n\n")
    lines = told.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(zoo())
    (darts,) = [line for line in lines if line.startswith("DARTS_V2")]
    assert darts.split()[1:6] == ["3.349", "528.4", "2.76", "±", "0.09"]
    assert (
        "NAO  cifar10: 2.93 % test error, 2.5 M parameters, search of 0.3 GPU days [README of SLNAS" in others
    )
    assert "SLNAS  cifar10: 2.86 % test error, 1.31 M parameters" in others


def test_one_page(run):
    page = run("zoo", "gdas_f1").out
    assert read_genotype(page.splitlines()[0]) == zoo()["GDAS_F1"].genotype
    assert "2,543,014 parameters" in page
    assert "imagenet-1k: 27.50 % test error, top-5 9.1 %, 4.4 M parameters, 497 M multiply-adds [GDAS" in page


def test_days_of_the_search_and_released_weights(run):
    for name, days in (("SNAS_mild", "1.5"), ("GDAS_V1", "0.21"), ("GDAS_F1", "0.17"), ("DARTS_V2", "4")):
        assert f"search of {days} GPU days [" in run("zoo", name).out
    page = " ".join(run("zoo", "CNAS").out.split())
    assert "cnas-imagenet-602b7057.pth, 48 channels, 14 cells, auxiliary head, sha256:602b7057" in page
    assert json.loads(run("zoo", "CNAS", "--json").out)["weights"][0]["classes"] == 1000


@pytest.mark.parametrize("form", ["darts", "xautodl", "cnas", "cnas-json", "json", "all-edge"])
def test_forms(run, form):
    line = run("zoo", "DARTS_V1", "--to", form).out
    assert line.count("\n") == 1
    assert read_genotype(line).two_inputs() == zoo()["DARTS_V1"].genotype


def test_json(run):
    rows = json.loads(run("zoo", "--json").out)
    of_spaces = [name for space in known_spaces() if space.published for name in space.published.named]
    assert [row["name"] for row in rows] == [*zoo(), *of_spaces]
    one = json.loads(run("zoo", "SNAS_mild", "--json").out)
    assert one in rows
    assert (one["parameters"], one["dialect"]) == (2_663_542, "snas")
    assert one["published"][0] == {
        "dataset": "cifar10",
        "error": 2.98,
        "std": None,
        "top5_error": None,
        "parameters": 2.9,
        "multiply_adds": None,
        "search_days": 1.5,
        "source": "SNAS paper",
    }


def test_refusals(refused):
    assert "no published genotype 'DARTS_V3': did you mean DARTS_V2?" in refused("zoo", "DARTS_V3")
    assert "--to FORM needs NAME" in refused("zoo", "--to", "darts")
    assert "--to FORM needs NAME" in refused("zoo", "DARTS", "--to", "darts", "--json")
