"""What a server allows in one request, and how ours are cut to fit.

Qdrant's strict mode, which Qdrant Cloud switches on, bounds hits, batches and conditions. Its
description of a collection tells the bounds; what it doesn't tell is learnt from a refusal:

    limits.learn('Limit exceeded 1000 > 100 for "limit". …')     # True: try again, cut smaller
"""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qdrant_client import models

from indexes.store.columns import Search

# A server takes 32 MiB by default, as JSON; a proxy before it may take less.
WRITE_BYTES = 4 * 1024 * 1024
WRITE_POINTS = 1000
_LEAST_BYTES = 4096

_NUMBER = re.compile(r'Limit exceeded (\d+) > (\d+) for "(limit|upsert limit|search batch size)"')
_VALUES = re.compile(r"Condition size limit reached \((\d+) > (\d+)\)")
_BYTES = re.compile(r"larger than allowed \(limit: (\d+) bytes\)")
_FIELDS = {"limit": "hits", "upsert limit": "writes", "search batch size": "searches"}


@dataclass
class Limits:
    """Bounds of one collection's requests; None where there is none.

    Attributes:
        hits: of one search, and points of one page
        exact: whether a search, or a count, may be exact
        writes: points of one write
        searches: of one batch
        values: that one condition of a filter may name
        size: bytes of one write
    """

    hits: int | None = None
    exact: bool = True
    writes: int = WRITE_POINTS
    searches: int | None = None
    values: int | None = None
    size: int = WRITE_BYTES

    def read(self, strict: models.StrictModeConfigOutput | None) -> None:
        """Take over what a collection says of its strict mode."""
        if strict is None or not strict.enabled:
            return
        self.hits = strict.max_query_limit or self.hits
        self.exact = self.exact and strict.search_allow_exact is not False
        self.writes = min(self.writes, strict.upsert_max_batchsize or self.writes)
        self.searches = strict.search_max_batchsize or self.searches
        self.values = strict.condition_max_size or self.values

    def learn(self, words: str) -> bool:
        """Whether a refusal told of a bound that was not known: then the request, cut again,
        may pass.

        Args:
            words: the server's
        """
        before = (self.hits, self.exact, self.writes, self.searches, self.values, self.size)
        if number := _NUMBER.search(words):
            setattr(self, _FIELDS[number[3]], max(1, int(number[2])))
        elif values := _VALUES.search(words):
            self.values = max(1, int(values[2]))
        elif "Exact search disabled" in words:
            self.exact = False
        elif size := _BYTES.search(words):
            # A proxy may count something else: halve what let this one through, too.
            self.size = max(_LEAST_BYTES, min(int(size[1]), self.size) // 2)
        elif "split your request" in words:
            self.writes = max(1, self.writes // 2)
        return before != (
            self.hits, self.exact, self.writes, self.searches, self.values, self.size,
        )  # fmt: skip

    def page(self, wanted: int) -> int:
        """Points of one page."""
        return min(wanted, self.hits or wanted)

    def batches(self, searches: Sequence[Search]) -> tuple[list[list[Search]], list[int]]:
        """Searches as batches that a server takes.

        Returns:
            The batches, and of each search in them, one after the other, which of the
            `searches` it is a part of; the parts' hits follow each other.
        """
        if self.exact and self.hits is self.searches is self.values is None:
            return [list(searches)], list(range(len(searches)))
        parts: list[Search] = []
        owners: list[int] = []
        for place, search in enumerate(searches):
            for part in self._parts(search):
                parts.append(part)
                owners.append(place)
        size = self.searches or max(1, len(parts))
        return [parts[at : at + size] for at in range(0, len(parts), size)], owners

    def _parts(self, search: Search) -> Iterator[Search]:
        if search.exact and not self.exact:
            search = replace(search, exact=False)
        for part in self._narrowed(search):
            if self.hits is None or search.limit <= self.hits:
                yield part
                continue
            for offset in range(0, search.limit, self.hits):
                page = min(self.hits, search.limit - offset)
                yield replace(part, limit=page, offset=offset)

    def _narrowed(self, search: Search) -> Iterator[Search]:
        """A search as several, none of which names more values at once than is allowed."""
        most = self.values or sys.maxsize
        for name in ("ids", "roots"):
            named = getattr(search, name)
            if len(named) > most:
                for at in range(0, len(named), most):
                    yield from self._narrowed(replace(search, **{name: named[at : at + most]}))
                return
        for narrow in self.filters(search.filter):
            yield search if narrow is search.filter else replace(search, filter=narrow)

    def filters(self, wanted: models.Filter | None) -> list[models.Filter | None]:
        """A filter as several, each of which names no more values at once than is allowed; what
        matches the one matches just one of them.
        """
        conditions = wanted.must if wanted is not None and isinstance(wanted.must, list) else []
        for place, condition in enumerate(conditions):
            values = _values(condition)
            if wanted is None or self.values is None or len(values) <= self.values:
                continue
            narrow: list[models.Filter | None] = []
            for at in range(0, len(values), self.values):
                fewer = _with_values(condition, values[at : at + self.values])
                must = [*conditions[:place], fewer, *conditions[place + 1 :]]
                narrow += self.filters(wanted.model_copy(update={"must": must}))
            return narrow
        return [wanted]

    def slices(self, points: Sequence[tuple[Any, int]]) -> Iterator[list[Any]]:
        """Points as writes that a server takes: by number and by bytes.

        Args:
            points: and the bytes of each
        """
        part: list[Any] = []
        left = self.size
        for point, size in points:
            if part and (len(part) >= self.writes or size > left):
                yield part
                part, left = [], self.size
            part.append(point)
            left -= size
        if part:
            yield part


def _values(condition: Any) -> list[Any]:
    if isinstance(condition, models.HasIdCondition):
        return list(condition.has_id)
    match = getattr(condition, "match", None)
    return list(match.any) if isinstance(match, models.MatchAny) else []


def _with_values(condition: Any, values: list[Any]) -> Any:
    if isinstance(condition, models.HasIdCondition):
        return models.HasIdCondition(has_id=values)
    return models.FieldCondition(key=condition.key, match=models.MatchAny(any=values))
