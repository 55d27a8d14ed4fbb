"""From settings to models: the only place that knows the providers by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexes.errors import SettingsError
from indexes.settings import Provider, Settings

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.llms import LLM


def build_llm(settings: Settings) -> "LLM":
    """The language model that the settings ask for; nothing is loaded or reached yet."""
    return PROVIDERS[settings.provider].llm(settings)


def build_embedding(settings: Settings) -> "BaseEmbedding":
    """The embedding model that the settings ask for; nothing is loaded or reached yet."""
    return PROVIDERS[settings.provider].embedding(settings)


def _local_llm(settings: Settings) -> "LLM":
    from indexes.models.local import LLM_WINDOW_TOKENS, SMOLLM2, LocalModel
    from indexes.models.openai_compatible import make_llm

    name = settings.llm_gguf.name if settings.llm_gguf else SMOLLM2
    window = settings.context_window or LLM_WINDOW_TOKENS
    served = LocalModel(
        "llm",
        name,
        settings.llm_gguf,
        settings.cache,
        settings.threads,
        window,
        settings.model_timeout,
    )
    return make_llm(
        served,
        name,
        context_window=window,
        max_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
    )


def _local_embedding(settings: Settings) -> "BaseEmbedding":
    from indexes.models.local import LocalModel
    from indexes.models.openai_compatible import make_embedding

    name = embedding_name(settings)
    served = LocalModel(
        "embedding",
        name,
        settings.embedding_gguf,
        settings.cache,
        settings.threads,
        embedding_window(settings),
        settings.model_timeout,
    )
    return make_embedding(served, name, query_instruction=settings.query_instruction)


def _no_llm(settings: Settings) -> "LLM":
    raise SettingsError("provider not available yet")


def _no_embedding(settings: Settings) -> "BaseEmbedding":
    raise SettingsError("provider not available yet")


@dataclass(frozen=True)
class _Builders:
    llm: Callable[[Settings], "LLM"]
    embedding: Callable[[Settings], "BaseEmbedding"]


PROVIDERS: dict[Provider, _Builders] = {
    "local": _Builders(_local_llm, _local_embedding),
    "openai": _Builders(_no_llm, _no_embedding),
    "sagemaker": _Builders(_no_llm, _no_embedding),
}


def embedding_name(settings: Settings) -> str:
    """What the embedding model is called, in a collection's fingerprint too."""
    if settings.provider == "local":
        return settings.embedding_gguf.name if settings.embedding_gguf else "all-MiniLM-L6-v2"
    return settings.embedding_model or ""


def embedding_window(settings: Settings) -> int:
    """Tokens the embedding model reads of a text."""
    return 512
