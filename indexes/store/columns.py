"""Searches and what they find as plain columns, for all engines alike.

A question looks at hundreds of points and delivers ten. So nothing is made of a point but its
place in three lists, and each engine fills these straight from what it answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from qdrant_client import models

from indexes.errors import StoreError
from indexes.tree import uuid_text


@dataclass(frozen=True, slots=True)
class Search:
    """One search of a batch.

    Attributes:
        limit: hits at most.
        query: a dense vector, a sparse one, or None for all that the filter lets through.
        using: the name of the vectors that are compared.
        ids: if any, the only points that count; UUIDs as integers.
        roots: if any, only nodes under these, by their ids.
        level: if any, only nodes of it.
        filter: what points must match, besides.
        fields: of the payload, what is wanted.
        without: all of the payload but these, instead.
        exact: whether every point is looked at.
        offset: hits to pass over.
        params: of the search, if it isn't exact.
    """

    limit: int
    query: Sequence[float] | models.SparseVector | None = None
    using: str | None = None
    ids: Sequence[int] = ()
    roots: Sequence[str] = ()
    level: int | None = None
    filter: models.Filter | None = None
    fields: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    exact: bool = False
    offset: int = 0
    params: models.SearchParams | None = None


@dataclass(slots=True)
class Hits:
    """What a search found, best first: lists of equal length.

    Attributes:
        ids: the points' UUIDs as integers, which compare and hash quickest.
        scores: higher is better.
        payloads: the wanted fields.
    """

    ids: list[int]
    scores: list[float]
    payloads: list[dict[str, Any]]


@dataclass(slots=True)
class Point:
    """A point to be written; one of qdrant-client's takes as long to make as all else of it.

    Attributes:
        id: a UUID.
        vector: by name; a dense one is a list, any other is sparse.
        payload: as JSON has it.
    """

    id: str
    vector: dict[str, Any]
    payload: dict[str, Any]


class Wire(Protocol):
    """How searches and points get to an engine."""

    def search(self, collection: str, searches: Sequence[Search]) -> list[Hits]:
        """Searches in one round trip."""

    async def asearch(self, collection: str, searches: Sequence[Search]) -> list[Hits]:
        """The same, awaited."""

    def encoded(self, points: Sequence[Point]) -> list[tuple[Any, int]]:
        """Points as they are sent, and how many bytes each is; 0 where that doesn't matter."""

    def upsert(self, collection: str, points: Sequence[Any]) -> None:
        """Insert points, or replace those whose id is there; they are there when it returns.

        Args:
            collection: where.
            points: as `encoded` gives them.
        """

    def close(self) -> None:
        """Let go of what is its own."""


def joined(responses: Sequence[Hits], owners: Sequence[int], searches: int) -> list[Hits]:
    """The hits of each search, from those of the parts it was cut into, none twice."""
    if len(responses) == searches:
        return list(responses)
    found = [Hits([], [], []) for _ in range(searches)]
    known: list[set[int]] = [set() for _ in range(searches)]
    for part, owner in zip(responses, owners, strict=True):
        for id_, score, payload in zip(part.ids, part.scores, part.payloads, strict=True):
            if id_ not in known[owner]:
                known[owner].add(id_)
                found[owner].ids.append(id_)
                found[owner].scores.append(score)
                found[owner].payloads.append(payload)
    return found


@lru_cache(maxsize=16_384)
def uuid_of(number: int) -> str:
    """An integer of `Hits.ids` as a UUID's text."""
    return uuid_text(number)


def number_of(uuid: str) -> int:
    """A UUID's text as an integer.

    Raises:
        StoreError: it is none; this project makes no such points.
    """
    return numbers_of([uuid])[0]


def numbers_of(uuids: Sequence[str]) -> list[int]:
    """The same for many.

    Raises:
        StoreError: one is none.
    """
    try:
        return [int(uuid.replace("-", ""), 16) for uuid in uuids]
    except (ValueError, AttributeError) as error:
        raise StoreError(
            f"a point was not made by this project (its id is no UUID: {error}): "
            "choose another --collection"
        ) from error
