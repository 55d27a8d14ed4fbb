"""What a judge decides, and what it cost."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from llama_index.core.schema import QueryBundle

from indexes.compression.passages import Passage
from indexes.compression.prompts import JudgePrompt
from indexes.compression.work import Steps
from indexes.details import JudgeDetails, Outcome

# "llm", "embedding", "cross-encoder", or the name of a function that was registered.
JudgeKind = str


@dataclass(frozen=True)
class Verdict:
    """On one passage. Where the judge did not decide, it is kept as it is.

    Attributes:
        kept: whether any of it is.
        sentences: for each of its sentences whether it is kept; None for a judgement of
            the passage as a whole.
        outcome: how the decision came about.
        note: the same in plain words.
        score: of the passage, higher being better, if the judge gives scores.
        scores: of its sentences, likewise.
    """

    kept: bool
    sentences: tuple[bool, ...] | None = None
    outcome: Outcome = "judged"
    note: str = ""
    score: float | None = None
    scores: tuple[float, ...] | None = None


@dataclass
class Usage:
    """LLM calls and tokens; `counted` is False if any of the tokens are an estimate."""

    llm_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    counted: bool = True


@dataclass(frozen=True)
class Judgement:
    """On all passages of a question, in their order.

    Attributes:
        verdicts: one for each passage.
        order: of a reranking, the passages' places, best first.
        usage: what it cost.
        details: what the trace should say; who asks the judge adds what it knows.
        placed: whether the scores already count where the retriever found each sentence.
        fills: tokens that the best by these scores are to fill, whatever was kept; None if
            what was kept decides.
    """

    verdicts: Sequence[Verdict]
    order: Sequence[int] | None = None
    usage: Usage = field(default_factory=Usage)
    details: JudgeDetails = field(default_factory=JudgeDetails)
    placed: bool = False
    fills: int | None = None


class Judge(Protocol):
    """Decides what helps to answer a question. Stateless between questions, thread-safe."""

    kind: JudgeKind

    @property
    def model(self) -> str:
        """The model's name."""
        ...

    @property
    def prompts(self) -> dict[str, JudgePrompt]:
        """By task (`extract`, `filter`, `rerank`); empty for a judge without words."""
        ...

    def with_prompt(self, task: str, prompt: JudgePrompt) -> "Judge":
        """The same judge with another prompt."""
        ...

    def sentences(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        """Decide about each sentence."""
        ...

    def passages(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        """Decide about each passage as a whole."""
        ...

    def order(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        """Order the passages, best first."""
        ...
