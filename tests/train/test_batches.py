from typing import Any

import numpy as np
import pytest
import torch
import torchvision.transforms.functional as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from nasreplay.errors import BadSetting
from nasreplay.seeds import Stream
from nasreplay.train.augment import DRAWS, Augment, blanks
from nasreplay.train.batches import Batches, BatchPair, PairedBatches, StoredImages, in_order
from nasreplay.train.distributed import ProcessGroup
from nasreplay.train.epochs import Batch, Division
from nasreplay.train.images.image_sources import NORMAL, ImageSet, load


def made_up(count=50, side=32, classes=10) -> ImageSet:
    draw = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=draw)
    return ImageSet(images, torch.arange(count) % classes, classes, *NORMAL["cifar10"], padding=side // 8)


def expected(pixels: torch.Tensor, numbers: np.ndarray, images: ImageSet, cutout: int) -> torch.Tensor:
    """The published order with torchvision: flip, crop with zeros around, to tensor, normalize, cutout."""
    side, padding = pixels.shape[-1], images.padding
    if numbers[0] < 0.5:
        pixels = reference.hflip(pixels)
    top, left = (int(u * (2 * padding + 1)) for u in numbers[1:3])
    pixels = reference.crop(reference.pad(pixels, [padding] * 4), top, left, side, side)
    mean, std = ([value / 255 for value in values] for values in (images.mean, images.std))
    result = reference.normalize(pixels.float() / 255, mean, std)
    if cutout:
        y, x = (int(u * side) for u in numbers[3:5])
        rows, columns = (slice(max(c - cutout // 2, 0), min(c + cutout // 2, side)) for c in (y, x))
        result[:, rows, columns] = 0
    return result


@pytest.mark.parametrize(("side", "cutout"), [(8, 14), (8, 16), (8, 17), (32, 16)])
def test_squares_that_blank_every_image_are_told(side, cutout):
    uniform = np.array([[0, 0, 0, y, x] for y in (0, 0.5, 0.999) for x in (0, 0.5, 0.999)])
    cut = Augment(0, True, cutout).cut(torch.ones(len(uniform), 3, side, side, 1), uniform)
    assert bool(blanks(cutout, side)) == bool((cut == 0).all())


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(("side", "cutout"), [(32, 0), (32, 16), (16, 0), (8, 0)])
def test_augmentation_is_torchvisions(side, cutout, channels_last):
    images = made_up(40, side)
    uniform = Stream(5, "data").at().uniform(40 * DRAWS).reshape(40, DRAWS)
    augment = Augment(images.padding, True, cutout)
    found = StoredImages(images, "cpu", channels_last).batch(torch.arange(40), augment, uniform)
    for place in range(40):
        wanted = expected(images.images[place], uniform[place], images, cutout)
        torch.testing.assert_close(found.images[place], wanted, rtol=1e-5, atol=1e-5)
    order = torch.channels_last if channels_last else torch.contiguous_format
    assert found.images.is_contiguous(memory_format=order)
    assert torch.equal(found.labels, images.labels)


def test_every_offset_and_both_mirror_images_come():
    images = made_up(1, 32)
    batches = Batches(images, 1, Stream(1, "data"))
    seen = {batches.next().images.numpy().tobytes() for _ in range(3000)}
    assert len(seen) == 2 * 9 * 9


@pytest.mark.slow
def test_digits_are_not_mirrored():
    images = load("digits").train
    assert not images.augment.flip
    one = ImageSet(images.images[:1], images.labels[:1], 10, images.mean, images.std, 1, flip=False)
    batches = Batches(one, 1, Stream(1, "data"))
    assert len({batches.next().images.numpy().tobytes() for _ in range(300)}) == 9


def test_an_evaluation_sees_every_image_once_as_it_is():
    images = made_up(10, 8)
    found = list(in_order(images, 4))
    assert [len(batch.labels) for batch in found] == [4, 4, 2]
    raw = torch.cat([batch.images for batch in found])
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (images.mean, images.std))
    torch.testing.assert_close(raw, (images.images.float() - mean) / std, rtol=1e-5, atol=1e-5)


def plain(images: ImageSet, size: int, seed: int = 1) -> Batches:
    return Batches(images, size, Stream(seed, "data"), augment=False)


def identities(count: int) -> ImageSet:
    """Labels that tell the images apart."""
    pixels = torch.zeros((count, 3, 8, 8), dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(count), count, *NORMAL["cifar10"], padding=1)


def test_an_epoch_is_a_shuffle_with_a_short_last_batch():
    batches = plain(identities(23), 5)
    epochs = [torch.cat([batch.labels for batch in batches]) for _ in range(3)]
    assert len(batches) == 5
    for labels in epochs:
        assert sorted(labels.tolist()) == list(range(23))
    assert len({tuple(labels.tolist()) for labels in epochs}) == 3
    assert batches.epoch == 3
    assert [len(batch.labels) for batch in batches] == [5, 5, 5, 5, 3]


def test_an_items_augmentation_does_not_depend_on_the_batch_size():
    images = made_up(23, 8)
    one, other = (
        torch.cat([batch.images for batch in Batches(images, size, Stream(4, "data"))]) for size in (5, 23)
    )
    assert torch.equal(one, other)


def test_same_seed_same_batches_other_seed_other_batches():
    images = identities(40)
    one, again, other = (torch.cat([b.labels for b in plain(images, 8, seed)]) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


@pytest.mark.parametrize("kind", ["single", "paired"])
def test_every_position_can_be_continued(kind):
    images = made_up(13, 8)

    def make() -> Batches | PairedBatches:
        stream = Stream(9, "data")
        return Batches(images, 4, stream) if kind == "single" else PairedBatches(images, images, 4, stream)

    def flat(batch: Batch | BatchPair) -> list[torch.Tensor]:
        return [*batch] if isinstance(batch, Batch) else [*batch.weights, *batch.arch]

    whole, states, trail = make(), [], []
    for _ in range(9):
        states.append(whole.state_dict())
        trail.append(flat(whole.next()))
    for place, state in enumerate(states):
        resumed = make()
        resumed.load_state_dict(state)
        for wanted in trail[place:]:
            assert all(torch.equal(a, b) for a, b in zip(flat(resumed.next()), wanted, strict=True))


def test_pairs():
    weights, arch = identities(40), identities(7)
    pairs = PairedBatches(weights, arch, 16, Stream(1, "data"))
    assert len(pairs) == 3
    count = torch.zeros(7)
    for _ in range(30):
        epoch = list(pairs)
        assert sorted(torch.cat([pair.weights.labels for pair in epoch]).tolist()) == list(range(40))
        assert all(len(pair.weights.labels) == len(pair.arch.labels) for pair in epoch)
        count += torch.bincount(torch.cat([pair.arch.labels for pair in epoch]), minlength=7)
    assert (count / count.sum() - 1 / 7).abs().max() < 0.05  # 1,200 uniform draws: six standard deviations
    one = pairs.next()
    assert not torch.equal(one.weights.labels[:7], one.arch.labels[:7])


def test_a_batch_is_made_when_it_is_used_and_no_other_for_it():
    images, made = made_up(13, 8), []

    def pairs() -> PairedBatches:
        found: Any = PairedBatches(images, images, 4, Stream(9, "data"))
        for part in (found.weights, found.arch):
            build = part.batch
            part.batch = lambda *about, part=part, build=build: made.append(part) or build(*about)
        return found

    lazy, eager = pairs(), pairs()
    for used in (0, 1, 1, 0, 1):
        one, whole = lazy.next(), [*eager.next()]
        made.clear()
        assert all(torch.equal(a, b) for a, b in zip(one[used], whole[used], strict=True))
        assert one[used] is one[used]
        assert made == [(lazy.weights, lazy.arch)[used]]


def test_a_batch_holds_something():
    with pytest.raises(BadSetting, match="at least 1"):
        plain(identities(3), 0)


@given(
    processes=st.integers(1, 4),
    each=st.integers(1, 3),
    per_part=st.integers(1, 4),
    extra=st.integers(0, 5),
    kind=st.sampled_from(["single", "paired"]),
)
@settings(max_examples=40)
def test_the_processes_have_the_batch_of_one_between_them(processes, each, per_part, extra, kind):
    parts = processes * each
    size = parts * per_part * 2
    items = 2 * size + min(2 * parts + extra, size)
    images = made_up(items, 8)

    def make(division: Division | None) -> Batches | PairedBatches:
        stream = Stream(9, "data")
        about = (True, "cpu", False, division)
        return (
            Batches(images, size, stream, *about)
            if kind == "single"
            else PairedBatches(images, images, size, stream, *about)
        )

    def last(batch: Batch | BatchPair) -> Batch:
        return batch if isinstance(batch, Batch) else batch.arch

    divisions = [Division.of(ProcessGroup(rank, processes), parts, size, items) for rank in range(processes)]
    group, alone = [make(division) for division in divisions], make(None)
    for _ in range(4):
        whole, shares = last(alone.next()), []
        for batches, division in zip(group, divisions, strict=True):
            batch = last(batches.next())
            assert batches.given == len(whole.labels)
            shares += division.shares(batch, batches.given)
        assert [number for number, _, _ in shares] == list(range(parts))
        assert torch.equal(torch.cat([share.images for _, share, _ in shares]), whole.images)
        assert torch.equal(torch.cat([share.labels for _, share, _ in shares]), whole.labels)
        sizes = [len(share.labels) for _, share, _ in shares]
        assert max(sizes) - min(sizes) <= 1
        assert [part for _, _, part in shares] == [count / len(whole.labels) for count in sizes]
    assert all(batches.state_dict() == alone.state_dict() for batches in group)


@pytest.mark.parametrize(
    ("parts", "size", "items", "told"),
    [
        (3, 12, 24, "multiple"),
        (4, 10, 20, "into 4 equal"),
        (2, 8, 19, "has 3 of 19 images"),
        (4, 4, 8, "has 4 of 8"),
    ],
)
def test_batches_that_cannot_be_divided_are_refused(parts, size, items, told):
    with pytest.raises(BadSetting, match=told):
        Division.of(ProcessGroup(0, 2), parts, size, items)
