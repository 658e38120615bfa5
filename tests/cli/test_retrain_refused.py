"""What `nasreplay retrain` refuses: options, checkpoints, files, folders and sizes, each in one line."""

import json
import os

import pytest
import torch

from nasreplay import config
from nasreplay.train.checkpoint import save_checkpoint
from tests.support.made_up_searches import genotype, write

CELL = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"
TINY = ("--channels", "4", "--cells", "1", "--fraction", "0.05", "--batch", "16", "--threads", "1")
DIGITS = ("--dataset", "digits", *TINY)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("nothing",), "is not an architecture"),
        (("nowhere.pth",), "no such file"),
        (("GDAS_V1", "--epochs", "301"), "recipe NAS-CIFAR ends after 300"),
        (("GDAS_V1", "--schedule", "step"), "one of cos, cosine, linear"),
        (("GDAS_V1", "--config", "SHIPPED/NAS-CIFAR-SETN.config"), "is for SETN"),
        (("GDAS_V1", "--config", "SHIPPED/NAS-IMAGENET-SETN.config"), "digits is not read as ImageNet is"),
        (("GDAS_V1", "--side", "32"), "--side does not apply: digits is not read as ImageNet"),
        (("GDAS_V1", "--train-portion", "0.5"), "--train-portion does not apply: genotypes train on all"),
        (("GDAS_V1", "--config", "missing.config"), "cannot be read"),
        ((CELL, "--config", "SHIPPED/NAS-CIFAR-SETN.config"), "--config does not apply"),
        ((CELL, "--drop-path", "0.1"), "--drop-path does not apply"),
        (("GDAS_V1", "--drop-path", "1"), "drop_path is 1.0: it must be 0 to"),
        (("GDAS_F1", "--channels", "3"), "divisible by 8"),
        (("GDAS_V1", "--export", "net.xyz"), "must end with"),
        (("GDAS_V1", "--export", "no/net.pt2"), "no is no folder"),
        (("GDAS_V1", "--resume"), "--resume needs --out"),
        (("GDAS_V1", "--batch", "71"), "a batch of one of the 72 images is too few"),
        (("--epochs", "1"), "name a TARGET"),
    ],
)
def test_bad_input_is_refused_in_one_line(refused, arguments, problem):
    given = [each.replace("SHIPPED", str(config.folder() / "archs")) for each in arguments]
    assert problem in refused("retrain", *DIGITS, *given)


class Harmful:
    def __reduce__(self):
        return os.system, ("touch witness",)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"w_optimizer": Harmful()}, "system, which no checkpoint holds; nothing was executed"),
        ({"search_model": {"w": torch.tensor([float("nan")])}}, "search_model.w holds NaN or infinity"),
        ({"epoch": 9}, "has no genotype 8"),
    ],
)
def test_bad_checkpoints_are_refused_in_one_line(refused, tmp_path, more, problem):
    path = write(tmp_path / "x.pth", {0: genotype("none", "none", "none", "none")}, **more)
    assert problem in refused("retrain", str(path))
    assert not (tmp_path / "witness").exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no architecture given: write "),
        (b"\xff\xfe", "no architecture given: write "),
        (b"no genotype", "'no genotype' is not an architecture: write "),
        (b"Genotype(" * 20_000, "too long for a genotype"),
    ],
)
def test_bad_genotype_files_are_refused_in_one_line(refused, tmp_path, content, problem):
    (tmp_path / "mine.txt").write_bytes(content)
    told = refused("retrain", "mine.txt")
    assert told.startswith("nasreplay: error: mine.txt: ")
    assert problem in told


@pytest.mark.parametrize("lacking", ["run.json", "events.jsonl", "found"])
def test_folders_that_tell_of_no_cell(refused, tmp_path, lacking):
    (tmp_path / "s" / "checkpoint").mkdir(parents=True)
    if lacking != "run.json":
        (tmp_path / "s" / "run.json").write_text('{"evaluator": {"dataset": "digits"}}')
    if lacking == "found":
        (tmp_path / "s" / "events.jsonl").write_text('{"event": "start"}\n')
    state = {"step": 1, "searcher": {"state": {}}, "evaluator": {}}
    save_checkpoint(tmp_path / "s" / "checkpoint" / "step-1.pth", state)
    problem = {"found": "no event has accuracy"}.get(lacking, lacking)
    assert problem in refused("retrain", "s", *TINY)
    assert problem in refused("retrain", "s/checkpoint/step-1.pth", *TINY)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"arch": "dxys", "layres": 6}, "unknown setting 'layres': did you mean layers? known: "),
        ({"arch": "dxys", "stem_multi": 2}, "stem_multi is 2: it must be 3 to 3"),
        ({"layers": 6}, "needs arch (dxys) or super_type"),
        ({"arch": "dxys", "super_type": "infer-nasnet.cifar"}, "not both"),
        ({"super_type": ["str", "infer-shape.cifar"]}, "super_type is 'infer-shape.cifar'"),
        ({"arch": "dxys", "layers": ["int", "many"]}, "is not int"),
    ],
)
def test_bad_sizes_are_refused(refused, tmp_path, content, problem):
    (tmp_path / "mine.config").write_text(json.dumps(content))
    assert problem in refused("retrain", "GDAS_V1", *DIGITS, "--config", "mine.config")
