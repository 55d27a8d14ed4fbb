"""What goes into an index and what becomes of it there: documents, and the upkeep of all."""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, overload
from zlib import crc32

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import BaseNode, Document

from indexes.documents import load_document, load_documents
from indexes.documents.files import log_skip
from indexes.documents.given import Given, given_items
from indexes.documents.identity import document_id_of
from indexes.documents.limits import Limits
from indexes.errors import DocumentError, SettingsError
from indexes.ingestion import ingest
from indexes.outline import Outline, outline_of
from indexes.progress import IngestReport, OnProgress, Progress, ProgressEvent
from indexes.settings import DEFAULT_LEVELS, Settings
from indexes.store.archive import export_file
from indexes.store.archive_reading import import_file
from indexes.store.naming import document_named
from indexes.store.nodes import TreeStore
from indexes.store.points import Fingerprint, Manifest
from indexes.store.rebuild import rebuild
from indexes.store.restoring import RebuildReport
from indexes.store.statistics import Statistics, statistics
from indexes.store.transfer import TransferReport, copy
from indexes.store.upkeep import Verification, verify


class Fillable(ABC):
    """The document side of `HierarchicalIndex`."""

    settings: Settings
    store: TreeStore

    @property
    @abstractmethod
    def embedding(self) -> BaseEmbedding:
        """The embedding model."""

    @abstractmethod
    def _fingerprint(self, levels: tuple[int, ...] | None = None) -> Fingerprint:
        """What a collection made now would be; what is not set is as it is there."""

    # Documents

    def ingest(
        self,
        documents: Given | Iterable[Given],
        *,
        on_progress: OnProgress = lambda _: None,
        on_skip: Callable[[Path, DocumentError], None] | None = None,
        workers: int | None = 0,
        shard: tuple[int, int] = (1, 1),
    ) -> IngestReport:
        """Add documents; replace those that changed.

            index.ingest("letters/")                        # a file or a folder
            index.ingest([Path("a.pdf"), Document(text="…", metadata={"year": 2021})])
            index.ingest(PyPDFLoader("a.pdf").load())       # LangChain's

        A bad file is in the report and the rest goes on. Interrupted, it can be run
        again: what is stored already is left alone. A document with an id replaces what is
        stored under it; one without is known by its name, content and metadata, so that
        adding the same again changes nothing and rows of one file are all kept.

        Args:
            documents: one or many, in any mixture: paths of files and folders, LlamaIndex's
                documents and nodes, LangChain's documents. A string is a path.
            on_progress: called as chunks are stored.
            on_skip: called for files in folders that are of no known type.
            workers: files that are read at once; None takes as many as pay (see
                `load_documents`).
            shard: `(i, n)` takes the i-th of n parts of the files, from 1, so that n
                machines fill one server from one folder.

        Returns:
            What became of each. All that is not in `failed` or `skipped` is in the index.

        Raises:
            SettingsError: what was given is no document, or an argument is wrong.
            IndexMismatchError: the collection was made with another model or other chunk sizes.
            ModelError: the embedding model fails; `report` says what was stored before.
            StoreError: the engine fails; likewise.
        """
        return self._ingest(documents, on_progress, on_skip, workers, shard, lambda: False)

    def load(
        self,
        path: str | Path,
        *,
        root: Path | None = None,
        ocr: bool | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> Document:
        """A file as `ingest` would read it: within the settings' limits, cut for this index.

        Args:
            path: the file
            root: the folder below which its path is its name; default: the one it lies in
            ocr: whether the text of scanned pages is to be recognised; default: what is set
            on_progress: told of pages that are read or recognised

        Raises:
            DocumentError: it can't be read
        """
        self.store.prepare(self._fingerprint())
        return load_document(
            path,
            root=root,
            max_bytes=self._largest_file,
            ocr=self.settings.ocr if ocr is None else ocr,
            limits=Limits.of(self.settings),
            levels=self.store.fingerprint().levels,
            on_page=lambda done, known: on_progress(Progress("page", str(path), done, known)),
        )

    @property
    def _largest_file(self) -> int:
        return int(self.settings.max_file_mb * 1024 * 1024)

    async def aingest(
        self,
        documents: Given | Iterable[Given] | AsyncIterable[Given],
        *,
        on_progress: OnProgress = lambda _: None,
        on_skip: Callable[[Path, DocumentError], None] | None = None,
        workers: int | None = 0,
        shard: tuple[int, int] = (1, 1),
    ) -> IngestReport:
        """The same in a thread of its own; cancelled, it ends between two batches."""
        if isinstance(documents, AsyncIterable):
            documents = [document async for document in documents]
        cancelled = threading.Event()
        given = (documents, on_progress, on_skip, workers, shard)
        work = asyncio.ensure_future(asyncio.to_thread(self._ingest, *given, cancelled.is_set))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            cancelled.set()
            await asyncio.wait([work])
            raise

    def _ingest(
        self,
        documents: Given | Iterable[Given],
        on_progress: OnProgress,
        on_skip: Callable[[Path, DocumentError], None] | None,
        workers: int | None,
        shard: tuple[int, int],
        stopped: Callable[[], bool],
    ) -> IngestReport:
        items = given_items(documents)
        part, parts = _shard(shard)
        if workers is not None and not _is_count(workers):
            raise SettingsError(f"workers={workers!r}: give a number of processes, 0, or None")
        self.store.prepare(self._fingerprint())
        report = IngestReport()

        def tell(event: ProgressEvent, name: str) -> None:
            on_progress(Progress(event, name, 0, 0))

        def failed(path: Path, error: DocumentError) -> None:
            report.failed.append((str(path), str(error)))
            tell("failed", str(path))

        def skipped(path: Path, error: DocumentError) -> None:
            report.skipped.append((str(path), str(error)))
            (on_skip or log_skip)(path, error)

        def unchanged(source: str) -> None:
            report.unchanged.append(source)
            report.document_ids.append(document_id_of(source))
            tell("unchanged", source)

        def read() -> Iterator[BaseNode]:
            paths: list[str | Path] = []
            for item in items:
                if isinstance(item, Path):
                    paths.append(item)
                else:
                    yield item
            yield from load_documents(
                paths,
                max_bytes=self._largest_file,
                on_error=failed,
                on_skip=skipped,
                workers=workers,
                wanted=lambda source: crc32(source.encode()) % parts == part - 1,
                known_digest=self._known_digest,
                on_unchanged=unchanged,
                ocr=self.settings.ocr,
                limits=Limits.of(self.settings),
                levels=self.store.fingerprint().levels,
                on_page=lambda path, done, known: on_progress(
                    Progress("page", str(path), done, known)
                ),
            )

        return ingest(
            read(),
            self.store,
            self.embedding,
            on_progress=on_progress,
            report=report,
            stopped=stopped,
        )

    def _known_digest(self, document_id: str) -> str | None:
        there = self.store.manifest(document_id)
        # A damaged version is marked as one: its file has to be read again.
        whole = there is not None and there.version == there.about.get("content_hash")
        if there is None or not there.settled or not whole:
            return None
        return there.about.get("file_digest")

    def documents(self) -> list[Manifest]:
        """What is indexed, by title."""
        return self.store.manifests()

    def outline(self, document_id: str, *, most: int = 5000) -> Outline:
        """A document as it was cut into a tree; of a longer one, the first `most` leaves.

        Raises:
            DocumentError: there is no such document.
        """
        manifest = self.store.manifest(document_id) if self.store.exists() else None
        if manifest is None or manifest.version is None:
            raise DocumentError(
                f"no document has the id {document_id!r}: `advanced-rag documents` lists them"
            )
        return outline_of(manifest, self.store.leaves(document_id, manifest.version, most))

    @overload
    def remove(self, name: str) -> Manifest: ...  # type: ignore[overload-overlap]
    @overload
    def remove(self, name: Iterable[str]) -> list[Manifest]: ...
    def remove(self, name: str | Iterable[str]) -> Manifest | list[Manifest]:
        """Delete documents by their ids, sources or file names: one, or several.

        By id it takes as long whatever the number of documents. If one of several can't be
        found, none is deleted.

        Returns:
            What is no longer there.

        Raises:
            SettingsError: a name is no text
            DocumentError: no document, or more than one, goes by a name.
        """
        if isinstance(name, str):
            one = document_named(self.store, name)
            self.store.remove(one.document_id)
            return one
        single = isinstance(name, Manifest) or not isinstance(name, Iterable)
        names: list[Any] = [name] if single else list(name)
        for given in names:
            if not isinstance(given, str):
                kind = type(given).__name__
                raise SettingsError(f"remove takes ids, sources or file names, not {kind}")
        found = [document_named(self.store, given) for given in names]
        several = {manifest.document_id: manifest for manifest in found}
        self.store.remove_all(list(several))
        return list(several.values())

    # Upkeep: `advanced-rag statistics`, `verify`, `export`, `import`, `copy`

    def statistics(self) -> Statistics:
        """How much is indexed; see `indexes.store.statistics`."""
        return statistics(self.store)

    def verify(
        self,
        *,
        repair: bool = False,
        deep: bool = False,
        on_progress: OnProgress = lambda _: None,
    ) -> Verification:
        """Look at every point, and mend what can be mended; see `indexes.store.upkeep`."""
        return verify(self.store, repair=repair, deep=deep, on_progress=on_progress)

    def rebuild(
        self,
        *,
        export: str | Path | None = None,
        on_progress: OnProgress = lambda _: None,
    ) -> RebuildReport:
        """Make a damaged collection anew; see `indexes.store.rebuild`."""
        return rebuild(
            self.store,
            default=lambda: self._fingerprint(self.settings.levels or DEFAULT_LEVELS),
            embedding=lambda: self.embedding,
            export=Path(export) if export is not None else None,
            on_progress=on_progress,
        )

    def export_file(
        self,
        path: str | Path,
        *,
        on_progress: OnProgress = lambda _: None,
    ) -> TransferReport:
        """Write all documents with their vectors to a file; see `indexes.store.archive`."""
        return export_file(self.store, Path(path), on_progress=on_progress)

    def import_file(
        self,
        path: str | Path,
        *,
        on_progress: OnProgress = lambda _: None,
    ) -> TransferReport:
        """Add the documents of such a file; see `indexes.store.archive`."""
        return import_file(self.store, Path(path), on_progress=on_progress)

    def copy_to(
        self,
        target: "Fillable",
        *,
        on_progress: OnProgress = lambda _: None,
    ) -> TransferReport:
        """Copy all documents with their vectors; see `indexes.store.transfer`."""
        return copy(self.store, target.store, on_progress=on_progress)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _shard(given: object) -> tuple[int, int]:
    if isinstance(given, tuple | list) and len(given) == 2 and all(map(_is_count, given)):
        part, parts = given
        if 1 <= part <= parts:
            return part, parts
    shown = "/".join(map(str, given)) if isinstance(given, tuple | list) else repr(given)
    raise SettingsError(f"shard {shown}: give i/n with i from 1 to n")
