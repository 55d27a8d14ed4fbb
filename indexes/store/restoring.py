"""Whole documents, from what could be read of a damaged collection, into a new one.

Texts and metadata are what counts: words' vectors are made anew, and vectors that are missing or
damaged are embedded again. A document comes back only if it is whole.
"""

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from indexes.beside.spool import Spool
from indexes.errors import StoreError
from indexes.models.guard import model_errors
from indexes.progress import OnProgress, Progress
from indexes.store.ancestry import pack_ancestors
from indexes.store.archive_reading import fingerprint_in, import_file
from indexes.store.bm25 import bm25_document
from indexes.store.check import DAMAGED, DocumentCheck
from indexes.store.columns import Point
from indexes.store.nodes import TreeStore
from indexes.store.points import BM25, DENSE, Fingerprint, Leaf, Manifest, embedding_text
from indexes.store.scan import PAGE
from indexes.store.transfer import lacking
from indexes.tree import node_id

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding

# What all nodes of a document say.
_SHARED = ("metadata", "owner")
# What an id is made of.
_PLACE = ("document_id", "version", "level", "start", "end")
# Of vectors in half precision.
_NEARLY = 0.005


@dataclass
class RebuildReport:
    """What came of it. The lists hold the documents' sources.

    Attributes:
        restored: whole, from the damaged collection.
        imported: from an export, being damaged or missing there.
        lost: what could not be read whole, and why: ingest it again.
        embedded: nodes that had no vector any more.
        kept: where the damaged files are, or the damaged collection, if something was lost.
        beside: the new collection, where it could not take the old one's place.
    """

    restored: list[str] = field(default_factory=list)
    imported: list[str] = field(default_factory=list)
    lost: list[tuple[str, str]] = field(default_factory=list)
    embedded: int = 0
    kept: str = ""
    beside: str = ""


@dataclass
class _Found:
    """What was read of one document."""

    manifest: Manifest | None
    leaves: list[tuple[Leaf, dict[str, Any]]]
    vectors: dict[str, list[float]]
    unread: int


