"""With copied weights, xautodl's networks of genotypes give the same numbers (skipped where it is not installed)."""

import pytest
import torch
from easydict import EasyDict
from torch.nn import functional as F

from nasreplay.models.nasnet.evaluation_network import NASNet
from nasreplay.models.nasnet.nasnet_supernet import NASNetSupernet
from nasreplay.models.nasnet.parameter_names import load_published, names
from nasreplay.spaces.costs.network_plan import Plan
from nasreplay.spaces.genotypes.literal import literal
from nasreplay.spaces.genotypes.notation import SEARCHED, to_xautodl
from nasreplay.spaces.genotypes.published_genotypes import entry
from nasreplay.spaces.nasnet import NASNET_SPACES

cifar = pytest.importorskip("xautodl.nas_infer_model.DXYs.CifarNet", exc_type=ImportError)
imagenet = pytest.importorskip("xautodl.nas_infer_model.DXYs.ImageNet", exc_type=ImportError)
searched = pytest.importorskip("xautodl.models.cell_infers.nasnet_cifar", exc_type=ImportError)


shared = pytest.importorskip("xautodl.models.cell_searchs", exc_type=ImportError)


def theirs(genotype):
    normal, reduce = genotype.normal, genotype.reduce
    return EasyDict(
        normal=normal.nodes, normal_concat=normal.concat, reduce=reduce.nodes, reduce_concat=reduce.concat
    )


def equal_passes(ours, other, side):
    torch.manual_seed(0)
    for module in other.modules():
        if isinstance(module, torch.nn.BatchNorm2d) and module.affine:
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)  # pyright: ignore[reportArgumentType]
    load_published(ours, other.state_dict())
    x = torch.randn(2, 3, side, side, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(x), other.eval()(x)[1], rtol=1e-9, atol=1e-9)
        for got, wanted in zip(ours.train()(x), other.train()(x)[1], strict=True):
            torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9)
    translated, wanted = names(ours), other.state_dict()
    for key, value in ours.state_dict().items():
        torch.testing.assert_close(value, wanted[translated[key]])


@pytest.mark.parametrize("name", ["SETN", "NASNet"])
def test_published_genotypes_on_cifar(name):
    genotype = entry(name).genotype
    other = cifar.NetworkCIFAR(6, 1, 3, True, theirs(genotype), 10).double()
    equal_passes(NASNet(genotype, Plan(6, 5, 10, auxiliary=True, dialect="xautodl")).double(), other, 32)


def test_a_published_genotype_on_imagenet():
    genotype = entry("SETN").genotype
    other = imagenet.NetworkImageNet(4, 1, True, theirs(genotype), 10).double()
    equal_passes(NASNet(genotype, Plan(4, 5, 10, "imagenet", True, "xautodl")).double(), other, 224)


@pytest.mark.parametrize("name", ["PDARTS"])
def test_searched_genotypes(name):
    genotype = entry(name).genotype
    told = literal(to_xautodl(genotype))
    other = searched.NASNetonCIFAR(6, 2, 3, 10, told, True).double()
    equal_passes(
        NASNet(genotype, Plan(6, 6, 10, auxiliary=True, dialect="xautodl-searched")).double(), other, 32
    )


@pytest.mark.parametrize("name", ["DARTS", "GDAS_FRC"])
def test_supernets(name):
    space = NASNET_SPACES["nasnet-gdas-frc" if name == "GDAS_FRC" else "nasnet-gdas"]
    operations = [SEARCHED[operation] for operation in space.operations]
    torch.manual_seed(1)
    other = shared.nasnet_super_nets[name](4, 1, 4, 4, 3, 10, operations, False, True).double().train()
    ours = NASNetSupernet(space, Plan(4, 3, 10, dialect="xautodl-searched")).double().train()
    state = {key: value for key, value in other.state_dict().items() if not key.startswith("arch_")}
    ours.load_state_dict(dict(zip(ours.state_dict(), state.values(), strict=True)))
    x = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    rows = torch.cat([alpha.detach() for alpha in other.get_alphas()])
    if name == "DARTS":
        weights, active = rows.softmax(1), torch.ones_like(rows, dtype=torch.bool)
    else:
        torch.manual_seed(2)
        noise = -torch.empty_like(rows).exponential_().log()
        weights = F.one_hot(((rows.log_softmax(1) + noise) / 10).argmax(1), 8).double()
        active = weights > 0
        torch.manual_seed(2)
    with torch.no_grad():
        torch.testing.assert_close(ours(x, weights, active), other(x)[1], rtol=1e-9, atol=1e-9)
