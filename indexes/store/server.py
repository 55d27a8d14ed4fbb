"""What Qdrant can be told, from settings to its own parameters.

    parameters = server_parameters(settings)
    engine = connect(settings.index, api_key=settings.qdrant_api_key, ways=parameters.ways)
    store = TreeStore(engine, settings.collection, parameters)

The tables below say which setting becomes which parameter; what is not set is left to
the server. `docs/scaling.md` says what to choose at which size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qdrant_client import models

from indexes.errors import SettingsError
from indexes.settings import Settings
from indexes.store.columns import Search
from indexes.store.conditions import payload_key
from indexes.store.points import DENSE
from indexes.store.ways import Ways

_CONNECTION = {
    "qdrant_timeout": "timeout",
    "qdrant_retries": "retries",
    "qdrant_grpc": "prefer_grpc",
    "qdrant_grpc_port": "grpc_port",
    "qdrant_ca": "ca",
    "qdrant_cert": "cert",
    "qdrant_cert_key": "cert_key",
    "qdrant_compress": "compress",
}
_COLLECTION = {
    "qdrant_shards": "shard_number",
    "qdrant_replicas": "replication_factor",
    "qdrant_write_consistency": "write_consistency_factor",
    "qdrant_payload_on_disk": "on_disk_payload",
}
_HNSW = {
    "qdrant_hnsw_m": "m",
    "qdrant_hnsw_payload_m": "payload_m",
    "qdrant_hnsw_ef_construct": "ef_construct",
    "qdrant_hnsw_on_disk": "on_disk",
}
_QUANTIZED_SEARCH = {
    "qdrant_oversampling": "oversampling",
    "qdrant_rescore": "rescore",
}
# Quantised vectors are there to be searched in memory: on disk they save nothing.
QUANTIZATION: dict[str, models.QuantizationConfig] = {
    "scalar": models.ScalarQuantization(
        scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
    ),
    "binary": models.BinaryQuantization(binary=models.BinaryQuantizationConfig(always_ram=True)),
}
# Types of `qdrant_indexes`, as the server calls them.
_INDEX_TYPES = {
    kind.value: kind
    for kind in (
        models.PayloadSchemaType.KEYWORD,
        models.PayloadSchemaType.INTEGER,
        models.PayloadSchemaType.FLOAT,
        models.PayloadSchemaType.DATETIME,
        models.PayloadSchemaType.TEXT,
        models.PayloadSchemaType.BOOL,
    )
}
# What a folder has no use for. (A key in the environment does no harm.)
_SERVERS = frozenset({*_CONNECTION, "qdrant_shards", "qdrant_replicas", "qdrant_write_consistency"})


@dataclass(frozen=True)
class ServerParameters:
    """What the engine is told besides what every index needs; by default nothing.

    Attributes:
        ways: how a server is spoken to.
        collection: arguments of `create_collection`.
        vector: parameters of the dense vectors.
        sparse: parameters of the sparse vectors' index; None for the server's own.
        indexes: payload indexes by payload key.
        search: for searches that come without parameters of their own.
    """

    ways: Ways = field(default_factory=Ways)
    collection: Mapping[str, Any] = field(default_factory=dict)
    vector: Mapping[str, Any] = field(default_factory=dict)
    sparse: models.SparseIndexParams | None = None
    indexes: Mapping[str, Any] = field(default_factory=dict)
    search: models.SearchParams | None = None

    def tuned(self, searches: Sequence[Search]) -> list[Search]:
        """The searches, those for similar vectors with the `search` parameters."""
        if self.search is None:
            return list(searches)
        return [
            replace(search, params=self.search) if search.using == DENSE else search
            for search in searches
        ]


def server_parameters(settings: Settings, *, embedded: bool | None = None) -> ServerParameters:
    """The settings that begin with `qdrant_`, checked and translated.

    Args:
        settings: any.
        embedded: whether the index is a folder; by default what `settings.index` says.

    Raises:
        SettingsError: a setting contradicts another, or a folder is given one that is
            for servers.
    """
    if embedded is None:
        embedded = "://" not in settings.index
    if embedded:
        _refuse_for_folders(settings)
    _check(settings)
    collection = _chosen(settings, _COLLECTION)
    if hnsw := _chosen(settings, _HNSW):
        collection["hnsw_config"] = models.HnswConfigDiff(**hnsw)
    if settings.qdrant_quantization != "none":
        collection["quantization_config"] = QUANTIZATION[settings.qdrant_quantization]
    on_disk = settings.qdrant_vectors_on_disk
    return ServerParameters(
        ways=Ways(**_chosen(settings, _CONNECTION)),
        collection=collection,
        vector={} if on_disk is None else {"on_disk": on_disk},
        sparse=None if on_disk is None else models.SparseIndexParams(on_disk=on_disk),
        indexes=_indexes(settings),
        search=_search(settings),
    )


def _chosen(settings: Settings, table: Mapping[str, str]) -> dict[str, Any]:
    values = ((there, getattr(settings, here)) for here, there in table.items())
    return {there: value for there, value in values if value is not None}


def _search(settings: Settings) -> models.SearchParams | None:
    quantized = _chosen(settings, _QUANTIZED_SEARCH)
    if not quantized and settings.qdrant_hnsw_ef is None:
        return None
    return models.SearchParams(
        hnsw_ef=settings.qdrant_hnsw_ef,
        quantization=models.QuantizationSearchParams(**quantized) if quantized else None,
    )


def _indexes(settings: Settings) -> dict[str, Any]:
    indexes: dict[str, Any] = dict(map(index_of, settings.qdrant_indexes))
    if settings.qdrant_tenant is not None:
        indexes[payload_key(settings.qdrant_tenant)] = models.KeywordIndexParams(
            type=models.KeywordIndexType.KEYWORD, is_tenant=True
        )
        # Points of a tenant lie together on disk then, not those of a root.
        indexes["root"] = models.PayloadSchemaType.KEYWORD
    return indexes


def index_of(given: str) -> tuple[str, models.PayloadSchemaType]:
    """A payload index as users write it, `year:integer`: its payload key and its type.

    Raises:
        SettingsError: it is no KEY:TYPE.
    """
    key, _, kind = given.rpartition(":")
    if not key or kind not in _INDEX_TYPES:
        raise _wrong(
            "qdrant_indexes",
            f"{given!r} is not KEY:TYPE with a type of {', '.join(_INDEX_TYPES)}",
        )
    return payload_key(key), _INDEX_TYPES[kind]


def _check(settings: Settings) -> None:
    """Refuse what the server would refuse later, or would take and mean nothing."""
    copies = settings.qdrant_replicas or 1
    if (settings.qdrant_write_consistency or 1) > copies:
        raise _wrong(
            "qdrant_write_consistency",
            f"more copies than there are ({copies}): raise RAG_QDRANT_REPLICAS",
        )
    if settings.qdrant_cert_key is not None and settings.qdrant_cert is None:
        raise _wrong("qdrant_cert_key", "needs RAG_QDRANT_CERT, the certificate that it is for")
    if settings.qdrant_grpc_port is not None and not settings.qdrant_grpc:
        raise _wrong("qdrant_grpc_port", "is for gRPC: set RAG_QDRANT_GRPC=true, too")
    if settings.qdrant_hnsw_payload_m is not None and settings.qdrant_tenant is None:
        raise _wrong("qdrant_hnsw_payload_m", "needs RAG_QDRANT_TENANT, the key of the tenants")
    if settings.qdrant_hnsw_m == 0 and not settings.qdrant_hnsw_payload_m:
        raise _wrong("qdrant_hnsw_m", "0 needs RAG_QDRANT_HNSW_PAYLOAD_M, the tenants' own graphs")


def _refuse_for_folders(settings: Settings) -> None:
    for name in sorted(settings.model_fields_set):
        if name in _SERVERS:
            raise _wrong(
                name,
                f"is for a Qdrant server, and {settings.index} is a folder: unset it, "
                "or set index to http://host:6333",
            )


def _wrong(name: str, reason: str) -> SettingsError:
    return SettingsError(f"setting {name} (environment RAG_{name.upper()}): {reason}")
