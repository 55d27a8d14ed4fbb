"""Whether nodes are found by what is stored of them, as questions find them.

Their payloads may all be right and a question still miss them: vectors, word lists and payload
indexes are files of their own. So a node's own vector and its own words are searched for, and
its place is asked for as a question would; whatever is not found is damage.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qdrant_client import models

from indexes.store.columns import Hits, Search, number_of
from indexes.store.nodes import TreeStore, matching
from indexes.store.points import BM25, DENSE, Manifest
from indexes.store.refusals import store_errors

# Nodes that are searched for in one round trip.
BATCH = 32
# Equal chunks are equally near: among so many first hits a node must be, or be as near.
_HITS = 16
# Vectors are stored in half precision.
_NEARLY = 0.005


class Findable:
    """Searches for nodes and counts those that are not found.

    Args:
        store: where they are.
        leaf_level: level of the leaves.
    """

    def __init__(self, store: TreeStore, leaf_level: int) -> None:
        self._store = store
        self._leaf_level = leaf_level
        self._roots: set[str] = set()

    def problems(self, ids: Sequence[str]) -> list[str]:
        """Search for these nodes and describe what is not found."""
        found: Counter[str] = Counter()
        for start in range(0, len(ids), BATCH):
            self._look(ids[start : start + BATCH], found)
        return [f"{count} {what}" for what, count in found.items() if count]

    def manifest_problems(self, manifests: Sequence[Manifest]) -> list[str]:
        """Look documents up by their names and describe what is not found."""
        lost = 0
        for manifest in manifests:
            named = {"source": manifest.source, "document_id": manifest.document_id}
            lost += self._store.count(matching(kind="manifest", **named)) != 1
        return [f"{lost} documents that are not found by their names"] if lost else []

    def _look(self, ids: Sequence[str], found: Counter[str]) -> None:
        engine = self._store.engine
        with store_errors(engine.address):
            points = engine.client.retrieve(
                self._store.collection, list(ids), with_payload=["root", "root_leaves", "level"],
                with_vectors=[DENSE, BM25],
            )  # fmt: skip
        asked: list[tuple[str, str, Search]] = []
        for point in points:
            vectors: dict[str, Any] = point.vector if isinstance(point.vector, dict) else {}
            dense, sparse = vectors.get(DENSE), vectors.get(BM25)
            if dense is not None and abs(math.hypot(*dense) - 1) > _NEARLY:
                found["nodes whose vector is damaged"] += 1
            elif dense is not None:
                asked.append((str(point.id), "vector", _search(dense, DENSE)))
            if sparse is not None and sparse.indices:
                asked.append((str(point.id), "words", _search(sparse, BM25)))
            self._look_under(point, found)
        answers = self._store.query([search for *_, search in asked])
        for (name, by, search), hits in zip(asked, answers, strict=True):
            if not all("level" in payload for payload in hits.payloads):
                found[f"searches by {by} that find a point with nothing in it"] += 1
            if number_of(name) not in hits.ids and not self._as_near(name, search, hits):
                found[f"nodes that are not found by their own {by}"] += 1

    def _as_near(self, name: str, search: Search, hits: Hits) -> bool:
        """Return whether the hits found instead are as near as the node itself."""
        if len(hits.ids) < _HITS:
            return False
        alone = models.Filter(must=[models.HasIdCondition(has_id=[name])])
        (own,) = self._store.query([replace(search, filter=alone)])
        return bool(own.ids) and hits.scores[-1] >= own.scores[0] - _NEARLY

    def _look_under(self, point: models.Record, found: Counter[str]) -> None:
        """Ask for the leaves of a node's root, which every question does."""
        payload = point.payload or {}
        root, leaves = payload.get("root"), payload.get("root_leaves")
        if root is None or leaves is None or root in self._roots:
            return
        self._roots.add(root)
        there = self._store.count(matching(root=root, level=self._leaf_level))
        found["roots whose leaves are not all found"] += there < leaves


def _search(vector: Any, using: str) -> Search:
    return Search(_HITS, vector, using, fields=("level",))
