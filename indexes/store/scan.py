"""One walk over a collection: its documents, a group at a time, with their nodes, checked.

    for group in groups(visible(store), leaves=1000, documents=100):
        walk = Walk(store, group)
        for points in walk.nodes(vectors=True):
            ...
        walk.problems()     # {document_id: []} where all is well

Counting needs the manifests alone. Verifying, exporting and copying look at the nodes too, and
hold no more of them than a page.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any, cast

from pydantic import ValidationError
from qdrant_client import models

from indexes.store.check import DocumentCheck
from indexes.store.columns import Point
from indexes.store.nodes import TreeStore, matching
from indexes.store.points import BM25, DENSE, Manifest

NODES = ("leaf", "parent")
# Points with vectors that are held and sent at once: under a megabyte or two.
PAGE = 256


class Walk:
    """Looks at the nodes of a group of documents, and notes what is wrong with each.

    Args:
        store: where they are.
        group: their manifests.

    Attributes:
        checks: by document id, of the version that queries can see.
        others: by document id, how many nodes there are of each other version.
    """

    def __init__(self, store: TreeStore, group: Sequence[Manifest]) -> None:
        made = store.fingerprint()
        self._store = store
        self._visible = {manifest.document_id: manifest.version for manifest in group}
        self.checks = {found.document_id: DocumentCheck(found, made) for found in group}
        self.others: dict[str, Counter[str]] = {name: Counter() for name in self.checks}

    def nodes(self, *, vectors: bool = False, bare: Container[str] = ()) -> Iterator[list[Point]]:
        """The nodes that queries can see, a page at a time.

        Args:
            vectors: with their vectors.
            bare: ids of nodes that have none, where they aren't asked for.
        """
        names = [DENSE, BM25] if vectors else False
        wanted, page = nodes_of(list(self.checks)), PAGE if vectors else None
        for records in self._store.scroll(wanted, vectors=names, page=page):
            points = []
            for record in records:
                payload = record.payload or {}
                name, version = payload["document_id"], payload.get("version")
                if version is None or version != self._visible[name]:
                    self.others[name][str(version)] += 1
                    continue
                # Straight from an engine: no need to validate it again.
                point = Point(str(record.id), cast(Any, record.vector or {}), payload)
                lacking = DENSE not in point.vector if vectors else point.id in bare
                self.checks[name].add(point.id, payload, bare=lacking)
                points.append(point)
            yield points

    def problems(self) -> dict[str, list[str]]:
        """What is wrong with each document, once all nodes were seen; nothing if it is whole."""
        return {
            name: [] if self._visible[name] is None else check.problems()
            for name, check in self.checks.items()
        }


def groups(
    manifests: Iterable[Manifest], *, leaves: int, documents: int
) -> Iterator[list[Manifest]]:
    """Documents that are looked at together: many small ones, or one large one.

    Args:
        manifests: of all.
        leaves: of a group that is more than one document, at most.
        documents: of a group, at most.
    """
    group: list[Manifest] = []
    gathered = 0
    for manifest in manifests:
        if group and (gathered + manifest.leaves > leaves or len(group) == documents):
            yield group
            group, gathered = [], 0
        group.append(manifest)
        gathered += manifest.leaves
    if group:
        yield group


def visible(store: TreeStore) -> Iterator[Manifest]:
    """Yield the manifests that can be read of documents that queries can see."""
    for point in manifest_points(store):
        manifest = manifest_of(point)
        if manifest is not None and manifest.version is not None:
            yield manifest


def nodes_of(document_ids: str | Sequence[str], version: str | None = None) -> models.Filter:
    """Filter for the nodes of documents, of one version or of all."""
    chosen: dict[str, Any] = {"document_id": document_ids}
    if version is not None:
        chosen["version"] = version
    return matching(**chosen, kind=NODES)


def manifest_points(store: TreeStore) -> Iterator[models.Record]:
    """Yield all points that should be manifests."""
    for points in store.scroll(matching(kind="manifest")):
        yield from points


def manifest_of(point: models.Record) -> Manifest | None:
    """Read a manifest from its point; None if it can't be read or has the wrong id."""
    try:
        manifest = Manifest.model_validate(point.payload)
    except ValidationError:
        return None
    return manifest if manifest.point_id == str(point.id) else None
