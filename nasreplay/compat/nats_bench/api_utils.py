"""The calls that both spaces share, with the official names, arguments, results and errors.

Where the official results depend on the standard library's global generator (`random.choice`, `random.randint`), so
do these. Numbers come from `measurements`.
"""

from __future__ import annotations

import random
import warnings
from collections import Counter, OrderedDict
from functools import lru_cache
from typing import Any, overload

import numpy as np

from nasreplay.compat.nats_bench.arguments import (
    NoSuchKey,
    NotAllowed,
    WrongType,
    dataset_among,
    epoch_of,
    recipe_named,
    seed_of,
    whole_epoch,
)
from nasreplay.compat.nats_bench.measurements import Measurements, groups
from nasreplay.compat.nats_bench.network import ResultsCount, known, net_config
from nasreplay.compat.nats_bench.opened import Opened
from nasreplay.compat.nats_bench.opening import (
    PICKLE_EXT,
    get_file_system,
    get_torch_home,
    nats_is_dir,
    nats_is_file,
    reset_file_system,
    time_string,
)
from nasreplay.compat.nats_bench.results import ArchResults, info_text
from nasreplay.compat.nats_bench.stored_training import Trained
from nasreplay.data import semantics
from nasreplay.data.trials import DRAWN, MEAN
from nasreplay.errors import NotMeasured, UnknownName

__all__ = [
    "PICKLE_EXT",
    "ArchResults",
    "NASBenchMetaAPI",
    "ResultsCount",
    "get_file_system",
    "get_torch_home",
    "nats_is_dir",
    "nats_is_file",
    "remap_dataset_set_names",
    "reset_file_system",
    "time_string",
]

# what can be searched on, and the stored data set that has its validation accuracy
_VALID = {name: semantics.meaning(name).stored for name in semantics.SEARCHED}
_ANSWERS = 16_384  # kept, 1 kB each
_FILL = ">" * 40


