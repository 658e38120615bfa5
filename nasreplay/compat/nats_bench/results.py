"""The official object of all networks of one architecture at one recipe: a view, as `network.ResultsCount`.

Beside it the official text about one architecture (`query_info_str_by_arch`, `show`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, overload

import numpy as np

from nasreplay.compat.nats_bench.arguments import NoSuchKey, dataset_among, seed_of, whole_epoch
from nasreplay.compat.nats_bench.measurements import Measurements
from nasreplay.compat.nats_bench.network import Numbers, ResultsCount, known
from nasreplay.data.trials import MEAN
from nasreplay.errors import NotMeasured

Info = Callable[[str], Mapping[str, Any]]


class ArchResults:
    """All networks of one architecture at one recipe (`hp`)."""

    def __init__(self, measurements: Measurements, flat: int, arch_index: int, arch_str: str, hp: str):
        self._measurements, self._flat, self._hp = measurements, flat, hp
        self.arch_index, self.arch_str, self.clear_net_done = arch_index, arch_str, True

    def __repr__(self) -> str:
        runs = len(self.all_results)
        return (
            f"ArchResults(arch-index={self.arch_index}, arch={self.arch_str}, {runs} runs, "
            f"clear={self.clear_net_done})"
        )

    @cached_property
    def dataset_seed(self) -> dict[str, list[int]]:
        """Data set → its ascending seeds."""
        held = [name for name, recipes in self._measurements.holdings.items() if self._hp in recipes]
        seeds = {
            name: self._measurements.trained(name, self._hp).trials.seeds_of(self._flat) for name in held
        }
        return {name: known for name, known in seeds.items() if known}

    @property
    def is_size(self) -> bool:
        """Whether it is of the size space."""
        return self._measurements.table.space.widens

    def means(self, dataset: str) -> dict[str, float | None]:
        """Losses, accuracies and times at the last epoch, means over seeds."""
        found = self._measurements.more_info(dataset, np.array([self._flat]), self._hp, None, MEAN)
        return {key: known(value[0]) for key, value in found.items()}

    @property
    def all_results(self) -> dict[tuple[str, int], ResultsCount]:
        """(data set, seed) → network."""
        return {
            (name, seed): self._count(name, seed)
            for name, seeds in self.dataset_seed.items()
            for seed in seeds
        }

    def _count(self, dataset: str, seed: int) -> ResultsCount:
        return ResultsCount(self._measurements.trained(dataset, self._hp), self._flat, seed, self.arch_str)

    def get_dataset_names(self) -> list[str]:
        """The data sets that this architecture was trained on."""
        return list(self.dataset_seed)

    def get_dataset_seeds(self, dataset: str) -> list[int]:
        """The ascending seeds of its networks. KeyError for an unknown data set."""
        return self.dataset_seed[dataset_among(dataset, tuple(self.dataset_seed))]

    @overload
    def query(self, dataset: str, seed: None = None) -> dict[int, ResultsCount]: ...
    @overload
    def query(self, dataset: str, seed: int) -> ResultsCount: ...
    def query(self, dataset: str, seed: int | None = None) -> ResultsCount | dict[int, ResultsCount]:
        """One network, or seed → network. KeyError for what is not there."""
        seeds = self.get_dataset_seeds(dataset)
        if seed is None:
            return {known: self._count(dataset, known) for known in seeds}
        if seed not in seeds:
            raise NoSuchKey(f"no seed {seed} of {dataset} in {self}: it has {', '.join(map(str, seeds))}")
        return self._count(dataset, int(seed))

    def get_metrics(
        self, dataset: str, setname: str, iepoch: int | None = None, is_random: bool | int = False
    ) -> Numbers:
        """iepoch, loss, accuracy, cur_time, all_time: mean over seeds, one by `random.randint`, or a given one."""
        seeds = self.get_dataset_seeds(dataset)
        whole_epoch(iepoch)
        if isinstance(is_random, bool):
            chosen = [seeds[random.randint(0, len(seeds) - 1)]] if is_random else seeds
        else:
            try:
                chosen = [seed_of(is_random, seeds)]
            except NotMeasured:
                self.get_metrics(
                    dataset, setname, iepoch
                )  # as there, a missing epoch is found first: KeyError
                raise
        networks = [self._count(dataset, seed) for seed in chosen]
        found = [
            network.get_train(iepoch) if setname == "train" else network.get_eval(setname, iepoch)
            for network in networks
        ]
        if is_random is not False:
            return found[0]
        return {
            key: None if found[0][key] is None else sum(each[key] for each in found) / len(found)
            for key in found[0]
        }

    def get_compute_costs(self, dataset: str) -> dict[str, float | None]:
        """flops, params, latency and times, as `get_cost_info`."""
        self.get_dataset_seeds(dataset)
        found = self._measurements.cost_info(dataset, np.array([self._flat]), self._hp)
        return {key: known(value[0]) for key, value in found.items()}

    def get_latency(self, dataset: str) -> float:
        """Mean latency in seconds per batch. ValueError if one is not positive."""
        latencies = [self._count(dataset, seed).get_latency() for seed in self.get_dataset_seeds(dataset)]
        if not min(latencies) > 0:
            raise NotMeasured(f"invalid latency of {dataset} in {self}: {min(latencies)}")
        return sum(latencies) / len(latencies)

    def get_total_epoch(self, dataset: str | None = None) -> int:
        """Epochs of the recipe."""
        if dataset is None:
            dataset = next(iter(self.dataset_seed))
        self.get_dataset_seeds(dataset)
        return self._measurements.trained(dataset, self._hp).epochs

    def get_net_param(self, dataset: str, seed: int | None = None) -> dict[int, None] | None:
        """The weights: None each, as in the official `-simple` archives. ValueError for a seed that is not there."""
        seeds = self.get_dataset_seeds(dataset)
        if seed is None:
            return dict.fromkeys(seeds)
        if seed not in seeds:
            raise NotMeasured(f"no seed {seed} of {dataset} in {self}: it has {', '.join(map(str, seeds))}")
        return None

    def arch_idx_str(self) -> str:
        """The index with six digits."""
        return f"{self.arch_index:06d}"

    def clear_params(self) -> None:
        """Forget the weights: there are none."""


def print_information(
    information: ArchResults, extra_info: str | None = None, show: bool = False
) -> list[str]:
    """The lines of `info_text`, of one architecture's results alone; `show` prints them."""
    text = info_text(information, information.means, extra_info, size=information.is_size)
    if show:
        print(text)
    return text.split("\n")


