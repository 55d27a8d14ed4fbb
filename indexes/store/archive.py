"""A collection as one file of JSON lines, and back.

    {"format": "advanced-rag-patterns", "version": 2, "fingerprint": {…}, "documents": 2, "leaves": 40}
    {"manifest": {…}}                                        the first document,
    {"id": "…", "vector": {"dense": […], "bm25": {…}}, "payload": {…}}     its nodes
    …
    {"manifest": {…}}                                        the second
    …
    {"sha256": "…", "documents": 2, "points": 52}            of all bytes before this line

A name that ends in `.gz` makes it a compressed file.

What comes in is trusted in nothing. The file is read twice: first to the end, where
every line must have exactly the fields it should, every id must be that of its place,
every document must be whole, and the hash must be right; only then a second time, to be
written. So a file that is cut off, damaged or made by someone with bad intentions
changes nothing.
"""  # noqa: E501

import glob
import gzip
import hashlib
import json
import os
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from pydantic import ValidationError
from qdrant_client import models

from indexes.disks import explained
from indexes.errors import DiskError, StoreError
from indexes.progress import OnProgress, Progress
from indexes.store.archive_lines import (
    ArchivedFingerprint,
    Footer,
    Header,
    Line,
    ManifestLine,
    PointLine,
)
from indexes.store.check import DAMAGED, DocumentCheck
from indexes.store.nodes import TreeStore
from indexes.store.points import BM25, DENSE, Manifest
from indexes.store.scan import manifests_of
from indexes.store.transfer import (
    PAGE,
    Receiver,
    TransferReport,
    note,
    points_of,
)

# A point of 4,096 dimensions takes 50 kB. Longer lines are not read into memory.
MAX_LINE = 16 * 1024 * 1024


# --- export -------------------------------------------------------------------------------


def export_file(
    store: TreeStore,
    path: Path,
    *,
    on_progress: OnProgress = lambda _: None,
) -> TransferReport:
    """Write every visible document to a file, which appears when it is complete.

    Args:
        store: where from. No one may write to it meanwhile.
        path: the file; one of that name is replaced. With `.gz` at the end, compressed.
        on_progress: called as points are written.

    Raises:
        StoreError: the index cannot be read, a document is damaged or changes under our
            hands, or the file cannot be written.
    """
    started = time.perf_counter()
    report = TransferReport()
    header = _header(store)
    with _new_file(path) as file:
        writer = _Writer(file)
        writer.line(header.model_dump(mode="json"))
        for manifest in _visible(store):
            writer.line({"manifest": manifest.model_copy(update={"settled": True}).payload()})
            for points in _whole(store, manifest):
                for point in points:
                    writer.line(_point_line(point))
                report.points += len(points)
                on_progress(_progress(manifest, report, header))
            report.copied.append(manifest.source)
        if len(report.copied) != header.documents:
            raise StoreError("documents came or went during the export: run it again")
        writer.line(
            {
                "sha256": writer.hash.hexdigest(),
                "documents": len(report.copied),
                "points": report.points,
            }
        )
    report.seconds = time.perf_counter() - started
    return report


def _progress(manifest: Manifest, report: TransferReport, header: "Header") -> Progress:
    done = len(report.copied) + len(report.unchanged)
    return Progress("copied", manifest.source, done, header.documents)


def _visible(store: TreeStore) -> Iterator[Manifest]:
    return (manifest for manifest in manifests_of(store) if manifest.version is not None)


def _header(store: TreeStore) -> "Header":
    fingerprint = store.fingerprint()
    documents = leaves = 0
    for manifest in _visible(store):
        documents += 1
        leaves += manifest.leaves
    return Header(
        format="advanced-rag-patterns",
        version=2,
        fingerprint=ArchivedFingerprint(**fingerprint.model_dump()),
        documents=documents,
        leaves=leaves,
    )


