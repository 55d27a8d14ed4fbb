"""Contexts → an answer that cites them.

One prompt for all patterns, so that patterns are compared and not prompts. It is data:
pass another `PromptTemplate` with the variables `context` and `question`.
"""

import re
import time
from collections.abc import AsyncGenerator, Iterator, Sequence

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms import LLM
from llama_index.core.prompts import PromptTemplate
from llama_index.core.schema import NodeWithScore

from indexes.answers import NOT_FOUND, Citation, Context, passages_of
from indexes.compression.passages import GAP, Segment, segments_of
from indexes.details import AnswerDetails, CiteDetails
from indexes.models.usage import usage_of
from indexes.namespace import ours, theirs
from indexes.sentences import Span, sentence_spans
from indexes.tokens import count_tokens, squeezed
from indexes.trace import Stage, Trace, stage

ANSWER_PROMPT_VERSION = "answer-1"
ANSWER_PROMPT = PromptTemplate(
    "Answer the question from the numbered passages, and from nothing else. "
    "Cite each passage that you use by its number, like [1]. "
    f"If the passages do not hold the answer, reply: {NOT_FOUND}\n\n"
    "{context}\n\n"
    "Question: {question}\n"
    "Answer:"
)

_MARKER = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
# A model's own tokens for a text, at most, per cl100k token.
_TOKENS_MARGIN = 1.4
# From this cosine on, a sentence of the answer is taken to come from a passage.
_SAME_SENSE = 0.5


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
        llm: any LlamaIndex LLM.
        embedding: finds the passages behind an answer that cites none itself; without
            it such an answer has no citations.
        prompt: with the variables `context` and `question`.
        prompt_version: its name in the trace.
    """

    def __init__(
        self,
        llm: LLM,
        embedding: BaseEmbedding | None = None,
        *,
        prompt: PromptTemplate = ANSWER_PROMPT,
        prompt_version: str = ANSWER_PROMPT_VERSION,
    ) -> None:
        self._llm = llm
        self._embedding = embedding
        self._prompt = prompt
        self._version = prompt_version

    def stream(
        self, question: str, contexts: Sequence[Context], trace: Trace | None = None
    ) -> Iterator[str]:
        """The answer, a few words at a time, as the model writes it.

        Raises:
            ModelError: the model fails, also in the middle of an answer.
        """
        if not contexts:
            yield self._nothing(trace)
            return
        with stage("answer", trace) as record:
            asked = _Asked(record, *self._request(question, contexts, record))
            for response in self._llm.stream_chat(asked.messages):
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
        with stage("answer", trace) as record:
            asked = _Asked(record, *self._request(question, contexts, record))
            async for response in await self._llm.astream_chat(asked.messages):
                if words := asked.take(response):
                    yield words
            asked.close()

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
        metadata = self._llm.metadata
        details = AnswerDetails(model=metadata.model_name, prompt_version=self._version)
        record.details = details
        # Room for the answer and for the prompt's own words.
        room = metadata.context_window - max(metadata.num_output, 0) - 128
        room -= count_tokens(question)
        shown: list[str] = []
        passages = passages_of(contexts)
        tokens = 0
        for number, passage in passages.items():
            size = sum(context.tokens for context in passage)
            room -= round(size * _TOKENS_MARGIN) + 16
            if room < 0 and shown:
                details.left_out = (
                    f"{len(passages) - len(shown)} of {len(passages)} passages, for they exceed "
                    f"the model's window of {metadata.context_window} tokens"
                )
                break
            tokens += size
            text = GAP.join(squeezed(context.text.strip()) for context in passage)
            shown.append(f"[{number}] {_heading(passage[0])}\n{text}")
        details.prompt = self._prompt.format(context="\n\n".join(shown), question=question)
        record.nodes_in = len(shown)
        record.tokens_in = tokens
        return [ChatMessage(role="user", content=details.prompt)], details

    def cite(
        self, answer: str, contexts: Sequence[Context], trace: Trace | None = None
    ) -> list[Citation]:
        """Where the answer comes from: by its own markers, else by similarity.

        Raises:
            ModelError: the embedding model fails.
        """
        with stage("cite", trace) as record:
            found = _marked(answer, contexts)
            compared = _Compared(answer, contexts)
            if not found and self._embedding is not None and compared.texts:
                vectors = self._embedding.get_text_embedding_batch(compared.texts)
                found = compared.citations(vectors)
            _describe(record, found)
        return found

    async def acite(
        self, answer: str, contexts: Sequence[Context], trace: Trace | None = None
    ) -> list[Citation]:
        """The same, natively async."""
        with stage("cite", trace) as record:
            found = _marked(answer, contexts)
            compared = _Compared(answer, contexts)
            if not found and self._embedding is not None and compared.texts:
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
        self._last: ChatResponse | None = None
        self._tokens = (0, 0)

    def take(self, response: ChatResponse) -> str:
        self._last = response
        # The figures come in a chunk of their own, with or after the last words.
        self._tokens = max(self._tokens, usage_of(response))
        words = response.delta or ""
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


def _marked(answer: str, contexts: Sequence[Context]) -> list[Citation]:
    """Citations by the numbers in the answer; numbers of no passage are left alone."""
    found = []
    passages = passages_of(contexts)
    for match in _MARKER.finditer(answer):
        for number in map(int, match[1].split(",")):
            if number in passages:
                context = passages[number][0]
                found.append(
                    Citation(
                        context=number,
                        answer_start=match.start(),
                        answer_end=match.end(),
                        document=context.document,
                        pages=context.pages,
                        place=context.place,
                        start=context.start,
                        end=passages[number][-1].end,
                        origin="model",
                    )
                )
    return found


class _Compared:
    """Finds, for each sentence of an answer, the closest sentence of its passages."""

    def __init__(self, answer: str, contexts: Sequence[Context]) -> None:
        self._answer = answer
        self._said: list[Span] = []
        self._sources: list[tuple[int, Context, Span]] = []
        if NOT_FOUND not in answer:
            self._said = sentence_spans(answer)
            self._sources = [
                (number, context, span)
                for number, passage in passages_of(contexts).items()
                for context in passage
                for span in sentence_spans(context.text)
            ]

    @property
    def texts(self) -> list[str]:
        """What is to be embedded; nothing if there is nothing to compare."""
        if not self._said or not self._sources:
            return []
        said = [self._answer[start:end] for start, end in self._said]
        return said + [context.text[start:end] for _, context, (start, end) in self._sources]

    def citations(self, vectors: Sequence[Sequence[float]]) -> list[Citation]:
        """The citations, given the embeddings of `texts`."""
        matrix = np.array(vectors)
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True) + 1e-12
        similar = matrix[: len(self._said)] @ matrix[len(self._said) :].T
        found = []
        for (said_start, said_end), scores in zip(self._said, similar, strict=True):
            best = int(scores.argmax())
            if scores[best] < _SAME_SENSE:
                continue
            number, context, (start, end) = self._sources[best]
            found.append(
                Citation(
                    context=number,
                    answer_start=said_start,
                    answer_end=said_start + len(self._answer[said_start:said_end].rstrip()),
                    document=context.document,
                    pages=context.pages,
                    place=context.place,
                    start=context.start + start,
                    end=context.start + end,
                    origin="similarity",
                )
            )
        return found


def _describe(record: Stage, citations: Sequence[Citation]) -> None:
    origin = citations[0].origin if citations else "none"
    record.details = CiteDetails(citations=len(citations), origin=origin)
