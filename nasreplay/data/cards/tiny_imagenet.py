"""Tiny ImageNet, as an image folder (Stanford CS231n; http://cs231n.stanford.edu/tiny-imagenet-200.zip)."""

from nasreplay.data.cards.base import IMAGENET, DatasetCard, Facts

CARD = DatasetCard(
    "tiny-imagenet-200",
    Facts(classes=200, resolution=64, training_images=100_000),
    aliases=("tiny-imagenet", "tiny-imagenet200"),
    normalization=IMAGENET,
    padding=4,  # as in the sparse CNAS, which cuts nothing out of it
    cutout=False,
)
