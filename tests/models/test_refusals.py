"""Endpoints that refuse: each is asked in another form until it answers, whichever way it is
asked, and the form is remembered; or one line says what to change.
"""

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from pydantic import SecretStr

from indexes.errors import ModelError, SettingsError
from indexes.models.endpoint import Endpoint
from indexes.models.forms import formed, lesson
from indexes.models.habits import FILE, habits_of
from indexes.models.openai_compatible import CompatibleLLM, make_llm
from indexes.models.openai_embedding import make_embedding
from indexes.models.refusals import Refusal, refusal_of
from tests.certificates import Authority
from tests.models.stand_in import Refused, StandIn

MESSAGES = [
    ChatMessage(role="system", content="Be brief."),
    ChatMessage(role="user", content="How is it?"),
]
SCHEMA = {"type": "array", "items": {"type": "integer", "minimum": 1}, "maxItems": 3}


def endpoint(server: StandIn, cache: Path | None = None, **more: Any) -> Endpoint:
    return Endpoint(
        url=more.pop("url", server.url),
        key=SecretStr("sk-a-secret"),
        model="tiny",
        url_setting="RAG_BASE_URL",
        model_setting="RAG_LLM_MODEL",
        seconds=more.pop("seconds", 5.0),
        retries=more.pop("retries", 3),
        cache=cache,
        **more,
    )


def llm_at(where: Endpoint, **options: Any) -> CompatibleLLM:
    llm = make_llm(where, "tiny", context_window=1000, max_tokens=50, **options)
    assert isinstance(llm, CompatibleLLM)
    return llm


# What an endpoint refuses and in which words, and what a good request has instead.


def max_tokens(body: dict[str, Any]) -> Refused | None:
    if "max_tokens" not in body:
        return None
    said = (
        "Unsupported parameter: 'max_tokens' is not supported with this model. "
        "Use 'max_completion_tokens' instead."
    )
    return 400, {"error": {"message": said, "param": "max_tokens", "code": "unsupported_parameter"}}


def fewer_tokens(body: dict[str, Any]) -> Refused | None:
    if body["max_tokens"] <= 40:
        return None
    return 400, "max_tokens is too large: 50. This model supports at most 40 completion tokens."


def temperature(body: dict[str, Any]) -> Refused | None:
    if body.get("temperature", 1) == 1:
        return None
    return 400, (
        "Unsupported value: 'temperature' does not support 0.0 with this model. "
        "Only the default (1) value is supported."
    )


def positive_temperature(body: dict[str, Any]) -> Refused | None:
    if body["temperature"] > 0:
        return None
    said = "Input validation error: `temperature` must be strictly positive"
    return 422, {"error": said, "error_type": "validation"}


def stream_options(body: dict[str, Any]) -> Refused | None:
    if "stream_options" not in body:
        return None
    return 400, "Unrecognized request argument supplied: stream_options"


def forbidden_extra(body: dict[str, Any]) -> Refused | None:
    extra = [name for name in ("stream_options", "response_format") if name in body]
    detail = [
        {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}
        for name in extra
    ]
    return (422, {"detail": detail}) if extra else None


def system(body: dict[str, Any]) -> Refused | None:
    if body["messages"][0]["role"] == "user":
        return None
    said = "Conversation roles must alternate user/assistant/user/assistant/..."
    return 400, {"object": "error", "message": said, "type": "BadRequestError", "code": 400}


def no_system_role(body: dict[str, Any]) -> Refused | None:
    if body["messages"][0]["role"] == "user":
        return None
    return 400, {"object": "error", "message": "System role not supported", "code": 400}


def array_at_the_root(body: dict[str, Any]) -> Refused | None:
    form = body.get("response_format")
    if form is None or form["json_schema"]["schema"]["type"] == "object":
        return None
    return 400, (
        "Invalid schema for response_format 'answer': schema must be a JSON Schema of 'type: "
        '"object"\', got \'type: "array"\'.'
    )


def limits_in_a_schema(body: dict[str, Any]) -> Refused | None:
    form = body.get("response_format")
    if form is None or "maxItems" not in json.dumps(form):
        return None
    return (
        400,
        "Invalid schema for response_format 'answer': In context=(), 'maxItems' is not permitted.",
    )


def any_schema(body: dict[str, Any]) -> Refused | None:
    if body.get("response_format", {}).get("type", "json_object") == "json_object":
        return None
    return 400, "This response_format type is unavailable now"


