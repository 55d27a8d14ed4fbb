"""Models that a caller hands over: LlamaIndex's own, or LangChain's."""

from typing import TYPE_CHECKING, Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM

from indexes.errors import ModelError
from indexes.extras import install
from indexes.models.guard import model_errors

if TYPE_CHECKING:
    from types import ModuleType


def given_llm(model: Any) -> LLM | None:
    """A language model as LlamaIndex's; None stays None.

    Raises:
        ModelError: it is neither framework's.
    """
    if model is None or isinstance(model, LLM):
        return model
    adapted: LLM = _langchain(model, "a LlamaIndex LLM").as_llm(model)
    return adapted


def given_embedding(model: Any) -> BaseEmbedding | None:
    """An embedding model as LlamaIndex's; None stays None.

    Raises:
        ModelError: it is neither framework's.
    """
    if model is None or isinstance(model, BaseEmbedding):
        return model
    adapted: BaseEmbedding = _langchain(model, "a LlamaIndex BaseEmbedding").as_embedding(model)
    return adapted


def embedding_dimension(model: BaseEmbedding) -> int:
    """Length of the model's vectors; asks it once where it has embedded nothing yet.

    Raises:
        ModelError: the model cannot be loaded or reached.
    """
    if seen := getattr(model, "seen_dimension", 0):
        return int(seen)
    with model_errors(model):
        return len(model.get_text_embedding("dimension"))


def _langchain(model: Any, expected: str) -> "ModuleType":
    # Where LangChain is not installed, nothing can be one of its models.
    try:
        from indexes.models import langchain
    except ImportError as error:
        raise ModelError(
            f"{type(model).__name__} is not {expected}; for LangChain's models: "
            + install("langchain")
        ) from error
    return langchain
