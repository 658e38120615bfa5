import os
import pickle
import tarfile

import numpy as np
import pytest
import torch

from nasreplay.data.cards import CARDS, DatasetCard, Facts
from nasreplay.errors import BadData, BadOutput, BadSetting, UnknownName, UnsafePickle
from nasreplay.train.images import find_images
from nasreplay.train.images import published_files as published
from nasreplay.train.images.cifar_pickles import pickled_images
from nasreplay.train.images.image_sources import NORMAL, load
from tests.support.made_up import image_folder, published_files


@pytest.mark.parametrize("writer", ["python2", "2", "4", "5"])
@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_cifar_files(tmp_path, monkeypatch, name, writer):
    about = published_files(tmp_path, published.PUBLISHED[name], monkeypatch, writer=writer)
    source = load(name, tmp_path)
    assert source.train.images.shape == (24 * len(about.train), 3, 32, 32)
    assert source.train.images[:, 0, 0, 0].tolist() == list(range(24)) * len(about.train)
    assert source.train.labels[:3].tolist() == [
        (7 * i % (about.classes + 30) + 1) % about.classes for i in range(3)
    ]
    assert (source.train.padding, source.train.flip, source.train.classes) == (4, True, about.classes)
    assert len(source.all_test) == 24


def test_the_parts_of_cifar10(tmp_path, monkeypatch):
    published_files(tmp_path, published.PUBLISHED["cifar10"], monkeypatch)
    source = load("cifar10", tmp_path)
    assert source.note == ""
    weights, arch, valid, test, note = source.search()
    assert [len(part) for part in (weights, arch, valid)] == [60, 60, 60]
    assert test is not None
    assert note == ""
    both = sorted(weights.images[:, 0, 0, 0].tolist() + arch.images[:, 0, 0, 0].tolist())
    assert both == sorted(source.train.images[:, 0, 0, 0].tolist())
    images, sets = source.benchmark("cifar10-valid")
    assert len(images) == 60
    assert {name: len(part) for name, part in sets.items()} == {"x-valid": 60, "ori-test": 24}
    images, sets = source.benchmark("cifar10")
    assert (len(images), list(sets)) == (120, ["ori-test"])
    assert load("cifar10-valid", tmp_path).benchmark()[1].keys() == {"x-valid", "ori-test"}
    with pytest.raises(UnknownName):
        source.benchmark("cifar100")


def test_another_part_of_cifar10_for_the_weights(tmp_path, monkeypatch):
    published_files(tmp_path, published.PUBLISHED["cifar10"], monkeypatch)
    source = load("cifar10", tmp_path, portion=0.4)
    assert [len(part) for part in source.search()[:3]] == [48, 72, 72]
    assert "not the official halves (--train-portion)" in source.note
    assert source.fingerprint != load("cifar10", tmp_path).fingerprint
    with pytest.raises(BadSetting, match="its parts are published, or those of --split-file"):
        load("cifar10", tmp_path, split_file=tmp_path / "split.txt", portion=0.4)


def test_the_published_files_of_cifar100_have_the_official_halves(tmp_path, monkeypatch):
    published_files(tmp_path, published.PUBLISHED["cifar100"], monkeypatch, count=10_000)
    source, drawn = load("cifar100", tmp_path), load("cifar100", tmp_path, seeded=True)
    assert (source.note, source.split) == ("", "official")
    assert "not the official split" in drawn.note  # as the runs of earlier releases had it
    assert source.fingerprint != drawn.fingerprint
    valid, test = (source.benchmark()[1][name] for name in ("x-valid", "x-test"))
    places = source.all_test.images[:, 0, 0, 0]
    assert valid.images[:3, 0, 0, 0].tolist() == places[[1, 3, 4]].tolist()
    assert test.images[:3, 0, 0, 0].tolist() == places[[0, 2, 6]].tolist()


