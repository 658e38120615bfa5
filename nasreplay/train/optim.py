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
from nasreplay.errors import BadSetting, UnknownName

SCHEDULES, OPTIMISERS, CRITERIA = ("cos",), ("SGD",), ("Softmax", "SmoothSoftmax")


@dataclass(frozen=True)
class Recipe:
    """SGD with a cosine learning rate. Defaults are those of NAS-Bench-201 (arXiv 2001.00326, table 1).

    lr, eta_min: first and last learning rate; epochs: of the cosine, warmup: before it; t_max: epochs of half a
    cosine wave (0 = epochs); decay: on all parameters; test_batch: images per batch of an evaluation (0: as the
    evaluator likes); smooth: label smoothing in [0, 1); clip: largest norm of the gradient, 0 for none.
    """

    name: str = "12"
    epochs: int = 12
    lr: float = 0.1
    eta_min: float = 0.0
    t_max: int = 0
    warmup: int = 0
    momentum: float = 0.9
    nesterov: bool = True
    decay: float = 5e-4
    batch: int = 256
    test_batch: int = 0
    smooth: float = 0.0
    clip: float = 0.0

    def __post_init__(self):
        config.positive(self, "epochs", "lr", "batch")
        config.within(self, 0, math.inf, "eta_min", "t_max", "warmup", "decay", "test_batch", "clip")
        config.within(self, 0, 1, "momentum", "smooth")
        if self.nesterov and self.momentum == 0:
            raise BadSetting(f"recipe {self.name}: Nesterov needs a momentum above 0")

    @property
    def total(self) -> int:
        """Epochs of a whole training, warm-up included."""
        return self.epochs + self.warmup

    def learning_rate(self, epoch: int, done: float = 0.0) -> float:
        """At an epoch counted from 0, of which the fraction `done` is over (it matters during the warm-up only).

        The cosine ends with epoch `epochs`, so the last `warmup` epochs stay at eta_min, as in the original.
        """
        if epoch < self.warmup:
            return (epoch + done) / self.warmup * self.lr
        if epoch >= self.epochs:
            return self.eta_min
        wave = 1 + math.cos(math.pi * (epoch - self.warmup) / (self.t_max or self.epochs))
        return self.eta_min + (self.lr - self.eta_min) * wave / 2

    def optimiser(self, parameters: Iterable[nn.Parameter]) -> torch.optim.SGD:
        """SGD on these parameters."""
        return torch.optim.SGD(
            parameters, lr=self.lr, momentum=self.momentum, weight_decay=self.decay, nesterov=self.nesterov
        )

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy of logits [B, K], in float32; with smoothing, of (1−s)·one-hot + s/K."""
        return nn.functional.cross_entropy(logits.float(), labels, label_smoothing=self.smooth)

    def settings(self) -> dict[str, Any]:
        """Every field, as JSON values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


# the weights of a search with shared weights (configs/nas-benchmark/algos of AutoDL-Projects)
WEIGHT_SHARING = Recipe(
    "weight-sharing", epochs=100, lr=0.025, eta_min=0.001, batch=64, test_batch=512, clip=5.0
)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """For all parameters."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def recipe_of(text: str) -> Recipe:
    """The benchmark's recipe of a number of epochs ("12", "200", "01"), or a `.config` file."""
    if text.isdecimal() and int(text):
        return Recipe(name=text, epochs=int(text))
    if text.endswith(".config"):
        return _from_file(Path(text))
    raise UnknownName(
        f"--recipe {text!r}: a number of epochs of the benchmark's recipe (12, 200), or FILE.config"
    )


# key in a .config file → field; the words of the first three are checked
_WORDS = {"scheduler": SCHEDULES, "optim": OPTIMISERS, "criterion": CRITERIA}
_FIELDS = {
    "LR": "lr",
    "eta_min": "eta_min",
    "epochs": "epochs",
    "T_max": "t_max",
    "warmup": "warmup",
    "momentum": "momentum",
    "nesterov": "nesterov",
    "decay": "decay",
    "batch_size": "batch",
    "test_batch_size": "test_batch",
    "label_smooth": "smooth",
    "gradient_clip": "clip",
}


def _from_file(file: Path) -> Recipe:
    found = config.load(file)
    for key in found:
        if key not in _WORDS and key not in _FIELDS:
            raise UnknownName(f"{file}: unknown setting {key!r}; known: {', '.join((*_WORDS, *_FIELDS))}")
    for key, known in _WORDS.items():
        if found.get(key, known[0]) not in known:
            raise BadSetting(f"{file}: {key} = {found[key]!r}; known: {', '.join(known)}")
    if found.get("criterion") == "SmoothSoftmax" and "label_smooth" not in found:
        raise BadSetting(f"{file}: criterion SmoothSoftmax needs label_smooth")
    if found.get("criterion", "Softmax") == "Softmax":
        found.pop("label_smooth", None)
    changes = {_FIELDS[key]: value for key, value in found.items() if key in _FIELDS}
    return config.apply(replace(Recipe(), name=file.stem), changes, str(file))
