"""Documents → store: cut, embed, write, one transaction a document.

Documents are gathered until there is enough to embed at once, so that a thousand small
files cost no more than one large one; a large one is embedded and written slice by
slice. Neither the corpus nor a whole document's vectors are held in memory.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import Document
from qdrant_client import models

from indexes.documents import adopt
from indexes.errors import DocumentError
from indexes.hierarchy import Node, Tree, build_tree
from indexes.store.nodes import TreeStore
from indexes.store.points import embedding_text, leaf_point, parent_point

logger = logging.getLogger(__name__)

# Texts handed to the embedding model at once: enough for it to batch and overlap.
_SLICE = 256
# What is about the text, not from the caller: no use in a filter, and page_starts is long.
_NOT_ON_NODES = frozenset({"page_starts", "content_hash", "media_type"})


@dataclass(frozen=True, slots=True)
class Progress:
    """Where ingestion is: `chunks` of the documents read so far are embedded and stored."""

    event: Literal["read", "stored", "unchanged", "failed", "done"]
    document: str
    chunks_done: int
    chunks_known: int


@dataclass
class IngestReport:
    """What an ingestion did. The lists hold the documents' sources."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    leaves: int = 0
    embedded: int = 0
    seconds: float = 0.0


@dataclass
class _Job:
    """A document on its way: the nodes that get a vector, and their texts."""

    document: Document
    tree: Tree
    nodes: list[Node]

    def text(self, node: Node) -> str:
        return self.document.text[node.start : node.end]

    def embedded(self, node: Node) -> str:
        heading = self.tree.headings[node.leaves[0]]
        return embedding_text(self.document.metadata["title"], heading, self.text(node))

    def point(self, node: Node, dense: list[float]) -> models.PointStruct:
        metadata = {
            name: value
            for name, value in self.document.metadata.items()
            if name not in _NOT_ON_NODES
        }
        if node is not self.tree.leaves[node.leaves[0]]:
            return parent_point(self.tree, node, dense=dense, metadata=metadata)
        return leaf_point(
            self.tree,
            node,
            text=self.text(node),
            embedded=self.embedded(node),
            dense=dense,
            metadata=metadata,
        )


def ingest(
    documents: Iterable[Document],
    store: TreeStore,
    embedding: BaseEmbedding,
    *,
    on_progress: Callable[[Progress], None] = lambda _: None,
    report: IngestReport | None = None,
) -> IngestReport:
    """Bring `documents` into the store, which must be prepared.

    A document whose content is there already is left alone; one that changed replaces
    its old version; one that fails is reported and the rest goes on.

    Raises:
        ModelError: the embedding model fails: nothing more could be stored.
        StoreError: the engine fails. Documents reported as stored are stored.
    """
    report = report if report is not None else IngestReport()
    run = _Run(store, embedding, on_progress, report)
    started = time.perf_counter()
    try:
        if store.engine.embedded:
            store.recover()
        for jobs in _groups(run.read(documents)):
            run.write(jobs)
        on_progress(Progress("done", "", run.done, run.known))
    finally:
        report.seconds += time.perf_counter() - started
    return report


def _groups(jobs: Iterable[_Job]) -> Iterator[list[_Job]]:
    group: list[_Job] = []
    waiting = 0
    for job in jobs:
        group.append(job)
        waiting += len(job.nodes)
        if waiting >= _SLICE:
            yield group
            group, waiting = [], 0
    if group:
        yield group


class _Run:
    def __init__(
        self,
        store: TreeStore,
        embedding: BaseEmbedding,
        on_progress: Callable[[Progress], None],
        report: IngestReport,
    ) -> None:
        self.store = store
        self.embedding = embedding
        self.on_progress = on_progress
        self.report = report
        self.fingerprint = store.fingerprint()
        self.seen: set[str] = set()
        self.done = 0
        self.known = 0

    def tell(self, event: Literal["read", "stored", "unchanged", "failed"], source: str) -> None:
        self.on_progress(Progress(event, source, self.done, self.known))

    def read(self, documents: Iterable[Document]) -> Iterator[_Job]:
        """Cut the documents that are new or changed."""
        for given in documents:
            try:
                document = adopt(given)
                if document.id_ in self.seen:
                    raise DocumentError(f"document {document.id_}: given twice: ids must differ")
            except DocumentError as error:
                self.report.failed.append((given.id_, str(error)))
                self.tell("failed", given.id_)
                continue
            self.seen.add(document.id_)
            source, version = document.metadata["source"], document.metadata["content_hash"]
            there = self.store.manifest(document.id_)
            if there is not None and there.settled and there.version == version:
                self.report.unchanged.append(source)
                self.tell("unchanged", source)
                continue
            tree = build_tree(
                document.text,
                document_id=document.id_,
                version=version,
                levels=self.fingerprint.levels,
                markdown=document.metadata.get("media_type") == "text/markdown",
            )
            levels = self.fingerprint.embedded_levels
            nodes = [node for node in tree.nodes if node.level in levels]
            self.known += len(nodes)
            self.tell("read", source)
            yield _Job(document, tree, nodes)

    def write(self, jobs: list[_Job]) -> None:
        """Embed and store a group of documents, each as one transaction."""
        begun = [(job, self.store.begin(job.document, job.tree)) for job in jobs]
        work = [(job, node) for job in jobs for node in job.nodes]
        left = {job.document.id_: len(job.nodes) for job in jobs}
        for place in range(0, len(work), _SLICE):
            part = work[place : place + _SLICE]
            texts = [job.embedded(node) for job, node in part]
            vectors = self.embedding.get_text_embedding_batch(texts)
            self.report.embedded += len(texts)
            self.store.put(
                [job.point(node, vector) for (job, node), vector in zip(part, vectors, strict=True)]
            )
            for job, _ in part:
                left[job.document.id_] -= 1
            self.done += len(part)
            self.tell("read", part[-1][0].document.metadata["source"])
            for job, manifest in begun:
                if left.get(job.document.id_) == 0:
                    del left[job.document.id_]
                    self.store.commit(manifest, job.tree.version)
                    changed = self.report.updated if manifest.version else self.report.added
                    changed.append(job.document.metadata["source"])
                    self.report.leaves += len(job.tree.leaves)
                    self.tell("stored", job.document.metadata["source"])
