"""The collection that holds a tree: made once, and remembered what it was made with."""

import logging
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

from indexes.errors import IndexMismatchError, StoreError
from indexes.store.columns import Search, number_of
from indexes.store.conditions import ALL_NAMES
from indexes.store.connect import Engine
from indexes.store.grpc_wire import GrpcWire
from indexes.store.pages import Pages
from indexes.store.payload_indexes import indexed
from indexes.store.points import (
    BM25,
    COLLECTION_POINT,
    DENSE,
    FORMAT,
    Fingerprint,
    fingerprint_of,
    fingerprint_point,
)
from indexes.store.probe import SAME, Probes, dimension_of, likeness
from indexes.store.refusals import said, store_errors
from indexes.store.server import ServerParameters

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding

_log = logging.getLogger(__name__)

_NOT_FOUND = 404
# Of names that filters can't ask for, remembered one by one; beyond, none can be asked for.
_MOST_NAMES = 20_000
_MADE_WITH = {
    "embedding": ("embedding model", "RAG_EMBEDDING"),
    "dimension": ("vector dimension", "RAG_EMBEDDING"),
    "levels": ("chunk sizes", "RAG_LEVELS"),
    "embedded_levels": ("embedded chunk sizes", "RAG_LEVELS"),
}

# Who writes to a collection of an engine in this process, whichever store it goes through.
_writers: defaultdict[tuple[str, str], threading.RLock] = defaultdict(threading.RLock)