def _whole(store: TreeStore, manifest: Manifest) -> Iterator[list[models.PointStruct]]:
    """The nodes of a document; an error at the end if they are not all there."""
    check = DocumentCheck(manifest, store.fingerprint())
    damaged = (manifest.version or "").endswith(DAMAGED)
    if not damaged:
        for points in points_of(store, manifest.document_id, manifest.version):
            for point in points:
                note(check, point)
            yield points
    problems = ["it is marked as damaged"] if damaged else check.problems()
    if problems:
        raise StoreError(
            f"{manifest.source} is not whole ({'; '.join(problems)}): run `advanced-rag verify`"
        )


def _point_line(point: models.PointStruct) -> dict[str, Any]:
    vector = cast("dict[str, Any]", point.vector)
    # Nine digits bring back every 32-bit float.
    shown: dict[str, Any] = {DENSE: [float(f"{value:.9g}") for value in vector[DENSE]]}
    if (sparse := vector.get(BM25)) is not None:
        values = [float(f"{value:.9g}") for value in sparse.values]
        shown[BM25] = {"indices": list(sparse.indices), "values": values}
    return {"id": str(point.id), "vector": shown, "payload": point.payload}


class _Writer:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.hash = hashlib.sha256()

    def line(self, value: dict[str, Any]) -> None:
        line = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if len(line) > MAX_LINE:
            raise StoreError(f"a point of {len(line)} bytes is too large to be exported: remove it")
        self.hash.update(line)
        self._file.write(line)


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name when the block ends well."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        # What exports left that were killed.
        for left in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 32}"):
            left.unlink(missing_ok=True)
        with temporary.open("xb") as raw:
            if path.suffix == ".gz":
                # Without name and time in it, the same content makes the same file.
                with gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
                    yield cast(BinaryIO, packed)
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
        temporary.replace(path)
    except OSError as error:
        otherwise = "choose another file"
        raise DiskError(explained(f"cannot write {path}", error, otherwise)) from error
    finally:
        temporary.unlink(missing_ok=True)


# --- import -------------------------------------------------------------------------------

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
                on_progress(_progress(found, report, header))
        file.seek(0)
        reader = _Reader(file, path)
        header = reader.header()
        store.prepare(header.fingerprint.plain())
        importing = _Import(Receiver(store), report)
        for found in reader.documents(header, whole=False):
            if isinstance(found, Manifest):
                importing.next_document(found)
                on_progress(_progress(found, report, header))
            else:
                importing.point(found)
        importing.flush(end=True)
    report.seconds = time.perf_counter() - started
    return report


class _Import:
    """Gathers documents until they are worth a request."""

    def __init__(self, receiver: Receiver, report: TransferReport) -> None:
        self._receiver = receiver
        self._report = report
        self._manifests: list[Manifest] = []
        self._begun = 0
        self._points: list[models.PointStruct] = []
        self._wanted = False

    def next_document(self, manifest: Manifest) -> None:
        if len(self._points) >= PAGE or len(self._manifests) >= PAGE:
            self.flush(end=True)
        self._wanted = bool(self._receiver.lacking([manifest]))
        if self._wanted:
            self._manifests.append(manifest)
        else:
            self._report.unchanged.append(manifest.source)

    def point(self, point: models.PointStruct) -> None:
        if self._wanted:
            self._points.append(point)
            if len(self._points) >= PAGE:
                self.flush(end=False)

    def flush(self, *, end: bool) -> None:
        """Write what was gathered; at the `end` of a document, show all that are complete."""
        if new := self._manifests[self._begun :]:
            self._receiver.begin(new)
        self._begun = len(self._manifests)
        if self._points:
            self._receiver.put(self._points)
        self._report.points += len(self._points)
        self._points = []
        complete = self._manifests if end else self._manifests[:-1]
        self._receiver.commit(complete)
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
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, first["loc"]))[:100]
            reason = first["msg"].removeprefix("Value error, ")
            raise self._wrong(f"{place} {reason}".strip()) from error

    def header(self) -> Header:
        line = self._next()
        self._hash.update(line)
        return self._parse(Header, line)

    def documents(self, header: Header, *, whole: bool) -> Iterator[Manifest | models.PointStruct]:
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
                note(check, made)
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
