"""LangChain's and LlamaIndex's own retrievers as lanes, where their packages are installed.

They keep collections of their own beside the index's, filled when they are first asked. Those
know nothing of visitors: so peers are shown the server's documents only, and no visitor's.
"""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from indexes import Context, HierarchicalIndex, Trace
    from indexes.evaluation.peers import Peer
    from indexes.store.points import Manifest

# Of the many that evaluation compares, those that stand for something here.
_OFFERED = (
    "langchain-regular",
    "langchain-parent",
    "langchain-extract",
    "langchain-filter",
    "llamaindex-auto-merging",
)


class Peers:
    """The peers of an index. Thread-safe.

    Args:
        index: whose documents and models.
    """

    def __init__(self, index: "HierarchicalIndex") -> None:
        self._index = cast("HierarchicalIndex", _ServersDocuments(index))
        self._local = index.settings.provider == "local"
        self._open: dict[str, Peer] = {}
        self._lock = threading.Lock()

    def offered(self) -> Sequence[tuple[str, str, str]]:
        """Name, summary and counterpart of each that can be asked here.

        Those that ask a language model to judge are left out where the model is `local`'s,
        which can't.
        """
        from indexes.evaluation.peers import describe_peer, peer_names

        found = [describe_peer(name) for name in peer_names() if name in _OFFERED]
        return [
            (peer.name, f"{peer.framework}: {peer.summary}", peer.what)
            for peer in found
            if not (peer.uses_llm and self._local)
        ]

    async def aretrieve(
        self, name: str, question: str, budget: int
    ) -> "tuple[list[Context], Trace]":
        """What a peer finds, in a thread: stopping waits for none of it.

        Raises:
            RagError: the peer cannot be opened, or fails.
        """
        from indexes.evaluation.peers import open_peer

        with self._lock:
            if name not in self._open:
                self._open[name] = open_peer(name, self._index)
            peer = self._open[name]
        return await peer.aretrieve(question, budget=budget)


class _ServersDocuments:
    """An index that lists the server's documents only."""

    def __init__(self, index: "HierarchicalIndex") -> None:
        self._index = index

    def documents(self) -> "list[Manifest]":
        return [found for found in self._index.documents() if not found.owner]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)
