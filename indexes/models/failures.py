"""What went wrong with a model, in one line that names the setting to change."""

from collections.abc import Sequence

import httpx
import openai

from indexes.errors import ModelError
from indexes.models.endpoint import Endpoint
from indexes.models.refusals import refusal_of

# What OpenAI's client and LlamaIndex's classes above it let through: the client's own
# errors, the transport's while an answer is streamed, and those of an answer in another
# shape (no JSON, no choices, no vectors).
FAILURES = (
    openai.OpenAIError,
    httpx.HTTPError,
    httpx.InvalidURL,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
)

SHOWN_CHARACTERS = 200
# What is shorter is no secret, and would be found in other words.
_LEAST_SECRET = 6


def explain(error: Exception, endpoint: Endpoint, offered: Sequence[str] = ()) -> ModelError:
    """The failure as a `ModelError`: one line, with the fix, without the key.

    Args:
        error: One of `FAILURES`.
        endpoint: Where the call went.
        offered: The models that the endpoint says it has, where it was asked.
    """
    message = f"{endpoint} {_what_happened(error, endpoint, offered)}"
    # Some servers repeat the key that they refuse.
    for secret in (endpoint.key, *endpoint.headers.values()):
        if len(hidden := secret.get_secret_value()) >= _LEAST_SECRET:
            message = message.replace(hidden, "***")
    return ModelError(_one_line(message))


def _what_happened(error: Exception, endpoint: Endpoint, offered: Sequence[str]) -> str:
    if isinstance(error, openai.APIStatusError):
        return _status(error, endpoint, offered)
    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException):
        return f"gave no answer within {endpoint.seconds:g} s: raise RAG_MODEL_TIMEOUT"
    if isinstance(error, openai.APIConnectionError | httpx.ConnectError):
        cause = error.__cause__ or error
        if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return (
                f"has a certificate that is not trusted ({_short(cause)}): name the PEM file "
                "of its issuer by RAG_CA_BUNDLE"
            )
        return f"cannot be reached ({_short(cause)}): start it, or change {endpoint.url_setting}"
    if isinstance(error, httpx.InvalidURL):
        return f"is no address ({_short(error)}): change {endpoint.url_setting}"
    if isinstance(error, httpx.HTTPError):
        return f"broke off in the middle of its answer ({_short(error)}): ask again"
    if isinstance(error, openai.APIResponseValidationError) or not isinstance(
        error, openai.OpenAIError
    ):
        return (
            f"gave an answer that is not in OpenAI's format ({_short(error)}): "
            f"change {endpoint.url_setting} to the root of such an API"
        )
    return f"reported an error ({_short(error)}): look into its log, then ask again"


def _status(error: openai.APIStatusError, endpoint: Endpoint, offered: Sequence[str]) -> str:
    refusal = refusal_of(error.response)
    said, status = _short(refusal.said), refusal.status
    if refusal.is_spent:
        return f"says that the account has nothing left ({status}: {said}): add to it"
    if refusal.is_filtered:
        return f"refused what was asked ({status}: {said}): ask in other words"
    if status in {401, 403}:
        return f"refused the key ({status}): change RAG_API_KEY"
    if status == 404 and offered:
        return (
            f"does not have that model (404); it has {', '.join(offered)}: "
            f"change {endpoint.model_setting}"
        )
    if status == 404:
        return (
            f"was not found (404: {said}): change {endpoint.url_setting}, "
            f"which mostly ends in /v1, or {endpoint.model_setting}"
        )
    if refusal.is_too_long:
        return (
            f"cannot read that much text at once ({status}: {said}): "
            "lower RAG_BUDGET or raise RAG_CONTEXT_WINDOW"
        )
    if status == 429:
        when = f"in {refusal.wait:.0f} s" if refusal.wait else "later"
        return (
            f"takes no more requests now (429: {said}): ask again {when}, or raise the "
            "account's limits"
        )
    if own := next((name for name in sorted(endpoint.own) if name in refusal.words), None):
        return f"refused {own!r} ({status}: {said}): change {endpoint.body_setting}"
    if status < 500:
        return f"refused the request ({status}: {said}): change {endpoint.model_setting}"
    return f"failed ({status}: {said}): look into its log, then ask again"


def _short(what: object) -> str:
    text = _one_line(str(what)) or type(what).__name__
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def _one_line(text: str) -> str:
    return " ".join(text.split())
