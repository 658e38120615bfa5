"""Files, run folders and standard input in the place of an architecture, for every command that takes one."""

import io
import json
import sys

import numpy as np
import pytest

from nasreplay.data.embedded import embedded_pack
from nasreplay.errors import BadArchitecture
from nasreplay.jobs.architectures import given
from nasreplay.jobs.training.training_target import read_cell
from nasreplay.spaces import Genotype
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.spaces.read import read
from tests.support.written_elsewhere import CELL, DARTS_V1, DARTS_V2, OTHER

LOG = f"epoch 0 : Structure(4 nodes with {OTHER})\nepoch 1 : Structure(4 nodes with {CELL})\nDone.\n"
PROGRAM = f"DARTS_V1 = {DARTS_V1}\nDARTS_V2 = {DARTS_V2}\n"
KEY = "302143"


@pytest.fixture
def files(home, tmp_path):
    (tmp_path / "cell.log").write_text(LOG)
    (tmp_path / "genotypes.py").write_text(f"import this\n{PROGRAM}")
    (tmp_path / "list.txt").write_text(f"# the best\n{CELL}\n\n  333133  # another\n9930\n")
    (tmp_path / "darts.json").write_text(f"\ufeff{DARTS_V2}", encoding="utf-16")
    embedded_pack()
    return tmp_path


def test_convert_and_query_take_file_names(files, run):
    told = run("convert", "cell.log", "--to", "key")
    assert (told.out, told.err) == (
        f"{KEY}\n",
        "nasreplay: cell.log: the last one, line 2; another as cell.log:LINE\n",
    )
    assert read(run("convert", "cell.log:1", "--to", "string").out) == read(OTHER)
    assert "line 3 holds no architecture; lines that do: 1, 2" in run("convert", "cell.log:3", status=2).err
    assert run("convert", "list.txt", "--to", "key").out.split()[:2] == [KEY, "333133"]
    assert run("convert", "genotypes.py:DARTS_V1", "--to", "darts").out == f"{DARTS_V1}\n"
    assert run("convert", "darts.json", "--to", "darts").out == f"{DARTS_V2}\n"
    assert len(json.loads(run("query", "list.txt", "--json").out)) == 3
    assert CELL in run("query", "cell.log").out


def test_draw_takes_the_same_files(files, run):
    assert "cell.svg" in run("draw", "cell.log").out
    assert "DARTS_V2.svg" in run("draw", "genotypes.py:DARTS_V2").out
    err = run("draw", "genotypes.py", status=2).err
    assert "genotypes.py: it holds several, DARTS_V1, DARTS_V2: choose one, as in FILE:DARTS_V2" in err
    assert "holds a list of 3 architectures" in run("draw", "list.txt", status=2).err


def test_of_a_log_of_nasreplay_what_was_found_is_taken(files, run):
    """Not the oracle's, the neighbors' or another cell that is printed for comparison, folded or not."""
    beside = f"oracle (exact slope)  91.61 % valid\n    {OTHER}\ntotal gap  0.00 points\n"
    neighbor = f"Best one-edit neighbor\n  {OTHER}  cifar10\n"
    logs = {
        "found": f"gdas on cifar10\nfound     {CELL}  (index 3)\n{beside}run  runs/a\n",
        "gap": f"live found  91.00 % valid\n    {CELL}\n{beside}",
        "gap wide": f"live found  91.00 %  {CELL}\n500 looks at the table  91.00 %  {OTHER}\n",
        "query": f"{CELL}\ntopology space\n\n{neighbor}\nWhat the accuracies are\n",
    }
    for text in logs.values():
        (files / "own.log").write_text(text)
        assert run("convert", "own.log", "--to", "key").out == f"{KEY}\n"
        assert str(read_cell(str(files / "own.log"))) == CELL
    (files / "own.log").write_text("rea on cifar10\nfound    8:16:24:32:40  (index 668)\nrun  runs/a\n")
    assert json.loads(run("convert", "own.log").out)["index"] == 668


def test_an_index_as_it_is_printed(files, run):
    (files / "printed.txt").write_text("#9930\n# a remark\n#12\n9930 # 5\n")
    told = run("convert", "#9930", "printed.txt", "--to", "key").out.split()
    assert told == ["333133", "333133", "000034", "333133"]
    assert "99999" in run("query", "#99999", status=2).err


def test_a_first_trial_takes_the_same_files(files):
    assert str(read_cell(str(files / "cell.log"))) == str(read_cell(CELL)) == CELL
    assert str(read_cell("all_idnt")).count("skip_connect") == 6
    with pytest.raises(BadArchitecture, match="not a NAS-Bench-201 cell"):
        read_cell(str(files / "darts.json"))


def test_a_number_and_a_published_name_are_no_files(files, run):
    for name in ("9930", "DARTS_V2"):
        (files / name).write_text(CELL)
    assert run("convert", "9930", "--to", "key").out != f"{KEY}\n"
    assert run("convert", "./9930", "--to", "key").out == f"{KEY}\n"
    assert run("convert", "DARTS_V2", "--to", "darts").out == f"{DARTS_V2}\n"


