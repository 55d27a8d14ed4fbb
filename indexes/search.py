"""Question → scored leaves, in three engine round trips whatever k and depth.

1. One batch searches every scale: leaves and parents by meaning, leaves by words (BM25).
2. One batch asks where what was found stands, and how well it and what is around it answer:
   the leaves or, for patterns that look at the tree, all leaves under the same roots with
   their own scores; and which version of their documents may be shown.
3. One batch fetches the texts of the leaves that may be delivered, and their documents.

The batches are plain lists of searches, built here and sent by whoever asks, so that
sync and async retrieval are the same code but for an `await`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qdrant_client import models

from indexes.candidates import Candidates, SearchResult
from indexes.errors import StoreError
from indexes.settings import SearchMode
from indexes.store.bm25 import bm25_query
from indexes.store.check import DAMAGED
from indexes.store.columns import Hits, Search, number_of, uuid_of
from indexes.store.nodes import matching
from indexes.store.points import (
    BM25,
    DENSE,
    Leaf,
    manifest_id,
    manifest_of_payload,
    spans_of,
    unpack_ancestors,
)
from indexes.tree import node_number

# Reciprocal rank fusion (Cormack et al., SIGIR 2009). The paper's constant of 60 suits
# lists of a thousand; for short ones the engine's own default serves better.
RRF_CONSTANT = 2
# What is read of a hit, of a leaf that it leads to, and of one that may be delivered.
_HIT = ("document_id", "root", "root_leaves", "level")
_PLACE = ("root", "ancestors", "position", "tokens", "start", "end")
_WORDING = ("text", "heading", "header", "rows")
# Of a document, to know what may be shown; and for delivery, all but its pages' layout.
_SHOWN = ("document_id", "version", "leaves", "source")
_LAYOUT = ("layout",)


@dataclass(frozen=True)
class Query:
    """Parameters of a search.

    Attributes:
        text: its words.
        vector: its embedding; None to search by words only.
        mode: which searches take part.
        top_k: how many hits each search returns.
        max_roots: of how many roots, those of the best hits, the leaves are fetched.
    """

    text: str
    vector: Sequence[float] | None
    mode: SearchMode
    top_k: int
    max_roots: int


class TreeSearch:
    """One question on its way through the three batches.

    Args:
        query: what is searched for.
        levels: the level of the leaves, then those above it that have vectors.
        whole_roots: fetch everything under the roots of the hits, not just the hits.
        filters: what nodes must match, besides.
        skip: documents and versions being written, which are not visible anyway.
    """

    def __init__(
        self,
        query: Query,
        *,
        levels: Sequence[int],
        whole_roots: bool,
        filters: models.Filter | None = None,
        skip: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._query = query
        self._leaf_level, *parents = levels
        self._parent_level = parents[0] if parents and whole_roots else None
        self._whole_roots = whole_roots
        self._filters = filters
        self._skip = list(skip)
        self._dense = list(query.vector) if query.vector is not None else None
        sparse = bm25_query(query.text) if query.mode != "dense" else None
        # A question of nothing but stop words has no words to search for.
        self._sparse = sparse if sparse is not None and sparse.indices else None
        self._scores: defaultdict[int, float] = defaultdict(float)
        self._expected: dict[str, _Expected] = {}
        self._versions: dict[str, str] = {}

    def searches(self) -> list[Search]:
        """Searches of the first round trip."""
        searches = []
        top_k = self._query.top_k
        if self._dense is not None:
            # Leaves and parents in one search: two, each filtered by level, cost an exact
            # search three times as much, for nearly the same roots.
            scales = 1 if self._parent_level is None else 2
            only = self._searchable(matching(level=self._leaf_level) if scales == 1 else None)
            searches.append(Search(top_k * scales, self._dense, DENSE, only, _HIT))
        if self._sparse is not None:
            # Words are only leaves'.
            searches.append(Search(top_k, self._sparse, BM25, self._searchable(None), _HIT))
        return searches

    def wants_more(self, responses: Sequence[Hits]) -> bool:
        """Whether further hits might lead to further roots, of which too few were hit."""
        roots = {payload.get("root") for hits in responses for payload in hits.payloads}
        full = any(len(hits.ids) >= self._query.top_k for hits in responses)
        return full and len(roots) < self._query.max_roots

    def _searchable(self, wanted: models.Filter | None) -> models.Filter | None:
        must = [found for found in (wanted, self._filters) if found is not None]
        must_not = [
            matching(document_id=document, version=version) for document, version in self._skip
        ]
        return models.Filter(must=must, must_not=must_not) if must or must_not else None

    def places(self, responses: Sequence[Hits]) -> list[Search]:
        """Searches of the second round trip; empty when nothing was found."""
        hits: dict[int, dict[str, Any]] = {}
        for found in responses:
            ranks: Counter[int] = Counter()  # of each level its own
            if not all("level" in payload for payload in found.payloads):
                raise StoreError(
                    "the index is damaged (a search finds a point with nothing in it): "
                    "`advanced-rag rebuild` saves what can be read"
                )
            for row in _in_order(found):
                id_, payload = found.ids[row], found.payloads[row]
                level = payload["level"]
                ranks[level] += 1
                self._scores[id_] += 1 / (RRF_CONSTANT + ranks[level])
                hits[id_] = payload
        if not hits:
            return []
        self._expected = self._expect(hits)
        documents = sorted({expected.document_id for expected in self._expected.values()})
        shown = Search(len(documents), filter=_manifests(documents), fields=_SHOWN)
        if not self._whole_roots:
            wanted = _having(list(map(uuid_of, hits)))
            return [shown, self._scored(wanted, len(hits), _PLACE)]
        roots = list(self._expected)
        limit = sum(expected.leaves for expected in self._expected.values())
        leaves = matching(root=roots, level=self._leaf_level)
        searches = [shown, self._scored(leaves, limit, _PLACE)]
        if self._sparse is not None:
            searches.append(Search(limit, self._sparse, BM25, leaves))
        if self._parent_level is not None and self._dense is not None:
            parents = matching(root=roots, level=self._parent_level)
            searches.append(self._scored(parents, limit))
        return searches

    def _scored(self, wanted: models.Filter, limit: int, fields: tuple[str, ...] = ()) -> Search:
        """All points that are `wanted`, with their similarity where there is a vector."""
        using = None if self._dense is None else DENSE
        return Search(limit, self._dense, using, wanted, fields, exact=True)

    def _expect(self, hits: dict[int, dict[str, Any]]) -> "dict[str, _Expected]":
        """By root, the best first: which document was hit, and how many leaves must come."""
        best: Counter[str] = Counter()
        expected: dict[str, _Expected] = {}
        for id_ in sorted(hits, key=lambda id_: (-self._scores[id_], id_)):
            place = hits[id_]
            root = place["root"]
            best[root] += 1
            if root in expected or not self._whole_roots or len(expected) < self._query.max_roots:
                leaves = place["root_leaves"] if self._whole_roots else best[root]
                expected[root] = _Expected(place["document_id"], leaves)
        return expected

    def found(self, responses: Sequence[Hits]) -> SearchResult:
        """The visible leaves among what the second round trip returned."""
        if not responses:
            return SearchResult(
                self._candidates(Hits([], [], []), set(), {}, {}, {}), 0, {}, stale=False
            )
        shown, leaves, *others = responses
        described = {about["document_id"]: about for about in shown.payloads}
        words = others.pop(0) if self._whole_roots and self._sparse is not None else None
        parents = others.pop(0) if others else None
        sources = {document: about["source"] for document, about in described.items()}
        whole, stale = self._whole(leaves.payloads, described)
        candidates = self._candidates(leaves, whole, described, _by_id(words), _by_id(parents))
        return SearchResult(candidates, len(described), sources, stale)

    def _candidates(
        self,
        leaves: Hits,
        whole: set[str],
        described: dict[str, dict[str, Any]],
        words: dict[int, float],
        parents: dict[int, float],
    ) -> Candidates:
        rows = [row for row, place in enumerate(leaves.payloads) if place["root"] in whole]
        documents = [self._expected[leaves.payloads[row]["root"]].document_id for row in rows]
        order = sorted(
            range(len(rows)),
            key=lambda at: (documents[at], leaves.payloads[rows[at]]["position"]),
        )
        rows, documents = [rows[at] for at in order], [documents[at] for at in order]
        places = [leaves.payloads[row] for row in rows]
        ids = [leaves.ids[row] for row in rows]
        similar = np.array([leaves.scores[row] for row in rows], float)
        dense = similar if self._dense is not None else np.zeros(len(rows))
        paths = [place["ancestors"] for place in places]
        # Where the parent would repeat the leaf, the leaf stands for it.
        above = [
            own if number is None else parents.get(number, own)
            for number, own in zip(self._above(documents, paths), dense.tolist(), strict=True)
        ]
        roots = {root: number for number, root in enumerate(self._expected)}
        positions = np.array([place["position"] for place in places], int)
        ends = [described[document]["leaves"] - 1 for document in documents]
        return Candidates(
            ids=ids,
            documents=documents,
            paths=paths,
            roots=np.array([roots[place["root"]] for place in places], int),
            positions=positions,
            tokens=np.array([place["tokens"] for place in places], int),
            starts=np.array([place["start"] for place in places], int),
            ends=np.array([place["end"] for place in places], int),
            dense=dense,
            parent_dense=np.array(above, float),
            bm25=np.array([words.get(id_, 0.0) for id_ in ids], float),
            hits=np.array([self._scores.get(id_, 0.0) for id_ in ids], float),
            last=positions == np.array(ends, int),
        )

    def _above(self, documents: Sequence[str], paths: Sequence[str]) -> Iterator[int | None]:
        """For each leaf the id of its parent that has a vector."""
        known: dict[tuple[str, str], int | None] = {}
        for key in zip(documents, paths, strict=True):
            if key not in known:
                document, path = key
                known[key] = next(
                    (
                        node_number(document, _ingested(self._versions[document]), *span[:3])
                        for span in spans_of(path)
                        if span.level == self._parent_level
                    ),
                    None,
                )
            yield known[key]

    def _whole(
        self, arrived: Sequence[dict[str, Any]], described: dict[str, dict[str, Any]]
    ) -> tuple[set[str], bool]:
        """The roots that may be shown, and whether a document changed under our hands.

        A root is shown when its version is the visible one, which its id tells, and all its
        leaves are here.
        """
        counts = Counter(place["root"] for place in arrived)
        first = {place["root"]: place for place in reversed(arrived)}
        whole: set[str] = set()
        partial = False
        replaced: dict[str, bool] = {}
        for root, expected in self._expected.items():
            document = expected.document_id
            version = described.get(document, {}).get("version")
            if version is None:
                continue  # deleted, or not there yet
            self._versions[document] = version
            current = root in first and self._is_of(root, first[root], document, version)
            replaced[document] = replaced.get(document, True) and not current
            if current and counts[root] == expected.leaves:
                whole.add(root)
            partial = partial or (current and counts[root] != expected.leaves)
        return whole, partial or any(replaced.values())

    def _is_of(self, root: str, leaf: dict[str, Any], document: str, version: str) -> bool:
        """Whether a root, of which a leaf is known, is one of a version."""
        spans = spans_of(leaf["ancestors"])
        place = spans[0][:3] if spans else (self._leaf_level, leaf["start"], leaf["end"])
        return node_number(document, _ingested(version), *place) == number_of(root)

    def texts(self, found: SearchResult, leaves: Sequence[int]) -> list[Search]:
        """Searches of the third round trip: what delivering these candidates takes."""
        candidates = found.candidates
        documents = sorted({candidates.documents[leaf] for leaf in leaves})
        wanted = [uuid_of(candidates.ids[leaf]) for leaf in leaves]
        return [
            Search(len(documents), filter=_manifests(documents), without=_LAYOUT),
            Search(len(wanted), filter=_having(wanted), fields=_WORDING),
        ]

    def told(
        self, found: SearchResult, leaves: Sequence[int], responses: Sequence[Hits]
    ) -> set[str]:
        """Take over what the third round trip returned.

        Returns:
            The documents of which something went meanwhile.
        """
        described, texts = responses
        for payload in described.payloads:
            manifest = manifest_of_payload(payload)
            if manifest.version == self._versions[manifest.document_id]:
                found.manifests[manifest.document_id] = manifest
        wordings = dict(zip(texts.ids, texts.payloads, strict=True))
        candidates = found.candidates
        lost: set[str] = set()
        for leaf in leaves:
            document, wording = candidates.documents[leaf], wordings.get(candidates.ids[leaf])
            if wording is None or document not in found.manifests:
                lost.add(document)
            else:
                candidates.leaves[leaf] = self._leaf(candidates, leaf, wording)
        return lost

    def _leaf(self, candidates: Candidates, leaf: int, wording: dict[str, Any]) -> Leaf:
        document, path = candidates.documents[leaf], candidates.paths[leaf]
        version = self._versions[document]
        parents = unpack_ancestors(path, document, _ingested(version))
        id_ = uuid_of(candidates.ids[leaf])
        return Leaf(
            id=id_,
            document_id=document,
            version=version,
            level=self._leaf_level,
            start=int(candidates.starts[leaf]),
            end=int(candidates.ends[leaf]),
            tokens=int(candidates.tokens[leaf]),
            position=int(candidates.positions[leaf]),
            root=parents[0].id if parents else id_,
            root_leaves=parents[0].leaves if parents else 1,
            ancestors=parents,
            **wording,
        )


def _in_order(hits: Hits) -> list[int]:
    """Rows, the best first. Equal scores come as the engine happened to store the points, which
    is another order when the same documents are indexed again: ids are the same each time.
    """
    return sorted(range(len(hits.ids)), key=lambda row: (-hits.scores[row], hits.ids[row]))


@dataclass(frozen=True, slots=True)
class _Expected:
    document_id: str
    leaves: int


def _by_id(hits: Hits | None) -> dict[int, float]:
    return {} if hits is None else dict(zip(hits.ids, hits.scores, strict=True))


def _having(ids: list[Any]) -> models.Filter:
    return models.Filter(must=[models.HasIdCondition.model_construct(has_id=ids)])


def _manifests(documents: Sequence[str]) -> models.Filter:
    return _having([manifest_id(document) for document in documents])


def _ingested(version: str) -> str:
    """The version that ids are made of: a damaged document keeps them."""
    return version.removesuffix(DAMAGED)
