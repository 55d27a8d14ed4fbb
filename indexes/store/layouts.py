"""Where leaves stand, remembered from earlier questions, so that only scores are asked for.

A root's id is made of its document, that document's version and the root's place. So what stands
under an id never changes and nothing here goes out of date; whether the version is the one to
be shown, its manifest says, which every question reads.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexes.errors import StoreError
from indexes.store.ancestry import spans_of
from indexes.store.points import Manifest, manifest_of_payload
from indexes.tree import node_number

# Leaves that are remembered, at most: about 40 MB, with what hits are.
_MOST = 65_536
# Documents whose records are.
_MOST_DOCUMENTS = 1024
# The share of hits that must be known lately.
_COVERED = 0.9
# Of a leaf's payload, what `Place` is made of.
PLACE = ("root", "ancestors", "position", "tokens", "start", "end")


class Place(NamedTuple):
    """Where a leaf stands in its document; `path` is its ancestors as they are stored."""

    path: str
    position: int
    tokens: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Root:
    """What is known of a root: its leaves, in order, or those of them that were asked for.

    Attributes:
        columns: of each leaf all of its place but the path.
        paths: of each.
        first: the first one's position.
    """

    document_id: str
    version: str
    leaves: Mapping[int, Place]
    columns: NDArray[np.int64]
    paths: list[str]
    first: int
    _above: dict[int, list[int | None]] = field(default_factory=dict)

    def above(self, level: int) -> list[int | None]:
        """For each leaf the id of its ancestor at a level."""
        if level not in self._above:
            parents = {path: self._parent(path, level) for path in self.paths}
            self._above[level] = [parents[path] for path in self.paths]
        return self._above[level]

    def _parent(self, path: str, level: int) -> int | None:
        for span in spans_of(path):
            if span.level == level:
                return node_number(self.document_id, self.version, *span[:3])
        return None


class Layouts:
    """What is known of a collection's roots, by their ids. Thread-safe.

    Args:
        most: leaves that are remembered; the roots longest known are forgotten first.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._roots: dict[str, Root] = {}
        self._leaves = 0
        self._points: dict[int, dict[str, Any]] = {}
        self._tokens: dict[int, int] = {}
        self._shared: dict[tuple[str, int], dict[str, Any]] = {}
        self._manifests: dict[str, tuple[dict[str, Any], Manifest]] = {}
        self._share_known = 0.0
        self._lock = threading.Lock()

    @property
    def cover(self) -> bool:
        """Whether nearly all that questions find is known: then what a hit is need not be asked."""
        return self._share_known > _COVERED

    def points(self, ids: Iterable[int]) -> dict[int, dict[str, Any]]:
        """What hits are, as `note` was told; counts how many are known."""
        wanted = list(ids)
        found = {id_: point for id_ in wanted if (point := self._points.get(id_)) is not None}
        if wanted:
            self._share_known = (self._share_known + len(found) / len(wanted)) / 2
        return found

    def tokens(self, id_: int) -> int | None:
        """How long a point's text is, as `note` was told."""
        return self._tokens.get(id_)

    def note(self, tokens: Mapping[int, int], point: dict[str, Any]) -> None:
        """Remember what points are.

        Args:
            tokens: of each, by id.
            point: their `document_id`, `root`, `root_leaves` and `level`.
        """
        with self._lock:
            if len(self._points) > 2 * self._most:
                self._points.clear()
                self._tokens.clear()
                self._shared.clear()
            shared = self._shared.setdefault((point["root"], point["level"]), point)
            self._points.update(dict.fromkeys(tokens, shared))
            self._tokens.update(tokens)

    def get(self, root: str) -> Root | None:
        """What is known of a root."""
        return self._roots.get(root)

    def learn(self, root: str, document_id: str, version: str, leaves: Mapping[int, Place]) -> Root:
        """Add leaves of a root.

        Args:
            root: its id.
            document_id: of its document.
            version: which the id is made of.
            leaves: some or all of its leaves.
        """
        with self._lock:
            known = self._roots.pop(root, None)
            every = {**known.leaves, **leaves} if known is not None else leaves
            self._leaves += len(every) - (len(known.leaves) if known is not None else 0)
            while self._roots and self._leaves > self._most:
                oldest = self._roots.pop(next(iter(self._roots)))
                self._leaves -= len(oldest.leaves)
            ordered = dict(sorted(every.items(), key=lambda leaf: leaf[1].position))
            columns = columns_of(list(ordered.values()))
            paths = [place.path for place in ordered.values()]
            first = int(columns[0, 0])
            found = Root(document_id, version, ordered, columns, paths, first)
            self._roots[root] = found
        return found

    def manifest(self, payload: dict[str, Any]) -> Manifest:
        """A document's record from its payload, made anew when that has changed.

        Raises:
            StoreError: it is damaged.
        """
        known = self._manifests.get(str(payload.get("document_id")))
        if known is not None and known[0] == payload:
            return known[1]
        manifest = manifest_of_payload(payload)
        with self._lock:
            if len(self._manifests) >= _MOST_DOCUMENTS:
                self._manifests.clear()
            self._manifests[manifest.document_id] = payload, manifest
        return manifest

    def forget(self, root: str) -> None:
        """Drop a root of which not everything is there any more."""
        with self._lock:
            if (known := self._roots.pop(root, None)) is not None:
                self._leaves -= len(known.leaves)


def columns_of(places: Sequence[Place]) -> NDArray[np.int64]:
    """Position, tokens, start and end of each: an array of four columns."""
    return np.array([place[1:] for place in places], np.int64).reshape(-1, 4)


def place_of_payload(payload: Mapping[str, Any]) -> Place:
    """Where a leaf stands, from its payload.

    Raises:
        StoreError: it is damaged.
    """
    try:
        return Place(
            payload["ancestors"],
            payload["position"],
            payload["tokens"],
            payload["start"],
            payload["end"],
        )
    except KeyError as error:
        raise StoreError(
            f"the index is damaged (a leaf has no {error}): "
            "`advanced-rag rebuild` saves what can be read"
        ) from error
