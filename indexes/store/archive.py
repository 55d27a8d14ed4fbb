"""A collection as one file of JSON lines, and back.

    {"format": "advanced-rag-patterns", "version": 2, "fingerprint": {…}, "documents": 2, "leaves": 40}
    {"manifest": {…}}                                        the first document,
    {"id": "…", "vector": {"dense": […], "bm25": {…}}, "payload": {…}}     its nodes
    …
    {"manifest": {…}}                                        the second
    …
    {"sha256": "…", "documents": 2, "points": 52}            of all bytes before this line

A name that ends in `.gz` makes it a compressed file.

It is read by `archive_reading`.
"""  # noqa: E501

import glob
import gzip
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from indexes.disks import explained
from indexes.errors import DiskError, StoreError
from indexes.progress import OnProgress, Progress
from indexes.store.archive_lines import ArchivedFingerprint, Header
from indexes.store.check import DAMAGED
from indexes.store.columns import Point
from indexes.store.nodes import TreeStore
from indexes.store.points import BM25, DENSE, Manifest
from indexes.store.scan import Walk, visible
from indexes.store.transfer import TransferReport

# A point of 4,096 dimensions takes 50 kB. Longer lines are not read into memory.
MAX_LINE = 16 * 1024 * 1024


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
        for manifest in visible(store):
            writer.line({"manifest": manifest.model_copy(update={"settled": True}).payload()})
            for points in _whole(store, manifest):
                for point in points:
                    writer.line(_point_line(point))
                report.points += len(points)
                on_progress(progress_of(manifest, report, header))
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


def progress_of(manifest: Manifest, report: TransferReport, header: "Header") -> Progress:
    """How far an export or import is, with this document."""
    done = len(report.copied) + len(report.unchanged)
    return Progress("copied", manifest.source, done, header.documents)


def _header(store: TreeStore) -> "Header":
    fingerprint = store.fingerprint()
    documents = leaves = 0
    for manifest in visible(store):
        documents += 1
        leaves += manifest.leaves
    return Header(
        format="advanced-rag-patterns",
        version=2,
        fingerprint=ArchivedFingerprint(**fingerprint.model_dump()),
        documents=documents,
        leaves=leaves,
    )


def _whole(store: TreeStore, manifest: Manifest) -> Iterator[list[Point]]:
    """The nodes of a document; an error at the end if they are not all there."""
    problems = ["it is marked as damaged"]
    if not (manifest.version or "").endswith(DAMAGED):
        walk = Walk(store, [manifest])
        yield from walk.nodes(vectors=True)
        problems = walk.problems()[manifest.document_id]
    if problems:
        raise StoreError(
            f"{manifest.source} is not whole ({'; '.join(problems)}): run `advanced-rag verify`"
        )


def _point_line(point: Point) -> dict[str, Any]:
    vector = point.vector
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
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