def any_form(body: dict[str, Any]) -> Refused | None:
    if "response_format" not in body:
        return None
    return 400, {"error": "'response_format.type' must be one of text, json_object"}


def streaming(body: dict[str, Any]) -> Refused | None:
    if not body.get("stream"):
        return None
    said = "Your organization must be verified to stream this model."
    return 400, {"error": {"message": said, "param": "stream", "code": "unsupported_value"}}


def everything(body: dict[str, Any]) -> Refused | None:
    """All of these together."""
    for refuse in (system, max_tokens, temperature, stream_options, any_form):
        if refused := refuse(body):
            return refused
    return None


REFUSALS: list[Callable[[dict[str, Any]], Refused | None]] = [
    max_tokens, fewer_tokens, temperature, positive_temperature, stream_options, forbidden_extra,
    system, no_system_role, array_at_the_root, limits_in_a_schema, any_schema, any_form, streaming,
    everything,
]  # fmt: skip


async def whole(llm: CompatibleLLM) -> str:
    return llm.chat(MESSAGES).message.content or ""


async def awhole(llm: CompatibleLLM) -> str:
    return (await llm.achat(MESSAGES)).message.content or ""


async def stream(llm: CompatibleLLM) -> str:
    pieces = list(llm.stream_chat(MESSAGES))
    return pieces[-1].message.content or ""


async def astream(llm: CompatibleLLM) -> str:
    pieces: list[ChatResponse] = [piece async for piece in await llm.astream_chat(MESSAGES)]
    return pieces[-1].message.content or ""


async def judged(llm: CompatibleLLM) -> str:
    return llm.chat(MESSAGES, **llm.constrained(SCHEMA, 50)).message.content or ""


async def ajudged(llm: CompatibleLLM) -> str:
    return (await llm.achat(MESSAGES, **llm.constrained(SCHEMA, 50))).message.content or ""


WAYS = [whole, awhole, stream, astream, judged, ajudged]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("refuse", REFUSALS, ids=lambda refuse: refuse.__name__)
async def test_what_is_refused_is_asked_in_another_form_that_is_remembered(
    server: StandIn, tmp_path: Path, refuse: Any, way: Any
) -> None:
    server.refuse = refuse
    first, second = (llm_at(endpoint(server, tmp_path)) for _ in range(2))
    assert await way(first) == "All is well."
    asked = len(server.seen)
    assert asked <= 7
    # The next model object, and the next process, know it.
    assert await way(second) == "All is well."
    assert len(server.seen) == asked + 1
    if asked > 1:
        assert (tmp_path / FILE).exists()


SENT: dict[str, Any] = {
    "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
    "max_tokens": 10_000,
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
}


@pytest.mark.parametrize(
    ("status", "said", "taught"),
    [
        (400, "max_tokens: 10000 > 4096, which is the maximum allowed number of output tokens",
         ("most_tokens", 4096)),
        (400, "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
         ("most_tokens", 8192)),
        (500, "Jinja Exception: System role not supported", ("system", False)),
        (422, "messages.0.role: Input should be 'user' or 'assistant'", ("system", False)),
        (422, "messages.0.role: Input should be 'system', 'user' or 'assistant'", None),
        (400, "guided decoding: xgrammar does not support maxItems", ("answers", "plain")),
        (500, "the response_format worker died", None),
    ],
)  # fmt: skip
def test_what_a_refusal_teaches(
    status: int, said: str, taught: tuple[str, str | int | bool] | None
) -> None:
    assert lesson(Refusal(status, said), SENT, {}, frozenset()) == taught


@pytest.mark.parametrize(
    "said",
    [
        "Malformed input request: #/texts/0: expected maxLength: 2048, actual: 4000",
        "Too many input tokens. Max input tokens: 8192, request input token count: 9001",
        "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 129024]",
        "Invalid request: Your request exceeded model token limit: 8192",
        "max_tokens must be at least 1, got -200.",
        "输入长度超过限制",
    ],
)
def test_a_request_that_is_too_long_is_known_by_any_words(said: str) -> None:
    assert Refusal(400, said).is_too_long


