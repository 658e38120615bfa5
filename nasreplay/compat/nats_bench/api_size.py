"""The size space of NATS-Bench (sss)."""

from __future__ import annotations

from nasreplay.compat.nats_bench.api_utils import NASBenchMetaAPI
from nasreplay.compat.nats_bench.results import print_information
from nasreplay.spaces import SIZE

__all__ = ["ALL_BASE_NAMES", "NATSsize", "print_information"]

ALL_BASE_NAMES = [SIZE.archive]
"""The official archive, without `-simple`."""


class NATSsize(NASBenchMetaAPI):
    """32,768 widths; recipes 01, 12 and 90."""

    space = SIZE
    search_space_name = "size"
    full_epochs_in_paper = full_train_epochs = 90
