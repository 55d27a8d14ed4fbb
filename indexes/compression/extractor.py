"""Contextual compression: of each passage only the sentences that help.

    extractor = SentenceExtractor(LLMJudge(llm))
    nodes = extractor.postprocess_nodes(nodes, query_str="How did the cloud business evolve?")
    ours(nodes[0].node.metadata)["spans"]   # what was kept, in characters of the document

The model chooses sentences by their numbers and the text is cut from the source: nothing
can be invented, and everything can be cited. LangChain's counterpart, `LLMChainExtractor`,
has the model write the text again, and takes whatever it writes.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
from llama_index.core.schema import QueryBundle
from pydantic import Field

from indexes.compression.budget import best_sentences
from indexes.compression.compressor import Compressor
from indexes.compression.passages import Passage
from indexes.compression.similarity import placed_scores
from indexes.compression.verdicts import Judge, Judgement, Verdict
from indexes.compression.work import Steps
from indexes.details import Fallback
from indexes.sentences import Span


class SentenceExtractor(Compressor):
    """Keeps the sentences that help to answer; drops passages in which none does.

    A kept node has the id, score and offsets of the one that came in; its text is the
    kept spans, joined by " … ", and `spans` under our key says where they are.

    Args:
        judge: who decides.
        neighbours: sentences to keep before and after each that is kept.
        budget: cl100k tokens that what is kept may have. If it is more, the best stay, by what
            judge and retriever say together (`indexes.compression.similarity`).
        fill: whether the next best fill the budget, whatever the judge chose. If it chose
            nothing, nothing is filled.
        fallback: see `Compressor`.
    """

    task: ClassVar[str] = "extract"

    neighbours: int = Field(0, ge=0, description="Sentences kept around each kept one.")
    budget: int | None = Field(None, ge=1, description="Tokens that the best may have.")
    fill: bool = Field(True, description="Beyond what the judge chooses, too.")

    def __init__(
        self,
        judge: Judge,
        *,
        neighbours: int = 0,
        fallback: Fallback = "keep_best",
        budget: int | None = None,
        fill: bool = True,
    ) -> None:
        super().__init__(judge, neighbours=neighbours, fallback=fallback, budget=budget, fill=fill)

    @classmethod
    def class_name(cls) -> str:
        """LlamaIndex's name for it."""
        return "SentenceExtractor"

    def _judged(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        judgement = yield from self._judge.sentences(question, passages)
        if self.budget is None or not _helpful(judgement.verdicts):
            return judgement
        if not self.fill and self._fits(passages, judgement):
            return judgement
        if not judgement.placed:
            judgement = replace(judgement, verdicts=_placed(passages, judgement.verdicts))
        return replace(judgement, fills=self.budget if self.fill else None)

    def _selected(
        self, passages: Sequence[Passage], judgement: Judgement
    ) -> list[list[Span] | None]:
        verdicts, budget = judgement.verdicts, judgement.fills
        if budget is not None:
            return best_sentences(passages, verdicts, budget, self.neighbours)
        scored = any(verdict.scores for verdict in verdicts)
        if not self.budget or not scored or self._fits(passages, judgement):
            return super()._selected(passages, judgement)
        return best_sentences(passages, verdicts, self.budget, self.neighbours, only_kept=True)

    def _fits(self, passages: Sequence[Passage], judgement: Judgement) -> bool:
        chosen = super()._selected(passages, judgement)
        tokens = sum(p.tokens_of(spans or []) for p, spans in zip(passages, chosen, strict=True))
        return self.budget is None or tokens <= self.budget

    def _spans(self, passage: Passage, verdict: Verdict) -> list[Span] | None:
        if not verdict.kept:
            return None
        if verdict.sentences is None:
            return passage.whole
        kept = [place for place, keep in enumerate(verdict.sentences) if keep]
        if len(kept) == len(passage.sentences):
            return passage.whole
        around = {
            place + step
            for place in kept
            for step in range(-self.neighbours, self.neighbours + 1)
            if 0 <= place + step < len(passage.sentences)
        }
        return passage.joined(sorted(around))


# Outcomes of a judgement that decided something.
_DECIDED = ("judged", "cached", "incomplete")


def _helpful(verdicts: Sequence[Verdict]) -> bool:
    """Whether the judge decided, and for something: else its word, or its fallback, stands."""
    decided = any(verdict.outcome in _DECIDED for verdict in verdicts)
    return decided and any(verdict.kept for verdict in verdicts)


def _placed(passages: Sequence[Passage], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Verdicts with scores that also count where the retriever found each sentence.

    A judge who only chooses says 1 of what is kept, and 0 of the rest.
    """
    said = [
        one.scores or one.sentences or (one.kept,) * len(passage.sentences)
        for passage, one in zip(passages, verdicts, strict=True)
    ]
    scores = placed_scores(np.array([float(s) for own in said for s in own]), passages)
    return [
        replace(verdict, score=max(own, default=0.0), scores=tuple(own))
        for verdict, own in zip(verdicts, scores, strict=True)
    ]
