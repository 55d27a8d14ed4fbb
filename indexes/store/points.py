"""What a tree looks like as points of one Qdrant collection, and back.

| kind | vectors | payload |
|---|---|---|
| leaf | dense, bm25 | its text, place, ancestors and what of the document's metadata filters use |
| parent | dense | its place: its text is that of its leaves, joined; and the same metadata |
| manifest | none | the document: which version of it is visible, title, source, pages, metadata |
| collection | none | which embedding model and chunk sizes made the collection |
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, Json, ValidationError, model_validator
from qdrant_client import models

from indexes.documents.report import ReadingReport, report_of
from indexes.errors import IndexMismatchError, StoreError
from indexes.store.ancestry import Above, Ancestor, unpack_ancestors
from indexes.store.bm25 import bm25_document
from indexes.store.columns import Point
from indexes.tokens import squeezed
from indexes.tree import Node, Tree, uuid_text

DENSE = "dense"
BM25 = "bm25"
# How collections are written, and which other versions' can be read.
FORMAT = 3
READABLE = (2, 3)
COLLECTION_POINT = str(uuid.uuid5(uuid.NAMESPACE_URL, "advanced-rag-patterns/collection"))

# A dictionary that is stored as JSON in one string.
_Packed = Annotated[dict[str, Any] | Json[dict[str, Any]], Field(union_mode="left_to_right")]


class Manifest(BaseModel):
    """One document of the collection.

    `version` names the content whose nodes queries may show; None while there is none.
    A manifest that is not `settled` marks work that a crash would leave behind: nodes
    of other versions than `version` may exist and are to be deleted.
    """

    kind: Literal["manifest"] = "manifest"
    document_id: str
    version: str | None
    settled: bool
    title: str
    source: str
    file_name: str = ""
    owner: str = Field("", description="Who alone may see it; empty: everybody.")
    characters: int = 0
    tokens: int = 0
    leaves: int = 0
    nodes: int = 0
    page_starts: list[int] | None = None
    layout: str = Field(
        "", description="Where its text stands on its pages; see `indexes.documents.layout`."
    )
    ingested_at: str = Field("", description="ISO 8601, UTC.")
    about: _Packed = Field(
        default_factory=dict,
        description="What we know besides: media_type, file_digest, content_hash, report.",
    )
    metadata: _Packed = Field(default_factory=dict, description="The user's, untouched.")
    hidden_from_llm: list[str] = Field(default_factory=list, description="Keys of the metadata.")
    hidden_from_embedding: list[str] = Field(default_factory=list, description="The same.")

    @model_validator(mode="before")
    @classmethod
    def _of_any_format(cls, given: Any) -> Any:
        known = not isinstance(given, dict) or "about" in given
        return given if known else _of_format_2(given)

    @property
    def point_id(self) -> str:
        """The id of the manifest's point."""
        return manifest_id(self.document_id)

    @property
    def report(self) -> ReadingReport:
        """What was read of its file and what was not; empty if nobody of ours read it."""
        return report_of(self.about) or ReadingReport()

    def payload(self) -> dict[str, Any]:
        """The manifest as it is stored.

        What may hold anything is packed: so it comes back exactly as it was, and costs the
        engine no more than a string.
        """
        packed = {
            name: json.dumps(getattr(self, name), ensure_ascii=False) for name in _PACKED_FIELDS
        }
        return {**self.model_dump(exclude=set(_PACKED_FIELDS)), **packed}


_PACKED_FIELDS = ("metadata", "about")


def _of_format_2(given: dict[str, Any]) -> dict[str, Any]:
    """A manifest that was written when the user's metadata and ours were still one."""
    metadata = given.get("metadata")
    if not isinstance(metadata, dict) or "content_hash" not in metadata:
        return given
    # Its content_hash was made in another way: without one it is another version's.
    mine = ("content_hash", "file_digest", "media_type")
    about = {name: metadata[name] for name in mine[1:] if name in metadata}
    metadata = {name: said for name, said in metadata.items() if name not in mine}
    named = {name: given[name] for name in ("title", "source") if name in given}
    return {**given, "metadata": {**named, **metadata}, "about": about}


class Fingerprint(BaseModel):
    """What made a collection. Vectors of other models, or other chunks, don't mix."""

    kind: Literal["collection"] = "collection"
    format: int = FORMAT
    embedding: str
    dimension: int
    levels: tuple[int, ...]
    embedded_levels: tuple[int, ...] = Field(description="Levels that have dense vectors.")
    probe: str = Field("", description="What the model makes of a fixed text; see `probe`.")
    made: str = Field("", description="Of no other collection, on whatever server.")
    unfilterable: tuple[str, ...] = Field(
        (), description="Names in metadata under which a document has too much to filter by."
    )


