"""A file of documents read back: checked to its end, then written to a collection.

What comes in is trusted in nothing. The file is read twice: first to the end, where every line
must have exactly the fields it should, every id must be that of its place, every document must be
whole, and the hash must be right; only then a second time, to be written. So a file that is cut
off, damaged or made by someone with bad intentions changes nothing.
"""

import gzip
import hashlib
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

from pydantic import ValidationError

from indexes.disks import explained
from indexes.errors import DiskError, StoreError, first_wrong
from indexes.progress import OnProgress
from indexes.store.archive import MAX_LINE, progress_of
from indexes.store.archive_lines import Footer, Header, Line, ManifestLine, PointLine
from indexes.store.check import DocumentCheck
from indexes.store.columns import Point
from indexes.store.nodes import TreeStore
from indexes.store.points import Fingerprint, Manifest
from indexes.store.scan import PAGE
from indexes.store.transfer import TransferReport, lacking

_L = TypeVar("_L", bound=Line)


def import_file(
    store: TreeStore,
    path: Path,
    *,
    on_progress: OnProgress = lambda _: None,
) -> TransferReport:
    """Add a file's documents to a collection; it is made when missing.

    Documents that are there in the same version are left alone, older versions are
    replaced. Interrupted, it can be run again.

    Args:
        store: where to. No one else may write to it meanwhile.
        path: a file that `export_file` wrote, wherever it has been since.
        on_progress: called as points are stored; before that, while the file is
            checked, with no documents done.

    Raises:
        IndexMismatchError: the collection was made with another model or other chunks.
        StoreError: the file is not such a file, or not whole: nothing was changed. Or the
            index cannot be written: documents that were stored stay.
    """
    started = time.perf_counter()
    report = TransferReport()
    with _opened(path) as file:
        reader = _Reader(file, path)
        header = reader.header()
        if store.exists():
            store.prepare(header.fingerprint.plain())
        for found in reader.documents(header, whole=True):
            if isinstance(found, Manifest):
                on_progress(progress_of(found, report, header))
        file.seek(0)
        reader = _Reader(file, path)
        header = reader.header()
        store.prepare(header.fingerprint.plain())
        importing = _Import(store, report)
        for found in reader.documents(header, whole=False):
            if isinstance(found, Manifest):
                importing.next_document(found)
                on_progress(progress_of(found, report, header))
            else:
                importing.point(found)
        importing.flush(end=True)
    report.seconds = time.perf_counter() - started
    return report


def fingerprint_in(path: Path) -> Fingerprint:
    """What made the collection that was written to a file.

    Raises:
        StoreError: the file is not such a file.
    """
    with _opened(path) as file:
        return _Reader(file, path).header().fingerprint.plain()


class _Import:
    """Gathers documents until they are worth a request."""

    def __init__(self, store: TreeStore, report: TransferReport) -> None:
        self._store = store
        self._report = report
        self._manifests: list[Manifest] = []
        self._begun = 0
        self._replaced: set[str] = set()
        self._points: list[Point] = []
        self._wanted = False

    def next_document(self, manifest: Manifest) -> None:
        if len(self._points) >= PAGE or len(self._manifests) >= PAGE:
            self.flush(end=True)
        self._wanted = bool(lacking(self._store, [manifest]))
        if self._wanted:
            self._manifests.append(manifest)
        else:
            self._report.unchanged.append(manifest.source)

    def point(self, point: Point) -> None:
        if self._wanted:
            self._points.append(point)
            if len(self._points) >= PAGE:
                self.flush(end=False)

    def flush(self, *, end: bool) -> None:
        """Write what was gathered; at the `end` of a document, show all that are complete."""
        if new := self._manifests[self._begun :]:
            self._replaced |= self._store.begin(new)
        self._begun = len(self._manifests)
        if self._points:
            self._store.put(self._points)
        self._report.points += len(self._points)
        self._points = []
        complete = self._manifests if end else self._manifests[:-1]
        self._store.commit(complete, self._replaced)
        self._report.copied += [manifest.source for manifest in complete]
        self._manifests = self._manifests[len(complete) :]
        self._begun = len(self._manifests)


