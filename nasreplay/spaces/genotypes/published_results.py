"""What was published of genotypes: results and weights, as data.

Numbers are quoted as published, with where; what a source does not state is left out.
"""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """One published result of a genotype; None where its source does not state a number."""

    dataset: str
    """Data set of the test error."""
    error: float
    """Top-1 test error, percent."""
    std: float | None = None
    """Standard deviation of the error over trainings, percent points."""
    top5_error: float | None = None
    """Top-5 test error, percent."""
    parameters: float | None = None
    """Parameters, millions."""
    multiply_adds: float | None = None
    """Millions of multiply-accumulates of one image."""
    search_days: float | None = None
    """Days of one GPU that the search took."""
    source: str = ""
    """The publication that prints it."""


class Weights(NamedTuple):
    """Released weights of a genotype's network."""

    file: str
    """Name of the file, as PyTorch's hub keeps it."""
    dataset: str
    """Data set of the training."""
    channels: int
    """Channels of the first cells."""
    cells: int
    """Number of cells."""
    classes: int
    """Outputs of the classifier."""
    stem: str
    """cifar or imagenet."""
    auxiliary: bool
    """Whether the file has an auxiliary head."""
    digest: str
    """Kind and beginning of the file's digest, such as sha256:602b7057."""
    page: str
    """The page on which a person finds it."""
    address: str = ""
    """URL of the file for a program; "" where there is only the page."""


_GDAS = "GDAS paper, tables 1, 2 and 5 (with cutout)"
_SNAS = "SNAS paper"
_DARTS = "Li and Talwalkar, Random Search and Reproducibility for NAS"
_SLNAS = "README of SLNAS, github.com/Yee-Master/SLNAS"

RESULTS = {
    "DARTS_V1": (Published("cifar10", 3.00, std=0.14, parameters=3.3, search_days=1.5, source=_DARTS),),
    "DARTS_V2": (
        Published("cifar10", 2.76, std=0.09, parameters=3.3, search_days=4, source=_DARTS),
        Published("imagenet-1k", 26.7, top5_error=8.7, parameters=4.7, source="DARTS release notes"),
    ),
    "GDAS_V1": (
        Published("cifar10", 2.93, parameters=3.4, search_days=0.21, source=_GDAS),
        Published("cifar100", 18.38, parameters=3.4, search_days=0.21, source=_GDAS),
        Published("imagenet-1k", 26.0, top5_error=8.5, parameters=5.3, multiply_adds=581, source=_GDAS),
    ),
    "GDAS_F1": (
        Published("cifar10", 2.82, parameters=2.5, search_days=0.17, source=_GDAS),
        Published("cifar100", 18.13, parameters=2.5, search_days=0.17, source=_GDAS),
        Published("imagenet-1k", 27.5, top5_error=9.1, parameters=4.4, multiply_adds=497, source=_GDAS),
    ),
    "GDAS_GF": (Published("cifar10", 2.87, parameters=3.0, source=_GDAS),),
    "GDAS_FG": (Published("cifar10", 2.84, parameters=2.9, source=_GDAS),),
    "ENASNet": (
        Published("cifar10", 2.89, parameters=4.6, search_days=0.5, source="as quoted in the SNAS paper"),
    ),
    "SNAS_mild": (
        Published("cifar10", 2.98, parameters=2.9, search_days=1.5, source=_SNAS),
        Published(
            "imagenet-1k",
            27.3,
            top5_error=9.2,
            parameters=4.3,
            multiply_adds=522,
            search_days=1.5,
            source=_SNAS,
        ),
    ),
    "SNAS_mild_edge_all": (Published("cifar10", 2.98, source="README of SNAS, released weights"),),
    "SNAS_moderate": (Published("cifar10", 2.85, std=0.02, parameters=2.8, search_days=1.5, source=_SNAS),),
    "SNAS_aggressive": (Published("cifar10", 3.10, std=0.04, parameters=2.3, search_days=1.5, source=_SNAS),),
    "CNAS": (
        Published("cifar10", 2.60, parameters=3.66, source="CNAS paper, overview figure"),
        Published("imagenet-1k", 24.6, top5_error=7.4, source="CNAS paper, released weights"),
    ),
}
"""Results by the genotype's name."""

ELSEWHERE = {
    "ENAS": (Published("cifar10", 2.89, parameters=4.6, search_days=0.45, source=_SLNAS),),
    "DARTS": (Published("cifar10", 2.76, parameters=3.3, search_days=4, source=_SLNAS),),
    "NAO": (Published("cifar10", 2.93, parameters=2.5, search_days=0.3, source=_SLNAS),),
    "SLNAS": (Published("cifar10", 2.86, parameters=1.31, search_days=0.3, source=_SLNAS),),
}
"""Results of methods, side by side in one publication; which cells have them is not stated there."""

WEIGHTS = {
    "CNAS": (
        Weights(
            "cnas-imagenet-602b7057.pth",
            "imagenet-1k",
            channels=48,
            cells=14,
            classes=1000,
            stem="imagenet",
            auxiliary=True,
            digest="sha256:602b7057",
            page="https://github.com/guoyongcs/CNAS/releases/tag/models",
            address="https://github.com/guoyongcs/CNAS/releases/download/models/cnas-imagenet-602b7057.pth",
        ),
    ),
    "SNAS_mild_edge_all": (
        Weights(
            "snas-mild-edge-all.pt",  # of the release's file only the md5 sum is known
            "cifar10",
            channels=36,
            cells=20,
            classes=10,
            stem="cifar",
            auxiliary=True,
            digest="md5:aebc72d18b2c79925fafcebcd68ec745",
            page="https://drive.google.com/open?id=1tjy4Nx7rSv6gc8efQcJAaEbDcdawT-6c",
        ),
    ),
}
"""Released weights by the genotype's name."""
