"""The tree in one collection: whole documents in, whole documents out.

A document becomes visible, changes and vanishes by one write to its manifest:

    begin     the manifest says that work goes on; the visible version is the old one
    put       nodes of the new version are added beside the old ones; queries, which
              compare every node with its manifest, do not see them
    commit    the manifest names the new version: the switch
    settle    nodes of all other versions are deleted, and the manifest says so

Whatever instant a crash picks, the manifest names one whole version or none, and
`recover` finishes the job.
"""

import threading
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from qdrant_client import models

from indexes.errors import StoreError
from indexes.namespace import OURS, ours, theirs
from indexes.store.collection import TreeCollection
from indexes.store.columns import Hits, Point, Search, joined
from indexes.store.connect import Engine
from indexes.store.layouts import Layouts
from indexes.store.points import (
    DENSE,
    Leaf,
    Manifest,
    leaf_of,
    manifest_number,
    manifest_of_payload,
    manifest_point,
)
from indexes.store.refusals import store_errors
from indexes.store.server import ServerParameters
from indexes.tree import Tree

if TYPE_CHECKING:
    from llama_index.core.schema import Document

# Documents that are deleted by one request.
_AT_ONCE = 200
_MANIFEST = tuple(Manifest.model_fields)


class TreeStore(TreeCollection):
    """Documents, as trees, in one collection of an engine. Thread-safe."""

    def __init__(
        self, engine: Engine, collection: str, server: ServerParameters | None = None
    ) -> None:
        super().__init__(engine, collection, server)
        self.layouts = Layouts()
        self._unfinished: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the pen; see `TreeCollection`. Nothing is unfinished when it is laid down."""
        with super().writing():
            try:
                yield
            finally:
                with self._lock:
                    self._unfinished.clear()

    # Documents

    def manifests(self) -> list[Manifest]:
        """All documents that queries can see, by title."""
        if not self.exists():
            return []
        listed = models.PayloadSelectorExclude(exclude=["layout"])
        visible = [found for found in self._all_manifests(listed) if found.version is not None]
        return sorted(visible, key=lambda manifest: (manifest.title, manifest.source))

    def manifest(self, document_id: str) -> Manifest | None:
        """The document's manifest, visible or not; None where there is none."""
        return self.manifests_of([document_id]).get(document_id)

    def manifests_of(self, document_ids: Sequence[str]) -> dict[str, Manifest]:
        """Manifests of documents by their ids, visible or not; of those that have one."""
        if not document_ids:
            return {}
        wanted = list(map(manifest_number, document_ids))
        (found,) = self.query([Search(len(wanted), ids=wanted, fields=_MANIFEST)])
        return {
            manifest.document_id: manifest for manifest in map(manifest_of_payload, found.payloads)
        }

    def named(self, name: str) -> list[Manifest]:
        """Visible documents that go by a name: by their id, else by source or file name."""
        known = self.manifest(name)
        if known is not None and known.version is not None:
            return [known]
        wanted = matching(kind="manifest")
        wanted.should = [*_must(source=name), *_must(file_name=name)]
        found = [
            manifest_of_payload(point.payload) for points in self.scroll(wanted) for point in points
        ]
        return [manifest for manifest in found if manifest.version is not None]

    def _all_manifests(
        self, payload: bool | models.PayloadSelectorExclude = True
    ) -> Iterator[Manifest]:
        for points in self.scroll(matching(kind="manifest"), payload=payload):
            yield from (manifest_of_payload(point.payload) for point in points)

    def leaves(self, document_id: str, version: str, most: int) -> list[Leaf]:
        """The first leaves of a version, in the order of the document."""
        wanted = matching(document_id=document_id, version=version, kind="leaf")
        found = [leaf_of(point) for points in self.scroll(wanted) for point in points]
        # Points come by id, which says nothing of their order.
        return sorted(found, key=lambda leaf: leaf.position)[:most]

    def vectors(self, document_id: str, version: str) -> dict[str, list[float]]:
        """The dense vectors of a version's chunks, by the digest of what was embedded."""
        found: dict[str, list[float]] = {}
        wanted = matching(document_id=document_id, version=version)
        wanted.must_not = matching(kind="manifest").must
        for points in self.scroll(wanted, payload=["digest"], vectors=[DENSE]):
            for point in points:
                digest = (point.payload or {}).get("digest")
                vector = point.vector.get(DENSE) if isinstance(point.vector, dict) else None
                if digest is not None and vector is not None:
                    found[digest] = cast("list[float]", vector)
        return found

    def begin(self, new: Sequence[Manifest]) -> set[str]:
        """Announce new versions of documents, and clear away what a crash left of earlier tries;
        what is visible stays so.

        Returns the ids of those that replace another version, for `commit`.
        """
        known = self.manifests_of([manifest.document_id for manifest in new])
        replaced, shown = set(), []
        for manifest in new:
            name = manifest.document_id
            before = known.get(name)
            if before is not None and not before.settled:
                self.settle(before)
            visible = before is not None and before.version is not None
            if visible:
                replaced.add(name)
            # Until the switch the document is described as it was.
            about = before if visible and before else manifest.model_copy(update={"version": None})
            if manifest.version is not None and about.version != manifest.version:
                with self._lock:
                    self._unfinished.add((name, manifest.version))
            shown.append(manifest_point(about.model_copy(update={"settled": False})))
        self._write(shown)
        return replaced

    def put(self, points: Sequence[Point]) -> None:
        """Add nodes of a version that was begun. Adding them again changes nothing."""
        self._write(points)

    def commit(self, new: Sequence[Manifest], replaced: Container[str]) -> None:
        """Show new versions of documents from now on, and delete what they replace.

        Args:
            new: what was begun, and is whole.
            replaced: ids that `begin` returned.
        """
        final = [
            manifest.model_copy(update={"settled": manifest.document_id not in replaced})
            for manifest in new
        ]
        self._write(list(map(manifest_point, final)))
        with self._lock:
            self._unfinished -= {(done.document_id, done.version or "") for done in final}
        for manifest in final:
            if not manifest.settled:
                self.settle(manifest)

    def abandon(self, document_id: str) -> None:
        """Take back what was begun of a document; an older version stays."""
        there = self.manifest(document_id)
        if there is not None:
            self.settle(there)

    def remove(self, document_id: str) -> bool:
        """Delete a document with every node of it; False if there was none."""
        return bool(self.remove_all([document_id]))

    def remove_all(self, document_ids: Sequence[str]) -> int:
        """Delete documents with every node of them; returns how many there were."""
        removed = 0
        with self.writing():
            for place in range(0, len(document_ids) if self.exists() else 0, _AT_ONCE):
                part = document_ids[place : place + _AT_ONCE]
                gone = [
                    manifest.model_copy(update={"version": None, "settled": False})
                    for manifest in self.manifests_of(part).values()
                ]
                if gone:
                    self._write([manifest_point(manifest) for manifest in gone])
                    self._vanish(gone)
                    removed += len(gone)
        return removed

    def recover(self) -> int:
        """Finish what a crash left behind; returns how many documents were touched.

        Only while `writing`, and only for an engine that no other process writes to.
        """
        unsettled = [found for found in self._all_manifests() if not found.settled]
        for manifest in unsettled:
            self.settle(manifest)
        return len(unsettled)

    def settle(self, manifest: Manifest) -> None:
        """Delete all nodes but the visible version's; then say so, or vanish."""
        if manifest.version is None:
            self._vanish([manifest])
            return
        others = matching(document_id=manifest.document_id)
        others.must_not = [*_must(kind="manifest"), *_must(version=manifest.version)]
        self.delete(others)
        self._write([manifest_point(manifest.model_copy(update={"settled": True}))])

    def _vanish(self, manifests: Sequence[Manifest]) -> None:
        """Delete documents that are no longer visible; their manifests last."""
        nodes = matching(document_id=[manifest.document_id for manifest in manifests])
        nodes.must_not = _must(kind="manifest")
        self.delete(nodes)
        self.delete([manifest.point_id for manifest in manifests])

    def delete(self, points: models.Filter | Sequence[str]) -> None:
        """Delete points that match, or that have these ids."""
        if not isinstance(points, models.Filter):
            self._delete(models.PointIdsList(points=list(points)))
            return
        # Deleting again what is gone already does no harm.
        self.learning(lambda: self._delete_matching(points))

    def _delete_matching(self, wanted: models.Filter) -> None:
        for part in self.limits.filters(wanted):
            self._delete(models.FilterSelector(filter=part or wanted))

    def _delete(self, points: models.PointsSelector) -> None:
        with store_errors(self.engine.address):
            self.engine.client.delete(self.collection, points, wait=True)

    def _write(self, points: Sequence[Point]) -> None:
        left = self.engine.wire.encoded(points)
        while left:
            known = replace(self.limits)
            try:
                for part in list(self.limits.slices(left)):
                    with store_errors(self.engine.address):
                        self.engine.wire.upsert(self.collection, part)
                    left = left[len(part) :]
            except StoreError as error:
                # Another thread may have learnt of it meanwhile.
                if not self.learns(error) and self.limits == known:
                    raise

    # Queries

    def unfinished(self) -> list[tuple[str, str]]:
        """Documents and versions being written here now, which searching can skip at once.

        Only a saving. What makes half-written documents invisible is their manifest.
        """
        with self._lock:
            return sorted(self._unfinished)

    def query(self, searches: Sequence[Search]) -> list[Hits]:
        """One round trip, or more where a server bounds them: what each search finds, best
        first.
        """
        while True:
            batches, owners = self.limits.batches(searches)
            try:
                with store_errors(self.engine.address):
                    found = [
                        hits
                        for batch in batches
                        for hits in self.engine.wire.search(self.collection, batch)
                    ]
                return joined(found, owners, len(searches))
            except StoreError as error:
                if not self.learns(error):
                    raise

    async def aquery(self, searches: Sequence[Search]) -> list[Hits]:
        """The same, awaited."""
        while True:
            batches, owners = self.limits.batches(searches)
            try:
                with store_errors(self.engine.address):
                    found = [
                        hits
                        for batch in batches
                        for hits in await self.engine.wire.asearch(self.collection, batch)
                    ]
                return joined(found, owners, len(searches))
            except StoreError as error:
                if not self.learns(error):
                    raise


