"""Why a live search ended where it did: `nasreplay explain`.

Between the table and the run everything is an evaluator, so the same searcher climbs from one to the other with one
ingredient exchanged at a time, and the run's regret is the sum of the differences.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nasreplay.errors import BadOutput, BadSetting
from nasreplay.evaluate.ledger import Budget
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.files.atomic import write_whole
from nasreplay.files.typed import read_json
from nasreplay.jobs import silent
from nasreplay.jobs.explanation.climbing import Ladder
from nasreplay.jobs.explanation.measured_cells import Cells
from nasreplay.jobs.explanation.steps import Between
from nasreplay.jobs.searches.gaps import known_truth
from nasreplay.jobs.searches.task import Tell
from nasreplay.runs.attribution.attribution import Attribution, Rung
from nasreplay.runs.earlier import as_recorded
from nasreplay.runs.record import result_of
from nasreplay.runs.report.looks import ending_of
from nasreplay.runs.result import Result
from nasreplay.search import Searcher, make
from nasreplay.seeds import Stream
from nasreplay.settings import Json, check_kind, setting, with_settings

if TYPE_CHECKING:
    from nasreplay.live.supernet import SupernetEvaluator

FOLDER = "explained"
"""The folder in a run's, where the rungs of its explanations are kept."""


@dataclass(frozen=True, kw_only=True)
class ExplainSettings:
    """The table that judges a run, the shared weights, and how often each rung is searched."""

    table: str | None = setting(None, metavar="PACK")
    """The table whose final accuracies judge. Default: the embedded one."""
    at: int | None = setting(None, least=1, metavar="EPOCH")
    """Shared weights of this kept epoch. Default: the last ones."""
    replicas: int = setting(100, least=1)
    """Searches on each table."""
    seeds: int = setting(1, least=1)
    """Searches on each frozen supernet, of the run's seed and the ones after it; 2 or more give intervals."""
    sample: int | None = setting(None, least=2, metavar="N")
    """Ask the shared weights for N measured architectures, drawn uniformly, and search among these. Default: for the
    whole space."""
    candidates: int = setting(100, least=1, metavar="N")
    """Uniform architectures, the best of which by shared weights is told beside the run's."""
    out: Path | None = None
    """Folder of the finished rungs. Default: one in the run's, named by what is asked."""
    figure: Path | None = setting(None, metavar="FILE")
    """Draw the parts as a waterfall (.png, .svg or .pdf)."""
    data: Path | None = None
    """Folder of the run's images, where they have moved. Default: the one that it has recorded."""
    threads: int | None = setting(None, least=1, most=1024)
    """CPU threads. Default: PyTorch's."""


@dataclass(frozen=True)
class Explained:
    """The regret of a run and its parts."""

    run: Path
    """Folder of the run."""
    searcher: str
    """Name of its searcher."""
    seed: int
    """Its seed."""
    dataset: str
    """Name of the data set."""
    found: str
    """The architecture that it found."""
    meaning: str
    """What the final accuracy is, in words."""
    best: float
    """Best final accuracy of the table, percent."""
    attribution: Attribution
    """The ladder."""
    replicas: int
    """Searches on each table."""
    seeds: int
    """Searches on each frozen supernet."""
    notes: tuple[str, ...]
    """What restricts it, sentences."""
    folder: Path
    """Folder of the finished rungs."""

    def plain(self) -> Json:
        """Everything as JSON values."""
        own = {name: value for name, value in vars(self).items() if name != "attribution"}
        own |= {"run": str(self.run), "folder": str(self.folder), "notes": list(self.notes)}
        return {**own, **self.attribution.plain()}


@with_settings(ExplainSettings)
def explain(run: Path | str, *, tell: Tell = silent, show=silent, settings: ExplainSettings) -> Explained:
    """Attribute the regret of the finished live run in the folder `run` to its causes.

    tell: gets a line before each rung; show: gets (done, all, what). Rungs that are finished are kept, and a killed
    explanation goes on with the same call and comes to the same numbers. Raises BadOutput for a folder without shared
    weights, or without those of the epoch; NotMeasured where no table knows the data set; BadSetting for a table of
    another space.
    """
    check_kind("run", run, Path)
    from nasreplay.live.trained import trained

    if settings.figure:
        ending_of(settings.figure)  # before anything is read
    folder = Path(run)
    supernet, own = trained(folder, settings.data, settings.threads, settings.at)
    result = result_of(folder)
    if not result.finished:
        raise BadOutput(f"{folder}: has not ended: `nasreplay resume {folder}` goes on with it")
    truth, searcher = known_truth(own, supernet.space, settings.table), _searcher(result)
    sloped = "slope" in searcher.needs
    cells = Cells(truth, sloped)
    sample = cells if settings.sample is None else _sample(cells, settings.sample, result.settings["seed"])
    out = _folder(folder, settings, supernet, truth, sample, result)
    between = Between(
        folder,
        settings.at,
        searcher,
        cells,
        sample,
        out,
        settings.table,
        settings.data,
        settings.threads,
        tell,
        show,
    )
    ladder = Ladder(
        searcher=searcher,
        budget=_budget(result),
        steps_per_epoch=supernet.steps_per_epoch,
        regrets=cells.regrets,
        seed=result.settings["seed"],
        replicas=settings.replicas,
        seeds=settings.seeds,
    )
    rungs = ladder.climb(between.steps(), out, tell, show)
    codes = result.from_flat(result.found_flat[:1])
    rungs += _of_run(codes, supernet, cells, sloped, settings.candidates, ladder.seed)
    found = Explained(
        run=folder,
        searcher=searcher.name,
        seed=ladder.seed,
        dataset=truth.dataset,
        found=truth.space.format(codes[0].tolist()),
        meaning=truth.meaning["valid"],
        best=truth.optimum,
        attribution=Attribution(tuple(rungs)),
        replicas=settings.replicas,
        seeds=settings.seeds,
        notes=_notes(codes, cells, supernet.source.note),
        folder=out,
    )
    if settings.figure:
        from nasreplay.runs.attribution.waterfall import save_waterfall

        title = f"{found.searcher} on {found.dataset}, seed {found.seed}"
        save_waterfall(found.attribution, settings.figure, title)
    return found


