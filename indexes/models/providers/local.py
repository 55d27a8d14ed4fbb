"""The provider `local`: llama.cpp in this process, with a model that is named by spec, by file,
or comes with the packages.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from indexes.errors import SettingsError
from indexes.extras import WEIGHTS, needed
from indexes.model_spec import ModelSpec
from indexes.models import hub
from indexes.models.capabilities import Capabilities
from indexes.models.catalogue import Kind
from indexes.models.local import (
    EMBEDDING_WINDOW_TOKENS,
    LLM_WINDOW_TOKENS,
    SAMPLING,
    SMALL_SAMPLING,
    LocalModel,
)
from indexes.models.providers import with_settings
from indexes.models.specs import LocalFile, Purpose, local_file, parsed
from indexes.settings import Settings

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.llms import LLM

# Two cores read about 215 tokens of a prompt a second: so the first word of an answer comes
# within a few seconds.
_BUDGET = 512
# Two lanes each for several visitors keep the server's four slots busy.
_ANSWERS_AT_ONCE = 8
# Question and passage together.
_RERANKER_WINDOW = 2048
# llama.cpp computes on these cores only: one request at work, one being packed.
_REQUESTS_AT_ONCE = 2
# It takes one after the other in any case, and whoever stops waits for those that are asked.
_TEXTS_PER_REQUEST = 4


def describe_llm(settings: Settings) -> Capabilities:
    """The model as the catalogue has it, or as its name tells."""
    entry = local_file(settings, "llm").entry
    return Capabilities(
        name=entry.name,
        window=settings.context_window or min(entry.window, LLM_WINDOW_TOKENS),
        fit=entry.fit,
        budget=_BUDGET,
        at_once=_ANSWERS_AT_ONCE,
        provider="local",
        in_process=True,
    )


def describe_embedding(settings: Settings) -> Capabilities:
    """The model as the catalogue has it, or as its name tells; and as the settings say."""
    entry = local_file(settings, "embedding").entry
    known = Capabilities(
        name=entry.name,
        window=min(entry.window, EMBEDDING_WINDOW_TOKENS),
        query_instruction=entry.query_instruction,
        passage_instruction=entry.passage_instruction,
        provider="local",
        in_process=True,
    )
    return with_settings(known, settings)


def llm(settings: Settings) -> "LLM":
    """The language model; its server starts when it is first asked.

    Raises:
        ModelError: its file is not on this machine
    """
    with needed("local", "the provider local"):
        from indexes.models.described import attach
        from indexes.models.openai_compatible import make_llm

    what = describe_llm(settings)
    made = make_llm(
        served(settings, local_file(settings, "llm"), "llm", what.window),
        what.name,
        context_window=what.window,
        max_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
        sampling=SAMPLING if what.fits("judge") else SMALL_SAMPLING,
    )
    return attach(made, what)


def embedding(settings: Settings) -> "BaseEmbedding":
    """The embedding model; its server starts when it is first asked.

    Raises:
        ModelError: its file is not on this machine
    """
    with needed("local", "the provider local"):
        from indexes.models.described import attach
        from indexes.models.openai_embedding import make_embedding

    what = describe_embedding(settings)
    made = make_embedding(
        served(settings, local_file(settings, "embedding"), "embedding", what.window),
        what.name,
        query_instruction=what.query_instruction,
        passage_instruction=what.passage_instruction,
        texts_per_request=_TEXTS_PER_REQUEST,
        requests_at_once=_REQUESTS_AT_ONCE,
    )
    return attach(made, what)


def reranker(settings: Settings) -> LocalModel:
    """The local reranker that the settings name.

    Raises:
        SettingsError: they name none
        ModelError: its file is not on this machine
    """
    found = parsed(ModelSpec(settings.rerank_model or ""), "reranker")
    if not isinstance(found, LocalFile):
        raise SettingsError(f"{settings.rerank_model} is no local reranker: set RAG_RERANK_URL")
    return served(settings, found, "reranker", min(found.entry.window, _RERANKER_WINDOW))


def served(settings: Settings, found: LocalFile, purpose: Kind, window: int) -> LocalModel:
    """A local model as it is to be served.

    Raises:
        ModelError: its file is not on this machine
    """
    spec = settings.rerank_model if purpose == "reranker" else getattr(settings, purpose)
    of_spec = "RAG_RERANK_MODEL" if purpose == "reranker" else f"RAG_{purpose.upper()}"
    return LocalModel(
        purpose=purpose,
        name=found.entry.name,
        file=file_of(settings, found),
        cache=settings.cache,
        window=window,
        threads=settings.threads,
        seconds=settings.model_timeout,
        pooling=found.entry.pooling,
        template=found.entry.template,
        setting=of_spec if spec is not None else "",
    )


def check(settings: Settings, purpose: Purpose) -> None:
    """See whether a local model's file is there, without loading it.

    Raises:
        SettingsError: the packages with its weights are not installed
        ModelError: it is not on this machine
    """
    found = local_file(settings, purpose)
    if found.path or found.entry.repository:
        served(settings, found, purpose, found.entry.window).path()
    elif find_spec(found.entry.package.replace("-", "_")) is None:
        raise SettingsError(f"the weights of {found.entry.name} are not installed: {WEIGHTS}")


def file_of(settings: Settings, found: LocalFile) -> Path | None:
    """A local model's file; None for what comes with the packages.

    Raises:
        ModelError: it is not on this machine; the message says how to come by it
    """
    if found.path is not None:
        return found.path
    return hub.required(found.entry, settings.cache) if found.entry.repository else None
