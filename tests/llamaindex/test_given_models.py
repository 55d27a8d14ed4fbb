"""Whatever a user's own model raises or lacks, an answer or a `ModelError` comes of it."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import httpx
import openai
import pytest
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
)
from llama_index.core.llms import LLM, CustomLLM
from llama_index.core.schema import Document

from indexes.answers import Answer, Turn, Word
from indexes.conversation import Condenser
from indexes.errors import ModelError
from indexes.index import HierarchicalIndex
from indexes.trace import Trace
from tests.fakes import ScriptedLLM, WordEmbedding
from tests.llamaindex.conftest import QUESTION

REQUEST = httpx.Request("POST", "http://model.test/v1")
FAILURES = [
    (openai.APITimeoutError(REQUEST), "raise its timeout"),
    (
        openai.RateLimitError("slow down", response=httpx.Response(429, request=REQUEST), body={}),
        "raise the account's limits",
    ),
    (
        openai.AuthenticationError("no", response=httpx.Response(401, request=REQUEST), body={}),
        "check its key",
    ),
    (httpx.ReadError("connection reset"), "check that it works by itself"),
    (RuntimeError("quota\nis used up"), r"RuntimeError: quota is used up"),
    (KeyError("choices"), "KeyError"),
]


class Breaking(ScriptedLLM):
    """Says two words, and then fails."""

    def stream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> Iterator[ChatResponse]:
        message = ChatMessage(role="assistant", content="It is")
        yield ChatResponse(message=message, delta="It is")
        raise httpx.RemoteProtocolError("peer closed connection")

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **_: Any
    ) -> AsyncIterator[ChatResponse]:
        async def stream() -> AsyncIterator[ChatResponse]:
            for response in self.stream_chat(messages):
                yield response

        return stream()


@pytest.mark.parametrize(("failure", "message"), FAILURES)
async def test_failures_are_model_errors_of_one_line(
    filled: HierarchicalIndex, llm: ScriptedLLM, failure: Exception, message: str
) -> None:
    engine = filled.query_engine("parent")
    llm.enqueue(*[failure] * 4)
    for ask in (filled.ask, engine.query):
        with pytest.raises(ModelError, match=message) as caught:
            ask(QUESTION)
        assert "\n" not in str(caught.value)
        assert caught.value.__cause__ is failure
    for aask in (filled.aask, engine.aquery):
        with pytest.raises(ModelError, match=message):
            await aask(QUESTION)


@pytest.mark.slow
async def test_a_failure_in_the_middle_of_a_stream_keeps_what_came(
    filled: HierarchicalIndex,
) -> None:
    *events, answer = filled.stream(QUESTION, llm=Breaking())
    assert [event.text for event in events if isinstance(event, Word)] == ["It is"]
    *_, other = [event async for event in filled.astream(QUESTION, llm=Breaking())]
    for ended in (answer, other):
        assert isinstance(ended, Answer)
        assert (ended.answer, ended.finish) == ("It is", "broken")
        assert "peer closed connection" in ended.finish_note
    # LlamaIndex's responses have no word for it.
    engine = filled.query_engine("parent", llm=Breaking(), streaming=True)
    with pytest.raises(ModelError, match="peer closed connection"):
        list(engine.query(QUESTION).response_gen)


async def test_a_failing_embedding_is_one_too(
    filled: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: WordEmbedding, text: str) -> list[float]:
        raise ConnectionResetError("gone")

    monkeypatch.setattr(WordEmbedding, "_embed", fail)
    for ask in (filled.retrieve, filled.retriever("parent").retrieve, filled.ask):
        with pytest.raises(
            ModelError, match=r"the embedding model words failed \(ConnectionResetError"
        ):
            ask(QUESTION)
    with pytest.raises(ModelError, match="gone"):
        await filled.aretrieve(QUESTION)
    with pytest.raises(ModelError, match="gone"):
        await filled.query_engine("parent").aquery(QUESTION)


async def test_a_vector_that_can_not_be_compared_is_a_model_error(
    filled: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.retrieve(QUESTION)
    monkeypatch.setattr(WordEmbedding, "_embed", lambda self, text: [float("nan")] * 64)
    for ask in (filled.retrieve, lambda text: filled.ingest(Document(text=text))):
        with pytest.raises(ModelError, match=r"words failed .* no number"):
            ask(QUESTION)
    with pytest.raises(ModelError, match="no number"):
        await filled.aretrieve(QUESTION)


def test_a_key_is_not_repeated(filled: HierarchicalIndex) -> None:
    class Keyed(ScriptedLLM):
        api_key: str = "sk-very-secret"

    model = Keyed()
    model.enqueue(RuntimeError("bad key sk-very-secret"))
    with pytest.raises(ModelError) as caught:
        filled.ask(QUESTION, llm=model)
    assert "sk-very-secret" not in str(caught.value)


@pytest.mark.slow
async def test_a_follow_up_is_condensed_without_a_model_that_fails() -> None:
    llm = ScriptedLLM()
    turns = [Turn(question="What was the revenue in 2019?")]
    for failure, _ in FAILURES:
        llm.enqueue(failure, failure)
        trace = Trace()
        expected = "What was the revenue in 2019? And its margin?"
        assert Condenser(llm).condense("And its margin?", turns, trace) == expected
        assert await Condenser(llm).acondense("And its margin?", turns, trace) == expected


class Whole(LLM):
    """Neither streams nor awaits: all it has is `chat`."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="whole")

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return ChatResponse(message=ChatMessage(role="assistant", content="All at once [1]."))

    def _none(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("not this one")

    complete = stream_complete = stream_chat = _none

    async def _anone(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("not this one")

    achat = acomplete = astream_chat = astream_complete = _anone


class SoFar(CustomLLM):
    """Streams what it has said so far each time, without telling what is new."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="so far")

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text="One two [1].")

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> Iterator[CompletionResponse]:
        for text in ("One", "One two", "One two [1]."):
            yield CompletionResponse(text=text)


@pytest.mark.parametrize(
    ("model", "said"), [(Whole(), "All at once [1]."), (SoFar(), "One two [1].")]
)
async def test_a_model_that_streams_badly_or_not_at_all_answers(
    filled: HierarchicalIndex, model: LLM, said: str
) -> None:
    assert filled.ask(QUESTION, llm=model).answer == said
    assert (await filled.aask(QUESTION, llm=model)).answer == said
    assert str(filled.query_engine("parent", llm=model).query(QUESTION)) == said
    assert filled.ask(QUESTION, llm=model).citations[0].origin == "model"
