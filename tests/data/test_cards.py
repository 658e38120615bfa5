"""A built-in data set is one card: a file in the folder, and everything knows it."""

import subprocess
import sys

from nasreplay.data.cards import CARDS

CARD = """
from nasreplay.data.cards.base import DatasetCard, EvaluationSet, Facts

CARD = DatasetCard(
    "flowers",
    Facts(classes=5, resolution=24, training_images=3_000),
    aliases=("blooms",),
    training="all 3,000 training images",
    sets={"x-valid": EvaluationSet(500, "the 500 validation images")},
    splits={"valid": ("flowers", "x-valid")},
    searched=True,
    seconds={"topology": 9_000.0},
    normalization=((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)),
)
"""
ASK = """
import sys
from importlib.util import find_spec, module_from_spec

spec = find_spec("nasreplay.data.cards")
spec.submodule_search_locations.append(sys.argv[1])
sys.modules[spec.name] = cards = module_from_spec(spec)
spec.loader.exec_module(cards)
from nasreplay.data import semantics
from nasreplay.replay.budgets import SECONDS

print(semantics.meaning("Blooms").sentence)
print(semantics.SEARCHED, semantics.DATASETS[-2:], SECONDS["topology", "flowers"])
"""


def test_a_new_file_is_a_new_data_set(tmp_path):
    (tmp_path / "flowers.py").write_text(CARD)
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "accuracy on the 500 validation images after training on all 3,000 training images (read from flowers)",
        "('cifar10', 'cifar100', 'ImageNet16-120', 'flowers') ('flowers', 'cifar10-valid') 9000.0",
    ]


def test_cards_refer_to_each_other():
    for card in CARDS.values():
        assert card.images_of in ("", *CARDS)
        for stored, name in card.splits.values():
            assert name in ("train", *CARDS[stored].sets)
