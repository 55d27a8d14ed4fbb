"""What came of the searches of a question → candidates: columns, in document order."""

from collections.abc import KeysView, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexes.candidates import Candidates, Scores
from indexes.store.ancestry import unpack_ancestors
from indexes.store.check import DAMAGED
from indexes.store.columns import Hits, uuid_of
from indexes.store.layouts import Place, Root, columns_of
from indexes.store.points import Leaf


@dataclass(frozen=True, slots=True)
class Measured:
    """Scores by id: cosines of leaves and of parents, BM25, and reciprocal ranks of hits."""

    dense: Mapping[int, float]
    parents: Mapping[int, float]
    words: Mapping[int, float]
    hits: Mapping[int, float]


def candidates_of(
    whole: Sequence[tuple[str, Root]],
    expected: "Mapping[str, Expected]",
    lengths: Mapping[str, int],
    scores: Measured,
    parent_level: int | None,
) -> Candidates:
    """Leaves with all that was measured of them.

    Args:
        whole: roots that may be shown, by id.
        expected: what was to come of each root.
        lengths: how many leaves the documents have.
        scores: of leaves and parents.
        parent_level: of the parents that have scores.
    """
    numbers = {root: number for number, root in enumerate(expected)}
    ids: list[int] = []
    paths: list[str] = []
    columns: list[NDArray[np.int64]] = []
    # Of hits without the leaves around them.
    places: list[Place] = []
    documents: list[str] = []
    above: list[int | None] = []
    counts: list[int] = []
    # Roots of a document don't overlap, so that this is the order of their leaves, too.
    ordered = [(known.document_id, known.first, root, known) for root, known in whole]
    ordered.sort()
    for document, _, root, known in ordered:
        leaves = expected[root].chosen(known)
        ids += leaves
        if leaves is known.leaves:
            paths += known.paths
            columns.append(known.columns)
        else:
            places += leaves.values()
        documents += [document] * len(leaves)
        counts.append(len(leaves))
        if scores.parents and parent_level is not None:
            above += known.above(parent_level)
    dense = _column(scores.dense, ids)
    # Where the parent would repeat the leaf, the leaf stands for it.
    around = (
        [
            own if number is None else scores.parents.get(number, own)
            for number, own in zip(above, dense.tolist(), strict=True)
        ]
        if scores.parents
        else dense
    )
    paths += [place.path for place in places]
    positions, tokens, starts, ends = np.concatenate([*columns, columns_of(places)]).T
    last = np.array([lengths[document] - 1 for document, *_ in ordered], int)
    roots = np.array([numbers[root] for _, _, root, _ in ordered], int)
    return Candidates(
        ids=ids,
        documents=documents,
        paths=paths,
        roots=np.repeat(roots, counts),
        positions=positions,
        tokens=tokens,
        starts=starts,
        ends=ends,
        dense=dense,
        parent_dense=np.array(around, float),
        bm25=_column(scores.words, ids),
        hits=_column(scores.hits, ids),
        last=positions == np.repeat(last, counts),
    )


def measured(guessed: Candidates, scores: Measured, lengths: Mapping[str, int]) -> Candidates:
    """Candidates that were put together before their similarities were known, with these."""
    dense = _column(scores.dense, guessed.ids)
    ends = np.array([lengths[document] - 1 for document in guessed.documents], int)
    return replace(
        guessed, dense=dense, parent_dense=dense, last=guessed.positions == ends, leaves={}
    )


@dataclass(slots=True)
class Expected:
    """What must come of a root of so many leaves: all of them, or those that were hit."""

    document_id: str
    size: int
    whole: bool
    hits: dict[int, None] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.size if self.whole else len(self.hits)

    def among(self, leaves: Mapping[int, Place]) -> KeysView[int] | None:
        """The leaves that must come; None if not all of them are known.

        Args:
            leaves: those that are known
        """
        if not self.whole:
            return self.hits.keys() if leaves.keys() >= self.hits.keys() else None
        return leaves.keys() if len(leaves) == self.size else None

    def chosen(self, known: Root) -> Mapping[int, Place]:
        """The leaves that must come, in order; all of them must be known."""
        if self.whole:
            return known.leaves
        found = [(known.leaves[id_].position, id_) for id_ in self.hits]
        found.sort()
        return {id_: known.leaves[id_] for _, id_ in found}


def _column(scores: Mapping[int, float], ids: Sequence[int]) -> Scores:
    """The score of each, 0 where there is none."""
    return np.fromiter(map(scores.get, ids, repeat(0.0)), float, len(ids))


def by_id(hits: Hits | None) -> dict[int, float]:
    """Scores by id."""
    return {} if hits is None else dict(zip(hits.ids, hits.scores, strict=True))


def worded(
    candidates: Candidates, place: int, wording: Mapping[str, Any], version: str, level: int
) -> Leaf:
    """A candidate with its text.

    Args:
        candidates: and which of them.
        place: its place.
        wording: of its payload, text and what goes with it.
        version: of its document.
        level: the leaves'.
    """
    document, id_ = candidates.documents[place], uuid_of(candidates.ids[place])
    parents = unpack_ancestors(candidates.paths[place], document, ingested(version))
    return Leaf(
        id=id_,
        document_id=document,
        version=version,
        level=level,
        start=int(candidates.starts[place]),
        end=int(candidates.ends[place]),
        tokens=int(candidates.tokens[place]),
        position=int(candidates.positions[place]),
        root=parents[0].id if parents else id_,
        root_leaves=parents[0].leaves if parents else 1,
        ancestors=parents,
        **wording,
    )


def ingested(version: str) -> str:
    """The version that ids are made of: a damaged document keeps them."""
    return version.removesuffix(DAMAGED)
