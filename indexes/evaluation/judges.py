"""A judge that knows the evidence, for comparing compressors without judging models.

`PerfectJudge` answers a compressor's prompt as a model would that makes no mistake: it
finds the question and the passages in the prompt, and says what of them is evidence. All
that then differs between compressors is their own: calls, tokens, and what their form of
answer can express. It says nothing about how well a real model does the job.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_completion_callback
from pydantic import PrivateAttr

from indexes.evaluation.questions import Question
from indexes.sentences import Span
from indexes.tokens import count_tokens

NAME = "perfect judge"
# Ours begin with the question, number what they show, each on one line, and ask for numbers
# or, about a single passage, whether it is relevant.
_OURS = re.compile(r"Question: ([^\n]*)\n\n")
_NUMBERED = re.compile(r"^\[(\d+)\] (.*)$", re.MULTILINE)
# LangChain's compressors show a passage between lines of `>>>`, and ask for one of these.
_LANGCHAIN = re.compile(r"> Question: (.*?)\n> Context:\n>>>\n(.*)\n>>>\n", re.DOTALL)


class PerfectJudge(CustomLLM):
    """Answers compressors' prompts from the gold evidence.

    Args:
        questions: those that will be asked, with their evidence; read when it is first asked.
        texts: the documents, by source.
    """

    _questions: Sequence[Question] = PrivateAttr()
    _evidence: dict[str, Question] = PrivateAttr(default_factory=dict)
    _texts: Mapping[str, str] = PrivateAttr()

    def __init__(self, questions: Sequence[Question], texts: Mapping[str, str]) -> None:
        super().__init__(callback_manager=None)
        self._questions = questions
        self._texts = texts

    @property
    def metadata(self) -> LLMMetadata:
        """Made-up figures of a model that reads texts of any length."""
        return LLMMetadata(context_window=1_000_000, num_output=4096, model_name=NAME)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        """The answer to one prompt.

        Raises:
            ValueError: it is no compressor's prompt, or about a question it doesn't know.
        """
        if not self._evidence:
            self._evidence = {question.question.strip(): question for question in self._questions}
        text = self._answer(prompt)
        usage = {"prompt_tokens": count_tokens(prompt), "completion_tokens": count_tokens(text)}
        return CompletionResponse(text=text, raw={"usage": usage})

    def stream_complete(
        self, prompt: str, formatted: bool = False, **_: Any
    ) -> CompletionResponseGen:
        """The same, in one piece."""
        yield self.complete(prompt)

    def chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponse:
        """The same, as a chat."""
        completed = self.complete(messages[-1].content or "")
        return ChatResponse(
            message=ChatMessage(role="assistant", content=completed.text), raw=completed.raw
        )

    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The same; there is nothing to wait for."""
        return self.chat(messages, **kwargs)

    def _answer(self, prompt: str) -> str:
        if found := _LANGCHAIN.search(prompt):
            question, passage = self._question(found[1]), found[2]
            parts = self._in(question, passage)
            if "YES / NO" in prompt:
                return "YES" if parts else "NO"
            return "\n".join(passage[start:end] for start, end in parts) or "NO_OUTPUT"
        if found := _OURS.match(prompt):
            return self._numbers(self._question(found[1]), prompt)
        raise ValueError("this judge knows the prompts of compressors only")

    def _numbers(self, question: Question, prompt: str) -> str:
        """What of a numbered list is evidence; for reranking, what of it comes first."""
        lines = [(int(number), text) for number, text in _NUMBERED.findall(prompt)]
        _, *shown, asks = prompt.strip().split("\n\n")
        if not lines and "relevant" in asks:
            return json.dumps({"relevant": any(self._helps(question, text) for text in shown)})
        if not lines:
            raise ValueError("this judge knows the prompts of compressors only")
        helpful = [number for number, text in lines if self._helps(question, text)]
        if "Order these passages" in asks:
            helpful += [number for number, _ in lines if number not in helpful]
        # In the form that was asked for: an object, or the bare list.
        name = next((name for name in ("keep", "order") if f'{{"{name}"' in asks), None)
        return json.dumps({name: helpful} if name else helpful, separators=(",", ":"))

    def _helps(self, question: Question, line: str) -> bool:
        """Whether a line, or what follows the title it begins with, holds evidence."""
        parts = line.split(": ")
        return any(
            self._in(question, ": ".join(parts[first:])) for first in range(min(len(parts), 4))
        )

    def _question(self, text: str) -> Question:
        try:
            return self._evidence[text.strip()]
        except KeyError:
            raise ValueError(f"this judge was not told about the question {text!r}") from None

    def _in(self, question: Question, passage: str) -> list[Span]:
        """The evidence within a passage; offsets are the passage's.

        White space counts as one blank: prompts of ours have no line breaks in a passage.
        """
        words = passage.split()
        if not words:
            return []
        wanted = re.compile(r"\s+".join(map(re.escape, words)))
        found: set[Span] = set()
        for document in {place.document for place in question.references}:
            text = self._texts.get(document, "")
            for place in question.references:
                if place.document != document:
                    continue
                # Where the passage can only be if it holds some of this evidence.
                reach = 2 * len(passage) + 100
                first = max(0, place.start - reach)
                for match in wanted.finditer(text, first, min(len(text), place.end + reach)):
                    start = max(place.start, match.start())
                    end = min(place.end, match.end())
                    if text[start:end].strip():
                        found.add(_within(passage, text[start:end], start - match.start()))
        return _merged(sorted(found))


def _within(passage: str, evidence: str, offset: int) -> Span:
    """Where a run of a document's text is in a passage whose blanks may differ."""
    if passage[offset : offset + len(evidence)] == evidence:
        return offset, offset + len(evidence)
    # Only for prompts that want numbers: whether there is evidence is all that counts.
    return 0, len(passage)


def _merged(spans: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
