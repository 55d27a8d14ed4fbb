"""LangChain's callbacks see every model call of ours, and may stop them."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline
from langchain_core.callbacks import (
    AsyncCallbackHandler,
    BaseCallbackHandler,
    UsageMetadataCallbackHandler,
)
from langchain_core.language_models import FakeListChatModel, FakeListLLM, GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import Runnable, RunnableLambda
from llama_index.core.schema import Document as LlamaDocument

from indexes.answers import Turn
from indexes.conversation import Condenser
from indexes.index import HierarchicalIndex
from indexes.langchain import PassageCompressor, PatternRetriever
from indexes.settings import load_settings
from tests.fakes import WordEmbedding

QUESTION = "Who lit the lamp?"
KEEP = json.dumps({"keep": [1]})


class Runs(BaseCallbackHandler):
    """Records each run's kind, name, parent, tags and metadata."""

    def __init__(self) -> None:
        self.retrievers: list[UUID] = []
        self.models: list[dict[str, Any]] = []
        self.ended = 0

    def on_retriever_start(self, serialized: Any, query: str, *, run_id: UUID, **_: Any) -> None:
        self.retrievers.append(run_id)

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        self.models.append({**kwargs, "thread": threading.current_thread().name})

    def on_llm_start(self, serialized: Any, prompts: Any, **kwargs: Any) -> None:
        self.models.append(kwargs)

    def on_llm_end(self, response: Any, **_: Any) -> None:
        self.ended += 1


class TooExpensive(Exception):  # noqa: N818 - as applications name it
    """What a handler that limits costs raises."""


class Limit(BaseCallbackHandler):
    """Allows so many calls."""

    raise_error = True

    def __init__(self, calls: int) -> None:
        self.left = calls

    def on_chat_model_start(self, serialized: Any, messages: Any, **_: Any) -> None:
        if self.left == 0:
            raise TooExpensive("the budget of this request is spent")
        self.left -= 1


class AsyncLimit(AsyncCallbackHandler):
    raise_error = True

    async def on_chat_model_start(self, serialized: Any, messages: Any, **_: Any) -> None:
        raise TooExpensive("not one call")


def says(*answers: str) -> FakeListChatModel:
    return FakeListChatModel(responses=list(answers))


def judged_index(path: Path, llm: Any) -> HierarchicalIndex:
    settings = load_settings(
        index=str(path), levels=(96, 24), judge="llm", judge_packing="each", budget=96
    )
    index = HierarchicalIndex(settings, embedding=WordEmbedding(), llm=llm)
    index.ingest(
        [
            LlamaDocument(
                text=f"Ada lit lamp {n}. " + "The sea was calm and grey. " * 12, id_=f"d{n}"
            )
            for n in range(4)
        ]
    )
    return index


@pytest.fixture
def index(tmp_path: Path) -> Iterator[HierarchicalIndex]:
    with judged_index(tmp_path / "index", says(KEEP)) as opened:
        yield opened


def retriever(index: HierarchicalIndex, pattern: str = "parent+extract") -> PatternRetriever:
    return PatternRetriever(index=index, pattern=pattern, tags=["ours"])


def test_a_judges_calls_are_children_of_the_retrievers_run(index: HierarchicalIndex) -> None:
    seen = Runs()
    retriever(index).invoke(
        QUESTION, {"callbacks": [seen], "tags": ["request"], "metadata": {"user": "ada"}}
    )
    [run] = seen.retrievers
    assert len(seen.models) == seen.ended > 1
    for call in seen.models:
        assert call["parent_run_id"] == run
        assert "request" in call["tags"]
        assert call["metadata"]["user"] == "ada"
    # Asked side by side, in the judge's own threads.
    assert {call["thread"] for call in seen.models} == {"judge"}


async def test_the_same_on_the_event_loop(index: HierarchicalIndex) -> None:
    seen = Runs()
    await retriever(index).ainvoke(QUESTION, {"callbacks": [seen], "tags": ["request"]})
    [run] = seen.retrievers
    assert len(seen.models) == seen.ended > 1
    assert {call["parent_run_id"] for call in seen.models} == {run}
    assert all("request" in call["tags"] for call in seen.models)


async def test_requests_at_the_same_time_do_not_mix(index: HierarchicalIndex) -> None:
    handlers = [Runs() for _ in range(4)]
    await asyncio.gather(
        *(retriever(index).ainvoke(QUESTION, {"callbacks": [seen]}) for seen in handlers)
    )
    for seen in handlers:
        assert {call["parent_run_id"] for call in seen.models} == set(seen.retrievers)
        assert len(seen.models) > 1


@pytest.mark.parametrize("name", ["extract", "filter", "rerank"])
async def test_a_compressors_calls_are_seen(index: HierarchicalIndex, name: str) -> None:
    compressor = PassageCompressor.of(name, llm=says(KEEP))
    compressing = ContextualCompressionRetriever(
        base_compressor=DocumentCompressorPipeline(transformers=[compressor]),
        base_retriever=PatternRetriever(index=index, pattern="regular"),
    )
    for seen in (Runs(), Runs()):
        config: Any = {"callbacks": [seen], "metadata": {"user": "ada"}}
        if seen.models == []:
            compressing.invoke(QUESTION, config)
        else:
            await compressing.ainvoke(QUESTION, config)
        assert seen.models
        assert all(call["metadata"]["user"] == "ada" for call in seen.models)
        assert {call["parent_run_id"] for call in seen.models} == {seen.retrievers[0]}


