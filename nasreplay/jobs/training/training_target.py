"""What `nasreplay retrain` is asked to train: a search's result, a genotype, a cell or a published name."""

from __future__ import annotations

import hashlib
from difflib import get_close_matches
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nasreplay.errors import BadArchitecture, BadInput, BadOutput, BadSetting, choices, shortened
from nasreplay.jobs.named_files import is_checkpoint, named_file
from nasreplay.models.child_networks import child_network_of
from nasreplay.runs.folder import read_header
from nasreplay.runs.record import read_events
from nasreplay.settings import Json, check_kind
from nasreplay.spaces import Architecture, Genotype
from nasreplay.spaces.genotypes.notation import to_darts
from nasreplay.spaces.genotypes.published_genotypes import Entry, is_known, zoo
from nasreplay.spaces.genotypes.published_genotypes import entry as entry_of
from nasreplay.spaces.read import Named, read, read_architecture, read_file

if TYPE_CHECKING:
    from nasreplay.train.foreign.autodl_checkpoint import FoundCell

ALL_EDGE = "all-edge"
CELLS = {
    "resnet": "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|",
    **{
        name: f"|{each}~0|+|{each}~0|{each}~1|+|{each}~0|{each}~1|{each}~2|"
        for name, each in (
            ("all_c3x3", "nor_conv_3x3"),
            ("all_c1x1", "nor_conv_1x1"),
            ("all_idnt", "skip_connect"),
        )
    },
}
"""Named structures of the published scripts that are cells of the topology space."""


class Target(NamedTuple):
    """What is trained."""

    cell: Genotype | Architecture
    """The genotype, or the architecture of a benchmark's space."""
    name: str
    """What run folders are named after."""
    dataset: str = ""
    """The data set that it was searched on; "" where nothing says."""
    where: str = ""
    """Its origin, in words."""
    searched: bool = False
    """Whether a search of NASNet-type cells found it."""
    entry: Entry | None = None
    """The entry of the zoo, if the genotype is published."""
    dialect: str = ""
    """The release whose search it was; "" if unknown."""
    data: Path | None = None
    """Folder of the search's images, where its run says so."""

    @property
    def whole(self) -> bool:
        """Whether its network trains on all training images, and not as the benchmark's on a part."""
        return isinstance(self.cell, Genotype) or child_network_of(self.cell.space).whole

    def compact(self) -> Target:
        """The target without `none` and dead nodes (`Genotype.compact`). Raises BadSetting, BadArchitecture."""
        if isinstance(self.cell, Architecture):
            raise BadSetting(f"--compact does not apply to {self.cell}: its network is that of the benchmark")
        entry = self.entry and self.entry._replace(published=(), weights=())  # of the whole cells
        return self._replace(cell=self.cell.compact(), name=f"{self.name}-compact", entry=entry)

    def __str__(self) -> str:
        return str(self.cell) if isinstance(self.cell, Architecture) else to_darts(self.cell)


def read_target(target: Named | Path, which: str = "last", form: str | None = None) -> Target:
    """The target of a path (checkpoint, run folder, genotype file), a zoo name, or the text of a genotype or cell.

    A value is a target, too. which: the cell of a search's last or best epoch; form: a genotype's, two-input or
    all-edge, which a search has recorded itself; None: as it is. Raises BadInput and its kinds.
    """
    if not isinstance(target, Architecture | Genotype):
        check_kind("target", target, int, str, Path)
    found = _read(target, which, form)
    cell = found.cell
    if form is None or isinstance(cell, Architecture):
        return found
    if not found.searched:
        cell = cell.all_edges() if form == ALL_EDGE else cell.two_inputs()
    return found._replace(cell=cell, name=f"{found.name}-{form}")


def _read(target: Named | Path, which: str, form: str | None) -> Target:
    if isinstance(target, Architecture | Genotype):
        return _of_value(target)
    text = str(target)
    if (file := named_file(text)) is not None:
        return _of_path(*file, which, form)
    if is_known(text.strip()):
        one = entry_of(text.strip())
        return Target(one.genotype, one.name, where=one.source, entry=one)
    return _of_value(read(text))


