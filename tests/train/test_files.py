import numpy as np
import pytest
import torch
from PIL import Image

from nasreplay.errors import BadData
from nasreplay.seeds import Stream
from nasreplay.train.device import Device
from nasreplay.train.images.image_sources import load
from nasreplay.train.images.streamed import load_files
from nasreplay.train.images.streaming.streamed_batches import StreamedBatches
from tests.support.made_up import image_folder

SIDE = 28


@pytest.fixture
def folder(tmp_path):
    """Noise of several sizes, as large images are."""
    root = image_folder(tmp_path / "ILSVRC2012", {"train": 5, "val": 3}, side=8)
    noise = np.random.default_rng(1)
    for place, file in enumerate(sorted(root.rglob("*.png"))):
        size = (30 + place, 50 - place, 3)
        Image.fromarray(noise.integers(0, 256, size, dtype=np.uint8)).save(file)
    return tmp_path


def batches(folder, workers: int = 0) -> StreamedBatches:
    source = load_files("imagenet-1k", folder, SIDE, workers)
    return StreamedBatches(source.train, 4, Stream(3, "data"), Device())


def test_a_folder_is_listed_by_class(folder):
    source = load_files("imagenet-1k", folder, SIDE, 0)
    assert (source.classes, source.side, len(source.train), len(source.all_test)) == (3, SIDE, 15, 9)
    assert source.train.labels.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert source.fingerprint == load_files("imagenet-1k", folder / "ILSVRC2012", SIDE, 1).fingerprint
    assert source.fingerprint != load_files("imagenet-1k", folder, 32, 1).fingerprint
    assert source.train.fraction(0.2).labels.tolist() == [0, 1, 2]


def test_an_epoch_has_every_image_once_and_the_next_another_order(folder):
    run = batches(folder)
    first, second = ([labels for _, labels in run] for _ in range(2))
    assert [len(labels) for labels in first] == [4, 4, 4, 3]
    for epoch in (first, second):
        assert sorted(torch.cat(epoch).tolist()) == [0] * 5 + [1] * 5 + [2] * 5
    assert not torch.equal(torch.cat(first), torch.cat(second))
    assert run.epoch == 2


def test_workers_and_interruptions_change_no_bit(folder):
    run = batches(folder)
    whole = [images for _ in range(2) for images, _ in run]
    assert whole[0].shape == (4, 3, SIDE, SIDE)
    assert not torch.equal(whole[0][0], whole[4][0])
    before = torch.get_rng_state()
    cut = batches(folder, workers=2)
    for place, (images, _) in enumerate(cut):
        assert torch.equal(images, whole[place])
        if place == 1:
            break
    rest = batches(folder)
    rest.load_state_dict(cut.state_dict())
    assert rest.state_dict() == {"epoch": 0, "taken": 8}
    found = [images for _ in range(2) for images, _ in rest]
    assert all(torch.equal(one, other) for one, other in zip(found, whole[2:], strict=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_evaluation_scales_and_crops_at_the_centre(folder):
    part = load_files("imagenet-1k", folder, SIDE, 0).all_test
    images = torch.cat([images for images, _ in part.in_order(4, Device())])
    assert images.shape == (9, 3, SIDE, SIDE)
    again = torch.cat([images for images, _ in part.in_order(9, Device())])
    assert torch.equal(images, again)
    with Image.open(part.files[0]) as image:
        wide, high = image.size
        scaled = image.resize((32, 32 * high // wide) if wide < high else (32 * wide // high, 32), 2)
    left, top = (scaled.width - SIDE) // 2, (scaled.height - SIDE) // 2
    pixels = np.asarray(scaled.crop((left, top, left + SIDE, top + SIDE))) / 255
    wanted = (pixels - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    assert np.abs(images[0].permute(1, 2, 0).numpy() - wanted).max() < 0.1


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_image_is_named_in_one_line(folder, workers):
    damaged = folder / "ILSVRC2012/train/bee/002.png"
    damaged.write_bytes(b"no image")
    with pytest.raises(BadData, match=r"train/bee/002\.png: not an image that can be read") as told:
        list(batches(folder, workers))
    assert "\n" not in str(told.value)


def test_folders_that_are_not_there(tmp_path):
    with pytest.raises(BadData, match="is not under"):
        load_files("imagenet-1k", tmp_path)
    (tmp_path / "train" / "ant").mkdir(parents=True)
    with pytest.raises(BadData, match="train/ant: a class without a training image"):
        load_files("imagenet-1k", tmp_path)


def test_food_101_is_read_as_the_sparse_cnas_reads_it(tmp_path):
    image_folder(tmp_path / "food-101", {"train": 2, "val": 1}, side=160)
    source = load_files("food101", tmp_path, workers=0)
    images = next(source.all_test.in_order(3, Device())).images
    assert (source.side, images.shape) == (128, (3, 3, 128, 128))
    assert "streamed as 128 × 128 pixels" in source.about
    assert source.train.how.jitter == (0.2, 0.2, 0.2, 0.2)
    assert load_files("food101", tmp_path, 64, 0).side == 64
    assert load("food101", tmp_path).side == 64  # a search holds them in memory
