"""Question → scored leaves, in three engine round trips or two, whatever k and depth.

1. One batch searches every scale: leaves and parents by meaning, leaves by words (BM25).
2. One batch asks where what was found stands, and how well it and what is around it answer:
   the leaves or, for patterns that look at the tree, all leaves under the same roots with
   their own scores; and which version of their documents may be shown.
3. One batch fetches the texts of the leaves that may be delivered, and their documents.

Where leaves stand is remembered (`indexes.store.layouts`), and asked for only of those that are
new. If none is, a search that doesn't look at the tree knows its leaves before the second batch,
which then is the third, too.

The batches are plain lists of searches, built here and sent by whoever asks, so that
sync and async retrieval are the same code but for an `await`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qdrant_client import models

from indexes.arrived import (
    Expected,
    Measured,
    by_id,
    candidates_of,
    ingested,
    measured,
    worded,
)
from indexes.candidates import Candidates, SearchResult
from indexes.fusion import enough, fused, ranked
from indexes.settings import SearchMode
from indexes.store.ancestry import spans_of
from indexes.store.bm25 import bm25_query
from indexes.store.columns import Hits, Search, number_of
from indexes.store.layouts import PLACE, Layouts, Place, Root, place_of_payload
from indexes.store.nodes import matching
from indexes.store.points import BM25, DENSE, manifest_number
from indexes.tree import node_number

# What is read of a hit, of a leaf that it leads to, and of one that may be delivered.
_HIT = ("document_id", "root", "root_leaves", "level", "tokens")
_WORDING = ("text", "heading", "header", "rows")
# Of a document, to know what may be shown; and for delivery, all but its pages' layout.
_SHOWN = ("document_id", "version", "leaves", "source")
_LAYOUT = ("layout",)


@dataclass(frozen=True)
class Query:
    """Parameters of a search.

    Attributes:
        text: the question's words
        vector: its embedding; None searches by words only
        mode: which searches take part
        top_k: hits of each search
        max_roots: roots whose leaves are fetched, those of the best hits
        reach: tokens after which further hits are not looked at, where no root is fetched whole
            and it is known how long the hits are; None for no such bound
        least: hits that are looked at in any case
    """

    text: str
    vector: Sequence[float] | None
    mode: SearchMode
    top_k: int
    max_roots: int
    reach: int | None = None
    least: int = 0


class TreeSearch:
    """One question on its way through the three batches.

    Args:
        query: what is searched for.
        levels: the level of the leaves, then those above it that have vectors.
        whole_roots: fetch everything under the roots of the hits, not just the hits.
        filters: what nodes must match, besides.
        skip: documents and versions being written, which are not visible anyway.
        layouts: what is known of the collection, which this search adds to.
    """

    def __init__(
        self,
        query: Query,
        *,
        levels: Sequence[int],
        whole_roots: bool,
        filters: models.Filter | None = None,
        skip: Sequence[tuple[str, str]] = (),
        layouts: Layouts | None = None,
    ) -> None:
        self._layouts = Layouts() if layouts is None else layouts
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
        self._scores: dict[int, float] = {}
        self._cut = False
        self._expected: dict[str, Expected] = {}
        self._versions: dict[str, str] = {}
        self._known: dict[str, Root] = {}
        self._guessed: Candidates | None = None
        self._points: dict[int, dict[str, Any]] = {}
        self._fields = () if self._layouts.cover else _HIT

    def searches(self) -> list[Search]:
        """Searches of the first round trip."""
        searches = []
        top_k = self._query.top_k
        wanted: dict[str, Any] = {"filter": self._searchable(), "fields": self._fields}
        if self._dense is not None:
            # Leaves and parents in one search: two, each filtered by level, cost an exact
            # search three times as much, for nearly the same roots.
            scales = 1 if self._parent_level is None else 2
            level = self._leaf_level if scales == 1 else None
            searches.append(Search(top_k * scales, self._dense, DENSE, level=level, **wanted))
        if self._sparse is not None:
            # Words are only leaves'.
            searches.append(Search(top_k, self._sparse, BM25, **wanted))
        return searches

    def unknown(self, responses: Sequence[Hits]) -> list[Search]:
        """A search for what the hits are, where that isn't known: see `learn`."""
        ids = dict.fromkeys(id_ for hits in responses for id_ in hits.ids)
        self._points = self._layouts.points(ids)
        if self._fields:
            self.learn(responses)
            return []
        new = [id_ for id_ in ids if id_ not in self._points]
        return [Search(len(new), ids=new, fields=_HIT)] if new else []

    def learn(self, responses: Sequence[Hits]) -> None:
        """Take over what hits are."""
        for hits in responses:
            for id_, point in zip(hits.ids, hits.payloads, strict=True):
                tokens = point.pop("tokens", 0)
                self._points[id_] = point
                if "root" in point:
                    self._layouts.note({id_: tokens}, point)

    def wants_more(self, responses: Sequence[Hits]) -> bool:
        """Whether further hits might lead to further roots, of which too few were hit."""
        roots = {point.get("root") for point in self._points.values()}
        full = any(len(hits.ids) >= self._query.top_k for hits in responses)
        return full and len(roots) < self._query.max_roots

    def _searchable(self) -> models.Filter | None:
        if not self._skip:
            return self._filters
        must_not = [
            matching(document_id=document, version=version) for document, version in self._skip
        ]
        return models.Filter(must=self._filters, must_not=must_not)

    def places(self, responses: Sequence[Hits]) -> list[Search]:
        """Searches of the second round trip; empty when nothing was found."""
        self._scores = fused(responses, self._points)
        hits = ranked(self._scores)
        if not hits:
            return []
        best = hits
        if not self._whole_roots and self._query.reach is not None:
            least = self._query.least
            best = hits[: enough(hits, self._layouts, self._query.reach, least)]
        self._cut = len(best) < len(hits)
        self._expected = self._expect(best)
        documents = sorted({expected.document_id for expected in self._expected.values()})
        shown = Search(len(documents), ids=_manifests(documents), fields=_SHOWN)
        searches = [shown, *self._leaves()]
        if not self._whole_roots:
            return searches
        roots = list(self._expected)
        limit = sum(len(expected) for expected in self._expected.values())
        if self._sparse is not None:
            words = Search(limit, self._sparse, BM25, roots=roots, level=self._leaf_level)
            searches.append(words)
        if self._parent_level is not None and self._dense is not None:
            searches.append(self._scored(limit, roots=roots, level=self._parent_level))
        return searches

    def _leaves(self) -> list[Search]:
        """Searches for the leaves: of those that are known their scores, of the others the
        places, too.
        """
        known: list[str] = []
        new: list[str] = []
        for root, expected in self._expected.items():
            there = self._layouts.get(root)
            if there is None or expected.among(there.leaves) is None:
                new.append(root)
            else:
                known.append(root)
                self._known[root] = there
        searches = []
        for roots, fields in ((known, ()), (new, PLACE)):
            if not roots:
                continue
            limit = sum(len(self._expected[root]) for root in roots)
            wanted: dict[str, Any] = {"roots": roots, "level": self._leaf_level}
            if not self._whole_roots:
                wanted = {"ids": [id_ for root in roots for id_ in self._expected[root].hits]}
            searches.append(self._scored(limit, fields=fields, **wanted))
        return searches

    def _scored(self, limit: int, **wanted: Any) -> Search:
        """All points that are `wanted`, with their similarity where there is a vector."""
        using = None if self._dense is None else DENSE
        return Search(limit, self._dense, using, exact=True, **wanted)

    def short(self, found: SearchResult) -> bool:
        """Whether some of the hits that would fill the budget are not visible: look at all."""
        return self._cut and len(found.candidates) < sum(map(len, self._expected.values()))

    def _expect(self, hits: Sequence[tuple[float, int]]) -> dict[str, Expected]:
        """By root, the best first: which document was hit, and which leaves must come."""
        expected: dict[str, Expected] = {}
        for _, id_ in hits:
            place = self._points[id_]
            root = place["root"]
            if root not in expected:
                if self._whole_roots and len(expected) == self._query.max_roots:
                    break
                size = place["root_leaves"]
                expected[root] = Expected(place["document_id"], size, whole=self._whole_roots)
            expected[root].hits[id_] = None
        return expected

    def found(self, responses: Sequence[Hits]) -> SearchResult:
        """The visible leaves among what the second round trip returned."""
        if not responses:
            return SearchResult(self._candidates([], {}, {}), {}, stale=False)
        shown, *others = responses
        described = {about["document_id"]: about for about in shown.payloads}
        scores, came = self._arrived(others)
        words = others.pop(0) if self._whole_roots and self._sparse is not None else None
        parents = others.pop(0) if others else None
        sources = {document: about["source"] for document, about in described.items()}
        whole, stale = self._whole(came, scores, described)
        candidates = self._candidates(whole, described, scores, by_id(words), by_id(parents))
        scored, documents = len(candidates), len(described)
        if self._cut:
            scored = len(self._scores)
            documents = len({self._points[id_]["document_id"] for id_ in self._scores})
        return SearchResult(candidates, sources, stale, scored, documents)

    def guess(self) -> SearchResult | None:
        """What `found` will give unless something changed, but for similarities; None if that
        can't be known before.
        """
        if self._whole_roots or len(self._known) < len(self._expected):
            return None
        described = {root.document_id: {"leaves": 0} for root in self._known.values()}
        self._guessed = self._candidates(list(self._known.items()), described, {})
        return SearchResult(self._guessed, {}, stale=False)

    def _arrived(
        self, responses: list[Hits]
    ) -> tuple[dict[int, float], dict[str, dict[int, Place]]]:
        """Takes what `_leaves` asked for off the responses: scores of all leaves, and by root the
        places of those that were new.
        """
        scores: dict[int, float] = {}
        came: dict[str, dict[int, Place]] = {}
        if self._known:
            scores |= by_id(responses.pop(0))
        if len(self._known) < len(self._expected):
            leaves = responses.pop(0)
            scores |= by_id(leaves)
            for id_, payload in zip(leaves.ids, leaves.payloads, strict=True):
                came.setdefault(payload["root"], {})[id_] = place_of_payload(payload)
        return scores, came

    def _candidates(
        self,
        whole: list[tuple[str, Root]],
        described: dict[str, dict[str, Any]],
        dense: Mapping[int, float],
        words: Mapping[int, float] | None = None,
        parents: Mapping[int, float] | None = None,
    ) -> Candidates:
        scores = Measured(
            dense if self._dense is not None else {}, parents or {}, words or {}, self._scores
        )
        lengths = {document: about["leaves"] for document, about in described.items()}
        if self._guessed is not None and len(whole) == len(self._expected):
            return measured(self._guessed, scores, lengths)
        return candidates_of(whole, self._expected, lengths, scores, self._parent_level)

    def _whole(
        self,
        came: dict[str, dict[int, Place]],
        scores: dict[int, float],
        described: dict[str, dict[str, Any]],
    ) -> tuple[list[tuple[str, Root]], bool]:
        """The roots that may be shown, and whether a document changed under our hands.

        A root is shown when its version is the visible one, which its id tells, and all its
        leaves are here.
        """
        whole: list[tuple[str, Root]] = []
        partial = False
        replaced: dict[str, bool] = {}
        shown = {name: about.get("version") for name, about in described.items()}
        ids = {name: ingested(version) for name, version in shown.items() if version is not None}
        for root, expected in self._expected.items():
            document = expected.document_id
            if document not in ids:
                continue  # deleted, or not there yet
            known = self._known.get(root)
            if known is None:
                known = self._learnt(root, document, ids[document], came.get(root, {}))
            elif known.version != ids[document]:
                known = None
            replaced[document] = replaced.get(document, True) and known is None
            if known is None:
                continue
            wanted = expected.among(known.leaves)
            if wanted is not None and scores.keys() >= wanted:
                whole.append((root, known))
            else:
                partial = True
                self._layouts.forget(root)
        self._versions |= {name: version for name, version in shown.items() if version is not None}
        return whole, partial or any(replaced.values())

    def _learnt(
        self, root: str, document: str, version: str, came: dict[int, Place]
    ) -> Root | None:
        """A root of which something came, if it is one of this version."""
        if not came:
            return None
        some = next(iter(came.values()))
        spans = spans_of(some.path)
        place = spans[0][:3] if spans else (self._leaf_level, some.start, some.end)
        if node_number(document, version, *place) != number_of(root):
            return None
        about = {"document_id": document, "root": root, "root_leaves": self._expected[root].size}
        tokens = {id_: place.tokens for id_, place in came.items()}
        self._layouts.note(tokens, {**about, "level": self._leaf_level})
        found = self._layouts.learn(root, document, version, came)
        if (level := self._parent_level) is not None:
            parents = {id_: 0 for id_ in found.above(level) if id_ is not None}
            self._layouts.note(parents, {**about, "level": level})
        return found

    def texts(self, found: SearchResult, leaves: Sequence[int]) -> list[Search]:
        """Searches of the third round trip: what delivering these candidates takes."""
        candidates = found.candidates
        documents = sorted({candidates.documents[leaf] for leaf in leaves})
        wanted = [candidates.ids[leaf] for leaf in leaves]
        return [
            Search(len(documents), ids=_manifests(documents), without=_LAYOUT),
            Search(len(wanted), ids=wanted, fields=_WORDING),
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
            manifest = self._layouts.manifest(payload)
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
                candidates.leaves[leaf] = worded(
                    candidates, leaf, wording, self._versions[document], self._leaf_level
                )
        return lost


def _manifests(documents: Sequence[str]) -> list[int]:
    return list(map(manifest_number, documents))
