"""What can be found in an index: passages, and LlamaIndex's retrievers that find them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from operator import is_
from typing import Any, Unpack, cast, get_type_hints

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM

from indexes.answering import contexts_of
from indexes.answers import Context, checked
from indexes.compression.build import build_judge, build_postprocessor, overfetched
from indexes.compression.retriever import CompressingRetriever
from indexes.compression.verdicts import Judge
from indexes.errors import SettingsError
from indexes.extensions import JUDGES
from indexes.models.capabilities import Capabilities
from indexes.options import checked_options, named
from indexes.patterns import Pattern, find_pattern
from indexes.query_options import RetrievalOptions, RetrieveOptions, RetrieverOptions
from indexes.registered import RegisteredRetriever
from indexes.retrieval import TreeRetriever
from indexes.settings import Settings
from indexes.store.nodes import TreeStore
from indexes.trace import Trace, tracing


@dataclass(frozen=True)
class Asked:
    """A question, and what finds its passages."""

    question: str
    pattern: str
    retriever: BaseRetriever
    trace: Trace


class Retrievable(ABC):
    """The searching side of `HierarchicalIndex`.

    Every method takes the name of a pattern, by default the settings', and options by name:
    `RetrievalOptions`. A wrong one is refused at the call.

    Raises:
        SettingsError: an option or the question is wrong, or there is no such pattern
        StoreError: nothing is indexed yet, or the index can't be read
        IndexMismatchError: another embedding model made the collection
        ModelError: a model fails
    """

    settings: Settings
    store: TreeStore
    _judges: dict[str, tuple[list[Any], Judge]]

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
        fill = given.get("fill")
        fill = self.settings.fill if fill is None else fill
        parts = [
            build_postprocessor(
                name,
                self._judge(given.get("judge")),
                self.settings,
                budget if name == names[-1] else None,
                fill,
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

    # LlamaIndex's name for the same.
    as_retriever = retriever

    @property
    def judge(self) -> Judge:
        """Who decides in reranking and compression."""
        return self._judge(None)

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

    # What the above share

    def _asked(
        self, question: str, pattern: str | None, given: RetrieveOptions, reserve: int = 0
    ) -> Asked:
        chosen = self._pattern(pattern)
        searching, _ = divided(given, RetrievalOptions)
        trace = given.get("trace")
        return Asked(
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
        # Whatever is registered under a name now: it may have been replaced.
        registered = [JUDGES.get(name) for name in (kind, "llm", "embedding")]
        known, judge = self._judges.get(kind, ([], None))
        if judge is None or not all(map(is_, known, registered)):
            settings = self.settings.model_copy(update={"judge": kind})
            judge = build_judge(
                settings,
                llm=lambda: self.llm,
                embedding=lambda: self.embedding,
                llm_capabilities=lambda: self.llm_capabilities,
            )
            self._judges[kind] = registered, judge
        return judge


@cache
def _names(kind: Any) -> frozenset[str]:
    return frozenset(get_type_hints(kind))


def divided(given: Mapping[str, Any], kind: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options that are of a kind, and the others."""
    names = _names(kind)
    return (
        {name: value for name, value in given.items() if name in names},
        {name: value for name, value in given.items() if name not in names},
    )
