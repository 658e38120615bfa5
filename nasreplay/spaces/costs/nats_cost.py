"""Closed forms of the parameters and FLOPs that both NATS networks share (docs/sources/nats-bench.md, Costs).

Parameters are all trainable tensors. FLOPs are multiply-accumulates of Conv2d and Linear for one image;
a Linear adds its bias count; batch norm, ReLU, pooling and additions count nothing. Widths may be arrays.
"""

from __future__ import annotations

import numpy as np


def stem_parameters(width):
    """Conv 3×3 from 3 channels, and its batch norm."""
    return 27 * width + 2 * width


def residual_parameters(before, after):
    """The stride-2 block between stages: two 3×3 convolutions with batch norm, and a bare 1×1 shortcut."""
    return 9 * before * after + 2 * after + 9 * after * after + 2 * after + before * after


def head_parameters(width, classes: int):
    """Batch norm and the linear classifier."""
    return 2 * width + width * classes + classes


def stem_flops(width, resolution: int):
    """The stem at full resolution."""
    return 27 * width * resolution**2


def residual_flops(before, after, resolution: int):
    """The stride-2 block at its output resolution."""
    return (9 * before * after + 9 * after * after + before * after) * resolution**2


def head_flops(width, classes: int):
    """The linear classifier, bias counted."""
    return width * classes + classes


def as_counts(values) -> np.ndarray:
    """Exact counts as int64."""
    return np.asarray(values, dtype=np.int64)
