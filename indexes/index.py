"""The facade: one index, its models, and every pattern on it.

index = HierarchicalIndex.open("./my-index")
index.ingest(["letters/"])
answer = index.ask("How did the cloud business evolve?", pattern="parent")
answer.answer, answer.contexts[0].pages, answer.trace["search"].round_trips

engine = index.query_engine("parent")            # a LlamaIndex query engine
retriever = index.retriever("regular", budget=512)  # a LlamaIndex retriever
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zlib import crc32

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.llms import LLM
from llama_index.core.schema import Document

from indexes.documents import load_documents
from indexes.errors import DocumentError, SettingsError
from indexes.ingestion import ingest
from indexes.models.given import embedding_dimension, given_embedding, given_llm
from indexes.models.providers import (
    build_embedding,
    build_llm,
    embedding_name,
    embedding_window,
)
from indexes.outline import Outline, outline_of
from indexes.progress import IngestReport, Progress
from indexes.queryable import Queryable
from indexes.settings import DEFAULT_LEVELS, WHOLE_DOCUMENTS, Settings, load_settings
from indexes.store.archive import export_file, import_file
from indexes.store.connect import Engine, connect
from indexes.store.nodes import TreeStore
from indexes.store.points import Fingerprint, Manifest
from indexes.store.server import server_parameters
from indexes.store.statistics import Statistics, statistics
from indexes.store.transfer import TransferProgress, TransferReport, copy
from indexes.store.upkeep import Verification, verify

# The two finest levels get vectors: no single scale suits every question.
_EMBEDDED_LEVELS = 2
# A model's own tokens for a chunk and its title, at most, per cl100k token.
_WINDOW_MARGIN = 1.35


class HierarchicalIndex(Queryable):
    """Documents in one collection, and the models that read them. Thread-safe.

    Args:
        settings: by default from the environment.
        engine, embedding, llm: used instead of what the settings name; models may be
            LlamaIndex's or LangChain's.

    Raises:
        SettingsError: a setting is wrong.
        StoreError: the index cannot be opened or reached.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        engine: Engine | None = None,
        embedding: Any = None,
        llm: Any = None,
    ) -> None:
        self.settings = settings or load_settings()
        self._given_embedding = given_embedding(embedding)
        self._given_llm = given_llm(llm)
        self._owns_engine = engine is None
        server = server_parameters(self.settings, embedded=engine.embedded if engine else None)
        self.engine = engine or connect(
            self.settings.index, api_key=self.settings.qdrant_api_key, **server.connection
        )
        self.store = TreeStore(self.engine, self.settings.collection, server)
        self._judges = {}

    @classmethod
    def open(cls, index: str | Path | None = None, **settings: Any) -> Self:
        """An index in a folder or on a server; other settings by name."""
        return cls(load_settings(index=str(index) if index is not None else None, **settings))

    def __repr__(self) -> str:
        return f"HierarchicalIndex({self.engine.address!r}, {self.settings.collection!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the engine, if this index opened it."""
        if self._owns_engine:
            self.engine.close()

    @cached_property
    def embedding(self) -> BaseEmbedding:
        """The embedding model."""
        return self._given_embedding or build_embedding(self.settings)

    @cached_property
    def llm(self) -> LLM:
        """The language model."""
        return self._given_llm or build_llm(self.settings)

    @property
    def _embedding_name(self) -> str:
        if self._given_embedding is not None:
            return self._given_embedding.model_name
        return embedding_name(self.settings)

    def _check(self) -> None:
        wanted: dict[str, object] = {"embedding": self._embedding_name}
        if self.settings.levels is not None:
            wanted["levels"] = self.settings.levels
        self.store.check(**wanted)

    # Documents

    def ingest(
        self,
        documents: Iterable[str | Path | Document],
        *,
        on_progress: Callable[[Progress], None] = lambda _: None,
        on_skip: Callable[[Path, DocumentError], None] | None = None,
        workers: int | None = 0,
        shard: tuple[int, int] = (1, 1),
    ) -> IngestReport:
        """Add files, folders or LlamaIndex documents; replace those that changed.

        A bad file is in the report and the rest goes on. Interrupted, it can be run
        again: what is stored already is left alone.

        Args:
            documents: paths and documents, in any mixture.
            on_progress: called as chunks are stored.
            on_skip: called for files in folders that are of no known type.
            workers: processes that parse files; None takes as many as pay (see
                `load_documents`).
            shard: `(i, n)` takes the i-th of n parts of the files, from 1, so that n
                machines fill one server from one folder.

        Raises:
            IndexMismatchError: the collection was made in another way.
            ModelError: the embedding model fails.
            StoreError: the engine fails.
        """
        self.store.prepare(self._fingerprint())
        report = IngestReport()

        def failed(path: Path, error: DocumentError) -> None:
            report.failed.append((str(path), str(error)))
            on_progress(Progress("failed", str(path), 0, 0))

        def known_digest(document_id: str) -> str | None:
            there = self.store.manifest(document_id)
            if there is None or not there.settled:
                return None
            # A damaged version is marked as one: its file has to be read again.
            if there.version != there.about.get("content_hash"):
                return None
            return there.about.get("file_digest")

        def unchanged(source: str) -> None:
            report.unchanged.append(source)
            on_progress(Progress("unchanged", source, 0, 0))

        part, parts = shard
        if not 1 <= part <= parts:
            raise SettingsError(f"shard {part}/{parts}: give i/n with i from 1 to n")

        def load() -> Iterator[Document]:
            paths: list[str | Path] = []
            limit = int(self.settings.max_file_mb * 1024 * 1024)
            for given in documents:
                if isinstance(given, Document):
                    yield given
                else:
                    paths.append(given)
            yield from load_documents(
                paths,
                max_bytes=limit,
                on_error=failed,
                on_skip=on_skip,
                workers=workers,
                wanted=lambda source: crc32(source.encode()) % parts == part - 1,
                known_digest=known_digest,
                on_unchanged=unchanged,
            )

        return ingest(load(), self.store, self.embedding, on_progress=on_progress, report=report)

    def _fingerprint(self) -> Fingerprint:
        """What a collection made now would be; what is not set is as it is there."""
        levels = self.settings.levels
        if levels is None:
            there = self.store.fingerprint() if self.store.exists() else None
            levels = there.levels if there else DEFAULT_LEVELS
        window = embedding_window(self.settings)
        if window is not None and levels[-1] * _WINDOW_MARGIN > window:
            raise SettingsError(
                f"setting levels (environment RAG_LEVELS): leaves of {levels[-1]} tokens may "
                f"exceed the {window} that {self._embedding_name} reads: choose at most "
                f"{int(window / _WINDOW_MARGIN)}"
            )
        finest = range(len(levels))[-_EMBEDDED_LEVELS:]
        longest = WHOLE_DOCUMENTS - 1 if window is None else window
        embedded = [level for level in finest if levels[level] * _WINDOW_MARGIN <= longest]
        return Fingerprint(
            embedding=self._embedding_name,
            dimension=embedding_dimension(self.embedding),
            levels=levels,
            embedded_levels=tuple(embedded),
        )

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

    def remove(self, name: str) -> Manifest:
        """Delete a document by its id, its source or its file name.

        Raises:
            DocumentError: no document, or more than one, goes by that name.
        """
        found = [
            manifest
            for manifest in self.documents()
            if name in (manifest.document_id, manifest.source, manifest.file_name)
        ]
        if len(found) != 1:
            what = "no document is" if not found else f"{len(found)} documents are"
            raise DocumentError(
                f"{what} called {name!r}: `advanced-rag documents` lists names and ids"
            )
        self.store.remove(found[0].document_id)
        return found[0]

    # Upkeep: `advanced-rag statistics`, `verify`, `export`, `import`, `copy`

    def statistics(self) -> Statistics:
        """How much is indexed; see `indexes.store.statistics`."""
        return statistics(self.store)

    def verify(
        self,
        *,
        repair: bool = False,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Verification:
        """Look at every point, and mend what can be mended; see `indexes.store.upkeep`."""
        return verify(self.store, repair=repair, on_progress=on_progress)

    def export_file(
        self,
        path: str | Path,
        *,
        on_progress: Callable[[TransferProgress], None] = lambda _: None,
    ) -> TransferReport:
        """Write all documents with their vectors to a file; see `indexes.store.archive`."""
        return export_file(self.store, Path(path), on_progress=on_progress)

    def import_file(
        self,
        path: str | Path,
        *,
        on_progress: Callable[[TransferProgress], None] = lambda _: None,
    ) -> TransferReport:
        """Add the documents of such a file; see `indexes.store.archive`."""
        return import_file(self.store, Path(path), on_progress=on_progress)

    def copy_to(
        self,
        target: "HierarchicalIndex",
        *,
        on_progress: Callable[[TransferProgress], None] = lambda _: None,
    ) -> TransferReport:
        """Copy all documents with their vectors; see `indexes.store.transfer`."""
        return copy(self.store, target.store, on_progress=on_progress)
