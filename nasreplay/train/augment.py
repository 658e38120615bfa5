"""Augmentation of whole batches on the device: flip, crop, normalize, cutout, in the benchmark's order.

Legend: B images, P planes, H and W pixels, K values per pixel. A batch is stored as [B, P, H, W, K], with P=3, K=1
(channels first) or P=1, K=3 (channels last), so that a row of pixels is contiguous in either layout and a random
crop is one gather of rows. On one CPU core 64 CIFAR images take about 1 ms (`benchmarks/data.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

DRAWS = 5  # random numbers per image: flip, top, left, and the center of the cutout


@dataclass(frozen=True)
class Augment:
    """What is done to a training image."""

    padding: int
    """Zero pixels on each side before a crop of the original size."""
    flip: bool = True
    """Whether one image in two is mirrored."""
    cutout: int = 0
    """Side in pixels of a square set to zero after normalization, centered anywhere, cut at the border; 0: none."""

    def pixels(self, batch: Tensor, uniform: np.ndarray) -> Tensor:
        """Flipped and cropped uint8 [B, P, H, W, K]; uniform: float64 [B, DRAWS] in [0, 1)."""
        device = batch.device
        mirrored = torch.from_numpy(uniform[:, 0] < 0.5).to(device) if self.flip else None
        if self.padding:
            offsets = torch.from_numpy((uniform[:, 1:3] * (2 * self.padding + 1)).astype(np.int64)).to(device)
            top, left = offsets.unbind(1)
            if mirrored is not None:  # the crop comes after the flip, but is cheaper before it
                left = torch.where(mirrored, 2 * self.padding - left, left)
            batch = crop(batch, top, left, self.padding)
        return batch if mirrored is None else mirror(batch, mirrored)

    def cut(self, images: Tensor, uniform: np.ndarray) -> Tensor:
        """Normalized images [B, P, H, W, K] with the cutout square set to zero, in place."""
        if not self.cutout:
            return images
        height, width = images.shape[2:4]
        center = torch.from_numpy((uniform[:, 3:5] * (height, width)).astype(np.int64)).to(images.device)
        first, last = center - self.cutout // 2, center + self.cutout // 2
        rows, columns = (torch.arange(size, device=images.device) for size in (height, width))
        inside_rows = (rows >= first[:, :1]) & (rows < last[:, :1])
        inside_columns = (columns >= first[:, 1:]) & (columns < last[:, 1:])
        square = inside_rows[:, None, :, None, None] & inside_columns[:, None, None, :, None]
        return images.masked_fill_(square, 0.0)


def blanks(cutout: int, side: int) -> str:
    """What is wrong with squares of `cutout` pixels that cover all of an image, wherever they lie; "" for nothing."""
    if cutout // 2 < side:
        return ""
    half = f"half an image is --cutout {side // 2}"
    return f"cutout {cutout} blanks whole images of {side} × {side} pixels, nothing is learned: {half}"


def mirror(batch: Tensor, chosen: Tensor) -> Tensor:
    """Mirror the chosen (bool [B]) images left to right."""
    both = torch.cat([batch, batch.flip(3)])
    rows = torch.arange(len(batch), device=batch.device)
    return both.index_select(0, rows + len(batch) * chosen)


def crop(batch: Tensor, top: Tensor, left: Tensor, padding: int) -> Tensor:
    """Pad with zeros, then cut each image [P, H, W, K] out again at (top, left), int64 [B] in 0..2·padding."""
    count, planes, height, width, depth = batch.shape
    padded = F.pad(batch, (0, 0, padding, padding, padding, padding)).view(-1)
    length = width * depth
    plane = torch.arange(count * planes, device=batch.device).view(count, planes, 1) * (height + 2 * padding)
    row = plane + top[:, None, None] + torch.arange(height, device=batch.device)
    start = (row * (width + 2 * padding) + left[:, None, None]) * depth
    # every run of `length` values, overlapping, without copying: row i begins at value i
    runs = padded.as_strided((padded.numel() - length + 1, length), (1, 1))
    return runs.index_select(0, start.view(-1)).view(batch.shape)
