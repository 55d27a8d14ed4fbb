"""LlamaIndex's models as LangChain's, for chains and compressors there.

extractor = LLMChainExtractor.from_llm(chat_model(index.llm))
vectorstore = InMemoryVectorStore(LlamaIndexEmbeddings(index.embedding))
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms import LLM
from pydantic import ConfigDict, Field

from indexes.models.replies import Reading, read
from indexes.models.thoughts import Piece

_ROLES = {"human": "user", "ai": "assistant", "system": "system"}


class LlamaIndexChat(BaseChatModel):
    """A LlamaIndex LLM as a LangChain chat model; errors stay `ModelError`s."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    llm: LLM = Field(repr=False)

    @property
    def _llm_type(self) -> str:
        return "llama-index"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.llm.metadata.model_name}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _result(self.llm.chat(_to_llama_index(messages), **kwargs), stop)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _result(await self.llm.achat(_to_llama_index(messages), **kwargs), stop)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        if stop:
            # A stop word may come in pieces, of which none must be seen.
            yield _whole(self._generate(messages, stop, **kwargs))
            return
        reading = Reading()
        for piece in self.llm.stream_chat(_to_llama_index(messages), **kwargs):
            yield _chunk(reading.take(piece))
        if (rest := reading.end()) != Piece():
            yield _chunk(rest)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        if stop:
            yield _whole(await self._agenerate(messages, stop, **kwargs))
            return
        reading = Reading()
        async for piece in await self.llm.astream_chat(_to_llama_index(messages), **kwargs):
            yield _chunk(reading.take(piece))
        if (rest := reading.end()) != Piece():
            yield _chunk(rest)


class LlamaIndexEmbeddings(Embeddings):
    """A LlamaIndex embedding model as LangChain `Embeddings`."""

    def __init__(self, embedding: BaseEmbedding) -> None:
        self.embedding = embedding

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed documents."""
        return self.embedding.get_text_embedding_batch(texts)

    def embed_query(self, text: str) -> list[float]:
        """Embed a question."""
        return self.embedding.get_query_embedding(text)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed documents by the model's own async."""
        return await self.embedding.aget_text_embedding_batch(texts)

    async def aembed_query(self, text: str) -> list[float]:
        """Embed a question by the model's own async."""
        return await self.embedding.aget_query_embedding(text)


def chat_model(llm: LLM) -> BaseChatModel:
    """A LlamaIndex LLM as a LangChain chat model."""
    return LlamaIndexChat(llm=llm)


def _to_llama_index(messages: Sequence[BaseMessage]) -> list[ChatMessage]:
    return [
        ChatMessage(role=_ROLES.get(message.type, "user"), content=str(message.text))
        for message in messages
    ]


def _result(response: ChatResponse, stop: Sequence[str] | None) -> ChatResult:
    said = read(response)
    text = said.text
    for word in stop or ():
        text = text.split(word)[0]
    tokens_in, tokens_out = said.usage
    used = UsageMetadata(
        input_tokens=tokens_in, output_tokens=tokens_out, total_tokens=tokens_in + tokens_out
    )
    message = AIMessage(
        content=text,
        usage_metadata=used,
        additional_kwargs={"reasoning_content": said.thinking} if said.thinking else {},
        response_metadata={"finish_reason": said.reason} if said.reason else {},
    )
    return ChatResult(generations=[ChatGeneration(message=message)])


def _whole(result: ChatResult) -> ChatGenerationChunk:
    message = result.generations[0].message
    return ChatGenerationChunk(
        message=AIMessageChunk(
            content=message.content, usage_metadata=getattr(message, "usage_metadata", None)
        )
    )


def _chunk(piece: Piece) -> ChatGenerationChunk:
    beside = {"reasoning_content": piece.thoughts} if piece.thoughts else {}
    return ChatGenerationChunk(
        message=AIMessageChunk(content=piece.words, additional_kwargs=beside)
    )