class NASBenchMetaAPI(Opened):
    """A table of one space, opened by `create`."""

    def _forget(self) -> None:
        self._info = lru_cache(_ANSWERS)(self._more_info)
        self._simulated = lru_cache(_ANSWERS)(self._simulate)
        self._seeds = lru_cache(_ANSWERS)(self._seeds_of)

    # --- numbers -----------------------------------------------------------------------------------

    def get_more_info(
        self,
        index: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str | int = "12",
        is_random: bool | int = True,
    ) -> dict[str, Any]:
        """Losses, accuracies and times at an epoch, as `Measurements.more_info`; what was not measured is left out.

        One trial drawn by the global `random.choice` (True), the mean over trials (False), or that of a seed.
        KeyError for an unknown data set or recipe, ValueError for an epoch, seed or architecture.
        """
        index, hp = self._index(index), recipe_named(hp)
        seeds = self._seeds(index, dataset if isinstance(dataset, str) else repr(dataset), hp)
        whole_epoch(iepoch)
        if is_random is True:
            trial = random.choice(seeds)
        else:
            trial = MEAN if is_random is False else seed_of(is_random, seeds)
        return dict(self._info(index, dataset, hp, iepoch, trial))

    def _more_info(
        self, index: int, dataset: str, hp: str, iepoch: int | None, trial: int | str
    ) -> dict[str, Any]:
        place = self._source.place(index)
        epoch = epoch_of(iepoch, place.measurements.holdings[dataset][hp])
        found = place.measurements.more_info(dataset, np.array([place.flat]), hp, epoch, trial)
        numbers = {key: known(value[0]) for key, value in found.items()}
        info: dict[str, Any] = {}
        for group in groups(dataset, place.measurements.table.custom):
            if numbers[f"{group}-accuracy"] is not None or group == "train":
                info |= {key: numbers[key] for key in numbers if key.startswith(f"{group}-")}
            elif (dataset, group) == ("cifar10-valid", "valid"):
                raise NotMeasured(
                    f"no validation accuracy of {self[index]} on {dataset} at iepoch {iepoch}, hp {hp}"
                )
            if group == "train" and dataset in ("cifar10-valid", "cifar10"):
                info["comment"] = _comment(dataset, hp)
        return info

    def get_cost_info(self, index: Any, dataset: str, hp: str | int = "12") -> dict[str, float | None]:
        """flops, params, latency and times, as `Measurements.cost_info`. KeyError for an unknown data set."""
        return self._results(self._index(index), recipe_named(hp)).get_compute_costs(dataset)

    def get_latency(self, index: Any, dataset: str, hp: str | int = "12") -> float | None:
        """Seconds per batch, None if it is not known."""
        return self.get_cost_info(index, dataset, hp)["latency"]

    def simulate_train_eval(
        self,
        arch: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str | int = "12",
        account_time: bool = True,
    ) -> tuple[float, float | None, float, float]:
        """Validation accuracy of a trial drawn by `random.choice`, latency, seconds of this call, and of all so far.

        In the middle of a training whose validation accuracy was only measured at its end, the accuracy is that on
        validation and test images together. ValueError for a data set other than cifar10, cifar100, ImageNet16-120.
        """
        index, hp = self._index(arch), recipe_named(hp)
        dataset = dataset_among(dataset, tuple(_VALID))
        trials = range(len(self._seeds(index, _VALID[dataset], hp)))
        whole_epoch(iepoch)
        trial = random.choice(trials)
        told, latency, seconds = self._simulated(index, dataset, hp, iepoch)
        accuracy, valtest = told[trial]
        if valtest:
            random.choice(trials)  # the official API draws again, for the seconds of the evaluation
        if account_time:
            self._used_time += seconds
        return accuracy, latency, seconds, self._used_time

    def _simulate(
        self, index: int, dataset: str, hp: str, iepoch: int | None
    ) -> tuple[list[tuple[float, bool]], float | None, float]:
        """(accuracy, whether validation and test images) of every trial, latency, seconds."""
        place = self._source.place(index)
        trials = len(self._seeds(index, _VALID[dataset], hp))
        answer = place.measurements.simulate(
            dataset,
            np.full(trials, place.flat),
            hp,
            epoch_of(iepoch, place.measurements.holdings[_VALID[dataset]][hp]),
            DRAWN,
            (np.arange(trials) + 0.5) / trials,
            valtest=True,
        )
        told = list(zip(answer.accuracy.tolist(), answer.valtest.tolist(), strict=True))
        return told, known(answer.latency[0]), float(answer.seconds[0])

    # --- objects -----------------------------------------------------------------------------------

    @overload
    def query_by_index(self, arch_index: Any, dataname: None = None, hp: str | int = "12") -> ArchResults: ...
    @overload
    def query_by_index(
        self, arch_index: Any, dataname: str, hp: str | int = "12"
    ) -> dict[int, ResultsCount]: ...
    def query_by_index(
        self, arch_index: Any, dataname: str | None = None, hp: str | int = "12"
    ) -> ArchResults | dict[int, ResultsCount]:
        """All results of an architecture at a recipe, or seed → network of one data set. ValueError."""
        results = self._results(self._index(arch_index), recipe_named(hp))
        if dataname is None:
            return results
        return results.query(dataname)

    def query_meta_info_by_index(self, arch_index: Any, hp: str | int = "12") -> ArchResults:
        """All results of an architecture at a recipe."""
        return self._results(self._index(arch_index), recipe_named(hp))

    def get_net_config(self, index: Any, dataset: str) -> dict[str, Any]:
        """The official configuration of a network. KeyError for an unknown data set."""
        index = self._index(index)
        self._source.place(index)
        return net_config(self.space, self[index], dataset)

    def get_net_param(
        self, index: Any, dataset: str, seed: int | None, hp: str | int = "12"
    ) -> dict[int, None] | None:
        """The weights: None each, as in the official `-simple` archives."""
        return self._results(self._index(index), recipe_named(hp)).get_net_param(dataset, seed)

    def _results(self, index: int, hp: str) -> ArchResults:
        place = self._source.place(index)
        held = self._hps_of(index)
        if hp not in held:
            raise NoSuchKey(
                f"The {index}-th architecture only has hyper-parameters of {held} instead of {hp}."
            )
        return ArchResults(place.measurements, place.flat, index, self[index], hp)

    def _hps_of(self, index: int) -> list[str]:
        place = self._source.place(index)
        return list(dict.fromkeys(place.measurements.recipes(place.flat)))

    def _seeds_of(self, index: int, dataset: str, hp: str) -> tuple[int, ...]:
        place = self._source.place(index)
        return tuple(_trained(place.measurements, dataset, hp).trials.seeds_of(place.flat))

    @property
    def arch2infos_dict(self) -> OrderedDict[int, OrderedDict[str, ArchResults]]:
        """Index → recipe → results, of the architectures loaded so far."""
        found = OrderedDict()
        for index in self.evaluated_indexes:
            found[index] = OrderedDict((hp, self._results(index, hp)) for hp in self._hps_of(index))
        return found

    def clear_params(self, index: int, hp: str | None = None) -> None:
        """Forget the weights: there are none. ValueError for an unknown recipe, a warning for what is not loaded."""
        if index not in self.evaluated_indexes:
            warnings.warn(f"architecture {index} is not loaded, no need to clear params.", stacklevel=2)
        elif hp is not None:
            self._results(self._index(index), recipe_named(hp))

    # --- over all architectures --------------------------------------------------------------------

    def find_best(
        self,
        dataset: str,
        metric_on_set: str,
        flop_max: float | None = None,
        param_max: float | None = None,
        hp: str | int = "12",
        enforce_all: bool | None = None,
    ) -> tuple[int, float | None]:
        """(index, accuracy) of the best mean accuracy on a set at the last epoch, within limits in millions.

        The first index wins ties; (-1, None) if nothing qualifies. `enforce_all` False looks at what is loaded only;
        None means True in fast mode. AssertionError for True outside fast mode.
        """
        if enforce_all and not self.fast_mode:
            raise NotAllowed("enforce_all=True needs fast_mode=True: otherwise everything is loaded anyway")
        if enforce_all or (enforce_all is None and self.fast_mode):
            self._source.load_all()
        dataset, which = remap_dataset_set_names(dataset, metric_on_set)
        which = "x-valid" if which == "valid" else which
        best, highest = -1, -np.inf
        indexes = np.array(sorted(self.evaluated_indexes))
        done = 0
        for measurements, flat in self._source.groups(indexes.tolist()):
            trained = _trained(measurements, dataset, recipe_named(hp))
            fits = ~(_over(trained.flops[flat], flop_max) | _over(trained.params[flat], param_max))
            if which not in ("train", *trained.sets) and fits.any():
                raise UnknownName(f"{dataset} has no set {which!r}: it has train, {', '.join(trained.sets)}")
            accuracy = trained.value(which, "accuracy", flat, trained.epochs, None)
            accuracy = np.where(fits & np.isfinite(accuracy), accuracy, -np.inf)
            if accuracy.max() > highest:
                best, highest = int(indexes[done + accuracy.argmax()]), float(accuracy.max())
            done += len(flat)
        return (best, highest) if best >= 0 else (-1, None)

    def statistics(self, dataset: str, hp: str | int) -> dict[int, int]:
        """Number of trials → number of loaded architectures that have so many. ValueError for an unknown data set."""
        dataset = dataset_among(dataset, tuple(semantics.FACTS))
        counts: Counter[int] = Counter()
        for measurements, flat in self._source.groups(sorted(self.evaluated_indexes)):
            counts.update(_trained(measurements, dataset, recipe_named(hp)).trials.count[flat].tolist())
        return dict(counts)

    # --- texts -------------------------------------------------------------------------------------

    def query_info_str_by_arch(self, arch: Any, hp: str | int = "12") -> str:
        """A text of several lines: costs, and losses and accuracies at the last epoch, means over trials."""
        index = self._index(arch)
        return self._text(index, recipe_named(hp), f"arch-index={index}")

    def query_by_arch(self, arch: Any, hp: str | int) -> str:
        """`query_info_str_by_arch` under its older name."""
        return self.query_info_str_by_arch(arch, hp)

    def _text(self, index: int, hp: str, extra: str | None) -> str:
        results = self._results(index, hp)
        return info_text(
            results, lambda dataset: self._info(index, dataset, hp, None, MEAN), extra, size=self.is_size
        )

    def show(self, index: int = -1) -> None:
        """Print the text of an architecture for every recipe; of all loaded ones below 0."""
        if not isinstance(index, int | np.integer):
            index = self._index(index)
        if index >= len(self):
            print(f"This index ({index}) is out of range (0~{len(self)}).")
            return
        if index >= 0:
            self._show(index)
            return
        print(self)
        loaded = sorted(self.evaluated_indexes)
        for number, each in enumerate(loaded):
            print(f"\n{'-' * 10} The ({number:5d}/{len(loaded):5d}) {each:06d}-th architecture! {'-' * 10}")
            print(f"arch : {self[each]}")
            self._show(each)

    def _show(self, index: int) -> None:
        for hp in sorted(self._hps_of(index), key=int):
            print(f"{_FILL} {int(hp):03d} epochs {_FILL}")
            print(self._text(index, hp, None))
        print(f"{'<' * 40}{'-' * 12}{'<' * 40}")


