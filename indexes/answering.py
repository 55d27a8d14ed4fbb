"""Contexts → an answer that cites them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms import LLM
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.schema import NodeWithScore

from indexes.answer_prompt import AnswerPrompt, as_prompt, shown
from indexes.answers import NOT_FOUND, Answer, Citation, Context, Word, passages_of
from indexes.citations import Compared, marked
from indexes.compression.passages import GAP, Segment, segments_of
from indexes.details import AnswerDetails, CiteDetails
from indexes.models.guard import model_errors
from indexes.models.usage import usage_of
from indexes.namespace import ours, theirs
from indexes.tokens import count_tokens, squeezed
from indexes.trace import Stage, Trace, stage

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
        text=segment.text,
        score=node.score or 0.0,
        level=place.get("level", 0),
        title=place.get("title") or str(node.node.metadata.get("title", "")),
        id=node.node.node_id,
        leaves=place.get("leaves", 1),
        tokens=count_tokens(segment.text),
        reason=place.get("reason", ""),
        place=place.get("place", ""),
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
        self, question: str, pattern: str, contexts: list[Context], trace: Trace
    ) -> Generator[Word | Answer, None, None]:
        """The answer as it is written: its words, then all of it with its citations.

        Args:
            question: what is asked
            pattern: what the answer is to say the contexts were retrieved by
            contexts: numbered, or each a passage by itself
            trace: the stages so far

        Raises:
            ModelError: a model fails, also in the middle of an answer
        """
        said = []
        for words in self.stream(question, contexts, trace):
            said.append(words)
            yield Word(words)
        answer = "".join(said)
        yield Answer(
            question=question,
            pattern=pattern,
            answer=answer,
            contexts=contexts,
            citations=self.cite(answer, contexts, trace),
            trace=trace,
        )

    async def aanswer(
        self, question: str, pattern: str, contexts: list[Context], trace: Trace
    ) -> AsyncGenerator[Word | Answer, None]:
        """The same, natively async."""
        said = []
        async with aclosing(self.astream(question, contexts, trace)) as stream:
            async for words in stream:
                said.append(words)
                yield Word(words)
        answer = "".join(said)
        yield Answer(
            question=question,
            pattern=pattern,
            answer=answer,
            contexts=contexts,
            citations=await self.acite(answer, contexts, trace),
            trace=trace,
        )

    def stream(
        self, question: str, contexts: Sequence[Context], trace: Trace | None = None
    ) -> Iterator[str]:
        """The answer's words as the model writes them.

        Raises:
            ModelError: the model fails, also in the middle of an answer
        """
        if not contexts:
            yield self._nothing(trace)
            return
        with stage("answer", trace) as record, model_errors(self.llm):
            asked = _Asked(record, *self._request(question, contexts, record))
            for response in self._responses(asked.messages):
                if words := asked.take(response):
                    yield words
            asked.close()

    async def astream(
        self, question: str, contexts: Sequence[Context], trace: Trace | None = None
    ) -> AsyncGenerator[str, None]:
        """The same, natively async."""
        if not contexts:
            yield self._nothing(trace)
            return
        with stage("answer", trace) as record, model_errors(self.llm):
            asked = _Asked(record, *self._request(question, contexts, record))
            async with aclosing(self._aresponses(asked.messages)) as responses:
                async for response in responses:
                    if words := asked.take(response):
                        yield words
            asked.close()

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
            yield self.llm.chat(messages)

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
            yield whole

    def prompt(self, question: str, contexts: Sequence[Context]) -> str:
        """What the model would be asked, to the letter; it is not asked."""
        _, details = self._request(question, contexts, Stage(name="answer"))
        return details.prompt

    @staticmethod
    def _nothing(trace: Trace | None) -> str:
        with stage("answer", trace) as record:
            record.details = AnswerDetails(outcome="nothing was retrieved: the model was not asked")
        return NOT_FOUND

    def _request(
        self, question: str, contexts: Sequence[Context], record: Stage
    ) -> tuple[list[ChatMessage], AnswerDetails]:
        metadata, prompt = self.llm.metadata, self.answer_prompt
        details = AnswerDetails(model=metadata.model_name, prompt_version=prompt.version)
        record.details = details
        # Room for the answer and for the prompt's own words.
        words = count_tokens(shown(prompt.messages(self.llm, "", question)))
        room = metadata.context_window - max(metadata.num_output, 0)
        room -= round(words * _TOKENS_MARGIN) + 16
        read: list[str] = []
        passages = passages_of(contexts)
        tokens = 0
        for number, passage in passages.items():
            size = sum(context.tokens for context in passage)
            room -= round(size * _TOKENS_MARGIN) + 16
            if room < 0 and read:
                details.left_out = (
                    f"{len(passages) - len(read)} of {len(passages)} passages, for they exceed "
                    f"the model's window of {metadata.context_window} tokens"
                )
                break
            tokens += size
            text = GAP.join(squeezed(context.text.strip()) for context in passage)
            read.append(f"[{number}] {_heading(passage[0])}\n{text}")
        messages = prompt.messages(self.llm, "\n\n".join(read), question)
        details.prompt = shown(messages)
        record.nodes_in = len(read)
        record.tokens_in = tokens
        return messages, details

    def cite(
        self, answer: str, contexts: Sequence[Context], trace: Trace | None = None
    ) -> list[Citation]:
        """Where the answer comes from: by its own markers, else by similarity.

        Raises:
            ModelError: the embedding model fails
        """
        with stage("cite", trace) as record:
            found = marked(answer, contexts)
            compared = Compared(answer, contexts)
            if not found and self._embedding is not None and compared.texts:
                with model_errors(self._embedding):
                    vectors = self._embedding.get_text_embedding_batch(compared.texts)
                found = compared.citations(vectors)
            _describe(record, found)
        return found

    async def acite(
        self, answer: str, contexts: Sequence[Context], trace: Trace | None = None
    ) -> list[Citation]:
        """The same, natively async."""
        with stage("cite", trace) as record:
            found = marked(answer, contexts)
            compared = Compared(answer, contexts)
            if not found and self._embedding is not None and compared.texts:
                with model_errors(self._embedding):
                    vectors = await self._embedding.aget_text_embedding_batch(compared.texts)
                found = compared.citations(vectors)
            _describe(record, found)
        return found


class _Asked:
    """One streamed call: words go out, figures go into the record."""

    def __init__(self, record: Stage, messages: list[ChatMessage], details: AnswerDetails) -> None:
        self.messages = messages
        self._record = record
        self._details = details
        self._record.llm_calls += 1
        self._started = time.perf_counter()
        self._said = ""
        self._tokens = (0, 0)

    def take(self, response: ChatResponse) -> str:
        # The figures come in a chunk of their own, with or after the last words.
        self._tokens = max(self._tokens, usage_of(response))
        words = response.delta
        whole = response.message.content or ""
        if not words and whole.startswith(self._said):
            # Some models tell all that there is so far, and not what is new.
            words = whole[len(self._said) :]
        words = words or ""
        self._said += words
        if words and self._details.first_word_seconds is None:
            self._details.first_word_seconds = time.perf_counter() - self._started
        return words

    def close(self) -> None:
        self._record.llm_tokens_in, self._record.llm_tokens_out = self._tokens


def _heading(context: Context) -> str:
    """What a passage is from: its document, its place, and the header of its table."""
    name = context.title or context.document
    about = f"{name}, {context.place}" if context.place else name
    return f"{about}\n{context.header}" if context.header else about


def _describe(record: Stage, citations: Sequence[Citation]) -> None:
    origin = citations[0].origin if citations else "none"
    record.details = CiteDetails(citations=len(citations), origin=origin)