class _Reader:
    """Reads the lines of a file, and stops at the first that is not what it should be."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._number = 0
        self._hash = hashlib.sha256()

    def _wrong(self, reason: str) -> StoreError:
        return StoreError(
            f"{self._path}, line {self._number}: {reason}: nothing was imported; export it again"
        )

    def _next(self) -> bytes:
        self._number += 1
        try:
            line = self._file.readline(MAX_LINE + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise self._wrong(f"the file is damaged or cut off ({error})") from error
        if self._number == 1 and not line.startswith(b'{"format":"advanced-rag-patterns"'):
            raise self._wrong("this is not a file that `advanced-rag export` wrote")
        if len(line) > MAX_LINE:
            raise self._wrong(f"is longer than {MAX_LINE} bytes")
        if not line.endswith(b"\n"):
            raise self._wrong("the file is cut off")
        return line

    def _parse(self, kind: type[_L], line: bytes) -> _L:
        try:
            return kind.model_validate_json(line)
        except ValidationError as error:
            place, reason = first_wrong(error)
            raise self._wrong(f"{place[:100]} {reason}".strip()) from error

    def header(self) -> Header:
        line = self._next()
        self._hash.update(line)
        return self._parse(Header, line)

    def documents(self, header: Header, *, whole: bool) -> Iterator[Manifest | Point]:
        """Each document's manifest, then its nodes; an error if anything is wrong.

        Args:
            header: the file's.
            whole: also check that the documents are whole, once they were read.
        """
        manifest: Manifest | None = None
        check: DocumentCheck | None = None
        seen: set[str] = set()
        points = leaves = 0
        while not (line := self._next()).startswith(b'{"sha256":'):
            self._hash.update(line)
            if line.startswith(b'{"manifest":'):
                self._finish(check)
                given = self._parse(ManifestLine, line).manifest
                manifest = Manifest.model_validate(given.model_dump())
                if manifest.document_id in seen:
                    raise self._wrong("the document came before")
                seen.add(manifest.document_id)
                leaves += manifest.leaves
                check = DocumentCheck(manifest, header.fingerprint) if whole else None
                yield manifest
                continue
            point = self._parse(PointLine, line)
            points += 1
            place = (point.payload.document_id, point.payload.version)
            if manifest is None or place != (manifest.document_id, manifest.version):
                raise self._wrong("the point is not of the document above it")
            if len(point.vector.dense) != header.fingerprint.dimension:
                raise self._wrong(f"dense must have {header.fingerprint.dimension} numbers")
            made = point.point()
            if check is not None:
                check.add(made.id, made.payload)
            yield made
        self._finish(check)
        self._end(self._parse(Footer, line), header, (len(seen), points, leaves))

    def _finish(self, check: DocumentCheck | None) -> None:
        problems = check.problems() if check is not None else []
        if problems:
            raise self._wrong(f"the document before it is not whole ({'; '.join(problems)})")

    def _end(self, footer: Footer, header: Header, counts: tuple[int, int, int]) -> None:
        documents, points, leaves = counts
        if footer.sha256 != self._hash.hexdigest():
            raise self._wrong("the file is damaged: its hash is another")
        if (footer.documents, footer.points) != (documents, points):
            raise self._wrong("the file has not as many documents or points as it says")
        if (header.documents, header.leaves) != (documents, leaves):
            raise self._wrong("the file has not as many documents or leaves as it says")
        if self._file.read(1):
            raise self._wrong("something follows the end")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        if not path.is_file():
            raise StoreError(f"{path} is not a file: name one that `advanced-rag export` wrote")
        with path.open("rb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile(fileobj=raw, mode="rb") as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield raw
    except OSError as error:
        otherwise = "name a file that `advanced-rag export` wrote"
        raise DiskError(explained(f"cannot read {path}", error, otherwise)) from error
