"""Sizes of evaluation networks as AutoDL-Projects writes them: `configs/archs/NAS-{CIFAR,IMAGENET}-NAME.config`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from nasreplay import config
from nasreplay.errors import BadSetting
from nasreplay.spaces.costs import network_plan
from nasreplay.spaces.costs.network_plan import STEM, Plan

DATASETS = ("cifar", "imagenet")
DIALECTS = {"infer-nasnet.cifar": "xautodl-searched", "infer-nasnet.imagenet": "xautodl", "": "xautodl"}


@dataclass(frozen=True)
class NetworkConfig:
    """The network around a genotype's cells; field names are those of the files, defaults the DARTS release's."""

    name: str = "DARTS release"
    """Name of the sizes: that of the file."""
    arch: str = ""
    """Which of the original's networks, for genotypes of its zoo: dxys; either this or super_type is given."""
    super_type: str = ""
    """Which of the original's networks, for searched genotypes."""
    genotype: str = ""
    """A name of the zoo; "" where a search's is meant."""
    dataset: str = "cifar"
    """Stem of the network: cifar or imagenet."""
    ichannel: int = 36
    """Channels C of the first cells."""
    layers: int = 6
    """Normal cells N of a stage (one less after each reduction in the network of searched genotypes)."""
    stem_multi: int = STEM
    """Channels of the stem, in multiples of C; fixed."""
    auxiliary: bool = True
    """Whether there is an auxiliary head."""
    drop_path_prob: float = 0.2
    """Rate of drop path, as `Recipe.drop_path`."""

    def __post_init__(self):
        config.one_of(self, "arch", ("", "dxys"))
        config.one_of(self, "super_type", tuple(DIALECTS))
        config.one_of(self, "dataset", DATASETS)
        config.positive(self, "ichannel", "layers")
        config.within(self, STEM, STEM, "stem_multi")

    @property
    def large(self) -> bool:
        """Whether its images are read as ImageNet's are."""
        return network_plan.STEMS[self.dataset].reduces

    @property
    def dialect(self) -> str:
        """Whose layers the original's network has: a name in `spaces.costs.network_plan.DIALECTS`."""
        return DIALECTS[self.super_type]

    def plan(self, classes: int, dialect: str) -> Plan:
        """The network for so many classes: 3N cells after a search of the original, else 3N + 2."""
        cells = network_plan.DIALECTS[dialect].cells(self.layers)
        return Plan(self.ichannel, cells, classes, self.dataset, self.auxiliary, dialect)


IMAGENET = NetworkConfig(dataset="imagenet", ichannel=48, layers=4, drop_path_prob=0.0)


def network_config(file: Path) -> NetworkConfig:
    """Read a file, strictly; raises BadSetting or UnknownName."""
    found = {key: value for key, value in config.load(file).items() if value is not None}
    if "name" in found:
        raise BadSetting(f"{file}: name is no setting of a NASNet-type network")
    if bool(found.get("arch")) == bool(found.get("super_type")):
        known = ", ".join(filter(None, DIALECTS))
        raise BadSetting(f"{file}: needs arch (dxys) or super_type ({known}), not both")
    return config.apply(replace(NetworkConfig(), name=file.stem), found, str(file))


def shipped(genotype: str | None, dataset: str, dialect: str) -> NetworkConfig:
    """The shipped sizes of a zoo name on cifar or imagenet, "" for those of searches; else those of its release."""
    for file in sorted((config.folder() / "archs").glob(f"NAS-{dataset.upper()}-*.config")):
        if (found := network_config(file)).genotype == genotype:
            return found
    if not NetworkConfig(dataset=dataset).large:
        return NetworkConfig()
    style = network_plan.DIALECTS[dialect]
    own = {} if style.imagenet_channels == IMAGENET.ichannel else {"name": f"{style.source} release"}
    return replace(IMAGENET, ichannel=style.imagenet_channels, **own)
