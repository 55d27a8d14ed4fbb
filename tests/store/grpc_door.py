"""A stand-in's second door: the part of Qdrant's gRPC interface that this project uses.

with StandIn(folder) as server, GrpcDoor(server) as door:
    Ways(prefer_grpc=True, grpc_port=door.port)
"""

import json
from collections.abc import Callable
from concurrent import futures
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
from qdrant_client import grpc as wire
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc
from qdrant_client.http import models

from tests.store.stand_in import StandIn
from tests.store.stand_in_rules import Refusal


class GrpcDoor:
    """Serves the collections of a stand-in by gRPC.

    Args:
        stand_in: whose; what key it asks for, this asks for, too
        port: where; by default a free one
        tls: its certificate and key, and what clients' certificates must be signed by, if anything

    Attributes:
        port: where
        calls: the names of the calls that arrived, in order
        refusing: what the next calls are refused with: a status, words, and metadata
    """

    def __init__(
        self, stand_in: StandIn, *, port: int = 0, tls: tuple[Path, Path, Path | None] | None = None
    ) -> None:
        self._stand_in = stand_in
        self.calls: list[str] = []
        self.refusing: list[tuple[grpc.StatusCode, str, dict[str, str]]] = []
        self._server = grpc.server(futures.ThreadPoolExecutor(4), handlers=(_Handler(self),))
        address = f"127.0.0.1:{port}"
        if tls is None:
            self.port = self._server.add_insecure_port(address)
        else:
            certificate, key, authority = tls
            credentials = grpc.ssl_server_credentials(
                [(key.read_bytes(), certificate.read_bytes())],
                authority.read_bytes() if authority else None,
                require_client_auth=authority is not None,
            )
            self.port = self._server.add_secure_port(address, credentials)
        self._server.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop(None)

    def serve(self, method: str, request: bytes, context: Any) -> bytes:
        """Answer one call."""
        name = method.removeprefix("/qdrant.")
        self.calls.append(name)
        if self.refusing:
            status, words, metadata = self.refusing.pop(0)
            context.set_trailing_metadata(tuple(metadata.items()))
            context.abort(status, words)
        if self._stand_in.key not in (None, dict(context.invocation_metadata()).get("api-key")):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "Invalid API key or JWT")
        kind, answer = _CALLS[name]
        given = kind.FromString(request)
        aliases = self._stand_in.aliases
        given.collection_name = aliases.get(given.collection_name, given.collection_name)
        backend = self._stand_in.backend
        if not backend.collection_exists(given.collection_name):
            missing = f"Not found: Collection `{given.collection_name}` doesn't exist!"
            context.abort(grpc.StatusCode.NOT_FOUND, missing)
        if refusal := self._rate(name, given):
            context.set_trailing_metadata(tuple(refusal.headers.items()))
            words = json.loads(refusal.body)["status"]["error"]
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, words)
        answered: bytes = answer(backend, given).SerializeToString()
        return answered

    def _rate(self, name: str, given: Any) -> Refusal | None:
        """What the server's rates refuse, of searches and of points that are written."""
        rules = self._stand_in.rules
        if rules.strict is None or name not in {"Points/Upsert", "Points/QueryBatch"}:
            return None
        if name == "Points/Upsert":
            return rules._rate("PUT", "/collections/c/points", {"points": given.points})
        return rules._rate("POST", "/collections/c/points/query/batch", None)


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, door: GrpcDoor) -> None:
        self._door = door

    def service(self, details: Any) -> Any:
        return grpc.unary_unary_rpc_method_handler(
            lambda request, context: self._door.serve(details.method, request, context)
        )


def _get_collection(backend: Any, given: Any) -> Any:
    found = backend.get_collection(given.collection_name)
    found.config.wal_config = models.WalConfig(wal_capacity_mb=32, wal_segments_ahead=0)
    return wire.GetCollectionInfoResponse(result=RestToGrpc.convert_collection_info(found))


def _get(backend: Any, given: Any) -> Any:
    ids = [GrpcToRest.convert_point_id(id_) for id_ in given.ids]
    found = backend.retrieve(given.collection_name, ids, _payload(given), _vectors(given))
    return wire.GetResponse(result=map(_record, found))


def _scroll(backend: Any, given: Any) -> Any:
    points, following = backend.scroll(
        given.collection_name,
        scroll_filter=_filter(given),
        limit=given.limit or 10,
        offset=GrpcToRest.convert_point_id(given.offset) if given.HasField("offset") else None,
        with_payload=_payload(given),
        with_vectors=_vectors(given),
    )
    offset = None if following is None else RestToGrpc.convert_extended_point_id(following)
    return wire.ScrollResponse(next_page_offset=offset, result=map(_record, points))


def _record(found: models.Record) -> Any:
    return RestToGrpc.convert_record(found.model_copy(update={"payload": found.payload or {}}))


def _count(backend: Any, given: Any) -> Any:
    found = backend.count(given.collection_name, _filter(given), True)
    return wire.CountResponse(result=RestToGrpc.convert_count_result(found))


def _upsert(backend: Any, given: Any) -> Any:
    points = [GrpcToRest.convert_point_struct(point) for point in given.points]
    mode = GrpcToRest.convert_update_mode(given.update_mode)
    return _done(backend.upsert(given.collection_name, points, update_mode=mode))


def _delete(backend: Any, given: Any) -> Any:
    chosen = GrpcToRest.convert_points_selector(given.points)
    return _done(backend.delete(given.collection_name, chosen))


def _query_batch(backend: Any, given: Any) -> Any:
    searches = [_query(one) for one in given.query_points]
    found = backend.query_batch_points(given.collection_name, searches)
    return wire.QueryBatchResponse(
        result=[
            wire.BatchResult(result=map(RestToGrpc.convert_scored_point, one.points))
            for one in found
        ]
    )


def _query(given: Any) -> models.QueryRequest:
    return models.QueryRequest(
        query=GrpcToRest.convert_query(given.query) if given.HasField("query") else None,
        using=given.using or None,
        filter=_filter(given),
        limit=given.limit,
        offset=given.offset or None,
        with_payload=_payload(given),
        params=models.SearchParams(exact=True) if given.params.exact else None,
    )


def _payload(given: Any) -> Any:
    return GrpcToRest.convert_with_payload_selector(given.with_payload)


def _vectors(given: Any) -> Any:
    return GrpcToRest.convert_with_vectors_selector(given.with_vectors)


def _filter(given: Any) -> Any:
    return GrpcToRest.convert_filter(given.filter) if given.HasField("filter") else None


def _done(result: models.UpdateResult) -> Any:
    return wire.PointsOperationResponse(result=RestToGrpc.convert_update_result(result))


def _set_payload(backend: Any, given: Any) -> Any:
    payload = {key: GrpcToRest.convert_value(value) for key, value in given.payload.items()}
    chosen = GrpcToRest.convert_points_selector(given.points_selector)
    return _done(backend.set_payload(given.collection_name, payload, chosen))


_CALLS: dict[str, tuple[Any, Callable[[Any, Any], Any]]] = {
    "Collections/Get": (wire.GetCollectionInfoRequest, _get_collection),
    "Points/Get": (wire.GetPoints, _get),
    "Points/Scroll": (wire.ScrollPoints, _scroll),
    "Points/Count": (wire.CountPoints, _count),
    "Points/Upsert": (wire.UpsertPoints, _upsert),
    "Points/Delete": (wire.DeletePoints, _delete),
    "Points/QueryBatch": (wire.QueryBatchPoints, _query_batch),
    "Points/SetPayload": (wire.SetPayloadPoints, _set_payload),
}
