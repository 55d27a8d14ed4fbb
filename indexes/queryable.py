"""What can be asked of an index: passages, answers, and LlamaIndex's parts that give them."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any, Unpack, cast, get_args

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager
from llama_index.core.llms import LLM
from pydantic import PlainValidator
from typing_extensions import TypedDict

from indexes.answering import Answerer, contexts_of
from indexes.answers import Answer, Context, Event, Retrieved, Word, checked
from indexes.compression.build import build_judge, build_postprocessor, overfetched
from indexes.compression.retriever import CompressingRetriever
from indexes.compression.verdicts import Judge
from indexes.conversation import Condenser
from indexes.errors import SettingsError
from indexes.options import checked_options, named, strictly
from indexes.patterns import Pattern, find_pattern
from indexes.query_engine import PatternQueryEngine
from indexes.retrieval import MergeRatio, Parents, TreeRetriever
from indexes.settings import Budget, JudgeChoice, SearchMode, Settings, TopK
from indexes.store.filters import Filters, qdrant_filter
from indexes.store.nodes import TreeStore
from indexes.trace import Trace, tracing


def _judge(given: Any) -> Judge | JudgeChoice | None:
    choices = get_args(JudgeChoice)
    if isinstance(given, str):
        if given not in choices:
            raise ValueError(f"choose one of {', '.join(choices)}, or give a judge")
    elif given is not None and not all(hasattr(given, name) for name in ("sentences", "passages")):
        raise ValueError(f"give a judge, or one of {', '.join(choices)}")
    return cast(Judge | JudgeChoice | None, given)


@strictly
class RetrievalOptions(TypedDict, total=False):
    """What decides which passages are delivered; by default the settings'.

    Attributes:
        budget: cl100k tokens of context, from 16
        top_k: hits of each search; without the tree, also the most passages
        search: by meaning (`dense`), by words (`bm25`) or both (`hybrid`)
        filters: on the documents' metadata: a dictionary as in LangChain, LlamaIndex's or
            Qdrant's own; see `indexes.store.filters`
        judge: decides in the pattern's postprocessors: a judge, or which of ours
        merge_ratio: share of its children from which `parent-ratio` takes a parent
        parents: how many parents `parent-whole` delivers; then the budget doesn't bound them
        score_threshold: least cosine of a leaf that counts as found, for `parent-whole`
    """

    budget: Budget | None
    top_k: TopK | None
    search: SearchMode | None
    filters: Annotated[Filters | None, PlainValidator(qdrant_filter)]
    judge: Annotated[Judge | JudgeChoice | None, PlainValidator(_judge)]
    merge_ratio: MergeRatio | None
    parents: Parents | None
    score_threshold: float | None


@strictly
class RetrieverOptions(RetrievalOptions, total=False):
    """Options of a retriever: those of retrieval, and LlamaIndex's.

    Attributes:
        callback_manager: told of each retrieval
    """

    callback_manager: CallbackManager | None


@strictly
class AskOptions(RetrievalOptions, total=False):
    """Options of a question: those of retrieval, and of the answer.

    Attributes:
        trace: holds stages that come before; by default there are none
    """

    trace: Trace | None


@dataclass(frozen=True)
class _Asked:
    """A question, and what answers it."""

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
    _given_llm: LLM | None

    @property
    @abstractmethod
    def embedding(self) -> BaseEmbedding:
        """The embedding model."""

    @property
    @abstractmethod
    def llm(self) -> LLM:
        """The language model."""

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
        chosen = self._pattern(pattern)
        given = checked_options(RetrieverOptions, options)
        self._check()
        budget = given.get("budget") or self.settings.context_budget
        names = chosen.postprocessors
        decides = self._judge(given.get("judge"))
        parts = [
            build_postprocessor(name, decides, self.settings, budget if name == names[-1] else None)
            for name in names
        ]
        callbacks = given.get("callback_manager")
        retriever = TreeRetriever(
            self.store,
            self.embedding,
            method=chosen.method,
            search=given.get("search") or self.settings.search,
            budget=overfetched(budget, chosen.method, names, self.settings),
            top_k=given.get("top_k") or self.settings.top_k,
            filters=given.get("filters"),
            merge_ratio=given.get("merge_ratio"),
            parents=given.get("parents"),
            score_threshold=given.get("score_threshold"),
            callback_manager=None if parts else callbacks,
        )
        if not parts:
            return retriever
        return CompressingRetriever(retriever, parts, budget, callback_manager=callbacks)

    @named
    def query_engine(
        self, pattern: str | None = None, **options: Unpack[AskOptions]
    ) -> PatternQueryEngine:
        """A LlamaIndex query engine for a pattern."""
        name = self._pattern(pattern).name
        return PatternQueryEngine(self, name, checked_options(AskOptions, options))

    def answerer(self) -> Answerer:
        """What turns contexts into a cited answer."""
        return Answerer(self.llm, self.embedding)

    def condenser(self) -> Condenser:
        """What makes follow-up questions stand alone.

        SmolLM2, `local`'s own model, is no judge of that: there, questions are put together.
        """
        own = self._given_llm is None and self.settings.provider == "local"
        return Condenser(None if own and self.settings.llm_gguf is None else self.llm)

    @property
    def judge(self) -> Judge:
        """Who decides in reranking and compression."""
        return self._judge(None)

    # Passages

    @named
    def retrieve(
        self, question: str, pattern: str | None = None, **options: Unpack[AskOptions]
    ) -> tuple[list[Context], Trace]:
        """Contexts without an answer: no language model takes part, but for judges."""
        asked = self._asked(question, pattern, options)
        with tracing(asked.trace):
            nodes = asked.retriever.retrieve(asked.question)
        return contexts_of(nodes), asked.trace

    @named
    async def aretrieve(
        self, question: str, pattern: str | None = None, **options: Unpack[AskOptions]
    ) -> tuple[list[Context], Trace]:
        """The same, natively async on a server."""
        asked = self._asked(question, pattern, options)
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
        """The answer as it comes: `Retrieved`, then `Word`s, then the whole `Answer`."""
        return self._stream(self._asked(question, pattern, options))

    def _stream(self, asked: _Asked) -> Iterator[Event]:
        with tracing(asked.trace):
            contexts = contexts_of(asked.retriever.retrieve(asked.question))
        yield Retrieved(contexts, asked.trace)
        answerer = self.answerer()
        words = []
        for piece in answerer.stream(asked.question, contexts, asked.trace):
            words.append(piece)
            yield Word(piece)
        answer = "".join(words)
        yield Answer(
            question=asked.question,
            pattern=asked.pattern,
            answer=answer,
            contexts=contexts,
            citations=answerer.cite(answer, contexts, asked.trace),
            trace=asked.trace,
        )

    @named
    def astream(
        self, question: str, pattern: str | None = None, **options: Unpack[AskOptions]
    ) -> AsyncGenerator[Event, None]:
        """The same, natively async."""
        return self._astream(self._asked(question, pattern, options))

    async def _astream(self, asked: _Asked) -> AsyncGenerator[Event, None]:
        with tracing(asked.trace):
            contexts = contexts_of(await asked.retriever.aretrieve(asked.question))
        events = self.aanswer(asked.question, asked.pattern, contexts, asked.trace)
        async with aclosing(events):
            async for event in events:
                yield event

    async def aanswer(
        self, question: str, pattern: str, contexts: list[Context], trace: Trace
    ) -> AsyncGenerator[Event, None]:
        """What `astream` yields, from contexts that were retrieved in whatever way.

        Args:
            question: what is asked
            pattern: what the answer is to say they were retrieved by
            contexts: numbered, or each a passage by itself
            trace: the stages so far
        """
        yield Retrieved(contexts, trace)
        answerer = self.answerer()
        words = []
        async with aclosing(answerer.astream(question, contexts, trace)) as pieces:
            async for piece in pieces:
                words.append(piece)
                yield Word(piece)
        answer = "".join(words)
        yield Answer(
            question=question,
            pattern=pattern,
            answer=answer,
            contexts=contexts,
            citations=await answerer.acite(answer, contexts, trace),
            trace=trace,
        )

    # What the above share

    def _asked(self, question: str, pattern: str | None, options: AskOptions) -> _Asked:
        given = checked_options(AskOptions, options)
        chosen = self._pattern(pattern)
        trace = given.pop("trace", None)
        return _Asked(
            question=checked(question),
            pattern=chosen.name,
            retriever=self.retriever(chosen.name, **cast(RetrieverOptions, given)),
            trace=Trace() if trace is None else trace,
        )

    def _pattern(self, name: str | None) -> Pattern:
        if name is not None and not isinstance(name, str):
            raise SettingsError(f"a pattern is chosen by its name, not by a {type(name).__name__}")
        return find_pattern(self.settings.pattern if name is None else name)

    def _judge(self, given: Judge | JudgeChoice | None) -> Judge:
        """The judge given, or ours of that kind, which remembers what it said before."""
        if given is not None and not isinstance(given, str):
            return given
        kind = given or self.settings.judge
        if kind not in self._judges:
            settings = self.settings.model_copy(update={"judge": kind})
            self._judges[kind] = build_judge(
                settings, llm=lambda: self.llm, embedding=lambda: self.embedding
            )
        return self._judges[kind]
