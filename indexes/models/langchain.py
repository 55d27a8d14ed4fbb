"""LangChain's models as LlamaIndex's, and the other way round.

    index = HierarchicalIndex(llm=ChatAnthropic(…), embedding=HuggingFaceEmbeddings(…))
    extractor = LLMChainExtractor.from_llm(chat_model(index.llm))

LlamaIndex has packages for the first half (`llama-index-llms-langchain`, `…-embeddings-…`);
they need the whole of `langchain`, and count no tokens. Here `langchain-core` is enough.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel, BaseLanguageModel, BaseLLM
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    get_buffer_string,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms import LLM
from pydantic import ConfigDict, Field, PrivateAttr

from indexes.errors import ModelError, RagError
from indexes.models.usage import usage_of

_CONTEXT_WINDOW = 8192
_NUM_OUTPUT = 256
# Where a LangChain model keeps its name, and one of its integrations or another its window.
_NAMES = ("model_name", "model", "model_id", "deployment_name", "endpoint_name")


class LangChainLLM(LLM):
    """A LangChain chat model, or completion model, as a LlamaIndex LLM.

    Args:
        model: the model.
        context_window: tokens it reads; LangChain's models don't tell.
        num_output: the most tokens it answers with.
    """

    context_window: int = Field(_CONTEXT_WINDOW, gt=0)
    num_output: int = Field(_NUM_OUTPUT, ge=0)

    _model: BaseLanguageModel[Any] = PrivateAttr()

    def __init__(self, model: BaseLanguageModel[Any], **fields: Any) -> None:
        super().__init__(**fields)
        self._model = model

    @classmethod
    def class_name(cls) -> str:
        """LlamaIndex's name for it."""
        return "LangChainLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """What is known of the model."""
        return LLMMetadata(
            context_window=self.context_window,
            num_output=self.num_output,
            is_chat_model=isinstance(self._model, BaseChatModel),
            model_name=name_of(self._model),
        )

    def _asked(self, messages: Sequence[ChatMessage]) -> Any:
        converted = [_to_langchain(message) for message in messages]
        if isinstance(self._model, BaseChatModel):
            return converted
        # A completion model is asked the question itself; a conversation keeps its roles.
        return str(converted[0].content) if len(converted) == 1 else get_buffer_string(converted)

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer at once."""
        with self._errors():
            return _response(self._model.invoke(self._asked(messages), **kwargs))

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The same, by the model's own async."""
        with self._errors():
            return _response(await self._model.ainvoke(self._asked(messages), **kwargs))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answer as the model writes."""

        def stream() -> ChatResponseGen:
            so_far = _SoFar()
            with self._errors():
                for piece in self._model.stream(self._asked(messages), **kwargs):
                    yield so_far.add(piece)

        return stream()

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """The same, by the model's own async."""

        async def stream() -> ChatResponseAsyncGen:
            so_far = _SoFar()
            with self._errors():
                async for piece in self._model.astream(self._asked(messages), **kwargs):
                    yield so_far.add(piece)

        return stream()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a prompt at once."""
        return _completion(self.chat([ChatMessage(role="user", content=prompt)], **kwargs))

    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """The same, by the model's own async."""
        return _completion(await self.achat([ChatMessage(role="user", content=prompt)], **kwargs))

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Answer a prompt as the model writes."""
        pieces = self.stream_chat([ChatMessage(role="user", content=prompt)], **kwargs)
        return (_completion(piece) for piece in pieces)

    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """The same, by the model's own async."""
        pieces = await self.astream_chat([ChatMessage(role="user", content=prompt)], **kwargs)
        return (_completion(piece) async for piece in pieces)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with _as_model_error(self._model):
            yield


