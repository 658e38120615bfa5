"""Food-101, as published or as an image folder (Bossard et al., ECCV 2014; 101 dishes, 1,000 images of each)."""

from nasreplay.data.cards.base import IMAGENET, DatasetCard, Facts, Streaming

CARD = DatasetCard(
    "food101",
    Facts(classes=101, resolution=64, training_images=75_750),
    aliases=("food-101",),
    folder="food-101",
    normalization=IMAGENET,
    cutout=False,
    streaming=Streaming(128, (0.2, 0.2, 0.2, 0.2), (1, 1)),  # as in the sparse CNAS
)
