"""What is asked and what comes of it, as data: question, contexts, answer, citations.

Light to import, so that what only shows answers need not wait for what makes them.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, Field

from indexes.errors import SettingsError
from indexes.tokens import without_surrogates
from indexes.trace import Trace

NOT_FOUND = "The documents do not say."

# Longer questions are refused: they are documents, and would be embedded truncated.
MAX_QUESTION_CHARACTERS = 4000


def checked(question: str) -> str:
    """A question fit to be asked: neither empty nor a document.

    Raises:
        SettingsError: it is one of these.
    """
    if not isinstance(question, str):
        raise SettingsError(f"a question is text, not {type(question).__name__}")
    question = without_surrogates(question).strip()
    if not question:
        raise SettingsError("the question is empty: ask something")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise SettingsError(
            f"the question has {len(question)} characters: ask in at most {MAX_QUESTION_CHARACTERS}"
        )
    return question


Finish = Literal["stop", "length", "thinking", "broken"]


class Context(BaseModel):
    """A run of text that was given to the model. Offsets are characters of the document.

    Example:
        context: Context = answer.contexts[0]
        print(context.document, context.pages, context.text)

    A compressed passage is several, one for each span that was kept; they have its number.
    """

    number: int = Field(0, description="The passage's, from 1, in prompt and citations.")
    document: str = Field(description="The document's name: its source.")
    document_id: str = ""
    start: int
    end: int
    pages: tuple[int, int] | None = Field(None, description="First and last, from 1.")
    text: str
    score: float
    level: int = Field(description="0 is the root's.")
    title: str = ""
    id: str = ""
    leaves: int = 1
    tokens: int = 0
    reason: str = Field("", description="How it came to be as long as it is.")
    place: str = Field(
        "", description="Where it is, in words: `page 4 (iv)`, `slide 2`, `sheet Prices, rows 3-5`."
    )
    heading: str = Field("", description="The headings above it: `Setup › Network`.")
    header: str = Field(
        "", description="Header of the table that it begins in the middle of; not in `text`."
    )
    metadata: dict[str, Any] = Field(
        default_factory=dict, description="The document's, as it was handed in."
    )
    page_starts: tuple[int, ...] = Field(
        (), exclude=True, description="Where the passage's pages but the first begin."
    )

    def pages_of(self, start: int, end: int) -> tuple[int, int] | None:
        """First and last page of a part of it, by the document's characters."""
        if self.pages is None:
            return None
        first, last = (bisect_right(self.page_starts, at) for at in (start, max(start, end - 1)))
        return self.pages[0] + first, self.pages[0] + last


def passages_of(contexts: Sequence[Context]) -> dict[int, list[Context]]:
    """Contexts by their passage's number; one without a number is a passage by itself."""
    passages: dict[int, list[Context]] = {}
    for position, context in enumerate(contexts, start=1):
        passages.setdefault(context.number or position, []).append(context)
    return passages


class Citation(BaseModel):
    """A place in the answer and the passage behind it.

    Example:
        citation: Citation = answer.citations[0]
        print(answer.answer[: citation.answer_start], citation.document, citation.pages)

    Of a compressed passage, `start` and `end` span all that was kept of it.

    `origin` is `model` where the answer carries the passage's number, and `similarity`
    where it does not and the passage was found by comparing sentences; then `start` and
    `end` are those of the sentence in the document that is closest. Either way the passage
    has every figure of the sentence that it is cited for.
    """

    context: int = Field(description="Number of the passage, from 1.")
    answer_start: int
    answer_end: int
    document: str
    pages: tuple[int, int] | None
    place: str = Field("", description="The passage's, in words: `sheet Prices, rows 3-5`.")
    start: int
    end: int
    origin: Literal["model", "similarity"]


class Quote(BaseModel):
    """A sentence or two of a document that answer the question, word for word.

    Example:
        quote: Quote = answer.quotes[0]
        print(quote.text, quote.document, quote.pages)
    """

    text: str
    document: str = Field(description="The document's name: its source.")
    start: int = Field(description="In characters of the document.")
    end: int
    pages: tuple[int, int] | None = Field(None, description="First and last, from 1.")
    context: int = Field(0, description="Number of the passage that it is from.")
    place: str = Field("", description="Where it is, in words: `sheet Prices, rows 3-5`.")
    heading: str = Field("", description="The headings above it.")
    header: str = Field("", description="Header of the table that it is a row of.")
    score: float = Field(0.0, description="From 0, the average sentence, to 1, the best.")


