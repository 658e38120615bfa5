"""What children and supernets share: the stem before and the head after their cells, and the pass through them.

Parameter names are those of the published networks (`stem`, `cells`, `lastact`, `classifier`), so their state
dicts load as they are. Shapes: images [B, 3, H, W]; K classes.
"""

from __future__ import annotations

from torch import Tensor, nn

from nasreplay.errors import BadSetting
from nasreplay.models.nb201.nb201_ops import batch_norm


class Skeleton(nn.Module):
    """Stem, cells, head. A subclass says how a cell is called."""

    cells: nn.ModuleList

    def __init__(
        self, cells: list[nn.Module], first: int, last: int, classes: int, norm: nn.Module | None = None
    ):
        super().__init__()
        conv = nn.Conv2d(3, first, 3, padding=1, bias=False)
        self.stem = nn.Sequential(conv, batch_norm(first))
        self.cells = nn.ModuleList(cells)
        self.lastact = nn.Sequential(batch_norm(last) if norm is None else norm, nn.ReLU(inplace=True))
        self.classifier = nn.Linear(last, classes)

    def pool(self, x: Tensor) -> Tensor:
        """Batch norm, ReLU and global average: [B, C, H, W] → features [B, C]."""
        return self.lastact(x).mean(dim=(2, 3))


def check_side(side: int) -> None:
    """Raise BadSetting for images that cannot be halved twice: shortcuts of residual blocks round down, cells up."""
    if side % 4:
        raise BadSetting(
            f"images of {side} × {side} pixels: NAS-Bench-201's network halves them twice, so the side must be a "
            f"multiple of 4, such as {side + -side % 4}"
        )


def stages(channels: int, cells: int) -> list[tuple[int, int]]:
    """(input, output) channels of the modules of the topology space; they differ where a residual block stands."""
    stage = [[(width, width)] * cells for width in (channels, 2 * channels, 4 * channels)]
    first, second = (channels, 2 * channels), (2 * channels, 4 * channels)
    return [*stage[0], first, *stage[1], second, *stage[2]]
