"""Adding uploaded files to the index, with progress. No Gradio here.

The work is done in a thread of its own: a visitor who closes the page while a document is
being indexed must not leave it half done.
"""

import logging
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from app.page.opening import Opening
from indexes.errors import RagError
from indexes.progress import IngestReport, Progress

logger = logging.getLogger(__name__)

UNEXPECTED = "Something went wrong on our side. It is in the server's log."


@dataclass(frozen=True)
class Upload:
    """How far an upload is.

    Attributes:
        phase: `waiting` for an earlier one, `reading`, then `done` or `failed`.
        total: files.
        document: the one being indexed.
        chunks_done: chunks stored.
        chunks_known: chunks of the documents read so far.
        added: documents that are new.
        updated: documents that replaced an older version.
        unchanged: documents that were there already.
        failed: names of files that could not be read, and why.
        seconds: how long it took.
        error: what stopped it altogether.
    """

    phase: Literal["idle", "waiting", "reading", "done", "failed"] = "idle"
    total: int = 0
    document: str = ""
    chunks_done: int = 0
    chunks_known: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    error: str = ""


class Uploads:
    """Writes to one index, one visitor at a time."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._lock = threading.Lock()

    def add(self, paths: Sequence[str | Path]) -> Iterator[Upload]:
        """Index uploaded files; they are deleted afterwards, whatever comes of it."""
        files = [Path(path) for path in paths]
        upload = Upload("waiting", len(files))
        yield upload
        told: queue.SimpleQueue[Progress | IngestReport | Exception] = queue.SimpleQueue()
        threading.Thread(target=self._work, args=(files, told), daemon=True).start()
        while True:
            news = told.get()
            # Only the latest figures matter: skip what piled up meanwhile.
            while isinstance(news, Progress) and not told.empty():
                news = told.get()
            if isinstance(news, Progress):
                upload = replace(
                    upload,
                    phase="reading",
                    document=_name(news.document),
                    chunks_done=news.chunks_done,
                    chunks_known=news.chunks_known,
                )
                yield upload
                continue
            yield _ended(upload, news, files)
            return

    def remove(self, document_id: str) -> str:
        """Delete a document; returns what to say about it.

        Raises:
            RagError: there is no such document, or the engine fails.
        """
        with self._lock:
            gone = self._opening.wait().remove(document_id)
        return f"Deleted {gone.title or gone.source}."

    def _work(
        self,
        files: list[Path],
        told: "queue.SimpleQueue[Progress | IngestReport | Exception]",
    ) -> None:
        outcome: IngestReport | Exception
        try:
            # Ingestion tidies up what a crash left, which looks just like work going on.
            with self._lock:
                outcome = self._opening.wait().ingest(files, on_progress=told.put)
        except Exception as error:  # noqa: BLE001 - handed to the one who waits, and logged there
            outcome = error
        for file in files:
            with suppress(OSError):
                file.unlink()
        told.put(outcome)


def _ended(upload: Upload, news: IngestReport | Exception, files: Sequence[Path]) -> Upload:
    if isinstance(news, RagError):
        return replace(upload, phase="failed", error=str(news))
    if isinstance(news, Exception):
        logger.error("an upload failed", exc_info=news)
        return replace(upload, phase="failed", error=UNEXPECTED)
    return replace(
        upload,
        phase="done",
        added=len(news.added),
        updated=len(news.updated),
        unchanged=len(news.unchanged),
        failed=tuple((_name(path), _reason(path, why, files)) for path, why in news.failed),
        seconds=news.seconds,
    )


def _name(path: str) -> str:
    return Path(path).name


def _reason(path: str, why: str, files: Sequence[Path]) -> str:
    """The message without the folders that uploads are kept in."""
    reason = why.removeprefix(f"{path}: ")
    for file in files:
        reason = reason.replace(str(file), file.name)
    return reason
