"""Image folders as people have them: one reader for sets in memory and for those that are read while training."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasreplay.errors import BadData
from nasreplay.train.images import published_files as published
from nasreplay.train.images.image_sources import ImageSource, load
from nasreplay.train.images.streamed import StreamedSource, load_files
from tests.support.made_up import image_folder, published_files

READERS = (load, lambda path: load_files(path, None, 16, 0))


@pytest.fixture(params=READERS, ids=["small", "streamed"])
def read(request):
    """Both readers of an image folder, by its path."""
    return lambda path: request.param(str(path))


@pytest.fixture
def plain(tmp_path) -> Path:
    return image_folder(tmp_path / "plain", {"train": 6, "val": 2})


def counts(source: ImageSource | StreamedSource) -> list[int | None]:
    """Images of the training, validation and test part."""
    return [
        None if part is None else len(part) for part in (source.train, source.given_valid, source.all_test)
    ]


def again(source: ImageSource) -> ImageSource:
    return load(source.where["dataset"], source.where["data"])


def move(parent: Path, name: str, to: str) -> None:
    (parent / name).rename(parent / to)


# --- what is a class, and what an image -----------------------------------------------------------


@pytest.mark.parametrize("part", ["train", "val", "."])
@pytest.mark.parametrize("name", [".ipynb_checkpoints", ".git", "__MACOSX", "@eaDir"])
def test_hidden_folders_are_no_classes(plain, read, part, name):
    before = read(plain)
    for place in (plain / part / name, plain / "train" / "bee" / name):
        place.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(place / "a-checkpoint.png")
    after = read(plain)
    assert (after.names, counts(after)) == (("ant", "bee", "cow"), [18, None, 6])
    assert (after.fingerprint, after.about) == (before.fingerprint, before.about)


def test_hidden_files_are_no_images(plain, read):
    before = read(plain).fingerprint
    for part in ("train/ant", "val/cow", "train", "."):
        (plain / part / "._000.png").write_bytes(b"\0\5\26\7")
        (plain / part / "Thumbs.db").write_bytes(b"\0")
    assert read(plain).fingerprint == before
    assert "left out" not in read(plain).about


@pytest.mark.parametrize("kind", ["empty", "other files"])
def test_a_class_without_a_training_image_is_named(plain, read, kind):
    (plain / "train" / "zz").mkdir()
    if kind == "other files":
        (plain / "train" / "zz" / "a.tga").touch()
    with pytest.raises(BadData, match=r"train/zz: a class without a training image") as told:
        read(plain)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("ending", ["jpg", "JPEG", "png", "PPM", "bmp", "pgm", "tif", "TIFF", "webp", "Png"])
def test_every_ending_that_torchvision_reads(tmp_path, read, ending):
    folder = image_folder(tmp_path / "mine", {"train": 2, "val": 1})
    for file in [*folder.rglob("*.png")]:
        Image.open(file).convert("L" if ending == "pgm" else "RGB").save(file.with_name(f"new.{ending}"))
        file.with_name(f"new.{ending}").rename(file.with_name(f"{file.stem}.{ending}"))
        if ending != "png":
            file.unlink()
    assert counts(read(folder)) == [6, None, 3]


def test_other_files_are_counted_and_told(plain, read):
    (plain / "train" / "ant" / "notes.txt").touch()
    assert "left out: 1 file (.txt), such as /" in read(plain).about
    (plain / "train" / "bee" / "boxes.xml").touch()
    (plain / "train" / "bee" / "README").touch()
    told = read(plain).about
    assert f"left out: 3 files (.txt, .xml, no ending), such as {plain}/train/ant/notes.txt" in told
    assert counts(read(plain)) == [18, None, 6]
    (plain / "notes.md").touch()
    (plain / "train" / "labels.csv").touch()
    assert "left out: 5 files (.csv, .md, .txt, .xml, no ending)" in read(plain).about


def test_names_of_files_cannot_steer_a_terminal(plain, read):
    (plain / "train" / "ant" / "a\x1b]0;x\a\n.tx\x1bt").touch()
    told = read(plain).about
    assert told.isprintable()
    (plain / "train" / "z\x1b[2J\n").mkdir()
    with pytest.raises(BadData) as refused:
        read(plain)
    assert str(refused.value).isprintable()


def test_links_are_followed_and_loops_are_not(plain, read, tmp_path):
    whole = counts(read(plain))
    (plain / "train" / "ant").rename(tmp_path / "elsewhere")
    (plain / "train" / "ant").symlink_to(tmp_path / "elsewhere")
    (plain / "train" / "bee" / "up").symlink_to(plain / "train")
    (plain / "train" / "bee" / "self").symlink_to(".")
    move(plain / "val", "cow", "../cows")
    (plain / "val" / "cow").mkdir()
    (plain / "val" / "cow" / "more").symlink_to(plain / "cows")
    found = read(plain)
    assert counts(found)[2] == whole[2]
    assert len(set(found.names)) == 3


def test_a_broken_image_is_one_line_with_its_path(plain):
    (plain / "train" / "ant" / "zero.png").touch()
    with pytest.raises(BadData, match=r"train/ant/zero\.png: not an image that can be read") as told:
        load(str(plain))
    assert "\n" not in str(told.value)
    (plain / "train" / "ant" / "zero.png").unlink()
    (plain / "train" / "ant" / "gone.png").symlink_to(plain / "nothing.png")
    with pytest.raises(BadData, match=r"train/ant/gone\.png: cannot be read: No such file"):
        load(str(plain))


def test_a_pipe_is_no_image(plain, read):
    os.mkfifo(plain / "train" / "ant" / "pipe.png")
    assert counts(read(plain)) == [18, None, 6]


# --- which part ------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", ["valid", "validation", "Val", "test", "testing"])
def test_names_of_the_held_out_part(plain, read, names):
    move(plain, "val", names)
    assert counts(read(plain)) == [18, None, 6]


def test_validation_and_test(tmp_path, read):
    folder = image_folder(tmp_path / "mine", {"train": 4, "validation": 2, "test": 1})
    assert counts(read(folder)) == [12, 6, 3]


@pytest.mark.parametrize("train", ["train", "."])
def test_without_held_out_images_a_fifth_of_each_class_is_the_test_set(tmp_path, read, train):
    folder = image_folder(tmp_path / "mine", {train: 10})
    source = read(folder)
    assert counts(source) == [24, None, 6]
    assert source.train.labels.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert "a fifth of each class (seed 1021) is the test set" in source.note
    assert source.fingerprint == read(folder).fingerprint
    (folder / train / "ant" / "000.png").unlink()
    assert source.fingerprint != read(folder).fingerprint


def test_one_image_of_a_class_is_learned(tmp_path, read):
    folder = image_folder(tmp_path / "mine", {"train": 5})
    for number in range(1, 5):
        (folder / "train" / "ant" / f"00{number}.png").unlink()
    assert counts(read(folder)) == [9, None, 2]


def test_flat_parts_say_where_images_belong(plain, read):
    for name in ("ant", "bee", "cow"):
        for file in (plain / "val" / name).iterdir():
            file.rename(plain / "val" / f"{name}-{file.name}")
        (plain / "val" / name).rmdir()
    with pytest.raises(
        BadData, match=r"val: its 6 images lie in val/ itself; expected train/CLASS/IMAGE and"
    ):
        read(plain)


def test_images_beside_the_class_folders_are_told(plain, read):
    Image.new("RGB", (8, 8)).save(plain / "train" / "stray.png")
    assert f"left out: 1 file (.png), such as {plain}/train/stray.png" in read(plain).about
    assert counts(read(plain)) == [18, None, 6]


def test_a_part_without_train_is_told(tmp_path, read):
    folder = image_folder(tmp_path / "mine", {"val": 2, "test": 2})
    with pytest.raises(BadData, match=r"mine: has val/ but no train/: expected train/CLASS/IMAGE"):
        read(folder)


def test_a_folder_that_holds_no_images_is_told(tmp_path, read):
    (tmp_path / "mine" / "text").mkdir(parents=True)
    with pytest.raises(BadData, match=r"mine: holds no images that can be read: expected train/CLASS"):
        read(tmp_path / "mine")
    with pytest.raises(BadData, match=r"'.*/nowhere' is not under .* and no folder here"):
        read(tmp_path / "nowhere")


def test_other_folders_at_the_top_are_told(plain, read):
    (plain / "vall").mkdir()
    assert "left out: the folder vall/" in read(plain).about


# --- Tiny-ImageNet ---------------------------------------------------------------------------------


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


# --- pixels ----------------------------------------------------------------------------------------


def of_one_image(tmp_path, make, ending="png", side: int = 8) -> ImageSource:
    """The data set whose training images are all what `make` gives."""
    folder = image_folder(tmp_path / "mine", {"train": 2, "val": 1}, side=side)
    for file in folder.glob("train/*/*"):
        make().save(file.with_suffix(f".{ending}"))
        if ending != "png":
            file.unlink()
    return load(str(folder))


def wide(values: int) -> Image.Image:
    return Image.fromarray(np.full((8, 8), values, dtype=np.uint16))


def pgm(file: Path) -> None:
    file.with_suffix(".pgm").write_bytes(b"P5 8 8 65535\n" + (257 * 100).to_bytes(2, "big") * 64)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("level", [0, 100, 255])
def test_gray_of_16_bits_is_divided_by_257(tmp_path, ending, level):
    source = of_one_image(tmp_path, lambda: wide(257 * level), ending)
    assert source.train.images.unique().tolist() == [level]
    assert "16 bits, divided by 257: 6 of 9 images" in source.about


def test_gray_of_16_bits_in_other_files(tmp_path):
    folder = image_folder(tmp_path / "mine", {"train": 2, "val": 1})
    for file in folder.glob("train/*/*"):
        pgm(file)
        file.unlink()
    assert load(str(folder)).train.images.unique().tolist() == [100]


@pytest.mark.parametrize(
    ("make", "ending", "told"),
    [
        (lambda: Image.new("F", (8, 8), 0.5), "tif", "floating-point pixels; expected 8 or 16 bits"),
        (lambda: Image.new("I", (8, 8), 70_000), "tif", "pixels from 70000 to 70000; expected 8 or 16 bits"),
        (lambda: Image.new("I", (8, 8), -1), "tif", "pixels from -1 to -1; expected 8 or 16 bits"),
    ],
)
def test_pixels_without_a_rule_are_refused(tmp_path, make, ending, told):
    with pytest.raises(BadData, match=rf"train/ant/000\.tif: .*{told}"):
        of_one_image(tmp_path, make, ending)


def palette(transparent: bool) -> Image.Image:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    if transparent:
        image.info["transparency"] = 1
    return image


@pytest.mark.parametrize(
    ("make", "ending", "color"),
    [
        (lambda: Image.new("L", (8, 8), 77), "png", (77, 77, 77)),
        (lambda: Image.new("1", (8, 8), 1), "png", (255, 255, 255)),
        (lambda: Image.new("LA", (8, 8), (77, 255)), "png", (77, 77, 77)),
        (lambda: Image.new("LA", (8, 8), (77, 0)), "png", (255, 255, 255)),
        (lambda: Image.new("RGBA", (8, 8), (10, 20, 30, 255)), "png", (10, 20, 30)),
        (lambda: Image.new("RGBA", (8, 8), (10, 20, 30, 0)), "png", (255, 255, 255)),
        (lambda: Image.new("RGBA", (8, 8), (0, 0, 0, 51)), "png", (204, 204, 204)),
        (lambda: palette(False), "png", (200, 100, 50)),
        (lambda: palette(True), "png", (255, 255, 255)),
        (lambda: Image.new("CMYK", (8, 8), (0, 255, 0, 0)), "tif", (255, 0, 255)),
    ],
)
def test_colors(tmp_path, make, ending, color):
    source = of_one_image(tmp_path, make, ending)
    assert source.train.images[0, :, 0, 0].tolist() == list(color)
    assert ("transparent, put on white: 6 of 9" in source.about) == (
        make().convert("RGBA").getextrema()[3][0] < 255
    )


def test_orientation_is_not_applied_as_in_torchvision(tmp_path):
    def turned() -> Image.Image:
        image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
        image.getexif()[0x0112] = 6
        return image

    assert of_one_image(tmp_path, turned).train.images[0, 0].flatten().tolist() == list(range(64))


# --- size ------------------------------------------------------------------------------------------


def resize(file: Path, size: tuple[int, int]) -> None:
    Image.open(file).resize(size).save(file)


def test_the_size_is_told(plain):
    assert ", 8 × 8 pixels, from the image folder" in load(str(plain)).about
    for file in plain.rglob("*.png"):
        resize(file, (180, 200))
    source = load(str(plain))
    assert source.side == 64
    assert ", 64 × 64 pixels (from 180 × 200), from the image folder" in source.about


@pytest.mark.parametrize("which", ["train/ant/000.png", "train/cow/005.png", "val/bee/001.png"])
def test_the_side_does_not_hang_on_one_odd_image(plain, which):
    resize(plain / which, (5, 60))
    source = load(str(plain))
    assert source.side == 8
    told = f"8 × 8 pixels (most from 8 × 8; 1 of 24 are not, such as {plain}/{which} of 5 × 60)"
    assert told in source.about


def test_many_sizes_are_told_as_a_range(plain):
    for number, file in enumerate(sorted(plain.rglob("*.png"))):
        resize(file, (20 + number, 50))
    source = load(str(plain))
    assert "(from 20 × 50 to 43 × 50)" in source.about
    assert 20 < source.side < 43


# --- a data set is what it contains ----------------------------------------------------------------


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