def manifest_for(document: "Document", tree: Tree) -> Manifest:
    """What describes a document that is to be stored now."""
    about = dict(ours(document.metadata))
    about.pop("structure", None)  # it went into the tree
    named = ("title", "source", "file_name", "owner", "page_starts", "layout")
    return Manifest(
        document_id=document.id_,
        version=tree.version,
        settled=False,
        ingested_at=datetime.now(UTC).isoformat(timespec="seconds"),
        **{name: about.pop(name) for name in named if name in about},
        characters=len(document.text),
        tokens=sum(leaf.tokens for leaf in tree.leaves),
        leaves=len(tree.leaves),
        nodes=len(tree.nodes),
        about=about,
        metadata=theirs(document.metadata),
        hidden_from_llm=_but_ours(document.excluded_llm_metadata_keys),
        hidden_from_embedding=_but_ours(document.excluded_embed_metadata_keys),
    )


def _but_ours(keys: Sequence[str]) -> list[str]:
    return [key for key in keys if key != OURS]


def matching(**values: str | int | Sequence[str]) -> models.Filter:
    """A filter for points whose payload has all these values (one of a list's)."""
    return models.Filter(must=_must(**values))


def _must(**values: str | int | Sequence[str]) -> list[models.Condition]:
    return [
        models.FieldCondition(
            key=name,
            match=models.MatchValue(value=value)
            if isinstance(value, str | int)
            else models.MatchAny(any=list(value)),
        )
        for name, value in values.items()
    ]
