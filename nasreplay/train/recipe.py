"""Training recipes: what a network is trained with, and its learning rate at every moment.

A recipe is data; the benchmark's differ only in their number of epochs ("12", "200", …). A `.config` file in the
format of AutoDL-Projects is read strictly: an unknown key is an error.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nasreplay import config
from nasreplay.errors import BadSetting, UnknownName, choices, shortened
from nasreplay.numerals import MOST_REAL, counted

SCHEDULES = ("cos", "cosine", "linear")
IDLE = ("decay", "rest")
OPTIMIZERS, CRITERIA = ("SGD",), ("Softmax", "SmoothSoftmax")


@dataclass(frozen=True)
class Recipe:
    """SGD with a falling learning rate. Defaults are those of NAS-Bench-201 (arXiv 2001.00326, table 1)."""

    name: str = "12"
    """Name: a number of epochs, or that of its file."""
    epochs: int = 12
    """Epochs over which the learning rate falls, without the warm-up."""
    lr: float = 0.1
    """First learning rate, after the warm-up."""
    eta_min: float = 0.0
    """Last learning rate."""
    t_max: int = 0
    """Epochs of half a cosine wave; 0: as many as `epochs`."""
    warmup: int = 0
    """Epochs before the fall in which the learning rate rises linearly from 0."""
    momentum: float = 0.9
    """Momentum of SGD."""
    nesterov: bool = True
    """Whether the momentum is Nesterov's."""
    decay: float = 5e-4
    """Weight decay."""
    batch: int = 256
    """Images per batch."""
    test_batch: int = 0
    """Images per batch of an evaluation; 0: as the evaluator likes."""
    smooth: float = 0.0
    """Label smoothing, in [0, 1)."""
    clip: float = 0.0
    """Largest norm of the gradient; 0: none."""
    schedule: str = "cos"
    """How the learning rate falls (`learning_rate`): cos, cosine or linear."""
    no_bias_decay: bool = False
    """Whether biases and the shifts of batch norms are spared the weight decay."""
    auxiliary: float = 0.0
    """Weight of the auxiliary head's loss; 0: no head."""
    drop_path: float = 0.0
    """Rate of drop path towards which it rises linearly, epoch by epoch, from 0."""
    cutout: int = 0
    """Side of the cutout square, in pixels; 0: none."""
    ema: float = 0.0
    """Decay of the moving average of the weights; 0: none."""
    micro_batches: int = 1
    """Parts of a batch, each normalized by its own statistics, whose gradients are accumulated."""
    idle: str = "decay"
    """Shared weights of operations that a step does not use: decay (they decay and keep their momentum, as in the
    published searches) or rest (they stay)."""
    sync_bn: bool = False
    """Whether several processes on CUDA devices normalize by common statistics."""

    def __post_init__(self):
        config.positive(self, "epochs", "lr", "batch", "micro_batches")
        config.within(self, 0, MOST_REAL, "eta_min", "t_max", "warmup", "decay", "test_batch", "clip")
        config.within(self, 0, MOST_REAL, "auxiliary", "cutout")
        config.within(self, 0, 1, "momentum", "smooth")
        config.within(self, 0, 1 - 1e-9, "drop_path", "ema")
        config.one_of(self, "schedule", SCHEDULES)
        config.one_of(self, "idle", IDLE)
        if self.nesterov and self.momentum == 0:
            raise BadSetting(f"recipe {self.name}: Nesterov needs a momentum above 0")

    def for_world_size(self, processes: int) -> Recipe:
        """The recipe with at least one micro-batch for each process."""
        return replace(self, micro_batches=max(self.micro_batches, processes))

    @property
    def total(self) -> int:
        """Epochs of a whole training, warm-up included."""
        return self.epochs + self.warmup

    def learning_rate(self, epoch: int, done: float = 0.0) -> float:
        """The rate at an epoch counted from 0, of which the fraction `done` is over (it matters in the warm-up only).

        `cos` is the original's: its cosine ends with epoch `epochs`, so that a warm-up cuts it short and the last
        `warmup` epochs stay at eta_min. `cosine` and `linear` fall over all `epochs` epochs after the warm-up.
        """
        if epoch < self.warmup:
            return (epoch + done) / self.warmup * self.lr
        if epoch >= (self.epochs if self.schedule == "cos" else self.total):
            return self.eta_min
        fallen = (epoch - self.warmup) / (self.t_max or self.epochs)
        rest = 1 - fallen if self.schedule == "linear" else (1 + math.cos(math.pi * fallen)) / 2
        return self.eta_min + (self.lr - self.eta_min) * rest

    def highest_rate(self, epoch: int, images: int) -> float:
        """The highest learning rate in an epoch, counted from 0, of so many images."""
        before_last = (images - 1) // self.batch * self.batch
        return max(self.learning_rate(epoch), self.learning_rate(epoch, before_last / images))

    def check_learns(self, until: int, images: int) -> None:
        """Raise BadSetting where the learning rate is 0 in all batches, of so many images, until an epoch ends."""
        if not any(self.highest_rate(epoch, images) for epoch in range(until)):
            raise BadSetting(
                f"recipe {self.name}: the learning rate is 0 throughout, for it rises from 0 in {self.warmup} epochs "
                f"of warm-up and the first has a single batch: --epochs {until + 1} or more, or a smaller --batch"
            )

    def drop_path_rate(self, epoch: int) -> float:
        """The rate of drop path in an epoch counted from 0."""
        return self.drop_path * epoch / self.total

    def groups(self, network: nn.Module) -> list[dict[str, Any]]:
        """The groups of parameters for `optimizer`; biases are a group of their own if they don't decay."""
        named = list(network.named_parameters())
        if not self.no_bias_decay:
            return [{"params": [values for _, values in named]}]
        biases = [values for name, values in named if name.endswith("bias")]
        weights = [values for name, values in named if not name.endswith("bias")]
        return [{"params": weights}, {"params": biases, "weight_decay": 0.0}]

    def optimizer(self, parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]]) -> torch.optim.SGD:
        """SGD on these parameters or groups of parameters."""
        return torch.optim.SGD(
            parameters, lr=self.lr, momentum=self.momentum, weight_decay=self.decay, nesterov=self.nesterov
        )

    def loss(self, logits: Tensor, labels: Tensor, auxiliary: Tensor | None = None) -> Tensor:
        """Mean cross-entropy of logits [B, K], in float32, for (1−s)·one-hot + s/K, plus the auxiliary's."""
        loss = nn.functional.cross_entropy(logits.float(), labels, label_smoothing=self.smooth)
        if auxiliary is None or not self.auxiliary:
            return loss
        return loss + self.auxiliary * self.loss(auxiliary, labels)

    def settings(self) -> dict[str, Any]:
        """Every field, as JSON values; without `idle`, which only shared weights can be."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "idle"}


# the weights of a search with shared weights (configs/nas-benchmark/algos of AutoDL-Projects)
WEIGHT_SHARING = Recipe("weight-sharing", epochs=100, lr=0.025, eta_min=0.001, batch=64, test_batch=512)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def recipe_of(text: str) -> Recipe:
    """The benchmark's recipe of a number of epochs ("12", "200", "01"), or a `.config` file."""
    if epochs := counted(text):
        return Recipe(name=text, epochs=epochs)
    if text.endswith(".config"):
        return _from_file(Path(text))
    raise UnknownName(
        f"recipe {shortened(text)}: a number of epochs of the benchmark's recipe (12, 200), or FILE.config"
    )


# settings of a .config file whose words are checked, and those that are called otherwise than the fields
_WORDS = {"scheduler": SCHEDULES, "optim": OPTIMIZERS, "criterion": CRITERIA}
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
_FIELDS = _OTHERWISE | {name: name for name in _SAME}


def _from_file(file: Path) -> Recipe:
    found, known = config.load(file), dict.fromkeys((*_WORDS, *_FIELDS))
    for key in found:
        if key not in known:
            raise UnknownName.among(known, f"{file}: unknown setting", key)
    for key, words in _WORDS.items():
        if found.get(key, words[0]) not in words:
            raise BadSetting(f"{file}: {key} = {shortened(found[key])}{choices(found[key], words)}")
    if found.get("criterion") == "SmoothSoftmax" and "label_smooth" not in found:
        raise BadSetting(f"{file}: criterion SmoothSoftmax needs label_smooth")
    if found.get("criterion", "Softmax") == "Softmax":
        found.pop("label_smooth", None)
    changes = {_FIELDS[key]: value for key, value in found.items() if key in _FIELDS}
    return config.apply(replace(Recipe(), name=file.stem), changes, str(file))
