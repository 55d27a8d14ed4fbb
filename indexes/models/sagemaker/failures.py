"""What went wrong with an endpoint: whether it may pass, and one line that names the fix."""

import json
import re
from collections.abc import Iterable
from typing import Any

from botocore.eventstream import ParserError
from botocore.exceptions import (
    BotoCoreError,
    ChecksumError,
    ClientError,
    EventStreamError,
    HTTPClientError,
    IncompleteReadError,
    LoginError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    ResponseStreamingError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from urllib3.exceptions import HTTPError as TransportError
from urllib3.exceptions import ReadTimeoutError as TransportTimeout

from indexes.errors import ModelError, masked, shown
from indexes.models.refusals import Refusal, title_of
from indexes.models.sagemaker.codecs import (
    BrokenOffError,
    CodecError,
    ReportedError,
    WebPageError,
)
from indexes.models.sagemaker.target import Target


class RoleError(BotoCoreError):
    """A role could not be taken on."""

    fmt = (
        "the role {role} cannot be taken on ({reason}): check RAG_SAGEMAKER_ROLE, and that the "
        "role's trust policy names you"
    )


FAILURES = (
    BotoCoreError,
    ClientError,
    ParserError,
    TransportError,
    CodecError,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
)

_THROTTLED = {"ThrottlingException", "Throttling", "TooManyRequestsException", "SlowDown"}
_PASSING = {
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "InternalFailure",
    "InternalServerException",
    "InternalDependencyException",
    "InternalStreamFailure",
    "RequestTimeout",
}
_NOT_READY = "ModelNotReadyException"
_STATE = re.compile(
    r"\b(creating|updating|rolling ?back|deleting|failed) stat(e|us)\b|not in service",
    re.IGNORECASE,
)
_INVALID = {"ValidationError", "ValidationException"}
_ACCOUNT = re.compile(r"of account (\d{12})")
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
UNKNOWN = {
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


def is_throttling(error: BaseException) -> bool:
    """Whether the service asks for fewer requests."""
    return isinstance(error, ClientError) and (
        code_of(error) in _THROTTLED
        or (429 in (_status(error), _inner_status(error)) and not is_asleep(error))
    )


def is_asleep(error: BaseException) -> bool:
    """Whether the endpoint was scaled to zero, or is serverless, and may be waking up."""
    return isinstance(error, ClientError) and (
        code_of(error) == _NOT_READY
        or (code_of(error) in _INVALID and "no capacity to process" in str(_said(error)))
    )


def is_timeout(error: BaseException) -> bool:
    """Whether an answer was waited for in vain, here or by SageMaker."""
    if isinstance(error, ClientError):
        return code_of(error) == "ModelError" and "timed out while waiting" in str(_said(error))
    return isinstance(error, ReadTimeoutError | TransportTimeout)


def refusal_of(error: BaseException | None) -> Refusal | None:
    """What a container, or the service for it, did not accept; None for other failures."""
    if isinstance(error, ReportedError):
        return Refusal(400, str(error))
    if isinstance(error, ParserError):
        return Refusal(200, str(error))
    if not isinstance(error, ClientError) or is_throttling(error) or is_asleep(error):
        return None
    if is_timeout(error):
        return None
    if _status(error) == 413:
        return Refusal(413, str(_said(error)))
    if code_of(error) == "ModelError":
        return Refusal(_inner_status(error) or 400, str(_said(error)))
    if code_of(error) in _INVALID:
        return Refusal(400, str(_said(error)))
    known = code_of(error) in _PASSING or code_of(error) in DENIED or code_of(error) in UNKNOWN
    return None if known or _status(error) < 500 else Refusal(_status(error), str(_said(error)))


def may_pass(error: BaseException) -> bool:
    """Whether the same request may succeed a moment later: throttling, 5xx, a lost
    connection. Never a refusal, nor a timeout that was waited for in full."""
    if is_timeout(error):
        return False
    if isinstance(error, ClientError):
        if code_of(error) == "ModelError":
            return _inner_status(error) in {429, 500, 502, 503, 504}
        return is_throttling(error) or code_of(error) in _PASSING or _status(error) >= 500
    return isinstance(
        error,
        HTTPClientError
        | NoConnectionError
        | ResponseStreamingError
        | IncompleteReadError
        | TransportError,
    )


def explain(
    error: Exception, target: Target, secrets: Iterable[str], region: str | None = None
) -> ModelError:
    """Turn a failure into a `ModelError`: one line that names the fix, without secrets.

    Args:
        error: one of `FAILURES`
        target: the endpoint
        secrets: texts to hide
        region: where it was looked for
    """
    message = masked(f"{target} {_what_happened(error, target, region)}", secrets)
    return ModelError(" ".join(message.split()))


def _what_happened(error: Exception, target: Target, region: str | None) -> str:
    if isinstance(error, ClientError) and not is_timeout(error):
        return _refusal(error, target, region)
    if isinstance(error, RoleError):
        return f"cannot be called: {error}"
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "needs AWS credentials: set AWS_PROFILE or RAG_SAGEMAKER_PROFILE, or `aws configure`"
    if isinstance(error, SSOError | TokenRetrievalError | LoginError):
        return f"needs a fresh login ({short(error)}): run `aws sso login`, or `aws login`"
    if isinstance(error, ProfileNotFound):
        return f"needs a profile that exists ({short(error)}): change RAG_SAGEMAKER_PROFILE"
    if isinstance(error, NoRegionError):
        return "needs a region: set RAG_SAGEMAKER_REGION or AWS_REGION"
    if is_timeout(error):
        return (
            f"gave no answer within {target.read_seconds:g} s: raise RAG_MODEL_TIMEOUT"
            f"{', stream, or lower RAG_MAX_ANSWER_TOKENS' if target.part == 'llm' else ''} "
            "(SageMaker itself ends whole answers after 60 s)"
        )
    if isinstance(error, ParserError | WebPageError):
        return (
            f"was answered for by something else ({short(error)}): check RAG_SAGEMAKER_ENDPOINT_URL"
            ", and whether a proxy is in between"
        )
    if isinstance(
        error, ResponseStreamingError | IncompleteReadError | TransportError | BrokenOffError
    ):
        return f"broke off in the middle of its answer ({short(error)}): ask again"
    inner = getattr(error, "kwargs", {}).get("error", error)
    if "CERTIFICATE_VERIFY_FAILED" in str(inner):
        return (
            f"has a certificate that is not trusted ({short(inner)}): name the PEM file of its "
            "issuer by RAG_CA_BUNDLE or AWS_CA_BUNDLE"
        )
    if isinstance(error, HTTPClientError | NoConnectionError):
        return (
            f"cannot be reached ({short(error)}): check the network, RAG_SAGEMAKER_REGION and "
            "RAG_SAGEMAKER_ENDPOINT_URL"
        )
    if isinstance(error, ParamValidationError):
        return f"cannot be called that way ({short(error)}): change {target.endpoint_setting}"
    if isinstance(error, BotoCoreError) and not isinstance(error, ChecksumError):
        return (
            f"cannot be called as AWS is set up here ({short(error)}): check `aws configure list`, "
            "RAG_SAGEMAKER_PROFILE and RAG_SAGEMAKER_REGION"
        )
    if isinstance(error, ReportedError):
        return f"failed ({short(error)}): look into the endpoint's log, then ask again"
    if isinstance(error, CodecError):
        return (
            f"gave an answer that cannot be read ({short(error)}): set {target.codec_setting} to "
            "what its container speaks"
        )
    return f"failed ({short(error)}): look into the endpoint's log, then ask again"


def _refusal(error: ClientError, target: Target, region: str | None) -> str:
    code, said = code_of(error), _words(error)
    if code in DENIED:
        return f"may not be called ({said}): allow sagemaker:InvokeEndpoint* for it"
    if code in UNKNOWN:
        return f"does not accept these credentials ({code}: {said}): log in again"
    if code in _INVALID | {_NOT_READY} and (known := _situation(error, said, target, region)):
        return known
    if is_throttling(error):
        return f"takes no more requests now ({said}): wait, or lower RAG_SAGEMAKER_CONCURRENCY"
    if isinstance(error, EventStreamError):
        return f"failed in the middle of its answer ({code}: {said}): ask again"
    refusal = refusal_of(error)
    if refusal is not None and refusal.is_too_long:
        return f"cannot read that much at once ({said}): {target.length_fix}"
    if code in _PASSING or _status(error) >= 500 or _inner_status(error) >= 500:
        return f"failed ({code}: {said}): look into the endpoint's log, then ask again"
    if refusal is not None and "model" in refusal.said.lower() and _inner_status(error) == 404:
        return f"does not know that model ({said}): set RAG_{target.part.upper()}_MODEL"
    return f"refused the request ({code}: {said}): change {target.codec_setting} or the endpoint"


def _situation(error: ClientError, said: str, target: Target, region: str | None) -> str | None:
    """What the service says of an endpoint that cannot be asked, and the setting to change."""
    low = said.lower()
    if "not found" in low:
        account = _ACCOUNT.search(said)
        places = [f"account {account[1]}"] if account else []
        places += [f"region {region}"] if region else []
        where = f" in {', '.join(places)}" if places else ""
        return (
            f"does not exist{where}, or is still being created: "
            "`advanced-rag endpoints status` lists what there is; change "
            f"{target.endpoint_setting}, RAG_SAGEMAKER_REGION or RAG_SAGEMAKER_PROFILE"
        )
    if is_asleep(error):
        return (
            "was scaled to zero and did not wake up: ask again, raise RAG_SAGEMAKER_RETRIES (75 s "
            "of patience each), or look at its scaling policy"
        )
    if _STATE.search(said):
        return (
            f"is not in service ({said}): wait until `advanced-rag endpoints status` says "
            f"InService, or change {target.endpoint_setting}"
        )
    if "inference component name header" in low or "inference component name" in low:
        fix = "change" if target.inference_component else "set"
        return f"holds inference components ({said}): {fix} {target.component_setting}"
    if "async" in low and "not supported" in low:
        return (
            "is asynchronous, and answers through S3 only: deploy the model on a real-time "
            f"endpoint, and name that in {target.endpoint_setting}"
        )
    return None


def code_of(error: ClientError) -> str:
    """AWS's name of the error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)


def _inner_status(error: ClientError) -> int:
    """The status of the container behind a ModelError."""
    return int(error.response.get("OriginalStatusCode") or 0)


def _said(error: ClientError) -> Any:
    """The container's words, else the service's."""
    return error.response.get("OriginalMessage") or error.response.get("Error", {}).get("Message")


def _words(error: ClientError) -> str:
    """The same for people: what a container writes as JSON says it in one of its fields."""
    said = _said(error)
    try:
        told = json.loads(said or "")
    except (ValueError, RecursionError):
        return short(title_of(str(said)) or said)
    told = told.get("error") or told.get("message") if isinstance(told, dict) else None
    told = told.get("message") if isinstance(told, dict) else told
    return short(told if isinstance(told, str) else said)


def short(what: object) -> str:
    """What was said, on one line, not too long; and where nothing was, that."""
    return shown(what or "no reason given")
