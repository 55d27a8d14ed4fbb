"""LangChain's and LlamaIndex's own retrievers, and HiChunk's rule, beside our patterns.

peer_names()                                  those whose packages are installed
peer = open_peer("langchain-parent", index)
contexts, trace = peer.retrieve("…", budget=1024)
"""

from importlib import import_module
from importlib.util import find_spec

from indexes.errors import SettingsError
from indexes.evaluation.peers.base import Only, Peer
from indexes.evaluation.peers.settings import PEERS, PeerSettings
from indexes.extras import install
from indexes.index import HierarchicalIndex

__all__ = ["Only", "Peer", "PeerSettings", "describe_peer", "open_peer", "peer_names"]

_NEEDED = {
    "LangChain": (
        "langchain_classic",
        "langchain_community",
        "langchain_qdrant",
        "langchain_text_splitters",
    ),
    "LlamaIndex": ("llama_index.vector_stores.qdrant",),
    "HiChunk": (),
}


def peer_names() -> list[str]:
    """The peers that can be opened here; none where the extra `evaluation` is missing.

    Nothing of the other framework is imported yet.
    """
    ready = {name for name, needed in _NEEDED.items() if all(map(_installed, needed))}
    return [peer.name for peer in PEERS if peer.framework in ready]


def describe_peer(name: str) -> PeerSettings:
    """How a peer is set up.

    Raises:
        SettingsError: there is none of that name, or its packages are not installed.
    """
    names = peer_names()
    found = next((peer for peer in PEERS if peer.name == name), None)
    if found is None:
        known = ", ".join(names or (peer.name for peer in PEERS))
        raise SettingsError(f"no peer is called {name!r}: choose one of {known}")
    if name not in names:
        raise SettingsError(
            f"{name} needs packages that are not installed: {install('evaluation')}"
        )
    return found


def open_peer(name: str, index: HierarchicalIndex, *, only: Only = lambda _: True) -> Peer:
    """A peer on an index's documents, engine and models; nothing is embedded yet.

    Args:
        name: one of `peer_names`
        index: whose documents and models
        only: which of its documents the peer may hold

    Raises:
        SettingsError: there is none of that name, or its packages are not installed.
    """
    settings = describe_peer(name)
    module, kind = settings.kind.split(":")
    peer: Peer = getattr(import_module(f"{__name__}.{module}"), kind)(settings, index, only)
    return peer


def _installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False
