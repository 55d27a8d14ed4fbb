"""The provider `local`: llama.cpp in this process."""

from dataclasses import replace
from typing import TYPE_CHECKING

from indexes.extras import needed
from indexes.models.capabilities import Capabilities, Task, fit_by_name, known_embedding
from indexes.models.local import LLM_WINDOW_TOKENS, SAMPLING, SMOLLM2, LocalModel
from indexes.models.minilm import NAME as MINILM
from indexes.models.providers import with_settings
from indexes.settings import Settings

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.llms import LLM

# Two cores read about 215 tokens of a prompt a second: so the first word of an answer comes
# within a few seconds.
_BUDGET = 512
# Two lanes each for several visitors keep the server's four slots busy.
_ANSWERS_AT_ONCE = 8
# llama.cpp computes on these cores only: one request at work, one being packed.
_REQUESTS_AT_ONCE = 2
# SmolLM2 demonstrates the pipeline; it is trusted with nothing.
_SMOLLM2_FIT: frozenset[Task] = frozenset()


def describe_llm(settings: Settings) -> Capabilities:
    """SmolLM2, or the GGUF file that the settings name."""
    file = settings.llm_gguf
    return Capabilities(
        name=file.name if file else SMOLLM2,
        window=settings.context_window or LLM_WINDOW_TOKENS,
        fit=fit_by_name(file.name) if file else _SMOLLM2_FIT,
        budget=_BUDGET,
        at_once=_ANSWERS_AT_ONCE,
        provider="local",
        in_process=True,
    )


def describe_embedding(settings: Settings) -> Capabilities:
    """MiniLM, or the GGUF file that the settings name."""
    file = settings.embedding_gguf
    known = known_embedding(file.name if file else MINILM, "local")
    return replace(with_settings(known, settings), in_process=True)


def llm(settings: Settings) -> "LLM":
    """The language model; its server starts when it is first asked."""
    with needed("local", "the provider local"):
        from indexes.models.described import attach
        from indexes.models.openai_compatible import make_llm

    what = describe_llm(settings)
    served = LocalModel(
        purpose="llm",
        name=what.name,
        file=settings.llm_gguf,
        cache=settings.cache,
        window=what.window,
        threads=settings.threads,
        seconds=settings.model_timeout,
    )
    made = make_llm(
        served,
        what.name,
        context_window=what.window,
        max_tokens=settings.max_answer_tokens,
        temperature=settings.temperature,
        sampling=SAMPLING,
    )
    return attach(made, what)


def embedding(settings: Settings) -> "BaseEmbedding":
    """The embedding model; its server starts when it is first asked."""
    with needed("local", "the provider local"):
        from indexes.models.described import attach
        from indexes.models.openai_compatible import make_embedding

    what = describe_embedding(settings)
    served = LocalModel(
        purpose="embedding",
        name=what.name,
        file=settings.embedding_gguf,
        cache=settings.cache,
        window=what.window,
        threads=settings.threads,
        seconds=settings.model_timeout,
    )
    made = make_embedding(
        served,
        what.name,
        query_instruction=what.query_instruction,
        passage_instruction=what.passage_instruction,
        requests_at_once=_REQUESTS_AT_ONCE,
    )
    return attach(made, what)
