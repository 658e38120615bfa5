"""ImageNet16-120: 120 classes of the 16×16 images of ImageNet (arXiv 1707.08819), as NATS-Bench uses them."""

from nasreplay.data.cards.base import DatasetCard, EvaluationSet, Facts, ImageFiles

CARD = DatasetCard(
    "ImageNet16-120",
    Facts(classes=120, resolution=16, training_images=151_700),
    aliases=("imagenet16", "imagenet-16-120", "in16"),
    order=3,
    training="all 151,700 training images",
    sets={
        "x-valid": EvaluationSet(3_000, "the validation half (3,000) of the ImageNet validation images"),
        "x-test": EvaluationSet(3_000, "the test half (3,000) of the ImageNet validation images"),
        "ori-test": EvaluationSet(
            6_000, "all 6,000 ImageNet validation images, validation and test half together"
        ),
    },
    splits={
        "train": ("ImageNet16-120", "train"),
        "valid": ("ImageNet16-120", "x-valid"),
        "test": ("ImageNet16-120", "x-test"),
        "valtest": ("ImageNet16-120", "ori-test"),
    },
    searched=True,
    seconds={
        "topology": 120_000.0,
        "size": 60_000.0,
    },  # NATS-Bench, TPAMI 2021, section 5; its run-all script
    normalization=((122.68, 116.66, 104.01), (63.22, 61.26, 65.09)),
    halves_test=True,
    files=ImageFiles(  # md5 sums of NATS-Bench
        "ImageNet16",
        {
            "train_data_batch_1": "27846dcaa50de8e21a7d1a35f30f0e91",
            "train_data_batch_2": "c7254a054e0e795c69120a5727050e3f",
            "train_data_batch_3": "4333d3df2e5ffb114b05d2ffc19b1e87",
            "train_data_batch_4": "1620cdf193304f4a92677b695d70d10f",
            "train_data_batch_5": "348b3c2fdbb3940c4e9e834affd3b18d",
            "train_data_batch_6": "6e765307c242a1b3d7d5ef9139b48945",
            "train_data_batch_7": "564926d8cbf8fc4818ba23d2faac7564",
            "train_data_batch_8": "f4755871f718ccb653440b9dd0ebac66",
            "train_data_batch_9": "bb6dd660c38c58552125b1a92f86b5d4",
            "train_data_batch_10": "8f03f34ac4b42271a294f91bf480f29b",
        },
        {"val_data": "3410e3017fdaefba8d5073aaa65e4bd6"},
        "labels",
        side=16,
        classes=120,
        first_labels=True,
    ),
)
