"""Training recipes: what a network is trained with, and its learning rate at every moment.

A recipe is data; the benchmark's differ only in their number of epochs ("12", "200", …). A `.config` file in the
format of AutoDL-Projects is read strictly: an unknown key is an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from nasreplay import config
from nasreplay.errors import BadSetting, UnknownName, choices, shortened
from nasreplay.models.auxiliary_heads import HEADS, weighted
from nasreplay.numerals import MOST_REAL, counted
from nasreplay.train.descent.optimizers import OPTIMIZERS
from nasreplay.train.descent.schedule import READS, SCHEDULES, Schedule
from nasreplay.train.images.streaming.augmentations import AUGMENTATIONS, USUAL

IDLE = ("decay", "rest")
_CHANGED = re.compile(r"(.*?)((?:,\w+=[^,]*)*)", re.DOTALL)
CRITERIA = ("Softmax", "SmoothSoftmax")


@dataclass(frozen=True)
class Recipe(Schedule):
    """How a network is trained. Defaults are those of NAS-Bench-201 (arXiv 2001.00326, table 1)."""

    optim: str = "SGD"
    """Optimizer: a name of `OPTIMIZERS`."""
    momentum: float = 0.9
    """Momentum of SGD and RMSprop."""
    nesterov: bool = True
    """Whether SGD's momentum is Nesterov's."""
    decay: float = 5e-4
    """Weight decay."""
    batch: int = 256
    """Images per batch."""
    test_batch: int = 0
    """Images per batch of an evaluation; 0: as the evaluator likes."""
    smooth: float = 0.0
    """Label smoothing, in [0, 1)."""
    smooth_from: int = 0
    """Classes from which on labels are smoothed; with fewer they are not."""
    clip: float = 0.0
    """Largest norm of the gradient; 0: none."""
    no_bias_decay: bool = False
    """Whether biases and the shifts of batch norms are spared the weight decay."""
    no_vector_decay: bool = False
    """Whether all that has fewer than two dimensions, biases and batch norms, is spared the weight decay."""
    auxiliary: float = 0.0
    """Weight of the auxiliary head's loss; 0: no head."""
    heads: str = "equal"
    """How the losses of several auxiliary heads are weighed: a name of `HEADS`."""
    drop_path: float = 0.0
    """Rate of drop path towards which it rises linearly, epoch by epoch, from 0."""
    drop_path_until: float = 1.0
    """Part of the epochs in which it rises; afterwards it stays."""
    cutout: int = 0
    """Side of the cutout square, in pixels; 0: none."""
    lighting: float = 0.0
    """Standard deviation of AlexNet's color noise, along the principal colors of ImageNet; 0: none."""
    augmentation: str = USUAL
    """What is done to images that are read from files: a name of `AUGMENTATIONS`."""
    mean: tuple[float, ...] = ()
    """Mean of each channel, in [0, 1], by which images are normalized; (): the data set's."""
    std: tuple[float, ...] = ()
    """Standard deviation of each channel; (): the data set's."""
    drop_last: bool = False
    """Whether an epoch ends before its last batch where that would be short."""
    train_portion: float = 0.0
    """Part of the training images that shared weights learn from, where none is published or asked for; 0: half."""
    arch_batch: int = 0
    """Images per batch by which a controller alone learns; 0: as `batch`."""
    evaluations: int = 0
    """Evaluations of a training, evenly spaced, the last at its end; 0: one after every epoch."""
    ema: float = 0.0
    """Decay of the moving average of the weights; 0: none."""
    micro_batches: int = 1
    """Parts of a batch, each normalized by its own statistics, whose gradients are accumulated."""
    idle: str = "decay"
    """Shared weights of operations that a step does not use: decay (they decay and keep their momentum, as in the
    published searches) or rest (they stay)."""
    sync_bn: bool = False
    """Whether several processes on CUDA devices normalize by common statistics."""

    fixed: ClassVar[Mapping[str, str]] = {
        "batch": "the position in the images counts in such batches",
        "arch_batch": "the position in the images counts in such batches",
        "drop_last": "the position in the images counts in such batches",
        "train_portion": "its weights and its architecture have learned from such parts",
        "optim": "another optimizer has other moments",
    }
    """What a fork takes over from its parent as it is, and why."""

    def __post_init__(self):
        super().__post_init__()
        config.positive(self, "batch", "micro_batches", "drop_path_until")
        config.within(self, 0, MOST_REAL, "decay", "test_batch", "clip", "auxiliary", "cutout")
        config.within(self, 0, MOST_REAL, "smooth_from", "lighting")
        config.within(self, 0, 1, "momentum", "drop_path_until")
        config.within(self, 0, 1 - 1e-9, "smooth", "drop_path", "ema", "train_portion")
        config.within(self, 0, MOST_REAL, "arch_batch", "evaluations")
        config.one_of(self, "augmentation", tuple(AUGMENTATIONS))
        if {len(self.mean), len(self.std)} not in ({0}, {3}) or not all(0 < one <= 1 for one in self.std):
            raise BadSetting(
                f"recipe {self.name}: mean {list(self.mean)} and std {list(self.std)} must be three numbers each, "
                "of images in [0, 1], std above 0"
            )
        config.one_of(self, "optim", tuple(OPTIMIZERS))
        config.one_of(self, "idle", IDLE)
        config.one_of(self, "heads", tuple(HEADS))
        if self.optim == "SGD" and self.nesterov and self.momentum == 0:
            raise BadSetting(f"recipe {self.name}: Nesterov needs a momentum above 0")

    def for_world_size(self, processes: int) -> Recipe:
        """The recipe with at least one micro-batch for each process."""
        return replace(self, micro_batches=max(self.micro_batches, processes))

    def highest_rate(self, epoch: int, images: int) -> float:
        """The highest learning rate in an epoch, counted from 0, of so many images."""
        before_last = (images - 1) // self.batch * self.batch
        return max(self.learning_rate(epoch), self.learning_rate(epoch, before_last / images))

    def check_learns(self, until: int, images: int) -> None:
        """Raise BadSetting where the learning rate is 0 in all batches, of so many images, until an epoch ends."""
        if any(self.highest_rate(epoch, images) for epoch in range(until)):
            return
        why = f"it ends at 0 after {self.total} epochs: more epochs, or an eta_min above 0"
        if self.warmup:
            why = f"it rises from 0 in {self.warmup} epochs of warm-up and the first has a single batch: "
            why += f"--epochs {until + 1} or more, or a smaller --batch"
        raise BadSetting(f"recipe {self.name}: the learning rate is 0 throughout, for {why}")

    def check_reads(self, names: Iterable[str]) -> None:
        """Raise BadSetting for one of these fields that its schedule or its optimizer does not read."""
        with_momentum = tuple(name for name, kind in OPTIMIZERS.items() if kind.momentum)
        for name, chosen, readers in (
            *((name, self.schedule, readers) for name, readers in READS.items()),
            ("momentum", self.optim, with_momentum),
        ):
            if name in names and chosen not in readers:
                raise BadSetting(
                    f"--{name.replace('_', '-')} means nothing to {chosen}: it is of {', '.join(readers)}"
                )

    def check_shared(self) -> None:
        """Raise BadSetting for a setting that has no effect on shared weights."""
        usual, given = Recipe().settings(), self.settings()
        for name in sorted(given.keys() - SHARED):
            if given[name] != usual.get(name):
                raise BadSetting(
                    f"recipe {self.name}: {name} = {given[name]} has no effect on shared weights: leave it out"
                )

    def drop_path_rate(self, epoch: int) -> float:
        """The rate of drop path in an epoch counted from 0."""
        last = math.ceil(self.drop_path_until * self.total) - 1
        return self.drop_path * (min(epoch, last) + self.first) / self.total

    def evaluates(self, epoch: int) -> bool:
        """Whether a network is evaluated after so many epochs."""
        return not self.evaluations or epoch % max(self.total // self.evaluations, 1) == 0

    def groups(self, network: nn.Module) -> list[dict[str, Any]]:
        """The groups of parameters for `optimizer`; those that don't decay are the last one."""
        kept, spared = list[nn.Parameter](), list[nn.Parameter]()
        for name, values in network.named_parameters():
            bias, vector = name.endswith("bias"), values.dim() < 2
            spares = (self.no_bias_decay and bias) or (self.no_vector_decay and vector)
            (spared if spares else kept).append(values)
        return [{"params": kept}, *([{"params": spared, "weight_decay": 0.0}] if spared else [])]

    def optimizer(
        self, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]
    ) -> torch.optim.Optimizer:
        """The optimizer of these parameters or groups of parameters."""
        make = OPTIMIZERS[self.optim].make
        return make(parameters, self.lr, self.decay, self.momentum, self.nesterov)

    def loss(self, logits: Tensor, labels: Tensor, auxiliary: Tensor | None = None) -> Tensor:
        """Mean cross-entropy of logits [B, K], in float32, for (1−s)·one-hot + s/K, plus the auxiliary's."""
        smooth = self.smooth if logits.shape[1] >= self.smooth_from else 0.0
        loss = nn.functional.cross_entropy(logits.float(), labels, label_smoothing=smooth)
        if auxiliary is None or not self.auxiliary:
            return loss
        heads = weighted(auxiliary, self.heads)
        return loss + self.auxiliary * sum(weight * self.loss(each, labels) for weight, each in heads)

    def settings(self) -> dict[str, Any]:
        """The fields as JSON values; without those of LATER at their defaults, and `idle`, of shared weights only."""
        told = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        told = {name: value for name, (value, usual) in told.items() if name not in LATER or value != usual}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in told.items()
            if name != "idle"
        }


