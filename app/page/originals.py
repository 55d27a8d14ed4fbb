"""Files that documents were read from, where the page still has them.

What the page was started with is read where it lies, if it is still the same file; uploads are
kept in a folder of the page's own until their documents go. Of other documents, indexed some
time ago or somewhere else, there is the text only.
"""

import shutil
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from indexes import RagError
from indexes.disks import own_folder

if TYPE_CHECKING:
    from indexes.store.points import Manifest

# Not the prefix of Gradio's folder, whose files can be asked for by their paths.
_PREFIX = "advanced-rag-originals-"


class Originals:
    """The uploaded or given files of documents. Thread-safe; `paths` are the files at the start."""

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self._paths = tuple(paths)
        self._lock = threading.Lock()
        self._given: dict[str, Path] | None = None
        self._kept: dict[str, Path] = {}
        self._folder: Path | None = None
        # Files that were compared with their documents: size and time of change, and the result.
        self._same: dict[tuple[Path, int, int, str], bool] = {}

    def names(self) -> frozenset[str]:
        """Names of the documents that the page was started with."""
        with self._lock:
            if self._given is None:
                self._given = _named(self._paths)
            return frozenset(self._given)

    def keep(self, document_id: str, file: Path) -> None:
        """Keep a copy of an upload, for as long as its document is here."""
        with self._lock:
            if self._folder is None:
                self._folder = own_folder(_PREFIX)
                weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
            target = self._folder / document_id
            self._drop(document_id)
            shutil.copyfile(file, target)
            self._kept[document_id] = target

    def drop(self, document_id: str) -> None:
        """Delete the copy of an upload, if there is one."""
        with self._lock:
            self._drop(document_id)

    def _drop(self, document_id: str) -> None:
        if (file := self._kept.pop(document_id, None)) is not None:
            file.unlink(missing_ok=True)

    def of(self, manifest: "Manifest", most_bytes: int) -> Path | None:
        """The file that a document was read from; None if it isn't here, or has changed."""
        with self._lock:
            kept = self._kept.get(manifest.document_id)
            if kept is not None:
                return kept
            if manifest.owner:
                return None
            if self._given is None:
                self._given = _named(self._paths)
            file = self._given.get(manifest.source)
        return file if file is not None and self._is_same(file, manifest, most_bytes) else None

    def _is_same(self, file: Path, manifest: "Manifest", most_bytes: int) -> bool:
        from indexes.documents.loading import file_digest

        wanted = str(manifest.about.get("file_digest", ""))
        try:
            about = file.stat()
            known = (file, about.st_size, about.st_mtime_ns, wanted)
            if known not in self._same:
                digests = (
                    file_digest(file, max_bytes=most_bytes, ocr=ocr) for ocr in (False, True)
                )
                self._same[known] = wanted in digests
            return self._same[known]
        except (OSError, RagError):
            return False


def _named(paths: Iterable[Path]) -> dict[str, Path]:
    """Files by the names that their documents go by."""
    from indexes.documents.files import source_of, walk

    def ignored(_path: Path, _error: RagError) -> None:
        """Take no notice: whoever indexes these files reports on them."""

    found = walk(paths, on_skip=ignored, on_error=ignored)
    return {source_of(path, root): path for path, root in found}
