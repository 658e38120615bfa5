"""Image folders of known data sets, and folders that only have such a name: a data set is what it contains."""

from pathlib import Path

import pytest
from PIL import Image

from nasreplay.errors import BadData
from nasreplay.train.images import published_files as published
from nasreplay.train.images.image_sources import ImageSource, load
from tests.support.made_up import counts, image_folder, published_files


def again(source: ImageSource) -> ImageSource:
    return load(source.where["dataset"], source.where["data"])


@pytest.fixture(params=["images/ below the classes", "classes alone"])
def sorted_tiny(request, tmp_path) -> Path:
    """Tiny-ImageNet as the usual scripts leave it: val/ in class folders, test/images still there."""
    folder = image_folder(
        tmp_path / "tiny-imagenet-200", {"train": 4, "val": 2}, ("n01", "n02"), ending="JPEG"
    )
    if request.param.startswith("images"):
        for place in [*folder.glob("train/*"), *folder.glob("val/*")]:
            (place / "images").mkdir()
            for file in place.glob("*.JPEG"):
                file.rename(place / "images" / file.name)
    (folder / "test" / "images").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(folder / "test" / "images" / "test_0.JPEG")
    return folder


@pytest.mark.parametrize("left", ["", "val_annotations.txt", "images"])
def test_tiny_imagenet_after_the_usual_script(sorted_tiny, read, left):
    if left == "images":
        (sorted_tiny / "val" / "images").mkdir()
    elif left:
        (sorted_tiny / "val" / left).write_text("val_0.JPEG\tn01\t0\t0\t62\t62\n")
    source = read(sorted_tiny)
    assert counts(source) == [8, None, 4]
    assert "left out: test/ (its images have no labels)" in source.about
    assert source.all_test.labels.tolist() == [0, 0, 1, 1]


def test_tiny_imagenet_as_downloaded(tmp_path, read):
    folder = image_folder(tmp_path / "tiny", {"train": 4}, ("n01", "n02"), ending="JPEG")
    for part in ("val", "test"):
        (folder / part / "images").mkdir(parents=True)
        for number in range(3):
            Image.new("RGB", (8, 8)).save(folder / part / "images" / f"{part}_{number}.JPEG")
    lines = [f"val_{i}.JPEG\t{name}\t0\t0\t62\t62" for i, name in enumerate(("n02", "n01", "n02"))]
    (folder / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    source = read(folder)
    assert counts(source) == [8, None, 3]
    assert source.all_test.labels.tolist() == [1, 0, 1]
    (folder / "val" / "val_annotations.txt").write_text("../../x.JPEG\tn01\n")
    with pytest.raises(BadData, match=r"line 1: '../../x\.JPEG' is no name of a file"):
        read(folder)


def test_food_101_as_downloaded(tmp_path, read):
    folder = image_folder(tmp_path / "food-101", {"images": 3}, ("apple_pie", "ramen"), ending="jpg")
    (folder / "meta").mkdir()
    (folder / "meta" / "train.txt").write_text("ramen/000\napple_pie/001\nramen/002\n")
    (folder / "meta" / "test.txt").write_text("apple_pie/000\n\nramen/001\n")
    source = read(folder)
    assert counts(source) == [3, None, 2]
    assert source.train.labels.tolist() == [1, 0, 1]
    (folder / "meta" / "test.txt").write_text("apple_pie/../../x\n")
    with pytest.raises(BadData, match=r"line 1: '?apple_pie/\.\./\.\./x'? is no CLASS/NAME"):
        read(folder)
    (folder / "meta" / "test.txt").write_text("apple_pie/9\n")
    with pytest.raises(BadData, match=r"test\.txt: names .*9\.jpg, which is not there"):
        read(folder)
    (folder / "images").rename(folder / "train")  # the usual script
    image_folder(folder, {"val": 1}, ("apple_pie", "ramen"), ending="jpg")
    assert counts(read(folder)) == [6, None, 2]


@pytest.mark.parametrize(
    "name", ["tiny-imagenet", "tiny-imagenet200", "tiny-imagenet-200", "Food101", "food-101"]
)
def test_data_sets_of_the_sparse_cnas_by_name(tmp_path, name):
    folder = "food-101" if name.lower().startswith("food") else "tiny-imagenet-200"
    image_folder(tmp_path / folder, {"train": 2, "val": 1}, side=64)
    source = load(name, tmp_path)
    mean, std = (
        tuple(round(value / 255, 3) for value in one) for one in (source.train.mean, source.train.std)
    )
    assert (mean, std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert source.train.padding == (8 if folder == "food-101" else 4)
    assert source.cutout == 0


@pytest.mark.parametrize("name", ["cifar10", "CIFAR-100", "digits", "in16", "imagenet-1k"])
def test_a_folder_of_a_known_name_is_no_known_data_set(tmp_path, read, name):
    source = read(image_folder(tmp_path / name, {"train": 6, "val": 2}))
    assert (source.name, source.dataset) == (f"{name}-folder", f"{name}-folder")
    assert source.where == {"dataset": str(tmp_path / name), "data": None}


def test_a_folder_with_the_published_files_is_that_data_set(tmp_path, monkeypatch):
    published_files(tmp_path, published.PUBLISHED["cifar10"], monkeypatch)
    (tmp_path / "cifar-10-batches-py").rename(tmp_path / "mine")
    source = load(str(tmp_path / "mine"))
    assert (source.name, source.note, source.split) == ("cifar10", "", "official")
    assert again(source).fingerprint == source.fingerprint


def test_data_may_be_the_folder_or_the_one_above(tmp_path):
    folder = image_folder(tmp_path / "cifar10", {"train": 6, "val": 2})
    for data in (tmp_path, folder):
        assert load("cifar10", data).name == "cifar10"
        assert load("cifar10", data).where == {"dataset": "cifar10", "data": str(folder)}


def test_a_name_is_no_folder_that_happens_to_be_here(tmp_path, monkeypatch):
    image_folder(tmp_path / "cifar10", {"train": 6, "val": 2})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    with pytest.raises(BadData, match="nasreplay data fetch cifar10"):
        load("cifar10")
    assert load("./cifar10").name == "cifar10-folder"


def test_names_are_names_that_tables_can_have(tmp_path, read):
    folder = image_folder(tmp_path / "my photos\n(2)", {"train": 6, "val": 2})
    assert read(folder).name == "my-photos-2"


def test_an_image_folder_is_found_again_from_anywhere(plain, tmp_path, monkeypatch, home):
    monkeypatch.chdir(tmp_path)
    source = load("plain")
    monkeypatch.chdir("/")
    assert again(source).fingerprint == source.fingerprint
    record = source.record()
    assert (record["folder"], record["classes"]) == (str(plain), ["ant", "bee", "cow"])
    assert record["split"] == "a part 0.5 of the training images, seed 1021"
    assert not [each for each in plain.parent.iterdir() if each not in (plain, home)], (
        "kept in the cache alone"
    )


def test_imagenet_by_name_is_for_retrain(tmp_path):
    from nasreplay.errors import BadSetting

    with pytest.raises(
        BadSetting, match=r"imagenet-1k is read from files .*nasreplay retrain.*path of an image"
    ):
        load("ImageNet", tmp_path)
