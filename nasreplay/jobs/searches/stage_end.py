"""The end of a stage of a search whose space grows: what a table says of it, and the files that it leaves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nasreplay.data.agreement import correlations, tau_a
from nasreplay.errors import BadArchitecture, LacksCapability
from nasreplay.evaluate.protocol import Evaluator
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.files.atomic import write_whole
from nasreplay.jobs.searches.task import Found
from nasreplay.search.stages import Derivation, Stage
from nasreplay.seeds import Stream
from nasreplay.settings import Json
from nasreplay.spaces import Space
from nasreplay.spaces.genotypes.genotype import Cell, Genotype
from nasreplay.spaces.genotypes.notation import WRITERS
from nasreplay.spaces.graph import Graph

FIELDS = (  # of an arch-N.json of CNAS, in its order
    *("start_time", "end_time", "elapsed_time", "description", "type_", "sample_id", "arch", "derived_acc"),
    *("normal_logp", "node_normal_entropy", "op_normal_entropy"),
    *("reduced_logp", "node_reduced_entropy", "op_reduced_entropy"),
    *("n_channels", "n_layers", "n_params", "flops", "eval_acc", "eval_epoch"),
)
CELLS = ("normal", "reduced")
DRAWN = 6.8  # inches


@dataclass(frozen=True)
class OpenPart(Found):
    """What a table says of the open part of a space; accuracies in percent."""

    open_architectures: int
    """Measured architectures in it."""
    open_best: float
    """The best of them."""
    open_mean: float
    """Their mean."""

    def line(self, stage: Stage) -> str:
        """One line of progress."""
        return (
            f"stage {stage.number}/{stage.of}: {_counts(stage)}, {self.open_architectures:,} architectures, "
            f"best {self.open_best:.2f} %, mean {self.open_mean:.2f} %"
        )


def open_part(stage: Stage, truth: TableEvaluator) -> OpenPart:
    """The open part as the table has it."""
    inside = truth.final.mean_flat[stage.has(truth.space.all_codes)]
    inside = inside[np.isfinite(inside)]
    return OpenPart(len(inside), float(inside.max(initial=-np.inf)), float(inside.mean()))


def _counts(stage: Stage) -> str:
    nodes = f", {stage.nodes} node{'s' * (stage.nodes > 1)}" if stage.nodes else ""
    return f"{len(stage.operations)} operation{'s' * (len(stage.operations) > 1)}{nodes}"


@dataclass(frozen=True)
class InTable(OpenPart):
    """How a table ranks a stage's winner, and how it agrees with the shared weights. Accuracies in percent."""

    winner_table_valid: float
    """Accuracy of the winner."""
    winner_rank: int
    """1 = best of the open architectures."""
    compared: int
    """Open architectures, drawn uniformly, that both were asked for; 0: none."""
    kendall_tau: float | None = None
    """Tau-b between their shared-weight and table accuracies."""
    kendall_tau_a: float | None = None
    """Tau-a: ties count 0."""
    spearman_rho: float | None = None
    """Rho."""


@dataclass(frozen=True)
class StageEnd(Found):
    """What the log says of the end of a stage."""

    winner_accuracy: float
    """Percent, of the best candidate with shared weights."""
    repeat_accuracies: list[float]
    """Percent, of the best in each repetition."""
    candidates: int
    """Number of policy samples that were tried."""
    candidates_mean: float
    """Percent, their mean."""
    candidates_std: float
    """Their population standard deviation."""
    derived: list[str]
    """Files of the winners, from the run folder."""
    table: InTable | None = None
    """What a table of the same data set says."""

    def plain(self) -> Json:
        """Flat JSON values; what is unknown is left out."""
        facts = super().plain()
        return facts | facts.pop("table", {})

    def line(self, stage: Stage) -> str:
        """One line of progress."""
        parts = [
            f"stage {stage.number}/{stage.of} ended, {_counts(stage)}",
            f"best {self.winner_accuracy:.2f} % of {self.candidates} ({self.candidates_mean:.2f} ± "
            f"{self.candidates_std:.2f})",
        ]
        if table := self.table:
            ranked = f"rank {table.winner_rank:,} of {table.open_architectures:,} open"
            parts.append(f"table {table.winner_table_valid:.2f} %, {ranked}")
            if table.kendall_tau is not None:
                parts.append(
                    f"tau {table.kendall_tau:.2f} and rho {table.spearman_rho:.2f} over {table.compared}"
                )
        return ", ".join([*parts, str(Path(self.derived[0]).parent)])