SHARED = {field.name for field in fields(Schedule)} - {"warmup", "warmup_start"}
SHARED |= {"momentum", "nesterov", "decay", "batch", "test_batch", "clip", "micro_batches", "cutout"}
SHARED |= {"augmentation", "mean", "std", "drop_last", "train_portion", "arch_batch"}
"""Fields by which shared weights learn; the others are for networks of their own."""

LATER = {"warmup_start", "first", "gamma", "decay_period", "milestones", "gammas", "optim", "smooth_from"}
LATER |= {"lighting", "heads", "augmentation", "mean", "std", "drop_last", "train_portion", "arch_batch"}
LATER |= {"no_vector_decay", "drop_path_until", "evaluations"}
"""Fields that recipes did not always have: what does not name them has their defaults."""

# the weights of a search with shared weights (configs/nas-benchmark/algos of AutoDL-Projects)
WEIGHT_SHARING = Recipe("weight-sharing", epochs=100, lr=0.025, eta_min=0.001, batch=64, test_batch=512)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def recipe_of(text: str, **usual: Any) -> Recipe:
    """The benchmark's recipe of a number of epochs ("12", "200", "01"), a `.config` file, or a shipped one by name.

    Keys of such a file may follow, with other values than it has: `SNAS-CIFAR,epochs=100,LR=0.05`.
    usual: fields that have another default where the file does not name them.
    """
    base, changes = _CHANGED.fullmatch(text).groups()  # pyright: ignore[reportOptionalMemberAccess]
    changed = dict(change.split("=", 1) for change in changes.split(",")[1:])
    if epochs := counted(base):
        return _applied(Recipe(name=base, epochs=epochs, **usual), changed, f"recipe {base}")
    file = Path(base)
    if not base.endswith(".config"):
        known = [each.stem for each in sorted((config.folder() / "opts").glob("*.config"))]
        if base not in known:
            raise UnknownName(
                f"recipe {shortened(base)}: a number of epochs of the benchmark's recipe (12, 200), FILE.config, or "
                f"a shipped one{choices(base, known)}"
            )
        file = config.folder() / "opts" / f"{base}.config"
    return _applied(replace(Recipe(), name=file.stem, **usual), config.load(file) | changed, str(file))


