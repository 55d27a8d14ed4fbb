"""Answers graded by a language model, through LlamaIndex's own evaluators.

*Faithfulness*: does what the answer says follow from its contexts (yes or no)?
*Correctness*: how good is it beside a reference answer, from 1 to 5?

A grader must be a good deal better than what it grades. A model that is not fit to grade, as
SmolLM2-135M, is refused unless one insists.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.evaluation import CorrectnessEvaluator, FaithfulnessEvaluator
from llama_index.core.llms import LLM, CustomLLM
from pydantic import PrivateAttr

from indexes.answers import Answer, Finish
from indexes.compression.replies import LONGEST
from indexes.errors import SettingsError
from indexes.evaluation.questions import Question
from indexes.index import HierarchicalIndex
from indexes.models.replies import read
from indexes.progress import OnProgress, Progress


@dataclass(frozen=True)
class Grade:
    """What a grader thinks of one answer; None where it said nothing that can be read.

    Attributes:
        id: of the question.
        answer: what was graded.
        faithful: whether the contexts bear it out.
        correctness: from 1 to 5; None, too, where the question has no reference answer.
        reason: the grader's, in its words.
        finish: how the answer ended; see `Answer`.
    """

    id: str
    answer: str
    faithful: bool | None
    correctness: float | None
    reason: str = ""
    finish: Finish = "stop"


def grade(
    index: HierarchicalIndex,
    questions: Sequence[Question],
    pattern: str,
    *,
    budget: int | None = None,
    grader: LLM | None = None,
    insist: bool = False,
    on_progress: OnProgress = lambda _: None,
) -> list[Grade]:
    """Answer each question by a pattern, and have the answers graded.

    Args:
        index: answers.
        questions: those with an `answer` are graded for correctness as well.
        pattern: how contexts are chosen.
        budget: cl100k tokens of context.
        grader: by default the index's own model, which then grades itself.
        insist: grade with a model that is not fit for it all the same.
        on_progress: called as they come along.

    Raises:
        SettingsError: the only grader is a model that is not fit to grade.
        ModelError: a model fails.
    """
    own = index.llm_capabilities
    if grader is None and not own.fits("grade") and not insist:
        raise SettingsError(
            f"{own.name} is not fit to grade answers: choose --provider openai or sagemaker, or "
            'a larger --llm-gguf; or say that it is, by described(llm, fit=["grade", …])'
        )
    examiner = _Examiner(grader or index.llm)
    grades = []
    # In a loop of its own, which is closed again: LlamaIndex's `evaluate` leaves one open.
    with ThreadPoolExecutor(1, "grading") as thread:
        for done, question in enumerate(questions):
            on_progress(Progress("asked", pattern, done, len(questions)))
            answer = index.ask(question.question, pattern, budget=budget)
            grades.append(thread.submit(asyncio.run, examiner.grade(question, answer)).result())
    on_progress(Progress("done", pattern, len(questions), len(questions)))
    return grades


class _Examiner:
    """A model that grades."""

    def __init__(self, llm: LLM) -> None:
        plain = _AnswersOnly(llm)
        self._faithfulness = FaithfulnessEvaluator(llm=plain)
        self._correctness = CorrectnessEvaluator(llm=plain)

    async def grade(self, question: Question, answer: Answer) -> Grade:
        asked: dict[str, Any] = {"query": question.question, "response": answer.answer}
        texts = [context.text for context in answer.contexts]
        faithful, score, reason = None, None, ""
        if texts and answer.answer:
            faithful = (await self._faithfulness.aevaluate(**asked, contexts=texts)).passing
        if question.answer:
            try:
                result = await self._correctness.aevaluate(**asked, reference=question.answer)
                score, reason = result.score, result.feedback or ""
            except ValueError:
                # LlamaIndex's parser wants a score, a line break and a reason.
                reason = "the grader's answer can't be read"
        if score is not None and not 1 <= score <= 5:
            score, reason = None, "the grader's score is not one from 1 to 5"
        said = " ".join(reason.split())
        return Grade(str(question.id), answer.answer, faithful, score, said, finish=answer.finish)


class _AnswersOnly(CustomLLM):
    """A model whose thoughts LlamaIndex's evaluators don't get to see: they look for a yes."""

    _llm: LLM = PrivateAttr()

    def __init__(self, llm: LLM) -> None:
        super().__init__(callback_manager=None)
        self._llm = llm

    @property
    def metadata(self) -> LLMMetadata:
        """The model's."""
        return self._llm.metadata

    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer at once."""
        return _plain(self._llm.chat(messages, **kwargs))

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer by the model's own async."""
        return _plain(await self._llm.achat(messages, **kwargs))

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a prompt at once."""
        said = self._llm.complete(prompt, formatted, **kwargs)
        return CompletionResponse(text=read(said).text[:LONGEST])

    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Answer a prompt by the model's own async."""
        said = await self._llm.acomplete(prompt, formatted, **kwargs)
        return CompletionResponse(text=read(said).text[:LONGEST])

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """The same, in one piece: evaluators don't stream."""
        yield self.complete(prompt, formatted, **kwargs)


def _plain(response: ChatResponse) -> ChatResponse:
    message = ChatMessage(role="assistant", content=read(response).text[:LONGEST])
    return ChatResponse(message=message, raw=response.raw)
