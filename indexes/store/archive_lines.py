"""What a line of an archive may be: exactly these fields, of exactly these kinds.

What comes in is trusted in nothing, so nothing is converted and nothing is passed over.
"""

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from qdrant_client import models

from indexes.store.columns import Point
from indexes.store.points import BM25, DENSE, FORMAT, READABLE, Fingerprint, Leaf, Manifest
from indexes.store.probe import dimension_of

_MAX_DIMENSION = 65_536
_MAX_DEPTH = 32
_MAX_INTEGER = 2**63 - 1
_MAX_INDEX = 2**32 - 1


def _checked_json(value: Any, depth: int = 0, *, packed: bool = False) -> None:
    """Refuse what no engine takes, or none should; what is `packed`, it takes as a string."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"is nested more than {_MAX_DEPTH} deep")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            _checked_json(item, depth + 1, packed=packed)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that is not finite")
    elif isinstance(value, int) and abs(value) > _MAX_INTEGER and not packed:
        raise ValueError("holds a number that is too large")


class Line(BaseModel):
    """Any line."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class ArchivedFingerprint(Fingerprint, Line):
    """What made the collection."""

    @model_validator(mode="after")
    def _possible(self) -> "ArchivedFingerprint":
        levels = list(self.levels)
        if not levels or min(levels) < 1 or levels != sorted(set(levels), reverse=True):
            raise ValueError("levels must fall")
        embedded = self.embedded_levels
        if len(levels) - 1 not in embedded or not set(embedded) <= set(range(len(levels))):
            raise ValueError("embedded_levels must be levels, the last among them")
        if not 1 <= self.dimension <= _MAX_DIMENSION:
            raise ValueError("dimension is out of range")
        if self.probe and dimension_of(self.probe) != self.dimension:
            raise ValueError("probe is none of this dimension")
        if any(not name for name in self.unfilterable):
            raise ValueError("unfilterable holds a name that is none")
        if self.format not in READABLE:
            raise ValueError("format is none that this version reads")
        return self

    def plain(self) -> Fingerprint:
        """The same, to make a collection with."""
        return Fingerprint(**{**self.model_dump(), "format": FORMAT})


class Header(Line):
    """The first line."""

    format: Literal["advanced-rag-patterns"]
    version: Literal[1, 2]
    fingerprint: ArchivedFingerprint
    documents: int = Field(ge=0)
    leaves: int = Field(ge=0)


class Footer(Line):
    """The last line."""

    sha256: str
    documents: int
    points: int


class ArchivedManifest(Manifest, Line):
    """A document that queries can see."""

    @model_validator(mode="after")
    def _possible(self) -> "ArchivedManifest":
        _checked_json(self.metadata, packed=True)
        _checked_json(self.about, packed=True)
        if not self.document_id or not self.version or not self.settled:
            raise ValueError("is not that of a visible document")
        numbers = [self.characters, self.tokens, self.leaves, self.nodes]
        starts = self.page_starts or []
        if min([*numbers, *starts]) < 0 or max([*numbers, *starts]) > _MAX_INTEGER:
            raise ValueError("has a number that is out of range")
        if starts != sorted(starts):
            raise ValueError("page_starts must rise")
        return self


class ManifestLine(Line):
    """The line that begins a document."""

    manifest: ArchivedManifest


class _Sparse(Line):
    indices: list[int]
    values: list[float]

    @model_validator(mode="after")
    def _possible(self) -> "_Sparse":
        if len(self.indices) != len(self.values) or len(set(self.indices)) != len(self.indices):
            raise ValueError("indices must differ and be as many as values")
        if self.indices and not 0 <= min(self.indices) <= max(self.indices) <= _MAX_INDEX:
            raise ValueError("an index is out of range")
        return self


class _Vector(Line):
    dense: list[float]
    bm25: _Sparse | None = None


class _Payload(Line):
    kind: Literal["leaf", "parent"]
    document_id: str
    version: str
    level: int = Field(ge=0, le=_MAX_INTEGER)
    start: int = Field(ge=0, le=_MAX_INTEGER)
    end: int = Field(ge=0, le=_MAX_INTEGER)
    root: str
    root_leaves: int = Field(ge=0, le=_MAX_INTEGER)
    digest: str = ""
    metadata: dict[str, JsonValue]
    owner: str = ""
    # Of leaves only. What they mean together is `DocumentCheck`'s.
    tokens: int = Field(0, ge=0, le=_MAX_INTEGER)
    position: int = Field(0, ge=0, le=_MAX_INTEGER)
    heading: str = ""
    header: str = ""
    rows: tuple[int, int] | None = None
    text: str = ""
    ancestors: str = ""

    @model_validator(mode="after")
    def _possible(self) -> "_Payload":
        _checked_json(self.metadata)
        if self.kind == "leaf":
            needed = set(Leaf.model_fields) - {"id", "heading", "header", "rows"}
            if lacking := needed - self.model_fields_set:
                raise ValueError(f"lacks {', '.join(sorted(lacking))}")
        return self


class PointLine(Line):
    """A node of the document above it."""

    id: str
    vector: _Vector
    payload: _Payload

    def point(self) -> Point:
        """The point, made of nothing but what was checked."""
        vector: dict[str, Any] = {DENSE: self.vector.dense}
        if self.vector.bm25 is not None:
            vector[BM25] = models.SparseVector.model_construct(
                indices=self.vector.bm25.indices, values=self.vector.bm25.values
            )
        return Point(id=self.id, vector=vector, payload=self.payload.model_dump(exclude_unset=True))
