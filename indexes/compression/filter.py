"""Contextual compression in large: passages that don't help are dropped, the others stay
as they are. LangChain's counterpart is `LLMChainFilter`, which raises on any answer but a
clean YES or NO.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from llama_index.core.schema import QueryBundle
from pydantic import Field

from indexes.compression.budget import best_passages
from indexes.compression.compressor import Compressor
from indexes.compression.passages import Passage
from indexes.compression.verdicts import Judge, Judgement, Verdict
from indexes.compression.work import Steps
from indexes.details import Fallback
from indexes.sentences import Span


class PassageFilter(Compressor):
    """Keeps the passages that help to answer, whole.

    Args:
        judge: decides what helps
        fallback: see `Compressor`
        budget: cl100k tokens to fill with the best passages, whatever the threshold, if the judge
            gives scores
    """

    task: ClassVar[str] = "filter"

    budget: int | None = Field(None, ge=1, description="Tokens to fill with the best.")

    def __init__(
        self, judge: Judge, *, fallback: Fallback = "keep_best", budget: int | None = None
    ) -> None:
        super().__init__(judge, fallback=fallback, budget=budget)

    @classmethod
    def class_name(cls) -> str:
        """LlamaIndex's name for it."""
        return "PassageFilter"

    def _judged(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        judgement = yield from self._judge.passages(question, passages)
        if all(verdict.score is None for verdict in judgement.verdicts):
            return judgement
        return replace(judgement, fills=self.budget)

    def _selected(
        self, passages: Sequence[Passage], judgement: Judgement
    ) -> list[list[Span] | None]:
        if judgement.fills is None:
            return super()._selected(passages, judgement)
        return best_passages(passages, judgement.verdicts, judgement.fills)

    def _spans(self, passage: Passage, verdict: Verdict) -> list[Span] | None:
        return passage.whole if verdict.kept else None