def told_recipe(told: object, where: str) -> Recipe:
    """The recipe that `Recipe.settings` told; fields of later releases are left out. Raises BadSetting."""
    values = told if isinstance(told, dict) else {}
    known = {field.name for field in fields(Recipe)}
    return config.apply(Recipe(), {name: values[name] for name in known & values.keys()}, where)


# settings of a .config file whose words are checked, and those that are called otherwise than the fields
_WORDS = {"scheduler": tuple(SCHEDULES), "optim": tuple(OPTIMIZERS), "criterion": CRITERIA}
_OTHERWISE = {
    "scheduler": "schedule",
    "LR": "lr",
    "T_max": "t_max",
    "batch_size": "batch",
    "test_batch_size": "test_batch",
    "label_smooth": "smooth",
    "gradient_clip": "clip",
    "drop_path_prob": "drop_path",
}
_SAME = [each.name for each in fields(Recipe) if each.name not in ("name", *_OTHERWISE.values())]
_FIELDS = _OTHERWISE | {name: name for name in _SAME} | {"LR_min": "eta_min"}


def _applied(recipe: Recipe, found: dict[str, Any], where: str) -> Recipe:
    """The recipe with the keys of a .config file."""
    known = dict.fromkeys((*_WORDS, *_FIELDS))
    for key in found:
        if key not in known:
            raise UnknownName.among(known, f"{where}: unknown setting", key)
    for key, words in _WORDS.items():
        if found.get(key, words[0]) not in words:
            raise BadSetting(f"{where}: {key} = {shortened(found[key])}{choices(found[key], words)}")
    if {"LR_min", "eta_min"} <= found.keys():
        raise BadSetting(f"{where}: LR_min and eta_min are one: leave one out")
    if found.get("criterion") == "SmoothSoftmax" and "label_smooth" not in found:
        raise BadSetting(f"{where}: criterion SmoothSoftmax needs label_smooth")
    if found.get("criterion", "Softmax") == "Softmax":
        found.pop("label_smooth", None)
    changes = {_FIELDS[key]: value for key, value in found.items() if key in _FIELDS}
    return config.apply(recipe, changes, where)
