"""LangChain's models as LlamaIndex's.

    index = HierarchicalIndex(llm=ChatAnthropic(…).with_retry(), embedding=OpenAIEmbeddings())

Any Runnable that takes a prompt and gives text or a message is a language model here: chat and
completion models, and what `with_retry`, `with_fallbacks`, `bind`, `with_config` or
`model | StrOutputParser()` make of them. A call is a run of LangChain's: callbacks of the
run that it is made in see it (`indexes.langchain.runs`).

LlamaIndex has packages for this (`llama-index-llms-langchain`, `…-embeddings-…`); they need
the whole of `langchain`, and count no tokens. Here `langchain-core` is enough.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from langchain_core.callbacks.manager import ahandle_event, handle_event
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel, BaseLanguageModel
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
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
from pydantic import Field, PrivateAttr

from indexes.errors import ModelError, RagError, as_stop, shown
from indexes.models.langchain_messages import Answer, asked, completion_of, prompt_of

_CONTEXT_WINDOW = 8192
_NUM_OUTPUT = 256
# Where a LangChain model keeps its name, one of its integrations or another.
_NAMES = ("model_name", "model", "model_id", "deployment_name", "endpoint_name")
# Where a Runnable keeps what it runs: bindings and retries, fallbacks, configurable ones.
_INSIDE = ("bound", "runnable", "default")
_DEEPEST = 16
# Through these goes what a handler raises on purpose, and nothing that a model raises.
_HANDLERS = frozenset({handle_event.__code__, ahandle_event.__code__})


class LangChainLLM(LLM):
    """A LangChain model, or any Runnable that answers a prompt, as a LlamaIndex LLM.

    Args:
        model: a chat model, a completion model or another Runnable from a prompt to text
        context_window: tokens that it reads; by default what its profile says, else 8,192
        num_output: the most tokens that it answers with
    """

    context_window: int = Field(_CONTEXT_WINDOW, gt=0)
    num_output: int = Field(_NUM_OUTPUT, ge=0)

    _model: Runnable[Any, Any] = PrivateAttr()

    def __init__(self, model: Runnable[Any, Any], **fields: Any) -> None:
        profile = getattr(language_model_in(model), "profile", None) or {}
        if "max_input_tokens" in profile:
            fields.setdefault("context_window", profile["max_input_tokens"])
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
            is_chat_model=isinstance(language_model_in(self._model), BaseChatModel),
            model_name=name_of(self._model),
        )

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer at once."""
        with self._errors():
            return Answer().add(self._model.invoke(prompt_of(messages), **kwargs))

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer by the model's own async."""
        with self._errors():
            return Answer().add(await self._model.ainvoke(prompt_of(messages), **kwargs))

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answer as the model writes."""

        def stream() -> ChatResponseGen:
            answer = Answer()
            with self._errors():
                for piece in self._model.stream(prompt_of(messages), **kwargs):
                    yield answer.add(piece)

        return stream()

    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Answer as the model writes, by its own async."""

        async def stream() -> ChatResponseAsyncGen:
            answer = Answer()
            with self._errors():
                async for piece in self._model.astream(prompt_of(messages), **kwargs):
                    yield answer.add(piece)

        return stream()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a prompt at once."""
        return completion_of(self.chat(asked(prompt), **kwargs))

    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Answer a prompt by the model's own async."""
        return completion_of(await self.achat(asked(prompt), **kwargs))

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Answer a prompt as the model writes."""
        return (completion_of(piece) for piece in self.stream_chat(asked(prompt), **kwargs))

    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """Answer a prompt as the model writes, by its own async."""
        pieces = await self.astream_chat(asked(prompt), **kwargs)
        return (completion_of(piece) async for piece in pieces)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with _as_model_error(self._model, ".invoke"):
            yield


class LangChainEmbedding(BaseEmbedding):
    """LangChain `Embeddings` as a LlamaIndex embedding model.

    Args:
        model: the model
        name: its identity in a collection; by default the model's own name
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
        with self._errors():
            return self._model.embed_documents(texts)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        with self._errors():
            return await self._model.aembed_documents(texts)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        with self._errors():
            return self._model.embed_query(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        with self._errors():
            return await self._model.aembed_query(query)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with _as_model_error(self._model, ".embed_query"):
            yield


def as_llm(model: Any) -> LLM:
    """Whatever was given as a language model, as LlamaIndex's.

    Raises:
        ModelError: it is neither framework's.
    """
    if isinstance(model, LLM):
        return model
    if isinstance(model, Runnable) and not isinstance(model, BaseRetriever):
        return LangChainLLM(model)
    raise ModelError(
        f"{type(model).__name__} is no language model: give a LlamaIndex LLM, or LangChain's: "
        "a chat model, an LLM or another Runnable that answers a prompt with text"
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


def language_model_in(model: Any) -> BaseLanguageModel[Any] | None:
    """The language model that a Runnable comes down to; None if that can't be told."""
    for _ in range(_DEEPEST):
        if isinstance(model, BaseLanguageModel):
            return model
        steps = getattr(model, "steps", None)
        if isinstance(steps, list):
            found = (language_model_in(step) for step in steps if step is not model)
            return next((one for one in found if one is not None), None)
        inner = (getattr(model, name, None) for name in _INSIDE)
        model = next((one for one in inner if isinstance(one, Runnable)), None)
    return None


def name_of(model: object) -> str:
    """What a LangChain model calls itself; its class's name where it doesn't."""
    model = language_model_in(model) or model
    for name in _NAMES:
        value = getattr(model, name, None)
        if isinstance(value, str) and value:
            return value
    return type(model).__name__


@contextmanager
def _as_model_error(model: object, method: str) -> Iterator[None]:
    """Whatever a LangChain model raises, as a one-line `ModelError`.

    What a callback handler raises on purpose (`raise_error`) is the caller's own: it stays as
    it is, and ends the query.
    """
    try:
        yield
    except RagError:
        raise
    except Exception as error:
        if _is_handlers(error.__traceback__):
            raise as_stop(error)  # noqa: B904  it is the same
        raise ModelError(
            f"the LangChain model {name_of(model)} failed: {shown(error)}: "
            f"check that it works by itself, with {method}"
        ) from error


def _is_handlers(traceback: TracebackType | None) -> bool:
    while traceback is not None:
        if traceback.tb_frame.f_code in _HANDLERS:
            return True
        traceback = traceback.tb_next
    return False
