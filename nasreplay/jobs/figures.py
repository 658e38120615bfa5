"""Drawings of architectures, behind `nasreplay draw`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nasreplay.errors import BadArchitecture
from nasreplay.jobs import silent
from nasreplay.jobs.training.training_target import read_target
from nasreplay.settings import setting, with_settings
from nasreplay.spaces import Genotype
from nasreplay.spaces.costs.network_plan import FIXED_REDUCTION, lost_operations
from nasreplay.spaces.genotypes.notation import to_darts
from nasreplay.spaces.graph import NONE
from nasreplay.spaces.read import Named

MOST_DRAWN = 48
"""Operations of a graph; more are a tangle that takes minutes to lay out."""


@dataclass(frozen=True, kw_only=True)
class DrawSettings:
    """What to draw, and how."""

    out: tuple[Path, ...] = setting((), metavar="FILE")
    """FILE.svg, .png, .pdf, or .dot (Graphviz text); may be repeated. [NAME.svg and NAME.png]"""
    width: float = setting(6.8, metavar="INCHES")
    """At most; 6.8 fits a page, 3.3 a column of two."""
    hide_none: bool = False
    """Leave out the none edges. [dashed]"""
    which: Literal["last", "best"] = "last"
    """Epoch of a search."""


@with_settings(DrawSettings)
def draw(architecture: Named, settings: DrawSettings, tell: Callable[[str], None] = silent) -> list[Path]:
    """Draw the cells of an architecture, or its widths, and return the files.

    architecture: a value, an official index, a text in any notation, a file with one, a run folder, or a search
    checkpoint. tell: is told what the figure doesn't say. Raises BadArchitecture, BadOutput, BadSetting for another
    kind of file.
    """
    from nasreplay.runs.drawing.figure import kind_of, save_drawing

    target = read_target(
        to_darts(architecture) if isinstance(architecture, Genotype) else str(architecture), settings.which
    )
    graphs = target.cell.graphs()
    if isinstance(target.cell, Genotype):
        if target.cell.reduce is None:
            tell(f"not drawn: the {FIXED_REDUCTION}")
        for line in lost_operations(target.cell, target.dialect):
            tell(line)
    if target.where.rpartition(", ")[2].startswith("line "):
        tell(target.where)
    if settings.hide_none:
        graphs = tuple(graph.without(NONE) for graph in graphs)
    for graph in graphs:
        operations = sum(bool(arrow.operation) for arrow in graph.arrows)
        if operations > MOST_DRAWN:
            raise BadArchitecture(
                f"{graph.title} has {operations} operations: at most {MOST_DRAWN} are drawn; --hide-none leaves out "
                "none edges"
            )
    files = list(settings.out) or [Path(f"{target.name}.{ending}") for ending in ("svg", "png")]
    for file in files:
        kind_of(file)
    for file in files:
        save_drawing(graphs, file, settings.width)
    return files
