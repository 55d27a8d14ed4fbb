"""Documents → store: cut, embed, write, one transaction a document.

Documents are gathered until there is enough to embed at once, so that a thousand small
files cost no more than one large one; a large one is embedded and written slice by
slice. While one slice is written, the next is embedded, and no more than that waits in
memory: neither the corpus nor a document's vectors are held whole.

A chunk that an older version of its document had already keeps its vector.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import BaseNode, Document

from indexes.documents.adopting import adopt, is_blank, name_of
from indexes.documents.loading import ReadDocument
from indexes.documents.report import report_of
from indexes.documents.structure import Structure
from indexes.errors import DocumentError, ModelError, RagError
from indexes.job import Chunk, Job
from indexes.models.guard import finite, model_errors
from indexes.namespace import ours
from indexes.progress import IngestReport, OnProgress, Progress, ProgressEvent
from indexes.store.nodes import TreeStore, manifest_for
from indexes.store.points import Manifest
from indexes.tree import Tree, build_tree

# Chunks embedded and written at once: enough for the model to batch and overlap.
_SLICE = 256
# Chunks that are embedded before it is looked again whether someone has stopped it; at least.
_LEAST_TEXTS = 32
# Documents that are looked up together: so many characters, and what comes in so many seconds.
_GATHERED = 100_000
_SOON = 0.1
# Slices that may wait to be written while the next is embedded.
_AHEAD = 2
# Slices that may be on their way to a server at once; what a document ends with waits for all.
_IN_FLIGHT = 4


# Chunks that are written together, and whose they are.
_Part = list[tuple[Job, Chunk]]


class _SkippedError(Exception):
    """Why there is nothing to store."""


def ingest(
    documents: Iterable[BaseNode],
    store: TreeStore,
    embedding: BaseEmbedding,
    *,
    on_progress: OnProgress = lambda _: None,
    report: IngestReport | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> IngestReport:
    """Bring `documents` into the store, which must be prepared.

    A document whose content is there already is left alone; one that changed replaces
    its old version; one that fails is reported and the rest goes on; one without text is
    skipped. Interrupted at any point, the same call goes on from there. Of several threads
    one ingests at a time.

    Args:
        documents: read as they are needed.
        store: where they go.
        embedding: the model that makes the store's vectors.
        on_progress: called, from this thread and another, as documents come along.
        report: filled in as they do; by default a new one.
        stopped: asked now and then; once it is true, nothing more is begun.

    Raises:
        ModelError: the embedding model fails: nothing more could be stored.
        StoreError: the engine fails. Documents reported as stored are stored.
        CancelledError: it was stopped.
    """
    report = report if report is not None else IngestReport()
    started = time.perf_counter()
    run = _Run(store, embedding, on_progress, report, stopped)
    try:
        with store.writing(), run.writing():
            if store.engine.embedded:
                store.recover()
            for jobs in _groups(run.read(documents)):
                run.embed(jobs)
            run.wait_for_writes(0)
        run.tell("done", "")
    except RagError as error:
        error.report = report
        if done := len(report.added) + len(report.updated):
            error.args = (f"{error} ({done} stored before that: run it again to go on)",)
        raise
    finally:
        report.document_ids += run.stored()
        report.seconds += time.perf_counter() - started
    return report


def _groups(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    group: list[Job] = []
    waiting = 0
    for job in jobs:
        group.append(job)
        waiting += len(job.chunks)
        if waiting >= _SLICE:
            yield group
            group, waiting = [], 0
    if group:
        yield group


class _Run:
    """One ingestion. This thread reads and embeds; the writer's thread writes, in order."""

    def __init__(
        self,
        store: TreeStore,
        embedding: BaseEmbedding,
        on_progress: OnProgress,
        report: IngestReport,
        stopped: Callable[[], bool],
    ) -> None:
        self._store = store
        self._embedding = embedding
        self._on_progress = on_progress
        self._report = report
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="rag-write")
        self._writes: deque[Future[None]] = deque()
        self._senders = ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="rag-send")
        self._sent: deque[tuple[_Part, Future[None]]] = deque()
        self._fingerprint = store.fingerprint()
        self._stopped = stopped
        self._given: list[str] = []
        self._stored: set[str] = set()
        self._replaced: set[str] = set()
        self._versions: dict[str, str] = {}
        self._done = 0
        self._known = 0

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All that was handed over is written when the block ends, however it ends."""
        with self._senders:
            try:
                with self._writer:
                    yield
            except BaseException:  # what was written before Ctrl-C, too, is kept
                with suppress(RagError):
                    self._finish(0)
                raise
            self._finish(0)

    def tell(self, event: ProgressEvent, source: str) -> None:
        """Report progress."""
        self._on_progress(Progress(event, source, self._done, self._known))

    def stored(self) -> list[str]:
        """Ids of those given that are in the store, in the order they came."""
        return [name for name in self._given if name in self._stored]

    def read(self, documents: Iterable[BaseNode]) -> Iterator[Job]:
        """Cut the documents that are new or changed."""
        for some in self._gathered(documents):
            known = self._store.manifests_of([document.id_ for _, document in some])
            for given, document in some:
                self._stop_if_asked()
                job = self._cut(given, document, known.get(document.id_))
                if job is not None:
                    yield job

    def _gathered(self, documents: Iterable[BaseNode]) -> Iterator[list[tuple[BaseNode, Document]]]:
        """Those that are to be stored, as given and as adopted; as many together as come soon,
        so that a server is asked once for all what it has of them.
        """
        some: list[tuple[BaseNode, Document]] = []
        waiting, since = 0, time.monotonic()
        for place, given in enumerate(documents, start=1):
            self._stop_if_asked()
            document = self._adopted(given, place)
            if document is not None:
                self._given.append(document.id_)
                self._versions[document.id_] = ours(document.metadata)["content_hash"]
                some.append((given, document))
                waiting += len(document.text)
            late = time.monotonic() - since > _SOON
            if some and (late or waiting > _GATHERED or len(some) == _SLICE):
                yield some
                some, waiting, since = [], 0, time.monotonic()
        if some:
            yield some

    def _cut(self, given: BaseNode, document: Document, there: Manifest | None) -> Job | None:
        """A document's job; None if what is there is the same."""
        about = ours(document.metadata)
        source, version = about["source"], about["content_hash"]
        if reported := report_of(about):
            self._report.reports[source] = reported
        if there is not None and there.settled and there.version == version:
            self._stored.add(document.id_)
            self._report.unchanged.append(source)
            self.tell("unchanged", source)
            return None
        tree = self._tree(given, document, version)
        job = Job(document, tree, self._fingerprint.embedded_levels)
        if there is not None and there.version is not None:
            job.vectors = self._store.vectors(document.id_, there.version)
        self._known += len(job.chunks)
        self.tell("read", source)
        return job

    def _adopted(self, given: BaseNode, place: int) -> Document | None:
        """The document to be stored; None if it is not to be, which the report then says."""
        name = _name(given, place)
        try:
            if is_blank(given):
                raise _SkippedError("has no text in it")
            document = adopt(given)
            self._tell_apart(document)
        except _SkippedError as reason:
            self._report.skipped.append((name, str(reason)))
            self.tell("skipped", name)
        except DocumentError as error:
            self._report.failed.append((name, str(error)))
            self.tell("failed", name)
        else:
            return document
        return None

    def _tell_apart(self, document: Document) -> None:
        """Refuse a document whose id another one had before it."""
        before = self._versions.get(document.id_)
        if before is None:
            return
        if before == ours(document.metadata)["content_hash"]:
            self._given.append(document.id_)
            raise _SkippedError("is the same as one before it")
        raise DocumentError(
            f"document {document.id_}: another document came before it under this id: give each "
            "its own"
        )

    def _stop_if_asked(self) -> None:
        if self._stopped():
            raise CancelledError

    def _tree(self, given: BaseNode, document: Document, version: str) -> Tree:
        """The document's tree: made where it was read, or here."""
        made = given.tree if isinstance(given, ReadDocument) else None
        if made is not None and given.get_content() == document.text:
            return made.named(document.id_, version)
        structure = Structure.of(ours(document.metadata).get("structure"), len(document.text))
        return build_tree(
            document.text,
            document_id=document.id_,
            version=version,
            levels=self._fingerprint.levels,
            structure=structure,
        )

    def embed(self, jobs: list[Job]) -> None:
        """Embed a group of documents slice by slice, and have each slice written."""
        work = [(job, chunk) for job in jobs for chunk in job.chunks]
        for place in range(0, len(work), _SLICE):
            self._stop_if_asked()
            part = work[place : place + _SLICE]
            new = [chunk for job, chunk in part if chunk.digest not in job.vectors]
            made = iter(self._vectors([chunk.embedded for chunk in new]) if new else [])
            self._report.embedded += len(new)
            self._report.reused += len(part) - len(new)
            # One of two equal chunks of a document is not embedded less, only not twice here.
            vectors = [job.vectors.get(chunk.digest) or next(made) for job, chunk in part]
            self.wait_for_writes(_AHEAD - 1)
            self._writes.append(self._writer.submit(self._write, part, vectors))

    def _vectors(self, texts: Sequence[str]) -> list[list[float]]:
        made: list[list[float]] = []
        # As many as the model takes at once, so that whoever stops needn't wait for a whole slice.
        batch = self._embedding.embed_batch_size
        step = batch * -(-_LEAST_TEXTS // batch)
        for place in range(0, len(texts), step):
            self._stop_if_asked()
            with model_errors(self._embedding):
                part = list(texts[place : place + step])
                made += map(finite, self._embedding.get_text_embedding_batch(part))
        if len(made) != len(texts):
            raise ModelError(
                f"the embedding model {self._embedding.model_name} gave {len(made)} vectors for "
                f"{len(texts)} texts: check it"
            )
        return made

    def wait_for_writes(self, most: int) -> None:
        """Wait until at most so many slices are still to be written; raise what they raised."""
        while len(self._writes) > most:
            self._writes.popleft().result()

    def _write(self, part: _Part, vectors: list[list[float]]) -> None:
        new = list({id(job): job for job, _ in part if job.manifest is None}.values())
        begun: list[Manifest] = []
        for job in new:
            begun.append(manifest_for(job.document, job.tree))
            job.manifest = begun[-1]
            self._store.note_unfilterable(job.unfilterable)
        if begun:
            self._replaced |= self._store.begin(begun)
        points = [
            job.point(chunk, vector) for (job, chunk), vector in zip(part, vectors, strict=True)
        ]
        if self._store.engine.embedded:
            self._store.put(points)
            self._written(part)
        else:
            self._finish(_IN_FLIGHT - 1)
            self._sent.append((part, self._senders.submit(self._store.put, points)))

    def _finish(self, most: int) -> None:
        """Wait until at most so many slices are on their way."""
        while len(self._sent) > most:
            part, sent = self._sent.popleft()
            sent.result()
            self._written(part)

    def _written(self, part: _Part) -> None:
        """Show the documents that a slice made whole."""
        self._done += len(part)
        self.tell("read", part[-1][0].source)
        for job, _ in part:
            job.left -= 1
        whole = list({id(job): job for job, _ in part if job.left == 0}.values())
        if whole:
            made = [job.manifest for job in whole if job.manifest is not None]
            self._store.commit(made, self._replaced)
        for job in whole:
            self._stored.add(job.document.id_)
            replaced = job.document.id_ in self._replaced
            (self._report.updated if replaced else self._report.added).append(job.source)
            self._report.leaves += len(job.tree.leaves)
            self.tell("stored", job.source)


def _name(given: BaseNode, place: int) -> str:
    """What a report calls a document: its name, its id, or which one it was."""
    named = name_of(given)
    if "id_" in given.model_fields_set:
        return named or given.id_
    return f"{named} (document {place})" if named else f"document {place}"