def test_without_the_official_split_every_output_says_so(tmp_path, monkeypatch):
    published_files(tmp_path, published.PUBLISHED["cifar100"], monkeypatch)
    source = load("cifar100", tmp_path)
    assert "not the official split" in source.note
    assert source.search().note == source.note
    file = tmp_path / "split.txt"
    halves = [str(i) for i in range(0, 24, 2)], [str(i) for i in range(1, 24, 2)]
    file.write_text(
        f'{{"xvalid": ["int", {list(halves[0])}], "xtest": ["int", {list(halves[1])}]}}'.replace("'", '"')
    )
    split = load("cifar100", tmp_path, split_file=file)
    assert split.note == ""
    assert split.fingerprint != source.fingerprint
    images, sets = split.benchmark()
    assert len(images) == 24
    assert {name: len(part) for name, part in sets.items()} == {"x-valid": 12, "x-test": 12, "ori-test": 24}
    assert sets["x-valid"].images[:, 0, 0, 0].tolist() == list(range(0, 24, 2))
    parts = split.search()
    assert (len(parts.weights), len(parts.arch)) == (24, 12)
    with pytest.raises(BadSetting, match="published"):
        load("cifar100", tmp_path, portion=0.5)


def test_imagenet16_keeps_its_first_120_classes(tmp_path, monkeypatch):
    published_files(tmp_path, published.PUBLISHED["ImageNet16-120"], monkeypatch, count=40)
    source = load("ImageNet16-120", tmp_path)
    labels = [7 * i % 150 + 1 for i in range(40)]
    kept = [label - 1 for label in labels if label <= 120]
    assert source.all_test.labels.tolist() == kept
    assert source.train.labels.tolist() == kept * 10
    assert (source.train.images.shape[1:], source.train.padding) == ((3, 16, 16), 2)


def test_a_wrong_checksum_is_told(tmp_path, monkeypatch):
    published_files(tmp_path, published.PUBLISHED["cifar10"], monkeypatch)
    file = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(BadData, match=r"data_batch_3: md5 is \w{32}, published is \w{32}"):
        load("cifar10", tmp_path)
    file.unlink()
    with pytest.raises(BadData, match="data_batch_3: cannot be read"):
        load("cifar10", tmp_path)


class Harmful:
    def __reduce__(self):
        return os.system, ("touch witness",)


@pytest.mark.parametrize(
    "content", [{"data": Harmful(), "labels": [1]}, Harmful(), {"data": np.array([Harmful()], dtype=object)}]
)
def test_a_hostile_pickle_is_refused(tmp_path, monkeypatch, content):
    import hashlib

    monkeypatch.chdir(tmp_path)
    file = tmp_path / "bad"
    for protocol in (0, 2, 4, 5):
        file.write_bytes(pickle.dumps(content, protocol))
        md5 = hashlib.md5(file.read_bytes()).hexdigest()
        with pytest.raises((UnsafePickle, BadData)):
            pickled_images(file, md5, 32, "labels")
    assert not (tmp_path / "witness").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80\x04N.", pickle.dumps({"data": np.zeros((2, 3)), "labels": [1, 2]}), pickle.dumps([1]),
     pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [1]})],
)  # fmt: skip
def test_other_content_is_refused(tmp_path, content):
    import hashlib

    file = tmp_path / "file"
    file.write_bytes(content)
    with pytest.raises(BadData, match="does not hold images"):
        pickled_images(file, hashlib.md5(content).hexdigest(), 32, "labels")


def test_an_image_folder(tmp_path):
    folder = image_folder(tmp_path / "mine", {"train": 6, "val": 2})
    for source in (load("mine", tmp_path), load("mine", folder), load(str(folder))):
        assert source.names == ("ant", "bee", "cow")
        assert source.train.images.shape == (18, 3, 8, 8)
        assert source.train.images[7, :, 0, 0].tolist() == [0, 80, 10]
        assert source.train.labels.tolist() == [0] * 6 + [1] * 6 + [2] * 6
        assert len(source.all_test) == 6
        weights, arch, valid, test, _ = source.search()
        assert test is not None
        assert [len(part) for part in (weights, arch, valid, test)] == [9, 9, 9, 6]
    mean = source.train.images.double().mean((0, 2, 3))
    assert source.train.mean == pytest.approx(mean.tolist())
    assert source.train.std[2] == pytest.approx(source.train.images[:, 2].double().std(unbiased=False).item())
    assert len(load("mine", tmp_path, portion=0.75).search().weights) == 13


