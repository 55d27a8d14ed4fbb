"""A follow-up question → one that can be understood alone.

Retrieval knows nothing of what was said before: "And the year after?" finds nothing. A
capable model rewrites such a question from the conversation. One that is not capable would
invent one, so there the question before is put in front of the follow-up instead, which
finds what both are about:

    condenser = Condenser(llm)           # asks the model
    condenser = Condenser(None)          # puts questions together
    question = await condenser.acondense("And its margin?", turns, trace)

What was done, and why, is the trace's stage `condense`. A question that stands alone is
left as it is by the model's judgement or, without a model, where nothing in it points back.
"""

import re
from collections.abc import Sequence

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms import LLM
from llama_index.core.prompts import PromptTemplate

from indexes.answers import Turn
from indexes.details import CondenseDetails
from indexes.errors import ModelError
from indexes.models.guard import model_errors
from indexes.models.replies import read
from indexes.tokens import count_tokens
from indexes.trace import Stage, Trace, stage

CONDENSE_PROMPT_VERSION = "condense-1"
CONDENSE_PROMPT = PromptTemplate(
    "Rewrite the last question so that it can be understood without the conversation: put "
    "names and things in the place of words that point back to them. Keep its language. If "
    "it can be understood alone, repeat it unchanged. Do not answer it. Reply with the "
    "question only.\n\n"
    "{conversation}\n\n"
    "Last question: {question}\n"
    "Rewritten question:"
)

# What is told of the conversation: the last turns, answers cut to their beginning.
_TURNS = 4
_ANSWER_CHARACTERS = 600
# A rewritten question longer than this is something else.
_MOST_TOKENS = 160
_MOST_CHARACTERS = 2_000
# Words that point back to what was said, and openings that go on from it.
_POINTING = re.compile(
    r"\b(it|its|itself|they|them|their|theirs|he|him|his|she|her|hers|this|that|these|those"
    r"|there|then|one|ones|same|such|former|latter|else|instead)\b",
    re.IGNORECASE,
)
_GOING_ON = re.compile(
    r"\s*(and|but|or|so|also|what about|how about|why\W*$|how so)\b", re.IGNORECASE
)
# Shorter questions name too little to be searched for.
_FEW_WORDS = 4


class Condenser:
    """Makes follow-up questions stand alone.

    Args:
        llm: rewrites them; None where no model can be trusted with it.
    """

    def __init__(self, llm: LLM | None) -> None:
        self._llm = llm

    async def acondense(
        self, question: str, turns: Sequence[Turn], trace: Trace | None = None
    ) -> str:
        """The question as it is to be searched for; unchanged where nothing was said before.

        A model that fails or answers with something else does not fail the question: it is
        put together without the model, and the trace says so.
        """
        if not turns:
            return question
        with stage("condense", trace) as record:
            condensing = _Condensing(question, turns, record)
            if self._llm is None:
                return condensing.together()
            try:
                with model_errors(self._llm):
                    return condensing.read(await self._llm.achat(condensing.messages()))
            except ModelError as error:
                return condensing.together(f"the model failed ({error}); ")

    def condense(self, question: str, turns: Sequence[Turn], trace: Trace | None = None) -> str:
        """Make a follow-up question stand alone; waits for the model."""
        if not turns:
            return question
        with stage("condense", trace) as record:
            condensing = _Condensing(question, turns, record)
            if self._llm is None:
                return condensing.together()
            try:
                with model_errors(self._llm):
                    return condensing.read(self._llm.chat(condensing.messages()))
            except ModelError as error:
                return condensing.together(f"the model failed ({error}); ")


class _Condensing:
    """One follow-up question; how it is understood goes into the record."""

    def __init__(self, question: str, turns: Sequence[Turn], record: Stage) -> None:
        self._question = question
        self._turns = turns
        self._record = record
        self._details = CondenseDetails(question=question, turns=len(turns))
        record.details = self._details

    def messages(self) -> list[ChatMessage]:
        """What the model is asked."""
        told = "\n".join(
            f"Question: {turn.question}\nAnswer: {turn.answer[:_ANSWER_CHARACTERS].strip()}"
            for turn in self._turns[-_TURNS:]
        )
        prompt = CONDENSE_PROMPT.format(conversation=told, question=self._question)
        self._record.llm_calls += 1
        self._details.prompt_version, self._details.prompt = CONDENSE_PROMPT_VERSION, prompt
        return [ChatMessage(role="user", content=prompt)]

    def read(self, reply: ChatResponse) -> str:
        """The question that the model replied; without one, see `together`."""
        said = read(reply)
        self._record.llm_tokens_in, self._record.llm_tokens_out = said.usage
        found, how = _question_in(said.text)
        if not found:
            return self.together(how)
        if found.casefold() == self._question.casefold():
            return self._end(self._question, "it stands alone, says the model")
        return self._end(found, how)

    def together(self, before: str = "") -> str:
        """The question without a model, and why there is none."""
        found, why = together(self._question, self._turns)
        return self._end(found, before + why)

    def _end(self, condensed: str, outcome: str) -> str:
        self._details.condensed, self._details.outcome = condensed, outcome
        return condensed


def _question_in(reply: str) -> tuple[str, str]:
    """The one question that a reply consists of, or nothing, and why."""
    lines = [line for line in map(str.strip, reply.splitlines()) if line]
    if len(lines) != 1:
        return "", "the model did not reply with one question; "
    if len(lines[0]) > _MOST_CHARACTERS or count_tokens(lines[0]) > _MOST_TOKENS:
        return "", "the model's question is too long to be one; "
    bare = re.sub(r"^(rewritten |last )?question:\s*", "", lines[0], flags=re.IGNORECASE)
    bare = bare.strip("\"'“”`*- ")
    if not bare:
        return "", "the model did not reply with a question; "
    return bare, "rewritten by the model"


def together(question: str, turns: Sequence[Turn]) -> tuple[str, str]:
    """The question with the one before in front, if it seems to go on from it; and why."""
    words = re.findall(r"\w+", question)
    if _GOING_ON.match(question):
        why = "it goes on from the question before"
    elif found := _POINTING.search(question):
        why = f"“{found[0]}” points back to the question before"
    elif len(words) <= _FEW_WORDS:
        why = "it is too short to be searched for alone"
    else:
        return question, "nothing in it points back"
    return f"{turns[-1].question} {question}", f"{why}, which is put in front of it"
