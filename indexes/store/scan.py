"""Read all points of a collection, a page at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError
from qdrant_client import models

from indexes.store.nodes import TreeStore, matching
from indexes.store.points import Manifest

NODES = ("leaf", "parent")


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
