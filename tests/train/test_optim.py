import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from nasreplay import config
from nasreplay.config import folder
from nasreplay.errors import BadSetting, UnknownName
from nasreplay.train.recipe import WEIGHT_SHARING, Recipe, recipe_of

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "learning_rates.json").read_text())
RECIPES = {
    "DARTS": Recipe("DARTS", 50, 0.025, 0.001),
    "GDAS": Recipe("GDAS", 250, 0.025, 0.001),
    "ENAS": Recipe("ENAS", 250, 0.05, 0.0005, t_max=10),
    "weight-sharing": WEIGHT_SHARING,
    "NAS-CIFAR": Recipe("NAS-CIFAR", 295, 0.025, warmup=5),
    "NAS-IMAGENET": Recipe("NAS-IMAGENET", 245, 0.1, warmup=5, smooth=0.1),
    "200E": recipe_of("200"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_recorded_learning_rates(name):
    for epoch, done, rate in GOLDEN[name]:
        assert RECIPES[name].learning_rate(epoch, done) == pytest.approx(rate, rel=1e-12, abs=1e-15)


def test_the_default_of_supernets_is_the_published_file():
    assert recipe_of(str(config.folder() / "opts" / "weight-sharing.config")) == WEIGHT_SHARING


def test_the_benchmarks_recipe():
    recipe = recipe_of("12")
    assert (recipe.lr, recipe.eta_min, recipe.decay, recipe.momentum, recipe.batch) == (
        0.1,
        0,
        5e-4,
        0.9,
        256,
    )
    assert recipe.nesterov
    assert [recipe.learning_rate(epoch) for epoch in (0, 6)] == pytest.approx([0.1, 0.05])
    layer = torch.nn.BatchNorm2d(2)
    (group,) = recipe.optimizer(layer.parameters()).param_groups
    assert (len(group["params"]), group["weight_decay"]) == (2, 5e-4)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_the_right_schedules_fall_over_all_epochs_after_the_warm_up(schedule):
    recipe = Recipe(epochs=10, warmup=5, lr=0.2, eta_min=0.1, schedule=schedule)
    plain = Recipe(epochs=10, lr=0.2, eta_min=0.1, schedule=schedule)
    assert [recipe.learning_rate(epoch) for epoch in range(5)] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    rates = [recipe.learning_rate(epoch) for epoch in range(5, 16)]
    assert rates == [plain.learning_rate(epoch) for epoch in range(11)]
    assert (rates[0], rates[5], rates[10]) == pytest.approx((0.2, 0.15, 0.1))
    assert all(one > other for one, other in pairwise(rates))


def test_the_published_cosine_ends_a_warm_up_too_early():
    published, right = (recipe_of(str(folder() / "opts" / "NAS-CIFAR.config")) for _ in range(2))
    right = replace(right, schedule="cosine")
    assert [published.learning_rate(epoch) for epoch in (294, 295, 299)] == pytest.approx(
        [2.55e-5, 0, 0], abs=1e-7
    )
    assert right.learning_rate(299) > 0


def test_biases_may_be_kept_from_decaying():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    recipe = Recipe(no_bias_decay=True)
    weights, biases = recipe.optimizer(recipe.groups(network)).param_groups
    assert (weights["weight_decay"], biases["weight_decay"]) == (5e-4, 0.0)
    assert {id(values) for values in biases["params"]} == {id(network[0].bias), id(network[1].bias)}
    assert len(weights["params"]) == 2


def test_label_smoothing_is_a_mixture_with_the_uniform():
    logits, labels = torch.randn(6, 5, generator=torch.Generator().manual_seed(1)), torch.arange(6) % 5
    target = 0.9 * torch.nn.functional.one_hot(labels, 5) + 0.1 / 5
    wanted = -(target * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(Recipe(smooth=0.1).loss(logits, labels), wanted)


def test_a_config_file(tmp_path):
    file = tmp_path / "mine.config"
    file.write_text(
        json.dumps(
            {
                "scheduler": ["str", "cos"],
                "LR": ["float", "0.05"],
                "eta_min": ["float", "0.001"],
                "epochs": ["int", "7"],
                "warmup": ["int", "2"],
                "optim": ["str", "SGD"],
                "decay": ["float", "0.0003"],
                "momentum": ["float", "0.8"],
                "nesterov": ["bool", "0"],
                "criterion": ["str", "SmoothSoftmax"],
                "label_smooth": ["float", "0.1"],
                "batch_size": ["int", "96"],
            }
        )
    )
    wanted = Recipe(
        "mine",
        epochs=7,
        lr=0.05,
        eta_min=0.001,
        warmup=2,
        momentum=0.8,
        nesterov=False,
        decay=3e-4,
        batch=96,
        smooth=0.1,
    )
    assert recipe_of(str(file)) == wanted
    assert wanted.total == 9


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"lr": 0.1}, "unknown setting 'lr'"),
        ({"scheduler": "up"}, "scheduler = 'up'; known: cos"),
        ({"criterion": "SmoothSoftmax"}, "needs label_smooth"),
        ({"epochs": "many"}, "must be of type int"),
        ({"epochs": 0}, "must be above 0"),
        ({"drop_path_prob": 1}, "must be 0 to"),
    ],
)
def test_bad_config_files_are_told(tmp_path, content, problem):
    file = tmp_path / "mine.config"
    file.write_text(json.dumps(content))
    with pytest.raises((BadSetting, UnknownName), match=problem):
        recipe_of(str(file))


@pytest.mark.parametrize("text", ["0", "x", "-3", "1.5"])
def test_recipes_that_do_not_exist(text):
    with pytest.raises(UnknownName, match="number of epochs"):
        recipe_of(text)


@pytest.mark.parametrize(
    ("warmup", "until", "images", "learns"),
    [
        (5, 1, 96, False),
        (5, 1, 97, True),
        (5, 2, 96, True),
        (0, 1, 10, True),
        (1, 1, 50, False),
        (1, 2, 50, True),
    ],
)
def test_a_run_that_cannot_learn_is_refused(warmup, until, images, learns):
    recipe = Recipe("mine", epochs=10, warmup=warmup, batch=96)
    if learns:
        recipe.check_learns(until, images)
        return
    with pytest.raises(
        BadSetting, match=rf"recipe mine: the learning rate is 0 throughout.*--epochs {until + 1}"
    ):
        recipe.check_learns(until, images)
