"""What can be asked of an index: passages, answers, and LlamaIndex's parts that give them."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack, cast

from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.prompts import BasePromptTemplate

from indexes.answer_prompt import AnswerPrompt
from indexes.answering import Answerer, contexts_of
from indexes.answers import (
    Answer,
    Context,
    Event,
    Quote,
    Quoted,
    Retrieved,
    quoted_only,
)
from indexes.chat_engine import chat_engine
from indexes.conversation import Condenser
from indexes.details import MergeDetails, SearchDetails
from indexes.models.providers import llm_of
from indexes.options import checked_options, named
from indexes.query_engine import PatternQueryEngine, synthesizer
from indexes.query_options import (
    AskOptions,
    ChatMode,
    ChatOptions,
    EngineOptions,
    RetrieverOptions,
)
from indexes.retrievable import Asked, Retrievable, divided
from indexes.settings import AnswerKind
from indexes.trace import Trace, tracing
from indexes.verdict.checker import Checker, Found
from indexes.verdict.evidence import Probing
from indexes.verdict.vectors import Vectors

# Tokens of context to choose quotes from where no model reads them.
_QUOTED_FROM = 2048


class Queryable(Retrievable):
    """The question side of `HierarchicalIndex`.

    Every method takes the name of a pattern, by default the settings', and options by name:
    `RetrievalOptions`, `AskOptions`. A wrong one is refused at the call.

    Raises:
        SettingsError: an option or the question is wrong, or there is no such pattern
        StoreError: nothing is indexed yet, or the index can't be read
        IndexMismatchError: another embedding model made the collection
        ModelError: a model fails
    """

    _answer_prompt: AnswerPrompt

    # LlamaIndex's engines

    @named
    def query_engine(
        self, pattern: str | None = None, **options: Unpack[EngineOptions]
    ) -> PatternQueryEngine:
        """A LlamaIndex query engine for a pattern.

        Args:
            pattern: see `retriever`
            options: see `EngineOptions`
        """
        chosen = self._pattern(pattern).name
        given = checked_options(EngineOptions, options)
        searching, answering = divided(given, RetrieverOptions)
        callbacks = given.get("callback_manager")
        engine = PatternQueryEngine(
            self.retriever(chosen, **cast(RetrieverOptions, searching)),
            synthesizer(self.answerer, cast(EngineOptions, answering), chosen, callbacks),
            node_postprocessors=list(given.get("node_postprocessors") or []),
            callback_manager=callbacks,
            pattern=chosen,
        )
        return engine.made_by(self, "query_engine", pattern=chosen, **options)

    @named
    def as_chat_engine(
        self,
        chat_mode: ChatMode = "best",
        pattern: str | None = None,
        **options: Unpack[ChatOptions],
    ) -> BaseChatEngine:
        """One of LlamaIndex's chat engines over a pattern.

        Args:
            chat_mode: `condense_plus_context`, which is the best, `context`,
                `condense_question` or `simple`
            pattern: see `retriever`
            options: see `ChatOptions`
        """
        chosen = self._pattern(pattern).name
        given = checked_options(ChatOptions, options)
        searching, chatting = divided(given, RetrieverOptions)
        llm = llm_of(chatting.pop("llm", None), self.settings) or self.llm
        after = given.get("node_postprocessors")
        found = cast(RetrieverOptions, searching)
        return chat_engine(
            chat_mode,
            llm,
            lambda: self.retriever(chosen, **found),
            lambda: self.query_engine(chosen, llm=llm, node_postprocessors=after, **found),
            chatting,
        )

    # LlamaIndex's name for the same.
    as_query_engine = query_engine

    def answerer(
        self, llm: Any = None, answer_prompt: str | Path | BasePromptTemplate | None = None
    ) -> Answerer:
        """What turns contexts into a cited answer.

        Args:
            llm: answers instead of the index's; an object, or a spec
            answer_prompt: asks instead of the index's
        """
        prompt = self._answer_prompt if answer_prompt is None else answer_prompt
        return Answerer(llm_of(llm, self.settings) or self.llm, self.embedding, prompt=prompt)

    def condenser(self) -> Condenser:
        """What makes follow-up questions stand alone.

        Where the model isn't fit for it, questions are put together.
        """
        return Condenser(self.llm if self.llm_capabilities.fits("condense") else None)

    # Answers

    @named
    def ask(
        self, question: str, pattern: str | None = None, **options: Unpack[AskOptions]
    ) -> Answer:
        """The answer, whole."""
        *_, last = self.stream(question, pattern, **options)
        return cast(Answer, last)

    @named
    async def aask(
        self, question: str, pattern: str | None = None, **options: Unpack[AskOptions]
    ) -> Answer:
        """The same, natively async."""
        events = [event async for event in self.astream(question, pattern, **options)]
        return cast(Answer, events[-1])

    @named
    def stream(
        self, question: str, pattern: str | None = None, **options: Unpack[AskOptions]
    ) -> Iterator[Event]:
        """The answer as it comes: `Retrieved`, `Quoted`, `Word`s, then the whole `Answer`."""
        given = self._wide(checked_options(AskOptions, options))
        answerer = self._answerer(given)
        quotes = self._quotes(given)
        asked = self._asked(question, pattern, given, _QUOTED_FROM if quotes else 0)
        return self._stream(asked, answerer, quotes)

    def _stream(self, asked: Asked, answerer: Answerer | None, quotes: bool) -> Iterator[Event]:
        with tracing(asked.trace):
            contexts = contexts_of(asked.retriever.retrieve(asked.question))
        yield Retrieved(contexts, asked.trace)
        checker = self._checker(asked.question, contexts, asked.trace)
        quoted = checker.quotes(asked.trace) if quotes else []
        if quotes:
            self._probing.begin()
            yield Quoted(quoted)
        if answerer is None:
            only = quoted_only(asked.question, asked.pattern, contexts, quoted, asked.trace)
            yield self._with(only, quoted)
            return
        for event in answerer.answer(asked.question, asked.pattern, contexts, asked.trace, checker):
            yield self._with(event, quoted) if isinstance(event, Answer) else event

    @named
    def astream(
        self, question: str, pattern: str | None = None, **options: Unpack[AskOptions]
    ) -> AsyncGenerator[Event, None]:
        """The same, natively async."""
        given = self._wide(checked_options(AskOptions, options))
        reserve = _QUOTED_FROM if self._quotes(given) else 0
        asked = self._asked(question, pattern, given, reserve)
        return self._astream(asked, given)

    async def _astream(self, asked: Asked, given: AskOptions) -> AsyncGenerator[Event, None]:
        answerer, quotes = self._answerer(given), self._quotes(given)
        with tracing(asked.trace):
            contexts = contexts_of(await asked.retriever.aretrieve(asked.question))
        events = self._aevents(
            asked.question, asked.pattern, contexts, asked.trace, answerer, quotes
        )
        async with aclosing(events):
            async for event in events:
                yield event

    def aanswer(
        self,
        question: str,
        pattern: str,
        contexts: list[Context],
        trace: Trace,
        answer: AnswerKind | None = None,
    ) -> AsyncGenerator[Event, None]:
        """What `astream` yields, from contexts that were retrieved in whatever way.

        Args:
            question: what is asked
            pattern: what the answer is to say they were retrieved by
            contexts: numbered, or each a passage by itself
            trace: the stages so far
            answer: quotes, written or both; by default the settings'
        """
        given = AskOptions(answer=answer)
        answerer = self._answerer(given)
        return self._aevents(question, pattern, contexts, trace, answerer, self._quotes(given))

    async def _aevents(
        self,
        question: str,
        pattern: str,
        contexts: list[Context],
        trace: Trace,
        answerer: Answerer | None,
        quotes: bool,
    ) -> AsyncGenerator[Event, None]:
        yield Retrieved(contexts, trace)
        checker = self._checker(question, contexts, trace)
        quoted = await checker.aquotes(trace) if quotes else []
        if quotes:
            self._probing.begin()
            yield Quoted(quoted)
        if answerer is None:
            only = quoted_only(question, pattern, contexts, quoted, trace)
            yield await asyncio.to_thread(self._with, only, quoted)
            return
        events = answerer.aanswer(question, pattern, contexts, trace, checker)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Answer):
                    event = await asyncio.to_thread(self._with, event, quoted)
                yield event

    def _checker(self, question: str, contexts: list[Context], trace: Trace) -> Checker:
        return Checker(question, contexts, self.embedding, _found(trace), self._vectors)

    @cached_property
    def _vectors(self) -> Vectors:
        """Of sentences that were compared with a question or an answer; lanes share many."""
        return Vectors()

    @cached_property
    def _probing(self) -> Probing:
        return Probing(self.store, lambda: self.embedding)

    def _with(self, answer: Answer, quotes: list[Quote]) -> Answer:
        """An answer with what was quoted before it, and whether that is evidence."""
        evidence = self._probing.judge(answer.trace)
        return answer.model_copy(update={"quotes": quotes, "evidence": evidence})

    def _answerer(self, given: AskOptions) -> Answerer | None:
        """Who writes; nobody where quotes are enough, so that no model is loaded."""
        if self._kind(given) == "quotes":
            return None
        return self.answerer(given.get("llm"), given.get("answer_prompt"))

    def _wide(self, given: AskOptions) -> AskOptions:
        """The same options; for quotes alone, more passages to choose from, and no LLM to judge."""
        if self._kind(given) != "quotes":
            return given
        wide: AskOptions = {**given}
        if not (given.get("budget") or self.settings.budget):
            wide["budget"] = max(self.budget, _QUOTED_FROM)
        if not given.get("judge") and self.settings.judge == "auto":
            wide["judge"] = "embedding"
        return wide

    def _quotes(self, given: AskOptions) -> bool:
        return self._kind(given) != "written"

    def _kind(self, given: AskOptions) -> AnswerKind:
        return given.get("answer") or self.settings.answer


def _found(trace: Trace) -> Found:
    """What the search knows of a question beside its contexts. The trace keeps it no longer."""
    searched, merged = trace.find(SearchDetails), trace.find(MergeDetails)
    if searched is None or merged is None:
        return Found()
    found = Found(searched.vector, contexts_of(list(merged.reserve)), merged.ranked)
    searched.vector, merged.reserve = None, ()
    return found
