"""The parameters of a collection: as given, as reported, and as the engine takes them."""

import math
from collections.abc import Mapping
from typing import Any

import qdrant_edge as edge
from qdrant_client.http import models

from indexes.errors import StoreError
from indexes.store.edge.translate import DEFAULT_HNSW, to_edge

# Smaller collections are searched exactly, by scanning. On two cores: 4 ms at 20,000 × 384
# and 8 ms at 50,000; a graph answers in half of that, and takes minutes to build.
EXACT_VECTORS = 50_000

# Room that a point needs beside its vectors; all of it is written twice, to the log and to the
# segment, with indexes.
_POINT_ROOM = 16 * 1024
_WRITTEN = 4


def collection_config(vectors: Any, given: dict[str, Any]) -> models.CollectionConfig:
    """Creation parameters as `get_collection` reports them, defaults filled in.

    Args:
        vectors: one vector's parameters, or a dictionary of named ones.
        given: the other arguments of `create_collection`; those used are taken out.
    """
    params = models.CollectionParams(
        vectors=dict(vectors) if isinstance(vectors, Mapping) else vectors,
        shard_number=1,
        replication_factor=1,
        write_consistency_factor=1,
        on_disk_payload=given.pop("on_disk_payload", None),
        sparse_vectors=given.pop("sparse_vectors_config", None),
    )
    given.pop("wal_config", None)  # the engine's log has nothing to configure
    return models.CollectionConfig(
        params=params,
        hnsw_config=merged(DEFAULT_HNSW, given.pop("hnsw_config", None)),
        optimizer_config=merged(_optimizers(params), given.pop("optimizers_config", None)),
        quantization_config=given.pop("quantization_config", None),
    )


def _optimizers(params: models.CollectionParams) -> models.OptimizersConfig:
    vectors = params.vectors or {}
    dense = vectors.values() if isinstance(vectors, dict) else [vectors]
    widest = max((vector.size * _bytes(vector) for vector in dense), default=0)
    return models.OptimizersConfig(
        deleted_threshold=0.2,
        vacuum_min_vector_number=1000,
        default_segment_number=0,
        indexing_threshold=max(10_000, EXACT_VECTORS * widest // 1024),
        flush_interval_sec=5,
    )


def _bytes(vector: models.VectorParams) -> int:
    """What one number of a vector takes."""
    smaller = {models.Datatype.FLOAT16: 2, models.Datatype.UINT8: 1}
    return smaller.get(vector.datatype or models.Datatype.FLOAT32, 4)


def merged(defaults: Any, changes: Any) -> Any:
    """Parameters with those of a `…Diff` that are set put in."""
    given = {} if changes is None else changes.model_dump(exclude_none=True)
    known = {name: value for name, value in given.items() if name in type(defaults).model_fields}
    return type(defaults).model_validate({**defaults.model_dump(), **known})


def edge_config(config: models.CollectionConfig) -> edge.EdgeConfig:
    """The engine's parameters.

    Where nothing else was asked for, lists of words, graphs and keywords are pages of files, which
    the system may take back. The engine's default is memory that it can't, 700 bytes a leaf: it is
    no quicker, and opening takes a third longer.
    """
    params, optimizer = config.params, config.optimizer_config
    vectors = params.vectors or {}
    if isinstance(vectors, models.VectorParams):
        vectors = {"": vectors}
    return edge.EdgeConfig(
        vectors={name: to_edge(vector) for name, vector in vectors.items()},
        sparse_vectors={
            name: to_edge(
                vector.model_copy(
                    update={"index": paged(vector.index or models.SparseIndexParams())}
                )
            )
            for name, vector in (params.sparse_vectors or {}).items()
        },
        on_disk_payload=params.on_disk_payload,
        hnsw_config=to_edge(paged(config.hnsw_config)),
        quantization_config=to_edge(config.quantization_config),
        optimizers=edge.EdgeOptimizersConfig(
            deleted_threshold=optimizer.deleted_threshold,
            vacuum_min_vector_number=optimizer.vacuum_min_vector_number,
            default_segment_number=optimizer.default_segment_number or None,
            max_segment_size=optimizer.max_segment_size,
            indexing_threshold=optimizer.indexing_threshold,
        ),
    )


def paged(given: Any) -> Any:
    """An index's or graph's parameters, in pages of files unless they say where it is."""
    said = given.memory is not None or given.on_disk
    return given if said else given.model_copy(update={"memory": models.Memory.CACHED})


def check_vectors(params: models.CollectionParams, vector: Any) -> None:
    """Refuse vectors that do not fit the collection.

    The engine finds out point by point, and keeps those of a batch that came before.

    Args:
        params: of the collection.
        vector: of one point: one vector, or a dictionary of named ones.

    Raises:
        StoreError: a vector's name, kind, size or values are wrong.
    """
    dense = params.vectors or {}
    if isinstance(dense, models.VectorParams):
        dense = {"": dense}
    for name, item in (vector if isinstance(vector, dict) else {"": vector}).items():
        declared = dense.get(name)
        sparse = isinstance(item, models.SparseVector | edge.SparseVector)
        if declared is None and name not in (params.sparse_vectors or {}):
            known = ", ".join(map(repr, [*dense, *(params.sparse_vectors or {})]))
            raise StoreError(f"the collection has no vector {name!r}, only {known or 'none'}")
        if (declared is None) != sparse:
            kind = "sparse" if declared is None else "dense"
            raise StoreError(f"the vector {name!r} is {kind} in this collection")
        if isinstance(item, edge.SparseVector):
            continue  # the engine made it
        if isinstance(item, models.SparseVector):
            numbers = item.values
            if len(set(item.indices)) != len(item.indices):
                raise StoreError(f"a sparse vector {name!r} has the same index twice")
            _check_numbers(name, numbers)
            continue
        if declared is not None and len(item) != declared.size:
            raise StoreError(
                f"a vector {name!r} has {len(item)} dimensions, "
                f"the collection's have {declared.size}"
            )
        _check_numbers(name, item)


def _check_numbers(name: str, numbers: Any) -> None:
    if not math.isfinite(sum(numbers)):
        raise StoreError(f"a vector {name!r} holds a number that is not finite")


def point_room(config: models.CollectionConfig) -> int:
    """Bytes that writing a point may take."""
    vectors = config.params.vectors or {}
    named = vectors.values() if isinstance(vectors, dict) else [vectors]
    return _WRITTEN * (_POINT_ROOM + 4 * sum(one.size for one in named))
