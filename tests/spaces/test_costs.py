"""Parameters and FLOPs against the recorded counts of both benchmarks (exact integers)."""

import json
from pathlib import Path

import numpy as np
import pytest

from nasreplay.data.semantics import facts
from nasreplay.spaces import TOPOLOGY, space_named

RECORDED = json.loads((Path(__file__).parents[1] / "golden" / "params_flops.json").read_text())


@pytest.mark.parametrize(("space", "cases"), [("topology", 79), ("size", 25)])
def test_every_recorded_case(space, cases):
    recorded, space = RECORDED[space], space_named(space)
    assert len(recorded) == cases
    codes = space.from_flat(space.flat_of(list(recorded)))
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        parameters, flops = np.array([case[dataset] for case in recorded.values()]).T
        about = facts(dataset)
        np.testing.assert_array_equal(space.parameters(codes, about.classes), parameters)
        np.testing.assert_array_equal(space.flops(codes, about.classes, about.resolution), flops)


def test_the_recorded_cases_are_complete(shared):
    """The copy in this repository holds every case of the development data."""
    told = json.loads((shared / "golden" / "tss_params_flops.json").read_text())
    for name, space in (("tss", "topology"), ("sss", "size")):
        cases = {
            case["arch"]: {d: [v["params"], v["flops"]] for d, v in case["datasets"].items()}
            for case in told[name]
        }
        assert cases == RECORDED[space]


def test_counts_are_exact_integers_of_any_batch():
    codes = TOPOLOGY.all_codes
    whole = TOPOLOGY.parameters(codes, 10)
    assert whole.dtype == np.int64
    np.testing.assert_array_equal(whole[:7], TOPOLOGY.parameters(codes[:7], 10))
    assert whole.shape == TOPOLOGY.flops(codes, 10, 32).shape == (15625,)
