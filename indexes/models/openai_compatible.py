"""Models behind OpenAI's API, wherever it is served."""

from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatResponse, CompletionResponse
from llama_index.core.llms import LLM
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike
from pydantic import PrivateAttr

from indexes.models.endpoint import Connection


class CompatibleLLM(OpenAILike):
    """A chat model."""

    _connection: Connection = PrivateAttr()

    def __init__(self, connection: Connection, **fields: Any) -> None:
        super().__init__(api_key="hidden", api_base="hidden", max_retries=0, **fields)
        self._connection = connection

    def _get_credential_kwargs(self, is_async: bool = False) -> dict[str, Any]:
        endpoint = self._connection.open()
        return {
            "api_key": endpoint.key.get_secret_value(),
            "base_url": endpoint.url,
            "max_retries": endpoint.retries,
            "timeout": endpoint.seconds,
        }


class CompatibleEmbedding(OpenAILikeEmbedding):
    """An embedding model."""

    query_instruction: str = ""
    _connection: Connection = PrivateAttr()

    def __init__(self, connection: Connection, **fields: Any) -> None:
        super().__init__(api_key="hidden", api_base="hidden", max_retries=1, **fields)
        self._connection = connection

    def _get_query_embedding(self, query: str) -> list[float]:
        return super()._get_query_embedding(self.query_instruction + query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await super()._aget_query_embedding(self.query_instruction + query)

    def _get_credential_kwargs(self, is_async: bool = False) -> dict[str, Any]:
        endpoint = self._connection.open()
        return {
            "api_key": endpoint.key.get_secret_value(),
            "base_url": endpoint.url,
            "max_retries": endpoint.retries,
            "timeout": endpoint.seconds,
        }


def make_llm(
    connection: Connection,
    model: str,
    *,
    context_window: int,
    max_tokens: int,
    temperature: float = 0.0,
) -> LLM:
    """A chat model."""
    return CompatibleLLM(
        connection,
        model=model,
        context_window=context_window,
        max_tokens=max_tokens,
        temperature=temperature,
        is_chat_model=True,
        additional_kwargs={"stream_options": {"include_usage": True}},
    )


def make_embedding(
    connection: Connection, model: str, *, query_instruction: str = ""
) -> BaseEmbedding:
    """An embedding model."""
    return CompatibleEmbedding(
        connection, model_name=model, query_instruction=query_instruction, embed_batch_size=32
    )


def embedding_dimension(model: BaseEmbedding) -> int:
    """How long the model's vectors are."""
    return len(model.get_text_embedding("dimension"))


def usage_of(response: ChatResponse | CompletionResponse) -> tuple[int, int]:
    """Prompt and completion tokens of a response; zeros where the endpoint told none."""
    raw = response.raw
    usage = raw.get("usage") if isinstance(raw, dict) else getattr(raw, "usage", None)
    counts = usage if isinstance(usage, dict) else vars(usage) if usage is not None else {}
    return (counts.get("prompt_tokens") or 0, counts.get("completion_tokens") or 0)
