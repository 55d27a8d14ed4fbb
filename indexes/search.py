"""Question → scored leaves, in two engine round trips whatever k and depth.

1. One batch searches every scale: leaves and parents by meaning, leaves by words (BM25).
2. One batch fetches what was found: the leaves with their texts and, for patterns that
   look at the tree, all other leaves under the same roots with their own scores; and the
   manifests of their documents, which say what may be shown.

The batches are plain lists of requests, built here and sent by whoever asks, so that
sync and async retrieval are the same code but for an `await`.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from qdrant_client import models

from indexes.settings import SearchMode
from indexes.store.nodes import matching
from indexes.store.points import (
    BM25,
    DENSE,
    Leaf,
    Manifest,
    bm25_query,
    leaf_of,
    manifest_id,
)

Points = Sequence[models.ScoredPoint]

# Reciprocal rank fusion (Cormack et al., SIGIR 2009). The paper's constant of 60 suits
# lists of a thousand; for short ones the engine's own default serves better.
RRF_CONSTANT = 2
# What `Leaf` needs of a payload: the rest is for filters and for updates.
# Where its text stands on its pages is no part of a search.
_WITHOUT_LAYOUT = models.PayloadSelectorExclude(exclude=["layout"])
_LEAF = models.PayloadSelectorExclude(exclude=["digest", "metadata"])
_PLACE = models.PayloadSelectorInclude(
    include=["document_id", "version", "level", "root", "root_leaves"]
)


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


@dataclass(slots=True)
class Candidate:
    """A leaf and how well it, and the parent around it, answers the question.

    `dense` and `parent_dense` are cosines, `bm25` a BM25 score, higher being better.
    `hit_score` is the reciprocal-rank score of a leaf that a search returned, 0 for one
    that came along with its root. `last` tells that the document ends with the leaf.
    """

    leaf: Leaf
    dense: float
    parent_dense: float
    bm25: float
    hit_score: float
    last: bool


@dataclass(frozen=True)
class SearchResult:
    """Result of a search.

    Attributes:
        candidates: visible leaves, in document order.
        manifests: their documents, by id.
        stale: a document changed between the round trips: ask again.
    """

    candidates: list[Candidate]
    manifests: dict[str, Manifest]
    stale: bool


class TreeSearch:
    """One question on its way through the two batches.

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
        self._scores: defaultdict[str, float] = defaultdict(float)
        self._expected: dict[str, _Expected] = {}

    def searches(self) -> list[models.QueryRequest]:
        """Requests of the first round trip."""
        requests = []
        if self._dense is not None:
            # Leaves and parents in one search: two, each filtered by level, cost an exact
            # search three times as much, for nearly the same roots.
            scales = 1 if self._parent_level is None else 2
            only_leaves = matching(level=self._leaf_level) if scales == 1 else None
            requests.append(
                models.QueryRequest(
                    query=self._dense,
                    using=DENSE,
                    filter=self._searchable(only_leaves),
                    limit=self._query.top_k * scales,
                    with_payload=_PLACE,
                )
            )
        if self._sparse is not None:
            requests.append(
                models.QueryRequest(
                    query=self._sparse,
                    using=BM25,  # which only leaves have
                    filter=self._searchable(None),
                    limit=self._query.top_k,
                    with_payload=_PLACE,
                )
            )
        return requests

    def wants_more(self, responses: Sequence[Points]) -> bool:
        """Whether further hits might lead to further roots, of which too few were hit."""
        roots = {(point.payload or {})["root"] for points in responses for point in points}
        full = any(len(points) >= self._query.top_k for points in responses)
        return full and len(roots) < self._query.max_roots

    def _searchable(self, wanted: models.Filter | None) -> models.Filter | None:
        must = [found for found in (wanted, self._filters) if found is not None]
        must_not = [
            matching(document_id=document, version=version) for document, version in self._skip
        ]
        return models.Filter(must=must, must_not=must_not) if must or must_not else None

    def fetches(self, responses: Sequence[Points]) -> list[models.QueryRequest]:
        """Requests of the second round trip; empty when nothing was found."""
        for points in responses:
            ranks: Counter[int] = Counter()  # of each level its own
            for point in points:
                level = (point.payload or {})["level"]
                ranks[level] += 1
                self._scores[str(point.id)] += 1 / (RRF_CONSTANT + ranks[level])
        hits = {str(point.id): point for points in responses for point in points}
        if not hits:
            return []
        self._expected = self._expect(hits)
        documents = sorted({expected.document_id for expected in self._expected.values()})
        manifests = models.QueryRequest(
            filter=models.Filter(
                must=[models.HasIdCondition(has_id=[manifest_id(name) for name in documents])]
            ),
            limit=len(documents),
            with_payload=_WITHOUT_LAYOUT,
        )
        limit = sum(expected.leaves for expected in self._expected.values())
        if not self._whole_roots:
            wanted = models.Filter(must=[models.HasIdCondition(has_id=list(hits))])
            return [manifests, self._scored(wanted, limit, with_payload=_LEAF)]
        roots = list(self._expected)
        requests = [
            manifests,
            self._scored(self._under(roots, self._leaf_level), limit, with_payload=_LEAF),
        ]
        if self._sparse is not None:
            requests.append(
                models.QueryRequest(
                    query=self._sparse,
                    using=BM25,
                    filter=self._under(roots, self._leaf_level),
                    limit=limit,
                    with_payload=False,
                )
            )
        if self._parent_level is not None and self._dense is not None:
            parents = self._under(roots, self._parent_level)
            requests.append(self._scored(parents, limit, with_payload=False))
        return requests

    def _scored(
        self,
        wanted: models.Filter,
        limit: int,
        *,
        with_payload: models.PayloadSelectorExclude | bool,
    ) -> models.QueryRequest:
        """All points that are `wanted`, with their similarity where there is a vector."""
        return models.QueryRequest(
            query=self._dense,
            using=DENSE if self._dense is not None else None,
            filter=wanted,
            limit=limit,
            with_payload=with_payload,
            params=models.SearchParams(exact=True),
        )

    @staticmethod
    def _under(roots: list[str], level: int) -> models.Filter:
        return matching(root=roots, level=level)

    def _expect(self, hits: dict[str, models.ScoredPoint]) -> "dict[str, _Expected]":
        """By root: which document's version was hit, and how many leaves must come."""
        best: Counter[str] = Counter()
        expected: dict[str, _Expected] = {}
        for hit in sorted(hits.values(), key=lambda hit: -self._scores[str(hit.id)]):
            place = hit.payload or {}
            root = place["root"]
            best[root] += 1
            if root in expected or not self._whole_roots or len(expected) < self._query.max_roots:
                leaves = place["root_leaves"] if self._whole_roots else best[root]
                expected[root] = _Expected(place["document_id"], place["version"], leaves)
        return expected

    def found(self, responses: Sequence[Points]) -> SearchResult:
        """The visible leaves among what the second round trip returned."""
        if not responses:
            return SearchResult([], {}, stale=False)
        described, leaves, *others = responses
        manifests = {
            manifest.document_id: manifest
            for manifest in (Manifest.model_validate(point.payload) for point in described)
        }
        scores = [{str(point.id): point.score for point in points} for points in others]
        words = scores.pop(0) if self._whole_roots and self._sparse is not None else {}
        parents = scores.pop(0) if scores else {}
        arrived = [leaf_of(point) for point in leaves]
        whole, stale = self._whole(Counter(leaf.root for leaf in arrived), manifests)
        candidates = []
        for leaf, point in zip(arrived, leaves, strict=True):
            if leaf.root not in whole:
                continue
            dense = point.score if self._dense is not None else 0.0
            above = next(
                (node.id for node in leaf.ancestors if node.level == self._parent_level), leaf.id
            )
            candidates.append(
                Candidate(
                    leaf=leaf,
                    dense=dense,
                    # Where the parent would repeat the leaf, the leaf stands for it.
                    parent_dense=parents.get(above, dense),
                    bm25=words.get(leaf.id, 0.0),
                    hit_score=self._scores.get(leaf.id, 0.0),
                    last=leaf.position == manifests[leaf.document_id].leaves - 1,
                )
            )
        candidates.sort(key=lambda found: (found.leaf.document_id, found.leaf.position))
        return SearchResult(candidates, manifests, stale)

    def _whole(
        self, arrived: Counter[str], manifests: dict[str, Manifest]
    ) -> tuple[set[str], bool]:
        """The roots that may be shown, and whether a document changed under our hands.

        A root is shown when its version is the visible one and all its leaves are here.
        """
        whole: set[str] = set()
        partial = False
        replaced: dict[str, bool] = {}
        for root, expected in self._expected.items():
            manifest = manifests.get(expected.document_id)
            if manifest is None or manifest.version is None:
                continue  # deleted, or not there yet
            current = manifest.version == expected.version
            replaced[expected.document_id] = (
                replaced.get(expected.document_id, True) and not current
            )
            if current and arrived[root] == expected.leaves:
                whole.add(root)
            partial = partial or (current and arrived[root] != expected.leaves)
        return whole, partial or any(replaced.values())


@dataclass(frozen=True, slots=True)
class _Expected:
    document_id: str
    version: str
    leaves: int
