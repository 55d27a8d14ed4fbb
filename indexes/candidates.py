"""What a search found, as columns: leaves with their places and scores, before they have texts."""

from collections.abc import Container
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexes.store.ancestry import Span, spans_of
from indexes.store.points import Leaf, Manifest

Numbers = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Candidates:
    """Leaves side by side, in document order, and how well they and the parents around them
    answer the question: the place in the columns is a leaf's number.

    `dense` and `parent_dense` are cosines, `bm25` a BM25 score, higher being better. `hits` is
    the reciprocal-rank score of a leaf that a search returned, 0 for one that came along with
    its root. `last` tells that the document ends with the leaf. `paths` are ancestors as they are
    stored. `leaves` has those whose text was asked for.
    """

    ids: list[int]
    documents: list[str]
    paths: list[str]
    roots: Numbers
    positions: Numbers
    tokens: Numbers
    starts: Numbers
    ends: Numbers
    dense: Scores
    parent_dense: Scores
    bm25: Scores
    hits: Scores
    last: NDArray[np.bool_]
    leaves: dict[int, Leaf] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.documents)

    def without(self, documents: Container[str]) -> "Candidates":
        """The leaves of all other documents, without texts."""
        kept = [leaf for leaf, name in enumerate(self.documents) if name not in documents]
        columns: dict[str, Any] = {}
        for name in (column.name for column in fields(self) if column.name != "leaves"):
            column = getattr(self, name)
            picked = [column[leaf] for leaf in kept] if isinstance(column, list) else column[kept]
            columns[name] = picked
        return Candidates(**columns)

    @cached_property
    def places(self) -> list[int]:
        """`positions` as Python's numbers, which are quicker one by one."""
        found: list[int] = self.positions.tolist()
        return found

    def parents(self, leaf: int) -> tuple[Span, ...]:
        """Places of the parents of a leaf, root first."""
        return spans_of(self.paths[leaf])

    def follows(self, leaf: int) -> bool:
        """Whether the next candidate follows a leaf in its document."""
        return (
            0 <= leaf < len(self) - 1
            and self.documents[leaf] == self.documents[leaf + 1]
            and self.places[leaf] + 1 == self.places[leaf + 1]
        )

    def under(self, leaf: int, parent: Span) -> range | None:
        """The leaves of one of its parents; None if not all of them are here."""
        places = self.places
        first = leaf - places[leaf] + parent.first_leaf
        last = first + parent.leaves - 1
        if first < 0 or last >= len(self) or parent.leaves < 1:
            return None
        whole = (
            self.documents[first] == self.documents[last] == self.documents[leaf]
            and places[last] - places[first] == last - first
        )
        return range(first, last + 1) if whole else None


@dataclass(frozen=True)
class SearchResult:
    """Result of a search.

    Attributes:
        candidates: visible leaves, in document order.
        sources: of their documents, by id.
        stale: a document changed between the round trips: ask again.
        scored: how many leaves were scored, also those that can't be delivered anyway.
        documents: how many documents these are of.
        manifests: of the documents that may be delivered, by id; see `TreeSearch.told`.
    """

    candidates: Candidates
    sources: dict[str, str]
    stale: bool
    scored: int = 0
    documents: int = 0
    manifests: dict[str, Manifest] = field(default_factory=dict)

    def without(self, documents: Container[str]) -> "SearchResult":
        """The same but for some documents; texts are to be asked for again."""
        return replace(self, candidates=self.candidates.without(documents), manifests={})
