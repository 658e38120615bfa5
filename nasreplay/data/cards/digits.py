"""The 1,797 handwritten digits of scikit-learn (UCI), the last 360 of a seeded order for tests."""

from nasreplay.data.cards.base import DatasetCard, Facts

CARD = DatasetCard(
    "digits",
    Facts(classes=10, resolution=8, training_images=1_437),
    package="scikit-learn",
    flip=False,  # a mirrored 2 is no digit
)
