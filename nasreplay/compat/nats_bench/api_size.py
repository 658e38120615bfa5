"""The size space of NATS-Bench (sss)."""

from __future__ import annotations

from nasreplay.compat.nats_bench.api_utils import NASBenchMetaAPI
from nasreplay.spaces import SIZE


class NATSsize(NASBenchMetaAPI):
    """32,768 widths; recipes 01, 12 and 90."""

    space = SIZE
    search_space_name = "size"
    full_epochs_in_paper = full_train_epochs = 90
