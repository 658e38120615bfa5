"""One table of the accuracies that the same evaluator had after several epochs: its fidelity axis is the epoch.

Shapes: A architectures of the space, T trials, E epochs, of which those that were not kept are unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from nasreplay.data import semantics
from nasreplay.data.pack import Pack, write_pack
from nasreplay.data.pack.curves import BLOCK, Form, Packed, form_of, packed
from nasreplay.data.pack.writer import Curves
from nasreplay.errors import BadInput, BadOutput
from nasreplay.evaluate.protocol import Evaluator
from nasreplay.evaluate.tabulate import digest_of_weights
from nasreplay.evaluate.tabulate.to_pack import custom_of, finished, job_of
from nasreplay.files.state import difference
from nasreplay.settings import Json

OF_EPOCH = ("ladder", "weights")  # of an evaluator's description, which differ from epoch to epoch
TRAINED_S = 1e-9  # a pack's smallest second: training shared weights is no architecture's own cost


def join_epochs(paths: Sequence[Path], out: Path) -> Pack:
    """Join tabulations of the shared weights of one run after several epochs, of the same architectures.

    The recipe has as many epochs as the last of them; an accuracy costs the seconds of its validation pass, as in the
    last one. Raises BadInput for packs of different jobs, BadOutput.
    """
    packs = {int(job_of(pack)["at"][1]): pack for pack in map(Pack.open, paths)}
    packs = dict(sorted(packs.items()))
    jobs = {epoch: job_of(pack) for epoch, pack in packs.items()}
    epochs, last = max(packs), jobs[max(packs)]
    for epoch, job in jobs.items():
        if found := difference(_common(job), _common(last)):
            name, its, other = found
            raise BadInput(
                f"{packs[epoch].path}: its {name} is {its}, that of {packs[epochs].path} is {other}: not one run's"
            )
    whole = {**last, "evaluator": {**last["evaluator"], **_of_epochs(jobs)}}
    if done := finished(out, whole):
        return done
    custom = custom_of(last)
    where = semantics.meaning(last["dataset"], "valid", custom)
    place = f"{where.stored}/{last['at'][0]}"
    path = f"{place}/{where.set}/accuracy"
    pack, form = packs[epochs], form_of("accuracy", where.images)
    values = np.full((*pack.column(path).shape, epochs), np.nan)
    for epoch, each in packs.items():
        values[:, :, epoch - 1] = each.column(path)
    columns = {name: pack.column(name) for name in (path, f"{place}/seeds")}
    if pack.has(f"{place}/seconds_per_epoch"):
        seconds = pack.column(f"{place}/seconds_per_epoch")
        columns[f"{place}/{where.set}/eval_seconds"] = seconds * epochs
        columns[f"{place}/seconds_per_epoch"] = np.where(np.isnan(seconds), np.nan, TRAINED_S)
    return write_pack(
        out,
        pack.space,
        columns,
        title=f"{pack.title}, after {len(packs)} epochs",
        source=json.dumps(whole),
        licence=pack.licence,
        epochs={place: epochs},
        custom_datasets=custom,
        curves=Curves({path: form}, _chunks(path, values, form)),
    )


def landscape_of(path: Path, evaluators: Mapping[int, Evaluator]) -> Pack:
    """The finished table of these evaluators, by the epochs of their weights. Raises BadOutput for anything else."""
    wrong = BadOutput(f"{path}: exists, and is not this tabulation; choose another --out")
    try:
        pack = Pack.open(path)
        told = job_of(pack)["evaluator"]
    except BadInput:
        raise wrong from None
    wanted = {str(epoch): digest_of_weights(evaluator) for epoch, evaluator in evaluators.items()}
    words = {evaluator.describe()["valid"] for evaluator in evaluators.values()}
    if told.get("weights") != wanted or words != {told["valid"]}:
        raise wrong
    return pack


def _common(job: Json) -> Json:
    """What the jobs of all epochs have in common."""
    told = {name: value for name, value in job["evaluator"].items() if name not in OF_EPOCH}
    return {**job, "evaluator": told, "at": job["at"][0]}


def _of_epochs(jobs: dict[int, Json]) -> Json:
    """The ladder of all epochs, and the digest of the weights after each."""
    first, *_ = (job["evaluator"]["ladder"] for job in jobs.values())
    ladder = [*first[:-1], *(list(job["at"]) for job in jobs.values())]
    return {
        "ladder": ladder,
        "weights": {str(epoch): job["evaluator"]["weights"] for epoch, job in jobs.items()},
    }


def _chunks(path: str, values: np.ndarray, form: Form) -> Iterator[tuple[str, int, int, Packed]]:
    for block in range(-(-len(values) // BLOCK)):
        for trial in range(values.shape[1]):
            if chunk := packed(values[block * BLOCK : (block + 1) * BLOCK, trial], form):
                yield path, block, trial, chunk
