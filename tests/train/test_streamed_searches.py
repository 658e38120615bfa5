"""Images of any size, read from files: recipes' augmentations, searches, decoded pixels on disk."""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nasreplay import search
from nasreplay.errors import BadData, BadOutput, BadSetting
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import CellNetwork
from nasreplay.seeds import Stream
from nasreplay.train.common_settings import ImageSettings
from nasreplay.train.device import Device
from nasreplay.train.images.image_sources import ImageSet
from nasreplay.train.images.streamed import load_files
from nasreplay.train.images.streaming.streamed_batches import StreamedBatches, StreamedPairs
from nasreplay.train.recipe import Recipe, recipe_of
from tests.support.made_up import image_folder

RECIPE = Recipe(augmentation="resolutions")
SIDE = 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """3 classes of 12 images each way, 97 × 53 and 64 × 64."""
    root = image_folder(tmp_path_factory.mktemp("made") / "wide", {"train": 12, "val": 12}, ending="jpg")
    noise = np.random.default_rng(1)
    for number, file in enumerate(sorted(root.rglob("*.jpg"))):
        small = Image.fromarray(noise.integers(0, 256, (9, 9, 3), dtype=np.uint8))
        small.resize((97, 53) if number % 2 else (64, 64)).save(file)
    return root


def part(folder: Path, workers: int = 0, cache: Path | None = None, recipe: Recipe = RECIPE):
    return load_files(str(folder), None, SIDE, workers, cache=cache).train.by(recipe)


def run_of(images, epochs: int = 2) -> list[torch.Tensor]:
    batches = StreamedBatches(images, 8, Stream(3, "data"), Device())
    return [batch for _ in range(epochs) for batch, _ in batches]


