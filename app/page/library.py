"""The documents as one visitor sees them: the server's, and the visitor's own.

All of the page's access to the index goes through here, since here is where visitors are kept
apart. A visitor's documents carry its key in their metadata, every search is filtered by it,
and what is not shown cannot be outlined or deleted either. They go with the visitor; what a
crash left behind goes when the page starts again.
"""

import asyncio
import logging
import queue
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from indexes import DocumentError, RagError, SettingsError
from indexes.outline import Outline
from indexes.progress import Progress

from .opening import Opening
from .originals import Originals
from .view import UNEXPECTED, one_line

if TYPE_CHECKING:
    from llama_index.core.schema import Document

    from indexes import HierarchicalIndex
    from indexes.store.points import Manifest

logger = logging.getLogger(__name__)


_OWNER_PATH = "owner"
_IDS = uuid.UUID("4d7f0e31-8d5c-4bb2-9f0a-6a3b8a8f5a0e")

MOST_FILES = 20
MOST_DOCUMENTS = 50
# On a server other pages may have visitors too: only what is surely left behind goes.
_LEFT_BEHIND = timedelta(days=1)
# Leaves of a document that are shown at once.
_MOST_LEAVES = 2000


@dataclass(frozen=True)
class Upload:
    """How far one file is.

    Attributes:
        name: the file's.
        phase: `waiting`, `reading`, `indexing`, then `added`, `updated`, `unchanged` or `failed`.
        done: pages read; while indexing, chunks stored.
        total: pages to read, if it has any; then chunks to store.
        reason: why it failed.
        problems: what of it could not be read, though it was added.
    """

    name: str
    phase: Literal["waiting", "reading", "indexing", "added", "updated", "unchanged", "failed"] = (
        "waiting"
    )
    done: int = 0
    total: int = 0
    reason: str = ""
    problems: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.phase in ("added", "updated", "unchanged", "failed")


@dataclass(frozen=True)
class Indexing:
    """How far the documents are that the page was started with.

    Attributes:
        done: how many are in.
        known: how many there are.
        next: the first that isn't in yet.
    """

    done: int
    known: int
    next: str

    def __str__(self) -> str:
        return f"{self.done:,} of {self.known:,} documents are in"


