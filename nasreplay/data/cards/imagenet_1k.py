"""ImageNet of ILSVRC 2012, as an image folder (arXiv 1409.0575; https://www.image-net.org/challenges/LSVRC/2012/)."""

from nasreplay.data.cards.base import DatasetCard, Facts, Streaming

CARD = DatasetCard(
    "imagenet-1k",
    Facts(classes=1_000, resolution=224, training_images=1_281_167),
    aliases=("imagenet", "ilsvrc2012"),
    folder="ILSVRC2012",
    streaming=Streaming(),
    held=False,
)
