"""Things by name that users add to: patterns, judges, providers, document formats.

SHAPES: Registry[Shape] = Registry("shape", {"circle": Circle()})
SHAPES.register("oval", Oval())       # refused if there is one, unless replace=True
SHAPES.find("oval")                   # or a SettingsError that lists what there is
list(SHAPES)                          # ["circle", "oval"]
SHAPES.unregister("oval")
"""

import builtins
import difflib
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import TypeVar

from indexes.errors import SettingsError, shown

Item = TypeVar("Item")

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_SHOWN = 60


def _interactive() -> bool:
    return hasattr(builtins, "__IPYTHON__") or hasattr(sys, "ps1")


class Registry(Mapping[str, Item]):
    """A mapping of names to items, ours first, then those added. Thread-safe.

    Reading takes no lock, and goes over the names that were there when it began.

    Args:
        kind: what an item is, for messages: "pattern", "judge"
        ours: what is there without being added; `unregister` brings it back
        valid: a regular expression that whole names match
        takes: the same in words
    """

    def __init__(
        self,
        kind: str,
        ours: Mapping[str, Item] | None = None,
        *,
        valid: str = NAME,
        takes: str = "letters, digits, '.', '_' and '-', at most 64",
    ) -> None:
        self.kind = kind
        self._ours = dict(ours or {})
        self._items = dict(self._ours)
        self._valid = re.compile(valid)
        self._takes = takes
        self._lock = threading.Lock()

    def register(self, name: str, item: Item, *, replace: bool = False) -> None:
        """Add an item under a name.

        In a notebook, or at Python's prompt, what was added there before is replaced: cells are
        run again.

        Args:
            name: what it is called
            item: the item
            replace: take the place of an item of that name

        Raises:
            SettingsError: the name is invalid or taken
        """
        if not isinstance(name, str) or not self._valid.fullmatch(name):
            raise SettingsError(
                f"{shown(repr(name), _SHOWN)} can't name a {self.kind}: use {self._takes}"
            )
        with self._lock:
            again = name not in self._ours and _interactive()
            if name in self._items and not (replace or again):
                raise SettingsError(
                    f"a {self.kind} called {name!r} is there already: choose another name, or "
                    "pass replace=True"
                )
            # A new dict each time, so that whoever is reading the old one is not disturbed.
            self._items = {**self._items, name: item}

    def unregister(self, name: str) -> None:
        """Remove what was added under a name; one of ours that it replaced returns.

        Raises:
            SettingsError: nothing was added under that name
        """
        with self._lock:
            if self._items.get(name) is self._ours.get(name):
                raise SettingsError(f"no {self.kind} was registered as {shown(repr(name), _SHOWN)}")
            items = {known: item for known, item in self._items.items() if known != name}
            self._items = {**items, name: self._ours[name]} if name in self._ours else items

    def find(self, name: str) -> Item:
        """The item of that name.

        Raises:
            SettingsError: there is none; the message lists those there are
        """
        items = self._items
        if isinstance(name, str) and name in items:
            return items[name]
        near = difflib.get_close_matches(str(name)[:_SHOWN], items, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise SettingsError(
            f"no {self.kind} is called {shown(repr(name), _SHOWN)}: {hint}choose one of "
            + ", ".join(items)
        )

    def __getitem__(self, name: str) -> Item:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)
