import json

import pytest

from nasreplay.spaces.genotypes.notation import read_genotype
from nasreplay.spaces.genotypes.published_genotypes import zoo


def test_the_list_has_every_name_with_its_size(run):
    lines = run("zoo").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(zoo())
    (darts,) = [line for line in lines if line.startswith("DARTS_V2")]
    assert darts.split()[1:6] == ["3.349", "528.4", "2.76", "±", "0.09"]


def test_one_page(run):
    page = run("zoo", "gdas_f1").out
    assert read_genotype(page.splitlines()[0]) == zoo()["GDAS_F1"].genotype
    assert "2,543,014 parameters" in page
    assert "imagenet-1k: 27.50 % test error, top-5 9.1 %, 4.4 M parameters, 497 M multiply-adds [GDAS" in page


@pytest.mark.parametrize("form", ["darts", "xautodl", "cnas", "cnas-json", "json", "all-edge"])
def test_forms(run, form):
    line = run("zoo", "DARTS_V1", "--to", form).out
    assert line.count("\n") == 1
    assert read_genotype(line).two_inputs() == zoo()["DARTS_V1"].genotype


def test_json(run):
    rows = json.loads(run("zoo", "--json").out)
    assert [row["name"] for row in rows] == list(zoo())
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
        "source": "SNAS paper",
    }


def test_refusals(refused):
    assert "no published genotype 'DARTS_V3': did you mean DARTS_V2?" in refused("zoo", "DARTS_V3")
    assert "--to FORM needs NAME" in refused("zoo", "--to", "darts")
    assert "--to FORM needs NAME" in refused("zoo", "DARTS", "--to", "darts", "--json")
