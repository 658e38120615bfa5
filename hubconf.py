"""Entry points of torch.hub, in a checkout: `torch.hub.load(".", "cnas_imagenet", source="local")`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

dependencies = ["torch", "numpy", "h5py"]


def cnas_imagenet(
    pretrained: bool = True,
    *,
    weights: Path | str | None = None,
    model_dir: Path | str | None = None,
    map_location: str = "cpu",
    check_hash: bool = False,
) -> nn.Module:
    """CNAS for ImageNet (Guo et al., ICML 2020), as released: outputs are (logits, auxiliary logits or None).

    pretrained: with the released weights, of the file `weights`, else in `model_dir` or $TORCH_HOME/hub/checkpoints,
    to which they are downloaded if need be; check_hash: a file with another digest is refused, else warned of.
    """
    from nasreplay import models

    return models.pretrained(
        "CNAS",
        dataset="imagenet-1k",
        pairs=True,
        trained=pretrained,
        weights=weights,
        model_dir=model_dir,
        map_location=map_location,
        check_hash=check_hash,
    )
