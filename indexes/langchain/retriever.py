"""A pattern on an index as a LangChain retriever."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field, model_validator

from indexes.answers import Context, passages_of
from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from indexes.langchain.documents import to_langchain
from indexes.langchain.runs import awithin, within
from indexes.options import checked_options
from indexes.patterns import find_pattern
from indexes.query_options import RetrievalOptions

# A number of passages is reached by raising the budget, up to here.
_LARGEST_BUDGET = 65_536
_PER_CALL = ("k", "budget", "pattern", "filters")


class PatternRetriever(BaseRetriever):
    """A pattern on an index as a LangChain retriever.

    Each document's `page_content` is a run of its source's text. Its metadata is the source's
    as it was handed in; `metadata["advanced_rag"]` says which run it is and how it was found:
    `source`, `document_id`, `title`, `start`, `end` (characters), `pages` (of a PDF), `score`,
    `level` (0 is the root's), `leaves`, `tokens`, `number` and `reason`.

    LangChain models that judge are called as child runs of the retriever's: callbacks, tags
    and metadata of `invoke`'s config reach them.

    `invoke(question, k=3)` and `invoke(question, budget=512)` change them for a call.

    Args:
        index: where to search
        pattern: `regular`, `parent`, or a combination; by default the settings'
        budget: cl100k tokens of context; by default the settings', or what `k` takes
        k: documents to return, at most; by default as many as fill the budget. A pattern that
            compresses may leave fewer.
        filters: on documents' metadata, LlamaIndex's, Qdrant's or LangChain's
        options: further options of `HierarchicalIndex.retrieve`, such as `{"search": "dense"}`
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    index: HierarchicalIndex = Field(exclude=True, repr=False)
    pattern: str | None = None
    budget: int | None = None
    k: int | None = None
    filters: Any = None
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _checked(cls, given: Any) -> Any:
        """Refuse what no call could be served with, in one line."""
        if not isinstance(given, dict):
            return given
        if not isinstance(given.get("index"), HierarchicalIndex):
            raise SettingsError(f"{cls.__name__} needs an index: index=HierarchicalIndex.open(…)")
        return cls._fields(given)

    @classmethod
    def _fields(cls, given: dict[str, Any]) -> dict[str, Any]:
        """What is said of fields; a name that is none is refused, and not passed over."""
        if unknown := sorted(given.keys() - cls.model_fields.keys()):
            raise SettingsError(
                f"{cls.__name__} takes k, budget, pattern, filters and options, not {unknown[0]}"
            )
        _check(given)
        return given

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields changed.

        Raises:
            SettingsError: there is no such field, or no call could be served with its value
        """
        return super().model_copy(update=self._fields(dict(update or {})), deep=deep)

    def copy(self, **changed: Any) -> Self:
        """The same, by its old name."""
        changed["update"] = self._fields(dict(changed.get("update") or {}))
        return super().copy(**changed)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        asked = self._asked(kwargs)

        def retrieve() -> list[Document]:
            while True:
                contexts, _ = self.index.retrieve(query, **asked.options)
                if asked.satisfied(contexts):
                    return asked.documents(contexts)

        return within(run_manager.get_child(), retrieve)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        asked = self._asked(kwargs)

        async def retrieve() -> list[Document]:
            while True:
                contexts, _ = await self.index.aretrieve(query, **asked.options)
                if asked.satisfied(contexts):
                    return asked.documents(contexts)

        return await awithin(run_manager.get_child(), retrieve)

    def _asked(self, changed: dict[str, Any]) -> "_Asked":
        # LangChain passes what its own runs need along with what was asked for.
        unknown = sorted(changed.keys() - {*_PER_CALL, "verbose"})
        if unknown:
            raise SettingsError(
                f"a retriever's call takes k, budget, pattern and filters, not {unknown[0]}"
            )
        given = {name: getattr(self, name) for name in _PER_CALL} | changed
        _check(given)
        k, budget = given["k"], given["budget"]
        pattern = find_pattern(given["pattern"] or self.index.settings.pattern)
        options = {**self.options, "pattern": pattern.name, "filters": given["filters"]}
        if k is not None and budget is None and pattern.method == "whole":
            return _Asked(k, {**options, "parents": k}, grows=False)
        # Not where a model is asked each time.
        grows = budget is None and not pattern.postprocessors
        budget = budget if budget is not None else self.index.budget
        return _Asked(k, {**options, "budget": budget}, grows=grows)


def _check(given: Mapping[str, Any]) -> None:
    """Refuse values that no index takes; `given` may be what is changed for one call."""
    if given.get("pattern") is not None:
        find_pattern(given["pattern"])
    k = given.get("k")
    if k is not None and (not isinstance(k, int) or isinstance(k, bool) or k < 1):
        raise SettingsError(f"k={k!r}: give the number of documents, 1 or more")
    options = given.get("options", {})
    if not isinstance(options, Mapping):
        raise SettingsError(f"options={options!r}: give a dictionary, like {{'search': 'dense'}}")
    checked = {name: given.get(name) for name in ("budget", "filters")}
    checked_options(RetrievalOptions, {**options, **checked})


class _Asked:
    """One call: as many passages as were asked for, from as large a budget as it takes."""

    def __init__(self, k: int | None, options: dict[str, Any], *, grows: bool) -> None:
        self.k = k
        self.options = options
        self._grows = grows
        self._before = -1

    def satisfied(self, contexts: Sequence[Context]) -> bool:
        """Whether these are enough; if not, `options` ask for more."""
        tokens = sum(context.tokens for context in contexts)
        enough = self.k is None or len(passages_of(contexts)) >= self.k
        if enough or not contexts or not self._grows or tokens == self._before:
            return True
        if self.options["budget"] >= _LARGEST_BUDGET:
            return True
        self._before = tokens
        self.options["budget"] *= 2
        return False

    def documents(self, contexts: Sequence[Context]) -> list[Document]:
        """The first `k` passages of them, a document each."""
        passages = list(passages_of(contexts).values())
        return [to_langchain(passage) for passage in passages[: self.k]]
