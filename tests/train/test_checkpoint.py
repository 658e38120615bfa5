import os

import numpy as np
import pytest
import torch

from nasreplay.errors import BadOutput
from nasreplay.train.checkpoint import Checkpoints, load_checkpoint, save_checkpoint


def equal(one, other) -> bool:
    if isinstance(one, torch.Tensor | np.ndarray):
        return type(one) is type(other) and one.dtype == other.dtype and bool((one == other).all())
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return one == other


def test_what_is_saved_comes_back(tmp_path):
    state = {
        "tensors": [torch.arange(6.0).view(2, 3), torch.tensor(3), torch.ones(2, dtype=torch.bfloat16)],
        "positions": np.array([1, 2**63], dtype=np.uint64),
        "optimizer": {
            "state": {0: {"momentum": torch.zeros(2)}, 1: {}},
            "groups": [{"lr": 0.1, "params": [0, 1]}],
        },
        "texts": {"tensor": "a name", "none": None, "yes": True},
        "tensor": {"tensor": "one key that is a mark"},
        "third": 1 / 3,
    }
    save_checkpoint(tmp_path / "x.pt", state)
    assert equal(load_checkpoint(tmp_path / "x.pt"), state)
    plain = torch.load(tmp_path / "x.pt", weights_only=True)
    assert plain.keys() == {"json", "tensors"}
    assert isinstance(plain["json"], str)


def test_a_slice_is_saved_without_the_rest(tmp_path):
    save_checkpoint(tmp_path / "x.pt", {"few": torch.zeros(1_000_000)[:3]})
    assert (tmp_path / "x.pt").stat().st_size < 10_000


def test_the_last_ones_and_the_best_are_kept(tmp_path):
    kept = Checkpoints(tmp_path / "c", keep=2)
    assert kept.latest() is None
    assert kept.best() is None
    for step, score in enumerate([5.0, 9.0, 7.0, None, 8.0]):
        kept.save(step, {"step": step}, score)
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == [
        "best.pt",
        "step-000000003.pt",
        "step-000000004.pt",
    ]
    assert kept.latest() == (4, {"step": 4})
    assert kept.best() == (1, {"step": 1})
    again = Checkpoints(tmp_path / "c", keep=2)
    again.save(5, {"step": 5}, 8.5)
    assert again.best() == (1, {"step": 1})


@pytest.mark.parametrize("damage", ["short", "empty", "other", "middle"])
def test_a_damaged_one_gives_way_to_the_one_before(tmp_path, damage):
    kept = Checkpoints(tmp_path)
    for step in (1, 2):
        kept.save(step, {"weights": torch.full((1000,), float(step))})
    file = tmp_path / "step-000000002.pt"
    content = file.read_bytes()
    third = len(content) // 3
    spoiled = {
        "short": content[: 2 * third],
        "empty": b"",
        "other": b"something else",
        "middle": content[:third] + bytes(len(content) - 2 * third) + content[-third:],
    }[damage]
    file.write_bytes(spoiled)
    found = kept.latest()
    assert found is not None
    assert found[0] == 1
    assert not file.exists()
    (tmp_path / "step-000000001.pt").write_bytes(spoiled)
    with pytest.raises(BadOutput, match=r"delete .* to start over"):
        kept.latest()


class Harmful:
    def __reduce__(self):
        return os.system, ("touch witness",)


def test_nothing_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"json": "{}", "tensors": {"0": Harmful()}}, tmp_path / "x.pt")
    with pytest.raises(BadOutput, match="not a checkpoint"):
        load_checkpoint(tmp_path / "x.pt")
    assert not (tmp_path / "witness").exists()


def test_what_cannot_be_written_is_told_and_leaves_the_last_one(tmp_path, monkeypatch):
    kept = Checkpoints(tmp_path / "c")
    kept.save(1, {"step": 1}, 5.0)

    def full(number):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(BadOutput, match=r"cannot be written: No space left on device"):
            kept.save(2, {"step": 2}, 6.0)
    assert kept.latest() == (1, {"step": 1})
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["best.pt", "step-000000001.pt"]
    (tmp_path / "file").touch()
    with pytest.raises(BadOutput, match="cannot be made"):
        Checkpoints(tmp_path / "file" / "c").save(1, {})