@pytest.mark.parametrize(
    "said",
    ["Input is too long for requested model.", "CUDA out of memory. Tried to allocate 2 GiB"],
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_one_long_text_or_a_bad_moment_teaches_no_smaller_batch(
    server: StandIn, said: str, asynchronous: bool
) -> None:
    # The text that is too long is alone in the end, and can be cut; memory is full for several.
    def refuse(body: dict[str, Any]) -> Refused | None:
        alone = "memory" in said and len(body["input"]) == 1
        return (400, said) if max(map(len, body["input"])) > 39 and not alone else None

    server.refuse = refuse
    where = endpoint(server)
    embedding = make_embedding(where, "tiny")
    texts = ["x" * length for length in range(1, 41)]
    for _ in range(2):
        server.seen.clear()
        if asynchronous:
            asyncio.run(embedding.aget_text_embedding_batch(texts))
        else:
            embedding.get_text_embedding_batch(texts)
        assert max(map(texts_in, server.seen)) == 32


def test_instructions_go_into_the_first_message_where_there_is_no_system_role(
    server: StandIn,
) -> None:
    server.refuse = system
    llm_at(endpoint(server)).chat(MESSAGES)
    assert server.seen[-1]["messages"] == [{"role": "user", "content": "Be brief.\n\nHow is it?"}]


def test_what_the_user_asked_for_is_not_left_out_silently(server: StandIn) -> None:
    def effort(body: dict[str, Any]) -> Refused | None:
        return (
            (400, "Unknown parameter: 'reasoning_effort'.") if "reasoning_effort" in body else None
        )

    server.refuse = effort
    where = endpoint(server, own=frozenset({"reasoning_effort"}))
    with pytest.raises(ModelError, match=r"refused 'reasoning_effort' .*change RAG_EXTRA_BODY"):
        llm_at(where, sampling={"reasoning_effort": "low"}).chat(MESSAGES)
    assert server.seen[-1]["reasoning_effort"] == "low"


FINAL = {
    "context length": (400, "This model's maximum context length is 4096 tokens. However, you "
                       "requested 5256 tokens (5000 in the messages, 256 in max_tokens).",
                       "RAG_BUDGET"),
    "quota": (429, {"error": {"message": "You exceeded your current quota",
                              "code": "insufficient_quota"}}, "nothing left"),
    "content filter": (400, {"error": {"message": "The response was filtered due to the prompt "
                       "triggering the content management policy.", "code": "content_filter",
                       "param": "prompt"}}, "ask in other words"),
    "no money": (402, "Insufficient Balance", "nothing left"),
    "something else": (400, "the moon is in the wrong house", "the moon is in the wrong house"),
    "under 200": (200, {"error": {"message": "Provider returned error", "code": 400}},
                  "Provider returned error"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", FINAL)
async def test_what_no_other_form_helps_is_told_at_once(
    server: StandIn, name: str, way: Any
) -> None:
    status, said, told = FINAL[name]
    server.refuse = lambda body: (status, said)
    with pytest.raises(ModelError) as failure:
        await way(llm_at(endpoint(server)))
    assert told in str(failure.value)
    assert "\n" not in str(failure.value)
    assert len(server.seen) == 1


# Texts


def texts_in(body: dict[str, Any]) -> int:
    return len(body["input"])


BATCHES = {
    "TEI": (422, "batch size {n} > maximum allowed batch size 8", 8),
    "TEI 413": (413, "batch size {n} > maximum allowed batch size 8", 8),
    "DashScope": (400, "<400> InternalError.Algo.InvalidParameter: Value error, batch size is "
                  "invalid, it should not be larger than 10.: input.contents", 10),
    "Cohere": (400, "invalid request: total number of texts must be at most 9 - received {n}.", 9),
    "OpenAI": (400, "Invalid 'input': array too long. Expected an array with maximum length 16, "
               "but got an array with length {n} instead.", 16),
    "Azure": (400, "Too many inputs. The max number of inputs is 16.", 16),
    "Gemini": (400, "BatchEmbedContentsRequest.requests: at most 12 requests can be in one batch",
               12),
    "a proxy": (413, "Request Entity Too Large", 20),
}  # fmt: skip


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("name", BATCHES)
def test_too_many_texts_are_sent_in_fewer_at_once(
    server: StandIn, tmp_path: Path, name: str, asynchronous: bool
) -> None:
    status, said, most = BATCHES[name]

    def refuse(body: dict[str, Any]) -> Refused | None:
        count = texts_in(body)
        return (status, said.format(n=count)) if count > most else None

    server.refuse = refuse
    texts = ["x" * length for length in range(1, 41)]
    for _ in range(2):
        embedding = make_embedding(endpoint(server, tmp_path), "tiny")
        if asynchronous:
            vectors = asyncio.run(embedding.aget_text_embedding_batch(texts))
        else:
            vectors = embedding.get_text_embedding_batch(texts)
        assert [vector[0] for vector in vectors] == list(range(1, 41))
    if name != "a proxy":
        refused = [body for body in server.seen if texts_in(body) > most]
        assert len(refused) <= 2  # those that were on their way together


@pytest.mark.parametrize(
    ("said", "query", "passage"),
    [
        ("'input_type' parameter is required for asymmetric models", "query", "passage"),
        ("invalid request: valid input_type must be provided with the provided model: one of "
         "search_query, search_document", "search_query", "search_document"),
    ],
)  # fmt: skip
def test_models_that_want_to_know_are_told_what_is_a_query(
    server: StandIn, said: str, query: str, passage: str
) -> None:
    def refuse(body: dict[str, Any]) -> Refused | None:
        return None if body.get("input_type") in (query, passage) else (400, said)

    server.refuse = refuse
    embedding = make_embedding(endpoint(server), "tiny")
    embedding.get_query_embedding("a")
    assert server.seen[-1]["input_type"] == query
    embedding.get_text_embedding("b")
    assert server.seen[-1]["input_type"] == passage
    assert all("text_kind" not in body for body in server.seen)


def test_an_encoding_that_is_not_known_is_left_out(server: StandIn) -> None:
    server.refuse = lambda body: (
        (400, "extra_forbidden: encoding_format") if "encoding_format" in body else None
    )
    assert make_embedding(endpoint(server), "tiny").get_query_embedding("four")[0] == 4


# Addresses


@pytest.mark.parametrize("tail", ["", "/", "/v1/", "/v1/chat/completions", "/v1?api-version=7"])
def test_an_address_is_understood_as_it_was_pasted(server: StandIn, tail: str) -> None:
    where = endpoint(server, url=server.url.removesuffix("/v1") + tail)
    assert llm_at(where).chat(MESSAGES).message.content == "All is well."
    assert server.paths[-1].startswith("/v1/chat/completions")
    azure = "api-version" in tail
    assert server.paths[-1].endswith("?api-version=7") is azure
    assert (server.headers[-1].get("api-key") == "sk-a-secret") is azure


def test_headers_of_the_user_are_sent_and_shown_nowhere(server: StandIn) -> None:
    where = endpoint(server, headers={"X-Tenant": SecretStr("tenant-secret")})
    llm = llm_at(where)
    llm.chat(MESSAGES)
    assert server.headers[-1]["x-tenant"] == "tenant-secret"
    assert "tenant-secret" not in f"{where!r} {llm!r} {llm.model_dump()}"
    server.refuse = lambda body: (400, "tenant-secret is not welcome")
    with pytest.raises(ModelError) as failure:
        llm.chat(MESSAGES)
    assert "tenant-secret" not in str(failure.value)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_bundle_without_certificates_is_named(
    server: StandIn, tmp_path: Path, content: str | None
) -> None:
    bundle = tmp_path / "company.pem"
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(SettingsError, match=r"RAG_CA_BUNDLE.*company\.pem"):
        llm_at(endpoint(server, ca_bundle=bundle)).chat(MESSAGES)


@pytest.mark.slow
def test_a_bundle_makes_a_certificate_of_ones_own_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*authority.sign("server"))
    with StandIn(tls) as server:
        assert llm_at(endpoint(server, ca_bundle=authority.ca)).chat(MESSAGES).message.content
        with pytest.raises(ModelError, match=r"certificate.*RAG_CA_BUNDLE"):
            llm_at(endpoint(server)).chat(MESSAGES)


# For the moment


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    "refused",
    [
        (429, "Rate limit reached", {"Retry-After": "0.05"}),
        (429, "Rate limit reached. Please try again in 50ms."),
        (503, "Loading model"),
        (500, "an error inside"),
    ],
)
async def test_what_passes_is_waited_for(server: StandIn, refused: Any, way: Any) -> None:
    left = [1]

    def refuse(body: dict[str, Any]) -> Refused | None:
        return refused if left and left.pop() else None

    server.refuse = refuse
    assert await way(llm_at(endpoint(server))) == "All is well."
    assert len(server.seen) == 2


def test_one_call_that_times_out_is_tried_again(server: StandIn) -> None:
    server.behaviour, server.failures = "silent", 1
    llm = llm_at(endpoint(server, seconds=0.3))
    assert llm.chat(MESSAGES).message.content == "All is well."


def test_a_question_does_not_wait_for_ever(server: StandIn) -> None:
    server.refuse = lambda body: (429, "Please try again in 1h2m.")
    with pytest.raises(ModelError, match=r"takes no more requests now .* in 3720 s"):
        llm_at(endpoint(server)).chat(MESSAGES)
    assert len(server.seen) == 1


@pytest.mark.slow
def test_documents_are_embedded_whole_at_the_pace_of_the_endpoint(server: StandIn) -> None:
    lock, tokens = threading.Lock(), [0]

    def refuse(body: dict[str, Any]) -> Refused | None:
        # Every other request is one too many.
        with lock:
            tokens[0] += 1
            odd = tokens[0] % 2
        return (429, "Rate limit reached", {"Retry-After": "0.01"}) if odd else None

    server.refuse = refuse
    embedding = make_embedding(endpoint(server, retries=1), "tiny", texts_per_request=2)
    texts = ["x" * length for length in range(1, 41)]
    vectors = embedding.get_text_embedding_batch(texts)
    assert [vector[0] for vector in vectors] == list(range(1, 41))


@pytest.mark.slow
def test_the_pace_of_an_endpoint_is_remembered(server: StandIn, tmp_path: Path) -> None:
    free = [0.0]

    def refuse(body: dict[str, Any]) -> Refused | None:
        if time.monotonic() < free[0]:
            return 429, "Rate limit reached", {"Retry-After-Ms": "30"}
        free[0] = time.monotonic() + 0.015
        return None

    server.refuse = refuse
    embedding = make_embedding(endpoint(server, tmp_path), "tiny", texts_per_request=1)
    embedding.get_text_embedding_batch(["text"] * 12)
    assert 10 <= habits_of(f"tiny at {server.url}", tmp_path).all()["pace"] <= 60


def test_after_a_failure_nobody_goes_on_waiting(server: StandIn) -> None:
    both = threading.Event()

    def refuse(body: dict[str, Any]) -> Refused | None:
        if body["input"] == ["good"]:
            both.wait(30)  # else the other request may not be sent before that long wait
            return 429, "Rate limit reached", {"Retry-After": "600"}
        both.set()
        return 400, "the moon is in the wrong house"

    server.refuse = refuse
    embedding = make_embedding(endpoint(server), "tiny", texts_per_request=1, requests_at_once=2)
    with pytest.raises(ModelError, match="the moon"):
        embedding.get_text_embedding_batch(["good", "bad"])


# Reading refusals


def response(status: int, body: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=body, headers=named)


@pytest.mark.parametrize(
    ("said", "headers", "seconds"),
    [
        ("", {"retry_after": "20"}, 20),
        ("", {"retry_after_ms": "250"}, 0.25),
        ("", {"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ("Please try again in 20s.", {}, 20),
        ("Please try again in 1m2.5s.", {}, 62.5),
        ("Please try again in 472ms.", {}, 0.472),
        ("Please retry after 6 seconds.", {}, 6),
        ("Please retry in 22.9s", {}, 22.9),
        ('{"error": {"details": [{"retryDelay": "13s"}]}}', {}, 13),
        ('[{"error": {"details": [{"@type": "x"}, {"retryDelay": "2.5s"}]}}]', {}, 2.5),
        ('{"error": "Model x is currently loading", "estimated_time": 20.0}', {}, 20),
        ("Slow down", {}, None),
    ],
)
def test_how_long_to_wait_is_read_from_headers_or_words(
    said: str, headers: dict[str, str], seconds: float | None
) -> None:
    assert refusal_of(response(429, said.encode(), **headers)).wait == pytest.approx(seconds)


@pytest.mark.slow
@given(st.binary(max_size=400), st.sampled_from([400, 413, 422, 429, 500]))
def test_whatever_comes_as_a_refusal_is_read(body: bytes, status: int) -> None:
    refusal = refusal_of(response(status, body))
    assert "\n" not in refusal.said
    sent = {"model": "m", "messages": [{"role": "user", "content": "?"}], "max_tokens": 5}
    taught = lesson(refusal, sent, {}, frozenset())
    assert taught is None or formed(sent, dict([taught])) != sent


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"error": ' * 50_000, b"a" * 3_000_000])
def test_hostile_refusals_are_read_quickly(body: bytes) -> None:
    assert len(refusal_of(response(400, body)).words) <= 4000