def test_handlers_alone_are_enough_for_a_compressor(index: HierarchicalIndex) -> None:
    seen = Runs()
    found = PatternRetriever(index=index, pattern="regular").invoke(QUESTION)
    compressor = PassageCompressor.of("extract", llm=says(KEEP))
    compressor.compress_documents(found, QUESTION, callbacks=[seen])
    assert seen.models


@pytest.mark.slow
def test_answers_and_follow_ups_inside_a_chain_are_seen(tmp_path: Path) -> None:
    with judged_index(tmp_path / "index", says("Who is Ada?", "It was Ada [1].")) as index:

        def answer(question: str) -> str:
            alone = Condenser(index.llm).condense(question, [Turn(question="Who is Ada?")])
            return index.ask(alone, pattern="regular").answer

        seen = Runs()
        RunnableLambda(answer).invoke(QUESTION, {"callbacks": [seen], "tags": ["request"]})
    assert len(seen.models) == 2
    assert all("request" in call["tags"] for call in seen.models)


@pytest.mark.slow
async def test_streamed_answers_inside_a_chain_are_seen(tmp_path: Path) -> None:
    with judged_index(tmp_path / "index", says("It was Ada [1].")) as index:

        async def answer(question: str) -> str:
            *_, last = [event async for event in index.astream(question, pattern="regular")]
            return str(last.answer)

        seen = Runs()
        await RunnableLambda(answer).ainvoke(QUESTION, {"callbacks": [seen]})
    assert len(seen.models) == seen.ended == 1


def test_token_counters_count(index: HierarchicalIndex) -> None:
    used = {"input_tokens": 11, "output_tokens": 3, "total_tokens": 14}
    message = AIMessage(
        content=KEEP, usage_metadata=used, response_metadata={"model_name": "judge-1"}
    )
    counting = GenericFakeChatModel(messages=iter([message] * 40))
    counter = UsageMetadataCallbackHandler()
    found = PatternRetriever(index=index, pattern="regular").invoke(QUESTION)
    compressor = PassageCompressor.of("extract", llm=counting, judge_packing="each")
    compressor.compress_documents(found, QUESTION, callbacks=[counter])
    assert counter.usage_metadata["judge-1"]["total_tokens"] == 14 * len(found)


def runnables() -> list[Any]:
    return [
        says(KEEP).with_retry(),
        says(KEEP).with_fallbacks([says(KEEP)]),
        says(KEEP).bind(stop=["x"]),
        says(KEEP).with_config(tags=["judge"]),
        says(KEEP) | StrOutputParser(),
        RunnableLambda(lambda prompt: says(KEEP).invoke(prompt)),
        FakeListLLM(responses=[KEEP]),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("model", runnables(), ids=lambda model: type(model).__name__)
def test_whatever_runnable_judges_its_calls_are_seen(
    tmp_path: Path, model: Runnable[Any, Any]
) -> None:
    seen = Runs()
    with judged_index(tmp_path / "index", model) as index:
        retriever(index).invoke(QUESTION, {"callbacks": [seen], "tags": ["request"]})
    assert seen.models
    assert all("request" in call["tags"] for call in seen.models)


# A handler that raises on purpose


@pytest.mark.parametrize("pattern", ["extract", "filter", "parent+rerank+extract"])
async def test_what_a_handler_raises_on_purpose_ends_the_query(
    index: HierarchicalIndex, pattern: str
) -> None:
    with pytest.raises(TooExpensive, match="is spent"):
        retriever(index, pattern).invoke(QUESTION, {"callbacks": [Limit(1)]})
    with pytest.raises(TooExpensive, match="is spent"):
        await retriever(index, pattern).ainvoke(QUESTION, {"callbacks": [Limit(1)]})
    with pytest.raises(TooExpensive, match="not one call"):
        await retriever(index, pattern).ainvoke(QUESTION, {"callbacks": [AsyncLimit()]})


def test_no_further_call_is_made_then(tmp_path: Path) -> None:
    seen = Runs()
    with judged_index(tmp_path / "index", says(KEEP)) as index:
        index.settings = index.settings.model_copy(update={"judge_at_once": 1})
        with pytest.raises(TooExpensive):
            retriever(index).invoke(QUESTION, {"callbacks": [Limit(2), seen]})
    assert seen.ended == 2


def test_it_ends_a_compressors_and_an_answers_call_too(index: HierarchicalIndex) -> None:
    compressing = ContextualCompressionRetriever(
        base_compressor=PassageCompressor.of("extract", llm=says(KEEP)),
        base_retriever=PatternRetriever(index=index, pattern="regular"),
    )
    with pytest.raises(TooExpensive):
        compressing.invoke(QUESTION, {"callbacks": [Limit(0)]})
    with pytest.raises(TooExpensive):
        RunnableLambda(lambda q: index.ask(q, pattern="regular").answer).invoke(
            QUESTION, {"callbacks": [Limit(0)]}
        )


class Sloppy(Limit):
    raise_error = False


def test_what_a_handler_raises_by_mistake_does_not(index: HierarchicalIndex) -> None:
    assert retriever(index).invoke(QUESTION, {"callbacks": [Sloppy(0)]})
