"""By which recipe something is trained: its release's, with options, and for longer than before."""

import json
from typing import Any, get_args, get_type_hints

import pytest
import torch

from nasreplay import config
from nasreplay.errors import BadInput, BadSetting
from nasreplay.jobs.training import retrain
from nasreplay.jobs.training.training_settings import RetrainSettings
from nasreplay.jobs.training.training_setup import Training, prepare
from nasreplay.jobs.training.training_target import read_cell, read_target
from nasreplay.live.evaluator_settings import published_recipe
from nasreplay.models.shared_networks import NETWORKS
from nasreplay.search import make
from nasreplay.spaces.costs.network_plan import DIALECTS
from nasreplay.train.images.streaming.augmentations import COLORS, SPREADS, lit
from nasreplay.train.recipe import Recipe, recipe_of
from tests.support.made_up import image_folder

TINY = {"dataset": "digits", "channels": 2, "cells": 0, "fraction": 0.1, "batch": 32, "threads": 1}


def training(target: str, **settings) -> Training:
    return prepare(read_target(target), RetrainSettings(**{"dataset": "digits", **settings}))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Images as ImageNet's and images of 64 pixels."""
    place = tmp_path_factory.mktemp("images")
    image_folder(place / "ILSVRC2012", {"train": 4, "val": 2}, side=40)
    image_folder(place / "large", {"train": 4, "val": 2}, side=64)
    return place


def test_every_dialect_is_an_option_and_has_recipes():
    named, _ = get_args(get_type_hints(RetrainSettings)["dialect"])
    assert {*get_args(named)} == DIALECTS.keys()
    shipped = {file.stem for file in (config.folder() / "opts").glob("*.config")}
    for dialect in DIALECTS.values():
        assert {f"{dialect.recipe}-CIFAR", f"{dialect.recipe}-IMAGENET"} <= shipped


@pytest.mark.parametrize(
    ("target", "more", "name"),
    [
        ("SNAS_mild", {}, "SNAS-CIFAR"),
        ("SNAS_mild_edge_all", {}, "SNAS-CIFAR"),
        ("CNAS", {}, "CNAS-CIFAR"),
        ("DARTS_V1", {}, "DARTS-CIFAR"),
        ("DARTS", {}, "NAS-CIFAR"),  # AutoDL-Projects has sizes for it
        ("DARTS", {"dialect": "darts"}, "DARTS-CIFAR"),
        ("GDAS_V1", {}, "NAS-CIFAR"),
        ("GDAS_FG", {}, "GDAS2019-CIFAR"),
        ("DARTS_MORE_V1", {}, "SPARSE-CIFAR"),
        ("PDARTS", {}, "NAS-CIFAR"),
        ("Genotype(normal=[('none', 0), ('none', 1)], reduce=[('none', 0), ('none', 1)])", {}, "NAS-CIFAR"),
    ],
)
def test_the_recipe_is_that_of_the_release(target, more, name):
    assert training(target, **more).recipe.name == name


@pytest.mark.parametrize(
    ("target", "dataset", "name", "lighting"),
    [
        ("SNAS_moderate", "imagenet-1k", "SNAS-IMAGENET", 0),
        ("CNAS", "imagenet-1k", "CNAS-IMAGENET", 0),
        ("GDAS_F1", "imagenet-1k", "GDAS2019-IMAGENET", 0),
        ("GDAS_V1", "imagenet-1k", "NAS-IMAGENET", 0.1),
        ("DARTS_MORE_V1", "imagenet-1k", "SPARSE-IMAGENET", 0),
        ("DARTS_MORE_V1", "large", "SPARSE-OTHER", 0),
        ("CNAS", "large", "CNAS-CIFAR", 0),
    ],
)
def test_the_recipe_goes_with_the_images(folders, target, dataset, name, lighting):
    about = (
        {"dataset": str(folders / "large")} if dataset == "large" else {"dataset": dataset, "data": folders}
    )
    recipe = training(target, **about).recipe
    assert (recipe.name, recipe.lighting) == (name, lighting)


@pytest.mark.parametrize(
    ("target", "more", "channels"),
    [
        ("SNAS_mild", {}, 50),
        ("DARTS_V1", {"dialect": "snas"}, 50),
        ("SNAS_mild", {"channels": 48}, 48),
        ("CNAS", {}, 48),
        ("SETN", {}, 58),
    ],
)
def test_imagenet_networks_have_the_channels_of_their_release(folders, target, more, channels):
    plan: Any = training(target, dataset="imagenet-1k", data=folders, **more).network.sizes
    assert plan.channels == channels


def test_files_in_the_folder_of_a_search_train_as_its_cells(tmp_path):
    file = tmp_path / "derive" / "stage-1" / "epoch-1" / "arch-1.json"
    file.parent.mkdir(parents=True)
    edges = [("sep_conv_3x3", 0), ("none", 1)] * 4
    file.write_text(f"Genotype(normal={edges}, normal_concat=[5], reduce={edges}, reduce_concat=[5])")
    searched = {
        "evaluator": {"dataset": "digits", "space": "nasnet-cnas"},
        "searcher": {"name": "curriculum"},
    }
    assert (read_target(file).dialect, read_target(file).dataset) == ("", "")
    (tmp_path / "run.json").write_text(json.dumps(searched))
    assert (read_target(file).dialect, read_target(file).dataset) == ("cnas", "digits")
    assert prepare(read_target(file), RetrainSettings()).recipe.name == "CNAS-CIFAR"


