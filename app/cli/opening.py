"""An index opened for a command, or only its store.

Importing the library takes seconds, which `--help` and a mistyped option need not wait for; and
what looks at the store alone needs neither models nor LlamaIndex.
"""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from indexes import HierarchicalIndex, Settings
    from indexes.store.nodes import TreeStore
    from indexes.store.server import ServerParameters


@contextmanager
def opened(**settings: Any) -> "Iterator[HierarchicalIndex]":
    """The index of the settings; closed behind the block."""
    from indexes import HierarchicalIndex, load_settings

    with HierarchicalIndex(load_settings(**settings)) as index:
        yield index


@contextmanager
def stored(**settings: Any) -> "Iterator[TreeStore]":
    """The store of the settings, without models; closed behind the block."""
    from indexes import load_settings
    from indexes.store.server import server_parameters

    loaded = load_settings(**settings)
    with store_of(loaded, loaded.qdrant_api_key, server_parameters(loaded)) as store:
        # A server is asked at once whether the collection is there, and we may.
        store.exists()
        yield store


@contextmanager
def store_of(
    settings: "Settings", api_key: "SecretStr | None", parameters: "ServerParameters"
) -> "Iterator[TreeStore]":
    """The store that settings name, opened with a key that need not be theirs."""
    from indexes.store.connect import connect
    from indexes.store.nodes import TreeStore

    with connect(settings.index, api_key=api_key, ways=parameters.ways) as engine:
        yield TreeStore(engine, settings.collection, parameters)
