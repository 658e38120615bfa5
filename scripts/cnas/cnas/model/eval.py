"""Networks, by the names of CNAS; all give (logits, auxiliary logits or None)."""

from hubconf import cnas_imagenet
from nasreplay.models.nasnet.released_network import ReleasedNetwork
from nasreplay.spaces import Genotype
from nasreplay.spaces.costs.network_plan import Plan

__all__ = ["NetworkCIFAR", "NetworkImageNet", "cnas_imagenet"]


def NetworkCIFAR(
    C: int, num_classes: int, layers: int, auxiliary: bool, genotype: Genotype
) -> ReleasedNetwork:
    """The network of a genotype for images of CIFAR, with fresh weights."""
    return ReleasedNetwork(genotype, Plan(C, layers, num_classes, "cifar", auxiliary))


def NetworkImageNet(
    C: int, num_classes: int, layers: int, auxiliary: bool, genotype: Genotype
) -> ReleasedNetwork:
    """The network of a genotype for images of ImageNet, with fresh weights."""
    return ReleasedNetwork(genotype, Plan(C, layers, num_classes, "imagenet", auxiliary))
