"""From settings to models: the only place that knows the providers by name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from indexes.errors import SettingsError
from indexes.settings import Provider, Settings

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.llms import LLM

# What an endpoint is taken to read where the settings say nothing.
DEFAULT_CONTEXT_WINDOW = 8192

# What JumpStart deploys, unless the setting embedding_model says otherwise.
BGE = "bge-large-en"

# llama.cpp computes on these cores only: one request at work, one being packed.
LOCAL_REQUESTS_AT_ONCE = 2


@dataclass(frozen=True)
class _Builders:
    """How a provider's models are made. Functions, so that only its libraries load."""

    llm: Callable[[Settings], "LLM"]
    embedding: Callable[[Settings], "BaseEmbedding"]


def build_llm(settings: Settings) -> "LLM":
    """The language model that the settings ask for; nothing is loaded or reached yet.

    Raises:
        SettingsError: the provider lacks a setting or is not installed.
    """
    return _builders(settings).llm(settings)


def build_embedding(settings: Settings) -> "BaseEmbedding":
    """The embedding model that the settings ask for; nothing is loaded or reached yet.

    Raises:
        SettingsError: the provider lacks a setting or is not installed.
    """
    return _builders(settings).embedding(settings)


def embedding_name(settings: Settings) -> str:
    """The embedding model's identity in a collection's fingerprint.

    The same weights have the same name wherever the file lies or the endpoint is.

    Raises:
        SettingsError: the provider needs a model name and has none.
    """
    if settings.provider == "local":
        from indexes.models.minilm import NAME

        return settings.embedding_gguf.name if settings.embedding_gguf else NAME
    if settings.provider == "sagemaker":
        return settings.embedding_model or BGE
    return _required(settings, "embedding_model")


def embedding_window(settings: Settings) -> int:
    """Tokens that the embedding model reads of a text; the rest is cut.

    512 for all: MiniLM has 512 positions (and was trained on 256, so leaves stay well
    below), BGE Large as many, and no chunk that is searched by its vector should be
    longer.
    """
    from indexes.models.minilm import WINDOW_TOKENS

    return WINDOW_TOKENS


def _local_llm(settings: Settings) -> "LLM":
    from indexes.models.local import LLM_WINDOW_TOKENS, SAMPLING, SMOLLM2, LocalModel
    from indexes.models.openai_compatible import make_llm

    served = LocalModel(
        purpose="llm",
        name=settings.llm_gguf.name if settings.llm_gguf else SMOLLM2,
        file=settings.llm_gguf,
        cache=settings.cache,
        window=settings.context_window or LLM_WINDOW_TOKENS,
        threads=settings.threads,
        seconds=settings.model_timeout,
    )
    return make_llm(
        served,
        served.name,
        context_window=served.window,
        max_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
        sampling=SAMPLING,
    )


def _local_embedding(settings: Settings) -> "BaseEmbedding":
    from indexes.models.local import LocalModel
    from indexes.models.openai_compatible import make_embedding

    served = LocalModel(
        purpose="embedding",
        name=embedding_name(settings),
        file=settings.embedding_gguf,
        cache=settings.cache,
        window=embedding_window(settings),
        threads=settings.threads,
        seconds=settings.model_timeout,
    )
    return make_embedding(
        served,
        served.name,
        query_instruction=settings.query_instruction,
        requests_at_once=LOCAL_REQUESTS_AT_ONCE,
    )


def _openai_llm(settings: Settings) -> "LLM":
    from indexes.models.endpoint import Endpoint
    from indexes.models.openai_compatible import make_llm

    endpoint = Endpoint(
        url=_required(settings, "base_url"),
        key=_key(settings),
        model=_required(settings, "llm_model"),
        url_setting="RAG_BASE_URL",
        model_setting="RAG_LLM_MODEL",
        seconds=settings.model_timeout,
    )
    return make_llm(
        endpoint,
        endpoint.model,
        context_window=settings.context_window or DEFAULT_CONTEXT_WINDOW,
        max_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
    )


def _openai_embedding(settings: Settings) -> "BaseEmbedding":
    from indexes.models.endpoint import Endpoint
    from indexes.models.openai_compatible import make_embedding

    apart = settings.embedding_base_url
    endpoint = Endpoint(
        url=apart or _required(settings, "base_url"),
        key=_key(settings),
        model=_required(settings, "embedding_model"),
        url_setting="RAG_EMBEDDING_BASE_URL" if apart else "RAG_BASE_URL",
        model_setting="RAG_EMBEDDING_MODEL",
        seconds=settings.model_timeout,
    )
    return make_embedding(endpoint, endpoint.model, query_instruction=settings.query_instruction)


def _sagemaker_llm(settings: Settings) -> "LLM":
    from indexes.models.sagemaker import require_extra

    require_extra()
    from indexes.models.sagemaker.llm import CONTEXT_WINDOW, EndpointLLM

    return EndpointLLM(
        settings.sagemaker_llm_endpoint,
        inference_component=settings.sagemaker_llm_component,
        codec=settings.sagemaker_codec,
        context_window=settings.context_window or CONTEXT_WINDOW,
        max_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
        **_sagemaker_client(settings),
    )


def _sagemaker_embedding(settings: Settings) -> "BaseEmbedding":
    from indexes.models.sagemaker import require_extra

    require_extra()
    from indexes.models.sagemaker.embedding import BGE_INSTRUCTION, EndpointEmbedding

    name = embedding_name(settings)
    # The instruction is BGE's own: another model's queries would only be blurred by it.
    instruction = BGE_INSTRUCTION if "bge" in name.lower() else ""
    return EndpointEmbedding(
        settings.sagemaker_embedding_endpoint,
        model_name=name,
        inference_component=settings.sagemaker_embedding_component,
        codec=settings.sagemaker_embedding_codec,
        query_instruction=settings.query_instruction or instruction,
        window_tokens=embedding_window(settings),
        too_long=settings.sagemaker_too_long,
        **_sagemaker_client(settings),
    )


def _sagemaker_client(settings: Settings) -> dict[str, Any]:
    return {
        "aws_region_name": settings.sagemaker_region,
        "profile_name": settings.sagemaker_profile,
        "role": settings.sagemaker_role,
        "endpoint_url": settings.sagemaker_endpoint_url,
        "timeout": settings.model_timeout,
        "connect_timeout": settings.sagemaker_connect_timeout,
        "max_retries": settings.sagemaker_retries,
        "concurrency": settings.sagemaker_concurrency,
    }


PROVIDERS: dict[Provider, _Builders] = {
    "local": _Builders(_local_llm, _local_embedding),
    "openai": _Builders(_openai_llm, _openai_embedding),
    "sagemaker": _Builders(_sagemaker_llm, _sagemaker_embedding),
}


def _builders(settings: Settings) -> _Builders:
    return PROVIDERS[settings.provider]


def _required(settings: Settings, name: str) -> str:
    value: str | None = getattr(settings, name)
    if not value:
        raise SettingsError(
            f"setting {name} (environment RAG_{name.upper()}): "
            f"the provider {settings.provider} needs it"
        )
    return value


def _key(settings: Settings) -> SecretStr:
    """The key, or a stand-in for servers that ask for none: the client insists on one."""
    return settings.api_key or SecretStr("none")
