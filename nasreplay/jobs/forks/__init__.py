"""Forks: a new search from the kept epoch of another one, with other settings or another searcher of its family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasreplay.errors import BadOutput, BadSetting, shortened
from nasreplay.jobs import silent
from nasreplay.jobs.searches import search
from nasreplay.jobs.searches.task import SearchSettings, Show, Task, Tell
from nasreplay.live.evaluator_settings import OF_RECIPE, SupernetSettings
from nasreplay.models.shared_networks import SharedNetwork
from nasreplay.runs.checkpoints import run_at
from nasreplay.runs.folder import read_header
from nasreplay.runs.parents import Parent
from nasreplay.search import SamplingSearcher, Searcher
from nasreplay.search.named import searcher_of
from nasreplay.settings import (
    Json,
    by_field,
    chosen,
    is_given,
    list_settings,
    option_of,
    setting,
    settings_of,
)

if TYPE_CHECKING:
    from nasreplay.jobs.searches.live_search import LiveFound
    from nasreplay.live.trained import LiveRun

OWNERS = (*SupernetSettings.owners(), SearchSettings)
"""The settings classes of what a fork may be told, or is refused by name."""
RECIPE = "recipe."
"""What --set begins with where it changes a key of the recipe of the weights."""
OF_NETWORK = "the weights are those of its parent's network"


def reasons() -> Mapping[str, str]:
    """The settings that a fork takes over from its parent as they are, and why."""
    networks = [owner for owner in OWNERS if issubclass(owner, SharedNetwork)]
    of_networks = {name: OF_NETWORK for network in networks for name in settings_of(network)}
    return {**of_networks, **SupernetSettings.fixed, **SearchSettings.fixed}


@dataclass(frozen=True, kw_only=True)
class ForkSettings(SearchSettings):
    """Settings of a search that begins with a kept epoch of another one."""

    parent: Parent = setting(None, shown=False)
    """The kept epoch that it begins with."""
    other: bool = setting(False, shown=False)
    """Whether another searcher goes on."""

    @property
    def origin(self) -> Json:
        """What run.json says of the parent."""
        return {"parent": self.parent._asdict()}

    def recorded(self, part: str) -> Any:
        """A part of the parent's header: what a fork is not told, it has of its parent."""
        if part == "epochs" or (part == "searcher" and self.other):
            return None
        return read_header(self.parent.folder).get(part, {})


def fork(
    run: str | Path | None = None,
    searcher: str | None = None,
    *,
    tell: Tell = silent,
    show: Show | None = None,
    command: str = "",
    **values: Any,
) -> LiveFound:
    """Run a new live search from the kept epoch of another, from its weights, batches and noise.

    run: "RUN@EPOCH", a run folder and an epoch that it has kept (None with resume=True, out=DIR, which continues a
    fork); searcher: another one of the same family, whose logits have the same shape; values: fields of
    `SearchSettings` and of `SupernetSettings` that differ from the parent's. A recipe's key is changed by
    sets=["recipe.LR=0.01"]. The log of a fork begins with its parent's up to EPOCH. Returns what a search does.
    Raises BadInput for no such run or epoch, BadSetting for what would not fit the state, each with its reason.
    """
    values = by_field(values, "a fork", *OWNERS)
    if values.get("resume"):
        return _resumed(chosen(SearchSettings, values), searcher, values, tell, show)
    if run is None:
        raise BadSetting(
            "nothing to fork: the form is RUN@EPOCH, a run folder and a kept epoch, counted from 1"
        )
    from nasreplay.jobs.searches.live_search import search_live
    from nasreplay.live.trained import recorded_settings

    folder, epoch = run_at(str(run))
    after = searcher_of(searcher) if searcher else None  # first, for it may be in a file
    told, own = recorded_settings(folder)
    parent = Parent.at(folder, epoch)
    _refuse(values, told, own)
    before = searcher_of(told.options.searcher)
    after = after or before
    check_family(before, after, folder)
    values, training = _recipe_changes(values, own, before, after)
    epochs = values.get("epochs") or (own.epochs if after.name == before.name else told.epochs)
    _check_epochs(epochs or told.epochs or 0, epoch, folder)
    given = {name: values[name] for name in settings_of(SupernetSettings) if is_given(values.get(name))}
    changed = vars(chosen(SupernetSettings, given, network=own.network))
    changes = {name: changed[name] for name in given} | {"training": training, "epochs": epochs}
    own = replace(own, **{**changes, "weights": None, "download": False})
    out = values.get("out") or _beside(folder, epoch, told.seed)
    limits = {"budget": told.options.budget, "evaluations": told.options.evaluations}
    values = {**limits, **values, "out": out, "seed": told.seed}
    settings = chosen(ForkSettings, values, parent=parent, other=after.name != before.name)
    fixed = getattr(after, "fixed", {})
    for name in fixed.keys() & settings.changes((after.name,)).get(after.name, {}).keys():
        raise BadSetting(f"{after.name}.{name} has no effect on a fork: {fixed[name]}: leave it out")
    tell(f"fork of {folder} after epoch {epoch:,}")
    return search_live(Task(after.name, own, settings, told.seed, command), tell, show)


