"""What `nasreplay zoo` prints of published architectures that are no genotypes of NASNet-type cells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from nasreplay.files.columns import aligned
from nasreplay.settings import Json
from nasreplay.spaces.published import Publications, PublishedArchitecture
from nasreplay.spaces.registry import known_spaces, owner_of


class Named(NamedTuple):
    """A published architecture."""

    name: str
    """Its name."""
    space: str
    """Name of its space."""
    about: PublishedArchitecture
    """What was published."""
    among: Publications
    """All that was published of its space."""

    def facts(self) -> Json:
        """Everything as data."""
        sizes = {words: cost._asdict() for words, cost in self.among.networks(self.about.text).items()}
        return {"name": self.name, "space": self.space, **self.about._asdict(), "networks": sizes}

    def page(self) -> list[str]:
        """Its page."""
        rows = [("source", self.about.source), ("origin", self.about.origin)]
        for words, cost in self.among.networks(self.about.text).items():
            size = f"{cost.parameters:,} parameters, {cost.multiply_adds / 1e6:.1f} M multiply-adds"
            rows.append(("" if len(rows) > 2 else "counted", f"{size} ({words})"))
        return [self.about.text, "", *aligned([*rows, ("note", self.among.remark)])]


def every() -> Iterator[Named]:
    """All published architectures of spaces."""
    for space in known_spaces():
        if among := space.published:
            yield from (Named(name, space.name, about, among) for name, about in among.named.items())


def architecture_named(name: str) -> Named | None:
    """The one that a name or a text stands for in the space that owns it, or None. Raises BadArchitecture."""
    home = owner_of(name)
    text = home and str(home.architecture(name))
    return next((each for each in every() if each.about.text == text), None)


def told(one: Named, form: str | None, as_json: bool) -> list[str]:
    """Lines about one: its page, everything as JSON, or its text in a form. Raises BadArchitecture."""
    if form is None:
        return [json.dumps(one.facts(), indent=2)] if as_json else one.page()
    from nasreplay.jobs.conversion import convert

    return convert(one.about.text, to=form)


def listing() -> list[str]:
    """All of them with the sizes of their networks, those of a space together."""
    lines: list[str] = []
    for space in known_spaces():
        if among := space.published:
            counted = {name: among.networks(about.text) for name, about in among.named.items()}
            networks = list(next(iter(counted.values())))
            rows = [
                [name, *(f"{cost.parameters / 1e6:.3f}" for cost in sizes.values()), among.named[name].origin]
                for name, sizes in counted.items()
            ]
            head = f"of the {space.name} space; parameters, M, of {len(networks)} networks:"
            lines += ["", head, *(f"  {words}" for words in networks)]
            lines += [*aligned(rows, "l" + "r" * len(networks)), f"note: {among.remark}"]
    return lines
