"""Contextual compression: of each passage only the sentences that help.

    extractor = SentenceExtractor(LLMJudge(llm))
    nodes = extractor.postprocess_nodes(nodes, query_str="How did the cloud business evolve?")
    ours(nodes[0].node.metadata)["spans"]   # what was kept, in characters of the document

The model chooses sentences by their numbers and the text is cut from the source: nothing
can be invented, and everything can be cited. LangChain's counterpart, `LLMChainExtractor`,
has the model write the text again, and takes whatever it writes.
"""

from collections.abc import Sequence
from typing import ClassVar

from llama_index.core.schema import QueryBundle
from pydantic import Field

from indexes.compression.budget import best_sentences
from indexes.compression.compressor import Compressor
from indexes.compression.passages import Passage
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
        budget: cl100k tokens to fill with the best sentences, whatever the thresholds; for
            judges that score. Others decide alone, and `fit` cuts what is too much.
        fallback: see `Compressor`.
    """

    task: ClassVar[str] = "extract"

    neighbours: int = Field(0, ge=0, description="Sentences kept around each kept one.")
    budget: int | None = Field(None, ge=1, description="Tokens to fill with the best.")

    def __init__(
        self,
        judge: Judge,
        *,
        neighbours: int = 0,
        fallback: Fallback = "keep_best",
        budget: int | None = None,
    ) -> None:
        super().__init__(judge, neighbours=neighbours, fallback=fallback, budget=budget)

    @classmethod
    def class_name(cls) -> str:
        """LlamaIndex's name for it."""
        return "SentenceExtractor"

    def _judged(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        return self._judge.sentences(question, passages)

    def _fills(self, verdicts: Sequence[Verdict]) -> int | None:
        return self.budget if any(verdict.scores for verdict in verdicts) else None

    def _selected(
        self, passages: Sequence[Passage], verdicts: Sequence[Verdict]
    ) -> list[list[Span] | None]:
        if (budget := self._fills(verdicts)) is None:
            return super()._selected(passages, verdicts)
        return best_sentences(passages, verdicts, budget, self.neighbours)

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
