"""The operations' definitions, shape by shape."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nasreplay.errors import UnknownName
from nasreplay.models.nb201.nb201_ops import REGISTRY, ReLUConvBN, ResidualBlock, Shrink, Widen, operation
from nasreplay.spaces.topology import OPERATIONS

X = torch.randn(2, 4, 7, 7, generator=torch.Generator().manual_seed(0))


def test_the_registry_knows_the_operations_of_the_space_in_order():
    assert tuple(REGISTRY)[:5] == OPERATIONS
    with pytest.raises(UnknownName, match="known: none, skip_connect"):
        operation("conv", 4, 4)


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("wide", [4, 6])
@pytest.mark.parametrize("name", OPERATIONS[1:])
def test_shapes_and_the_bias_rule(name, wide, stride, affine):
    layer = operation(name, 4, wide, stride, affine, track=True)
    side = 7 if stride == 1 else 4
    assert layer(X).shape == (2, wide, side, side)
    for module in layer.modules():
        if isinstance(module, nn.Conv2d):
            assert (module.bias is None) == affine
        if isinstance(module, nn.BatchNorm2d):
            assert module.affine == affine
            assert (module.eps, module.momentum) == (1e-5, 0.1)


def test_none_multiplies_by_zero():
    x = X.clone()
    x[0, 0, 0, 0] = float("nan")
    assert operation("none", 4, 4)(x).isnan().sum() == 1
    assert operation("none", 4, 4, 2)(X).shape == (2, 4, 4, 4)
    assert operation("none", 4, 6, 2)(X).shape == (2, 6, 7, 7)  # as published: the stride is ignored here


def test_skip_is_the_identity_or_a_plain_convolution():
    assert operation("skip_connect", 4, 4)(X) is X
    widen = operation("skip_connect", 4, 6).eval()
    assert isinstance(widen, Widen)
    plain = F.conv2d(X, widen.conv.weight) / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(widen(X), plain)


def test_the_shrinking_skip_sees_every_second_pixel_from_two_corners():
    shrink = operation("skip_connect", 4, 4, 2, True).eval()
    assert isinstance(shrink, Shrink)
    for conv in shrink.convs:
        assert isinstance(conv, nn.Conv2d)
        nn.init.dirac_(conv.weight)
    out = shrink(X) * (1 + 1e-5) ** 0.5
    torch.testing.assert_close(out[:, :2], X.relu()[:, :2, ::2, ::2])
    torch.testing.assert_close(out[:, 2:, :3, :3], X.relu()[:, :2, 1::2, 1::2])
    assert not out[:, 2:, 3].any()  # the shifted branch reads one row of padding


def test_pooling_does_not_count_its_padding():
    torch.testing.assert_close(
        operation("avg_pool_3x3", 4, 4)(torch.ones(1, 4, 5, 5)), torch.ones(1, 4, 5, 5)
    )


def test_convolutions_are_relu_conv_norm():
    layer = operation("nor_conv_3x3", 4, 6, 1, True, True)
    assert isinstance(layer, ReLUConvBN)
    expected = F.batch_norm(F.conv2d(X.relu(), layer.conv.weight, padding=1), None, None, training=True)
    torch.testing.assert_close(layer(X), expected)


def test_the_residual_block_has_a_bare_shortcut():
    block = ResidualBlock(4, 8)
    nn.init.zeros_(block.conv_b.conv.weight)
    expected = F.conv2d(F.avg_pool2d(X[:, :, :6, :6], 2), block.get_parameter("downsample.1.weight"))
    torch.testing.assert_close(block(X[:, :, :6, :6]), expected)