class Leaf(BaseModel):
    """A leaf as the store returns it. Offsets are characters of the document's text."""

    id: str
    document_id: str
    version: str
    level: int
    start: int
    end: int
    tokens: int
    position: int
    text: str
    root: str = Field(description="Id of the outermost node that holds it; its own if none.")
    root_leaves: int
    ancestors: tuple[Ancestor, ...] = Field(description="Root first.")
    heading: str = ""
    header: str = Field("", description="Of the table that it begins in the middle of.")
    rows: tuple[int, int] | None = Field(None, description="Its first and last row in a sheet.")

    @model_validator(mode="before")
    @classmethod
    def _unpack(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("ancestors"), str):
            return given
        of = (str(given.get("document_id")), str(given.get("version")))
        return {**given, "ancestors": unpack_ancestors(given["ancestors"], *of)}


@lru_cache(maxsize=4096)
def manifest_number(document_id: str) -> int:
    """The id of a document's manifest point, as a number."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"advanced-rag-patterns/manifest/{document_id}").int


def manifest_id(document_id: str) -> str:
    """The id of a document's manifest point."""
    return uuid_text(manifest_number(document_id))


def embedding_text(title: str, heading: str, text: str, *, header: str = "") -> str:
    """What is embedded and indexed for a chunk: what it is about, then what it says.

    Documents that resemble each other can only be told apart by their titles, and the rows
    of a table mean little without its header.
    """
    about = title if heading in ("", title) else f"{title} › {heading}"
    return "\n".join(part for part in (about, header, squeezed(text)) if part)


def leaf_point(
    tree: Tree,
    leaf: Node,
    over: Above,
    *,
    text: str,
    embedded: str,
    dense: list[float],
    digest: str,
    shared: dict[str, Any],
) -> Point:
    """The point of a leaf.

    `over` is what is above it; `text` is delivered; `embedded` is what BM25 indexes, and
    `digest` is its digest; `shared` is what all nodes of the document say, for filters: its
    `metadata`, and `owner`.
    """
    position = leaf.leaves[0]
    payload = {
        "kind": "leaf",
        **_place(tree, leaf, over),
        "tokens": leaf.tokens,
        "position": position,
        "heading": tree.headings[position],
        "digest": digest,
        "ancestors": over.packed,
        **shared,
        "text": text,
    }
    if tree.headers[position]:
        payload["header"] = tree.headers[position]
    if tree.rows and tree.rows[position]:
        payload["rows"] = list(tree.rows[position] or ())
    vectors: dict[str, Any] = {DENSE: dense, BM25: bm25_document(embedded)}
    return Point(id=leaf.id, vector=vectors, payload=payload)


def parent_point(
    tree: Tree, node: Node, over: Above, *, dense: list[float], digest: str, shared: dict[str, Any]
) -> Point:
    """The point of a parent whose level is searched too."""
    payload = {
        "kind": "parent",
        **_place(tree, node, over),
        "digest": digest,
        **shared,
    }
    return Point(id=node.id, vector={DENSE: dense}, payload=payload)


def manifest_point(manifest: Manifest) -> Point:
    """The point of a document."""
    return Point(id=manifest.point_id, vector={}, payload=manifest.payload())


def fingerprint_point(fingerprint: Fingerprint) -> models.PointStruct:
    """The point of the collection itself."""
    return models.PointStruct(id=COLLECTION_POINT, vector={}, payload=fingerprint.model_dump())


def leaf_of(point: models.ScoredPoint | models.Record) -> Leaf:
    """A leaf from its point.

    Raises:
        StoreError: it is damaged.
    """
    with readable("a leaf"):
        return Leaf.model_validate({**(point.payload or {}), "id": str(point.id)})


def manifest_of_payload(payload: Any) -> Manifest:
    """A manifest from its point's payload.

    Raises:
        StoreError: it is damaged.
    """
    with readable("a document's record"):
        return Manifest.model_validate(payload)


def fingerprint_of(payload: Any, where: str) -> Fingerprint:
    """What made a collection, from its point's payload.

    Args:
        payload: of that point.
        where: which collection it is, for messages.

    Raises:
        IndexMismatchError: another version of this project wrote it, whose format isn't known here.
        StoreError: it is damaged.
    """
    made = payload.get("format") if isinstance(payload, dict) else None
    if isinstance(made, int) and made > FORMAT:
        raise IndexMismatchError(
            f"{where} was written by a newer version of this project (format {made}, this one "
            f"writes {FORMAT}): update advanced-rag-patterns, or choose another --collection"
        )
    if isinstance(made, int) and made not in READABLE:
        raise IndexMismatchError(
            f"{where} was written by an old version of this project, in a format ({made}) that is "
            "read no more: `advanced-rag rebuild` brings it up to date"
        )
    with readable(f"the record of {where}"):
        return Fingerprint.model_validate(payload)


@contextmanager
def readable(what: str) -> Iterator[None]:
    """A payload that can't be what was written, as a `StoreError` that names the way back."""
    try:
        yield
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))[:100]
        raise StoreError(
            f"{what} is damaged ({place or first['type']}): run `advanced-rag rebuild`"
        ) from error


def _place(tree: Tree, node: Node, over: Above) -> dict[str, Any]:
    return {
        "document_id": tree.document_id,
        "version": tree.version,
        "level": node.level,
        "start": node.start,
        "end": node.end,
        "root": over.root,
        "root_leaves": over.root_leaves,
    }
