"""Models on an endpoint: what is sent, what comes back, what is said when it fails."""

import asyncio
import copy
import os
import pickle
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage, CompletionResponse
from llama_index.core.llms import LLM
from pydantic import SecretStr

from indexes.errors import ModelError
from indexes.models.endpoint import Endpoint
from indexes.models.given import embedding_dimension
from indexes.models.openai_compatible import make_llm
from indexes.models.openai_embedding import make_embedding
from indexes.models.usage import usage_of
from tests.models.stand_in import DIMENSION, StandIn

KEY = "sk-a-secret"


def endpoint(url: str, seconds: float = 5.0, retries: int = 0) -> Endpoint:
    return Endpoint(
        url=url,
        key=SecretStr(KEY),
        model="tiny",
        url_setting="RAG_BASE_URL",
        model_setting="RAG_LLM_MODEL",
        seconds=seconds,
        retries=retries,
    )


def llm_at(where: Endpoint) -> LLM:
    return make_llm(where, "tiny", context_window=1000, max_tokens=50)


def embedding_at(where: Endpoint, **options: Any) -> BaseEmbedding:
    return make_embedding(where, "tiny", **options)


@pytest.fixture
def llm(server: StandIn) -> LLM:
    return llm_at(endpoint(server.url))


@pytest.fixture
def embedding(server: StandIn) -> BaseEmbedding:
    return embedding_at(endpoint(server.url))


# Connections


@pytest.mark.parametrize("kept", [True, False])
async def test_connections_are_used_again_where_that_is_safe(server: StandIn, kept: bool) -> None:
    embedding = embedding_at(replace(endpoint(server.url), keep_alive=kept))
    for _ in range(2):
        embedding.get_query_embedding("How is it?")
    for _ in range(2):
        await embedding.aget_query_embedding("How is it?")
    assert len(set(server.ports)) == (2 if kept else 4)


# Answers


def test_a_forked_process_asks_on_connections_of_its_own(
    server: StandIn, llm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    llm.complete("?")
    before = llm._clients.sync()
    assert llm._clients.sync() is before
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert llm._clients.sync() is not before
    llm.complete("?")
    before.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "?"}])


def test_the_metadata_tells_what_the_model_can_take(llm: LLM) -> None:
    assert llm.metadata.context_window == 1000
    assert llm.metadata.num_output == 50
    assert llm.metadata.is_chat_model


async def test_every_way_of_asking_gives_the_same_answer_and_usage(llm: LLM) -> None:
    messages = [ChatMessage(content="How is it?")]
    responses = [
        llm.complete("How is it?"),
        list(llm.stream_complete("How is it?"))[-1],
        await llm.acomplete("How is it?"),
        [r async for r in await llm.astream_complete("How is it?")][-1],
        llm.chat(messages),
        list(llm.stream_chat(messages))[-1],
        await llm.achat(messages),
        [r async for r in await llm.astream_chat(messages)][-1],
    ]
    for response in responses:
        text = response.text if isinstance(response, CompletionResponse) else str(response.message)
        assert text.endswith("All is well.")
        assert usage_of(response) == (7, 3)


def test_usage_is_zero_where_the_endpoint_tells_none() -> None:
    assert usage_of(CompletionResponse(text="")) == (0, 0)
    assert usage_of(CompletionResponse(text="", raw={"usage": None})) == (0, 0)
    assert usage_of(CompletionResponse(text="", raw={"usage": {"prompt_tokens": 5}})) == (5, 0)


def test_a_failure_that_passes_is_not_seen(server: StandIn) -> None:
    server.behaviour, server.failures = "503", 1
    assert llm_at(endpoint(server.url, retries=1)).complete("?").text == "All is well."
    assert len(server.seen) == 2


def test_one_model_serves_one_event_loop_after_another(llm: LLM, embedding: BaseEmbedding) -> None:
    for _ in range(2):
        assert asyncio.run(llm.acomplete("?")).text == "All is well."
        assert asyncio.run(embedding.aget_query_embedding("four"))[0] == 4


# Embeddings


async def test_the_instruction_goes_before_queries_only(server: StandIn) -> None:
    embedding = embedding_at(endpoint(server.url), query_instruction="Find: ")
    embedding.get_query_embedding("a")
    await embedding.aget_query_embedding("b")
    embedding.get_text_embedding("c")
    await embedding.aget_text_embedding("d")
    embedding.get_text_embedding_batch(["e"])
    await embedding.aget_text_embedding_batch(["f"])
    assert server.texts == ["Find: a", "Find: b", "c", "d", "e", "f"]


