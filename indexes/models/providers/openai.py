"""The provider `openai`: whatever speaks OpenAI's API, anywhere."""

from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from indexes.extras import needed
from indexes.models.capabilities import (
    LLM_WINDOW,
    Capabilities,
    budget_of,
    fit_by_name,
    known_embedding,
)
from indexes.models.endpoint import NO_KEY, Endpoint
from indexes.models.providers import required, with_settings
from indexes.models.specs import OpenAIModel, Purpose, parsed
from indexes.settings import Settings

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.llms import LLM


def describe_llm(settings: Settings) -> Capabilities:
    """The model of that name; the settings say what it reads."""
    name = settings.llm_model or "none"
    window = settings.context_window or LLM_WINDOW
    return Capabilities(
        name=name,
        window=window,
        fit=fit_by_name(name),
        budget=budget_of(window, settings.max_answer_tokens),
        provider="openai",
    )


def describe_embedding(settings: Settings) -> Capabilities:
    """The model of that name, as it is known or as the settings say."""
    return with_settings(known_embedding(required(settings, "embedding_model"), "openai"), settings)


def llm(settings: Settings) -> "LLM":
    """The language model; nothing is reached until it is asked."""
    with needed("openai", "the provider openai"):
        from indexes.models.described import attach
        from indexes.models.openai_compatible import make_llm

    endpoint = Endpoint(
        url=required(settings, "base_url"),
        key=_key(settings),
        model=required(settings, "llm_model"),
        **_to_change(settings, "llm"),
        own=frozenset(settings.extra_body or {}),
        **_shared(settings),
    )
    what = describe_llm(settings)
    made = make_llm(
        endpoint,
        endpoint.model,
        context_window=what.window,
        max_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
        sampling=settings.extra_body,
    )
    return attach(made, what)


def embedding(settings: Settings) -> "BaseEmbedding":
    """The embedding model; nothing is reached until it is asked."""
    with needed("openai", "the provider openai"):
        from indexes.models.described import attach
        from indexes.models.openai_embedding import make_embedding

    endpoint = Endpoint(
        url=settings.embedding_base_url or required(settings, "base_url"),
        key=_key(settings),
        model=required(settings, "embedding_model"),
        **_to_change(settings, "embedding"),
        own=frozenset(settings.embedding_extra_body or {}),
        body_setting="RAG_EMBEDDING_EXTRA_BODY",
        **_shared(settings),
    )
    what = describe_embedding(settings)
    made = make_embedding(
        endpoint,
        endpoint.model,
        query_instruction=what.query_instruction,
        passage_instruction=what.passage_instruction,
        texts_per_request=settings.embedding_batch,
        requests_at_once=settings.model_concurrency,
        extra_body=settings.embedding_extra_body,
    )
    return attach(made, what)


def _to_change(settings: Settings, purpose: Purpose) -> dict[str, Any]:
    """What a message names as wrong: the spec, if the model or its address stands in one."""
    spec = getattr(settings, purpose)
    found = parsed(spec, purpose) if spec is not None else None
    apart = purpose == "embedding" and settings.embedding_base_url
    names = {
        "url_setting": "RAG_EMBEDDING_BASE_URL" if apart else "RAG_BASE_URL",
        "model_setting": f"RAG_{purpose.upper()}_MODEL",
    }
    if isinstance(found, OpenAIModel):
        of_spec = f"RAG_{purpose.upper()}"
        names["model_setting"] = of_spec
        if found.url:
            names["url_setting"] = of_spec
    return names


def _shared(settings: Settings) -> dict[str, Any]:
    """What the endpoints of both models have in common."""
    return {
        "seconds": settings.model_timeout,
        "retries": settings.model_retries,
        "cache": settings.cache,
        "headers": settings.extra_headers or {},
        "ca_bundle": settings.ca_bundle,
    }


def _key(settings: Settings) -> SecretStr:
    """The key, or a stand-in where there is none."""
    return settings.api_key or SecretStr(NO_KEY)
