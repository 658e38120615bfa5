"""Architectures from any of their forms to any other, behind `nasreplay convert`."""

from __future__ import annotations

import json
from dataclasses import dataclass

from nasreplay.errors import BadArchitecture, choices, shortened
from nasreplay.jobs.architectures import given
from nasreplay.jobs.training.training_target import ALL_EDGE
from nasreplay.settings import Json, setting, with_settings
from nasreplay.spaces import Architecture, Genotype, Space, space_named
from nasreplay.spaces.genotypes.notation import WRITERS
from nasreplay.spaces.read import FORMS, Named, place_of, read, read_architecture


@dataclass(frozen=True, kw_only=True)
class ConvertSettings:
    """What to write."""

    to: str = setting("json", metavar="FORM")
    """The wanted form: string, index, key, unique, canonical, matrix, lists, widths, json, darts, two-input,
    all-edge, compact, xautodl, cnas or cnas-json."""
    index: bool = False
    """Every ARCH is an official index."""
    space: str | None = setting(None, metavar="NAME")
    """The space of indices and genotypes. Default: topology."""

    @property
    def form(self) -> str | None:
        """The form that the genotype of a search is wanted in: what it recorded with all edges, or None."""
        return ALL_EDGE if self.to == ALL_EDGE else None


@with_settings(ConvertSettings)
def convert(*architectures: Named, settings: ConvertSettings, faults: list[str] | None = None) -> list[str]:
    """Each architecture in the wanted form, a line each; forms that are read: `nasreplay.spaces.read`, files.

    faults: is told what names no architecture, whose line is empty then. Raises BadArchitecture for a text that names
    none, and for a form that one does not have.
    """
    every = given(architectures, form=settings.form)
    if not every:
        raise BadArchitecture(f"no architecture given: {FORMS}")
    space = space_named(settings.space) if settings.space else None
    lines = []
    for place, named in enumerate(every):
        try:
            lines.append(_converted(named, settings, space))
        except BadArchitecture as problem:
            told = f"{place_of(place, len(every))}{problem}"
            if faults is None or len(faults) == len(every) - 1:
                raise BadArchitecture(told) from None
            faults.append(told)
            lines.append("")
    return lines


def _converted(named: Named, settings: ConvertSettings, space: Space | None) -> str:
    form = settings.to
    found = read(named, index=settings.index, space=space) if isinstance(named, str) else named
    if isinstance(found, Genotype) and form in WRITERS:
        return WRITERS[form](found)
    each = read_architecture(found, space=space)
    texts = {"string": str, "index": lambda each: str(each.index), "json": _everything}
    if form in texts:
        return texts[form](each)
    if form in each.space.forms:
        value = each.space.forms[form](each.codes)
        return value if isinstance(value, str) else json.dumps(value)
    genotype = each.space.genotype(each.codes)
    if genotype is None or form not in WRITERS:
        known = dict.fromkeys([*texts, *each.space.forms, *(WRITERS if genotype else ())])
        raise BadArchitecture(
            f"{each}, of the {each.space.name} space, has no form {shortened(form)}{choices(form, known)}"
        )
    return WRITERS[form](genotype)


def _everything(each: Architecture) -> str:
    index = each.index if each.space.indexed else None
    told: Json = {"space": each.space.name, "index": index, "string": str(each)}
    return json.dumps(told | {form: write(each.codes) for form, write in each.space.forms.items()})
