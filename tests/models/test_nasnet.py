"""Networks of genotypes equal those of the releases: sizes, names, forward values; and drop path as published."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from nasreplay.errors import BadInput, BadSetting
from nasreplay.models.module_cost import multiply_adds, parameters
from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.models.nasnet.nasnet_ops import LongConv
from nasreplay.models.nasnet.parameter_names import load_published, names, published_state
from nasreplay.spaces.costs.nasnet_cost import cost
from nasreplay.spaces.costs.network_plan import DIALECTS, Plan
from nasreplay.spaces.genotypes.genotype import Cell, Genotype
from nasreplay.spaces.genotypes.notation import from_mapping
from nasreplay.spaces.genotypes.published_genotypes import entry, zoo
from tests.support.formula import fill, golden, images, near
from tests.support.named_fill import as_cnas, as_snas, by_name

FACTS = golden("nasnet_networks")
ROWS = json.loads((Path(__file__).parents[1] / "golden" / "nasnet_costs.json").read_text())["rows"]


def imagined(genotype, plan):
    """A network without memory for its weights."""
    with torch.device("meta"):
        return NASNet(genotype, plan)


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo())
def test_sizes_and_work_equal_the_closed_form(name):
    place, genotype = list(zoo()).index(name), entry(name).genotype
    stem, side = ("imagenet", 64) if place % 3 == 0 else ("cifar", 32)
    plan = Plan(16, 3, 7, stem, place % 2 == 0, list(DIALECTS)[place % len(DIALECTS)])
    net, counted = NASNet(genotype, plan), cost(genotype, plan, side)
    assert (parameters(net), multiply_adds(net, torch.zeros(1, 3, side, side))) == counted


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row[0] != "xautodl"][::45], ids=lambda row: f"{row[0]} {row[1]}"
)
def test_full_sizes_as_recorded(row):
    dialect, name, channels, cells, classes, stem, auxiliary, size, work = row
    net = imagined(entry(name).genotype, Plan(channels, cells, classes, stem, auxiliary, dialect))
    assert parameters(net) == size
    counted = cost(net.genotype, net.plan, 224 if stem == "imagenet" else 32)
    assert work in (None, counted.multiply_adds)


def inputs(scheme, shape):
    place = torch.arange(math.prod(shape)).double()
    if scheme == "scheme A":
        return images(shape)
    waves = torch.sin(0.11 * place)
    return (waves if scheme == "cnas" else torch.cos(0.013 * place) + 0.5 * waves).reshape(shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    FACTS["forward"],
    ids=lambda case: (
        f"{case['dialect']} {case['genotype']:.20}" if isinstance(case["genotype"], str) else case["dialect"]
    ),
)
def test_forward_values(case):
    told = case["genotype"]
    genotype = entry(told).genotype if isinstance(told, str) else from_mapping(told)
    net = NASNet(genotype, Plan(*case["plan"], auxiliary=True, dialect=case["dialect"]))
    net = (
        fill(net)
        if case["fill"] == "scheme A"
        else by_name(net, names(net), as_snas if case["fill"] == "snas" else as_cnas)
    )
    x, (rows, columns) = inputs(case["fill"], case["shape"]), torch.tensor(case["eval"]).shape
    with torch.no_grad():
        near(net.eval()(x)[:rows, :columns], case["eval"])
        logits, auxiliary = net.train()(x)
    near(logits[:rows, :columns], case["train"])
    near(auxiliary[:rows, :columns], case["auxiliary"])


@pytest.mark.parametrize("case", FACTS["keys"], ids=lambda case: case["plan"][3])
def test_names_and_shapes_of_cnas(case):
    net = imagined(entry(case["genotype"]).genotype, Plan(*case["plan"], auxiliary=True))
    lines = [f"{name} {tuple(value.shape)}" for name, value in published_state(net).items()]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == case["sha256"]


@pytest.mark.parametrize(
    ("dialect", "layers"), [("darts", ""), ("pdarts", ""), ("snas", ""), ("xautodl", "op.")]
)
def test_long_convolutions_have_the_names_of_each_release(dialect, layers):
    one, other = (NASNet(entry("AmoebaNet").genotype, Plan(8, 5, 3, dialect=dialect)) for _ in range(2))
    (at, *_) = (name for name, module in one.named_modules() if isinstance(module, LongConv))
    state = published_state(one)
    assert [key for key in state if key.startswith(f"{at}.") and key.endswith("weight")] == [
        f"{at}.{layers}{place}.weight" for place in (1, 2, 3)
    ]
    load_published(other, state)
    assert all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


def test_the_imagenet_head_of_p_darts_ends_with_a_norm():
    darts, pdarts = (
        set(published_state(imagined(entry("PDARTS").genotype, Plan(8, 5, 3, "imagenet", True, dialect))))
        for dialect in ("darts", "pdarts")
    )
    kinds = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    assert pdarts - darts == {f"auxiliary_head.features.6.{kind}" for kind in kinds}


SMALL = Plan(8, 5, 3, auxiliary=True)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_published_states_load(dialect):
    plan = Plan(8, 5, 3, auxiliary=True, dialect=dialect)
    one, other = (NASNet(entry("GDAS_GF").genotype, plan).eval() for _ in range(2))
    load_published(other, {f"module.{key}": value for key, value in published_state(one).items()})
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(one(x), other(x), rtol=0, atol=0)


def test_states_of_other_networks_are_refused():
    net = NASNet(entry("DARTS_V1").genotype, SMALL)
    state = published_state(net)
    wider = NASNet(entry("DARTS_V1").genotype, Plan(12, 5, 3, auxiliary=True))
    with pytest.raises(
        BadInput, match=r"stem.0.weight has the shape \[36, 3, 3, 3\], this network needs \[24, 3, 3, 3\]"
    ):
        load_published(net, published_state(wider))
    with pytest.raises(BadInput, match=r"cells\.0\.preprocess1\.op\.1\.weight is not in the weights"):
        load_published(
            net, {key: value for key, value in state.items() if key != "cells.0.preprocess1.op.1.weight"}
        )
    with pytest.raises(BadInput, match="extra is not in a darts network"):
        load_published(net, state | {"extra": torch.zeros(1)})
    other = NASNet(entry("DARTS_V1").genotype, replace(SMALL, dialect="xautodl"))
    with pytest.raises(BadInput, match=r"is not in a xautodl network of this genotype: --dialect darts fits"):
        load_published(other, state)


def test_the_two_forms_of_snas_compute_the_same():
    short, whole = (entry(name).genotype for name in ("SNAS_mild", "SNAS_mild_edge_all"))
    plan = Plan(4, 5, 10, dialect="snas")
    one, other = NASNet(short, plan).eval(), NASNet(whole, plan).eval()
    state = {}
    for place in range(plan.cells):
        edges = (short.reduce if place in plan.reductions else short.normal).edges()  # pyright: ignore
        layers = list((whole.reduce if place in plan.reductions else whole.normal).edges())  # pyright: ignore
        for number, edge in enumerate(edges):
            state[f"cells.{place}._ops.{number}."] = f"cells.{place}._ops.{layers.index(edge)}."
    for ours, value in one.state_dict().items():
        prefix = next((key for key in state if ours.startswith(key)), "")
        other.state_dict()[state.get(prefix, "") + ours.removeprefix(prefix)].copy_(value)
    x = torch.randn(2, 3, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(one(x), other(x))


def test_auxiliary_logits_come_in_training_only():
    net = NASNet(entry("DARTS_V1").genotype, SMALL)
    for side in (16, 32, 48):  # the head adapts to maps other than 8 × 8
        logits, auxiliary = net.train()(torch.randn(2, 3, side, side))
        assert logits.shape == auxiliary.shape == (2, 3)
        assert net.eval()(torch.randn(2, 3, side, side)).shape == (2, 3)
    plain = NASNet(entry("DARTS_V1").genotype, Plan(8, 5, 3)).train()
    assert plain(torch.randn(2, 3, 16, 16)).shape == (2, 3)


def test_the_auxiliary_head_leaves_the_features_alone():
    net = NASNet(
        entry("DARTS_V1").genotype, Plan(8, 3, 3, auxiliary=True)
    ).train()  # the last cell feeds both heads
    x = torch.randn(2, 3, 32, 32)
    (*_, last) = net.outputs(x)
    torch.testing.assert_close(net(x)[0], net.classifier(last.mean(dim=(2, 3))))


def test_drop_path_drops_samples_and_scales_the_rest():
    cell = Cell.of([[("nor_conv_1x1", 0), ("skip_connect", 1)]])
    net = NASNet(Genotype(cell, cell), Plan(4, 3, 2)).train()
    net.drop_path, net.generator = 0.25, torch.Generator().manual_seed(1)
    x, kept = torch.ones(4000, 1, 1, 1), net.dropped
    assert kept(x).unique().tolist() == pytest.approx([0, 4 / 3])
    assert kept(x).mean() == pytest.approx(1, abs=0.05)
    seen = []
    first = net.cells[0]
    first(torch.randn(3, 12, 8, 8), torch.randn(3, 12, 8, 8), lambda image: seen.append(image) or image)
    assert len(seen) == 1  # the identity is never dropped
    net.cells[1](torch.randn(3, 12, 8, 8), torch.randn(3, 4, 8, 8), lambda image: seen.append(image) or image)
    assert len(seen) == 3  # the strided skip is
    assert net.eval().dropped(x) is x
    net.train().drop_path = 0.0
    assert net.dropped(x) is x


def test_drop_path_follows_its_generator():
    net = NASNet(entry("GDAS_GF").genotype, Plan(8, 3, 3)).train()
    net.drop_path, x = 0.5, torch.randn(2, 3, 16, 16)
    runs = []
    for seed in (1, 1, 2):
        net.generator = torch.Generator().manual_seed(seed)
        runs.append(net(x))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_widths_that_a_fixed_reduction_cannot_have():
    with pytest.raises(BadSetting, match=r"divisible by 8, found 100: .* from channels divisible by 4"):
        NASNet(entry("GDAS_F1").genotype, Plan(50, 5, 3))


def test_every_parameter_is_reached_by_a_gradient():
    net = NASNet(entry("PNASNet").genotype, Plan(4, 5, 3, auxiliary=True)).train()
    logits, auxiliary = net(torch.randn(4, 3, 32, 32))
    nn.functional.cross_entropy(logits + auxiliary, torch.tensor([0, 1, 2, 0])).backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
