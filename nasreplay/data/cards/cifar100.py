"""CIFAR-100 (Krizhevsky 2009; https://www.cs.toronto.edu/~kriz/cifar.html), its test images halved by NATS-Bench."""

from nasreplay.data.cards.base import DatasetCard, EvaluationSet, Facts, ImageFiles

CARD = DatasetCard(
    "cifar100",
    Facts(classes=100, resolution=32, training_images=50_000),
    aliases=("cifar-100", "c100"),
    order=2,
    training="all 50,000 training images",
    sets={
        "x-valid": EvaluationSet(5_000, "the validation half (5,000) of the test images"),
        "x-test": EvaluationSet(5_000, "the test half (5,000) of the test images"),
        "ori-test": EvaluationSet(10_000, "all 10,000 test images, validation and test half together"),
    },
    splits={
        "train": ("cifar100", "train"),
        "valid": ("cifar100", "x-valid"),
        "test": ("cifar100", "x-test"),
        "valtest": ("cifar100", "ori-test"),
    },
    searched=True,
    seconds={"topology": 40_000.0, "size": 40_000.0},  # NATS-Bench, TPAMI 2021, section 5; its run-all script
    normalization=((129.3, 124.1, 112.4), (68.2, 65.4, 70.4)),
    halves_test=True,
    files=ImageFiles(
        "cifar-100-python",
        {"train": "16019d7e3df5f24257cddd939b257f8d"},
        {"test": "f0ef6b0ae62326f3e7ffdfab6717acfc"},
        "fine_labels",
        side=32,
        classes=100,
        address="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        archive_md5="eb9058c3a382ffc7106e4002c42a8d85",
        archive_bytes=169_001_437,
    ),
)
