"""A stored document by what a person calls it: its id, its source, or its file's name."""

from indexes.errors import DocumentError
from indexes.store.nodes import TreeStore
from indexes.store.points import Manifest

_MOST_NAMED = 5


def document_named(store: TreeStore, name: str) -> Manifest:
    """The one document that goes by a name.

    Raises:
        DocumentError: none does, or more than one.
    """
    found = store.named(name) if store.exists() else []
    if len(found) == 1:
        return found[0]
    if not found:
        raise DocumentError(
            f"no document is called {name!r}: `advanced-rag documents` lists names and ids"
        )
    ids = ", ".join(manifest.document_id for manifest in found[:_MOST_NAMED])
    more = ", …" if len(found) > _MOST_NAMED else ""
    raise DocumentError(
        f"{len(found)} documents are called {name!r}: name one by its id ({ids}{more})"
    )
