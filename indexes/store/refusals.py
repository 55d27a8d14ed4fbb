"""What a Qdrant server's refusals mean, in one line that names the fix.

with store_errors(engine.address):
    engine.client.count("documents")
"""

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from indexes.errors import StoreError, StoreUnreachableError

# What the client lets through: its own, the transport's, and what it asserts of an answer.
FAILURES = (
    UnexpectedResponse,
    ResponseHandlingException,
    ResourceExhaustedResponse,
    httpx.HTTPError,
    json.JSONDecodeError,
    AssertionError,
)

_SHOWN = 300
_BY_GRPC = "by gRPC"
_METADATA = "metadata."
_UNINDEXED = re.compile(r'Index required but not found for "(.+?)" of')
_ELSEWHERE = re.compile(r"Access to collection (\S+) is required")
_NOT_TO_WRITE = re.compile(r"Write access to collection|manage access is required")
# Limits whose setting is ours; what else a limit is about, `indexes.store.limits` adapts to.
_OURS = {
    "hnsw_ef": "lower RAG_QDRANT_HNSW_EF",
    "oversampling": "lower RAG_QDRANT_OVERSAMPLING",
    "timeout": "lower RAG_QDRANT_TIMEOUT",
}
_LIMIT = re.compile(r'Limit exceeded .+ for "(.+?)"')
_PLAIN_HTTP = re.compile(
    r"WRONG_VERSION_NUMBER|RECORD_LAYER_FAILURE|UNKNOWN_PROTOCOL", re.IGNORECASE
)
_NOT_HTTP = re.compile(r"illegal (request|status) line|without sending a response", re.IGNORECASE)


@contextmanager
def store_errors(address: str) -> Iterator[None]:
    """What qdrant-client raises inside the block, as a one-line `StoreError`.

    Args:
        address: of the index, for the message; no secrets.
    """
    try:
        yield
    except FAILURES as error:
        kind = StoreUnreachableError if _is_away(error) else StoreError
        raise kind(explained(address, error)) from error


def _is_away(error: BaseException) -> bool:
    """Whether nobody answers, or somebody who can't now."""
    if isinstance(error, UnexpectedResponse):
        return (error.status_code or 0) >= 500
    source = error.source if isinstance(error, ResponseHandlingException) else error
    return isinstance(source, httpx.TransportError)


def explained(address: str, error: BaseException) -> str:
    """One line for one of `FAILURES`."""
    if isinstance(error, UnexpectedResponse):
        return _refused(address, error)
    if isinstance(error, ResourceExhaustedResponse):
        return f"{address} is overloaded ({line(error)}): try again later"
    return _unreached(
        address, error.source if isinstance(error, ResponseHandlingException) else error
    )


def said(error: BaseException) -> str:
    """The server's own words, where there are some."""
    if isinstance(error, UnexpectedResponse):
        return _detail(error) or line(error.content.decode(errors="replace"))
    return line(error) if isinstance(error, ResourceExhaustedResponse) else ""


def _refused(address: str, error: UnexpectedResponse) -> str:
    """The message for an HTTP status that is an error."""
    status = error.status_code or 0
    if status in {401, 403}:
        return _key_refused(address, str(status), said(error))
    detail = _detail(error)
    if detail is None:
        return (
            f"{address} answered {status}, and not as a Qdrant server does: "
            "check host, port (6333 for REST) and path of --index"
        )
    if status >= 500:
        return f"{address} failed ({status}): {detail}; see the server's log"
    return _not_as_asked(address, str(status), detail)


def _not_as_asked(address: str, status: str, detail: str) -> str:
    if unindexed := _UNINDEXED.search(detail):
        key = unindexed[1]
        if not key.startswith(_METADATA):
            return (
                f"{address} lacks an index that this version needs ({key}): run "
                "`advanced-rag indexes`, with a key that may write"
            )
        name = key.removeprefix(_METADATA)
        return (
            f"{address} filters by what has an index only, and {name} has none: "
            f"run `advanced-rag indexes --add {name}:keyword` (or :integer, :float, :datetime, …)"
        )
    fix = ""
    if "maximum number of payload indices" in detail:
        fix = ": drop one by `advanced-rag indexes --drop KEY`"
    if (limit := _LIMIT.search(detail)) and (ours := _OURS.get(limit[1])):
        fix = f": {ours}"
    return f"{address} refused the request ({status}): {detail}{fix}"


