"""CIFAR-10, all 50,000 training images (Krizhevsky 2009; https://www.cs.toronto.edu/~kriz/cifar.html)."""

from nasreplay.data.cards.base import DatasetCard, EvaluationSet, Facts, ImageFiles

CARD = DatasetCard(
    "cifar10",
    Facts(classes=10, resolution=32, training_images=50_000),
    aliases=("cifar-10", "c10"),
    order=1,
    training="all 50,000 training images",
    sets={"ori-test": EvaluationSet(10_000, "the 10,000 test images")},
    splits={
        "train": ("cifar10", "train"),
        "valid": ("cifar10-valid", "x-valid"),
        "test": ("cifar10", "ori-test"),
    },
    searched=True,
    seconds={"topology": 20_000.0, "size": 20_000.0},  # NATS-Bench, TPAMI 2021, section 5; its run-all script
    normalization=((125.3, 123.0, 113.9), (63.0, 62.1, 66.7)),
    files=ImageFiles(
        "cifar-10-batches-py",
        {
            "data_batch_1": "c99cafc152244af753f735de768cd75f",
            "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
            "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
            "data_batch_4": "634d18415352ddfa80567beed471001a",
            "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        },
        {"test_batch": "40351d587109b95175f43aff81a1287e"},
        "labels",
        side=32,
        classes=10,
        address="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        archive_md5="c58f30108f718f92721af3b95e74349a",
        archive_bytes=170_498_071,
    ),
)
