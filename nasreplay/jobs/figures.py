"""Drawings of architectures, of a search's weights and of a training's curves, behind `nasreplay draw`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nasreplay.errors import BadArchitecture, BadSetting
from nasreplay.files.atomic import write_whole
from nasreplay.jobs import silent
from nasreplay.jobs.named_files import named_file, training_folder
from nasreplay.jobs.training.training_target import Target, read_target
from nasreplay.runs.drawing.cost_curves import cost_curves, recorded_costs
from nasreplay.runs.drawing.figure import dot, drawing, kind_of
from nasreplay.runs.drawing.heat_map import heat_map, panels_of
from nasreplay.runs.drawing.sheet import Captioned, captioned, sheet
from nasreplay.runs.drawing.training_curves import curves, logged_epochs
from nasreplay.runs.report.looks import rendered
from nasreplay.settings import setting, with_settings
from nasreplay.spaces import Genotype, space_named
from nasreplay.spaces.costs.network_plan import FIXED_REDUCTION, lost_operations
from nasreplay.spaces.genotypes.notation import to_darts
from nasreplay.spaces.graph import NONE, Graph
from nasreplay.spaces.read import Named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_DRAWN = 48
"""Operations of a graph; more are a tangle that takes minutes to lay out."""
SHORT = 24
"""Characters of a text that is its own caption."""


@dataclass(frozen=True, kw_only=True)
class DrawSettings:
    """What to draw, and how."""

    weights: bool = False
    """The heat map of a search's weights, edge by operation."""
    costs: bool = False
    """Curves of what the cells of a search cost, epoch by epoch."""
    samples: bool = False
    """What a search sampled, by its dag_all.txt: values, and shares of operations and inputs, epoch by epoch."""
    sheet: bool = False
    """All architectures on one sheet, with captions."""
    out: tuple[Path, ...] = setting((), metavar="FILE")
    """FILE.svg, .png, .pdf, or of cells .dot (Graphviz text); may be repeated. [NAME.svg and NAME.png]"""
    width: float = setting(6.8, metavar="INCHES")
    """At most; 6.8 fits a page, 3.3 a column of two."""
    hide_none: bool = False
    """Leave out the none edges. [dashed]"""
    keep_none: bool = False
    """Weights of none are shown, too. [the others, divided by their sum]"""
    which: Literal["last", "best"] = "last"
    """Epoch of a search."""
    space: str | None = setting(None, metavar="NAME")
    """Space of the run, where it is yours: my.py:SPACE."""


@dataclass(frozen=True)
class _Picture:
    """What becomes files."""

    name: str
    """Name of the files, without ending."""
    figure: Callable[[], Figure]
    """Makes the figure."""
    graphs: tuple[Graph, ...] = ()
    """What it shows as graphs; empty where it shows something else."""


@with_settings(DrawSettings)
def draw(*named: Named | Path, settings: DrawSettings, tell: Callable[[str], None] = silent) -> list[Path]:
    """Draw an architecture, a search's weights or a training's curves, and return the files.

    named: one, or with `sheet` several. An architecture is a value, an official index, a text in any notation, a file
    with one, a run folder, or a search checkpoint; weights are a run folder's or a checkpoint's; a training is its
    folder. tell: is told what the figure doesn't say. Raises BadArchitecture, LacksCapability for a search without
    logits of edges, BadOutput, BadSetting for another kind of file and for settings without effect.
    """
    if settings.space:
        space_named(settings.space)  # now known to who reads a run
    picture = _picture(named, settings, tell)
    files = list(settings.out) or [Path(f"{picture.name}.{ending}") for ending in ("svg", "png")]
    kinds = [kind_of(file) for file in files]
    if "dot" in kinds and not picture.graphs:
        raise BadSetting(
            f"{files[kinds.index('dot')]}: .dot is a text of cells; this picture ends in .svg, .png or .pdf"
        )
    figure = picture.figure() if set(kinds) - {"dot"} else None
    for file, kind in zip(files, kinds, strict=True):
        write_whole(file, rendered(figure, kind) if figure and kind != "dot" else dot(picture.graphs))
    return files


def _picture(
    named: tuple[Named | Path, ...], settings: DrawSettings, tell: Callable[[str], None]
) -> _Picture:
    if len(named) != 1 and not settings.sheet:
        raise BadSetting(f"{len(named)} architectures: one is drawn, or several with --sheet")
    of_search = [name for name in ("weights", "costs", "samples") if getattr(settings, name)]
    training = None if of_search or settings.sheet else training_folder(named[0])
    shows_cells = not (of_search or training)
    for name in of_search if settings.costs or settings.samples else ():
        _refuse(settings, name, len(of_search) > 1 or settings.sheet, "beside another picture")
    _refuse(settings, "weights", settings.weights and settings.sheet, "beside --sheet")
    _refuse(settings, "hide_none", settings.hide_none and not shows_cells, "where no cells are drawn")
    _refuse(settings, "keep_none", settings.keep_none and not settings.weights, "without --weights")
    _refuse(
        settings, "which", settings.which != "last" and training is not None, "on the curves of a training"
    )
    if settings.weights:
        from nasreplay.jobs.searches.edge_weights import edge_weights

        found = edge_weights(str(named[0]), settings.which)
        tell(f"weights of {found.where}")
        panels = panels_of(found.space.rows, found.weights, settings.keep_none)
        return _Picture(f"{found.name}-weights", lambda: heat_map(panels, settings.width))
    if settings.samples:
        from nasreplay.runs.drawing.sample_figure import sample_figure, samples_of

        found = samples_of(Path(str(named[0])))
        return _Picture("samples", lambda: sample_figure(found, settings.width))
    if settings.costs:
        folder = (named_file(str(named[0])) or (Path(str(named[0])), ""))[0]
        recorded = recorded_costs(folder)
        return _Picture(f"{folder.resolve().name}-costs", lambda: cost_curves(recorded, settings.width))
    if training:
        epochs = logged_epochs(training)
        return _Picture(f"{training.resolve().name}-curves", lambda: curves(epochs, settings.width))
    if settings.sheet:
        targets = zip(named, _targets(named, settings), strict=True)
        entries = [Captioned(_caption(*pair), _cells(pair[1], settings, tell)) for pair in targets]
        graphs = tuple(graph for one in captioned(entries) for graph in one)
        return _Picture("sheet", lambda: sheet(entries, settings.width), graphs)
    (target,) = _targets(named, settings)
    graphs = _cells(target, settings, tell)
    return _Picture(target.name, lambda: drawing(graphs, settings.width), graphs)


def _refuse(settings: DrawSettings, name: str, wrong: bool, reason: str) -> None:
    if wrong:
        raise BadSetting(f"--{name.replace('_', '-')} has no effect {reason}: leave it out")


def _targets(named: tuple[Named | Path, ...], settings: DrawSettings) -> list[Target]:
    if not named:
        raise BadSetting("--sheet: name the architectures")
    texts = [to_darts(one) if isinstance(one, Genotype) else str(one) for one in named]
    return [read_target(text, settings.which) for text in texts]


def _caption(named: Named | Path, target: Target) -> str:
    """What was typed, where it is short and no path; else the target's name."""
    typed = str(named)
    name = typed if len(typed) <= SHORT and named_file(typed) is None else target.name
    return name if len(name) <= 2 * SHORT else f"{name[: 2 * SHORT - 1]}…"


def _cells(target: Target, settings: DrawSettings, tell: Callable[[str], None]) -> tuple[Graph, ...]:
    """The graphs of a target; tells what they do not show. Raises BadArchitecture for a tangle."""
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
    return graphs
