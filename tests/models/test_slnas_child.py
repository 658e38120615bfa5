"""The network of one architecture of SLNAS as trainings ask for it: sizes, refusals, inherited weights."""

import numpy as np
import pytest
import torch

from nasreplay.errors import BadSetting, UnknownName
from nasreplay.models.child_networks import CHILD_NETWORKS, CellChild, SLNASChild, child_network_of
from nasreplay.models.module_cost import parameters
from nasreplay.models.shared_networks import CellNetwork, SLNASNetwork
from nasreplay.spaces import Space
from nasreplay.spaces.slnas import SLNAS
from tests.support.slnas_golden import LISTS

CODES = LISTS["readme_aid50"]
WEIGHTS = torch.from_numpy(SLNAS.embed(np.array([CODES]))[0]).float()
ONE_HOT = WEIGHTS, WEIGHTS > 0


def test_sizes_are_the_published_ones_where_nothing_is_given():
    small, large = SLNASChild().sized(32), SLNASChild().sized(224)
    assert small == SLNASChild(32, "[4,4]", "cifar")
    assert large == SLNASChild(32, "[2,2]", "image")
    assert (small.init, large.init) == ("torch", "fan-out-small")
    assert SLNASChild(blocks="[1]", stem="search").sized(224) == SLNASChild(32, "[1]", "search")


def test_the_command_of_the_readme_has_the_original_parameters():
    net = SLNASChild(40, "[2,2]").sized(32).build(CODES, 30, 32, auxiliary=True)
    assert parameters(net) == 643_200
    assert parameters(SLNASChild(40, "[2,2]").sized(32).build(CODES, 30, 32)) == 643_200 - 2_400


@pytest.mark.parametrize(
    ("about", "words"), [({"channels": 9}, "channels is 9"), ({"blocks": "[]"}, "--blocks")]
)
def test_sizes_that_mean_nothing_are_refused(about, words):
    with pytest.raises(BadSetting, match=words):
        SLNASChild(**about)


def test_images_that_are_too_small_are_refused_with_the_first_such_block():
    with pytest.raises(
        BadSetting, match=r"block 9 \(the reduction, stage 3\) gets 1 × 1 pixels of images of 16 × 16"
    ):
        SLNASChild(4, "[2,2,2]", "image").build(CODES, 3, 16)


@pytest.fixture(scope="module")
def supernet():
    """Shared weights that nothing changes."""
    network = SLNASNetwork(channels=4, blocks="[1,1]", stem="cifar", search_bn="tracked")
    torch.manual_seed(1)
    net = network.build(3, 16)
    with torch.no_grad():
        net(torch.randn(8, 3, 16, 16), *ONE_HOT)  # statistics move
    return network, net.eval()


def test_a_network_inherits_the_shared_weights_of_its_operations(supernet):
    network, net = supernet
    child = SLNASChild(4, "[1,1]", "cifar")
    built = child.build(CODES, 3, 16, auxiliary=True)
    child.inherit(built, network, net.state_dict())
    images = torch.randn(4, 3, 16, 16)
    assert torch.allclose(built.eval()(images), net(images, *ONE_HOT), atol=1e-6)


def test_other_stems_and_classes_stay_fresh(supernet):
    network, net = supernet
    child = SLNASChild(4, "[1,1]", "image")
    built, fresh = child.build(CODES, 5, 64), child.build(CODES, 5, 64)
    stem = {
        name: values.clone() for name, values in built.state_dict().items() if name.startswith("stems.0.3")
    }
    child.inherit(built, network, net.state_dict())
    now = built.state_dict()
    assert all(torch.equal(now[name], values) for name, values in stem.items())
    assert not torch.equal(now["blocks.0.final.3.weight"], fresh.state_dict()["blocks.0.final.3.weight"])


@pytest.mark.parametrize(("blocks", "channels"), [("[1]", 4), ("[2,1]", 4), ("[1,1]", 8)])
def test_shared_weights_of_other_sizes_are_refused(supernet, blocks, channels):
    network, net = supernet
    child = SLNASChild(channels, blocks, "cifar")
    with pytest.raises(BadSetting, match="--inherit"):
        child.inherit(child.build(CODES, 3, 16), network, net.state_dict())


def test_shared_weights_of_other_spaces_are_refused(supernet):
    network, net = supernet
    child = SLNASChild(4, "[1,1]", "cifar")
    with pytest.raises(BadSetting, match="--inherit"):
        child.inherit(child.build(CODES, 3, 16), CellNetwork(), net.state_dict())
    with pytest.raises(BadSetting, match="--inherit does not apply to the topology space"):
        CellChild().inherit(net, network, net.state_dict())


def test_a_space_without_networks_is_refused_by_name():
    assert {"topology", "size", "slnas"} <= CHILD_NETWORKS.keys()
    with pytest.raises(UnknownName, match="no child networks for the mine space"):
        child_network_of(Space("mine", (("a", "b"),)))
