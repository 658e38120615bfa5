"""`nasreplay correlate` on the embedded table and on two tables."""

import json
from typing import Any

import numpy as np
import pytest

from nasreplay.data.embedded import embedded_pack
from nasreplay.data.pack import write_pack
from nasreplay.data.trials import trial_mean
from nasreplay.spaces import SIZE, TOPOLOGY


def made(path, values, space: Any = TOPOLOGY):
    columns = {"cifar10-valid/12/x-valid/accuracy": values[:, None], "cifar10-valid/12/seeds": [777]}
    about: dict[str, Any] = {"title": "mine", "source": "a test", "licence": "none"}
    write_pack(path, space, columns, epochs={"cifar10-valid/12": 12}, **about)
    return str(path)


@pytest.mark.slow
def test_numbers_follow_from_the_ranks(run, tmp_path):
    valid = trial_mean(embedded_pack().column("cifar10-valid/200/x-valid/accuracy"))
    fifth = np.where(np.arange(TOPOLOGY.size) % 5 == 0, valid, np.nan)
    order = np.argsort(-fifth, kind="stable")
    swapped = fifth.copy()
    swapped[order[[0, 1]]] = fifth[order[[1, 0]]]  # the two best change places
    one, other = made(tmp_path / "one.h5", fifth), made(tmp_path / "other.h5", swapped)
    tables = ("--table", one, "--table", other)
    facts = json.loads(
        run("correlate", "cifar10", "cifar10@12", *tables, "--top", "1", "--top", "2", "--json").out
    )
    assert facts["architectures"] == TOPOLOGY.size / 5
    assert facts["top"] == {"1": 0, "2": 2}
    assert facts["best"] == str(TOPOLOGY.at_flat(order[0]))
    assert facts["best_rank"] == 2
    assert 1 - 1e-5 < facts["kendall_tau"] < 1


def test_recorded_correlation_of_data_sets(run):
    from scipy import stats

    told = run("correlate", "cifar10", "ImageNet16-120").out
    values = [
        trial_mean(embedded_pack().column(f"{stored}/200/x-valid/accuracy"))
        for stored in ("cifar10-valid", "ImageNet16-120")
    ]
    valid, imagenet = values
    agreement: Any = stats.spearmanr(valid, imagenet)
    assert f"Spearman rho   {agreement.statistic:.4f}" in told
    assert "25,000 held-out training images" in told


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_figure_is_the_same_every_time(run, tmp_path, ending):
    some = np.where(np.arange(TOPOLOGY.size) % 50 == 0, np.linspace(10, 90, TOPOLOGY.size), np.nan)
    tables = ("--table", made(tmp_path / "some.h5", some), "--table", "embedded")
    files = [tmp_path / f"{name}.{ending}" for name in "ab"]
    for file in files:
        run("correlate", "cifar10", "cifar10/params", *tables, "--figure", str(file))
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].stat().st_size > 5_000


def test_axes_say_what_is_shown_and_of_which_table(run, tmp_path):
    mine = made(tmp_path / "mine.h5", np.linspace(10, 90, TOPOLOGY.size))
    figure = tmp_path / "a.svg"
    run("correlate", "cifar10", "cifar10", "--table", mine, "--table", "embedded", "--figure", str(figure))
    text = figure.read_text()
    assert text.count("accuracy on cifar10 valid (%)") == 2
    assert "table mine" in text
    assert "table NAS-Bench-201" in text
    assert "outside of the frame" in text  # the cells that learn nothing


def test_a_column_that_never_changes_has_no_correlation(run, tmp_path):
    flat = made(tmp_path / "flat.h5", np.full(TOPOLOGY.size, 50.0))
    assert "Kendall tau-b  nan" in run("correlate", "cifar10", "cifar10/params", "--table", flat).out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("cifar10", "cifar11"), "unknown data set"),
        (("cifar10/speed", "cifar10"), "known: train, valid"),
        (("cifar10@12", "cifar10"), "at recipe 200"),
        (("cifar10", "cifar10/params@200"), "leave out @200"),
        (("cifar10", "cifar100", "--top", "0"), "at least 1"),
        (
            ("cifar10", "cifar100", "--top", "10", "--top", "15626"),
            "at least 1 and at most 15625",
        ),
        (("cifar10@200:x", "cifar100"), "'x' is no epoch"),
        (("cifar10@200:201", "cifar100"), "has epochs 1 to 200, not 201"),
        (("cifar10@200:12", "cifar100"), "holds no accuracy after epoch 12"),
        (("cifar10/params@200:3", "cifar100"), "a cost has no epoch"),
        (("cifar10", "cifar100", "--figure", "it.gif"), ".png, .svg or .pdf"),
        (("cifar10", "cifar100", *("--table", "embedded") * 3), "at most two"),
    ],
)
def test_bad_input_is_one_line(refused, arguments, told):
    assert told in refused("correlate", *arguments)


def test_two_spaces_do_not_compare(refused, tmp_path):
    size = made(tmp_path / "size.h5", np.linspace(1, 90, SIZE.size), SIZE)
    told = refused("correlate", "cifar10", "cifar10", "--table", "embedded", "--table", size)
    assert "topology space" in told
