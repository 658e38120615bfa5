"""The half of CIFAR-10's training images that the benchmark's searches train on; the other half validates."""

from nasreplay.data.cards.base import DatasetCard, EvaluationSet, Facts

CARD = DatasetCard(
    "cifar10-valid",
    Facts(classes=10, resolution=32, training_images=25_000),
    aliases=("cifar10valid", "cifar-10-valid"),
    order=0,
    training="the other 25,000",
    sets={
        "x-valid": EvaluationSet(25_000, "the 25,000 held-out training images"),
        "ori-test": EvaluationSet(
            10_000, "the 10,000 test images", training="25,000 of the 50,000 training images"
        ),
    },
    splits={
        "train": ("cifar10-valid", "train"),
        "valid": ("cifar10-valid", "x-valid"),
        "test": ("cifar10-valid", "ori-test"),
    },
    images_of="cifar10",
)
