"""Passages in a better order, before compression or instead of it.

The diagram of AWS's sample draws a reranker that its code never builds: this is it.
LlamaIndex's `LLMRerank` asks for scores in a format of its own and misassigns them where
an answer differs (`Doc: 0` becomes the last passage); here odd numbers mean nothing.
"""

from collections.abc import Sequence
from typing import ClassVar

from llama_index.core.schema import QueryBundle
from pydantic import Field

from indexes.compression.compressor import Compressor
from indexes.compression.passages import Passage
from indexes.compression.verdicts import Judge, Judgement, Verdict
from indexes.compression.work import Steps
from indexes.sentences import Span


class PassageReranker(Compressor):
    """Orders passages by how much they help to answer; loses none and repeats none.

    Passages that the judge leaves out keep their order behind those that it names. Nodes keep
    the retriever's scores: the judge's are in the trace.

    Args:
        judge: scores or orders the passages
        top_n: how many to keep; all if None
    """

    task: ClassVar[str] = "rerank"

    top_n: int | None = Field(None, ge=1, description="Passages to hand on, best first.")

    def __init__(self, judge: Judge, *, top_n: int | None = None) -> None:
        super().__init__(judge, top_n=top_n)

    @classmethod
    def class_name(cls) -> str:
        """LlamaIndex's name for it."""
        return "PassageReranker"

    def _judged(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        judgement = yield from self._judge.order(question, passages)
        if self.top_n is None:
            return judgement
        best = set((judgement.order or range(len(passages)))[: self.top_n])
        verdicts = [
            Verdict(place in best, outcome=v.outcome, note=v.note, score=v.score)
            for place, v in enumerate(judgement.verdicts)
        ]
        return Judgement(verdicts, judgement.order, judgement.usage, judgement.details)

    def _spans(self, passage: Passage, verdict: Verdict) -> list[Span] | None:
        return passage.whole if verdict.kept else None
