"""The provider `sagemaker`: models on SageMaker endpoints; by default Mixtral and BGE."""

from typing import TYPE_CHECKING, Any

from indexes.errors import SettingsError
from indexes.models.capabilities import (
    LLM_WINDOW,
    Capabilities,
    budget_of,
    fit_by_name,
    known_embedding,
)
from indexes.models.providers import with_settings
from indexes.models.sagemaker import require_extra
from indexes.models.sagemaker.profiles import profile_of
from indexes.models.specs import Purpose, SageMakerEndpoint, parsed
from indexes.settings import Settings

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.llms import LLM


def describe_llm(settings: Settings) -> Capabilities:
    """The model behind the endpoint, as it is known; the settings say what it reads."""
    name = settings.llm_model or settings.sagemaker_llm_endpoint
    known = profile_of("llm", settings.llm_model, settings.sagemaker_llm_endpoint)
    window = settings.context_window or (known.window if known else LLM_WINDOW)
    return Capabilities(
        name=name,
        window=window,
        fit=fit_by_name(name),
        budget=budget_of(window, settings.max_answer_tokens),
        provider="sagemaker",
    )


def describe_embedding(settings: Settings) -> Capabilities:
    """The model that the settings name, or that the endpoint's name tells."""
    name, endpoint = settings.embedding_model, settings.sagemaker_embedding_endpoint
    if name is None and (known := profile_of("embedding", endpoint)):
        name = known.name
        described = Capabilities(
            name,
            known.window,
            query_instruction=known.query_instruction,
            passage_instruction=known.passage_instruction,
            provider="sagemaker",
        )
    else:
        described = known_embedding(name or endpoint, "sagemaker")
    return with_settings(described, settings)


def llm(settings: Settings) -> "LLM":
    """The language model; nothing is reached until it is asked."""
    require_extra()
    from indexes.models.described import attach
    from indexes.models.sagemaker.llm import EndpointLLM

    what = describe_llm(settings)
    made = EndpointLLM(
        settings.sagemaker_llm_endpoint,
        inference_component=settings.sagemaker_llm_component,
        model=settings.llm_model,
        codec=settings.sagemaker_codec,
        context_window=what.window,
        max_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
        model_kwargs=settings.extra_body,
        **_client(settings, "llm"),
    )
    return attach(made, what)


def embedding(settings: Settings) -> "BaseEmbedding":
    """The embedding model; nothing is reached until it is asked."""
    require_extra()
    from indexes.models.described import attach
    from indexes.models.sagemaker.embedding import EndpointEmbedding

    what = describe_embedding(settings)
    made = EndpointEmbedding(
        settings.sagemaker_embedding_endpoint,
        model_name=what.name,
        inference_component=settings.sagemaker_embedding_component,
        codec=settings.sagemaker_embedding_codec,
        query_instruction=what.query_instruction,
        passage_instruction=what.passage_instruction,
        window_tokens=what.window,
        too_long=settings.sagemaker_too_long,
        **_client(settings, "embedding"),
    )
    return attach(made, what)


def _client(settings: Settings, purpose: Purpose) -> dict[str, Any]:
    """What an endpoint's client is made with.

    Raises:
        SettingsError: a setting that can't reach SageMaker, and nothing else that it is for.
    """
    if settings.extra_headers and not settings.base_url:
        raise SettingsError(
            "setting extra_headers (environment RAG_EXTRA_HEADERS): SageMaker hands no headers on "
            "to a container: leave it out, or give what its model takes as RAG_EXTRA_BODY"
        )
    spec, bundle = getattr(settings, purpose), settings.ca_bundle
    if bundle and not bundle.is_file():
        raise SettingsError(
            f"setting ca_bundle (environment RAG_CA_BUNDLE): {bundle} is no file: give SageMaker's "
            "client a PEM file"
        )
    return {
        "aws_region_name": settings.sagemaker_region,
        "profile_name": settings.sagemaker_profile,
        "role": settings.sagemaker_role,
        "endpoint_url": settings.sagemaker_endpoint_url,
        "timeout": settings.model_timeout,
        "connect_timeout": settings.sagemaker_connect_timeout,
        "max_retries": settings.sagemaker_retries,
        "concurrency": settings.sagemaker_concurrency,
        "cache": settings.cache,
        "in_line": spec is not None and isinstance(parsed(spec, purpose), SageMakerEndpoint),
        "ca_bundle": bundle,
    }
