"""From settings to models, and to what they can do. Language model and embedding model are
chosen apart: each by its spec, or else by the provider, which is a module here or one that a
user registered (`indexes.extensions.register_provider`).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from indexes.errors import ModelError, RagError, SettingsError, shown
from indexes.extensions import PROVIDERS, Provider, resolved
from indexes.extras import check_extra
from indexes.models.capabilities import LLM_WINDOW, Capabilities, budget_of
from indexes.models.classes import check_installed, constructed
from indexes.models.specs import (
    DottedClass,
    LocalFile,
    OpenAIModel,
    ProviderName,
    Purpose,
    SageMakerEndpoint,
    changed,
    is_spec,
    parsed,
    with_specs,
)
from indexes.parameters import call
from indexes.settings import Settings

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.llms import LLM


# What providers need beyond the core.
_PACKAGES = {"local": ("openai", "xllamacpp"), "openai": ("openai",), "sagemaker": ("boto3",)}


@dataclass(frozen=True)
class Chosen:
    """Who makes a model: a provider's name and functions, and the settings that a spec changes."""

    name: str
    provider: Provider
    settings: Settings


def build_llm(settings: Settings) -> "LLM":
    """The language model that the settings ask for; nothing is loaded or reached yet.

    Raises:
        SettingsError: the provider lacks a setting or is not installed
        ModelError: a local model is not on this machine
    """
    from indexes.models.given import given_llm

    made: LLM = _made(settings, given_llm, "llm", "language model")
    return made


def build_embedding(settings: Settings) -> "BaseEmbedding":
    """The embedding model that the settings ask for; nothing is loaded or reached yet.

    Raises:
        SettingsError: the provider lacks a setting or is not installed
        ModelError: a local model is not on this machine
    """
    from indexes.models.given import given_embedding

    made: BaseEmbedding = _made(settings, given_embedding, "embedding", "embedding model")
    return made


def llm_of(given: Any, settings: Settings) -> "LLM | None":
    """A language model as a caller gave it, an object or a spec; None stays None.

    Raises:
        SettingsError: the spec is none
        ModelError: the object is no language model, or a local model is not on this machine
    """
    from indexes.models.given import given_llm

    if is_spec(given):
        return build_llm(with_specs(settings, llm=given))
    return given_llm(given)


def embedding_of(given: Any, settings: Settings) -> "BaseEmbedding | None":
    """An embedding model likewise."""
    from indexes.models.given import given_embedding

    if is_spec(given):
        return build_embedding(with_specs(settings, embedding=given))
    return given_embedding(given)


def describe_llm(settings: Settings) -> Capabilities:
    """What the settings' language model can do, mostly without making it.

    Raises:
        SettingsError: the provider lacks a setting or is not installed
    """
    chosen = choose(settings, "llm")
    if chosen.provider.llm is None:
        return Capabilities("none", LLM_WINDOW, fit=frozenset(), provider=chosen.name)
    if chosen.provider.describe_llm is not None:
        described: Capabilities = resolved(chosen.provider.describe_llm)(chosen.settings)
        return described
    found, window = _read_off(build_llm(settings), chosen), settings.context_window
    budget = budget_of(window, settings.max_answer_tokens) if window else found.budget
    return replace(found, window=window or found.window, budget=budget)


def describe_embedding(settings: Settings) -> Capabilities:
    """What the settings' embedding model can do, mostly without making it.

    Its name is its identity in a collection: the same weights have the same name wherever
    the file lies or the endpoint is.

    Raises:
        SettingsError: the provider lacks a setting or is not installed
    """
    chosen = choose(settings, "embedding")
    if chosen.provider.describe_embedding is not None:
        described: Capabilities = resolved(chosen.provider.describe_embedding)(chosen.settings)
        return described
    found = _read_off(build_embedding(settings), chosen)
    # Its instructions are its own.
    return replace(found, window=settings.embedding_window or found.window)


def check_models(settings: Settings) -> None:
    """See whether the models that settings name are there, without loading or reaching any.

    Raises:
        SettingsError: a spec is none, or a package is missing
        ModelError: a local model is not on this machine
    """
    from indexes.models.providers import local

    purposes: tuple[Purpose, ...] = ("llm", "embedding")
    for purpose in purposes:
        spec = getattr(settings, purpose)
        found = parsed(spec, purpose) if spec is not None else None
        if isinstance(found, DottedClass):
            check_installed(found.name)
            continue
        name = choose(settings, purpose).name
        if name in _PACKAGES:
            check_extra(name, f"the provider {name}", *_PACKAGES[name])
        if name == "local":
            local.check(settings, purpose)


def choose(settings: Settings, purpose: Purpose) -> Chosen:
    """Who makes the language model, or the embedding model.

    Raises:
        SettingsError: the spec names none
    """
    spec = getattr(settings, purpose)
    key = getattr(settings, f"{purpose}_api_key")
    if key is not None:
        settings = settings.model_copy(update={"api_key": key})
    if spec is None:
        return Chosen(settings.provider, PROVIDERS.find(settings.provider), settings)
    match found := parsed(spec, purpose):
        case ProviderName(name):
            pass
        case LocalFile():
            name = "local"
        case OpenAIModel():
            name = "openai"
        case SageMakerEndpoint():
            name = "sagemaker"
        case DottedClass(dotted, arguments):
            provider = Provider(
                llm=lambda: constructed(dotted, arguments, "llm"),
                embedding=lambda: constructed(dotted, arguments, "embedding"),
            )
            return Chosen(dotted.rpartition(".")[2], provider, settings)
    update = {"provider": name}
    return Chosen(
        name, PROVIDERS.find(name), changed(settings, found, purpose).model_copy(update=update)
    )


def _made(settings: Settings, adapt: Callable[[Any], Any], purpose: Purpose, what: str) -> Any:
    chosen = choose(settings, purpose)
    source = chosen.provider.llm if purpose == "llm" else chosen.provider.embedding
    provider = f"provider {chosen.name!r}"
    if source is None:
        raise SettingsError(
            f"{provider} has no {what}: pass {purpose}=… to the index, or register the "
            "provider with one"
        )
    try:
        given = call(resolved(source), {"settings": lambda: chosen.settings}, provider)
    except RagError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {shown(error)}"
        failed = ModelError(f"{provider}: its function failed ({said}): correct it")
        failed.repeats = True
        raise failed from error
    made = adapt(given)
    if made is None:
        raise SettingsError(f"{provider}: its function returned no {what}")
    return made


def _read_off(model: Any, chosen: Chosen) -> Capabilities:
    from indexes.models.described import capabilities_of

    return replace(capabilities_of(model), provider=chosen.name)


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
