import csv
import gzip

import pytest

from nasreplay.data.importers.csv_to_pack import import_csv
from nasreplay.spaces import TOPOLOGY

MAPPINGS = [
    "arch=arch",
    "c10valid_e12_valid_mean=cifar10-valid/12/x-valid/accuracy",
    "c100_e12_valid=cifar100/12/x-valid/accuracy",
    "in16_e12_valid=ImageNet16-120/12/x-valid/accuracy",
    "c10_e200_test_mean=cifar10/200/ori-test/accuracy",
    "c100_e200_test_mean=cifar100/200/x-test/accuracy",
    "in16_e200_test_mean=ImageNet16-120/200/x-test/accuracy",
    "c10valid_train_s_per_epoch=cifar10-valid/12/seconds_per_epoch",
    "c10valid_train_s_per_epoch*2=cifar100/12/seconds_per_epoch",
    "c10valid_train_s_per_epoch*6.068=ImageNet16-120/12/seconds_per_epoch",
    "evaluation_s_per_image*25000=cifar10-valid/12/x-valid/eval_seconds",
    "evaluation_s_per_image*5000=cifar100/12/x-valid/eval_seconds",
    "evaluation_s_per_image*3000=ImageNet16-120/12/x-valid/eval_seconds",
]
TRIALS = {"c10valid": "cifar10-valid", "c100": "cifar100", "in16": "ImageNet16-120"}


@pytest.fixture(scope="session")
def real_pack(shared, tmp_path_factory):
    """The real 12- and 200-epoch numbers of every cell, with a linear fit of evaluation times where none is known."""
    folder = tmp_path_factory.mktemp("real")
    with gzip.open(shared / "data" / "nb201_real.csv.gz", "rt") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        fit = 6.36377e-05 + 0.274000 * float(row["c10valid_train_s_per_epoch"]) / 25_000
        fit -= 2.31209e-03 * float(row["c10_latency_s"])
        row["evaluation_s_per_image"] = row["eval_s_per_image"] or repr(fit)
    with (folder / "real.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    mappings = list(MAPPINGS)
    for prefix, stored in TRIALS.items():
        mappings += [
            f"{prefix}_e200_valid_s{seed}={stored}/200/x-valid/accuracy/{seed}" for seed in (777, 888, 999)
        ]
    return import_csv(folder / "real.csv", folder / "real.h5", mappings, space=TOPOLOGY).pack