@pytest.mark.slow
async def test_vectors_come_in_the_order_of_the_texts(server: StandIn) -> None:
    embedding = embedding_at(endpoint(server.url), texts_per_request=4)
    texts = ["x" * length for length in range(1, 31)]
    lengths = list(range(1, 31))
    assert [v[0] for v in embedding.get_text_embedding_batch(texts)] == lengths
    assert [v[0] for v in await embedding.aget_text_embedding_batch(texts)] == lengths


@pytest.mark.slow
@pytest.mark.parametrize("asynchronous", [False, True])
def test_requests_run_side_by_side_up_to_the_bound(server: StandIn, asynchronous: bool) -> None:
    server.pause = 0.05
    embedding = embedding_at(endpoint(server.url), texts_per_request=1, requests_at_once=3)
    if asynchronous:
        asyncio.run(embedding.aget_text_embedding_batch(["text"] * 30))
    else:
        embedding.get_text_embedding_batch(["text"] * 30)
    assert len(server.seen) == 30
    assert server.most_at_once == 3


@pytest.mark.parametrize("asynchronous", [False, True])
def test_after_a_failure_no_more_requests_start(server: StandIn, asynchronous: bool) -> None:
    server.behaviour = "500"
    embedding = embedding_at(endpoint(server.url), texts_per_request=1, requests_at_once=2)
    with pytest.raises(ModelError):
        if asynchronous:
            asyncio.run(embedding.aget_text_embedding_batch(["text"] * 8))
        else:
            embedding.get_text_embedding_batch(["text"] * 8)
    assert len(server.seen) < 8


async def test_a_text_that_is_too_long_is_cut_and_spares_the_others(
    server: StandIn, embedding: BaseEmbedding, caplog: pytest.LogCaptureFixture
) -> None:
    server.window = 100
    texts = ["short", "x" * 150, "also short"]
    for vectors in (
        embedding.get_text_embedding_batch(texts),
        await embedding.aget_text_embedding_batch(texts),
    ):
        assert vectors[0][0] == 5
        assert 75 <= vectors[1][0] <= 100
        assert vectors[2][0] == 10
    assert "too long" in caplog.text


def test_no_texts_need_no_request(server: StandIn, embedding: BaseEmbedding) -> None:
    assert embedding.get_text_embedding_batch([]) == []
    assert server.seen == []


def test_an_empty_text_is_sent_as_a_blank(server: StandIn, embedding: BaseEmbedding) -> None:
    embedding.get_text_embedding("")
    assert server.texts == [" "]


def test_the_dimension_is_asked_for_once(server: StandIn, embedding: BaseEmbedding) -> None:
    assert embedding_dimension(embedding) == DIMENSION
    assert embedding_dimension(embedding) == DIMENSION
    assert len(server.seen) == 1


# Failures

Ask = Callable[[LLM, BaseEmbedding], Awaitable[Any]]


async def _complete(llm: LLM, embedding: BaseEmbedding) -> None:
    llm.complete("?")


async def _chat(llm: LLM, embedding: BaseEmbedding) -> None:
    llm.chat([ChatMessage(content="?")])


async def _stream(llm: LLM, embedding: BaseEmbedding) -> None:
    list(llm.stream_complete("?"))


async def _acomplete(llm: LLM, embedding: BaseEmbedding) -> None:
    await llm.acomplete("?")


async def _astream(llm: LLM, embedding: BaseEmbedding) -> None:
    async for _ in await llm.astream_chat([ChatMessage(content="?")]):
        pass


async def _query(llm: LLM, embedding: BaseEmbedding) -> None:
    embedding.get_query_embedding("?")


async def _texts(llm: LLM, embedding: BaseEmbedding) -> None:
    embedding.get_text_embedding_batch(["?"] * 40)


async def _aquery(llm: LLM, embedding: BaseEmbedding) -> None:
    await embedding.aget_query_embedding("?")


async def _atexts(llm: LLM, embedding: BaseEmbedding) -> None:
    await embedding.aget_text_embedding_batch(["?"] * 40)


ASKS: list[Ask] = [
    _complete, _chat, _stream, _acomplete, _astream, _query, _texts, _aquery, _atexts,
]  # fmt: skip