def info_text(results: ArchResults, info: Info, extra: str | None, *, size: bool) -> str:
    """Two lines for each data set: costs, and losses and accuracies at the last epoch, means over trials."""
    names = results.get_dataset_names()
    lines = [results.arch_str, f"datasets : {names}, extra-info : {extra}"]
    for name in names:
        cost = {key: _number(value) for key, value in results.get_compute_costs(name).items()}
        lines.append(
            f"{name:14s} FLOP={cost['flops']:6.2f} M, Params={cost['params']:.3f} MB, "
            f"latency={cost['latency'] * 1000:.2f} ms."
        )
        found = info(name)
        hidden = {"valtest"} if size or name != "cifar10-valid" else {"valtest", "test"}
        accuracies = {key.removesuffix("-accuracy"): found[key] for key in found if key.endswith("-accuracy")}
        groups = [each for each in accuracies if each not in hidden and accuracies[each] is not None]
        parts = [_part(group, found, name) for group in groups]
        lines.append(f"{name:14s} {', '.join(parts)}")
    return "\n".join(lines)


def _part(group: str, found: Mapping[str, Any], name: str) -> str:
    loss, accuracy = _number(found[f"{group}-loss"]), found[f"{group}-accuracy"]
    heading = "test " if (name, group) == ("cifar10", "test") else group
    return f"{heading} : [loss = {loss:.3f} & top1 = {accuracy:.2f}%]"


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
