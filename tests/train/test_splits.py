import json

import numpy as np
import pytest

from nasreplay.errors import BadData
from nasreplay.train.images.splits import digest, official_halves, read_parts, seeded_parts


def test_the_cifar10_halves_follow_from_their_seed():
    train, valid = seeded_parts(50_000)
    assert train[:10].tolist() == [0, 5, 7, 11, 13, 15, 16, 17, 20, 24]
    assert valid[:10].tolist() == [1, 2, 3, 4, 6, 8, 9, 10, 12, 14]
    assert digest(train) == "b32573c51d975768a11c0d1540e625040790e2287a603c857413bd78ca68eb94"
    assert digest(valid) == "fe150dfa5a16fd2cab96300e44d12835a5427d45b6aa3dc7f039b0df1539f5ce"
    assert np.array_equal(np.sort(np.concatenate([train, valid])), np.arange(50_000))


def test_the_published_splits_can_be_read(shared):
    file = shared / "data" / "nats_splits.json"
    for one, other in zip(
        read_parts(file, "cifar10-train-valid", ("train", "valid"), 50_000), seeded_parts(50_000), strict=True
    ):
        assert np.array_equal(one, other)
    firsts = {
        ("cifar100-test", 10_000): ([1, 3, 4, 5, 8], [0, 2, 6, 7, 9]),
        ("ImageNet16-120-test", 6_000): ([1, 2, 3, 6, 7], [0, 4, 5, 10, 11]),
    }
    for (split, count), first in firsts.items():
        parts = read_parts(file, split, ("xvalid", "xtest"), count)
        assert [len(part) for part in parts] == [count // 2] * 2
        assert tuple(part[:5].tolist() for part in parts) == first


def test_the_official_halves_are_shipped():
    for dataset, count, firsts in (
        ("cifar100", 10_000, ([1, 3, 4, 5, 8], [0, 2, 6, 7, 9])),
        ("ImageNet16-120", 6_000, ([1, 2, 3, 6, 7], [0, 4, 5, 10, 11])),
    ):
        parts = official_halves(dataset, count)
        assert parts is not None
        assert [len(part) for part in parts] == [count // 2] * 2
        assert tuple(part[:5].tolist() for part in parts) == firsts
    assert digest(parts[0]) == "7859ce235eea793f3e17ad52becef181179998a1977f88e1870ee83b6a8769e6"
    assert official_halves("cifar100", 24) is None
    assert official_halves("cifar10", 10_000) is None


def official(tmp_path, first, second):
    file = tmp_path / "split.txt"
    file.write_text(json.dumps({"xvalid": ["int", first], "xtest": ["int", second]}))
    return file


def test_the_official_text_format(tmp_path):
    file = official(tmp_path, ["1", "3"], ["0", "2", "4"])
    one, other = read_parts(file, "cifar100-test", ("xvalid", "xtest"), 5)
    assert (one.tolist(), other.tolist()) == ([1, 3], [0, 2, 4])


@pytest.mark.parametrize("second", [["0", "2"], ["0", "2", "3"], ["0", "2", "5"], ["0", "x", "4"], 7])
def test_parts_that_are_not_a_split_are_refused(tmp_path, second):
    with pytest.raises(BadData, match=r"split\.txt: "):
        read_parts(official(tmp_path, ["1", "3"], second), "cifar100-test", ("xvalid", "xtest"), 5)


def test_a_damaged_split_file_is_refused(shared, tmp_path):
    text = (shared / "data" / "nats_splits.json").read_text()
    file = tmp_path / "splits.json"
    file.write_text(text.replace('"bitmask_hex": "3', '"bitmask_hex": "4'))
    with pytest.raises(BadData, match="checksum of xvalid"):
        read_parts(file, "cifar100-test", ("xvalid", "xtest"), 10_000)
    for broken in (text[:500], "[]", "7"):
        file.write_text(broken)
        with pytest.raises(BadData):
            read_parts(file, "cifar100-test", ("xvalid", "xtest"), 10_000)
    with pytest.raises(BadData, match="cannot be read"):
        read_parts(tmp_path / "none", "cifar100-test", ("xvalid", "xtest"), 10_000)


def test_a_portion():
    one, other = seeded_parts(10, 0.8)
    assert (len(one), len(other)) == (8, 2)