class Restoring:
    """Fills a new collection with all documents that are whole.

    Args:
        spool: what was read.
        default: what a new collection would be made with, if that of the old can't be read.
        embedding: gives the model that made the vectors; asked for only if some are missing.
        on_progress: called with each document that is dealt with.
    """

    def __init__(
        self,
        spool: Spool,
        default: Callable[[], Fingerprint],
        embedding: "Callable[[], BaseEmbedding]",
        on_progress: OnProgress,
    ) -> None:
        self._spool = spool
        self._default = default
        self._embedding = embedding
        self._model: BaseEmbedding | None = None
        self._on_progress = on_progress
        self.report = RebuildReport()

    def write(self, store: TreeStore, export: Path | None) -> RebuildReport:
        """Fill a collection that `prepare` made; what can't be read, from an export.

        Raises:
            StoreError: there were documents, and none is whole.
            IndexMismatchError: the embedding model is another than the collection's.
        """
        if export is not None:
            self.report.imported = import_file(store, export).copied
        for document in self._spool.documents():
            found = self._read(document)
            if found.manifest is not None and found.manifest.version is None:
                continue  # nobody ever saw it: its first ingest was cut short
            source = found.manifest.source if found.manifest else document
            reason = self._restore(store, found)
            there = source in self.report.imported
            if reason is None:
                self.report.restored.append(source)
                self.report.imported = [s for s in self.report.imported if s != source]
            elif not there:
                self.report.lost.append((source, reason))
            self._on_progress(Progress("stored", source, len(self.report.restored), 0))
        nothing = not self.report.restored and not self.report.imported
        if nothing and (self.report.lost or self._spool.unread() or not self._spool.known()):
            raise StoreError(
                "nothing of the collection can be read: rebuild it --from an export, or ingest "
                "its files into another --collection"
            )
        return self.report

    def prepare(self, store: TreeStore, export: Path | None) -> None:
        """Make the new collection, with what made the old one, or else the one in the export."""
        store.prepare(fingerprint_in(export) if export is not None else self._fingerprint())

    def _fingerprint(self) -> Fingerprint:
        for payload, _ in self._spool.points(""):
            try:
                return Fingerprint.model_validate(payload)
            except ValidationError:
                continue
        return self._default()

    def _read(self, document: str) -> _Found:
        found = _Found(None, [], {}, 0)
        nodes: list[dict[str, Any]] = []
        for payload, vector in self._spool.points(document):
            if vector is not None and _is_unit(vector):
                found.vectors[str(payload.get("digest"))] = vector
            if payload["kind"] == "manifest":
                try:
                    found.manifest = Manifest.model_validate(payload)
                except ValidationError:
                    continue
            else:
                nodes.append(payload)
        manifest = found.manifest
        version = (manifest.version or "") if manifest else ""
        leaves: dict[str, tuple[Leaf, dict[str, Any]]] = {}
        for payload in nodes:
            if payload["kind"] != "leaf" or (manifest and payload.get("version") != version):
                continue
            payload["version"] = str(payload.get("version")).removesuffix(DAMAGED)
            try:
                # An id of its place: the one that it was read by need not be its own.
                name = node_id(*(payload[part] for part in _PLACE))
                leaf = Leaf.model_validate({**payload, "id": name})
            except (ValidationError, KeyError):
                found.unread += 1
                continue
            # In format 1 they were a list.
            leaves[name] = leaf, {**payload, "ancestors": pack_ancestors(leaf.ancestors)}
        found.leaves = sorted(leaves.values(), key=lambda leaf: leaf[0].position)
        return found

    def _restore(self, store: TreeStore, found: _Found) -> str | None:
        """Write a document; what is wrong with it, if it can't be."""
        if not found.leaves:
            return "nothing of its text can be read"
        manifest = _manifest_of(found)
        fingerprint = store.fingerprint()
        points = self._nodes(found, manifest, fingerprint)
        check = DocumentCheck(manifest, fingerprint)
        for point in points:
            check.add(str(point.id), point.payload)
        if problems := check.problems():
            return "; ".join(problems)
        if not lacking(store, [manifest]):
            return None
        self._embed(store, points)
        replaced = store.begin([manifest])
        for place in range(0, len(points), PAGE):
            store.put(points[place : place + PAGE])
        store.commit([manifest], replaced)
        return None

    def _nodes(self, found: _Found, manifest: Manifest, fingerprint: Fingerprint) -> list[Point]:
        """All nodes of a document, from its leaves; vectors as far as they are known.

        Those that are not have their texts instead.
        """
        texts = {leaf.position: leaf.text for leaf, _ in found.leaves}
        points: dict[str, Point] = {}
        vector: Any
        for leaf, payload in found.leaves:
            said = embedding_text(manifest.title, leaf.heading, leaf.text, header=leaf.header)
            vector = {DENSE: _vector(said, payload, found), BM25: bm25_document(said)}
            points[leaf.id] = Point(id=leaf.id, vector=vector, payload=payload)
            for parent in leaf.ancestors:
                first = parent.first_leaf == leaf.position
                if not first or parent.level not in fingerprint.embedded_levels:
                    continue
                covered = range(parent.first_leaf, parent.first_leaf + parent.leaves)
                text = "".join(texts.get(place, "") for place in covered)
                said = embedding_text(manifest.title, leaf.heading, text, header=leaf.header)
                shared = {key: payload[key] for key in _SHARED if key in payload}
                digest = _digest(said)
                above: dict[str, Any] = {
                    "kind": "parent",
                    "document_id": payload["document_id"],
                    "version": payload["version"],
                    "level": parent.level,
                    "start": parent.start,
                    "end": parent.end,
                    "root": leaf.root,
                    "root_leaves": leaf.root_leaves,
                    "digest": digest,
                    **shared,
                }
                vector = {DENSE: found.vectors.get(digest) or said}
                points[parent.id] = Point(id=parent.id, vector=vector, payload=above)
        return list(points.values())

    def _embed(self, store: TreeStore, points: list[Point]) -> None:
        """Embed the texts that stand where vectors should."""
        bare: list[Any] = [point for point in points if isinstance(point.vector[DENSE], str)]
        if not bare:
            return
        if self._model is None:
            self._model = self._embedding()
            store.recognise(self._model)
        for start in range(0, len(bare), PAGE):
            part = bare[start : start + PAGE]
            with model_errors(self._model):
                made = self._model.get_text_embedding_batch([p.vector[DENSE] for p in part])
            for point, vector in zip(part, made, strict=True):
                point.vector[DENSE] = vector
        self.report.embedded += len(bare)


def _manifest_of(found: _Found) -> Manifest:
    """The document's, or one made of what its leaves say."""
    if found.manifest is not None:
        version = found.manifest.version
        version = version.removesuffix(DAMAGED) if version else None
        return found.manifest.model_copy(update={"version": version, "settled": True})
    first, payload = found.leaves[0]
    nodes = {parent.id for leaf, _ in found.leaves for parent in leaf.ancestors}
    return Manifest(
        document_id=first.document_id,
        version=first.version,
        settled=True,
        title="",
        source=first.document_id,
        characters=found.leaves[-1][0].end,
        tokens=sum(leaf.tokens for leaf, _ in found.leaves),
        leaves=len(found.leaves),
        nodes=len(found.leaves) + len(nodes),
        metadata=payload.get("metadata") or {},
        owner=payload.get("owner") or "",
        ingested_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _vector(said: str, payload: dict[str, Any], found: _Found) -> Any:
    """A leaf's vector if it is known what it was made of, else the text to be embedded."""
    known = found.vectors.get(str(payload.get("digest")))
    # Without a title it can't be checked; what came with the text is as good as that.
    fits = found.manifest is None or payload.get("digest") == _digest(said)
    return known if known is not None and fits else said


def _digest(said: str) -> str:
    return hashlib.blake2b(said.encode(), digest_size=12).hexdigest()


def _is_unit(vector: list[float]) -> bool:
    return abs(math.hypot(*vector) - 1) < _NEARLY
