"""What can be asked of an index: passages, answers, and LlamaIndex's parts that give them."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Unpack, cast, get_type_hints

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.llms import LLM
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
    checked,
    quoted_only,
)
from indexes.chat_engine import chat_engine
from indexes.compression.build import build_judge, build_postprocessor, overfetched
from indexes.compression.retriever import CompressingRetriever
from indexes.compression.verdicts import Judge
from indexes.conversation import Condenser
from indexes.details import MergeDetails, SearchDetails
from indexes.errors import SettingsError
from indexes.models.capabilities import Capabilities
from indexes.models.providers import llm_of
from indexes.options import checked_options, named
from indexes.patterns import Pattern, find_pattern
from indexes.query_engine import PatternQueryEngine, synthesizer
from indexes.query_options import (
    AskOptions,
    ChatMode,
    ChatOptions,
    EngineOptions,
    RetrievalOptions,
    RetrieveOptions,
    RetrieverOptions,
)
from indexes.registered import RegisteredRetriever
from indexes.retrieval import TreeRetriever
from indexes.settings import AnswerKind, Settings
from indexes.store.nodes import TreeStore
from indexes.trace import Trace, tracing
from indexes.verdict.checker import Checker, Found
from indexes.verdict.evidence import Probing

# Tokens of context to choose quotes from where no model reads them.
_QUOTED_FROM = 2048


@dataclass(frozen=True)
class _Asked:
    """A question, and what finds its passages."""

    question: str
    pattern: str
    retriever: BaseRetriever
    trace: Trace


class Queryable(ABC):
    """The question side of `HierarchicalIndex`.

    Every method takes the name of a pattern, by default the settings', and options by name:
    `RetrievalOptions`, `AskOptions`. A wrong one is refused at the call.

    Raises:
        SettingsError: an option or the question is wrong, or there is no such pattern
        StoreError: nothing is indexed yet, or the index can't be read
        IndexMismatchError: another embedding model made the collection
        ModelError: a model fails
    """

    settings: Settings
    store: TreeStore
    _judges: dict[str, Judge]
    _answer_prompt: AnswerPrompt

    @property
    @abstractmethod
    def embedding(self) -> BaseEmbedding:
        """The embedding model."""

    @property
    @abstractmethod
    def llm(self) -> LLM:
        """The language model."""

    @property
    @abstractmethod
    def llm_capabilities(self) -> Capabilities:
        """What the language model can do; asking does not make it."""

    @property
    def budget(self) -> int:
        """Context tokens that a pattern fills: the settings', or what the model takes well."""
        return self.settings.budget or self.llm_capabilities.budget

    @abstractmethod
    def _check(self) -> None:
        """Compare the collection with the settings and models here.

        Raises:
            StoreError: nothing is indexed yet
            IndexMismatchError: something else made it
        """

    # LlamaIndex's parts

    @named
    def retriever(
        self, pattern: str | None = None, **options: Unpack[RetrieverOptions]
    ) -> BaseRetriever:
        """A LlamaIndex retriever for a pattern.

        With postprocessors in the pattern, more is retrieved than the budget holds, and
        what they leave fills it.

        Args:
            pattern: `regular`, `parent`, a combination like `parent+extract`
            options: see `RetrieverOptions`
        """
        return self._retriever(self._pattern(pattern), **options)

    def _retriever(
        self, chosen: Pattern, reserve: int = 0, **options: Unpack[RetrieverOptions]
    ) -> BaseRetriever:
        """The same; `reserve` tokens of the best passages go to quotes."""
        given = checked_options(RetrieverOptions, options)
        budget = given.get("budget") or self.budget
        names = chosen.postprocessors
        enough = overfetched(budget, chosen.method, names, self.settings)
        parts = [
            build_postprocessor(
                name,
                self._judge(given.get("judge")),
                self.settings,
                budget if name == names[-1] else None,
            )
            for name in names
        ]
        callbacks = given.get("callback_manager")
        order = given.get("order") or self.settings.order
        if chosen.source is not None:
            registered = RegisteredRetriever(chosen, self, enough, given.get("filters"))
            return CompressingRetriever(
                registered, parts, budget, order=order, callback_manager=callbacks
            ).made_by(self, "retriever", pattern=chosen.name, **options)
        self._check()
        retriever = TreeRetriever(
            self.store,
            self.embedding,
            method=chosen.method,
            search=given.get("search") or self.settings.search,
            budget=enough,
            top_k=given.get("top_k") or self.settings.top_k,
            filters=given.get("filters"),
            reserve=reserve,
            merge_ratio=given.get("merge_ratio"),
            parents=given.get("parents"),
            score_threshold=given.get("score_threshold"),
            order="relevance" if parts else order,
            callback_manager=None if parts else callbacks,
        )
        made: TreeRetriever | CompressingRetriever = retriever
        if parts:
            made = CompressingRetriever(
                retriever, parts, budget, order=order, callback_manager=callbacks
            )
        return made.made_by(self, "retriever", pattern=chosen.name, **options)

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
        searching, answering = _divided(given, RetrieverOptions)
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
        searching, chatting = _divided(given, RetrieverOptions)
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

    # LlamaIndex's names for the same.
    as_retriever = retriever
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

    @property
    def judge(self) -> Judge:
        """Who decides in reranking and compression."""
        return self._judge(None)

    # Passages

    @named
    def retrieve(
        self, question: str, pattern: str | None = None, **options: Unpack[RetrieveOptions]
    ) -> tuple[list[Context], Trace]:
        """Contexts without an answer: no language model takes part, but for judges."""
        asked = self._asked(question, pattern, checked_options(RetrieveOptions, options))
        with tracing(asked.trace):
            nodes = asked.retriever.retrieve(asked.question)
        return contexts_of(nodes), asked.trace

    @named
    async def aretrieve(
        self, question: str, pattern: str | None = None, **options: Unpack[RetrieveOptions]
    ) -> tuple[list[Context], Trace]:
        """The same, natively async on a server."""
        asked = self._asked(question, pattern, checked_options(RetrieveOptions, options))
        with tracing(asked.trace):
            nodes = await asked.retriever.aretrieve(asked.question)
        return contexts_of(nodes), asked.trace

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
        asked = self._asked(question, pattern, given, quotes=quotes)
        return self._stream(asked, answerer, quotes)

    def _stream(self, asked: _Asked, answerer: Answerer | None, quotes: bool) -> Iterator[Event]:
        with tracing(asked.trace):
            contexts = contexts_of(asked.retriever.retrieve(asked.question))
        yield Retrieved(contexts, asked.trace)
        checker = Checker(asked.question, contexts, self.embedding, _found(asked.trace))
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
        asked = self._asked(question, pattern, given, quotes=self._quotes(given))
        return self._astream(asked, given)

    async def _astream(self, asked: _Asked, given: AskOptions) -> AsyncGenerator[Event, None]:
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
        checker = Checker(question, contexts, self.embedding, _found(trace))
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

    # What the above share

    def _asked(
        self, question: str, pattern: str | None, given: RetrieveOptions, *, quotes: bool = False
    ) -> _Asked:
        chosen = self._pattern(pattern)
        searching, _ = _divided(given, RetrievalOptions)
        reserve = _QUOTED_FROM if quotes else 0
        trace = given.get("trace")
        return _Asked(
            question=checked(question),
            pattern=chosen.name,
            retriever=self._retriever(chosen, reserve, **cast(RetrieverOptions, searching)),
            trace=Trace() if trace is None else trace,
        )

    def _pattern(self, name: str | None) -> Pattern:
        if name is not None and not isinstance(name, str):
            raise SettingsError(f"a pattern is chosen by its name, not by a {type(name).__name__}")
        return find_pattern(self.settings.pattern if name is None else name)

    def _judge(self, given: Judge | str | None) -> Judge:
        """The judge given, or ours of that kind, which remembers what it said before."""
        if given is not None and not isinstance(given, str):
            return given
        kind = given or self.settings.judge
        if kind not in self._judges:
            settings = self.settings.model_copy(update={"judge": kind})
            self._judges[kind] = build_judge(
                settings,
                llm=lambda: self.llm,
                embedding=lambda: self.embedding,
                llm_capabilities=lambda: self.llm_capabilities,
            )
        return self._judges[kind]


@cache
def _names(kind: Any) -> frozenset[str]:
    return frozenset(get_type_hints(kind))


def _found(trace: Trace) -> Found:
    """What the search knows of a question beside its contexts. The trace keeps it no longer."""
    searched, merged = trace.find(SearchDetails), trace.find(MergeDetails)
    if searched is None or merged is None:
        return Found()
    found = Found(searched.vector, contexts_of(list(merged.reserve)), merged.ranked)
    searched.vector, merged.reserve = None, ()
    return found


def _divided(given: Mapping[str, Any], kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options that are of a kind, and the others."""
    names = _names(kind)
    return (
        {name: value for name, value in given.items() if name in names},
        {name: value for name, value in given.items() if name not in names},
    )
