"""All validation images judge an epoch's answer and the last epoch's candidates; before, a fixed part compares."""

import numpy as np
import pytest

from nasreplay.jobs.searches.health import epoch_facts
from nasreplay.live.shared_accuracy import SHARED
from nasreplay.live.supernet import SupernetEvaluator
from nasreplay.models.shared_networks import CellNetwork
from nasreplay.search import Budget, make
from nasreplay.spaces import TOPOLOGY
from nasreplay.train.images.image_sources import load
from nasreplay.train.recipe import Recipe

CODES = np.array([[3, 3, 2, 3, 1, 3], [1, 2, 3, 0, 3, 2]], dtype=np.int8)


def begun(judge: str) -> SupernetEvaluator:
    """A supernet of digits whose candidates are compared on 32 of the validation images, a fifth of all: 144."""
    recipe = Recipe("small", batch=8, test_batch=32)
    supernet = SupernetEvaluator(
        load("digits"), CellNetwork(channels=2, cells=1), recipe=recipe, judge=judge, fraction=0.2
    )
    supernet.begin(0, range(1), Budget())
    return supernet


@pytest.mark.parametrize(("judge", "images"), [("all", 144), ("batches", 32)])
def test_the_last_epochs_candidates_are_judged_on(judge, images):
    supernet = begun(judge)
    right = []
    for epoch in range(2):
        supernet.at_epoch(epoch, 2)
        right.append(supernet.answer(CODES, SHARED, None, np.zeros(2, dtype=int)).accuracy / 100)
    np.testing.assert_allclose(right[0] * 32, np.round(right[0] * 32), atol=1e-9)
    np.testing.assert_allclose(right[1] * images, np.round(right[1] * images), atol=1e-9)
    np.testing.assert_allclose(100 * right[1], supernet.shared_accuracy(CODES))
    assert supernet.judging_images == images


def test_an_epochs_line_says_on_how_many_images_and_how_sure():
    supernet, searcher = begun("all"), make("gdas", preset="live")
    searcher.begin(TOPOLOGY, supernet.ladder(), 0, range(1))
    facts = epoch_facts(searcher, supernet, None)
    (accuracy,) = supernet.shared_accuracy(searcher.answer())
    error = 100 * (accuracy / 100 * (1 - accuracy / 100) / 144) ** 0.5
    assert f"shared weights {accuracy:.2f} ± {error:.2f} % of 144 images" in facts.line(0, 2)
    assert (facts.plain()["shared_images"], facts.plain()["shared_error"]) == (144, pytest.approx(error))