def _key_refused(address: str, status: str, words: str) -> str:
    """Which of the things that can be wrong with a key is."""
    if "ExpiredSignature" in words:
        return f"{address}: the key in RAG_QDRANT_API_KEY has expired ({status}): take a new one"
    if elsewhere := _ELSEWHERE.search(words):
        return (
            f"{address}: the key in RAG_QDRANT_API_KEY is not for collection {elsewhere[1]} "
            f"({status}): choose its own as --collection, or take another key"
        )
    if _NOT_TO_WRITE.search(words):
        return (
            f"{address}: the key in RAG_QDRANT_API_KEY may read, but not do this ({status}): "
            "take one that may write"
        )
    if "Global access is required" in words:
        return (
            f"{address}: the key in RAG_QDRANT_API_KEY is for single collections and can't make "
            f"one ({status}): let a key for the whole server make it, by a first ingest"
        )
    if "Must provide" in words:
        return f"{address} asks for an API key ({status}): set RAG_QDRANT_API_KEY"
    return f"{address} refused the API key ({status}): set RAG_QDRANT_API_KEY to one it accepts"


def _detail(error: UnexpectedResponse) -> str | None:
    """The server's own words, on one line; None when it isn't Qdrant that answered."""
    try:
        status = json.loads(error.content)["status"]
        return line(status["error"])
    except (ValueError, KeyError, TypeError):
        return None


def _unreached(address: str, source: BaseException) -> str:
    """The message when there was no answer, or none that could be read."""
    if isinstance(source, httpx.TimeoutException):
        return f"{address} did not answer in time: check that it is up, or raise the timeout"
    reason = _tls_reason(source, address)
    if reason:
        return f"cannot reach {address} ({line(source)}): {reason}"
    if isinstance(source, httpx.TransportError):
        fix = "start the server, or correct host and port of --index"
        if _BY_GRPC in str(source):
            fix = "set RAG_QDRANT_GRPC_PORT to its port, or use REST instead"
        return f"cannot reach {address} ({line(source)}): {fix}"
    return (
        f"{address} answered something that is not Qdrant's ({type(source).__name__}): "
        "check the port of --index, and that the server is not much older than the client"
    )


def _tls_reason(source: BaseException, address: str) -> str | None:
    """What to do when the two sides don't agree on encryption, or on whom to trust."""
    words, cause = str(source), source
    while cause.__cause__ is not None or cause.__context__ is not None:
        cause = cause.__cause__ or cause.__context__ or cause
        words += f" {cause}"
        if isinstance(cause, ssl.SSLError):
            break
    if "CERTIFICATE_VERIFY_FAILED" in words:
        if "expired" in words:
            return "its certificate has expired: renew it"
        if "mismatch" in words or "doesn't match" in words or "not valid for" in words:
            return "its certificate is for another name: use that name in --index"
        return "set RAG_QDRANT_CA to the file of the authority that signed its certificate"
    if "CERTIFICATE_REQUIRED" in words or "certificate required" in words:
        return "it wants a client's certificate: set RAG_QDRANT_CERT and RAG_QDRANT_CERT_KEY"
    if _PLAIN_HTTP.search(words):
        return "it speaks plain HTTP there: write http:// instead of https://"
    broken = isinstance(source, httpx.RemoteProtocolError) and _NOT_HTTP.search(words)
    if broken and address.startswith("http://"):
        return "it may speak TLS there, or gRPC: write https://, or correct the port"
    return None


def line(value: object) -> str:
    """Anything on one line, of a length that can be shown."""
    return " ".join(str(value).split())[:_SHOWN] or type(value).__name__
