"""Models that are quick and do what they are told, to be read rather than believed."""

import re
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
)
from llama_index.core.llms import CustomLLM
from numpy.typing import NDArray
from pydantic import PrivateAttr

DIMENSION = 64

# For local models in processes of their own: a few words show that they answer.
BRIEFLY = {"RAG_MAX_ANSWER_TOKENS": "16"}


@lru_cache(maxsize=50_000)
def _direction(word: str) -> NDArray[np.float64]:
    return np.random.default_rng(crc32(word.encode())).standard_normal(DIMENSION)


class WordEmbedding(BaseEmbedding):
    """Texts that share words are similar: each word is a fixed random direction.

    `texts` records everything that was embedded as a document, in order.
    """

    model_name: str = "words"
    _texts: list[str] = PrivateAttr(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return self._texts

    def _embed(self, text: str) -> list[float]:
        total = np.full(DIMENSION, 1e-3)
        for word in re.findall(r"\w+", text.lower()):
            total += _direction(word)
        return list(map(float, total / np.linalg.norm(total)))

    def _get_text_embedding(self, text: str) -> list[float]:
        self._texts.append(text)
        return self._embed(text)

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._embed(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._embed(query)


class ScriptedLLM(CustomLLM):
    """Answers with what was enqueued, word by word; an exception in the script is raised.

        llm = ScriptedLLM()
        llm.enqueue("The cat sat [1].")

    `prompts` records what it was asked. With an empty script it says "Scripted answer [1]."
    """

    context_window: int = 4096
    _script: deque[str | Exception] = PrivateAttr(default_factory=deque)
    _prompts: list[str] = PrivateAttr(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            context_window=self.context_window, num_output=256, model_name="scripted"
        )

    @property
    def prompts(self) -> list[str]:
        return self._prompts

    def enqueue(self, *answers: str | Exception) -> None:
        self._script.extend(answers)

    def _words(self, messages: Sequence[ChatMessage]) -> Iterator[ChatResponse]:
        self._prompts.append(messages[-1].content or "")
        answer = self._script.popleft() if self._script else "Scripted answer [1]."
        if isinstance(answer, Exception):
            raise answer
        text = ""
        words = re.findall(r"\s*\S+", answer)
        for word in words:
            text += word
            yield ChatResponse(
                message=ChatMessage(role="assistant", content=text),
                delta=word,
                raw={"usage": {"prompt_tokens": 100, "completion_tokens": len(words)}},
            )

    def stream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> Iterator[ChatResponse]:
        return self._words(messages)

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **_: Any
    ) -> AsyncIterator[ChatResponse]:
        async def stream() -> AsyncIterator[ChatResponse]:
            for response in self._words(messages):
                yield response

        return stream()

    def chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponse:
        *_rest, last = self._words(messages)
        return last

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        return CompletionResponse(
            text=self.chat([ChatMessage(role="user", content=prompt)]).message.content or ""
        )

    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
        raise AssertionError("nothing here completes in a stream")
