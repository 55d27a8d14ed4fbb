"""Contexts → an answer that cites them."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms import LLM
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.schema import NodeWithScore

from indexes.answer_prompt import AnswerPrompt, as_prompt, shown
from indexes.answers import (
    NOT_FOUND,
    Answer,
    Citation,
    Context,
    Finish,
    Support,
    Thought,
    Word,
    passages_of,
)
from indexes.citations import citations_of
from indexes.compression.passages import GAP, Segment, segments_of
from indexes.details import AnswerDetails, CiteDetails
from indexes.errors import ModelError
from indexes.models.capabilities import LLM_WINDOW
from indexes.models.guard import model_errors
from indexes.models.replies import Reading
from indexes.models.thoughts import Piece
from indexes.models.usage import cut_silently
from indexes.namespace import ours, theirs
from indexes.places import headline
from indexes.tokens import count_tokens, squeezed
from indexes.trace import Stage, Trace, stage
from indexes.verdict.checker import Checker

logger = logging.getLogger(__name__)

# A model's own tokens for a text, at most, per cl100k token.
_TOKENS_MARGIN = 1.4


def contexts_of(nodes: Sequence[NodeWithScore]) -> list[Context]:
    """What retrieved nodes give to the model, and where it is from: a context for each
    run of text, numbered by their nodes.
    """
    return [
        _context_of(node, segment, number)
        for number, node in enumerate(nodes, start=1)
        for segment in segments_of(node.node)
    ]


def _context_of(node: NodeWithScore, segment: Segment, number: int) -> Context:
    place = ours(node.node.metadata)
    return Context(
        number=number,
        document_id=node.node.ref_doc_id or "",
        document=place.get("source") or str(node.node.metadata.get("source", "")),
        start=segment.start,
        end=segment.end,
        pages=place.get("pages"),
        page_starts=tuple(place.get("page_starts") or ()),
        text=segment.text,
        score=(node.score or 0.0) if segment.score is None else segment.score,
        level=place.get("level", 0),
        title=place.get("title") or str(node.node.metadata.get("title", "")),
        id=node.node.node_id,
        leaves=place.get("leaves", 1),
        tokens=count_tokens(segment.text),
        reason=place.get("reason", ""),
        place=place.get("place", ""),
        heading=place.get("heading", ""),
        header=place.get("header", ""),
        metadata=theirs(node.node.metadata),
    )


class Answerer:
    """Asks a language model, and finds out what its answer rests on.

    Args:
        llm: any LlamaIndex LLM
        embedding: finds the passages behind an answer that cites none itself; without
            it such an answer has no citations
        prompt: see `indexes.answer_prompt`

    Raises:
        SettingsError: the prompt lacks a place for the passages or the question
    """

    def __init__(
        self,
        llm: LLM,
        embedding: BaseEmbedding | None = None,
        *,
        prompt: str | Path | BasePromptTemplate | AnswerPrompt | None = None,
    ) -> None:
        self.llm = llm
        self.answer_prompt = as_prompt(prompt)
        self._embedding = embedding

    def answer(
        self,
        question: str,
        pattern: str,
        contexts: list[Context],
        trace: Trace,
        checker: Checker | None = None,
    ) -> Generator[Thought | Word | Answer, None, None]:
        """The answer as it is written: thoughts and words, then all of it with its citations.

        An answer that breaks off, or is cut, is an answer all the same, and says so.

        Args:
            question: what is asked
            pattern: what the answer is to say the contexts were retrieved by
            contexts: numbered, or each a passage by itself
            trace: the stages so far
            checker: what looked at the contexts before, so as not to do it again

        Raises:
            ModelError: a model fails before its first word
        """
        said = _Said(question, pattern, contexts, trace)
        yield from self._events(question, contexts, trace, said)
        self._cite(said, checker or Checker(question, contexts, self._embedding))
        yield said.answer()

    async def aanswer(
        self,
        question: str,
        pattern: str,
        contexts: list[Context],
        trace: Trace,
        checker: Checker | None = None,
    ) -> AsyncGenerator[Thought | Word | Answer, None]:
        """The same, natively async."""
        said = _Said(question, pattern, contexts, trace)
        async with aclosing(self._aevents(question, contexts, trace, said)) as events:
            async for event in events:
                yield event
        await self._acite(said, checker or Checker(question, contexts, self._embedding))
        yield said.answer()

    def stream(
        self, question: str, contexts: Sequence[Context], trace: Trace | None = None
    ) -> Iterator[str]:
        """The answer's words as the model writes them.

        Raises:
            ModelError: the model fails before its first word
        """
        said = _Said(question, "", contexts, trace)
        for event in self._events(question, contexts, trace, said):
            if isinstance(event, Word):
                yield event.text

    async def astream(
        self, question: str, contexts: Sequence[Context], trace: Trace | None = None
    ) -> AsyncGenerator[str, None]:
        """The same, natively async."""
        said = _Said(question, "", contexts, trace)
        async with aclosing(self._aevents(question, contexts, trace, said)) as events:
            async for event in events:
                if isinstance(event, Word):
                    yield event.text

    def _events(
        self, question: str, contexts: Sequence[Context], trace: Trace | None, said: "_Said"
    ) -> Generator[Thought | Word, None, None]:
        if not contexts:
            yield said.nothing(trace)
            return
        with stage("answer", trace) as record:
            asked = _Asked(record, *self._request(question, contexts, record))
            with asked.kept(said), model_errors(self.llm):
                for response in self._responses(asked.messages):
                    yield from asked.take(response)
                yield from asked.end()

    async def _aevents(
        self, question: str, contexts: Sequence[Context], trace: Trace | None, said: "_Said"
    ) -> AsyncGenerator[Thought | Word, None]:
        if not contexts:
            yield said.nothing(trace)
            return
        with stage("answer", trace) as record:
            asked = _Asked(record, *self._request(question, contexts, record))
            with asked.kept(said), model_errors(self.llm):
                async with aclosing(self._aresponses(asked.messages)) as responses:
                    async for response in responses:
                        for event in asked.take(response):
                            yield event
                for event in asked.end():
                    yield event

    def _responses(self, messages: list[ChatMessage]) -> Iterator[ChatResponse]:
        """What the model replies, in one piece where it can't stream."""
        begun = False
        try:
            for response in self.llm.stream_chat(messages):
                begun = True
                yield response
        except NotImplementedError:
            if begun:
                raise
            yield _undivided(self.llm.chat(messages))

    async def _aresponses(self, messages: list[ChatMessage]) -> AsyncGenerator[ChatResponse, None]:
        """The same; a model that is only sync is asked in a thread."""
        begun = False
        try:
            async for response in await self.llm.astream_chat(messages):
                begun = True
                yield response
        except NotImplementedError:
            if begun:
                raise
            try:
                whole = await self.llm.achat(messages)
            except NotImplementedError:
                whole = await asyncio.to_thread(self.llm.chat, messages)
            yield _undivided(whole)

    def prompt(self, question: str, contexts: Sequence[Context]) -> str:
        """What the model would be asked, to the letter; it is not asked."""
        _, details = self._request(question, contexts, Stage(name="answer"))
        return details.prompt

    def _request(
        self, question: str, contexts: Sequence[Context], record: Stage
    ) -> tuple[list[ChatMessage], AnswerDetails]:
        metadata, prompt = self.llm.metadata, self.answer_prompt
        details = AnswerDetails(model=metadata.model_name, prompt_version=prompt.version)
        record.details = details
        # Room for the answer and for the prompt's own words.
        words = count_tokens(shown(prompt.messages(self.llm, "", question)))
        # Some say 0 or -1 where they don't know.
        window = metadata.context_window if metadata.context_window > 0 else LLM_WINDOW
        room = window - max(metadata.num_output, 0)
        room -= round(words * _TOKENS_MARGIN) + 16
        read: list[str] = []
        passages = passages_of(contexts)
        tokens = 0
        for number, passage in passages.items():
            size = sum(context.tokens for context in passage)
            heading = _heading(passage[0])
            room -= round((size + count_tokens(heading)) * _TOKENS_MARGIN) + 8
            if room < 0 and read:
                details.left_out = (
                    f"{len(passages) - len(read)} of {len(passages)} passages, for they exceed "
                    f"the model's window of {window} tokens"
                )
                break
            tokens += size
            text = GAP.join(squeezed(context.text.strip()) for context in passage)
            read.append(f"[{number}] {heading}\n{text}")
        messages = prompt.messages(self.llm, "\n\n".join(read), question)
        details.prompt = shown(messages)
        record.nodes_in = len(read)
        record.tokens_in = tokens
        return messages, details

    def _cite(self, said: "_Said", checker: Checker) -> None:
        """Find where the answer comes from: by its own markers, else by similarity."""
        with stage("cite", said.trace) as record:
            said.cite(*checker.supports(said.text), record)

    async def _acite(self, said: "_Said", checker: Checker) -> None:
        with stage("cite", said.trace) as record:
            said.cite(*await checker.asupports(said.text), record)


