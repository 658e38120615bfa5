"""Tiny ImageNet, as an image folder (Stanford CS231n; http://cs231n.stanford.edu/tiny-imagenet-200.zip)."""

from nasreplay.data.cards.base import DatasetCard, Facts

CARD = DatasetCard(
    "tiny-imagenet-200",
    Facts(classes=200, resolution=64, training_images=100_000),
    aliases=("tiny-imagenet",),
)