def test_evaluated_images_are_squared_and_cropped_as_published(folder):
    images = part(folder)
    found = torch.cat([batch for batch, _ in images.in_order(36, Device())])
    with Image.open(images.files[1]) as image:
        scaled = image.resize((36, 36), Image.Resampling.LANCZOS).crop((2, 2, 34, 34))
    wanted = (np.asarray(scaled) / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    assert np.abs(found[1].permute(1, 2, 0).numpy() - wanted).max() < 1e-5


def test_a_side_of_224_is_scaled_to_the_published_squares(folder):
    from nasreplay.data.cards.base import Streaming
    from nasreplay.train.images.streaming.augmentations import AUGMENTATIONS

    kind = AUGMENTATIONS["resolutions"]
    assert kind.squares(Streaming()) == (256, 128, 64, 32)
    assert kind.squares(Streaming(64)) == (73, 36, 18, 9)
    torch.manual_seed(0)
    drawn = np.bincount([kind.drawn_square() for _ in range(4000)], minlength=4) / 4000
    assert np.abs(drawn - (0.55, 0.15, 0.15, 0.15)).max() < 0.03


def test_workers_a_cache_and_interruptions_change_no_bit(folder, tmp_path, capsys):
    whole = run_of(part(folder))
    assert whole[0].shape == (8, 3, SIDE, SIDE)
    kept = run_of(part(folder, 2, tmp_path / "kept"))
    told = capsys.readouterr().err
    assert "decoding once: 36 images take 0.000185 GB in" in told
    assert all(torch.equal(one, other) for one, other in zip(whole, kept, strict=True))
    again = StreamedBatches(part(folder, 0, tmp_path / "kept"), 8, Stream(3, "data"), Device())
    again.load_state_dict({"epoch": 0, "taken": 16})
    assert all(torch.equal(one, again.next().images) for one in whole[2:5])
    assert capsys.readouterr().err == ""
    usual = Recipe()
    crops = [run_of(part(folder, 0, cache, usual), 1) for cache in (None, tmp_path / "kept")]
    assert all(torch.equal(one, other) for one, other in zip(*crops, strict=True))
    assert not torch.equal(crops[0][0], whole[0])


def test_a_changed_or_damaged_entry_is_made_again(folder, tmp_path, capsys):
    cache = tmp_path / "kept"
    whole = run_of(part(folder, 0, cache), 1)
    (entry,) = (each for each in cache.iterdir() if each.is_dir())
    with (entry / "pixels").open("r+b") as stream:
        stream.truncate(100)
    (cache / f".{entry.name}.partial").mkdir()  # of a killed process
    assert torch.equal(run_of(part(folder, 0, cache), 1)[0], whole[0])
    assert [each.name for each in cache.iterdir() if each.is_dir()] == [entry.name]
    assert capsys.readouterr().err.count("decoding once") == 2
    file = Path(part(folder).files[0])
    Image.new("RGB", (64, 64)).save(file)
    run_of(part(folder, 0, cache), 1)
    assert len([each for each in cache.iterdir() if each.is_dir()]) == 2


def test_a_cache_that_cannot_be(folder, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadOutput, match=r"file: cannot be written: .*choose another --cache"):
        run_of(part(folder, 0, tmp_path / "file"))


def test_pairs_are_what_they_are_whichever_half_is_read(folder):
    weights, arch = (part(folder).take(np.arange(*rows)) for rows in ((0, 24), (24, 36)))

    def pairs() -> StreamedPairs:
        return StreamedPairs(weights, arch, 8, Stream(1, "data"), Device(), drop_last=True)

    run = pairs()
    whole = [(pair.weights.images, pair.arch.images) for pair in run]
    assert (len(whole), len(run), run.epoch) == (3, 3, 1)
    later = pairs()
    second = [later.next() for _ in range(2)][1]
    assert torch.equal(second.arch.images, whole[1][1])  # without the first
    assert torch.equal(second.weights.images, whole[1][0])


def test_a_search_learns_from_a_part_and_never_looks_at_val(folder, tmp_path):
    shutil.copytree(folder, own := tmp_path / "own")
    recipe = replace(RECIPE, batch=8, test_batch=8, drop_last=True, arch_batch=4)
    source = ImageSettings(dataset=str(own), side=SIDE, workers=0).source(usual=0.8)
    for file in (own / "val").rglob("*.jpg"):
        file.write_bytes(b"no image")
    supernet = SupernetEvaluator(source, CellNetwork(channels=2, cells=1), recipe=recipe)
    searcher = search.make("enas", epochs=1, samples=1, candidates=1, final_candidates=2)
    search.run(searcher, supernet, search.Budget(epochs=1), seed=0)
    assert (len(supernet.images[0]), len(supernet.images[1])) == (28, 8)
    assert (supernet.steps_per_epoch, supernet.held_out_steps) == (3, 2)
    assert source.split == "a part 0.8 of the training images, seed 1021"


def test_recipes_say_how_images_are_normalized_and_changed(tmp_path):
    file = tmp_path / "mine.config"
    values = {"mean": [0.4914, 0.4822, 0.4465], "std": [0.2023, 0.1994, 0.201], "cutout": 16}
    file.write_text(json.dumps(values))
    digits = ImageSettings(dataset="digits").source().train.by(recipe_of(str(file)))
    assert isinstance(digits, ImageSet)
    assert digits.mean == pytest.approx((125.307, 122.961, 113.8575))
    assert (digits.augment.cutout, digits.std[2]) == (16, pytest.approx(51.255))
    with pytest.raises(BadSetting, match="must be three numbers each"):
        Recipe(mean=(0.5,), std=(0.5,))
    with pytest.raises(BadSetting, match=r"augmentation is 'crop': one of crops, resolutions"):
        Recipe(augmentation="crop")
    with pytest.raises(BadSetting, match=r"augmentation resolutions of recipe .*give --side N"):
        ImageSettings(dataset="digits").source().train.by(RECIPE)
    streamed = load_files("imagenet-1k", image_folder(tmp_path / "a", {"train": 1, "val": 1}), 8, 0).train
    with pytest.raises(BadSetting, match="cutout 16: images read from files are not cut"):
        streamed.by(recipe_of(str(file)))
    with pytest.raises(
        BadSetting, match="--cache does not apply: digits is not read from files without --side"
    ):
        ImageSettings(dataset="digits", cache=tmp_path).source()


def test_slnas_trains_and_searches_as_it_says():
    small, large = (recipe_of(f"SLNAS-{name}") for name in ("OTHER", "IMAGENET"))
    assert replace(small, name=large.name, augmentation="resolutions") == large
    for cifar in ("SLNAS-CIFAR", "SLNAS-SEARCH"):
        assert recipe_of(cifar).mean == (0.4914, 0.4822, 0.4465)
        assert recipe_of(cifar).std == (0.2023, 0.1994, 0.201)
    searched = recipe_of("SLNAS-SEARCH-IMAGENET")
    assert (searched.batch, searched.arch_batch, searched.drop_last, searched.eta_min) == (32, 64, True, 1e-4)
    assert searched.train_portion == recipe_of("SLNAS-SEARCH").train_portion == 0.8


@pytest.mark.slow
def test_a_killed_reader_leaves_no_process_and_no_part(folder, tmp_path):
    code = (
        "from nasreplay.train.images.streamed import load_files\n"
        "from nasreplay.train.recipe import Recipe\n"
        f"part = load_files({str(folder)!r}, None, 640, 2).train.by(Recipe(augmentation='resolutions'))\n"
        "for batch in part.read([[(n, n)] for n in range(30)] * 99): print('read', flush=True)\n"
    )
    reader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=tmp_path)
    assert reader.stdout
    assert reader.stdout.readline() == b"read\n"
    children = Path(f"/proc/{reader.pid}/task/{reader.pid}/children").read_text().split()
    reader.send_signal(signal.SIGKILL)
    reader.wait()
    for _ in range(200):
        if not any(Path(f"/proc/{child}").exists() for child in children):
            return
        time.sleep(0.1)  # nobody is told when the children of a killed parent end
    raise AssertionError("workers outlive their reader")


def test_damage_is_told_in_one_line_by_a_cache_too(tmp_path):
    root = image_folder(tmp_path / "mine", {"train": 2, "val": 1})
    (root / "train/bee/001.png").write_bytes(b"no image")
    for workers in (0, 1):
        with pytest.raises(BadData, match=r"train/bee/001\.png: not an image that can be read") as told:
            run_of(part(root, workers, tmp_path / "kept"))
        assert "\n" not in str(told.value)
    assert not [each for each in (tmp_path / "kept").iterdir() if each.is_dir()]