def _undivided(response: ChatResponse) -> ChatResponse:
    """A whole response: what it calls new is not all that there is."""
    return response.model_copy(update={"delta": None})


@dataclass
class _Said:
    """What becomes of a question: filled in as the model writes."""

    question: str
    pattern: str
    contexts: Sequence[Context]
    trace: Trace | None
    text: str = ""
    thinking: str = ""
    finish: Finish = "stop"
    note: str = ""
    citations: list[Citation] = field(default_factory=list)
    support: list[Support] = field(default_factory=list)

    def cite(self, support: list[Support], note: str, record: Stage) -> None:
        """Note what the passages bear out, and which of them to cite."""
        self.support = support
        self.citations, refused = citations_of(self.text, self.contexts, support)
        origins = {one.origin for one in self.citations}
        record.details = CiteDetails(
            citations=len(self.citations),
            origin="model" if "model" in origins else "similarity" if origins else "none",
            refused=refused,
            sentences=len(support),
            unsupported=sum(one.verdict == "unsupported" for one in support),
            note=note,
        )

    def nothing(self, trace: Trace | None) -> Word:
        """The answer where nothing was retrieved."""
        with stage("answer", trace) as record:
            record.details = AnswerDetails(outcome="nothing was retrieved: the model was not asked")
        self.text = NOT_FOUND
        return Word(NOT_FOUND)

    def answer(self) -> Answer:
        """The answer as far as it was written, with citations and trace."""
        return Answer(
            question=self.question,
            pattern=self.pattern,
            answer=self.text,
            contexts=list(self.contexts),
            citations=self.citations,
            support=self.support,
            trace=Trace() if self.trace is None else self.trace,
            finish=self.finish,
            finish_note=self.note,
            thinking=self.thinking,
        )


