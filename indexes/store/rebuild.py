"""A new collection from what can still be read of a damaged one, in its place.

    report = rebuild(store, default=fingerprint, embedding=model)

In a folder a copy of the files is read by a process of its own, and the new collection takes the
old one's place in one step; until then nothing is changed. On a server see `rebuild_served`.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from indexes.beside.spool import Spool
from indexes.disks import explained
from indexes.errors import DiskError
from indexes.progress import OnProgress
from indexes.store.connect import connect
from indexes.store.edge.folder import WORK, open_folder, release
from indexes.store.edge.salvage import salvage
from indexes.store.nodes import TreeStore
from indexes.store.points import Fingerprint
from indexes.store.rebuild_served import rebuild_served
from indexes.store.restoring import RebuildReport, Restoring

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding


def rebuild(
    store: TreeStore,
    *,
    default: Callable[[], Fingerprint],
    embedding: "Callable[[], BaseEmbedding]",
    export: Path | None = None,
    on_progress: OnProgress = lambda _: None,
) -> RebuildReport:
    """Make a collection anew.

    Args:
        store: the collection; nobody may write to it meanwhile.
        default: what a new collection would be made with, if that of the old can't be read.
        embedding: gives the model that made the vectors; asked for only if some are missing.
        export: a file that `export` wrote; what can't be read is taken from it.
        on_progress: called with each document that is dealt with.

    Raises:
        StoreLockedError: another process has the folder open.
        StoreError: there is no such collection, nothing of it can be read, or there is no room.
            The collection is as it was.
        IndexMismatchError: the embedding model is another than the collection's.
    """
    doing = f"cannot rebuild {store.collection!r} in {store.engine.address}"
    run = _in_folder if store.engine.embedded else rebuild_served

    def restoring(spool: Spool) -> Restoring:
        return Restoring(spool, default, embedding, on_progress)

    try:
        with store.writing():
            return run(store, restoring, export)
    except OSError as error:
        raise DiskError(explained(doing, error, "make room, and run it again")) from error
    except sqlite3.Error as error:
        raise DiskError(f"{doing} ({error}): make room, and run it again") from error
    finally:
        store.forget()


def _in_folder(
    store: TreeStore, restoring: Callable[[Spool], Restoring], export: Path | None
) -> RebuildReport:
    name = store.collection
    folder = open_folder(Path(store.engine.address))
    try:
        place = folder.let_go(name)
        work = Path(tempfile.mkdtemp(prefix=WORK, dir=folder.path))
        try:
            made = work / "new"
            with Spool(salvage(place, work)) as spool, connect(str(made)) as engine:
                new = TreeStore(engine, name, store.server)
                run = restoring(spool)
                run.prepare(new, export)
                report = run.write(new, export)
            kept = folder.replace(name, made / "collections" / name, keep=bool(report.lost))
            report.kept = str(kept or "")
        finally:
            shutil.rmtree(work, ignore_errors=True)
    finally:
        release(folder)
    return report