def _searcher(result: Result) -> Searcher:
    """The run's searcher with all its settings, which stay what they are on a table."""
    recorded = result.settings["searcher"]
    known = make(recorded["name"], preset="live").settings()
    own = {name: recorded[name] for name in known if recorded.get(name) is not None}
    searcher = as_recorded(make(recorded["name"], own, preset="live"), recorded)
    searcher.chosen = frozenset(known)
    return searcher


def _budget(result: Result) -> Budget:
    """The run's length, in epochs, or where it has none in evaluations."""
    epochs = result.settings.get("epochs")
    return Budget(epochs=epochs) if epochs else Budget(evaluations=int(result.evaluations[0]))


def _sample(cells: Cells, count: int, seed: int) -> Cells:
    if count > cells.count:
        raise BadSetting(f"--sample {count}: the table has measured {cells.count:,} architectures")
    places = np.flatnonzero(cells.mask)[Stream(seed, "sample").at().permutation(cells.count)[0, :count]]
    chosen = np.zeros(len(cells.mask), dtype=bool)
    chosen[places] = True
    return Cells(cells.truth, cells.sloped, chosen)


def _folder(
    run: Path,
    settings: ExplainSettings,
    supernet: SupernetEvaluator,
    truth: TableEvaluator,
    sample: Cells,
    result: Result,
) -> Path:
    """The folder of the rungs, made if need be. Raises BadOutput for one that holds those of another question."""
    from nasreplay.evaluate.tabulate import digest_of_weights

    asked = {
        "weights": digest_of_weights(supernet),
        "table": truth.source["fingerprint"],
        "sample": settings.sample,
        "architectures": sample.count,
        "searcher": result.settings["searcher"],
        "seed": result.settings["seed"],
        "budget": _budget(result).settings(),
    }
    asked = json.loads(json.dumps(asked))
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:12]
    out = settings.out or run / FOLDER / digest
    file = out / "asked.json"
    if file.exists():
        if read_json(file, Json, error=BadOutput) != asked:
            raise BadOutput(f"{out}: holds another explanation: choose another --out")
        return out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise BadOutput(f"{out}: cannot be made: {problem.strerror}; choose another --out") from None
    write_whole(file, json.dumps(asked, indent=1).encode() + b"\n")
    return out


def _of_run(
    codes: np.ndarray, supernet: SupernetEvaluator, cells: Cells, sloped: bool, candidates: int, seed: int
) -> list[Rung]:
    """The last rungs: the run with the best choice around its answer, and with its own."""
    learning, regret = "the weights learn while the searcher moves: the run itself", cells.regrets
    derivation = "the run's derivation in place of the best cell around it by shared weights"
    if not sloped:
        reason = f"{supernet.space.name} cells are asked for, none is derived"
        return [
            Rung("learning", learning, reason=reason),
            Rung("discretization", derivation, regret(codes), known=True),
        ]
    around = np.concatenate([codes, supernet.space.neighbors(codes)[0]])
    drawn = supernet.space.sample(Stream(seed, "candidates", range(candidates)).at())
    best = {}
    for name, some in (("around", around), ("neighbor", around[1:]), ("sample", drawn)):
        told = np.asarray(supernet.shared_accuracy(some))
        best[name] = some[told.argmax()][None]
    regrets = {name: float(regret(one)[0]) for name, one in best.items()}
    own = float(regret(codes)[0])
    remark = (
        f"best one-edit neighbor by shared weights: regret {regrets['neighbor']:.2f}; best of {candidates:,} uniform "
        f"cells: {regrets['sample']:.2f}; the run's: {own:.2f}"
    )
    facts: Json = {"best_neighbor": regrets["neighbor"], "best_of_sample": regrets["sample"], "own": own}
    return [
        Rung("learning", learning, regret(best["around"]), known=True),
        Rung("discretization", derivation, regret(codes), known=True, facts=facts, remark=remark),
    ]


def _notes(codes: np.ndarray, cells: Cells, images: str) -> tuple[str, ...]:
    notes, space = [], cells.truth.space
    if not cells.mask.all():
        notes.append(
            f"the table has measured {cells.count:,} of {space.size:,} architectures: others stand for the nearest "
            "measured one, in searches and in their regrets"
        )
    if not cells.mask[space.flat(codes)].all():
        notes.append("what the run found was not measured, either")
    return (*notes, *([images] if images else ()))
