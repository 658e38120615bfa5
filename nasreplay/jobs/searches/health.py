"""How a live search is doing: what it would answer now, what a table says of it, and whether it collapses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nasreplay.evaluate.protocol import Evaluator
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.jobs.searches.table_facts import TableRow, table_facts
from nasreplay.search.base import Searcher
from nasreplay.settings import Json
from nasreplay.spaces.base import Space
from nasreplay.spaces.genotypes.derivation import softmax
from nasreplay.spaces.genotypes.notation import to_darts

COLLAPSE = 0.5  # share of skip connections from which on a cell counts as collapsed
WARNING = (
    "collapsing to skip connections, as is known of differentiable search "
    "(Dong & Yang, NAS-Bench-201, ICLR 2020, section 5; Zela et al., Understanding and Robustifying DARTS, ICLR 2020)"
)


SHOWN = (  # on the line of an epoch: fact, name, unit
    ("train_loss", "loss", ""),
    ("train_accuracy", "train", " %"),
    ("arch_loss", "arch loss", ""),
    ("arch_accuracy", "arch", " %"),
    ("penalty", "penalty", ""),
    ("expected_cost", "expected cost", ""),
    ("table_valid", "table", " %"),
    ("table_rank", "rank", ""),
    ("table_regret", "regret", ""),
)


@dataclass(frozen=True)
class EpochFacts:
    """What is recorded of an epoch."""

    found: str
    """What the search would answer now."""
    found_all_edges: str | None
    """The genotype of its logits with every edge; None where there is none."""
    measured: Mapping[str, float]
    """What evaluator and searcher tell of this epoch, by name: losses in nats, accuracies in percent."""
    shared_accuracy: float | None
    """Percent, of the answer with the shared weights; None without such."""
    shared_images: int
    """Number of validation images that it was measured on; 0 where unknown."""
    skip_share: float | None
    """Skip connections among the cell's operations, 0 to 1; None in a space without any."""
    entropy: list[float] | None
    """Entropy of each edge's softmax, nats; None for searchers without logits of edges."""
    cell_entropy: Mapping[str, float]
    """Sums of these: of each searched cell, and the total; empty without any."""
    table: TableRow | None
    """The answer's row of a table of the same data set; None without one."""

    def plain(self) -> Json:
        """The line as flat JSON values; what is unknown is left out."""
        own = ("found_all_edges", "shared_accuracy", "shared_images", "shared_error", "skip_share", "entropy")
        facts = {"found": self.found, **self.measured, **{name: getattr(self, name) for name in own}}
        facts |= {f"{cell}_arch_entropy": value for cell, value in self.cell_entropy.items()}
        facts |= self.table.plain() if self.table else {}
        if not self.shared_images or self.shared_accuracy is None:
            del facts["shared_images"]
        return {name: value for name, value in facts.items() if value is not None}

    @property
    def shared_error(self) -> float | None:
        """Standard error of the shared-weight accuracy, percent points; None where the images are unknown."""
        if self.shared_accuracy is None or not self.shared_images:
            return None
        return float(np.sqrt(self.shared_accuracy * (100 - self.shared_accuracy) / self.shared_images))

    @property
    def warning(self) -> str:
        """A sentence when the epoch's cell has collapsed, else empty."""
        share = self.skip_share or 0.0
        return f"{share:.0%} skip connections: {WARNING}" if share >= COLLAPSE else ""

    def line(self, epoch: int, epochs: int) -> str:
        """One line of progress; epoch is counted from 0."""
        parts, known = [f"epoch {epoch + 1}/{epochs}"], self.plain()
        if self.shared_accuracy is not None:
            error = f" ± {self.shared_error:.2f}" if self.shared_images else ""
            on = f" of {self.shared_images:,} images" if self.shared_images else ""
            parts.append(f"shared weights {self.shared_accuracy:.2f}{error} %{on}")
        for key, name, unit in SHOWN:
            if (value := known.get(key)) is not None:
                parts.append(
                    f"{name} {value:,}{unit}" if isinstance(value, int) else f"{name} {value:.2f}{unit}"
                )
        if self.entropy is not None:
            parts.append(f"entropy {np.mean(self.entropy):.2f}")
        return ", ".join([*parts, self.found])


def epoch_facts(
    searcher: Searcher, evaluator: Evaluator, truth: TableEvaluator | None, epoch: int = 0, epochs: int = 1
) -> EpochFacts:
    """The facts of the epoch (from 0) that has just ended; truth: a table of the same data set, or None."""
    space, codes = evaluator.space, searcher.answer()[:1]
    names = space.operations_of(codes[0].tolist())
    logits = _logits(searcher, space)
    whole = None if logits is None else space.all_edges(logits)
    entropy = None if logits is None else edge_entropy(logits).tolist()
    shared = evaluator.shared_accuracy(codes)
    return EpochFacts(
        found=space.format(codes[0].tolist()),
        found_all_edges=whole and to_darts(whole),
        measured={**evaluator.epoch_metrics(), **searcher.epoch_facts(epoch, epochs)},
        shared_accuracy=None if shared is None else float(shared[0]),
        shared_images=getattr(evaluator, "judging_images", 0),
        skip_share=names.count("skip_connect") / len(names) if names else None,
        entropy=entropy,
        cell_entropy={} if entropy is None else _by_cell(entropy, space),
        table=table_facts(truth, codes) if truth else None,
    )


def _logits(searcher: Searcher, space: Space) -> np.ndarray | None:
    """[E, O], of searchers that have some."""
    logits = getattr(searcher.state, "logits", None)
    return None if logits is None or logits.shape[1:] != space.mask.shape else logits[0]


def _by_cell(entropy: list[float], space: Space) -> dict[str, float]:
    found = {"total": sum(entropy)}
    for row, value in zip(space.rows, entropy, strict=True):
        found[row.kind] = found.get(row.kind, 0.0) + value
    return found if len(found) > 2 else {"total": found["total"]}


def edge_entropy(logits: np.ndarray) -> np.ndarray:
    """float64 [E] nats: entropy of the softmax of logits [E, O]."""
    p = softmax(logits)
    return -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=-1)
