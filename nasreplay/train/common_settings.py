"""Settings of every command that computes on images: which images, and on what device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nasreplay.settings import setting

if TYPE_CHECKING:
    from nasreplay.train.device import Device
    from nasreplay.train.images.image_sources import ImageSource


@dataclass(frozen=True, kw_only=True)
class ImageSettings:
    """Which images are read."""

    dataset: str = "cifar10"
    """Data set: a name, or the path of an image folder."""
    data: Path | None = None
    """Folder of the images. [$TORCH_HOME/cifar.python; without TORCH_HOME ~/.cache/torch/cifar.python]"""
    download: bool = False
    """Fetch CIFAR images that are not there."""
    split_file: Path | None = None
    """Other halves of the published images than the official ones."""
    halves: Literal["official", "seeded"] = setting("official", shown=False)
    """Halves of test images without that file: NATS-Bench's, or as runs had them before those were shipped."""
    train_portion: float | None = None
    """Part of the training images that weights learn from."""
    fraction: float = 1.0
    """Part of the images of every set that is used."""

    @property
    def dataset_name(self) -> str:
        """Name of the data set, of which nothing is read. Raises BadData for a folder that is not there."""
        from nasreplay.train.images.find_images import card_named, locate

        card = card_named(self.dataset)
        return card.name if card else locate(self.dataset, self.data).name

    def source(self, *, valid_on_test: bool = False) -> ImageSource:
        """The images of a small data set. Raises BadData, BadSetting, UnknownName or UnsafePickle."""
        from nasreplay.train.images.image_sources import load

        seeded = self.halves == "seeded"
        about = (self.dataset, self.data, self.split_file, self.train_portion)
        return load(*about, valid_on_test, self.download, seeded)


@dataclass(frozen=True, kw_only=True)
class MachineSettings:
    """The device and precision of the numbers."""

    precision: str = "float32"
    """Precision: float32 or bf16."""
    device: str = "auto"
    """Device: auto, cpu, cuda, cuda:1, …, or free: the visible GPU with most free memory, else the CPU."""
    threads: int | None = setting(None, least=1, most=1024)
    """CPU threads. Default: PyTorch's."""

    def resolve_device(self, *, checkpoint_cells: bool = False) -> Device:
        """Device, precision and process group. Sets the number of threads. Raises BadSetting."""
        import torch

        from nasreplay.train.device import Device, chosen_device
        from nasreplay.train.distributed import process_group

        if self.threads:
            torch.set_num_threads(self.threads)
        name, why = chosen_device(self.device)
        return Device(name, self.precision, checkpoint_cells=checkpoint_cells, group=process_group(), why=why)