class TreeCollection(Pages):
    """One collection of an engine. Thread-safe."""

    def __init__(
        self, engine: Engine, collection: str, server: ServerParameters | None = None
    ) -> None:
        super().__init__(engine, collection)
        self.server = server or ServerParameters()
        self.probes = Probes()
        self._fingerprint: Fingerprint | None = None
        self._recognised: list[BaseEmbedding] = []
        self._one_server = False

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the pen: one at a time writes documents here, whichever store it uses.

        Work in progress looks just like work that a crash cut short, so nothing may mend
        what another thread is writing. Other processes can only be on a server, where
        nothing is mended unasked.
        """
        with _writers[self.engine.address, self.collection]:
            yield

    def exists(self) -> bool:
        """Whether anything was ever written here.

        Raises:
            StoreError: it can't be asked, or REST and gRPC lead to different servers.
        """
        if self.engine.embedded:
            return self.engine.client.collection_exists(self.collection)
        return self.described() is not None

    def described(self) -> models.CollectionInfo | None:
        """What the engine says of the collection; None if there is none.

        Nothing else is asked for when a server is opened: a key may be for this collection only.
        """
        if self.engine.embedded and not self.exists():
            return None
        with store_errors(self.engine.address):
            found = _there(partial(self.engine.client.get_collection, self.collection))
            if found is not None:
                self.limits.read(found.config.strict_mode_config)
            same = self._one_server or self._same_by_grpc(found)
        if not same:
            raise StoreError(
                f"{self.engine.address} and its gRPC port lead to different servers: "
                "set RAG_QDRANT_GRPC_PORT to the port of the same one"
            )
        return found

    def _same_by_grpc(self, found: models.CollectionInfo | None) -> bool:
        """Whether a gRPC port leads to the same place: the same collection is there, or none."""
        wire = self.engine.wire
        if not isinstance(wire, GrpcWire):
            return True
        there = _there(partial(wire.described, self.collection))
        if found is None or there is None:
            return found is there
        rest = self.engine.client.retrieve(self.collection, [COLLECTION_POINT], True)
        fields = tuple(Fingerprint.model_fields)
        one = Search(1, ids=[number_of(COLLECTION_POINT)], fields=fields)
        (by_grpc,) = wire.search(self.collection, [one])
        same = [point.payload for point in rest] == by_grpc.payloads
        self._one_server = bool(rest) and same
        return same

    def fingerprint(self) -> Fingerprint:
        """What made the collection.

        Raises:
            StoreError: there is no collection yet, or something else made it.
        """
        made = self.made()
        if made is None:
            raise StoreError(
                f"nothing is indexed in {self.engine.address} (collection "
                f"{self.collection}): run `advanced-rag ingest FILES` first"
            )
        return made

    def made(self) -> Fingerprint | None:
        """The same; None if there is no collection, or one that was cut short when it was made.

        Raises:
            StoreError: something else made it.
        """
        if self._fingerprint is None:
            if not self.exists():
                return None
            with store_errors(self.engine.address):
                found = self.engine.client.retrieve(
                    self.collection, [COLLECTION_POINT], with_payload=True
                )
            if not found and self.count() == 0:
                return None
            if not found:
                raise StoreError(
                    f"collection {self.collection} in {self.engine.address} was not made by "
                    "this project, or is damaged: choose another --collection, or run "
                    "`advanced-rag rebuild`"
                )
            where = f"collection {self.collection} in {self.engine.address}"
            self._fingerprint = fingerprint_of(found[0].payload, where)
        return self._fingerprint

    def prepare(self, wanted: Fingerprint) -> None:
        """Make the collection, or check that `wanted` fits the one that is there.

        Raises:
            IndexMismatchError: it was made with another model or other chunk sizes.
        """
        with self.writing():
            if self.made() is None:
                self._create(wanted)
            self.check(levels=wanted.levels, embedded_levels=wanted.embedded_levels)
            self._compare(wanted.embedding, wanted.probe, wanted.dimension)
            self._bring_up_to_date(wanted)

    def check(self, **wanted: object) -> None:
        """Compare fields of the collection's `Fingerprint` with what they should be.

        Raises:
            IndexMismatchError: it was made with another model or other chunk sizes.
        """
        for name, here in wanted.items():
            there = getattr(self.fingerprint(), name)
            if there != here:
                what, setting = _MADE_WITH[name]
                raise IndexMismatchError(
                    f"collection {self.collection} in {self.engine.address} was made with "
                    f"{what} {_plain(there)}, not {_plain(here)}: set {setting} to match, "
                    "or choose another --collection"
                )

    def recognise(self, model: "BaseEmbedding") -> None:
        """Compare an embedding model, once, with the one that made the collection.

        Raises:
            IndexMismatchError: it is another.
            ModelError: it fails.
        """
        if not self._is_recognised(model):
            probe = self.probes.of(model) if self.fingerprint().probe else ""
            self._compare(model.model_name, probe)
            self._recognised.append(model)

    async def arecognise(self, model: "BaseEmbedding") -> None:
        """The same, natively async."""
        if not self._is_recognised(model):
            probe = await self.probes.aof(model) if self.fingerprint().probe else ""
            self._compare(model.model_name, probe)
            self._recognised.append(model)

    def _is_recognised(self, model: "BaseEmbedding") -> bool:
        return any(known is model for known in self._recognised)

    def _compare(self, name: str, probe: str, dimension: int | None = None) -> None:
        """Compare a model with the one that made the collection: by its probe where both have
        one, else by its name.
        """
        made = self.fingerprint()
        if not made.probe or not probe:
            self.check(embedding=name, **({} if dimension is None else {"dimension": dimension}))
            return
        size, close = dimension_of(probe), likeness(made.probe, probe)
        if size == made.dimension and close >= SAME:
            return
        named = f"{name} is another" if name != made.embedding else "this is another of that name"
        how = f"cosine {close:.2f}" if size == made.dimension else f"{size} dimensions"
        raise IndexMismatchError(
            f"collection {self.collection} in {self.engine.address} was made with embedding model "
            f"{made.embedding} ({made.dimension} dimensions): {named}, it embeds the same text "
            f"differently ({how}): use the model that made it (RAG_EMBEDDING), or choose "
            "another --collection"
        )

    def _bring_up_to_date(self, wanted: Fingerprint) -> None:
        """Write down what older versions of this project did not."""
        made = self.fingerprint()
        self.make_indexes()
        self._describe(format=FORMAT, probe=made.probe or wanted.probe)
        self.note_unfilterable(wanted.unfilterable)

    def note_unfilterable(self, names: Iterable[str]) -> None:
        """Remember names that filters can't ask for, since some document has too much there."""
        known = self.fingerprint().unfilterable
        if new := sorted({*names} - {*known}):
            every = (*known, *new)
            self._describe(unfilterable=every if len(every) <= _MOST_NAMES else (ALL_NAMES,))

    def _describe(self, **changed: object) -> None:
        made = self.fingerprint()
        known = made.model_copy(update=changed)
        if known != made:
            with store_errors(self.engine.address):
                self.engine.client.upsert(self.collection, [fingerprint_point(known)], wait=True)
            self._fingerprint = known

    def make_indexes(self, on_index: Callable[[str], None] = lambda _: None) -> list[str]:
        """Make those of the wanted payload indexes that are missing.

        Args:
            on_index: told the payload key of each before it is made, which may take minutes

        Returns:
            The payload keys of the new ones.
        """
        found = self.described()
        there = found.payload_schema if found is not None else {}
        wanted = {**indexed(embedded=self.engine.embedded), **self.server.indexes}
        missing = [key for key in wanted if key not in there]
        for key in missing:
            on_index(key)
            self.make_index(key, wanted[key])
        return missing

    def make_index(self, key: str, schema: models.PayloadFieldSchema) -> None:
        """Make a payload index; when it returns, the index serves."""
        with store_errors(self.engine.address):
            self.engine.client.create_payload_index(
                self.collection, key, field_schema=schema, wait=True
            )

    def drop_index(self, key: str) -> None:
        """Delete a payload index."""
        with store_errors(self.engine.address):
            self.engine.client.delete_payload_index(self.collection, key, wait=True)

    def _create(self, wanted: Fingerprint) -> None:
        """Make the collection; several may at once, and what was cut short is completed."""
        if not self.engine.embedded:
            self._refuse_half_rebuilt()
        # By REST, so that a gRPC port of another server is found out before it is written to.
        client = self.engine.client
        dense = models.VectorParams(
            size=wanted.dimension,
            distance=models.Distance.COSINE,
            # Half the memory and disk; similarities agree to three digits.
            datatype=models.Datatype.FLOAT16,
            **self.server.vector,
        )
        sparse = models.SparseVectorParams(modifier=models.Modifier.IDF, index=self.server.sparse)
        try:
            with store_errors(self.engine.address):
                client.create_collection(
                    self.collection,
                    vectors_config={DENSE: dense},
                    sparse_vectors_config={BM25: sparse},
                    **self.server.collection,
                )
        except StoreError:
            # Another machine was quicker, or our own first try was heard after all.
            if not self.exists():
                raise
        self.make_indexes()
        mark = {"format": FORMAT, "made": uuid.uuid4().hex}
        with store_errors(self.engine.address):
            # Whoever says first what the collection is made with is right.
            client.upsert(
                self.collection,
                [fingerprint_point(wanted.model_copy(update=mark))],
                wait=True,
                update_mode=models.UpdateMode.INSERT_ONLY,
            )

    def _refuse_half_rebuilt(self) -> None:
        """A new collection would hide the one that a rebuild, which was killed, has complete."""
        try:
            known = self.aliases()
        except StoreError:  # with such a key none can be made either, which is said then
            return
        if rebuilt_mark(self.collection) in known:
            raise StoreError(
                f"a rebuild of collection {self.collection} in {self.engine.address} was cut "
                "short: run `advanced-rag rebuild`, which completes it"
            )

    def aliases(self) -> dict[str, str]:
        """The names that a server's collections go by besides their own: each, and its collection.

        Raises:
            StoreError: it can't be asked, or the key may not.
        """
        with store_errors(self.engine.address):
            found = self.engine.client.get_aliases().aliases
        return {alias.alias_name: alias.collection_name for alias in found}

    def forget(self) -> None:
        """Ask anew what the collection was made with: another may have taken its place."""
        self._fingerprint = None
        self._recognised.clear()

    def drop(self) -> None:
        """Delete the collection with all that is in it; `prepare` makes it anew.

        On a server, by an alias, what it leads to goes, and with that all of its aliases.
        """
        known: dict[str, str] = {}
        if not self.engine.embedded:
            # A key that may not ask may still delete a collection by its own name.
            with suppress(StoreError):
                known = self.aliases()
        named = known.get(self.collection, self.collection)
        others = sorted({n for n, of in known.items() if of == named} - {self.collection})
        if others:
            _log.warning("collection %s is dropped, to which %s lead", named, ", ".join(others))
        with self.writing(), store_errors(self.engine.address):
            self.engine.client.delete_collection(named)
        self.forget()
        if self.exists():
            raise StoreError(
                f"{self.collection} in {self.engine.address} is an alias: name the collection "
                "that it leads to, or set a key that may list aliases (RAG_QDRANT_API_KEY)"
            )


def _there(describe: Callable[[], models.CollectionInfo]) -> models.CollectionInfo | None:
    """What is said of a collection; None if there is none."""
    try:
        return describe()
    except UnexpectedResponse as error:
        if error.status_code != _NOT_FOUND or not said(error).startswith("Not found"):
            raise
    return None


def rebuilt_mark(name: str) -> str:
    """The alias of a collection that is to take another's place, whole; see `rebuild_served`."""
    return f"{name}-rebuilt"


def _plain(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