class Library:
    """Documents and who may see them. Thread-safe.

    Args:
        opening: where they are.
        shared: visitors share what they add.
    """

    def __init__(self, opening: Opening, *, shared: bool = False) -> None:
        self.opening = opening
        self.shared = shared
        self.originals = Originals(opening.paths)
        self._writing = threading.Lock()
        self._swept = False
        # Visitors who added something.
        self._owners: set[str] = set()
        # Whether a document of a visitor may be in the index. An embedded one belongs to this
        # process, so after a sweep there is none until someone adds one.
        self._private = True

    def index(self) -> "HierarchicalIndex":
        """The index, once it is open, without what visitors of an earlier page left behind."""
        index = self.opening.wait()
        if not self._swept:  # else nobody who reads would have to wait for who writes
            with self._writing:
                if not self._swept:
                    self._sweep(index)
                    self._swept = True
        return index

    # Reading

    def documents(self, visitor: str) -> "list[Manifest]":
        """What a visitor sees, by title."""
        return [found for found in self.index().documents() if _shown(found, visitor)]

    def indexing(self) -> Indexing | None:
        """What of the page's own documents is still to come; None if nothing is."""
        if self.opening.prepared or not (names := self.originals.names()):
            return None
        there = {found.source for found in self.documents("")}
        missing = sorted(names - there)
        if not missing:
            return None
        return Indexing(len(names) - len(missing), len(names), missing[0])

    async def options(self, visitor: str) -> dict[str, Any]:
        """What keeps a search to what a visitor sees."""
        if not self._swept:
            await asyncio.to_thread(self.index)
        if not self._private:
            return {}
        from qdrant_client import models

        others = models.FieldCondition(
            key=_OWNER_PATH, match=models.MatchExcept(**{"except": [visitor]})
        )
        return {"filters": models.Filter(must_not=[others])}

    def outline(self, visitor: str, document_id: str, most: int = _MOST_LEAVES) -> Outline:
        """A document as it was cut into a tree; of a longer one, the first `most` leaves.

        Raises:
            DocumentError: there is none, or it is not the visitor's to see.
        """
        found = self.index().outline(document_id, most=most)
        if not _shown(found.manifest, visitor):
            raise DocumentError("this document is not here any more")
        return found

    def may_delete(self, manifest: "Manifest", visitor: str) -> bool:
        """Whether a document is the visitor's to delete."""
        return manifest.owner == visitor if manifest.owner else self.shared

    # Writing

    def add(
        self, visitor: str, paths: Sequence[str | Path], *, ocr: bool = False
    ) -> Iterator[list[Upload]]:
        """Index uploaded files one by one; they are deleted afterwards, whatever comes of it.

        The work is done in a thread of its own: a visitor who closes the page meanwhile must
        not leave a document half done.

        Args:
            visitor: whose they are
            paths: the files
            ocr: whether the text of scanned pages is to be recognised

        Yields:
            All files, each time that one of them gets on.

        Raises:
            SettingsError: too many files, or no visitor to whom they could belong.
        """
        files = [Path(path) for path in paths]
        try:
            self._admit(visitor, files)
        except RagError:
            _delete(files)
            raise
        uploads = [Upload(file.name) for file in files]
        yield list(uploads)
        told: queue.SimpleQueue[tuple[int, Upload] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, args=(visitor, files, ocr, told), daemon=True).start()
        news = told.get()
        while news is not None:
            place, uploads[place] = news
            if told.empty():
                yield list(uploads)
                news = told.get()
                continue
            # Of what piled up meanwhile only the latest figures of each phase matter.
            later = told.get()
            if later is None or (later[0], later[1].phase) != (place, news[1].phase):
                yield list(uploads)
            news = later

    def remove(self, visitor: str, document_id: str) -> "Manifest":
        """Delete a document.

        Raises:
            DocumentError: there is none, or it is not the visitor's to delete.
        """
        for manifest in self.documents(visitor):
            if manifest.document_id == document_id:
                if not self.may_delete(manifest, visitor):
                    raise DocumentError(
                        f"{manifest.title or manifest.source} belongs to the server: "
                        "`advanced-rag remove` deletes it"
                    )
                index = self.index()
                with self._writing:
                    index.store.remove(document_id)
                self.originals.drop(document_id)
                return manifest
        raise DocumentError("this document is not here any more")

    def keeps(self, visitor: str) -> bool:
        """Whether a visitor may have documents here."""
        return visitor in self._owners

    def forget(self, visitor: str) -> int:
        """Delete all documents of a visitor who is gone; returns how many there were."""
        if visitor not in self._owners:
            return 0
        self._owners.discard(visitor)
        index = self.index()
        with self._writing:
            return self._delete_those(index, lambda found: found.owner == visitor)

    def _sweep(self, index: "HierarchicalIndex") -> None:
        """Delete what visitors left behind, as far as it is surely that."""
        embedded = index.engine.embedded
        latest = (datetime.now(UTC) - _LEFT_BEHIND).isoformat()
        self._delete_those(
            index,
            lambda found: bool(found.owner) and (embedded or found.ingested_at < latest),
        )
        self._private = not embedded

    def _delete_those(self, index: "HierarchicalIndex", which: "Callable[[Manifest], bool]") -> int:
        gone = [manifest for manifest in index.documents() if which(manifest)]
        for manifest in gone:
            index.store.remove(manifest.document_id)
            self.originals.drop(manifest.document_id)
        return len(gone)

    def _admit(self, visitor: str, files: Sequence[Path]) -> None:
        if not self.shared and not visitor:
            raise SettingsError("uploads need a cookie to belong to someone: allow it, and reload")
        if len(files) > MOST_FILES:
            raise SettingsError(f"that is {len(files)} files: add at most {MOST_FILES} at a time")
        if not self.shared:
            own = sum(bool(manifest.owner) for manifest in self.documents(visitor))
            if own + len(files) > MOST_DOCUMENTS:
                raise SettingsError(
                    f"that would be more than {MOST_DOCUMENTS} documents of yours: delete some"
                )

    def _work(
        self,
        visitor: str,
        files: list[Path],
        ocr: bool,
        told: "queue.SimpleQueue[tuple[int, Upload] | None]",
    ) -> None:
        try:
            index = self.index()
            for place, file in enumerate(files):
                upload = Upload(file.name, "waiting")
                try:
                    # Ingestion tidies up what a crash left, which looks just like work going on.
                    with self._writing:
                        upload = self._index(index, visitor, file, ocr, place, told)
                except RagError as error:
                    reason = one_line(error)
                    upload = replace(upload, phase="failed", reason=_reason(reason, file))
                except Exception:
                    logger.exception("an upload failed")
                    upload = replace(upload, phase="failed", reason=UNEXPECTED)
                _delete([file])
                told.put((place, upload))
        finally:
            _delete(files)
            told.put(None)

    def _index(
        self,
        index: "HierarchicalIndex",
        visitor: str,
        file: Path,
        ocr: bool,
        place: int,
        told: "queue.SimpleQueue[tuple[int, Upload] | None]",
    ) -> Upload:
        upload = Upload(file.name, "reading")
        told.put((place, upload))

        def tell_page(step: Progress) -> None:
            told.put((place, replace(upload, done=step.done, total=step.known)))

        document = index.load(file, ocr=ocr, on_progress=tell_page)
        if not self.shared:
            document = _owned(document, visitor)
            self._private = True
            self._owners.add(visitor)

        def tell(step: Progress) -> None:
            nonlocal upload
            upload = replace(upload, phase="indexing", done=step.done, total=step.known)
            told.put((place, upload))

        report = index.ingest([document], on_progress=tell)
        if report.failed:
            raise DocumentError(report.failed[0][1])
        if not report.unchanged:
            self.originals.keep(document.id_, file)
        phase: Any = "added" if report.added else "updated" if report.updated else "unchanged"
        problems = [line for read in report.reports.values() for line in read.problems]
        return replace(upload, phase=phase, problems=tuple(problems))


def _shown(manifest: "Manifest", visitor: str) -> bool:
    return manifest.owner in ("", visitor)


def _owned(document: "Document", visitor: str) -> "Document":
    """The same document as a visitor's own: it replaces nobody else's of that name."""
    from indexes.namespace import OURS, ours

    about = ours(document.metadata)
    name = f"{visitor}/{about['source']}"
    owned = {**document.metadata, OURS: {**about, "owner": visitor}}
    return document.model_copy(update={"id_": str(uuid.uuid5(_IDS, name)), "metadata": owned})


def _reason(why: str, file: Path) -> str:
    """The message without the file's name and the folder that uploads are kept in."""
    bare = why.removeprefix(f"{file}: ").removeprefix(f"{file.name}: ")
    return bare.replace(f"{file.parent}/", "")


def _delete(files: Sequence[Path]) -> None:
    for file in files:
        with suppress(OSError):
            file.unlink()
