import json
from pathlib import Path

import pytest
import torch

from nasreplay.errors import BadSetting, UnknownName
from nasreplay.train.optim import WEIGHT_SHARING, Recipe, recipe_of

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
    (group,) = recipe.optimiser(layer.parameters()).param_groups
    assert (len(group["params"]), group["weight_decay"]) == (2, 5e-4)


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
        ({"lr": 0.1}, "unknown setting 'lr'; known: scheduler"),
        ({"scheduler": "step"}, "scheduler = 'step'; known: cos"),
        ({"criterion": "SmoothSoftmax"}, "needs label_smooth"),
        ({"epochs": "many"}, "must be of type int"),
        ({"epochs": 0}, "must be above 0"),
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
