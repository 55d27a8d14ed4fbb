"""What a model object can do: by what it says of itself, or by what the caller says of it.

    llm = described(MyLLM(), window=32_000, fit=["answer", "condense"])
    HierarchicalIndex(llm=llm, embedding=described(MyEmbedding(), window=8192))

LlamaIndex's language models have `metadata`, LangChain's a `profile`; embedding models of
either keep what they read under one of a few names, or it is known by theirs.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM

from indexes.errors import SettingsError
from indexes.models.capabilities import (
    LLM_WINDOW,
    Capabilities,
    Task,
    budget_of,
    fit_by_name,
    known_embedding,
)

Model = TypeVar("Model")

_ATTACHED = "_advanced_rag_capabilities"
# Where models keep their names, those inside them, and what an embedding model reads.
_NAMES = ("model_name", "model", "model_id", "deployment_name", "endpoint_name")
_INSIDE = ("_model", "_client", "client", "bound", "runnable", "embedding")
_WINDOWS = (
    "window_tokens",
    "max_seq_length",
    "max_length",
    "embedding_ctx_length",
    "n_ctx",
    "num_ctx",
)
_TOKENIZERS = ("tokenizer", "_tokenizer")
_DEEPEST = 3
# A tokenizer without a limit says 10^30.
_MOST_TOKENS = 4_000_000
_LEAST_TOKENS = 16
# What LlamaIndex says of a model that it knows nothing of.
_UNNAMED = {"", "unknown"}


def described(
    model: Model,
    *,
    name: str | None = None,
    window: int | None = None,
    fit: Iterable[Task] | None = None,
    budget: int | None = None,
    at_once: int | None = None,
) -> Model:
    """Say what a model can do, where it doesn't say so itself, or says wrong.

        HierarchicalIndex(llm=described(llm, window=128_000, budget=4096))

    Args:
        model: LlamaIndex's or LangChain's
        name: what it is called in the trace
        window: tokens that it reads: prompt and answer, or one text to embed
        fit: tasks that it is trusted with: `answer`, `judge`, `grade`, `condense`
        budget: cl100k tokens of context to fill by default
        at_once: answers that may be asked for at the same time

    Returns:
        The same object.

    Raises:
        SettingsError: a number is not positive, there is no such task, or the object takes no
            attributes
    """
    said = {"name": name, "window": window, "fit": fit, "budget": budget, "at_once": at_once}
    changes: dict[str, Any] = {key: value for key, value in said.items() if value is not None}
    what = replace(capabilities_of(model), **changes)
    if window is not None and budget is None:
        what = replace(what, budget=budget_of(window, _answer_tokens(model)))
    return attach(model, what)


def attach(model: Model, what: Capabilities) -> Model:
    """Remember what a model can do with the model itself. Copies keep it; a pickle of one of
    LlamaIndex's models is made anew and has to be described again.
    """
    try:
        # Past pydantic, whose models take no attributes that they don't declare.
        object.__setattr__(model, _ATTACHED, what)
    except AttributeError as error:
        raise SettingsError(
            f"a {type(model).__name__} takes no attributes: describe the object that it holds"
        ) from error
    return model


def capabilities_of(model: Any) -> Capabilities:
    """Describe what a LlamaIndex or LangChain model can do."""
    for inner in _inside(model):
        if isinstance(attached := _get(inner, _ATTACHED), Capabilities):
            return attached
    if isinstance(model, BaseEmbedding) or hasattr(model, "embed_query"):
        known = known_embedding(_name_of(model))
        said = _window_said(model)
        return replace(known, window=said) if said else known
    name, window = _name_of(model), _profile_window(model)
    if isinstance(model, LLM) and (metadata := _get(model, "metadata")) is not None:
        if metadata.model_name not in _UNNAMED:
            name = metadata.model_name
        window = window or _tokens(metadata.context_window)
    window = window or LLM_WINDOW
    return Capabilities(
        name, window, fit=fit_by_name(name), budget=budget_of(window, _answer_tokens(model))
    )


def _answer_tokens(model: Any) -> int:
    metadata = _get(model, "metadata") if isinstance(model, LLM) else None
    return int(getattr(metadata, "num_output", None) or 0)


def _name_of(model: Any) -> str:
    """What a model calls itself; the class of one that doesn't."""
    for inner in _inside(model):
        for attribute in _NAMES:
            value = _get(inner, attribute)
            if isinstance(value, str) and value not in _UNNAMED:
                return value
    return type(model).__name__


def _profile_window(model: Any) -> int | None:
    """What LangChain's data about a chat model says that it reads."""
    for inner in _inside(model):
        if isinstance(profile := _get(inner, "profile"), dict):
            return _tokens(profile.get("max_input_tokens"))
    return None


def _window_said(model: Any) -> int | None:
    """What an embedding model, or what is inside it, says that it reads."""
    for inner in _inside(model):
        for attribute in _WINDOWS:
            if found := _tokens(_get(inner, attribute)):
                return found
        for attribute in _TOKENIZERS:
            if found := _tokens(_get(_get(inner, attribute), "model_max_length")):
                return found
    return None


def _inside(model: Any) -> Iterator[Any]:
    """A model, then those that it wraps."""
    for _ in range(_DEEPEST):
        yield model
        inner = (_get(model, attribute) for attribute in _INSIDE)
        model = next((one for one in inner if one is not None), None)
        if model is None or isinstance(model, str | int | float | bool):
            return


def _get(model: Any, attribute: str) -> Any:
    """An attribute, or None: what strangers' properties raise is theirs."""
    try:
        return getattr(model, attribute, None)
    except Exception:  # noqa: BLE001  LlamaIndex's `metadata` raises for names it doesn't know
        return None


def _tokens(value: Any) -> int | None:
    well = isinstance(value, int) and not isinstance(value, bool)
    return value if well and _LEAST_TOKENS <= value <= _MOST_TOKENS else None
