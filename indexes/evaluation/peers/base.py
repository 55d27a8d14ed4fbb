"""A peer: another framework's retriever behind the call that our patterns have.

    peer = open_peer("langchain-parent", index)
    peer.prepare(on_progress)                       # embeds what is new; else free
    contexts, trace = peer.retrieve("…", budget=1024)

It works on the same documents, in the same engine (a collection of its own beside the
index's), with the same models, and fills the same budget.
"""

import math
import threading
import uuid
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence

from qdrant_client import models

from indexes.answers import Context, checked
from indexes.details import PeerSearchDetails
from indexes.evaluation.peers.settings import PeerSettings
from indexes.evaluation.peers.texts import PeerPassage, Text, contexts_of, fill, text_of, tokens_of
from indexes.index import HierarchicalIndex
from indexes.lanes import Lane, LaneInfo
from indexes.models.given import embedding_dimension
from indexes.progress import OnProgress, Progress
from indexes.store.points import Manifest
from indexes.store.refusals import store_errors
from indexes.trace import Trace, stage, tracing

# What each vector is called in a peer's collection: points without one are never found.
VECTOR = "text-dense"
WORDS = "text-sparse"
_MARKER = str(uuid.uuid5(uuid.NAMESPACE_URL, "advanced-rag-patterns/peer"))
_MOST_HITS = 4096

# Two threads must not fill one peer's collection at once.
_locks: defaultdict[tuple[str, str], threading.RLock] = defaultdict(threading.RLock)


Only = Callable[[Manifest], bool]


