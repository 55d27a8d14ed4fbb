"""LlamaIndex's `Settings.llm` and `Settings.embed_model`, where someone has set them.

They serve where neither an argument nor a setting or environment variable of ours names a
model. Whether they are set is asked without LlamaIndex's getters, which would else make a
client of OpenAI.
"""

from llama_index.core import Settings as LlamaIndexSettings
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM

from indexes.settings import Settings

_BOTH = {"provider", "base_url"}
_LLM = _BOTH | {"llm", "llm_model", "llm_gguf", "sagemaker_llm_endpoint"}
_EMBEDDING = _BOTH | {
    "embedding",
    "embedding_base_url",
    "embedding_model",
    "embedding_gguf",
    "sagemaker_embedding_endpoint",
}


def shared_llm(settings: Settings) -> LLM | None:
    """The language model that all of LlamaIndex shares; None where ours are meant."""
    if settings.model_fields_set & _LLM or LlamaIndexSettings._llm is None:
        return None
    return LlamaIndexSettings.llm


def shared_embedding(settings: Settings) -> BaseEmbedding | None:
    """The embedding model that all of LlamaIndex shares; None where ours are meant."""
    if settings.model_fields_set & _EMBEDDING or LlamaIndexSettings._embed_model is None:
        return None
    return LlamaIndexSettings.embed_model
