"""What extractor, filter and reranker share: nodes in, judgement, nodes out, a trace.

Whatever the judge does, the query goes on: a passage it can't decide about is kept as it
is, and the trace says so. Nodes that come in are never changed.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts.mixin import PromptDictType
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index_instrumentation import get_dispatcher
from pydantic import Field, PrivateAttr

from indexes.compression.passages import Passage
from indexes.compression.verdicts import Judge, Judgement, Verdict
from indexes.compression.work import Steps, arun, run
from indexes.details import Fallback, JudgedPassage, JudgedSentence, PromptVersion
from indexes.errors import SettingsError
from indexes.sentences import Span
from indexes.trace import Stage, stage

dispatcher = get_dispatcher(__name__)


class Compressor(BaseNodePostprocessor):
    """A LlamaIndex node postprocessor that asks a judge. Thread-safe.

    Args:
        judge: an `LLMJudge`, an `EmbeddingJudge` or a `CrossEncoderJudge`.
        fallback: what remains when everything would be dropped: the best passage as it
            is (`keep_best`), or nothing (`empty`), so that the answer is "not in the
            documents".
    """

    task: ClassVar[str]

    fallback: Fallback = Field("keep_best", description="When everything would be dropped.")

    _judge: Judge = PrivateAttr()

    def __init__(self, judge: Judge, **fields: Any) -> None:
        super().__init__(**fields)
        self._judge = judge

    @property
    def judge(self) -> Judge:
        """Who decides."""
        return self._judge

    def _get_prompts(self) -> PromptDictType:
        return {name: prompt.template for name, prompt in self._judge.prompts.items()}

    def _update_prompts(self, prompts: PromptDictType) -> None:
        for name, template in prompts.items():
            if name in self._judge.prompts:
                changed = self._judge.prompts[name].with_template(template)
                self._judge = self._judge.with_prompt(name, changed)

    @dispatcher.span
    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with stage(self.task) as record:
            return run(self._steps(nodes, _asked(query_bundle), record))

    @dispatcher.span
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        with stage(self.task) as record:
            return await arun(self._steps(nodes, _asked(query_bundle), record))

    @abstractmethod
    def _judged(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        """Ask the judge."""

    @abstractmethod
    def _spans(self, passage: Passage, verdict: Verdict) -> list[Span] | None:
        """What is kept of a passage; None if nothing is."""

    def _selected(
        self, passages: Sequence[Passage], judgement: Judgement
    ) -> list[list[Span] | None]:
        """What is kept of each passage."""
        return [self._spans(p, v) for p, v in zip(passages, judgement.verdicts, strict=True)]

    def _order(self, verdicts: Sequence[Verdict]) -> list[int]:
        """Places, best first by the judge's scores; as they came, where it gives none."""
        places = range(len(verdicts))
        if any(verdict.score is None for verdict in verdicts):
            return list(places)
        return sorted(places, key=lambda place: (-(verdicts[place].score or 0.0), place))

    def _steps(
        self, nodes: Sequence[NodeWithScore], question: QueryBundle, record: Stage
    ) -> Steps[list[NodeWithScore]]:
        passages = [Passage.of(node) for node in nodes]
        record.nodes_in = len(passages)
        record.tokens_in = sum(passage.tokens for passage in passages)
        judgement = (yield from self._judged(question, passages)) if passages else Judgement([])
        verdicts = list(judgement.verdicts)
        spans = self._selected(passages, judgement)
        order = judgement.order or self._order(verdicts)
        fallback = None
        if passages and all(kept is None for kept in spans):
            fallback = self.fallback
            if fallback == "keep_best":
                best = _best(verdicts)
                spans[best] = passages[best].whole
        kept = [
            passages[place].kept(wanted, verdicts[place].scores)
            for place in order
            if (wanted := spans[place]) is not None
        ]
        self._describe(record, judgement, passages, spans, fallback)
        record.nodes_out = len(kept)
        return kept

    def _describe(
        self,
        record: Stage,
        judgement: Judgement,
        passages: Sequence[Passage],
        spans: Sequence[list[Span] | None],
        fallback: Fallback | None,
    ) -> None:
        usage = judgement.usage
        record.llm_calls = usage.llm_calls
        record.llm_tokens_in, record.llm_tokens_out = usage.tokens_in, usage.tokens_out
        ranks = {place: rank for rank, place in enumerate(judgement.order or (), start=1)}
        decisions = tuple(
            _decision(passage, verdict, kept, rank, ranks.get(rank - 1))
            for rank, (passage, verdict, kept) in enumerate(
                zip(passages, judgement.verdicts, spans, strict=True), start=1
            )
        )
        record.tokens_out = sum(decision.tokens_out for decision in decisions)
        details = judgement.details
        details.judge, details.model = self._judge.kind, self._judge.model
        if prompt := self._judge.prompts.get(self.task):
            details.prompt = PromptVersion(name=prompt.name, version=prompt.version)
        details.fallback = fallback
        details.llm_tokens = "counted" if usage.counted else "estimated"
        details.fills = judgement.fills
        details.passages = decisions
        record.details = details


def _asked(query_bundle: QueryBundle | None) -> QueryBundle:
    if query_bundle is None:
        raise SettingsError("compression needs the question: pass query_str or query_bundle")
    return query_bundle


def _best(verdicts: Sequence[Verdict]) -> int:
    """The best passage by the judge's scores; without scores the first, as retrieved."""
    places = range(len(verdicts))
    return max(places, key=lambda place: (verdicts[place].score or 0.0, -place))


def _decision(
    passage: Passage, verdict: Verdict, kept: list[Span] | None, before: int, after: int | None
) -> JudgedPassage:
    """One passage's entry in the trace."""
    scores = verdict.scores or (None,) * len(passage.sentences)
    return JudgedPassage(
        id=passage.node.node.node_id,
        document=passage.document,
        start=passage.segments[0].start if passage.segments else 0,
        end=passage.segments[-1].end if passage.segments else 0,
        kept=kept is not None,
        outcome=verdict.outcome,
        note=verdict.note,
        score=verdict.score,
        rank_before=before if after is not None else None,
        rank_after=after,
        tokens_in=passage.tokens,
        tokens_out=passage.tokens_of(kept or []),
        sentences=tuple(
            JudgedSentence(
                start=start, end=end, kept=_covered((start, end), kept or []), score=score
            )
            for (start, end), score in zip(passage.sentences, scores, strict=True)
        )
        if verdict.sentences is not None
        else None,
    )


def _covered(span: Span, kept: Sequence[Span]) -> bool:
    return any(start <= span[0] and span[1] <= end for start, end in kept)
