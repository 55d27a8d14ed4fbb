"""What went wrong with a model, in one line that names the setting to change."""

import re
from collections.abc import Sequence

import httpx
import openai

from indexes.errors import ModelError
from indexes.models.endpoint import Endpoint

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

# llama.cpp: "input (602 tokens) is too large to process"; OpenAI, vLLM: "maximum context
# length is 8192 tokens"; TEI: "must have less than 512 tokens".
_TOO_LONG = re.compile(
    r"too (large|long)|context (length|size|window)|exceed\w* .*(context|tokens)"
    r"|(less|fewer) than \d+ tokens",
    re.IGNORECASE,
)


def is_too_long(error: Exception) -> bool:
    """Whether the endpoint refused a text because of its length."""
    return (
        isinstance(error, openai.APIStatusError)
        and error.status_code in {400, 413, 422, 500}
        and (error.status_code == 413 or _TOO_LONG.search(_said(error)) is not None)
    )


def explain(error: Exception, endpoint: Endpoint, offered: Sequence[str] = ()) -> ModelError:
    """The failure as a `ModelError`: one line, with the fix, without the key.

    Args:
        error: One of `FAILURES`.
        endpoint: Where the call went.
        offered: The models that the endpoint says it has, where it was asked.
    """
    message = f"{endpoint} {_what_happened(error, endpoint, offered)}"
    key = endpoint.key.get_secret_value()
    # Some servers repeat the key that they refuse.
    return ModelError(_one_line(message.replace(key, "***") if key else message))


def _what_happened(error: Exception, endpoint: Endpoint, offered: Sequence[str]) -> str:
    if isinstance(error, openai.APIStatusError):
        return _status(error, endpoint, offered)
    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException):
        return f"gave no answer within {endpoint.seconds:g} s: raise RAG_MODEL_TIMEOUT"
    if isinstance(error, openai.APIConnectionError | httpx.ConnectError):
        cause = error.__cause__ or error
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
    said, status = _said(error), error.status_code
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
    if is_too_long(error):
        return (
            f"cannot read that much text at once ({status}: {said}): "
            "lower RAG_BUDGET or raise RAG_CONTEXT_WINDOW"
        )
    if status == 429:
        return f"takes no more requests now (429: {said}): wait, or raise the account's limits"
    if status < 500:
        return f"refused the request ({status}: {said}): change {endpoint.model_setting}"
    return f"failed ({status}: {said}): look into its log, then ask again"


def _said(error: openai.APIStatusError) -> str:
    """The server's own words."""
    body = error.body
    words = body.get("message") if isinstance(body, dict) else body
    return _short(words or error.response.reason_phrase or "no reason given")


def _short(what: object) -> str:
    text = _one_line(str(what)) or type(what).__name__
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def _one_line(text: str) -> str:
    return " ".join(text.split())
