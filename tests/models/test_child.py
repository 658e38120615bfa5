"""Child networks equal the published ones: parameters, names, FLOPs and forward values."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasreplay.errors import UnknownName
from nasreplay.models.child_networks import child
from nasreplay.models.module_cost import multiply_adds, parameters
from nasreplay.spaces import SIZE, TOPOLOGY
from tests.support.formula import fill, golden, images, near

NETS = golden("child_networks")


def build(record):
    if "channels" in record:
        return child(SIZE, SIZE.parse(record["channels"]), 10)
    return child(TOPOLOGY, TOPOLOGY.parse(record["arch"]), 10, record["C"], record["N"])


def name(record):
    return record.get("channels") or f"{record['arch']} C={record['C']}"


@pytest.mark.slow
@pytest.mark.parametrize("ordered", [False, True], ids=["scheme A", "scheme B"])
@pytest.mark.parametrize("record", NETS["topology_small"] + NETS["topology"] + NETS["size"], ids=name)
def test_forward_values(record, ordered):
    wanted = record["scheme_B" if ordered else "scheme_A"]
    net: Any = fill(build(record), ordered)
    x = images(record["input_shape"])
    with torch.no_grad():
        near(net.eval()(x), wanted["eval_logits"])
        near(net.features(x).sum(), wanted["eval_feature_sum"])
        near(net.train()(x), wanted["train_logits"])


@pytest.mark.parametrize("key", ["keys", "size_keys"])
def test_state_dicts_have_the_published_names_shapes_and_order(key):
    wanted = NETS[key] | {"C": 16, "N": 5}
    got = [[name, list(value.shape)] for name, value in build(wanted).state_dict().items()]
    assert got == wanted["keys"]


@pytest.mark.slow
@pytest.mark.parametrize("record", NETS["topology_counts"], ids=lambda record: record["arch"])
def test_parameters_and_flops_of_the_benchmark(record):
    codes = TOPOLOGY.parse(record["arch"])
    for dataset, classes, side in (("cifar10", 10, 32), ("cifar100", 100, 32), ("ImageNet16-120", 120, 16)):
        net, x = child(TOPOLOGY, codes, classes), torch.zeros(1, 3, side, side)
        assert parameters(net) == record["counts"][dataset]["params"]
        work = multiply_adds(net, x) + classes  # the published count adds the bias
        assert work / 1e6 == pytest.approx(record["counts"][dataset]["flops_M"], abs=1e-9)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, SIZE.size - 1), st.integers(2, 12))
def test_counts_of_the_size_space_equal_the_closed_form(flat, classes):
    codes = SIZE.from_flat([flat])
    net, x = child(SIZE, codes[0], classes), torch.zeros(1, 3, 16, 16)
    assert parameters(net) == SIZE.parameters(codes, classes)[0]
    assert multiply_adds(net, x) + classes == SIZE.flops(codes, classes, 16)[0]


@settings(max_examples=6, deadline=None)
@given(st.integers(0, TOPOLOGY.size - 1))
def test_counts_of_the_topology_space_equal_the_closed_form(flat):
    codes = TOPOLOGY.from_flat([flat])
    net, x = child(TOPOLOGY, codes[0], 10), torch.zeros(1, 3, 16, 16)
    assert parameters(net) == TOPOLOGY.parameters(codes, 10)[0]
    assert multiply_adds(net, x) + 10 == TOPOLOGY.flops(codes, 10, 16)[0]


def test_other_spaces_are_refused():
    class Other:
        name = "other"

    with pytest.raises(UnknownName, match="no child networks for the other space"):
        child(Other(), (0,), 10)  # pyright: ignore[reportArgumentType]


def test_a_nan_survives_a_cell_of_zeros():
    net = child(TOPOLOGY, (0,) * 6, 10, 4, 1).eval()
    x = torch.zeros(1, 3, 8, 8)
    x[0, 0, 4, 4] = float("nan")
    assert net(x).isnan().any()
