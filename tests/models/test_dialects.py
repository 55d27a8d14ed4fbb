"""Whatever dialect of OpenAI's API an endpoint speaks, its answer is read or its refusal told in
one line, whichever way it is asked.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage
from pydantic import SecretStr

from indexes.errors import ModelError
from indexes.models.endpoint import Endpoint
from indexes.models.openai_compatible import make_llm
from indexes.models.openai_embedding import make_embedding
from indexes.models.replies import Reading
from tests.models.dialects import DIALECTS, EMBEDDERS, TEXT, Dialect, Embedder
from tests.models.scripted import Body, Reply, Scripted, said, whole

MESSAGES = [ChatMessage(role="user", content="How is it?")]
WAYS = ["whole", "awhole", "streamed", "astreamed"]


@pytest.fixture(scope="module")
def scripted() -> Iterator[Scripted]:
    with Scripted() as server:
        yield server


def endpoint(url: str, **more: Any) -> Endpoint:
    return Endpoint(
        url=url,
        key=SecretStr("sk-a-secret"),
        model="tiny",
        url_setting="RAG_BASE_URL",
        model_setting=more.pop("model_setting", "RAG_LLM_MODEL"),
        seconds=5.0,
        retries=more.pop("retries", 1),
        **more,
    )


def asked(where: Endpoint, way: str) -> Reading:
    llm = make_llm(where, "tiny", context_window=1000, max_tokens=50)
    reading = Reading()

    async def together() -> None:
        if way == "awhole":
            reading.take(await llm.achat(MESSAGES), whole_text=True)
        else:
            async for response in await llm.astream_chat(MESSAGES):
                reading.take(response)

    if way == "whole":
        reading.take(llm.chat(MESSAGES), whole_text=True)
    elif way == "streamed":
        for response in llm.stream_chat(MESSAGES):
            reading.take(response)
    else:
        asyncio.run(together())
    reading.end()
    return reading


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_dialect_is_understood(scripted: Scripted, dialect: Dialect, way: str) -> None:
    def script(path: str, body: Body) -> Reply:
        if not body:
            return said({"object": "list", "data": []})
        return dialect.streamed(body) if body.get("stream") else dialect.whole(body)

    scripted.script = script
    where = endpoint(scripted.root + dialect.path)
    if dialect.text is None and ("streamed" in way or dialect.refuses_both):
        with pytest.raises(ModelError) as failure:
            asked(where, way)
        line = str(failure.value)
        assert "\n" not in line
        for word in dialect.told:
            assert word in line
        return
    reading = asked(where, way)
    assert reading.text == (TEXT if dialect.text is None else dialect.text)
    assert reading.thinking == dialect.thinking
    assert reading.finish()[0] == dialect.finish


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("embedder", EMBEDDERS, ids=lambda embedder: embedder.name)
def test_every_embedder_gives_each_text_its_vector(
    scripted: Scripted, embedder: Embedder, asynchronous: bool
) -> None:
    scripted.script = lambda path, body: embedder.answer(body)
    where = endpoint(scripted.root + embedder.path, model_setting="RAG_EMBEDDING_MODEL")
    embedding = make_embedding(where, "tiny")
    texts = ["x" * length for length in range(1, 41)]

    def vectors() -> list[list[float]]:
        if asynchronous:
            return asyncio.run(embedding.aget_text_embedding_batch(texts))
        return embedding.get_text_embedding_batch(texts)

    if embedder.told:
        with pytest.raises(ModelError, match=embedder.told) as failure:
            vectors()
        assert "\n" not in str(failure.value)
    else:
        assert [vector[0] for vector in vectors()] == list(range(1, 41))


def test_a_model_that_is_not_there_is_told_with_those_named_most_like_it(
    scripted: Scripted,
) -> None:
    offered = [f"other-{n}" for n in range(30)]
    missing = said({"error": {"message": "no such model"}}, 404)
    scripted.script = lambda path, body: (
        missing if body else said({"data": [{"id": name} for name in offered]})
    )
    where = endpoint(f"{scripted.root}/v1")
    for more, told in ((["tiny-instruct"], r"it has tiny-instruct, other-0, .*RAG_LLM_MODEL"),
                       (["tiny"], r"was not found .* or RAG_LLM_MODEL")):  # fmt: skip
        offered += more
        with pytest.raises(ModelError, match=told):
            asked(where, "whole")


@pytest.mark.parametrize("way", ["whole", "awhole"])
def test_a_proxy_is_not_asked_for_this_machine_and_named_for_others(
    scripted: Scripted, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    scripted.script = lambda path, body: said(whole(TEXT))
    assert asked(endpoint(f"{scripted.root}/v1"), way).text == TEXT
    with pytest.raises(ModelError, match=r"through the proxy .*HTTPS_PROXY and NO_PROXY"):
        asked(endpoint("http://models.example/v1", retries=0), way)
    monkeypatch.setenv("HTTP_PROXY", scripted.root)
    scripted.script = lambda path, body: said("", 407)
    with pytest.raises(ModelError, match="refused by the proxy"):
        asked(endpoint("http://models.example/v1", retries=0), way)


@pytest.mark.parametrize("way", ["whole", "awhole"])
def test_a_redirection_to_another_host_takes_no_secret_along(scripted: Scripted, way: str) -> None:
    elsewhere = scripted.root.replace("127.0.0.1", "localhost")
    scripted.script = lambda path, body: (
        said(whole(TEXT)) if path == "/else" else said("", 307, Location=f"{elsewhere}/else")
    )
    where = endpoint(
        f"{scripted.root}/v1?api-version=1", headers={"X-Tenant": SecretStr("tenant-secret")}
    )
    scripted.headers.clear()
    assert asked(where, way).text == TEXT
    first, second = map(str, scripted.headers)
    assert "sk-a-secret" in first and "tenant-secret" in first
    assert "secret" not in second


def test_a_redirection_that_loses_the_question_names_the_address(scripted: Scripted) -> None:
    def script(path: str, body: Body) -> Reply:
        if path.startswith("/v1"):
            return said(
                "", 301, "text/html", Location=f"{scripted.root}/elsewhere/chat/completions"
            )
        return said({"detail": "Method Not Allowed"}, 405)

    scripted.script = script
    for way in WAYS:
        with pytest.raises(ModelError, match=r"sends requests on to .*/elsewhere.*RAG_BASE_URL"):
            asked(endpoint(f"{scripted.root}/v1"), way)
