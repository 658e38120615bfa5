import io
import json
import sys

import numpy as np
import pytest

from nasreplay.data.embedded import embedded_pack
from nasreplay.data.pack import Pack
from nasreplay.spaces import TOPOLOGY
from tests.support.query_tables import rows, write_many_recipes, write_widths

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"


@pytest.fixture
def query(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")

    def call(*arguments: str, stdin: str = "", status: int = 0) -> tuple[str, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
        told = run("query", *arguments, status=status)
        return told.out, told.err

    return call


@pytest.fixture
def pack(home) -> Pack:
    return embedded_pack()


@pytest.fixture(scope="module")
def many_recipes(tmp_path_factory) -> str:
    return str(write_many_recipes(tmp_path_factory.mktemp("pack") / "many.h5"))


@pytest.fixture(scope="module")
def widths(tmp_path_factory) -> str:
    return str(write_widths(tmp_path_factory.mktemp("pack") / "widths.h5"))


# --- the numbers -----------------------------------------------------------------------------------


def test_one_cell_in_full(query, pack):
    told = json.loads(query(BEST, "--json")[0])
    assert (told["architecture"], told["index"], told["key"]) == (BEST, 9930, "333133")
    assert list(told["datasets"]) == ["cifar10", "cifar100", "ImageNet16-120"]
    flat = TOPOLOGY.architecture(BEST).flat
    for name, stored in (("cifar10", "cifar10-valid"), ("cifar100", "cifar100")):
        (known,) = told["datasets"][name]["accuracies"]
        table = pack.column(f"{stored}/200/x-valid/accuracy")
        trials = table[flat]
        mean = np.nanmean(table, axis=1)
        assert known["trials_percent"] == dict(zip(("777", "888", "999"), trials.tolist(), strict=True))
        assert known["accuracy_percent"] == pytest.approx(trials.mean(), abs=1e-12)
        assert known["std_population_percent"] == pytest.approx(trials.std(), abs=1e-12)
        assert known["rank"] == 1 + (mean > mean[flat] + 1e-9).sum()
        assert known["rank_of"] == 15625
        assert known["percentile"] == pytest.approx(100 * (mean < mean[flat] - 1e-9).mean())
        assert (known["split"], known["recipe"], known["epoch"]) == ("valid", "200", 200)
        assert f"read from {stored}" in known["meaning"]
        around = TOPOLOGY.flat(TOPOLOGY.neighbors(TOPOLOGY.from_flat([flat]))[0])
        beside = known["best_neighbor"]
        assert beside["accuracy_percent"] == pytest.approx(mean[around].max())
        assert beside["gain_points"] == pytest.approx(mean[around].max() - mean[flat])
        assert TOPOLOGY.architecture(beside["architecture"]).official_index == beside["index"]
        assert known["training_seconds"] == 200 * pack.column(f"{stored}/200/seconds_per_epoch")[flat]
    cifar10 = told["datasets"]["cifar10"]
    assert cifar10["parameters"] == TOPOLOGY.parameters(TOPOLOGY.from_flat([flat]), 10)[0]
    assert cifar10["flops"] == TOPOLOGY.flops(TOPOLOGY.from_flat([flat]), 10, 32)[0]
    assert cifar10["latency_ms"] == 1e3 * pack.column("cifar10-valid/latency")[flat]


@pytest.mark.parametrize(
    ("dataset", "index", "accuracy"),
    [("cifar10", 6111, 91.61), ("cifar100", 9930, 73.49), ("ImageNet16-120", 10676, 46.73)],
)
def test_the_optimum_of_every_data_set(query, dataset, index, accuracy):
    told = json.loads(query(str(index), "--dataset", dataset, "--json")[0])
    (known,) = told["datasets"][dataset]["accuracies"]
    assert known["rank"] == 1
    assert round(known["accuracy_percent"], 2) == accuracy
    assert known["best_neighbor"]["gain_points"] < 0


def test_ties_share_the_better_rank(query, pack):
    mean = np.nanmean(pack.column("cifar10-valid/200/x-valid/accuracy"), axis=1)
    values, counts = np.unique(mean, return_counts=True)
    place = np.flatnonzero(counts > 1)[-1]
    tied = np.flatnonzero(mean == values[place])
    told = rows(query(*(TOPOLOGY.key(c) for c in TOPOLOGY.from_flat(tied)), "--dataset", "c10", "--csv")[0])
    assert {row["rank"] for row in told} == {str(1 + (mean > values[place]).sum())}


def test_equivalent_cells(query, pack):
    told = json.loads(query("8192", "--json")[0])
    classes = pack.column("unique_class")
    flat = TOPOLOGY.parse_key(told["key"])
    same = np.flatnonzero(classes == classes[TOPOLOGY.flat(np.array([flat]))[0]])
    assert told["equivalent_cells"] == len(same) - 1 == 24
    best = told["datasets"]["cifar10"]["accuracies"][0]["best_equivalent_cells"]
    mean = np.nanmean(pack.column("cifar10-valid/200/x-valid/accuracy"), axis=1)
    order = sorted((mean[s] for s in same if TOPOLOGY.flat_to_official[s] != 8192), reverse=True)
    assert [each["accuracy_percent"] for each in best] == pytest.approx(order[:3])


def test_one_trial(query, pack):
    (known,) = json.loads(query(BEST, "--trial", "888", "--dataset", "cifar10", "--json")[0])["datasets"][
        "cifar10"
    ]["accuracies"]
    column = pack.column("cifar10-valid/200/x-valid/accuracy")[:, 1]
    value = column[TOPOLOGY.architecture(BEST).flat]
    assert known["accuracy_percent"] == value
    assert known["rank"] == 1 + (column > value).sum()
    assert "accuracy of trial 888" in query(BEST, "--trial", "888")[0]


def test_third_trial_ranks_among_those_that_have_it(query, pack):
    flat = int(np.flatnonzero(~np.isnan(pack.column("cifar100/200/x-valid/accuracy")[:, 2]))[0])
    (row,) = rows(query(str(TOPOLOGY.at_flat(flat)), "--trial", "999", "--dataset", "cifar100", "--csv")[0])
    assert row["rank_of"] == "8169"


# --- what is printed -------------------------------------------------------------------------------


def test_text_of_one_cell(query):
    out, _ = query("9930")
    lines = out.splitlines()
    assert lines[0] == BEST
    assert "index 9930 · key 333133" in lines[1]
    (accuracy,) = (line for line in lines if line.startswith("validation accuracy, %, 200 epochs"))
    assert "73.49 ± 0.08" in accuracy
    assert "accuracy on the 25,000 held-out training images" in out
    assert "recipe 200, epoch 200" in out
    assert "trial 999" in out
    assert "3←2 nor_conv_1x1" in out
    assert all(len(line) <= 110 for line in lines[: lines.index("Best one-edit neighbor")])


def test_test_accuracy_is_missed_or_stands_beside_validation(query, many_recipes):
    out, _ = query("9930")
    assert out.splitlines()[2].startswith(
        "no test accuracy: the embedded table holds validation accuracy only;"
    )
    assert "nasreplay data convert ARCHIVE" in out
    assert "no test accuracy" not in query("0", "--table", many_recipes)[0]


@pytest.mark.parametrize(
    "arguments",
    [("9930",), ("9930", "6111"), ("--best", "cifar10"), ("8:16:24:32:40",), ("9930", "1", "2", "3")],
)
def test_a_query_fits_the_terminal(query, monkeypatch, arguments):
    monkeypatch.setenv("COLUMNS", "80")
    out, _ = query(*arguments)
    assert max(map(len, out.splitlines())) <= 80
    monkeypatch.delenv("COLUMNS")
    whole, _ = query(*arguments)
    assert "|nor_conv_3x3~0|+|" in whole or ":" in arguments[0]
    assert len(whole.splitlines()) <= len(out.splitlines())


def test_side_by_side_or_sections(query, monkeypatch):
    together, _ = query("9930", "6111")
    assert "#9930             #6111" in together
    monkeypatch.setenv("COLUMNS", "50")
    apart, _ = query("9930", "6111")
    assert "#9930             #6111" not in apart
    assert apart.count("topology space · index") == 2


def test_a_list_for_many(query):
    out, _ = query("-", stdin="\n".join(map(str, range(100))))
    assert len(out.splitlines()) < 120
    assert out.splitlines()[1].split()[0] == "#0"


def test_a_list_for_many_explains_only_what_it_shows(query, many_recipes):
    out, _ = query("-", "--table", many_recipes, stdin="\n".join(map(str, range(30))))
    assert "recipe 200" in out
    assert "recipe 12" not in out


def test_an_architecture_that_was_not_measured(query, many_recipes):
    text = str(TOPOLOGY.at_flat(5))
    told = f"nasreplay: #{TOPOLOGY.at_flat(5).official_index} is not among the 15,624 measured of 15,625 "
    assert query(text, "--table", many_recipes, status=1) == ("", f"{told}architectures of the table\n")
    out, err = query(text, "9930", "--table", many_recipes, status=1)
    assert (BEST in out, text in out, told in err) == (True, False, True)
    told = json.loads(query(text, "--table", many_recipes, "--json")[0])
    known = told["datasets"]["cifar10"]["accuracies"][0]
    assert (known["accuracy_percent"], known["rank"], known["percentile"]) == (None, None, None)
    row = rows(query(text, "--table", many_recipes, "--csv")[0])[0]
    assert row["accuracy_percent"] == row["rank"] == row["latency_ms"] == ""


def test_equivalent_cells_that_were_not_measured_are_not_ranked(query, run, tmp_path):
    (tmp_path / "two.csv").write_text("i,acc\n8192,90\n9930,91\n")
    maps = ("--map", "i=index", "--map", "acc=cifar10-valid/12/x-valid/accuracy")
    run("data", "import-csv", "two.csv", *maps, "--out", "two.h5")
    told = json.loads(query("8192", "--table", "two.h5", "--json")[0])
    assert told["equivalent_cells"] == 24
    assert told["datasets"]["cifar10"]["accuracies"][0]["best_equivalent_cells"] == []


def test_every_recipe_and_split_is_told(query, many_recipes):
    told = rows(query("0", "--table", many_recipes, "--csv")[0])
    assert [(row["dataset"], row["split"], row["recipe"]) for row in told] == [
        ("cifar10", "valid", "200"),
        ("cifar10", "valid", "12"),
        ("cifar100", "test", "200"),
    ]
    assert told[2]["trial_777_percent"] == ""
    out, _ = query("0", "--table", many_recipes)
    assert "averaged by its source" in out
    assert "validation accuracy, %, 12 epochs" in out
    (row,) = rows(query("0", "--table", many_recipes, "--epochs", "12", "--csv")[0])
    assert row["recipe"] == "12"
    (row,) = rows(query("0", "--table", many_recipes, "--trial", "888", "--dataset", "c10", "--csv")[0])
    assert row["recipe"] == "12"


def test_thousands_from_standard_input(query):
    texts = [str(TOPOLOGY.at_flat(flat)) for flat in range(0, 15625, 3)]
    out, _ = query("-", "--csv", "--dataset", "cifar10", stdin="\n\n".join(texts))
    told = rows(out)
    assert [row["architecture"] for row in told] == texts
    alone = rows(query(texts[77], "--csv", "--dataset", "cifar10")[0])
    assert alone == [told[77]]
    objects = json.loads(query("-", "--json", stdin="\n".join(texts[:400]))[0])
    assert [each["architecture"] for each in objects] == texts[:400]


def test_index_flag(query):
    assert json.loads(query("--index", "009930", "--json")[0])["index"] == 9930


# --- the size space --------------------------------------------------------------------------------


def test_widths_without_a_table(query):
    out, err = query("8:8:8:8:8")
    assert "0.012" in out
    assert "4.48" in out
    assert "nasreplay data import-csv" in out.splitlines()[-1]
    assert err == ""
    told = json.loads(query("8:8:8:8:8", "--json")[0])
    assert told["datasets"]["cifar10"] == {
        "parameters": 11714,
        "flops": 4481114,
        "latency_ms": None,
        "accuracies": [],
    }
    assert "no accuracy" in told["why_no_accuracy"]
    out, err = query("8:8:8:8:8", "8:8:8:8:16", "--csv")
    assert len(rows(out)) == 6
    assert "no accuracy" in err


def test_widths_with_a_table(query, widths):
    told = json.loads(query("0", "--table", widths, "--json")[0])
    assert told["architecture"] == "8:8:8:8:8"
    assert told["datasets"]["cifar10"]["accuracies"][0]["rank"] == 1
    assert told["equivalent_cells"] is None
    assert "c4 = 16" in query("8:8:8:8:8", "--table", widths)[0]


# --- the best under constraints --------------------------------------------------------------------


def test_best_under_constraints(query, pack):
    limits = ("--max-params", "0.5", "--max-flops", "60", "--max-latency", "15")
    told = rows(query("--best", "cifar100", *limits, "-n", "7", "--csv")[0])
    parameters, flops = (
        TOPOLOGY.parameters(TOPOLOGY.all_codes, 100),
        TOPOLOGY.flops(TOPOLOGY.all_codes, 100, 32),
    )
    allowed = (parameters <= 500_000) & (flops <= 60_000_000) & (pack.column("cifar100/latency") <= 0.015)
    mean = np.nanmean(pack.column("cifar100/200/x-valid/accuracy"), axis=1)
    expected = np.sort(mean[allowed])[::-1][:7]
    np.testing.assert_allclose([float(row["accuracy_percent"]) for row in told], expected)
    out, _ = query("--best", "cifar100", *limits, "-n", "7")
    assert f"the best 7 of {allowed.sum():,} architectures with parameters ≤ 0.5 M" in out


def test_limits_are_inclusive(query):
    (row,) = rows(query("--best", "cifar10", "-n", "1", "--csv")[0])
    limits = ("--max-params", str(int(row["parameters"]) / 1e6), "--max-flops", str(int(row["flops"]) / 1e6))
    again = rows(query("--best", "c10", *limits, "--max-latency", row["latency_ms"], "-n", "1", "--csv")[0])
    assert again == [row]
    assert row["index"] == "6111"


def test_nothing_qualifies(query):
    for form, empty in (("--json", "[]"), ("--csv", None)):
        out, err = query("--best", "cifar10", "--max-params", "0.001", form, status=1)
        assert "no architecture of cifar10 has parameters ≤ 0.001 M" in err
        assert out.strip() == empty or len(out.splitlines()) == 1
    assert query("--best", "cifar10", "--max-params", "0.001", status=1)[0] == ""
