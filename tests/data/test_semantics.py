import subprocess
import sys

import pytest

from nasreplay.data import semantics
from nasreplay.errors import NotMeasured, UnknownName

# request: stored data set, set, images, trained on (published rule, section 3.4 of the NATS-Bench notes)
EXPECTED = {
    ("cifar10", "train"): ("cifar10", "train", 50_000, 50_000),
    ("cifar10", "valid"): ("cifar10-valid", "x-valid", 25_000, 25_000),
    ("cifar10", "test"): ("cifar10", "ori-test", 10_000, 50_000),
    ("cifar10-valid", "train"): ("cifar10-valid", "train", 25_000, 25_000),
    ("cifar10-valid", "valid"): ("cifar10-valid", "x-valid", 25_000, 25_000),
    ("cifar10-valid", "test"): ("cifar10-valid", "ori-test", 10_000, 25_000),
    ("cifar100", "train"): ("cifar100", "train", 50_000, 50_000),
    ("cifar100", "valid"): ("cifar100", "x-valid", 5_000, 50_000),
    ("cifar100", "test"): ("cifar100", "x-test", 5_000, 50_000),
    ("cifar100", "valtest"): ("cifar100", "ori-test", 10_000, 50_000),
    ("ImageNet16-120", "train"): ("ImageNet16-120", "train", 151_700, 151_700),
    ("ImageNet16-120", "valid"): ("ImageNet16-120", "x-valid", 3_000, 151_700),
    ("ImageNet16-120", "test"): ("ImageNet16-120", "x-test", 3_000, 151_700),
    ("ImageNet16-120", "valtest"): ("ImageNet16-120", "ori-test", 6_000, 151_700),
}


def test_every_request_means_what_the_benchmark_says():
    assert set(semantics.requests()) == set(EXPECTED)
    for request, expected in EXPECTED.items():
        meaning = semantics.meaning(*request)
        assert meaning[:4] == expected
        assert f"(read from {meaning.stored})" in meaning.sentence
        assert f"{meaning.images:,}" in meaning.sentence


def test_the_rule_that_users_trip_over():
    assert semantics.meaning("cifar10", "valid").sentence == (
        "accuracy on the 25,000 held-out training images after training on the other 25,000 "
        "(read from cifar10-valid)"
    )
    assert "25,000 of the 50,000" in semantics.meaning("cifar10-valid", "test").sentence


@pytest.mark.parametrize("dataset", ["cifar10", "cifar10-valid"])
def test_cifar10_has_no_valtest(dataset):
    with pytest.raises(NotMeasured, match="it has train, valid, test"):
        semantics.meaning(dataset, "valtest")


def test_unknown_names_list_the_known_ones():
    with pytest.raises(UnknownName, match="cifar10, cifar100, ImageNet16-120, cifar10-valid"):
        semantics.meaning("mnist", "valid")
    with pytest.raises(UnknownName, match="train, valid, test, valtest"):
        semantics.meaning("cifar10", "val")
    with pytest.raises(UnknownName, match="x-valid, ori-test"):
        semantics.stored_meaning("cifar10-valid", "x-test")
    with pytest.raises(UnknownName, match="cifar10-valid"):
        semantics.stored_meaning("mnist", "x-test")


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("imagenet16-120", "ImageNet16-120"),
        ("ImageNet16", "ImageNet16-120"),
        ("IN16", "ImageNet16-120"),
        ("CIFAR-10", "cifar10"),
        ("Cifar10-Valid", "cifar10-valid"),
        ("c100", "cifar100"),
    ],
)
def test_aliases(name, dataset):
    assert semantics.dataset_named(name) == dataset


def test_no_alias_names_two_data_sets():
    names = [name.lower() for dataset, others in semantics.ALIASES.items() for name in (dataset, *others)]
    assert len(names) == len(set(names))


def test_facts():
    assert semantics.facts("cifar10-valid") == (10, 32, 25_000)
    assert semantics.facts("cifar10") == (10, 32, 50_000)
    assert semantics.facts("cifar100") == (100, 32, 50_000)
    assert semantics.facts("ImageNet16-120") == (120, 16, 151_700)


def test_semantics_needs_the_standard_library_only():
    code = (
        "import sys, nasreplay.data.semantics; "
        "print(sorted({'numpy', 'h5py', 'torch', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