def read_cell(text: str) -> Target:
    """The target of an architecture's text or file, or of a name in CELLS. Raises BadArchitecture."""
    if text == "all_full":
        raise BadArchitecture(
            "all_full has four operations on every edge: it is no architecture of the space"
        )
    near = get_close_matches(text.lower(), (*CELLS, *map(str.lower, zoo())), 1) if text.isidentifier() else []
    if text not in CELLS and not is_known(text) and {*near} & CELLS.keys():
        raise BadArchitecture(f"no architecture {shortened(text)}{choices(text, CELLS)}")
    if text in CELLS or named_file(text) is None:
        cell, where = read_architecture(CELLS.get(text, text)), ""
    else:
        found = read_target(text)
        cell, where = read_architecture(found.cell), found.where
    return Target(cell, "".join(map(str, cell.codes)), where=where)


def _of_path(path: Path, name: str, which: str, form: str | None) -> Target:
    if path.is_dir():
        header = read_header(path)
        if "architecture" in header:
            return _trained(header, path)
        return _searched(_of_run(path, which, form), path.resolve().name, str(path))
    if is_checkpoint(path):
        return _of_checkpoint(path, which, form)
    read = read_file(path, name)
    found = _of_value(read.value)
    where = f"{path}, {read.where}" if read.where else str(path)
    found = found._replace(name=found.entry.name if found.entry else name or path.stem, where=where)
    run = next((each for each in path.resolve().parents[:4] if (each / "run.json").is_file()), None)
    header = read_header(run) if run else {}
    return _beside(found, header, run) if run and "searcher" in header else found


def _trained(header: Json, folder: Path) -> Target:
    """What a training trained, with its images and layers."""
    try:
        target = _of_value(read(header["architecture"]))
        dataset = header["images"]["folder"] or header["dataset"]
        dialect = header.get("network", {}).get("dialect", "")
        data = header["settings"]["data"]
        data = Path(header["working_folder"]) / data if data else None
    except (LookupError, TypeError, AttributeError, ValueError) as problem:
        raise BadOutput(f"{folder / 'run.json'}: names no network that was trained ({problem})") from None
    return target._replace(dataset=dataset, where=f"the training {folder}", dialect=dialect, data=data)


def _beside(found: Target, header: Json, run: Path) -> Target:
    """What a file in a search's run folder names, with the images and the layers of that search."""
    try:
        dataset, space, searcher, data = _search_of(header)
    except (LookupError, TypeError, AttributeError, ValueError) as problem:
        raise BadOutput(f"{run / 'run.json'}: does not say what was searched ({problem})") from None
    return found._replace(
        dataset=dataset, dialect=_dialect(space, searcher), data=Path(data) if data else None
    )


def _search_of(header: Json) -> tuple[str, str, str, str]:
    """Data set, space, searcher and folder of images of a search. Raises LookupError, TypeError, AttributeError."""
    from nasreplay.train.images.find_images import card_named

    options, evaluator = dict(header.get("options") or {}), header["evaluator"]
    dataset, asked = evaluator["dataset"], options.get("dataset")
    if asked and not card_named(asked):
        dataset = asked  # one's own is found by its folder
    searcher = dict(header.get("searcher") or {}).get("name", "")
    return dataset, evaluator.get("space", ""), searcher, str(options.get("data") or "")


def _of_value(cell: Genotype | Architecture) -> Target:
    if isinstance(cell, Architecture):
        return _target(cell, "".join(map(str, cell.codes)))
    digest = hashlib.blake2b(to_darts(cell).encode(), digest_size=4).hexdigest()
    return _target(cell, f"genotype-{digest}")


def _target(
    cell: Genotype | Architecture, name: str, dataset: str = "", where: str = "", searched: bool = False
) -> Target:
    entry = next((one for one in zoo().values() if one.genotype == cell), None)
    if entry and searched:
        where += f", the genotype of {entry.name}"
    elif entry:
        name, where = entry.name, entry.source
    return Target(cell, name, dataset, where, searched, entry)