def test_shipped_files_say_drop_path_and_cutout():
    own = training("DARTS_MORE_V1").recipe
    assert (own.drop_path, own.auxiliary, own.smooth_from) == (0.05, 0, 50)
    for target in ("DARTS_V2", "SNAS_mild", "CNAS", "GDAS_F1", "DARTS_MORE_V1"):
        assert training(target).recipe.cutout == 4  # 16 would leave nothing of these images
    general = training("GDAS_V1").recipe
    assert (general.drop_path, general.cutout) == (0.2, 4)  # half the image


def test_all_searches_of_the_sparse_space_learn_by_its_recipe():
    network = NETWORKS["nasnet-sparse"]()
    for searcher in ("darts-v1", "gdas"):
        recipe = recipe_of(str(published_recipe(make(searcher), network)))
        assert (recipe.epochs, recipe.batch, recipe.lr, recipe.eta_min) == (60, 64, 0.025, 0.003)
        assert (recipe.momentum, recipe.nesterov, recipe.decay, recipe.clip) == (0.9, False, 3e-4, 5)
        recipe.check_shared()


def test_options_change_the_recipe():
    more = {"lr": 0.01, "warmup": 7, "optim": "Adamax", "decay": 0.001, "clip": 2.0, "smooth": 0.2}
    recipe = training("DARTS_MORE_V1", **more).recipe
    assert {name: getattr(recipe, name) for name in more} == more
    assert (recipe.total, recipe.epochs, recipe.smooth_from) == (200, 193, 0)
    assert training("CNAS", momentum=0.0).recipe.momentum == 0


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"warmup": 600}, "--warm-up 600: recipe CNAS-CIFAR has 600 epochs in all"),
        ({"lr": 0.0}, "lr is 0.0: it must be above 0"),
        ({"smooth": 1.0}, "smooth is 1.0: it must be 0 to 0.999999999"),
        ({"clip": -1.0}, "clip is -1.0"),
        ({"optim": "adam"}, "optim is 'adam': one of SGD, Adam"),
        ({"schedule": "step"}, "schedule is 'step': one of cos, cosine, linear"),
        ({"gamma": 0.9}, "--gamma means nothing to cosine: it is of exponential, multistep"),
        ({"schedule": "multistep", "decay_period": 2}, "--decay-period means nothing to multistep"),
        ({"optim": "Adam", "momentum": 0.5}, "--momentum means nothing to Adam: it is of SGD, RMSprop"),
    ],
)
def test_bad_options_are_refused(more, problem):
    with pytest.raises(BadInput, match=problem):
        training("CNAS", **more)


def test_a_training_goes_on_for_longer(tmp_path):
    folder, cell, told = tmp_path / "x", read_cell("resnet"), []
    options = {**TINY, "recipe": "2", "out": str(folder)}
    first = retrain(cell, seed=1, **options)
    longer = retrain(cell, resume=True, epochs=4, tell=told.append, **options)
    assert "lengthened from 2 to 4 epochs: from here on its schedules are those of 4" in told
    rates = [epoch.lr for epoch in longer.epochs]
    assert rates == [Recipe("2", epochs).learning_rate(at) for at, epochs in enumerate((2, 2, 4, 4))]
    assert longer.epochs[:2] == first.epochs
    header = json.loads((folder / "run.json").read_text())
    assert (header["recipe"]["epochs"], header["lengthened"]) == (4, [[2, 4]])
    again = retrain(cell, resume=True, **options)
    assert again.epochs == longer.epochs
    with pytest.raises(BadSetting, match=r"--epochs 3: .*x has 4 epochs already; ask for more, or for none"):
        retrain(cell, resume=True, epochs=3, **options)
    with pytest.raises(BadSetting, match="recipe 2 ends after 2"):
        retrain(cell, epochs=4, **{**options, "out": str(tmp_path / "y")})


def test_a_training_goes_on_by_its_own_recipe(tmp_path):
    file = tmp_path / "mine.config"
    file.write_text('{"epochs": 3, "LR": 0.05, "momentum": 0.5, "scheduler": "exponential", "gamma": 0.5}')
    options = {**TINY, "recipe": str(file), "out": str(tmp_path / "x"), "optim": "AdaBound", "lr": 0.001}
    whole = retrain(read_cell("resnet"), seed=1, **{**options, "out": str(tmp_path / "whole")})
    retrain(read_cell("resnet"), seed=1, epochs=1, **options)
    file.write_text('{"epochs": 3, "LR": 0.01}')
    found = retrain(read_cell("resnet"), resume=True, **options)
    assert [epoch.train.loss for epoch in found.epochs] == [epoch.train.loss for epoch in whole.epochs]
    assert [epoch.lr for epoch in found.epochs] == [0.001, 0.0005, 0.00025]


def test_lighting_moves_all_pixels_along_the_colors():
    image = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(2)
    moved = lit(image, 0.1) - image
    torch.manual_seed(2)
    shift = torch.tensor(COLORS) @ (0.1 * torch.randn(3) * torch.tensor(SPREADS))
    torch.testing.assert_close(moved, shift.view(3, 1, 1).expand(3, 4, 5))
    colors = torch.tensor(COLORS)
    torch.testing.assert_close(colors.T @ colors, torch.eye(3), atol=1e-3, rtol=0)


def test_lighting_is_for_images_from_files():
    with pytest.raises(BadSetting, match=r"lighting 0.1: only images read from files are lit; set it to 0"):
        training("GDAS_V1", lighting=0.1).trainer(0)
    opts = config.folder() / "opts"
    assert recipe_of(str(opts / "NAS-IMAGENET.config")).lighting == 0.1