class Evidence(BaseModel):
    """How close the best passage comes to a question, and unrelated questions usually do."""

    found: bool = Field(description="Whether it is closer than what is usual.")
    closest: float = Field(description="Cosine of the closest leaf.")
    usual: float = Field(description="The least that counts, for this index.")
    why: str = Field("", description="The same in words.")


SupportVerdict = Literal["supported", "partly", "unsupported"]


class Support(BaseModel):
    """Whether the passages bear a sentence of the answer out.

    Example:
        support: Support = answer.support[0]
        print(support.verdict, answer.answer[support.start : support.end], support.why)
    """

    start: int = Field(description="In characters of the answer.")
    end: int
    verdict: SupportVerdict
    why: str = Field("", description="What is wrong, in words; empty where nothing is.")
    context: int = Field(0, description="Number of the passage that is closest; 0 for none.")
    document: str = ""
    source_start: int = Field(0, description="The closest sentence, in the document.")
    source_end: int = 0
    similarity: float = 0.0


class Answer(BaseModel):
    """An answer with everything behind it.

    Example:
        answer: Answer = index.ask("What happened to Bosun?", pattern="parent")
        print(answer.answer)
        for context in answer.contexts:
            print(context.number, context.document, context.pages)
    """

    question: str
    pattern: str
    answer: str
    contexts: list[Context]
    citations: list[Citation] = Field(default_factory=list)
    quotes: list[Quote] = Field(
        default_factory=list, description="The sentences of the documents that answer best."
    )
    support: list[Support] = Field(
        default_factory=list, description="For each sentence that claims something."
    )
    evidence: Evidence | None = Field(
        None, description="How close the documents come to the question; None: not known."
    )
    trace: Trace = Field(default_factory=Trace)
    finish: Finish = Field(
        "stop",
        description="How it ended: `stop`: as the model wanted; `length`: cut at the most that it "
        "may say; `thinking`: before it came to an answer; `broken`: it broke off, or a filter "
        "ended it.",
    )
    finish_note: str = Field("", description="What to do about it, where it is not `stop`.")
    thinking: str = Field("", description="What the model thought before; no part of the answer.")

    def __str__(self) -> str:
        """The answer, what is to be known of its end, and where its passages are from."""
        places = {
            context.number: f"[{context.number}] {context.document}"
            + (f", {context.place}" if context.place else "")
            for context in self.contexts
        }
        return "\n".join(filter(None, (self.answer, self.finish_note, *places.values())))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """What a notebook shows of it; `repr` has everything."""
        printer.text(str(self))

    def to_json(self) -> dict[str, Any]:
        """The contract of `advanced-rag ask --json`: the trace is a list of stages."""
        plain = self.model_dump(mode="json")
        plain["trace"] = plain["trace"]["stages"]
        return plain


def quoted_only(
    question: str, pattern: str, contexts: list[Context], quotes: list[Quote], trace: Trace
) -> Answer:
    """An answer that nobody wrote: what the documents say, or that they don't."""
    said = "\n\n".join(quote.text for quote in quotes) or NOT_FOUND
    return Answer(
        question=question,
        pattern=pattern,
        answer=said,
        contexts=contexts,
        quotes=quotes,
        trace=trace,
    )


class Turn(BaseModel):
    """A question of a conversation, as it was understood, and its answer."""

    question: str
    answer: str = Field("", description="May be empty: not every question gets one.")


@dataclass(frozen=True)
class Retrieved:
    """First event of a stream: the passages were found, the answer comes next.

    Example:
        for event in index.stream("What happened to Bosun?"):
            if isinstance(event, Retrieved):
                print(len(event.contexts), "passages in", event.trace["search"].seconds)

    Attributes:
        contexts: the passages that the model is given
        trace: how they were found
    """

    contexts: list[Context]
    trace: Trace = field(default_factory=Trace)


@dataclass(frozen=True)
class Quoted:
    """Event of a stream, after `Retrieved`: sentences of the documents that answer the question.

    Example:
        for event in index.stream("What happened to Bosun?"):
            if isinstance(event, Quoted):
                print([quote.text for quote in event.quotes])
    """

    quotes: list[Quote]


@dataclass(frozen=True)
class Word:
    """Event of a stream: a piece of the answer. The last event is the whole `Answer`.

    Example:
        for event in index.stream("What happened to Bosun?"):
            if isinstance(event, Word):
                print(event.text, end="")
    """

    text: str


@dataclass(frozen=True)
class Thought:
    """Event of a stream: a piece of what the model thinks before it answers.

    Example:
        for event in index.stream("What happened to Bosun?"):
            if isinstance(event, Thought):
                print("thinking …")
    """

    text: str


Event = Retrieved | Quoted | Thought | Word | Answer
