"""Calls of gRPC through libcurl, told as REST tells them: so there is one way to send a request,
to send it again, to change nodes, and to understand a refusal.

grpcio costs a call twice as much processor time. The protocol is HTTP/2 with each message behind
five bytes, and a status at the end: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

import struct
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import httpx
import orjson
import pycurl
from qdrant_client.http.exceptions import ResponseHandlingException

from indexes.store.http import Line, Reply, headers_of

# What `Line` says of requests to a gRPC port.
HEADERS = {"content-type": "application/grpc", "te": "trailers"}
_FRAME = struct.Struct(">?I")  # whether the message is compressed, and its bytes
_OK = b"\ngrpc-status: 0\r"
# gRPC's statuses as HTTP's; the others are failures of the server.
_STATUSES = {
    3: 400,  # INVALID_ARGUMENT
    4: 504,  # DEADLINE_EXCEEDED
    5: 404,  # NOT_FOUND
    6: 409,  # ALREADY_EXISTS
    7: 403,  # PERMISSION_DENIED
    8: 429,  # RESOURCE_EXHAUSTED
    9: 400,  # FAILED_PRECONDITION
    11: 400,  # OUT_OF_RANGE
    12: 404,  # UNIMPLEMENTED: another service's port
    14: 503,  # UNAVAILABLE
    16: 401,  # UNAUTHENTICATED
}
_FAILED = 500
_FEATURES = 4  # their place in what pycurl says of libcurl


def speaks_grpc() -> bool:
    """Whether libcurl was built with HTTP/2, as it is in pycurl's wheels."""
    return bool(pycurl.version_info()[_FEATURES] & pycurl.VERSION_HTTP2)


class RpcLine(Line):
    """Connections to a node's gRPC port: a path names a method, bodies are messages."""

    own: Mapping[int, Any] = {
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE,
        # gRPC compresses messages, if at all; nothing may compress them again.
        pycurl.ACCEPT_ENCODING: "identity",
        # No proxy would pass on HTTP/2 that isn't encrypted.
        pycurl.HTTPPROXYTUNNEL: 1,
    }

    def ask(self, method: str, path: str, body: bytes) -> Reply:
        """Make a call.

        Raises:
            ResponseHandlingException: nobody answered, or somebody who doesn't speak gRPC.
        """
        return super().ask(method, path, _FRAME.pack(False, len(body)) + body)

    def reply(self, status: int, head: bytes, content: bytes) -> Reply:
        """The message, or the refusal as REST words it."""
        if _OK in head:
            return Reply(200, {}, _message(content))
        headers = headers_of(head)
        if "grpc-status" not in headers:
            # Whatever stands before the server.
            return Reply(status if status != 200 else 502, headers, content)
        told = headers["grpc-status"]
        code = _STATUSES.get(int(told), _FAILED) if told.isdigit() else _FAILED
        words = unquote(headers.get("grpc-message", "")) or f"gRPC status {told}"
        return Reply(code, headers, orjson.dumps({"status": {"error": words}}))

    def failure(self, error: pycurl.error, curl: pycurl.Curl) -> httpx.TransportError:
        """Says that it is the other port that failed."""
        found = super().failure(error, curl)
        told = type(found)(f"by gRPC: {found}")
        told.__cause__ = error
        return told


def _message(content: bytes) -> bytes:
    """What the one frame of an answer holds."""
    compressed, size = _FRAME.unpack_from(content) if len(content) >= _FRAME.size else (True, 0)
    if compressed or size != len(content) - _FRAME.size:
        raise ResponseHandlingException(ValueError("no message of gRPC's"))
    return content[_FRAME.size :]
