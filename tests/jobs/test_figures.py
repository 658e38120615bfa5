"""What `nasreplay draw` draws besides one architecture: weights of searches, curves of trainings, sheets."""

import json
from pathlib import Path

import numpy as np
import pytest

from nasreplay.errors import BadInput, BadOutput, BadSetting, LacksCapability
from nasreplay.jobs.figures import draw
from nasreplay.jobs.searches import search
from nasreplay.jobs.searches.edge_weights import edge_weights
from nasreplay.runs.drawing.sheet import Captioned, sheet
from nasreplay.runs.drawing.training_curves import curves, logged_epochs
from nasreplay.runs.report.looks import rendered
from nasreplay.spaces import TOPOLOGY, space_named
from nasreplay.spaces.genotypes.derivation import softmax
from nasreplay.spaces.genotypes.published_genotypes import entry

SCORE = {"loss": 2.0, "top1": 30.0, "top5": 70.0, "seconds": 1.0}


@pytest.fixture(scope="module")
def on_table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table") / "run"
    search("darts-v1", sets=("darts-v1.epochs=40", "darts-v1.learning_rate=0.1"), seed=1, out=folder)
    return folder


def test_weights_of_a_search_on_a_table(on_table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = edge_weights(on_table)
    assert found.space is TOPOLOGY
    assert np.allclose(found.weights.sum(axis=1), 1)
    told = json.loads((on_table / "events.jsonl").read_text().splitlines()[-1])["found"]
    assert TOPOLOGY.format(found.weights.argmax(axis=1)) == told
    (checkpoint,) = (on_table / "checkpoint").iterdir()
    assert np.array_equal(edge_weights(checkpoint).weights, found.weights)
    said = []
    assert draw(on_table, weights=True, tell=said.append) == [
        Path("run-weights.svg"),
        Path("run-weights.png"),
    ]
    assert said == [f"weights of {checkpoint}"]
    drawn = Path("run-weights.svg").read_text()
    assert drawn.count("n(3,2)") == 1
    assert ">none<" not in drawn
    draw(str(on_table), weights=True, keep_none=True, out="with.svg")
    assert ">none<" in Path("with.svg").read_text()


def test_searches_without_logits_and_other_things_are_refused(on_table, tmp_path):
    search("rea", evaluations=12, seed=1, out=tmp_path / "rea")
    with pytest.raises(LacksCapability, match="rea has no logits of edges"):
        draw(tmp_path / "rea", weights=True)
    with pytest.raises(BadOutput, match="keeps no best epoch"):
        draw(on_table, weights=True, which="best")
    with pytest.raises(BadInput, match="no run folder"):
        draw("333111", weights=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "run.json").write_text('{"seed": 1}')
    with pytest.raises(LacksCapability, match="no search"):
        draw(tmp_path / "other", weights=True)


@pytest.mark.slow
def test_weights_of_a_live_search_and_of_the_checkpoint_that_it_leaves(tmp_path):
    tiny = {
        "dataset": "digits",
        "fraction": 0.05,
        "channels": 4,
        "cells": 1,
        "seed": 3,
        "threads": 1,
        "epochs": 1,
    }
    search("gdas", "supernet", space="nasnet-gdas", **tiny, out=tmp_path)
    found, best = edge_weights(tmp_path), edge_weights(tmp_path, "best")
    left = edge_weights(tmp_path / "checkpoint" / "seed-3-basic.pth")
    assert found.space is best.space is left.space is space_named("nasnet-gdas")
    assert np.array_equal(found.weights, best.weights)
    assert np.array_equal(found.weights, left.weights)
    assert draw(tmp_path / "checkpoint" / "seed-3-basic.pth", weights=True, out=str(tmp_path / "a.pdf"))


@pytest.mark.parametrize(
    ("shape", "space"), [((6, 5), "topology"), ((14, 8), "nasnet-gdas-frc"), ((28, 8), "nasnet-gdas")]
)
def test_checkpoints_of_autodl_projects(shape, space, tmp_path):
    import torch

    logits = torch.randn(shape)
    both = {"arch_normal_parameters": logits[:14], "arch_reduce_parameters": logits[14:]}
    model = both if shape[0] == 28 else {"arch_parameters": logits}
    torch.save(
        {"search_model": model, "epoch": 1, "genotypes": {}, "args": {}}, tmp_path / "seed-1-basic.pth"
    )
    found = edge_weights(tmp_path / "seed-1-basic.pth")
    assert found.space.name == space
    assert np.allclose(found.weights, softmax(logits.double().numpy()))
    torch.save({"search_model": {"arch_parameters": torch.randn(3, 3)}}, tmp_path / "odd.pth")
    with pytest.raises(BadInput, match=r"logits of shape \[3, 3\]"):
        edge_weights(tmp_path / "odd.pth")
    torch.save({"search_model": {"arch_parameters": torch.full((6, 5), torch.nan)}}, tmp_path / "failed.pth")
    with pytest.raises(BadInput, match="NaN or infinity"):
        edge_weights(tmp_path / "failed.pth")


def training(folder, epochs=3):
    folder.mkdir()
    sets = {"x-valid": SCORE, "ori-test": SCORE | {"top1": 40.0}}
    lines = [
        {"epoch": n, "lr": 0.1, "train": SCORE | {"loss": 3.0 / n}, "sets": sets}
        for n in range(1, epochs + 1)
    ]
    (folder / "epochs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.mark.parametrize("width", [3.3, 6.8])
def test_curves_show_the_epoch_log(tmp_path, width):
    figure = curves(logged_epochs(training(tmp_path / "run")), width)
    loss, accuracy = figure.axes
    assert [line.get_label() for line in loss.lines] == ["train", "x-valid", "ori-test"]
    assert np.array_equal(loss.lines[0].get_ydata(), [3.0, 1.5, 1.0])
    assert np.array_equal(accuracy.lines[2].get_ydata(), [40.0] * 3)
    assert np.array_equal(accuracy.lines[0].get_xdata(), [1, 2, 3])
    assert len({line.get_color() for line in loss.lines}) == 3
    assert figure.get_figwidth() == width


def test_the_folder_of_a_training_is_drawn_as_curves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = training(tmp_path / "run")
    assert draw("run") == [Path("run-curves.svg"), Path("run-curves.png")]
    assert "Cross-entropy" in Path("run-curves.svg").read_text()
    with pytest.raises(BadSetting, match=r"\.dot is a text of cells"):
        draw(folder, out="it.dot")
    with pytest.raises(BadSetting, match="--which has no effect on the curves of a training"):
        draw(folder, which="best")
    (folder / "epochs.jsonl").write_text('{"epoch": "one"}\n')
    with pytest.raises(BadOutput, match=r"epochs\.jsonl, line 1"):
        draw(folder)
    (folder / "epochs.jsonl").write_text("")
    with pytest.raises(BadOutput, match="no epoch of this training is over yet"):
        draw(folder)


def test_a_sheet_has_a_caption_for_each_architecture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert draw("DARTS_V2", 77, "SNAS_mild", sheet=True, out=("it.svg", "it.dot")) == [
        Path("it.svg"),
        Path("it.dot"),
    ]
    captions = (
        "(a) DARTS_V2, normal cell",
        "(a) DARTS_V2, reduction cell",
        "(b) 77",
        "(c) SNAS_mild, normal cell",
    )
    for words in captions:
        assert words in Path("it.svg").read_text()
        assert f'digraph "{words}"' in Path("it.dot").read_text()
    with pytest.raises(BadSetting, match="2 architectures: one is drawn, or several with --sheet"):
        draw("DARTS_V2", "SNAS_mild")
    with pytest.raises(BadSetting, match="at most 26"):
        draw(*range(27), sheet=True)
    with pytest.raises(BadSetting, match="name the architectures"):
        draw(sheet=True)


def test_cells_of_a_sheet_stand_side_by_side_and_a_dollar_is_a_dollar():
    graphs = TOPOLOGY.graphs((3,) * 6)
    figure = sheet([Captioned(f"${place}$", graphs) for place in range(4)], 6.8)
    places = [text.get_position() for text in figure.axes[0].texts if text.get_text().startswith("(")]
    assert len({round(x) for x, _ in places}) == 2
    assert len({round(y) for _, y in places}) == 2
    assert b"(a) $0$" in rendered(figure, "svg")
    genotype = entry("GDAS_V1").genotype.graphs()
    assert sheet([Captioned("one", genotype), Captioned("two", genotype)], 3.3).get_figwidth() <= 3.3
