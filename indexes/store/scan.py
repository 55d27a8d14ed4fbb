"""Looking at all points of a collection, a page at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError
from qdrant_client import models

from indexes.store.nodes import TreeStore, matching
from indexes.store.points import Manifest

NODES = ("leaf", "parent")


def visible(store: TreeStore) -> Iterator[Manifest]:
    """All documents that queries can see and whose manifest can be read."""
    for point in manifest_points(store):
        manifest = manifest_of(point)
        if manifest is not None and manifest.version is not None:
            yield manifest


def nodes_of(document_ids: str | Sequence[str], version: str | None = None) -> models.Filter:
    """The nodes of documents, of one version or of all."""
    chosen: dict[str, Any] = {"document_id": document_ids}
    if version is not None:
        chosen["version"] = version
    return matching(**chosen, kind=NODES)


def manifest_points(store: TreeStore) -> Iterator[models.Record]:
    """All points that should be manifests."""
    for points in store.scroll(matching(kind="manifest")):
        yield from points


def manifest_of(point: models.Record) -> Manifest | None:
    """What the point says; None when it is no manifest, or not in its place."""
    try:
        manifest = Manifest.model_validate(point.payload)
    except ValidationError:
        return None
    return manifest if manifest.point_id == str(point.id) else None
