"""From settings to postprocessors: which judge, and how much it is given to choose from."""

from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM

from indexes.compression.cache import JudgementCache
from indexes.compression.compressor import Compressor
from indexes.compression.cross_encoder import CrossEncoderJudge, endpoint_at, served_by
from indexes.compression.embedding_judge import EmbeddingJudge
from indexes.compression.extractor import SentenceExtractor
from indexes.compression.filter import PassageFilter
from indexes.compression.function_judge import FunctionJudge
from indexes.compression.llm_judge import LLMJudge
from indexes.compression.reranker import PassageReranker
from indexes.compression.similarity import Scoring
from indexes.compression.verdicts import Judge
from indexes.errors import SettingsError
from indexes.extensions import JUDGE_PARAMETERS, JUDGES, SCORE_PARAMETERS, is_judge, resolved
from indexes.models.capabilities import Capabilities
from indexes.models.providers import describe_llm
from indexes.parameters import call, parameters
from indexes.settings import Method, Settings, has_cross_encoder

# Context retrieved for postprocessors to choose from, in budgets (docs/compression.md).
OVERFETCH = 2.0


def build_postprocessor(
    name: str,
    judge: Judge,
    settings: Settings,
    budget: int | None = None,
    fill: bool = True,
) -> Compressor:
    """The postprocessor called `name` in patterns.

    Args:
        name: a key of `indexes.patterns.POSTPROCESSORS`.
        judge: who decides.
        settings: how.
        budget: cl100k tokens, for the last one of a pattern: what it keeps should fit.
        fill: whether the next best fill it, beyond what the judge chooses.
    """
    match name:
        case "extract":
            return SentenceExtractor(
                judge,
                neighbours=settings.neighbours,
                fallback=settings.fallback,
                budget=budget,
                fill=fill,
            )
        case "filter":
            return PassageFilter(judge, fallback=settings.fallback, budget=budget if fill else None)
        case "rerank":
            # Ordering is what a cross-encoder does best: where there is one, it does it.
            own = has_cross_encoder(settings)
            return PassageReranker(build_cross_encoder(settings) if own else judge)
    raise ValueError(f"no postprocessor is called {name!r}")


def build_judge(
    settings: Settings,
    *,
    llm: Callable[[], LLM],
    embedding: Callable[[], BaseEmbedding],
    llm_capabilities: Callable[[], Capabilities] | None = None,
) -> Judge:
    """The judge that the settings ask for: one of ours, or one that was registered.

    Args:
        settings: who judges, and how
        llm: gives the language model; called if it is needed
        embedding: gives the embedding model; called if it is needed
        llm_capabilities: what the language model can do; by default as the settings say

    Raises:
        SettingsError: there is no such judge, or what was registered makes none
    """
    name = judge_name(settings, llm_capabilities)
    what = f"judge {name!r}"
    judge = resolved(JUDGES.find(name))
    if not is_judge(judge) and set(_parameters(judge, what)) == set(SCORE_PARAMETERS):
        return FunctionJudge(
            name, judge, scoring=_scoring(settings), seconds=settings.judge_timeout
        )
    if not is_judge(judge):
        offered = {"settings": lambda: settings, "llm": llm, "embedding": embedding}
        judge = call(judge, offered, what)
    if not is_judge(judge):
        raise SettingsError(f"{what}: its function returned a {type(judge).__name__}, not a judge")
    decides: Judge = judge
    return decides


def _parameters(judge: Callable[..., Any], what: str) -> list[str]:
    return parameters(judge, (*JUDGE_PARAMETERS, *SCORE_PARAMETERS), what)


def judge_name(
    settings: Settings, llm_capabilities: Callable[[], Capabilities] | None = None
) -> str:
    """Who judges: `auto` is the language model if it is fit to, else the embedding model."""
    if settings.judge != "auto":
        return settings.judge
    described = llm_capabilities() if llm_capabilities else describe_llm(settings)
    return "llm" if described.fits("judge") else "embedding"


def embedding_judge(settings: Settings, embedding: BaseEmbedding) -> EmbeddingJudge:
    """The judge `embedding`."""
    return EmbeddingJudge(embedding, scoring=_scoring(settings), seconds=settings.judge_timeout)


def llm_judge(settings: Settings, llm: LLM) -> LLMJudge:
    """The judge `llm`."""
    return LLMJudge(
        llm,
        packing=settings.judge_packing,
        pack_tokens=settings.judge_pack_tokens,
        at_once=settings.judge_at_once,
        seconds=settings.judge_timeout,
        cache=JudgementCache(settings.judge_cache) if settings.judge_cache else None,
    )


def build_cross_encoder(settings: Settings) -> CrossEncoderJudge:
    """The cross-encoder that the settings name; a local one is loaded when it is first asked.

    Raises:
        SettingsError: they name none.
        ModelError: a local one is not on this machine.
    """
    if not has_cross_encoder(settings):
        raise SettingsError(
            "setting rerank_url (environment RAG_RERANK_URL): the judge cross-encoder needs it, "
            "like http://localhost:8080/v1/rerank, or rerank_model, like bge-reranker"
        )
    if settings.rerank_url:
        route = endpoint_at(
            settings.rerank_url,
            settings.api_key,
            headers=settings.extra_headers or {},
            ca_bundle=settings.ca_bundle,
        )
    else:
        from indexes.models.providers.local import reranker

        route = served_by(reranker(settings))
    return CrossEncoderJudge(
        route,
        model=settings.rerank_model or "reranker",
        scoring=_scoring(settings),
        seconds=settings.judge_timeout,
    )


def _scoring(settings: Settings) -> Scoring:
    changed = {"sentences": settings.sentence_threshold, "passages": settings.passage_threshold}
    return Scoring(**{name: value for name, value in changed.items() if value is not None})


def overfetched(budget: int, method: Method, parts: Sequence[str], settings: Settings) -> int:
    """Tokens to retrieve so that a pattern's postprocessors have something to choose from.

    Passages that have grown for a larger budget are too long for the one they must fit:
    where nothing shortens them, no more is retrieved than fits.
    """
    if "extract" in parts or (parts and method == "leaves"):
        return round(budget * (settings.overfetch or OVERFETCH))
    return budget
