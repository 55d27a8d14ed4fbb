"""Whatever models answer, raise or delay: the query ends, and what is left is in the source."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.schema import NodeWithScore
from pydantic import PrivateAttr

from indexes.compression import (
    EmbeddingJudge,
    LLMJudge,
    PassageFilter,
    PassageReranker,
    SentenceExtractor,
)
from indexes.errors import ModelError
from tests.compression.oracle import FORMATS, OracleLLM
from tests.compression.passages import DOCUMENT, check_verbatim, nodes

ERRORS = [
    RuntimeError("odd"),
    ModelError("down"),
    ValueError(),
    KeyError(0),
    RecursionError(),
    MemoryError(),
    TimeoutError(),
    StopIteration(),
    asyncio.CancelledError(),
    SystemExit(1),
    NotImplementedError(),
    ConnectionResetError("\n\n"),
]
PATIENCE = 0.1

pieces = st.sampled_from(
    [*"[]{}(),:\"'", "keep", "1", "2", "3", "-", "0", "999", "true", "none", "NO", "YES", "\n",
     "Bosun was a warehouse robot.", "```", "<think>", "</think>", "sentence ", "…", "\ud800"]
)  # fmt: skip
answers = st.one_of(
    st.text(max_size=200),
    st.lists(pieces, max_size=40).map("".join),
    st.recursive(
        st.none() | st.booleans() | st.integers(-3, 40) | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=12,
    ).map(lambda value: str(value).replace("'", '"')),
    st.sampled_from(ERRORS),
    st.sampled_from(sorted(FORMATS)).map(FORMATS.__getitem__),
    st.none(),
)
delays = st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.01, 3.0])
said = st.lists(st.tuples(answers, delays), min_size=1, max_size=4)


class FuzzLLM(OracleLLM):
    """Says what it was given, one thing after the other, as late as it was told."""

    _said: list[Any] = PrivateAttr()

    def __init__(self, said: list[Any]) -> None:
        super().__init__(lambda line: "2021" in line)
        self._said = said

    def _next(self) -> tuple[Any, float]:
        with self._lock:
            self._prompts.append("")
            answer, delay = self._said[len(self._prompts) % len(self._said)]
        return answer, delay

    def _reply(self, answer: Any, prompt: str) -> ChatResponse:
        if isinstance(answer, BaseException):
            raise answer
        if callable(answer):
            self._format = answer
            answer = self.answer(prompt)
        return ChatResponse(message=ChatMessage(role="assistant", content=answer))

    def chat(self, messages: Any, **_: Any) -> ChatResponse:
        answer, delay = self._next()
        time.sleep(delay)
        return self._reply(answer, messages[-1].content)

    async def achat(self, messages: Any, **_: Any) -> ChatResponse:
        answer, delay = self._next()
        await asyncio.sleep(delay)
        return self._reply(answer, messages[-1].content)


class FuzzEmbedding(BaseEmbedding):
    """Returns what it was given, whatever was asked."""

    model_name: str = "fuzz"
    _vectors: Any = PrivateAttr()

    def __init__(self, vectors: Any) -> None:
        super().__init__()
        self._vectors = vectors

    def _get_query_embedding(self, query: str) -> list[float]:
        return [1.0, 0.0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return [1.0, 0.0]

    def _get_text_embedding(self, text: str) -> list[float]:
        raise AssertionError("texts are embedded in one batch")

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        if isinstance(self._vectors, BaseException):
            raise self._vectors
        return [self._vectors[len(text) % len(self._vectors)] for text in texts]


def check(found: list[NodeWithScore], given: list[NodeWithScore], *, all_of_them: bool) -> None:
    check_verbatim(found)
    scores = {one.node.node_id: one.score for one in given}
    ids = [one.node.node_id for one in found]
    assert len(set(ids)) == len(ids)
    assert all(scores[one.node.node_id] == one.score for one in found)
    assert found, "the fallback keeps the best"
    if all_of_them:
        assert set(ids) == set(scores)


@pytest.mark.slow
@settings(max_examples=120)
@given(
    said=said,
    packing=st.sampled_from(["packed", "each"]),
    way=st.sampled_from(["sync", "async"]),
    kind=st.sampled_from([SentenceExtractor, PassageFilter, PassageReranker]),
    size=st.sampled_from([70, 200, 2000]),
    tokens=st.sampled_from([60, 300]),
)
def test_any_answer_any_error_any_delay(
    said: list[Any], packing: Any, way: str, kind: Any, size: int, tokens: int
) -> None:
    judge = LLMJudge(
        FuzzLLM(said), packing=packing, seconds=PATIENCE, at_once=32, pack_tokens=tokens
    )
    given_nodes = nodes(size=size)
    before = [one.model_dump() for one in given_nodes]
    question = "What became of Bosun?"
    started = time.monotonic()
    if way == "sync":
        found = kind(judge).postprocess_nodes(given_nodes, query_str=question)
    else:
        found = asyncio.run(kind(judge).apostprocess_nodes(given_nodes, query_str=question))
    # Generous, for a busy machine: the longest delay alone is twice as long per call.
    assert time.monotonic() - started < 30
    check(found, given_nodes, all_of_them=kind is PassageReranker)
    assert [one.model_dump() for one in given_nodes] == before


@pytest.mark.slow
@settings(max_examples=60)
@given(
    vectors=st.one_of(
        st.sampled_from([error for error in ERRORS if isinstance(error, Exception)]),
        st.lists(
            st.lists(
                st.floats() | st.just(float("nan")) | st.floats(-1, 1), min_size=0, max_size=3
            ),
            min_size=1,
            max_size=3,
        ),
    ),
    kind=st.sampled_from([SentenceExtractor, PassageFilter, PassageReranker]),
    way=st.sampled_from(["sync", "async"]),
)
def test_any_vectors(vectors: Any, kind: Any, way: str) -> None:
    compressor = kind(EmbeddingJudge(FuzzEmbedding(vectors), seconds=5))
    given_nodes = nodes(DOCUMENT)
    if way == "sync":
        found = compressor.postprocess_nodes(given_nodes, query_str="Bosun?")
    else:
        found = asyncio.run(compressor.apostprocess_nodes(given_nodes, query_str="Bosun?"))
    check(found, given_nodes, all_of_them=kind is PassageReranker)
