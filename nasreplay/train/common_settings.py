"""Settings of every command that computes on images: which images, and on what device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nasreplay.errors import BadSetting
from nasreplay.settings import setting

if TYPE_CHECKING:
    from nasreplay.train.device import Device
    from nasreplay.train.images.image_sources import ImageSource
    from nasreplay.train.images.streamed import StreamedSource


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
    side: int | None = setting(None, least=8, most=4096)
    """Pixels of images that are read from files. [224 for ImageNet's; others: at most 64, in memory]"""
    workers: int | None = setting(None, least=0, most=1024)
    """Processes that read such images. [4, or as many as there are cores]"""
    cache: Path | None = setting(None, metavar="DIR")
    """Folder where such images are kept decoded, for this and later runs. [decoded each time]"""
    fraction: float = 1.0
    """Part of the images of every set that is used."""

    @property
    def dataset_name(self) -> str:
        """Name of the data set, of which nothing is read. Raises BadData for a folder that is not there."""
        from nasreplay.train.images.find_images import card_named, locate

        card = card_named(self.dataset)
        return card.name if card else locate(self.dataset, self.data).name

    @property
    def streamed(self) -> bool:
        """Whether the images are read from files while a network is trained."""
        from nasreplay.train.images.find_images import card_named

        card = card_named(self.dataset)
        return self.side is not None or bool(card and not card.held)

    def source(
        self, *, streamed: bool | None = None, valid_on_test: bool = False, usual: float = 0.5
    ) -> ImageSource | StreamedSource:
        """The images: streamed or in memory, [as they are asked for, or the data set needs it].

        usual: part of the training images that weights learn from where --train-portion does not say. Raises BadData,
        BadSetting, UnknownName or UnsafePickle.
        """
        from nasreplay.train.images.image_sources import load
        from nasreplay.train.images.recorded_images import SplitAsked
        from nasreplay.train.images.streamed import WORKERS, load_files

        data = self.data and self.data.expanduser()
        file = self.split_file and self.split_file.expanduser()
        asked = SplitAsked(file, self.train_portion, usual, valid_on_test, self.halves == "seeded")
        if streamed or self.streamed:
            workers = WORKERS if self.workers is None else self.workers
            return load_files(self.dataset, data, self.side, workers, self.download, self.cache, asked)
        for name in ("workers", "cache"):
            if getattr(self, name) is not None:
                raise BadSetting(
                    f"--{name} does not apply: {self.dataset} is not read from files without --side"
                )
        return load(self.dataset, data, fetch=self.download, **asked._asdict())


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