# How the endpoint fails, and what the message must say: what happened, what to change.
SAID = {
    "401": ["refused the key", "RAG_API_KEY"],
    "403": ["refused access", "RAG_API_KEY"],
    "404": ["does not have that model", "small, large", "RAG_LLM_MODEL"],
    "422": ["refused the request", "RAG_LLM_MODEL"],
    "429": ["no more requests"],
    "500": ["failed (500", "log"],
    "503": ["failed (503", "log"],
    "garbage": ["not in OpenAI's format", "RAG_BASE_URL"],
    "odd": ["not in OpenAI's format", "RAG_BASE_URL"],
    "dies": ["broke off", "ask again"],
}


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: ask.__name__.strip("_"))
@pytest.mark.parametrize("behaviour", SAID)
async def test_a_failure_is_one_line_that_names_the_fix_and_hides_the_key(
    server: StandIn, llm: LLM, embedding: BaseEmbedding, behaviour: str, ask: Ask
) -> None:
    server.behaviour = behaviour
    with pytest.raises(ModelError) as failure:
        await ask(llm, embedding)
    message = str(failure.value)
    assert "\n" not in message
    assert KEY not in message
    assert f"tiny at {server.url}" in message
    assert failure.value.__cause__ is not None
    for words in SAID[behaviour]:
        assert words in message


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: ask.__name__.strip("_"))
async def test_silence_ends_with_the_timeout(server: StandIn, ask: Ask) -> None:
    server.behaviour = "silent"
    where = endpoint(server.url, seconds=0.2)
    with pytest.raises(ModelError, match=r"no answer within 0\.2 s: raise RAG_MODEL_TIMEOUT"):
        await ask(llm_at(where), embedding_at(where))


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: ask.__name__.strip("_"))
async def test_where_no_one_listens_the_address_is_to_blame(ask: Ask) -> None:
    where = endpoint("http://127.0.0.1:9/v1")
    with pytest.raises(ModelError, match=r"cannot be reached .*RAG_BASE_URL"):
        await ask(llm_at(where), embedding_at(where))


@pytest.mark.parametrize("around", [" {} ", "{}\r\n", '"{}"', "'{}'\n"])
async def test_an_address_may_have_around_it_what_files_have(server: StandIn, around: str) -> None:
    where = endpoint(around.format(server.url))
    assert (await llm_at(where).acomplete("?")).text
    assert str(where) == f"tiny at {server.url}"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda url: url.removeprefix("http://"), "is no address: change RAG_BASE_URL to http://"),
        (lambda url: url.replace("http", "https"), "does not speak https: .*RAG_BASE_URL"),
    ],
)
async def test_an_address_with_another_beginning_is_told_which(
    server: StandIn, change: Callable[[str], str], told: str
) -> None:
    for ask in (_complete, _aquery):
        where = endpoint(change(server.url), retries=0)
        with pytest.raises(ModelError, match=told):
            await ask(llm_at(where), embedding_at(where))


@pytest.mark.parametrize("url", ["no address", "", "http://[", "ftp://host/v1"])
async def test_an_address_that_is_none_is_said_to_be(url: str) -> None:
    for ask in (_complete, _aquery):
        with pytest.raises(ModelError, match="RAG_BASE_URL"):
            await ask(llm_at(endpoint(url)), embedding_at(endpoint(url)))


def test_what_was_streamed_before_the_end_is_delivered(server: StandIn, llm: LLM) -> None:
    server.behaviour = "dies"
    stream = llm.stream_complete("?")
    assert next(stream).text == "All"
    with pytest.raises(ModelError, match="broke off"):
        list(stream)


def test_a_prompt_over_the_window_names_the_budget(server: StandIn) -> None:
    server.behaviour = "413"
    with pytest.raises(ModelError, match="RAG_BUDGET"):
        llm_at(endpoint(server.url)).complete("?")


def test_a_password_in_the_address_is_not_shown() -> None:
    where = endpoint("http://user:hush@127.0.0.1:9/v1?token=hush")
    with pytest.raises(ModelError) as failure:
        llm_at(where).complete("?")
    assert "hush" not in str(failure.value)


# The key


def test_the_key_reaches_the_endpoint_and_is_shown_nowhere(
    server: StandIn, llm: LLM, embedding: BaseEmbedding
) -> None:
    llm.complete("?")
    embedding.get_query_embedding("?")
    assert server.keys == [KEY, KEY]
    for model in (llm, embedding):
        for shown in (repr(model), str(model), model.to_dict(), model.model_dump(), model.json()):
            assert KEY not in str(shown)
    assert KEY not in repr(endpoint(server.url))


def test_the_key_of_another_service_is_not_sent(
    server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "for-someone-else")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    llm_at(endpoint(server.url)).complete("?")
    assert server.keys == [KEY]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_a_copy_works_like_the_original(
    llm: LLM, embedding: BaseEmbedding, duplicate: Callable[[Any], Any]
) -> None:
    llm.complete("?")
    embedding.get_query_embedding("?")
    assert duplicate(llm).complete("?").text == "All is well."
    assert duplicate(embedding).get_query_embedding("four")[0] == 4