@pytest.mark.parametrize("command", ["convert", "query", "draw", "retrain"])
@pytest.mark.parametrize(
    "path", ["nothing.txt", "./nothing", "/nothing/here", "nothing.pth", "nothing.py:BEST"]
)
def test_a_file_that_is_not_there(run, command, path):
    err = run(command, path, status=2).err
    assert err.startswith(f"nasreplay: error: {path}: no such file or folder; or write |op~0|")


@pytest.mark.parametrize("text", [LOG, f"{CELL}\n", f"\ufeff# one\n{CELL}\n"])
def test_standard_input_holds_one(home, run, monkeypatch, text):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))
    assert run("convert", "-", "--to", "key").out == f"{KEY}\n"


def test_logits_in_numpy_files(tmp_path):
    codes = list(map(int, KEY))
    np.save(tmp_path / "cell.npy", np.eye(5)[codes] * 3 - 1)
    (found,) = given([str(tmp_path / "cell.npy")])
    assert str(found) == CELL == str(read(KEY))
    logits = np.random.default_rng(0).normal(size=(2, 14, 8))
    np.save(tmp_path / "darts.npy", logits)
    np.save(tmp_path / "flat.npy", logits.reshape(28, 8).astype(np.float32))
    shifted = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.save(tmp_path / "probable.npy", shifted)
    np.save(tmp_path / "half.npy", logits[0])
    both, flat, probable, half = given(
        [str(tmp_path / f"{name}.npy") for name in ("darts", "flat", "probable", "half")]
    )
    assert both == flat == probable
    assert isinstance(both, Genotype)
    assert half == Genotype(both.normal, None)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.zeros((3, 3)), "shape [3, 3]; the weights of a search are [6, 5], [14, 8], [28, 8], [2, 14, 8]"),
        (np.full((6, 5), np.nan), "NaN or infinity"),
        (np.array([["x"] * 5] * 6), "not numbers"),
        (np.array([[None] * 5] * 6), "not numbers"),
    ],
)
def test_other_arrays_are_refused(run, tmp_path, values, told):
    np.save(tmp_path / "it.npy", values, allow_pickle=True)
    assert told in run("convert", "it.npy", status=2).err


def test_damaged_arrays_are_refused(run, tmp_path):
    file = tmp_path / "it.npy"
    np.save(file, np.zeros((6, 5)))
    whole = file.read_bytes()
    for content in (
        b"",
        whole[:40],
        whole[:-8],
        b"\x93NUMPY\x09\x00" + whole[8:],
        whole.replace(b"(6, 5)", b"(6, -5"),
    ):
        file.write_bytes(content)
        assert "it.npy: " in run("convert", "it.npy", status=2).err


def test_files_that_are_no_files(run, tmp_path):
    assert "a pipe, a device or a socket" in run("convert", "/dev/zero", status=2).err
    (tmp_path / "empty").mkdir()
    assert "empty" in run("convert", "empty", status=2).err
    assert entry("DARTS_V2").name in run("zoo").out


def test_one_bad_line_leaves_the_others_their_answers(files, run, monkeypatch):
    lines = ["333133", "x", f"{CELL}  # ours", "# nothing", "|none~0|", "9930"]

    def piped(*arguments):
        text = "\n".join(lines)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))
        return run(*arguments, status=2)

    told = piped("query", "-", "--json")
    assert [each["key"] for each in json.loads(told.out)][:2] == ["333133", KEY]
    assert len(json.loads(told.out)) == 3
    assert told.err.startswith(
        "nasreplay: error: 2 of 5 left out: architecture 2 of 5: 'x' is not an architecture"
    )
    assert told.err.endswith("; also 4\n")
    assert piped("convert", "-", "--to", "key").out.split("\n")[:4] == ["333133", "", KEY, ""]
    assert run("query", "333133", "x", status=2).out == ""  # what was typed is refused as a whole
    lines[:] = ["x", "y"]
    assert "architecture 2 of 2: 'y'" in piped("query", "-").err


def test_a_fixed_reduction_and_lost_operations_are_said(files, run):
    assert "not drawn: the fixed reduction cell of GDAS-FRC" in run("draw", "GDAS_F1").err
    assert "fixed reduction cell of GDAS-FRC" in run("zoo", "GDAS_F1").out
    assert "GDAS-FRC" not in run("zoo", "GDAS_V1").out
    pairs = "[('sep_conv_3x3', 1), ('max_pool_3x3', 1)]"
    twice = f"Genotype(normal={pairs}, normal_concat=[2], reduce={pairs}, reduce_concat=[2])"
    told = run("draw", twice).err
    assert "normal cell, node 2: in layers of xautodl-searched only the last" in told
    assert "of the operations from state 1, max_pool_3x3, is built, in the place of each" in told


def test_dense_cells_are_not_drawn(run, tmp_path):
    nodes = [
        [("none" if source % 2 else "skip_connect", source) for source in range(state)]
        for state in range(2, 13)
    ]
    (tmp_path / "dense.txt").write_text(str({"normal": nodes}))
    err = run("draw", "dense.txt", status=2).err.splitlines()[-1]
    assert "normal cell has 77 operations: at most 48 are drawn; --hide-none" in err
