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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexes import DocumentError, RagError, SettingsError
from indexes.outline import Outline
from indexes.progress import Progress

from .adding import ingested, owned, reason_of
from .opening import Opening
from .originals import Originals
from .receiving import delete_files
from .uploads import MOST_FILES, CancelledUploadError, Line, Turn, Upload
from .view import UNEXPECTED, one_line

if TYPE_CHECKING:
    from llama_index.core.schema import Document

    from indexes import HierarchicalIndex
    from indexes.evaluation.questions import Reference
    from indexes.store.points import Manifest

logger = logging.getLogger(__name__)


_OWNER_PATH = "owner"

MOST_DOCUMENTS = 50
# On a server other pages may have visitors too: only what is surely left behind goes.
_LEFT_BEHIND = timedelta(days=1)
# How often it is looked whether someone has cancelled.
_SECONDS_BETWEEN_LOOKS = 0.2
# Leaves of a document that are shown at once.
_MOST_LEAVES = 2000
ALL_LEAVES = 10**9


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
    """The documents, and who may see which. Thread-safe. With `shared`, visitors share uploads."""

    def __init__(self, opening: Opening, *, shared: bool = False) -> None:
        self.opening = opening
        self.shared = shared
        self.originals = Originals(opening.paths)
        self._writing = threading.Lock()
        self._line = Line()
        self._swept = False
        # Visitors who added something.
        self._owners: set[str] = set()
        # Whether a document of an earlier visitor may be in the index. An embedded one belongs to
        # this process, so after a sweep there is none.
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
        # Where visitors are kept apart, one may add a document between now and the search.
        if self.shared and not self._private:
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

    def texts(self, visitor: str, names: set[str]) -> dict[str, str]:
        """The texts of documents by source, of those that the visitor sees."""
        return {
            found.source: self.outline(visitor, found.document_id, ALL_LEAVES).text(
                0, found.characters
            )
            for found in (self.documents(visitor) if names else ())
            if found.source in names
        }

    def words(self, visitor: str, places: "Sequence[Reference]") -> tuple[str, ...]:
        """What stands at places of documents; nothing where the visitor sees no such document."""
        try:
            ids = {found.source: found.document_id for found in self.documents(visitor)}
            read = {
                name: self.outline(visitor, ids[name], ALL_LEAVES)
                for name in {place.document for place in places} & ids.keys()
            }
        except RagError as error:
            logger.warning("evidence is shown without its words: %s", error)
            read = {}
        return tuple(
            read[place.document].text(place.start, place.end) if place.document in read else ""
            for place in places
        )

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
            SettingsError: too many files or uploads, or no visitor to whom they could belong.
        """
        files = [Path(path) for path in paths]
        try:
            self._admit(visitor, files)
            turn = self._line.join(visitor)
        except RagError:
            delete_files(files)
            raise
        uploads = [Upload(file.name) for file in files]
        yield list(uploads)
        told: queue.SimpleQueue[tuple[int, Upload] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, args=(turn, files, ocr, told), daemon=True).start()
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

    def cancel(self, visitor: str) -> int:
        """End all that a visitor is adding, before it is stored; returns how many uploads."""
        return self._line.cancel(visitor)

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
        turn: Turn,
        files: list[Path],
        ocr: bool,
        told: "queue.SimpleQueue[tuple[int, Upload] | None]",
    ) -> None:
        try:
            self._wait(turn, files, told)
            index = self.index()
            for place, file in enumerate(files):
                upload = Upload(file.name, "waiting")
                try:
                    turn.check()
                    # Ingestion tidies up what a crash left, which looks just like work going on.
                    with self._writing:
                        upload = self._index(index, turn, file, ocr, place, told)
                except CancelledUploadError:
                    upload = replace(upload, phase="cancelled")
                except RagError as error:
                    reason = one_line(error)
                    upload = replace(upload, phase="failed", reason=reason_of(reason, file))
                except Exception:  # the next file is added all the same
                    logger.exception("an upload failed")
                    upload = replace(upload, phase="failed", reason=UNEXPECTED)
                delete_files([file])
                told.put((place, upload))
        finally:
            self._line.leave(turn)
            delete_files(files)
            told.put(None)

    @staticmethod
    def _wait(
        turn: Turn, files: list[Path], told: "queue.SimpleQueue[tuple[int, Upload] | None]"
    ) -> None:
        """Wait for an upload's turn, and tell how many come first."""
        before = 0
        while (ahead := turn.ahead) and not turn.cancelled.is_set():
            if ahead != before:
                told.put((0, Upload(files[0].name, ahead=ahead)))
            before = ahead
            turn.wait(_SECONDS_BETWEEN_LOOKS)

    def _index(
        self,
        index: "HierarchicalIndex",
        turn: Turn,
        file: Path,
        ocr: bool,
        place: int,
        told: "queue.SimpleQueue[tuple[int, Upload] | None]",
    ) -> Upload:
        upload = Upload(file.name, "reading")
        told.put((place, upload))

        def tell_page(step: Progress) -> None:
            turn.check()
            told.put((place, replace(upload, done=step.done, total=step.known)))

        document = index.load(file, ocr=ocr, on_progress=tell_page)
        turn.check()
        if not self.shared:
            document = owned(document, turn.visitor)
            self._owners.add(turn.visitor)
        twin = self._twin(document, turn.visitor)

        def tell(step: Progress) -> None:
            nonlocal upload
            upload = replace(upload, phase="indexing", done=step.done, total=step.known)
            told.put((place, upload))

        new = index.store.manifest(document.id_) is None
        report = ingested(index, document, tell, turn)
        if report is None:
            # Of a new document nothing is left; of one that changed, what it was before.
            if new:
                index.store.remove(document.id_)
            raise CancelledUploadError
        if report.failed:
            raise DocumentError(report.failed[0][1])
        if not report.unchanged:
            self.originals.keep(document.id_, file)
        phase: Any = "added" if report.added else "updated" if report.updated else "unchanged"
        problems = [line for read in report.reports.values() for line in read.problems]
        if twin and phase != "unchanged":
            problems.append(f"it has the same content as {twin}, which is here already")
        return replace(upload, phase=phase, problems=tuple(problems))

    def _twin(self, document: "Document", visitor: str) -> str:
        """The name of another document with the same content, if the visitor sees one."""
        from indexes.namespace import ours

        digest = ours(document.metadata).get("file_digest")
        return next(
            (
                found.source
                for found in self.documents(visitor)
                if found.about.get("file_digest") == digest and found.document_id != document.id_
            ),
            "",
        )


def _shown(manifest: "Manifest", visitor: str) -> bool:
    return manifest.owner in ("", visitor)