def test_a_validation_folder_of_its_own(tmp_path):
    image_folder(tmp_path / "mine", {"train": 4, "val": 2, "test": 1})
    weights, arch, _, test, _ = load("mine", tmp_path).search()
    assert test is not None
    assert [len(part) for part in (weights, arch, test)] == [12, 6, 3]
    with pytest.raises(BadSetting, match="validation folder of its own"):
        load("mine", tmp_path, portion=0.5)


def test_tiny_imagenet_as_downloaded(tmp_path):
    folder = image_folder(tmp_path / "tiny-imagenet-200", {"train": 2}, ("n01", "n02"), ending="JPEG")
    for name in ("n01", "n02"):
        (folder / "train" / name / "images").mkdir()
        for file in (folder / "train" / name).glob("*.JPEG"):
            file.rename(file.parent / "images" / file.name)
        (folder / "train" / name / f"{name}_boxes.txt").write_text("not an image")
    held = image_folder(tmp_path / "held", {"val": 3}, ("n02",), ending="JPEG") / "val" / "n02"
    (folder / "val").mkdir()
    held.rename(folder / "val" / "images")
    (folder / "test" / "images").mkdir(parents=True)
    lines = [f"{i:03d}.JPEG\t{'n02' if i else 'n01'}\t0\t0\t62\t62" for i in range(3)]
    (folder / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    source = load("tiny-imagenet", tmp_path)
    assert source.all_test.labels.tolist() == [0, 1, 1]
    assert source.train.labels.tolist() == [0, 0, 1, 1]


def test_other_sizes_are_fitted(tmp_path):
    image_folder(tmp_path / "mine", {"train": 1}, side=12)
    image_folder(tmp_path / "mine", {"val": 1}, side=40)
    source = load("mine", tmp_path)
    assert source.train.images.shape[2:] == source.all_test.images.shape[2:] == (12, 12)


def test_bad_folders_are_told(tmp_path):
    folder = image_folder(tmp_path / "mine", {"train": 2, "val": 1})
    (folder / "val" / "dog").mkdir()
    with pytest.raises(BadData, match="dog: no such class in train"):
        load("mine", tmp_path)
    (folder / "val" / "dog").rmdir()
    (folder / "train" / "bee" / "000.png").write_bytes(b"no image")
    with pytest.raises(BadData, match=r"bee/000\.png: not an image"):
        load("mine", tmp_path)
    (tmp_path / "empty" / "train").mkdir(parents=True)
    (tmp_path / "empty" / "val").mkdir()
    with pytest.raises(BadData, match="no folder per class"):
        load("empty", tmp_path)
    with pytest.raises(BadData, match=r"'nothing' is not under .*train/CLASS/IMAGE"):
        load("nothing", tmp_path)


def test_a_folder_of_a_published_name_says_that_it_is_not_the_official_order(tmp_path):
    image_folder(tmp_path / "cifar10", {"train": 6, "val": 2})
    source = load("cifar10", tmp_path)
    assert "image folder" in source.note
    assert source.train.mean == (125.3, 123.0, 113.9)
    assert list(source.benchmark("cifar10-valid")[1]) == ["x-valid", "ori-test"]


def test_a_card_without_files_is_an_image_folder_with_its_normalization(tmp_path, monkeypatch):
    own = ((120.0, 110.0, 90.0), (70.0, 65.0, 60.0))
    card = DatasetCard("flowers17", Facts(17, 8, 51), aliases=("f17",), normalization=own)
    monkeypatch.setitem(CARDS, card.name, card)
    monkeypatch.setitem(NORMAL, card.name, own)
    image_folder(tmp_path / "flowers17", {"train": 6, "val": 2})
    source = load("F17", tmp_path, portion=0.75)
    assert (source.name, source.dataset, source.note) == ("flowers17", "flowers17", "")
    assert (source.train.mean, source.train.std) == own
    with pytest.raises(BadSetting, match="--split-file does not apply to flowers17"):
        load("flowers17", tmp_path, split_file=tmp_path / "split.txt")


def test_the_cifar10_images(shared, tmp_path):
    """A slice of the real images: 20 airplanes and 20 automobiles, also as the test set."""
    count: dict[str, int] = {}
    with tarfile.open(shared / "data" / "cifar10-images.tar.gz") as archive:
        for entry in archive:
            folder = os.path.dirname(entry.name)
            count[folder] = count.get(folder, 0) + entry.isfile()
            if entry.isfile() and count[folder] <= 20:
                archive.extract(entry, tmp_path, filter="data")
            if count.get("cifar10/train/automobile") == 20:
                break
    (tmp_path / "cifar10" / "val").symlink_to(tmp_path / "cifar10" / "train")
    source = load("cifar10", tmp_path)
    assert source.names == ("airplane", "automobile")
    assert source.train.images.shape == (40, 3, 32, 32)
    for found, published_mean in zip(
        source.train.images.double().mean((0, 2, 3)).tolist(), source.train.mean, strict=True
    ):
        assert abs(found - published_mean) < 30


def test_digits():
    source = load("digits")
    assert source.train.images.shape == (1437, 3, 8, 8)
    assert (len(source.all_test), source.train.padding, source.train.flip) == (360, 1, False)
    assert source.train.images.max() == 255
    assert sorted(set(source.all_test.labels.tolist())) == list(range(10))
    assert source.fingerprint == load("digits").fingerprint


def test_the_cache_is_used_and_repaired(tmp_path, monkeypatch, home):
    folder = image_folder(tmp_path / "cached", {"train": 2, "val": 1})
    first = load("cached", tmp_path)

    def refuse(folder):
        raise AssertionError("decoded again")

    with monkeypatch.context() as patch:
        patch.setattr(find_images, "read_folder", refuse)
        assert load("cached", tmp_path).fingerprint == first.fingerprint
    (entry,) = (home / "images").glob("cached-*")
    array = entry / "train-images.npy"
    array.write_bytes(array.read_bytes()[:200])
    assert load("cached", tmp_path).fingerprint == first.fingerprint
    (folder / "train" / "ant" / "000.png").unlink()
    assert len(load("cached", tmp_path).train) == len(first.train) - 1


def test_a_cache_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    image_folder(tmp_path / "mine", {"train": 2, "val": 1})
    (tmp_path / "file").touch()
    monkeypatch.setenv("NASREPLAY_HOME", str(tmp_path / "file"))
    with pytest.raises(BadOutput, match="NASREPLAY_HOME"):
        load("mine", tmp_path)


def test_fractions():
    images = load("digits").train
    few = images.fraction(0.1)
    assert len(few) == 144
    assert set(few.labels.tolist()) == set(range(10))
    assert images.fraction(1) is images
    for bad in (0, 1.5, -1):
        with pytest.raises(BadSetting):
            images.fraction(bad)


def test_the_part_that_weights_learn_from_can_be_chosen(tmp_path):
    names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    image_folder(tmp_path / "cifar10", {"train": 5, "val": 1}, names)
    parts = load("cifar10", tmp_path, portion=0.4).search()
    assert (len(parts.weights), len(parts.valid)) == (20, 30)
    image_folder(tmp_path / "cifar100", {"train": 1, "val": 1}, [f"c{i}" for i in range(100)])
    with pytest.raises(BadSetting, match="its parts are published"):
        load("cifar100", tmp_path, portion=0.4)


def test_snas_learned_from_all_training_images():
    usual, theirs = load("digits"), load("digits", valid_on_test=True)
    parts = theirs.search()
    assert len(parts.weights) == len(parts.arch) == len(theirs.train)
    assert torch.equal(parts.valid.images, theirs.all_test.images)
    assert "validation images are the test images" in theirs.note
    assert usual.fingerprint != theirs.fingerprint
    assert not usual.note
