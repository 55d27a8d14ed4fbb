"""From settings to models, and to what they can do. A provider is a module here, or one
that a user registered (`indexes.extensions.register_provider`).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from indexes.errors import SettingsError
from indexes.extensions import PROVIDERS, Source, resolved
from indexes.models.capabilities import LLM_WINDOW, Capabilities
from indexes.parameters import call
from indexes.settings import Settings

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.llms import LLM


def build_llm(settings: Settings) -> "LLM":
    """The language model that the settings ask for; nothing is loaded or reached yet.

    Raises:
        SettingsError: the provider lacks a setting or is not installed
    """
    from indexes.models.given import given_llm

    source = PROVIDERS.find(settings.provider).llm
    made: LLM = _made(settings, source, given_llm, "language model", "llm")
    return made


def build_embedding(settings: Settings) -> "BaseEmbedding":
    """The embedding model that the settings ask for; nothing is loaded or reached yet.

    Raises:
        SettingsError: the provider lacks a setting or is not installed
    """
    from indexes.models.given import given_embedding

    source = PROVIDERS.find(settings.provider).embedding
    made: BaseEmbedding = _made(settings, source, given_embedding, "embedding model", "embedding")
    return made


def describe_llm(settings: Settings) -> Capabilities:
    """What the settings' language model can do, mostly without making it.

    Raises:
        SettingsError: the provider lacks a setting or is not installed
    """
    provider = PROVIDERS.find(settings.provider)
    if provider.llm is None:
        return Capabilities("none", LLM_WINDOW, fit=frozenset(), provider=settings.provider)
    return _described(settings, provider.describe_llm, build_llm)


def describe_embedding(settings: Settings) -> Capabilities:
    """What the settings' embedding model can do, mostly without making it.

    Its name is its identity in a collection: the same weights have the same name wherever
    the file lies or the endpoint is.

    Raises:
        SettingsError: the provider lacks a setting or is not installed
    """
    source = PROVIDERS.find(settings.provider).describe_embedding
    return _described(settings, source, build_embedding)


def _made(
    settings: Settings,
    source: Source | None,
    adapt: Callable[[Any], Any],
    what: str,
    argument: str,
) -> Any:
    provider = f"provider {settings.provider!r}"
    if source is None:
        raise SettingsError(
            f"{provider} has no {what}: pass {argument}=… to the index, or register the "
            "provider with one"
        )
    made = adapt(call(resolved(source), {"settings": lambda: settings}, provider))
    if made is None:
        raise SettingsError(f"{provider}: its function returned no {what}")
    return made


def _described(
    settings: Settings, source: Source | None, build: Callable[[Settings], Any]
) -> Capabilities:
    if source is not None:
        described: Capabilities = resolved(source)(settings)
        return described
    from indexes.models.described import capabilities_of

    return replace(capabilities_of(build(settings)), provider=settings.provider)


def required(settings: Settings, name: str) -> str:
    """A setting that the provider can't do without.

    Raises:
        SettingsError: it is not set
    """
    value: str | None = getattr(settings, name)
    if not value:
        raise SettingsError(
            f"setting {name} (environment RAG_{name.upper()}): "
            f"the provider {settings.provider} needs it"
        )
    return value


def with_settings(known: Capabilities, settings: Settings) -> Capabilities:
    """An embedding model as it is known, but for what the settings say of it."""
    said: dict[str, Any] = {
        "window": settings.embedding_window,
        "query_instruction": settings.query_instruction,
        "passage_instruction": settings.passage_instruction,
    }
    return replace(known, **{name: value for name, value in said.items() if value is not None})