class _Asked:
    """One streamed call: words go out, figures go into the record."""

    def __init__(self, record: Stage, messages: list[ChatMessage], details: AnswerDetails) -> None:
        self.messages = messages
        self._record = record
        self._details = details
        self._record.llm_calls += 1
        self._started = time.perf_counter()
        self._reading = Reading()

    @contextmanager
    def kept(self, said: _Said) -> Iterator[None]:
        """Keep what came, also when the model fails in the middle of it."""
        broken = ""
        try:
            yield
        except ModelError as error:
            if not self._reading.text.strip():
                raise
            broken = " ".join(str(error).split())
            if error.repeats:
                logger.exception("an answer broke off")
                broken = "its model failed: the log says more"
            self._record.error = f"ModelError: {broken}"
        finally:
            reading, details = self._reading, self._details
            self._record.llm_tokens_in, self._record.llm_tokens_out = reading.usage
            if unread := cut_silently(reading.usage[0], details.prompt):
                details.left_out = details.left_out or unread
                logger.warning("left out: %s", unread)
            said.text, said.thinking = reading.text, reading.thinking
            said.finish, said.note = reading.finish(broken)
            details.finish, details.finish_note = said.finish, said.note
            details.thinking_characters = len(reading.thinking)

    def take(self, response: ChatResponse) -> Iterator[Thought | Word]:
        """What a response brings."""
        return self._events(self._reading.take(response))

    def end(self) -> Iterator[Thought | Word]:
        """Give out the words that were held back."""
        return self._events(self._reading.end())

    def _events(self, piece: Piece) -> Iterator[Thought | Word]:
        if piece.retracted:
            # What came first was no word of the answer.
            self._details.first_word_seconds = None
        if piece.words and self._details.first_word_seconds is None:
            self._details.first_word_seconds = time.perf_counter() - self._started
        if piece.thoughts:
            yield Thought(piece.thoughts)
        if piece.words:
            yield Word(piece.words)


def _heading(context: Context) -> str:
    """What a passage is from, and the header of its table."""
    about = headline(context.title or context.document, context.heading, context.place)
    return f"{about}\n{context.header}" if context.header else about