list_settings(fork, fork, *OWNERS)


def check_family(before: Searcher, after: Searcher, folder: Path) -> None:
    """Raise BadSetting unless a searcher can go on with what another one has learned.

    Searchers are of a family if they are the same, or share a base class besides those of all: then they share the
    arrays that it begins with.
    """
    everybody = {*SamplingSearcher.__mro__}
    shared = {*type(before).__mro__} & {*type(after).__mro__} - everybody
    if not any(issubclass(kind, Searcher) for kind in shared):
        raise BadSetting(
            f"--searcher {after.name}: it cannot go on with what {before.name} has learned in {folder}: they are of "
            "different families"
        )


def _beside(folder: Path, epoch: int, seed: int) -> Path:
    """The default folder of a fork: RUN-at-EPOCH, and of a SEARCH/seed-N SEARCH-at-EPOCH/seed-N."""
    folder, below = folder.resolve(), f"seed-{seed}"
    if folder.name == below:
        return folder.parent.with_name(f"{folder.parent.name}-at-{epoch}") / below
    return folder.with_name(f"{folder.name}-at-{epoch}")


def _refuse(values: Mapping[str, Any], told: LiveRun, own: SupernetSettings) -> None:
    """Raise BadSetting for a value that a fork cannot have, by the name of its option, and say why."""
    known = {name: one for owner in OWNERS for name, one in settings_of(owner).items()}
    theirs = {**vars(own.network), **vars(own), "seed": told.seed}
    for name, why in reasons().items():
        now = values.get(name)
        if is_given(now) and now is not False and now != theirs.get(name):
            was = "" if theirs.get(name) is None else f" ({shortened(theirs[name])})"
            raise BadSetting(f"{option_of(known[name])}: a fork keeps its parent's{was}: {why}")


def _check_epochs(epochs: int, epoch: int, folder: Path) -> None:
    if epochs <= epoch:
        raise BadSetting(
            f"{folder}: {epoch:,} of {epochs:,} epochs are over there: --epochs says how many a fork has in all"
        )


def _recipe_changes(
    values: Json, own: SupernetSettings, before: Searcher, after: Searcher
) -> tuple[Json, str | None]:
    """The values without changes of the recipe, and the recipe's text with them; None for the parent's as it is.

    Raises BadSetting for what does not fit the state.
    """
    from nasreplay.train.recipe import recipe_of

    sets = values.get("sets") or ()
    sets = (sets,) if isinstance(sets, str) else tuple(sets)
    changes = [text.removeprefix(RECIPE) for text in sets if text.startswith(RECIPE)]
    was = own.recipe_text(before)
    training = values.get("training") or was
    plain = not changes and all(values.get(name) in (None, getattr(own, name)) for name in OF_RECIPE)
    if plain and training == was and before.name == after.name:
        return values, own.training
    training = ",".join([training, *changes])
    one, other = recipe_of(was), recipe_of(training)
    for name, why in one.fixed.items():
        if getattr(one, name) != getattr(other, name):
            raise BadSetting(
                f"recipe {training}: a fork keeps {name} = {getattr(one, name)} of its parent: {why}"
            )
    return {**values, "sets": tuple(text for text in sets if not text.startswith(RECIPE))}, training


def _resumed(
    settings: SearchSettings, searcher: str | None, values: Json, tell: Tell, show: Show | None
) -> LiveFound:
    """Continue the fork that a folder holds, with what it has recorded and what changes no number."""
    options = settings.recorded("options")
    if options is None:
        raise BadOutput(f"{settings.out or 'no --out'}: holds no run (no run.json)")
    known = {name for owner in OWNERS for name in settings_of(owner)}
    values = {name: value for name, value in options.items() if name in known} | values
    return search(searcher or options["searcher"], options["evaluator"], tell=tell, show=show, **values)  # pyright: ignore