class LangChainEmbedding(BaseEmbedding):
    """LangChain `Embeddings` as a LlamaIndex embedding model.

    Args:
        model: the model.
        name: its identity in a collection; by default the model's own name.
    """

    _model: Embeddings = PrivateAttr()

    def __init__(self, model: Embeddings, name: str | None = None, **fields: Any) -> None:
        super().__init__(model_name=name or name_of(model), **fields)
        self._model = model

    @classmethod
    def class_name(cls) -> str:
        """LlamaIndex's name for it."""
        return "LangChainEmbedding"

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        with _as_model_error(self._model):
            return self._model.embed_documents(texts)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        with _as_model_error(self._model):
            return await self._model.aembed_documents(texts)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        with _as_model_error(self._model):
            return self._model.embed_query(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        with _as_model_error(self._model):
            return await self._model.aembed_query(query)


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
        for piece in self.llm.stream_chat(_to_llama_index(messages), **kwargs):
            yield _chunk(piece)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for piece in await self.llm.astream_chat(_to_llama_index(messages), **kwargs):
            yield _chunk(piece)


class LlamaIndexEmbeddings(Embeddings):
    """A LlamaIndex embedding model as LangChain `Embeddings`."""

    def __init__(self, embedding: BaseEmbedding) -> None:
        self.embedding = embedding

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of documents."""
        return self.embedding.get_text_embedding_batch(texts)

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""
        return self.embedding.get_query_embedding(text)

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """The same, awaited."""
        return await self.embedding.aget_text_embedding_batch(texts)

    async def aembed_query(self, text: str) -> list[float]:
        """The same, awaited."""
        return await self.embedding.aget_query_embedding(text)


def chat_model(llm: LLM) -> BaseChatModel:
    """A LlamaIndex LLM as a LangChain chat model."""
    return LlamaIndexChat(llm=llm)


def name_of(model: object) -> str:
    """What a LangChain model calls itself; its class's name where it doesn't."""
    for name in _NAMES:
        value = getattr(model, name, None)
        if isinstance(value, str) and value:
            return value
    return type(model).__name__


@contextmanager
def _as_model_error(model: object) -> Iterator[None]:
    """Whatever a LangChain model raises, as a one-line `ModelError`."""
    try:
        yield
    except RagError:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise ModelError(
            f"the LangChain model {name_of(model)} failed: {said}: "
            "check that it works by itself, with .invoke or .embed_query"
        ) from error


class _SoFar:
    """A streamed answer as LlamaIndex has it: each piece, and all of it up to there."""

    def __init__(self) -> None:
        self._text = ""

    def add(self, piece: Any) -> ChatResponse:
        words = _text(piece)
        self._text += words
        return ChatResponse(
            message=ChatMessage(role="assistant", content=self._text),
            delta=words,
            raw={"usage": _usage(piece)},
        )


def _text(answer: Any) -> str:
    """The words of an answer, of a chat model or a completion model."""
    return str(answer.text) if isinstance(answer, BaseMessage) else str(answer)


def _usage(answer: Any) -> dict[str, int]:
    used = getattr(answer, "usage_metadata", None) or {}
    return {
        "prompt_tokens": used.get("input_tokens", 0),
        "completion_tokens": used.get("output_tokens", 0),
    }


def _response(answer: Any) -> ChatResponse:
    return ChatResponse(
        message=ChatMessage(role="assistant", content=_text(answer)),
        raw={"usage": _usage(answer)},
    )


def _completion(response: ChatResponse) -> CompletionResponse:
    return CompletionResponse(
        text=response.message.content or "", delta=response.delta, raw=response.raw
    )


def _to_langchain(message: ChatMessage) -> BaseMessage:
    text = message.content or ""
    match message.role.value:
        case "system" | "developer":
            return SystemMessage(text)
        case "assistant" | "chatbot" | "model":
            return AIMessage(text)
        case _:
            return HumanMessage(text)


def _to_llama_index(messages: Sequence[BaseMessage]) -> list[ChatMessage]:
    roles = {"human": "user", "ai": "assistant", "system": "system"}
    return [
        ChatMessage(role=roles.get(message.type, "user"), content=_text(message))
        for message in messages
    ]


def _result(response: ChatResponse, stop: Sequence[str] | None) -> ChatResult:
    text = response.message.content or ""
    for word in stop or ():
        text = text.split(word)[0]
    tokens_in, tokens_out = usage_of(response)
    used = UsageMetadata(
        input_tokens=tokens_in, output_tokens=tokens_out, total_tokens=tokens_in + tokens_out
    )
    message = AIMessage(content=text, usage_metadata=used)
    return ChatResult(generations=[ChatGeneration(message=message)])


def _chunk(piece: ChatResponse) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=piece.delta or ""))


def as_llm(model: Any) -> LLM:
    """Whatever was given as a language model, as LlamaIndex's.

    Raises:
        ModelError: it is neither framework's.
    """
    if isinstance(model, LLM):
        return model
    if isinstance(model, BaseChatModel | BaseLLM):
        return LangChainLLM(model)
    raise ModelError(
        f"{type(model).__name__} is no language model: give a LlamaIndex LLM, or a LangChain "
        "chat model or LLM"
    )


def as_embedding(model: Any) -> BaseEmbedding:
    """Whatever was given as an embedding model, as LlamaIndex's.

    Raises:
        ModelError: it is neither framework's.
    """
    if isinstance(model, BaseEmbedding):
        return model
    if isinstance(model, Embeddings):
        return LangChainEmbedding(model)
    raise ModelError(
        f"{type(model).__name__} is no embedding model: give a LlamaIndex BaseEmbedding, or "
        "LangChain Embeddings"
    )
