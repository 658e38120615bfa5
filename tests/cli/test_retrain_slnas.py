"""`nasreplay retrain` and `--evaluator scratch` of SLNAS's lists, with and without the weights of a search."""

import json

import pytest

from tests.support.command import call
from tests.support.slnas_golden import GOLDEN

LISTS = json.dumps(GOLDEN["architectures"]["readme_aid50"])
TINY = ("--dataset", "digits", "--channels", "4", "--fraction", "0.05", "--threads", "1", "--seed", "1")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            (LISTS, "--blocks", "[1,1,1,1]"),
            "block 8 (the reduction, stage 4) gets 1 × 1 pixels of images of 8 × 8",
        ),
        ((LISTS, "--blocks", "[1,1]", "--stem", "image"), "block 4 (the reduction, stage 2) gets 1 × 1"),
        ((LISTS, "--channels", "7"), "channels is 7"),
        ((LISTS, "--blocks", "3"), "--blocks 3: must be a list"),
        ((LISTS, "--layers", "5"), "--layers does not apply"),
        ((LISTS, "--train-portion", "0.5"), "--train-portion does not apply"),
        ((LISTS, "--blocks", "[0]", "--inherit", "nowhere"), "nowhere"),
        (("GDAS_V1", "--blocks", "[2,2]"), "--blocks does not apply to genotypes"),
        (
            ("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|", "--stem", "cifar"),
            "--stem does not apply",
        ),
    ],
)
def test_what_does_not_apply_or_fit_is_refused_in_one_line(refused, arguments, problem):
    assert problem in refused("retrain", *TINY, *arguments)


@pytest.mark.slow
def test_a_list_is_trained_evaluated_exported_and_continued(tmp_path, capsys):
    small = ("--blocks", "[0]", "--batch", "24", "--cutout", "0", "--out", "net")
    call("retrain", LISTS, *TINY, *small, "--epochs", "1", "--export", "net.safetensors", cwd=tmp_path)
    call("retrain", LISTS, *TINY, *small, "--epochs", "2", "--resume", cwd=tmp_path)
    whole = [json.loads(line) for line in (tmp_path / "net/epochs.jsonl").read_text().splitlines()]
    other = ("--blocks", "[0]", "--batch", "24", "--cutout", "0", "--out", "other")
    call("retrain", LISTS, *TINY, *other, "--epochs", "2", cwd=tmp_path)
    again = [json.loads(line) for line in (tmp_path / "other/epochs.jsonl").read_text().splitlines()]
    assert [each["train"]["loss"] for each in whole] == [each["train"]["loss"] for each in again]
    header = json.loads((tmp_path / "net/run.json").read_text())
    assert (header["channels"], header["blocks"], header["stem"]) == (4, "[0]", "cifar")
    capsys.readouterr()
    call("evaluate", "net", "--fraction", "0.05", "--json", cwd=tmp_path)
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert scores["ori-test"]["top1"] == whole[-1]["sets"]["ori-test"]["top1"]


@pytest.mark.slow
def test_what_a_search_found_is_trained_from_its_shared_weights(tmp_path):
    space = ("--space", "slnas", "--blocks", "[0]", "--stem", "cifar")
    about = ("--evaluator", "supernet", *space, "--epochs", "1", "--set", "rsps.candidates=3")
    call("search", "rsps", *TINY, *about, "--out", "found", cwd=tmp_path)
    call(
        "search",
        "random",
        *TINY,
        *about[:-4],
        "--evaluations",
        "2",
        "--weights",
        "found",
        "--out",
        "r",
        cwd=tmp_path,
    )
    sizes = ("--blocks", "[0]", "--epochs", "1", "--cutout", "0")
    call("retrain", "found", *TINY, *sizes, "--inherit", "found", "--out", "net", cwd=tmp_path)
    assert (tmp_path / "net/epochs.jsonl").read_text().count("\n") == 1


@pytest.mark.slow
def test_scratch_trains_lists(tmp_path, monkeypatch):
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path / "home"))
    about = ("--evaluator", "scratch", "--space", "slnas", "--blocks", "[0]", "--epochs", "1")
    call("search", "random", *TINY, *about, "--evaluations", "2", "--out", "run", cwd=tmp_path)
    kept = list((tmp_path / "home/scratch").glob("*/*.json"))
    assert len(kept) == 2
