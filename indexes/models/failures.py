"""What went wrong with a model, in one line that names the setting to change."""

import difflib
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx
import openai

from indexes.certificates import proxy_of
from indexes.errors import ModelError, masked, shown
from indexes.models.endpoint import NO_KEY, Endpoint
from indexes.models.refusals import Refusal, refusal_of
from indexes.models.shapes import EndpointError, OddAnswerError, OddVectorsError

# What OpenAI's client and LlamaIndex's classes above it let through: the client's own
# errors, the transport's while an answer is streamed, and those of an answer in another
# shape (no JSON, no choices, no vectors).
FAILURES = (
    openai.OpenAIError,
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    EndpointError,
)

LISTED_MODELS = 10
AZURE_HOSTS = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")


def explain(error: Exception, endpoint: Endpoint, offered: Sequence[str] = ()) -> ModelError:
    """Turn a failure into a `ModelError`: one line that names the fix, without the key.

    Args:
        error: one of `FAILURES`
        endpoint: where the call went
        offered: the models that the endpoint lists, if it was asked
    """
    message = f"{endpoint} {_what_happened(error, endpoint, offered)}"
    given = (secret.get_secret_value() for secret in (endpoint.key, *endpoint.headers.values()))
    message = masked(message, (secret for secret in given if secret != NO_KEY))
    return ModelError(" ".join(message.split()))


def _what_happened(error: Exception, endpoint: Endpoint, offered: Sequence[str]) -> str:
    if isinstance(error, openai.APIStatusError):
        return _status(error.response, endpoint, offered)
    if isinstance(error, EndpointError):
        return _status(httpx.Response(error.status, json=error.error), endpoint, offered)
    lost = (OddAnswerError, httpx.DecodingError, httpx.ReadError, httpx.RemoteProtocolError)
    if isinstance(error, openai.APIConnectionError) and isinstance(error.__cause__, lost):
        error = error.__cause__
    if isinstance(error.__cause__ or error, httpx.LocalProtocolError | UnicodeEncodeError):
        # Without its words: they repeat the key in another form.
        return "cannot be asked: its key or a header is no line of ASCII: change RAG_API_KEY"
    if isinstance(error, OddVectorsError):
        return f"gave {shown(error)}: change {endpoint.model_setting}, or look into its log"
    if isinstance(error, openai.APITimeoutError | httpx.TimeoutException):
        return f"gave no answer within {endpoint.seconds:g} s: raise RAG_MODEL_TIMEOUT"
    if isinstance(error, openai.APIConnectionError | httpx.ConnectError):
        cause = error.__cause__ or error
        if isinstance(cause, httpx.UnsupportedProtocol):
            return (
                f"is no address: change {endpoint.url_setting} to http://HOST:PORT/v1 or the like"
            )
        if "WRONG_VERSION_NUMBER" in str(cause):
            return f"does not speak https: write http:// in {endpoint.url_setting}"
        if "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return (
                f"has a certificate that is not trusted ({shown(cause)}): name the PEM file "
                "of its issuer by RAG_CA_BUNDLE"
            )
        if endpoint.use_proxy and proxy_of(urlsplit(endpoint.url)):
            return (
                f"cannot be reached through the proxy ({shown(cause)}): check HTTP_PROXY, "
                f"HTTPS_PROXY and NO_PROXY, or change {endpoint.url_setting}"
            )
        return f"cannot be reached ({shown(cause)}): start it, or change {endpoint.url_setting}"
    if isinstance(error, httpx.InvalidURL):
        return f"is no address ({shown(error)}): change {endpoint.url_setting}"
    if not isinstance(error, httpx.DecodingError) and isinstance(
        error, httpx.HTTPError | OSError | EOFError | RuntimeError
    ):
        return f"broke off in the middle of its answer ({shown(error)}): ask again"
    if isinstance(error, openai.APIResponseValidationError) or not isinstance(
        error, openai.OpenAIError
    ):
        return (
            f"gave an answer that is not in OpenAI's format ({shown(error)}): "
            f"change {endpoint.url_setting} to the root of such an API"
        )
    return f"reported an error ({shown(error)}): look into its log, then ask again"


def _status(response: httpx.Response, endpoint: Endpoint, offered: Sequence[str]) -> str:
    refusal = refusal_of(response)
    said, status = shown(refusal.said), refusal.status
    if response.history:
        there = response.url.copy_with(query=None, userinfo=b"")
        return f"sends requests on to {there}, which refuses them: change {endpoint.url_setting}"
    if refusal.is_spent:
        return f"says that the account has nothing left ({status}: {said}): add to it"
    if refusal.is_filtered:
        return f"refused what was asked ({status}: {said}): ask in other words"
    if refusal.is_of_key:
        if endpoint.key.get_secret_value() == NO_KEY:
            return f"asks for a key ({status}: {said}): set RAG_API_KEY"
        return f"refused the key ({status}: {said}): change RAG_API_KEY"
    if status == 403:
        return f"refused access ({status}: {said}): change RAG_API_KEY, or what it may do there"
    if status == 404:
        return _not_found(refusal, endpoint, offered)
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
    if status == 407:
        return f"was refused by the proxy ({status}: {said}): check HTTP_PROXY and HTTPS_PROXY"
    if status == 405:
        return f"takes no such request ({status}: {said}): change {endpoint.url_setting}"
    if own := next((name for name in sorted(endpoint.own) if name in refusal.words), None):
        return f"refused {own!r} ({status}: {said}): change {endpoint.body_setting}"
    if not refusal.is_failure:
        return f"refused the request ({status}: {said}): change {endpoint.model_setting}"
    return f"failed ({status}: {said}): look into its log, then ask again"


def _not_found(refusal: Refusal, endpoint: Endpoint, offered: Sequence[str]) -> str:
    said = shown(refusal.said)
    if offered and endpoint.model not in offered:
        near = difflib.get_close_matches(endpoint.model, offered, LISTED_MODELS, 0.4)
        near += [model for model in offered if model not in near]
        return (
            f"does not have that model (404: {said}); it has {', '.join(near[:LISTED_MODELS])}: "
            f"change {endpoint.model_setting}"
        )
    ends = "/v1"
    if (urlsplit(endpoint.url).hostname or "").endswith(AZURE_HOSTS):
        ends = "/openai/v1, or /openai/deployments/NAME?api-version=…"
    or_model = f", or {endpoint.model_setting}"
    return (
        f"was not found (404: {said}): change {endpoint.url_setting}, whose address mostly ends in "
        f"{ends}{or_model if endpoint.model_setting != endpoint.url_setting else ''}"
    )
