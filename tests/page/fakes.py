"""Models for the page's tests: they answer at once, what the test says."""

import asyncio
import zlib
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms import CustomLLM
from pydantic import Field

DIMENSION = 256


class ScriptedLLM(CustomLLM):
    """Writes `reply` word by word, whatever it is asked.

    Attributes:
        reply: what it writes.
        whole: what it says when it is asked for all at once.
        pause: seconds before each word.
        holds: whether it waits before its third word for as long as this is so.
        error: raised instead of the first word.
        fails_at: the number of the answer, from 1, that fails; 0 for none.
        asked: the prompts that it was given.
        written: words it has written, of all answers.
        ended: how each answer ended: `whole` or `cut`.
    """

    reply: str = "Cloud revenue rose to 3.18 billion [1]."
    whole: str = ""
    pause: float = 0.0
    holds: bool = False
    error: Exception | None = None
    fails_at: int = 0
    asked: list[str] = Field(default_factory=list)
    written: list[str] = Field(default_factory=list)
    ended: list[str] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="Scripted-1", context_window=8192, num_output=256)

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        return CompletionResponse(text=self.whole or self.reply)

    def stream_complete(
        self, prompt: str, formatted: bool = False, **_: Any
    ) -> CompletionResponseGen:
        raise NotImplementedError("the page streams asynchronously")

    async def astream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponseAsyncGen:
        self.asked.append(str(messages[-1].content))
        number = len(self.asked)

        async def words() -> ChatResponseAsyncGen:
            end = "cut"
            try:
                if self.error is not None:
                    raise self.error
                if number == self.fails_at:
                    raise RuntimeError("secret detail")
                for place, word in enumerate(self.reply.split(" ")):
                    await asyncio.sleep(self.pause)
                    while self.holds and place == 2:
                        await asyncio.sleep(0.01)
                    self.written.append(word)
                    piece = f"{word} "
                    yield ChatResponse(message=ChatMessage(content=piece), delta=piece)
                end = "whole"
            finally:
                self.ended.append(end)

        return words()


class WordEmbedding(BaseEmbedding):
    """A text's vector counts its words, each at a place that its checksum chooses.

    Texts with the same words are similar, which is all that searching in a test needs.
    """

    model_name: str = "word-counts"

    def _get_text_embedding(self, text: str) -> list[float]:
        vector = [0.0] * DIMENSION
        for word in text.lower().split():
            vector[zlib.crc32(word.strip(".,;:!?").encode()) % DIMENSION] += 1.0
        return vector

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)