def _of_checkpoint(path: Path, which: str, form: str | None) -> Target:
    from nasreplay.train.foreign.autodl_checkpoint import found_in, load_foreign

    content = load_foreign(path)
    if not (isinstance(content, dict) and {"searcher", "evaluator", "step"} <= content.keys()):
        return _searched(found_in(content, path, which, form == ALL_EDGE), path.stem, str(path))
    _check_state(content, path)
    folder = path.resolve().parent.parent
    try:
        found = _of_run(folder, which, form, content["step"])
    except BadOutput as problem:
        raise BadInput(f"{path}: belongs to a run folder, which has the found cells: {problem}") from None
    return _searched(found, folder.name, str(path))


def _check_state(content: Json, path: Path) -> None:
    """Raise BadInput for a state of our own search that no searcher can have left."""
    searcher, step = content["searcher"], content["step"]
    state = searcher.get("state", {}) if isinstance(searcher, dict) else None
    if not isinstance(state, dict) or type(step) is not int:
        raise BadInput(f"{path}: damaged: it holds no state of a searcher after a step")
    try:
        finite = np.isfinite(np.asarray(state.get("logits", 0.0))).all()
    except (TypeError, ValueError):
        raise BadInput(f"{path}: damaged: the logits are no numbers") from None
    if not finite:
        raise BadInput(f"{path}: the logits hold NaN or infinity: this search has failed")


def _searched(found: FoundCell, name: str, place: str) -> Target:
    """The target of a search, with the layers of the release that searches so."""
    target = _target(found.cell, name, found.dataset, f"{found.where} of {place}", True)
    data = Path(found.data) if found.data else None
    return target._replace(dialect=_dialect(found.space, found.searcher), data=data)


def _dialect(space: str, searcher: str) -> str:
    """The release that trains what a search of the space finds: that of the space, or the searcher's own."""
    from nasreplay.models.shared_networks import GenotypeNetwork, network_of
    from nasreplay.search import SEARCHERS

    kind, asker = network_of(space), SEARCHERS.get(searcher)
    if kind is None or not issubclass(kind, GenotypeNetwork):
        return ""
    own = asker.dialect if asker and kind.dialect == GenotypeNetwork.dialect else ""
    return own or kind.dialect


def _of_run(folder: Path, which: str, form: str | None, step: int | None = None) -> FoundCell:
    """What a search had found, by its log, up to a step (None for its end)."""
    from nasreplay.train.foreign.autodl_checkpoint import LACKS_ALL_EDGES, FoundCell

    header, events = read_header(folder), read_events(folder)
    try:
        dataset, space, searcher, data = _search_of(header)
        until = list(takewhile(lambda event: step is None or event.get("step", 0) <= step, events))
        text, where = _best_epoch(until) if which == "best" else _last(until)
        found = read(text)
    except (LookupError, TypeError, AttributeError, ValueError) as problem:
        raise BadOutput(f"{folder}: its log names no cell that was found ({problem})") from None
    if form == ALL_EDGE and isinstance(found, Genotype):
        told = [event for event in until if {"found_all_edges", "shared_accuracy", "epoch"} <= event.keys()]
        if not told:
            raise BadInput(f"{folder}: {LACKS_ALL_EDGES}")
        try:
            event = _first_best(told, "shared_accuracy") if which == "best" else told[-1]
            found, where = read(event["found_all_edges"]), f"epoch {event['epoch'] + 1:,}"
        except (TypeError, AttributeError, ValueError) as problem:
            raise BadOutput(f"{folder}: its log names no all-edge genotype ({problem})") from None
    return FoundCell(found, dataset, where, space, searcher, data)


def _last(events: list[Json]) -> tuple[str, str]:
    found = [event for event in events if event["event"] in ("step", "end")]
    if found:
        return found[-1]["found"], f"step {found[-1]['step']:,}"
    return _first_best(events, "accuracy")["architecture"], "the best evaluation"


def _best_epoch(events: list[Json]) -> tuple[str, str]:
    best = _first_best(events, "shared_accuracy")
    return best["found"], f"the best epoch ({best['epoch'] + 1})"


def _first_best(events: list[Json], key: str) -> Json:
    told = [event for event in events if key in event and event.get("answered", True)]
    if not told:
        raise LookupError(f"no event has {key}")
    return max(told, key=lambda event: event[key])
