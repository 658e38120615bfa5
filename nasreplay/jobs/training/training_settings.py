"""Settings of `nasreplay retrain`, and the fewer ones, with other defaults, of `nasreplay train`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nasreplay.errors import BadSetting
from nasreplay.numerals import LARGEST
from nasreplay.settings import setting, settings_of
from nasreplay.train.common_settings import ImageSettings, MachineSettings

if TYPE_CHECKING:
    from nasreplay.train.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class SizeSettings(ImageSettings, MachineSettings):
    """The images, and the size of the network for them."""

    channels: int | None = setting(None, least=1, most=4096)
    """Channels of the first stage. [16; genotypes: the sizes']"""
    cells: int | None = setting(None, least=0, most=200)
    """Cells per stage, of genotypes the normal ones. [5; genotypes: the sizes']"""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(SizeSettings):
    """The settings of both commands."""

    epochs: int | None = setting(None, least=1)
    """Stop after so many. [all of the recipe]"""
    batch: int | None = setting(None, least=1)
    """Images per batch. [the recipe's]"""
    lr: float | None = setting(None, flags=("--learning-rate", "--lr"))
    """First learning rate. [the recipe's]"""
    warmup: int | None = setting(None, flags=("--warm-up",), least=0)
    """How many of the epochs the learning rate rises. [the recipe's]"""
    optim: str | None = setting(None, flags=("--optimizer",), metavar="SGD|Adam|Adamax|AdaBound|RMSprop")
    """Optimizer. [the recipe's]"""
    momentum: float | None = None
    """Momentum of SGD and RMSprop. [the recipe's]"""
    decay: float | None = None
    """Weight decay. [the recipe's]"""
    clip: float | None = None
    """Largest norm of the gradient; 0: none. [the recipe's]"""
    smooth: float | None = setting(None, flags=("--label-smooth",))
    """Label smoothing, in [0, 1). [the recipe's]"""
    seed: int = setting(-1, least=-1, most=LARGEST)
    """Root seed; -1 draws one and prints it."""
    table: str | None = setting(None, metavar="PACK")
    """The table whose number stands beside ours: path or name of a pack. [the embedded NAS-Bench-201]"""
    out: str | None = setting(None, metavar="DIR")
    """The run folder; {seed} in it stands for the seed. [output/COMMAND/NAME-DATASET-seed{seed}]"""
    resume: bool = False
    """Continue the training that --out holds; with --epochs beyond its recipe's, for longer."""
    save_every: float = 30.0
    """Seconds between checkpoints."""
    export: tuple[Path, ...] = ()
    """FILE.safetensors, .pt2 or .onnx; .pth, to which all data sets add, as train-a-net's. May be repeated."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings(TrainingSettings):
    """The settings of `nasreplay train`."""

    dataset: str = "digits"
    """Data set: a name, or the path of an image folder; digits needs no download."""
    recipe: str = "12"
    """The benchmark's with N epochs, or FILE.config."""


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(SizeSettings):
    """Which network of a target is meant."""

    dataset: str = ""
    """Data set: a name, or the path of an image folder. [the search's; cifar10 where there is none]"""
    which: Literal["last", "best"] = "last"
    """The cell of which epoch of a search."""
    form: Literal["two-input", "all-edge"] | None = None
    """Edges of a genotype: two a node, or all, as a gradient search records besides. [as it is; a search's two]"""
    config: str | None = setting(None, metavar="FILE")
    """Sizes: configs/archs/NAS-*.config. [by target]"""
    dialect: (
        Literal["darts", "cnas", "pdarts", "gdas", "snas", "sparse", "xautodl", "xautodl-searched"] | None
    ) = None
    """Whose layers. [by target]"""
    compact: bool = False
    """Leave `none`, and nodes that nothing reaches, out of a genotype."""
    layers: int | None = setting(None, least=3, most=602)
    """Cells of a genotype's network in all. [3N + 2 for --cells N]"""
    stem_level: int | None = setting(None, least=0)
    """Stem of a small genotype network: 1, 2 halve the image. [0; dialect sparse: by its side]"""
    blocks: str | None = setting(None, metavar="[N,N,…]")
    """Normal blocks of each stage of an SLNAS network. [[4,4]; above 32 pixels [2,2]]"""
    stem: Literal["cifar", "search", "image"] | None = None
    """Stem of an SLNAS network: cifar keeps the size, the others quarter it. [cifar; above 32 pixels image]"""
    stem_padding: Literal["reflect", "zeros"] | None = None
    """Borders of an SLNAS network's stem. [reflect]"""
    shuffle_groups: int | None = setting(None, least=1, most=64)
    """Groups between which shuffle_conv_3x3 shuffles. [1: none]"""


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(NetworkSettings):
    """The settings of `nasreplay evaluate`."""

    weights: Path | None = setting(None, metavar="FILE")
    """State dict or checkpoint of the network, or run folder of a training. [the released file, in PyTorch's hub]"""
    batch: int = setting(256, least=1)
    """Images per batch."""
    table: str | None = setting(None, metavar="PACK")
    """The table whose number stands beside a cell's: path or name of a pack. [the embedded NAS-Bench-201]"""

    out: Path | None = setting(None, metavar="FILE")
    """File of the sums so far, from which an evaluation that was stopped goes on."""

    def network(self, auxiliary: bool) -> RetrainSettings:
        """Settings of a training of the same network."""
        own = {name: getattr(self, name) for name in settings_of(NetworkSettings)}
        return RetrainSettings(**own, table=self.table, auxiliary=float(auxiliary))


@dataclass(frozen=True, kw_only=True)
class RetrainSettings(NetworkSettings, TrainingSettings):
    """The settings of `nasreplay retrain`."""

    weights: Path | None = setting(None, metavar="FILE")
    """Weights to start from, as for `nasreplay evaluate`. [drawn with the seed]"""
    inherit: Path | None = setting(None, metavar="RUN")
    """Begin with the shared weights that a live search gave the architecture's operations. [drawn with the seed]"""
    checkpoint_cells: bool = False
    """Less memory, more time: compute cells again in the backward pass."""

    recipe: str | None = setting(None, flags=("--recipe", "--opt"), metavar="FILE")
    """Recipe: a file or name of configs/opts, also with changes (SNAS-CIFAR,epochs=99), or N epochs of the
    benchmark's. [that of the target's release]"""
    micro_batches: int | None = setting(None, least=1)
    """Parts of a batch. [one a process]"""
    sync_bn: bool | None = None
    """Common batch statistics on CUDA devices."""
    schedule: str | None = setting(None, metavar="cos|cosine|linear|linear-tail|exponential|multistep")
    """How the learning rate falls. [the recipe's]"""
    gamma: float | None = None
    """Factor of an exponential fall. [the recipe's]"""
    decay_period: int | None = setting(None, least=1)
    """Epochs between two factors. [the recipe's]"""
    auxiliary: float | None = None
    """Weight of the auxiliary loss; 0: no head. [the recipe's: 0.4]"""
    drop_path: float | None = None
    """Rate of drop path at the end. [the recipe's; the sizes': 0.2 for CIFAR]"""
    cutout: int | None = None
    """Side of the cutout square. [the recipe's; half the image for small networks; tiny-imagenet, food101: none]"""
    init: Literal["torch", "fan-out", "fan-out-small"] | None = None
    """First weights: PyTorch's, or normal by fan-out as in SNAS's train.py. [by dialect: fan-out for snas]"""
    lighting: float | None = None
    """Strength of AlexNet's color noise on ImageNet images; 0: none. [the recipe's]"""
    ema: float | None = setting(None, metavar="DECAY")
    """Also evaluate averaged weights. [0: none]"""
    no_bias_decay: bool | None = None
    """Biases don't decay."""

    def changed(self, recipe: Recipe) -> Recipe:
        """The recipe with what is given here. (`epochs` does not change it: the training ends earlier.)

        A warm-up takes its epochs from the recipe's; labels are smoothed for any number of classes if that is given.
        """
        own = settings_of(type(recipe)).keys() & settings_of(RetrainSettings).keys() - {"epochs"}
        given = {name: getattr(self, name) for name in own if getattr(self, name) is not None}
        if "warmup" in given:
            given["epochs"] = recipe.total - given["warmup"]
            if given["epochs"] < 1:
                raise BadSetting(
                    f"--warm-up {given['warmup']}: recipe {recipe.name} has {recipe.total} epochs in all"
                )
        if given.get("momentum") == 0:
            given["nesterov"] = False
        if "smooth" in given:
            given["smooth_from"] = 0
        return replace(recipe, **given)
