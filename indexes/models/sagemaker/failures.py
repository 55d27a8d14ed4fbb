"""What went wrong with an endpoint: whether it may pass, and one line that names the fix."""

from collections.abc import Iterable
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EventStreamError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    ResponseStreamingError,
    SSOTokenLoadError,
    UnauthorizedSSOTokenError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from urllib3.exceptions import HTTPError as TransportError
from urllib3.exceptions import ReadTimeoutError as TransportTimeout

from indexes.errors import ModelError
from indexes.models.sagemaker.codecs import CodecError, ReportedError


class RoleError(BotoCoreError):  # type: ignore[misc]
    """A role could not be taken on."""

    fmt = (
        "the role {role} cannot be taken on ({reason}): check RAG_SAGEMAKER_ROLE, and that the "
        "role's trust policy names you"
    )


FAILURES = (BotoCoreError, ClientError, TransportError, CodecError, OSError, ValueError)
SHOWN_CHARACTERS = 300

_THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "SlowDown"}
_PASSING = {
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "InternalFailure",
    "InternalServerException",
    "InternalDependencyException",
    "InternalStreamFailure",
    "ModelNotReadyException",
    "RequestTimeout",
}
_DENIED = {"AccessDeniedException", "AccessDenied"}
_UNKNOWN = {
    "ExpiredTokenException",
    "ExpiredToken",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "InvalidClientTokenId",
    "MissingAuthenticationTokenException",
    "IncompleteSignature",
}


def is_throttling(error: BaseException) -> bool:
    """Whether the service asks for fewer requests."""
    return isinstance(error, ClientError) and (
        _code(error) in _THROTTLED or 429 in (_status(error), _inner_status(error))
    )


def may_pass(error: BaseException) -> bool:
    """Whether the same request may succeed a moment later: throttling, 5xx, a lost
    connection. Never a refusal, nor a timeout that was waited for in full."""
    if isinstance(error, ReadTimeoutError | TransportTimeout):
        return False
    if isinstance(error, ClientError):
        if _code(error) == "ModelError":
            return _inner_status(error) in {429, 500, 502, 503, 504}
        return is_throttling(error) or _code(error) in _PASSING or _status(error) >= 500
    return isinstance(
        error,
        HTTPClientError
        | NoConnectionError
        | ResponseStreamingError
        | IncompleteReadError
        | TransportError,
    )


def explain(error: Exception, where: str, seconds: float, secrets: Iterable[str]) -> ModelError:
    """The failure as a `ModelError`: one line, with the fix, without secrets.

    Args:
        error: One of `FAILURES`.
        where: The endpoint, in words.
        seconds: How long an answer is waited for.
        secrets: What must not be shown.
    """
    message = f"{where} {_what_happened(error, seconds)}"
    for secret in secrets:
        message = message.replace(secret, "***")
    return ModelError(" ".join(message.split()))


def _what_happened(error: Exception, seconds: float) -> str:
    if isinstance(error, ClientError):
        return _refusal(error)
    if isinstance(error, RoleError):
        return f"cannot be called: {error}"
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "needs AWS credentials: set AWS_PROFILE or RAG_SAGEMAKER_PROFILE, or `aws configure`"
    if isinstance(error, UnauthorizedSSOTokenError | SSOTokenLoadError):
        return "needs a fresh login: run `aws sso login`"
    if isinstance(error, ProfileNotFound):
        return f"needs a profile that exists ({short(error)}): change RAG_SAGEMAKER_PROFILE"
    if isinstance(error, NoRegionError):
        return "needs a region: set RAG_SAGEMAKER_REGION or AWS_REGION"
    if isinstance(error, ReadTimeoutError | TransportTimeout):
        return (
            f"gave no answer within {seconds:g} s: raise RAG_MODEL_TIMEOUT, or stream (SageMaker "
            "itself ends whole answers after 60 s)"
        )
    if isinstance(error, ResponseStreamingError | IncompleteReadError | TransportError):
        return f"broke off in the middle of its answer ({short(error)}): ask again"
    if isinstance(error, HTTPClientError | NoConnectionError):
        return (
            f"cannot be reached ({short(error)}): check the network, RAG_SAGEMAKER_REGION and "
            "RAG_SAGEMAKER_ENDPOINT_URL"
        )
    if isinstance(error, ParamValidationError):
        return f"cannot be called that way ({short(error)}): change RAG_SAGEMAKER_LLM_ENDPOINT"
    if isinstance(error, ReportedError):
        return f"failed ({short(error)}): look into the endpoint's log, then ask again"
    if isinstance(error, CodecError):
        return (
            f"gave an answer that cannot be read ({short(error)}): set RAG_SAGEMAKER_CODEC or "
            "RAG_SAGEMAKER_EMBEDDING_CODEC to what its container speaks"
        )
    return f"failed ({short(error)}): look into the endpoint's log, then ask again"


def _refusal(error: ClientError) -> str:
    code, said = _code(error), short(_said(error))
    if code in _DENIED:
        return f"may not be called ({said}): allow sagemaker:InvokeEndpoint* for it"
    if code in _UNKNOWN:
        return f"does not accept these credentials ({code}: {said}): log in again"
    if "not found" in said.lower() and code in ("ValidationError", "ValidationException"):
        return (
            f"does not exist ({said}): `advanced-rag endpoints status` lists what runs; change "
            "RAG_SAGEMAKER_LLM_ENDPOINT, RAG_SAGEMAKER_EMBEDDING_ENDPOINT or RAG_SAGEMAKER_REGION"
        )
    if is_throttling(error):
        return f"takes no more requests now ({said}): wait, or lower RAG_SAGEMAKER_CONCURRENCY"
    if isinstance(error, EventStreamError):
        return f"failed in the middle of its answer ({code}: {said}): ask again"
    if code in _PASSING or _status(error) >= 500 or _inner_status(error) >= 500:
        return f"failed ({code}: {said}): look into the endpoint's log, then ask again"
    return f"refused the request ({code}: {said}): change RAG_SAGEMAKER_CODEC or the endpoint"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)


def _inner_status(error: ClientError) -> int:
    """The status of the container behind a ModelError."""
    return int(error.response.get("OriginalStatusCode") or 0)


def _said(error: ClientError) -> Any:
    """The container's words, else the service's."""
    return error.response.get("OriginalMessage") or error.response.get("Error", {}).get("Message")


def short(what: object) -> str:
    """One line, not too long."""
    text = " ".join(str(what or "no reason given").split())
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