def end_of_stage(
    stage: Stage,
    derived: Derivation,
    evaluator: Evaluator,
    truth: TableEvaluator | None,
    sample: Stream,
    folder: Path,
    epochs: int,
) -> StageEnd:
    """Compare with the table, and write the winners into the run's folder.

    sample: draws the open architectures whose accuracies are compared; epochs: of the search. Raises BadOutput.
    """
    best = derived.winners[derived.best][None]
    place = Path("derive", f"stage-{stage.number}", f"epoch-{round(stage.learned * epochs)}")
    files = write_winners(stage, derived, evaluator.space, folder / place)
    return StageEnd(
        winner_accuracy=float(derived.accuracies[derived.best]),
        repeat_accuracies=derived.accuracies.tolist(),
        candidates=derived.samples,
        candidates_mean=derived.mean,
        candidates_std=derived.std,
        derived=[(place / name).as_posix() for name in files],
        table=_in_table(stage, best, evaluator, truth, sample, derived.compared) if truth else None,
    )


def _in_table(
    stage: Stage, best: np.ndarray, evaluator: Evaluator, truth: TableEvaluator, stream: Stream, samples: int
) -> InTable:
    inside = truth.final.mean_flat[stage.has(truth.space.all_codes)]
    part, valid = open_part(stage, truth), float(truth.report(best).valid[0])
    drawn = open_sample(stage, stream, samples)
    shared = evaluator.shared_accuracy(drawn) if len(drawn) > 1 else None
    found: dict[str, float] = {}
    if shared is not None:
        known = truth.report(drawn).valid
        tau, rho, _ = correlations(shared, known)
        found = {"kendall_tau": tau, "spearman_rho": rho, "kendall_tau_a": tau_a(shared, known)}
    return InTable(
        part.open_architectures,
        part.open_best,
        part.open_mean,
        winner_table_valid=valid,
        winner_rank=int((inside > valid).sum()) + 1,
        compared=len(drawn) if found else 0,
        **{name: value for name, value in found.items() if np.isfinite(value)},
    )


def open_sample(stage: Stage, stream: Stream, samples: int) -> np.ndarray:
    """int8 [n, D]: distinct open architectures, uniform draws without their repetitions; n at most `samples`."""
    count = stage.open.sum(axis=1)
    option = np.argsort(~stage.open, axis=1, kind="stable")  # [D, O]: the open ones first
    shape = samples, len(count)
    pick = (stream.at().uniform(samples * len(count)).reshape(shape) * count).astype(np.int64)
    return np.unique(option[np.arange(len(count)), pick].astype(np.int8), axis=0)


# --- files -----------------------------------------------------------------------------------------


def write_winners(stage: Stage, derived: Derivation, space: Space, folder: Path) -> list[str]:
    """Write each winner as arch-N.json, as CNAS does, with drawings where the space has some. Returns those names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"arch-{number}.json" for number in range(1, len(derived.winners) + 1)]
    for number, name in enumerate(names):
        codes = derived.winners[number]
        genotype = _genotype(space, codes, stage.nodes)
        facts = dict.fromkeys(FIELDS) | _chances(derived, number, space)
        facts |= {
            "arch": (genotype and _of_cnas(genotype)) or space.format(codes),
            "derived_acc": float(derived.accuracies[number]) / 100,
        }
        write_whole(folder / name, json.dumps(facts).encode() + b"\n")
        with suppress(LacksCapability):
            _draw(genotype.graphs() if genotype and stage.nodes else space.graphs(codes), folder, number + 1)
    return names


def _genotype(space: Space, codes: np.ndarray, nodes: int) -> Genotype | None:
    """The genotype of the open nodes, all for 0; closed ones add nothing. None in a space without genotypes."""
    whole = space.genotype(codes)
    if whole is None or not nodes:
        return whole
    reduce = whole.reduce and Cell.of(whole.reduce.nodes[:nodes])
    return Genotype(Cell.of(whole.normal.nodes[:nodes]), reduce)


def _of_cnas(genotype: Genotype) -> str | None:
    """The form of CNAS; None where it has none."""
    with suppress(BadArchitecture):
        return WRITERS["cnas-json"](genotype)
    return None


def _chances(derived: Derivation, number: int, space: Space) -> dict[str, float]:
    """Log-probability and entropies of each cell; all decisions are operations where no inputs are chosen."""
    log_p, entropy, found = derived.log_p[number], derived.entropy[number], {}
    cell = np.array([place.cell for place in space.places] or [0] * space.decisions)
    source = np.array([place.source for place in space.places] or [False] * space.decisions)
    for place, name in enumerate(CELLS[: cell.max() + 1]):
        mine = cell == place
        found[f"{name}_logp"] = float(log_p[mine].sum())
        found[f"node_{name}_entropy"] = float(entropy[mine & source].sum())
        found[f"op_{name}_entropy"] = float(entropy[mine & ~source].sum())
    return found


def _draw(graphs: Sequence[Graph], folder: Path, number: int) -> None:
    from nasreplay.runs.drawing.figure import save_drawing

    for place, graph in enumerate(graphs):
        cell = f"{CELLS[place]}_" if len(graphs) == len(CELLS) else f"{place}_" * (len(graphs) > 1)
        save_drawing((graph,), folder / f"{cell}arch-{number}.svg", DRAWN)
