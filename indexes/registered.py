"""A pattern that a user registered, as a LlamaIndex retriever; see `register_pattern`."""

import asyncio
import inspect
from collections.abc import Awaitable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle, TextNode

from indexes.errors import RagError, SettingsError
from indexes.parameters import call, parameters
from indexes.patterns import PATTERN_PARAMETERS, Pattern, is_retriever
from indexes.trace import stage

if TYPE_CHECKING:
    from indexes.retrievable import Retrievable


class RegisteredRetriever(BaseRetriever):
    """Asks what was registered, and takes whatever the frameworks call a passage.

    Args:
        pattern: the pattern
        index: the index that was asked
        budget: cl100k tokens that are to be filled
        filters: on documents' metadata; refused where the function doesn't take them

    Raises:
        SettingsError: filters are given to what takes none
    """

    def __init__(self, pattern: Pattern, index: "Retrievable", budget: int, filters: Any) -> None:
        super().__init__()
        self._source = pattern.source
        self._what = f"pattern {pattern.name!r}"
        self._index = index
        self._budget = budget
        self._filters = filters
        takes: list[str] = []
        if not is_retriever(self._source):
            takes = parameters(self._source, PATTERN_PARAMETERS, self._what)
        if filters is not None and "filters" not in takes:
            raise SettingsError(
                f"{self._what} takes no filters: give its function a parameter called filters"
            )

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        with stage("retrieve") as record:
            try:
                found = self._given(query_bundle)
                if inspect.isawaitable(found):
                    found = _waited_for(found)
                if is_retriever(found):
                    ours = hasattr(found, "retrieve")
                    found = (
                        found.retrieve(query_bundle)
                        if ours
                        else found.invoke(query_bundle.query_str)
                    )
            except RagError:
                raise
            except Exception as error:
                raise self._failed(error) from error
            nodes = self._nodes(found)
            record.nodes_out = len(nodes)
        return nodes

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        with stage("retrieve") as record:
            try:
                # A function that is not async may take its time: not on the event loop.
                found = await asyncio.to_thread(self._given, query_bundle)
                if inspect.isawaitable(found):
                    found = await found
                if is_retriever(found):
                    ours = hasattr(found, "aretrieve")
                    found = await (
                        found.aretrieve(query_bundle)
                        if ours
                        else found.ainvoke(query_bundle.query_str)
                    )
            except RagError:
                raise
            except Exception as error:
                raise self._failed(error) from error
            nodes = self._nodes(found)
            record.nodes_out = len(nodes)
        return nodes

    def _given(self, question: QueryBundle) -> Any:
        """What was registered, or what its function returns."""
        if is_retriever(self._source):
            return self._source
        offered = {
            "question": lambda: question.query_str,
            "index": lambda: self._index,
            "budget": lambda: self._budget,
            "filters": lambda: self._filters,
        }
        return call(self._source, offered, self._what)

    def _failed(self, error: Exception) -> RagError:
        said = " ".join(str(error).split())[:200]
        failed = RagError(
            f"{self._what} failed ({type(error).__name__}: {said}): correct its function"
        )
        failed.repeats = True
        return failed

    def _nodes(self, found: Any) -> list[NodeWithScore]:
        if isinstance(found, str | Mapping) or not isinstance(found, Iterable):
            raise self._unreadable(found)
        return [self._node(one) for one in found]

    def _node(self, found: Any) -> NodeWithScore:
        if isinstance(found, NodeWithScore):
            return found
        if isinstance(found, BaseNode):
            return NodeWithScore(node=found)
        if isinstance(found, str):
            return NodeWithScore(node=TextNode(text=found))
        text = getattr(found, "page_content", None)
        if not isinstance(text, str):
            raise self._unreadable(found)
        node = TextNode(text=text, metadata=dict(getattr(found, "metadata", None) or {}))
        if identity := getattr(found, "id", None):
            node.id_ = str(identity)
        return NodeWithScore(node=node)

    def _unreadable(self, found: Any) -> SettingsError:
        return SettingsError(
            f"{self._what} gave a {type(found).__name__}: its function returns a list of nodes, "
            "documents or texts, or a retriever"
        )


def _waited_for(found: Awaitable[Any]) -> Any:
    """The result of an async function, for a caller that isn't, wherever that runs."""

    async def wait() -> Any:
        return await found

    with ThreadPoolExecutor(1, "pattern") as thread:
        return thread.submit(copy_context().run, asyncio.run, wait()).result()
