"""Which documents a question asks: all that a visitor sees, only the visitor's, or a few."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from indexes import SettingsError

from .library import Library
from .render.markup import counted

if TYPE_CHECKING:
    from indexes.store.points import Manifest

# Stands for a visitor's own in a choice; no document has such an id.
MINE = "mine"
_MOST_NAMED = 3
# Documents that are listed to choose from; others are found by a part of their name.
_MOST_OFFERED = 500
_MOST_CHOSEN = 100


@dataclass(frozen=True)
class Scope:
    """The documents that a question is asked of.

    Attributes:
        chosen: document ids, parts of names, or `MINE`; empty for all
        told: the same in words
        options: what limits the index's search to them
    """

    chosen: tuple[str, ...] = ()
    told: str = ""
    options: dict[str, Any] = field(default_factory=dict)


async def scope_of(library: Library, visitor: str, chosen: object) -> Scope:
    """Check which documents a browser says that it asks.

    Raises:
        SettingsError: no document is of that name, or none is the visitor's.
    """
    seen = await asyncio.to_thread(library.documents, visitor)
    options = await library.options(visitor)
    names = tuple(dict.fromkeys(map(str, chosen))) if isinstance(chosen, list | tuple) else ()
    if not names:
        mine = sum(bool(found.owner) for found in seen)
        told = counted(len(seen), "document")
        return Scope((), told + (f", {mine:,} of them yours" if mine else ""), options)
    if len(names) > _MOST_CHOSEN:
        raise SettingsError(f"{len(names)} documents are chosen: choose at most {_MOST_CHOSEN}")
    wanted = {found.document_id: found for name in names for found in _of(name, seen)}
    return Scope(names, _told(list(wanted.values()), len(seen), names), _only(options, wanted))


def _of(name: str, seen: "Sequence[Manifest]") -> "list[Manifest]":
    """The documents that a part of a choice means."""
    if name == MINE:
        found = [one for one in seen if one.owner]
        if not found:
            raise SettingsError("none of the documents is yours: add some, or ask all")
        return found
    found = [one for one in seen if one.document_id == name]
    part = name.casefold().strip()
    found = found or [
        one for one in seen if part and part in f"{one.title}\n{one.source}".casefold()
    ]
    if not found:
        raise SettingsError(f"no document here is called {name[:80]!r}: choose others, or ask all")
    return found


def _only(options: dict[str, Any], wanted: "dict[str, Manifest]") -> dict[str, Any]:
    """Options that keep a search to some documents, whatever else they keep it to."""
    from qdrant_client import models

    these = models.FieldCondition(key="document_id", match=models.MatchAny(any=list(wanted)))
    others = options.get("filters")
    return {"filters": models.Filter(must=[these], must_not=others.must_not if others else None)}


def _told(wanted: "Sequence[Manifest]", of: int, names: tuple[str, ...]) -> str:
    count = f"{len(wanted):,} of {counted(of, 'document')}"
    if names == (MINE,):
        return f"{count}: only yours"
    named = ", ".join(found.title or found.source for found in wanted[:_MOST_NAMED])
    rest = len(wanted) - _MOST_NAMED
    return f"{count}: {named}" + (f" and {rest:,} more" if rest > 0 else "")


def offered(seen: "Sequence[Manifest]") -> list[tuple[str, str]]:
    """What can be chosen: names and values."""
    own = [("Only mine", MINE)] if any(found.owner for found in seen) else []
    return own + [
        (found.title or found.source, found.document_id) for found in seen[:_MOST_OFFERED]
    ]
