"""Contextual compression as LlamaIndex node postprocessors: keep what helps to answer.

    from indexes.compression import EmbeddingJudge, LLMJudge, PassageFilter, SentenceExtractor

    extractor = SentenceExtractor(LLMJudge(llm))
    RetrieverQueryEngine.from_args(retriever, node_postprocessors=[extractor])

What is kept is cut from the source, never written by a model, and says where it stood. No
answer of a model, no failure and no delay stops a query.
"""

from indexes.compression.cache import JudgementCache
from indexes.compression.cross_encoder import CrossEncoderJudge
from indexes.compression.embedding_judge import EmbeddingJudge
from indexes.compression.extractor import SentenceExtractor
from indexes.compression.filter import PassageFilter
from indexes.compression.llm_judge import LLMJudge
from indexes.compression.prompts import JudgePrompt
from indexes.compression.reranker import PassageReranker
from indexes.compression.similarity import Scoring

__all__ = [
    "CrossEncoderJudge",
    "EmbeddingJudge",
    "JudgePrompt",
    "JudgementCache",
    "LLMJudge",
    "PassageFilter",
    "PassageReranker",
    "Scoring",
    "SentenceExtractor",
]