def remap_dataset_set_names(dataset: str, metric_on_set: str, verbose: bool = False) -> tuple[str, str]:
    """The stored data set and evaluation set that `valid` and `test` of a data set mean; others as they are."""
    found = dataset, metric_on_set
    if metric_on_set in ("valid", "test") and dataset in tuple(_VALID):
        what = semantics.meaning(dataset, metric_on_set)
        found = what.stored, what.set
    if verbose:
        print(f"{metric_on_set} of {dataset} is {found[1]} of {found[0]}")
    return found


def _over(costs: np.ndarray, most: Any) -> np.ndarray:
    """bool [N]: which costs in millions are over a limit, if there is one."""
    if most is not None and not isinstance(most, int | float | np.number):
        raise WrongType(f"limit {most!r}: it is a number of millions, or None")
    return np.zeros(len(costs), bool) if most is None else costs > most


def _trained(measurements: Measurements, dataset: str, hp: str) -> Trained:
    held = measurements.holdings
    dataset_among(dataset, tuple(held))
    if hp not in held[dataset]:
        raise NoSuchKey(f"no recipe {hp!r} of {dataset}: known are {', '.join(held[dataset])}")
    return measurements.trained(dataset, hp)


def _comment(dataset: str, hp: str) -> str:
    trained = semantics.meaning(dataset, "train").sentence
    tested = semantics.meaning(dataset, "test").sentence
    return f"hp {hp}: train is the {trained}; test is the {tested}. per-time and all-time are seconds."