class Peer(Lane):
    """A lane of another framework, on an index's documents, engine and models.

    Args:
        settings: which.
        index: whose documents and models; what is in it when `retrieve` is called counts.
        only: which of its documents the peer may hold.
    """

    def __init__(self, settings: PeerSettings, index: HierarchicalIndex, only: Only) -> None:
        self.settings = settings
        self._only = only
        self.index = index
        self.collection = f"{index.settings.collection}-{settings.chunks}"[:128]
        self._texts: dict[str, Text] = {}

    @property
    def info(self) -> LaneInfo:
        """How it is set up, for people."""
        return self.settings

    @property
    def name(self) -> str:
        """What it is called."""
        return self.settings.name

    def __repr__(self) -> str:
        return f"<peer {self.name} in {self.collection!r}>"

    # Documents

    def prepare(self, on_progress: OnProgress = lambda _: None) -> int:
        """Bring the peer's collection up to the index's documents.

        Args:
            on_progress: called as documents come along.

        Returns:
            How many documents were cut and embedded; 0 where nothing was new.

        Raises:
            StoreError: the engine fails.
            ModelError: the embedding model fails.
        """
        with _locks[self.index.engine.address, self.collection]:
            documents = filter(self._only, self.index.documents())
            wanted = {found.document_id: found for found in documents}
            if all(
                name in self._texts and self._texts[name].version == manifest.version
                for name, manifest in wanted.items()
            ) and len(wanted) == len(self._texts):
                return 0
            self._make_collection()
            stored = self._stored()
            for name in stored.keys() - wanted.keys() | self._texts.keys() - wanted.keys():
                self._forget(name)
            stored = {name: version for name, version in stored.items() if name in wanted}
            embedded = 0
            for done, (name, manifest) in enumerate(wanted.items()):
                on_progress(Progress("embedded", self.name, done, len(wanted)))
                text = self._texts.get(name)
                if text is None or text.version != manifest.version:
                    text = text_of(self.index, manifest)
                new = stored.get(name) != text.version
                if new:
                    self._forget(name)
                self._add(text, embed=new)
                self._texts[name] = text
                if new:
                    stored[name] = text.version
                    self._mark(stored)
                    embedded += 1
            if not embedded:
                self._mark(stored)
            on_progress(Progress("done", self.name, len(wanted), len(wanted)))
            return embedded

    def _make_collection(self) -> None:
        client = self.index.engine.client
        with store_errors(self.index.engine.address):
            if client.collection_exists(self.collection):
                return
            size = embedding_dimension(self.index.embedding)
            parameters = models.VectorParams(size=size, distance=models.Distance.COSINE)
            words = models.SparseVectorParams(modifier=models.Modifier.IDF)
            client.create_collection(
                self.collection,
                vectors_config={VECTOR: parameters},
                sparse_vectors_config={WORDS: words} if self._searches_words else None,
            )

    def _stored(self) -> dict[str, str]:
        """The versions that the collection holds whole, by document."""
        with store_errors(self.index.engine.address):
            found = self.index.engine.client.retrieve(self.collection, [_MARKER], with_payload=True)
        payload = (found[0].payload or {}) if found else {}
        if payload.get("embedding") != self.index.embedding.model_name:
            return {}
        return dict(payload.get("documents", {}))

    def _mark(self, stored: dict[str, str]) -> None:
        payload = {"embedding": self.index.embedding.model_name, "documents": stored}
        point = models.PointStruct(id=_MARKER, vector={}, payload=payload)
        with store_errors(self.index.engine.address):
            self.index.engine.client.upsert(self.collection, [point], wait=True)

    def _forget(self, document_id: str) -> None:
        """Delete a document's chunks, of whatever version."""
        match = models.MatchValue(value=document_id)
        place = models.FieldCondition(key=self._document_key, match=match)
        chosen = models.Filter(must=[place])
        with store_errors(self.index.engine.address):
            self.index.engine.client.delete(
                self.collection, models.FilterSelector(filter=chosen), wait=True
            )
        self._texts.pop(document_id, None)
        self._drop(document_id)

    _document_key = "metadata.document_id"
    _searches_words = False

    @abstractmethod
    def _add(self, text: Text, *, embed: bool) -> None:
        """Cut a document; embed and store its chunks too, unless they are there."""

    def _drop(self, document_id: str) -> None:
        """Forget what is kept of a document outside the engine."""

    # Questions

    def retrieve(self, question: str, *, budget: int | None = None) -> tuple[list[Context], Trace]:
        """Contexts that fill a budget; see `Lane`."""
        question = checked(question)
        budget = budget or self.index.budget
        self.index.store.fingerprint()
        self.prepare()
        trace = Trace()
        with tracing(trace), store_errors(self.index.engine.address):
            wanted = round(budget * self._overfetch)
            passages = fill(self._search(question, wanted), wanted)
            passages = self._compress(question, passages, budget)
        return contexts_of(passages), trace

    def _search(self, question: str, budget: int) -> list[PeerPassage]:
        """Passages that fill the budget, or all there are, best first."""
        with stage("search") as record:
            hits = self._hits(budget)
            while True:
                passages = self._found(question, hits)
                record.round_trips += 1
                enough = tokens_of(passages) >= budget or hits >= _MOST_HITS
                if enough or self._fixed_hits or len(passages) == 0:
                    break
                if self._exhausted(hits):
                    break
                hits *= 2
            record.nodes_out = len(passages)
            record.tokens_out = tokens_of(passages)
            record.details = PeerSearchDetails(
                peer=self.settings.what, hits=hits, options=self.settings.options
            )
        return passages

    def _hits(self, budget: int) -> int:
        """Of how many hits to make the contexts."""
        return max(4, math.ceil(1.5 * budget / self._tokens_per_hit))

    def _exhausted(self, hits: int) -> bool:
        with store_errors(self.index.engine.address):
            return hits >= self.index.engine.client.count(self.collection).count

    _tokens_per_hit = 250.0
    _overfetch = 1.0
    _fixed_hits = False

    @abstractmethod
    def _found(self, question: str, hits: int) -> list[PeerPassage]:
        """What the peer delivers when it starts from so many hits, best first."""

    def _compress(
        self, question: str, passages: Sequence[PeerPassage], budget: int
    ) -> list[PeerPassage]:
        """What is left of them; by default everything."""
        return list(passages)
