"""Recipes of the original systems: recorded learning rates, optimizers, and what the shipped files say."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from nasreplay import config
from nasreplay.errors import BadInput, BadSetting
from nasreplay.train.checkpoint import load_checkpoint, save_checkpoint
from nasreplay.train.descent.optimizers import OPTIMIZERS
from nasreplay.train.recipe import Recipe, recipe_of

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "schedules.json").read_text())


def shipped(name: str) -> Recipe:
    return recipe_of(str(config.folder() / "opts" / f"{name}.config"))


def rounded(row: dict) -> float:
    """The relative error of a record: that of the sparse CNAS has eight digits."""
    return 1e-7 if row["source"].startswith("sparse") else 1e-12


@pytest.mark.parametrize("row", GOLDEN["learning_rates"], ids=lambda row: row["source"])
def test_recorded_learning_rates(row):
    recipe = Recipe(**row["recipe"])
    for epoch, rate in row["values"].items():
        found = recipe.learning_rate(int(epoch) - recipe.first)
        assert found == pytest.approx(rate, rel=rounded(row), abs=1e-18), epoch


@pytest.mark.parametrize("row", GOLDEN["drop_path"], ids=lambda row: row["source"])
def test_recorded_rates_of_drop_path(row):
    recipe = Recipe(**row["recipe"])
    for epoch, rate in row["values"].items():
        assert recipe.drop_path_rate(int(epoch) - recipe.first) == pytest.approx(rate, rel=1e-12)


def test_a_shipped_recipe_is_known_by_its_name_and_takes_changes():
    assert recipe_of("SNAS-CIFAR") == shipped("SNAS-CIFAR")
    changed = recipe_of("SNAS-CIFAR,epochs=9,LR=0.05,criterion=SmoothSoftmax,label_smooth=0.2")
    assert changed == replace(shipped("SNAS-CIFAR"), epochs=9, lr=0.05, smooth=0.2)
    assert recipe_of("200,gradient_clip=5") == replace(recipe_of("200"), clip=5.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("SNAS-CIFR", "a shipped one: did you mean SNAS-CIFAR?"),
        ("SNAS-CIFAR,lr=1", "unknown setting 'lr': did you mean LR?"),
        ("SNAS-CIFAR,LR=", "lr = '': must be of type float"),
        ("12,optim=Lion", "optim = 'Lion'; known: SGD, Adam"),
    ],
)
def test_a_recipe_that_is_none_is_named(text, told):
    with pytest.raises(BadInput, match=re.escape(told)):
        recipe_of(text)


def test_the_geometric_warm_up_of_snas():
    recipe = replace(shipped("SNAS-IMAGENET"), epochs=230, warmup=20)
    rates = [recipe.learning_rate(epoch, done) for epoch in range(20) for done in (0, 0.5)]
    assert rates[::2] == pytest.approx([0.001 * 10 ** (epoch / 10) for epoch in range(20)], rel=1e-12)
    assert rates[::2] == rates[1::2]  # by epochs
    assert [recipe.learning_rate(epoch) for epoch in (20, 21)] == pytest.approx([0.1, 0.097])


def test_multistep_and_exponential_are_those_of_autodl_projects():
    optimizers: Any = pytest.importorskip("xautodl.procedures.optimizers")
    cases: tuple[tuple[Any, dict[str, Any]], ...] = (
        (optimizers.MultiStepLR, {"milestones": [2, 4], "gammas": [0.1, 0.5]}),
        (optimizers.ExponentialLR, {"gamma": 0.9}),
    )
    for schedule, more in cases:
        name = schedule.__name__.removesuffix("LR").lower()
        recipe = Recipe(epochs=6, warmup=2, lr=0.2, schedule=name, **more)
        theirs = schedule(torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.2), 2, 6, *more.values())
        for epoch in range(8):
            theirs.update(epoch, 0.25)
            assert recipe.learning_rate(epoch, 0.25) == pytest.approx(theirs.get_lr()[0], rel=1e-12)


def test_one_gamma_serves_all_milestones():
    recipe = Recipe(epochs=9, lr=1, schedule="multistep", milestones=(3, 6), gamma=0.1)
    assert [recipe.learning_rate(epoch) for epoch in (2, 3, 5, 6)] == pytest.approx([1, 0.1, 0.1, 0.01])


@pytest.mark.parametrize("epochs", [1, 2, 5, 6])
def test_short_linear_falls_with_a_tail_end_at_zero(epochs):
    recipe = Recipe(epochs=epochs, schedule="linear-tail", first=1)
    rates = [recipe.learning_rate(epoch) for epoch in range(epochs)]
    assert rates == sorted(rates, reverse=True)
    assert (rates[-1], max(rates) <= recipe.lr) == (0, True)
    if epochs == 1:
        with pytest.raises(BadSetting, match="it ends at 0 after 1 epochs: more epochs"):
            recipe.check_learns(1, 10)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"milestones": (3, 2)}, "milestones must rise"),
        ({"milestones": (2, 3), "gammas": (0.1,)}, "each with a gamma or none"),
        ({"schedule": "linear-released", "warmup": 5}, "divides by 0 with a warm-up of 5"),
        ({"gamma": 1.5}, "gamma is 1.5: it must be 0 to 1"),
        ({"first": 2}, "first is 2"),
        ({"decay_period": 0}, "decay_period is 0: it must be above 0"),
        ({"optim": "Adagrad"}, "optim is 'Adagrad': one of SGD, Adam, Adamax, AdaBound, RMSprop"),
        ({"lighting": -0.1}, "lighting is -0.1"),
        ({"drop_path_until": 0}, "drop_path_until is 0"),
        ({"evaluations": -1}, "evaluations is -1"),
    ],
)
def test_what_means_nothing_is_refused(wrong, problem):
    with pytest.raises(BadSetting, match=problem):
        Recipe(**wrong)


def weights_after(steps: int, recipe: Recipe, weight: torch.nn.Parameter, optimizer=None) -> torch.Tensor:
    """A weight after steps down (w − 3)² at a rate that changes."""
    optimizer = optimizer or recipe.optimizer([weight])
    for step in range(steps):
        optimizer.zero_grad()
        ((weight - 3) ** 2).sum().backward()
        optimizer.param_groups[0]["lr"] = recipe.lr * (1 - step / 100)
        optimizer.step()
    return weight.detach()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_continue_to_the_same_bits(tmp_path, name):
    recipe = Recipe(optim=name, lr=0.01, decay=0.1, momentum=0.5)
    start = torch.tensor([0.0, 1.0, 5.0, -40.0])
    weight = torch.nn.Parameter(start.clone())
    optimizer = recipe.optimizer([weight])
    weights_after(5, recipe, weight, optimizer)
    save_checkpoint(tmp_path / "x.pt", {"weight": weight.detach(), "optimizer": optimizer.state_dict()})
    whole = weights_after(5, recipe, weight, optimizer)
    saved = load_checkpoint(tmp_path / "x.pt")
    again = torch.nn.Parameter(saved["weight"])
    continued = recipe.optimizer([again])
    continued.load_state_dict(saved["optimizer"])
    assert torch.equal(weights_after(5, recipe, again, continued), whole)
    assert ((whole - 3).abs() < (start - 3).abs()).all()
    values = [
        values for values in optimizer.state[weight].values() if torch.is_tensor(values) and values.dim()
    ]
    assert len([each for each in values if each.shape == weight.shape]) <= OPTIMIZERS[name].kept


def test_adabound_by_its_formula():
    recipe, at, mean, square = Recipe(optim="AdaBound", lr=0.001, decay=0.1), 2.0, 0.0, 0.0
    weight = torch.nn.Parameter(torch.tensor([at], dtype=torch.float64))
    for step in range(1, 8):
        rate = 0.001 * (1 - (step - 1) / 100)
        gradient = 2 * (at - 3) + 0.1 * at
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        size = rate * math.sqrt(1 - 0.999**step) / (1 - 0.9**step) / (math.sqrt(square) + 1e-8)
        final = 0.1 * rate / 0.001
        low, high = final * (1 - 1 / (0.001 * step + 1)), final * (1 + 1 / (0.001 * step))
        at -= min(max(size, low), high) * mean
    assert weights_after(7, recipe, weight).item() == pytest.approx(at, rel=1e-12)


def test_drop_path_rises_for_a_part_of_the_epochs_and_stays():
    # recorded from the release of SLNAS: retraining on CIFAR, on images
    for largest, known in (
        (0.35, {0: 0, 1: 0.00058333333, 300: 0.175, 419: 0.24441667, 420: 0.24441667, 599: 0.24441667}),
        (0.5, {0: 0, 1: 0.00083333333, 300: 0.25, 419: 0.34916667, 420: 0.34916667, 599: 0.34916667}),
    ):
        recipe = Recipe(epochs=600, drop_path=largest, drop_path_until=0.7)
        assert {epoch: recipe.drop_path_rate(epoch) for epoch in known} == pytest.approx(known, rel=1e-7)
    short = Recipe(epochs=3, drop_path=0.3, drop_path_until=0.7)
    assert [short.drop_path_rate(epoch) for epoch in range(3)] == pytest.approx([0, 0.1, 0.2])


def test_vectors_may_be_spared_the_decay():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2))
    kept, spared = (
        Recipe(no_vector_decay=True).optimizer(Recipe(no_vector_decay=True).groups(network)).param_groups
    )
    assert [values.dim() for values in kept["params"]] == [4, 2]
    assert [values.dim() for values in spared["params"]] == [1, 1, 1, 1]
    assert (kept["weight_decay"], spared["weight_decay"]) == (5e-4, 0)


def test_evaluations_are_evenly_spaced():
    def epochs(**recipe):
        made = Recipe(**recipe)
        return [epoch for epoch in range(1, made.total + 1) if made.evaluates(epoch)]

    assert epochs(epochs=600, evaluations=3) == [200, 400, 600]
    assert epochs(epochs=7, evaluations=3) == [2, 4, 6]  # and after the last one, whatever comes of it
    assert epochs(epochs=2, evaluations=3) == epochs(epochs=2) == [1, 2]


def test_labels_are_smoothed_from_so_many_classes_on():
    recipe = Recipe(smooth=0.1, smooth_from=50)
    labels = torch.arange(4)
    for classes, smooth in ((10, 0.0), (49, 0.0), (50, 0.1), (100, 0.1)):
        logits = torch.sin(torch.arange(4.0 * classes)).reshape(4, classes)
        wanted = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smooth)
        assert recipe.loss(logits, labels) == wanted


def test_what_recipes_did_not_always_have_is_told_where_it_is_unusual():
    assert {"optim", "gamma", "first", "lighting"}.isdisjoint(Recipe().settings())
    told = Recipe(optim="Adam", milestones=(1.0, 2.0), schedule="multistep").settings()
    assert (told["optim"], told["milestones"]) == ("Adam", [1.0, 2.0])
    assert Recipe(**json.loads(json.dumps(told))).settings() == told
