"""Genotypes of gradient searches: the searcher's own rule of derivation, and the form that keeps every edge."""

import json
from pathlib import Path
from typing import Any

import pytest

from nasreplay.jobs.searches import live_search
from nasreplay.jobs.training.training_target import read_target
from nasreplay.live.evaluator_settings import SupernetSettings
from nasreplay.runs import record
from nasreplay.runs.record import read_events
from nasreplay.search import SEARCHERS
from nasreplay.spaces.genotypes.notation import read_genotype
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.train.checkpoint import load_checkpoint

TINY = """--evaluator supernet --dataset digits --space nasnet --channels 2 --cells 1 --fraction 0.03 --batch 16
    --threads 1 --epochs 2 --seed 4"""


@pytest.mark.parametrize(
    ("searcher", "given", "rule"),
    [("snas", {}, "none"), ("snas", {"derive": "pairs"}, "pairs"), ("darts-v1", {}, "top2")],
)
def test_a_searcher_brings_its_rule_of_derivation(searcher, given, rule):
    settings = SupernetSettings.of({"space": "nasnet", **given}, SEARCHERS[searcher]())
    space: Any = settings.network.space
    assert settings.network.settings()["derive"] == space.rule == rule
    # which the shared weights do not depend on
    assert settings.network == SupernetSettings.of({"space": "nasnet", "derive": "top2"}).network


class Killed(BaseException):
    """Stands for a kill: nothing after it runs."""


@pytest.mark.slow
def test_a_run_that_was_begun_with_another_rule_goes_on_with_it(run, tmp_path, monkeypatch):
    monkeypatch.setattr(live_search, "SAVE_EVERY_S", 0.0)
    recorded = record.RunFolder.step

    def dies(self, step, *rest):
        if step == 4:
            raise Killed
        recorded(self, step, *rest)

    monkeypatch.setattr(record.RunFolder, "step", dies)
    with pytest.raises(Killed):
        run("search", "snas", *TINY.split(), "--derive", "top2", "--out", "it")
    monkeypatch.setattr(record.RunFolder, "step", recorded)
    file = tmp_path / "it/run.json"
    file.write_text(file.read_text().replace(" --derive top2", ""))  # as it was typed before
    run("resume", "it")
    assert json.loads(file.read_text())["evaluator"]["network"]["derive"] == "top2"
    assert "none" not in read_events(tmp_path / "it")[-1]["found"]


@pytest.mark.slow
def test_every_epoch_has_the_genotype_with_every_edge(run, refused, tmp_path):
    run("search", "snas", *TINY.split(), "--out", "it")
    epochs = [event for event in read_events(tmp_path / "it") if event["event"] == "epoch"]
    whole = [read_genotype(event["found_all_edges"]) for event in epochs]
    for event, genotype in zip(epochs, whole, strict=True):
        two = read_genotype(event["found"])
        for name, cell in genotype.cells().items():
            assert [len(node) for node in cell.nodes] == [2, 3, 4, 5]
            assert [node[:2] for node in cell.nodes] == list(two.cells()[name].nodes)
    (checkpoint,) = Path("it/checkpoint").glob("*-basic.pth")
    best = max(epochs, key=lambda event: event["shared_accuracy"])
    texts = [event["found_all_edges"] for event in epochs]
    assert load_checkpoint(checkpoint)["genotypes_all_edges"] == {
        **dict(enumerate(texts)),
        "best": best["found_all_edges"],
    }
    for place in ("it", str(checkpoint)):
        assert run("convert", place, "--to", "all-edge").out.strip() == texts[-1]
        assert run("convert", place, "--to", "darts").out.strip() == epochs[-1]["found"]
        assert read_target(place, "best", "all-edge").cell == read_genotype(best["found_all_edges"])
    few = "--dataset digits --recipe 1 --batch 64 --channels 2 --cells 1 --auxiliary 0 --fraction 0.1 --json"
    told = json.loads(run("retrain", "it", "--form", "all-edge", *few.split(), "--threads", "1").out)
    assert told["architecture"] == texts[-1]
    assert told["folder"].startswith("output/retrain/it-all-edge-digits")
    log = tmp_path / "it/events.jsonl"
    log.write_text(log.read_text().replace(json.dumps(texts[-1]), "3"))
    assert "it: its log names no all-edge genotype" in refused("convert", "it", "--to", "all-edge")


@pytest.mark.slow
def test_a_search_without_logits_has_none(run, refused):
    run("search", "rsps", *TINY.split(), "--set", "rsps.candidates=2", "--out", "it")
    (checkpoint,) = Path("it/checkpoint").glob("*-basic.pth")
    for place in ("it", str(checkpoint)):
        assert f"{place}: no all-edge genotype was recorded" in refused("convert", place, "--to", "all-edge")
        assert f"{place}: no all-edge genotype was recorded" in refused(
            "retrain", place, "--form", "all-edge"
        )


def test_other_genotypes_are_written_with_every_edge_and_cells_have_no_form(refused):
    assert read_target("SNAS_mild", form="all-edge").cell == entry("SNAS_mild").genotype.all_edges()
    whole = read_target("SNAS_mild_edge_all", form="two-input")
    assert whole.cell == entry("SNAS_mild").genotype
    assert whole.entry == entry("SNAS_mild_edge_all")
    cell = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    for option, value in (("--form", "all-edge"), ("--auxiliary", "0.4")):
        assert f"{option} does not apply" in refused("retrain", cell, option, value, "--dataset", "digits")
