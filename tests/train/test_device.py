import pytest
import torch

from nasreplay.train.common_settings import MachineSettings
from nasreplay.train.device import chosen_device, free_memory, freest


@pytest.mark.parametrize(
    ("free", "place"),
    [([5], 0), ([1, 3, 2], 1), ([7, 7, 7], 0), ([0, 9, 9], 1), ([0, 0], 0), ([1, 2, 80 * 2**30], 2)],
)
def test_the_freest_is_the_first_of_those_with_most_free_memory(free, place):
    assert freest(free) == place


def test_free_is_a_visible_gpu_or_the_cpu_and_says_why():
    device = MachineSettings(device="free").resolve_device()
    if torch.cuda.is_available():
        assert device.name.startswith("cuda:")
        assert device.title == f"{device.name} ({device.why})"
        assert device.why.startswith("MiB free: cuda:0 ")
        assert len(free_memory()) == torch.cuda.device_count()
    else:
        assert device.title == "cpu (no GPU is visible)"
        assert free_memory() == []
    assert MachineSettings(device="cpu").resolve_device().title == "cpu"


def test_a_process_of_torchruns_keeps_the_device_that_it_is_given(monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    expected = "cuda:1" if torch.cuda.is_available() else "cpu"
    assert chosen_device("free") == (expected, "torchrun gives each process its own")
