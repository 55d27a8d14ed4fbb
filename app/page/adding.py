"""What adding an uploaded file takes, apart from whose turn it is."""

import asyncio
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from indexes import IngestReport
from indexes.progress import OnProgress

from .uploads import Turn

if TYPE_CHECKING:
    from llama_index.core.schema import Document

    from indexes import HierarchicalIndex

_IDS = uuid.UUID("4d7f0e31-8d5c-4bb2-9f0a-6a3b8a8f5a0e")
# How often it is looked whether someone has cancelled.
_SECONDS_BETWEEN_LOOKS = 0.2


def ingested(
    index: "HierarchicalIndex",
    document: "Document",
    on_progress: OnProgress,
    turn: Turn,
) -> IngestReport | None:
    """Ingest a document; None if it was cancelled meanwhile."""

    async def work() -> IngestReport | None:
        adding = asyncio.ensure_future(index.aingest([document], on_progress=on_progress))
        while not adding.done():
            if turn.cancelled.is_set():
                adding.cancel()
            await asyncio.wait({adding}, timeout=_SECONDS_BETWEEN_LOOKS)
        return None if adding.cancelled() else adding.result()

    return asyncio.run(work())


def owned(document: "Document", visitor: str) -> "Document":
    """The same document as a visitor's own: it replaces nobody else's of that name."""
    from indexes.namespace import OURS, ours

    about = ours(document.metadata)
    name = f"{visitor}/{about['source']}"
    owned = {**document.metadata, OURS: {**about, "owner": visitor}}
    return document.model_copy(update={"id_": str(uuid.uuid5(_IDS, name)), "metadata": owned})


def reason_of(why: str, file: Path) -> str:
    """The message without the file's name and the folder that uploads are kept in."""
    bare = why.removeprefix(f"{file}: ").removeprefix(f"{file.name}: ")
    return bare.replace(f"{file.parent}/", "")
