"""Things known by name: those in the modules of a package, and those that other installed packages offer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

from nasreplay import own
from nasreplay.errors import BadSetting, UnknownName, shortened

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Name → thing. Everything registers itself when its module is imported.

    A name that is not there yet, and a walk over all names, imports the modules of `package`, if any, and then those
    that entry points of the group `nasreplay.<kind>s` name, once.
    """

    def __init__(
        self,
        kind: str,
        package: str = "",
        place: Callable[[T], int] = lambda thing: 0,
        *,
        fits: Callable[[Any], bool] = lambda thing: True,
        adopt: Callable[[Any], T] | None = None,
    ):
        """kind: one of them, in a word; place: where a thing stands in lists, equal ones in order of registration.

        fits, adopt: what may be named by place (`my.py:Annealing`), and how it is registered; raises BadSetting.
        """
        self.kind, self.package, self.place = kind, package, place
        self.fits, self.adopt = fits, adopt
        self._things: dict[str, T] = {}
        self._complete = False

    def add(self, thing: T, *names: str) -> None:
        """Register a thing; BadSetting where something else of another origin has one of its names.

        The same class registered anew (a notebook's cell that runs twice) takes the place of the old one.
        """
        for name in names:
            old = self._things.get(name)
            if old is not None and _origin(old) != _origin(thing):
                taken = ".".join(_origin(old))
                raise BadSetting(
                    f"the {self.kind} name {shortened(name)} is taken by {taken}: choose another"
                )
        self._things.update(dict.fromkeys(names, thing))

    def named(self, name: str) -> T:
        """The thing of that name, or at that place (`my.py:NAME`); UnknownName lists the known ones."""
        if not isinstance(name, str):
            raise UnknownName.among(self, f"unknown {self.kind}", name)
        if self.adopt and own.is_place(name):
            found = own.found_at(name, self.fits, self.kind)
            try:
                return self.adopt(found)
            except BadSetting as problem:
                raise BadSetting(f"{name}: {problem}") from None
        if name not in self:
            raise UnknownName.among(self, f"unknown {self.kind}", name)
        return self[name]

    def holds(self, name: str, thing: T) -> bool:
        """Whether this very thing is registered by that name; imports nothing."""
        return self._things.get(name) is thing

    def __getitem__(self, name: str) -> T:
        if name not in self._things:
            self._complete_it()
        return self._things[name]

    def __iter__(self) -> Iterator[str]:
        self._complete_it()
        return iter(sorted(self._things, key=lambda name: self.place(self._things[name])))

    def __len__(self) -> int:
        self._complete_it()
        return len(self._things)

    def _complete_it(self) -> None:
        if self._complete:
            return
        from pkgutil import iter_modules

        self._complete = True
        for module in iter_modules(import_module(self.package).__path__ if self.package else ()):
            import_module(f"{self.package}.{module.name}")
        from importlib.metadata import entry_points  # slow to import

        for offered in entry_points(group=f"nasreplay.{self.kind}s"):
            try:
                offered.load()
            except Exception as problem:  # another package's fault must not end every command
                text = f"nasreplay: the {self.kind} {offered.name} = {offered.value} is left out: {problem}"
                print(text, file=sys.stderr)


def _origin(thing: Any) -> tuple[str, str]:
    kind = thing if isinstance(thing, type) else type(thing)
    return kind.__module__, kind.__qualname__
