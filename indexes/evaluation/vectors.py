"""Vectors that were made once: a comparison embeds a corpus for every lane, and again
whenever it is run again; only the first time costs anything.
"""

import hashlib
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import PrivateAttr

from indexes.errors import StoreError

Vector = list[float]

_SCHEMA = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"
# SQLite's own limit on the variables of one statement is far above.
_AT_ONCE = 500


class RememberedEmbedding(BaseEmbedding):
    """An embedding model that is asked once for each text, and once for each question.

        embedding = RememberedEmbedding(build_embedding(settings), Path("vectors.sqlite"))

    Vectors are kept as 32-bit floats, by the digest of model and text. Thread-safe.

    Args:
        model: who makes the vectors.
        path: the file, made when missing; None remembers for as long as this object lives.

    Raises:
        StoreError: the file is no such file, or can't be written.
        ModelError: the model fails.
    """

    _model: BaseEmbedding = PrivateAttr()
    _file: "_VectorFile" = PrivateAttr()

    def __init__(self, model: BaseEmbedding, path: Path | None = None) -> None:
        super().__init__(
            model_name=model.model_name,
            embed_batch_size=max(model.embed_batch_size, 256),
            callback_manager=None,
        )
        self._model = model
        self._file = _VectorFile(path)

    def _keys(self, kind: str, texts: Sequence[str]) -> list[bytes]:
        about = f"{self.model_name}\0{kind}\0"
        return [
            hashlib.blake2b(
                (about + text).encode("utf-8", "surrogatepass"), digest_size=16
            ).digest()
            for text in texts
        ]

    def _get_text_embeddings(self, texts: list[str]) -> list[Vector]:
        keys = self._keys("text", texts)
        known = self._file.read(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            made = self._model.get_text_embedding_batch(list(missing.values()))
            known |= self._file.write(dict(zip(missing, made, strict=True)))
        return [known[key] for key in keys]

    def _get_text_embedding(self, text: str) -> Vector:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Vector]:
        keys = self._keys("text", texts)
        known = self._file.read(keys)
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if missing:
            made = await self._model.aget_text_embedding_batch(list(missing.values()))
            known |= self._file.write(dict(zip(missing, made, strict=True)))
        return [known[key] for key in keys]

    def _get_query_embedding(self, query: str) -> Vector:
        [key] = self._keys("query", [query])
        known = self._file.read([key])
        if key not in known:
            known = self._file.write({key: self._model.get_query_embedding(query)})
        return known[key]

    async def _aget_query_embedding(self, query: str) -> Vector:
        [key] = self._keys("query", [query])
        known = self._file.read([key])
        if key not in known:
            known = self._file.write({key: await self._model.aget_query_embedding(query)})
        return known[key]


class _VectorFile:
    """Vectors by key, in SQLite: a file that survives a crash and takes several readers."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._memory: dict[bytes, Vector] = {}
        if path is not None:
            with self._opened() as database, database:
                database.execute(_SCHEMA)

    def _opened(self) -> "closing[sqlite3.Connection]":
        try:
            if self._path is None:
                raise AssertionError("nothing is kept in a file")
            self._path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self._path, timeout=60)
            database.execute("PRAGMA journal_mode=WAL")
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"the vectors in {self._path} can't be read ({error}): delete that file"
            ) from error
        return closing(database)

    def read(self, keys: Sequence[bytes]) -> dict[bytes, Vector]:
        """The vectors of those `keys` that are known."""
        with self._lock:
            known = {key: self._memory[key] for key in keys if key in self._memory}
            wanted = [key for key in dict.fromkeys(keys) if key not in known]
            if self._path is not None and wanted:
                with self._opened() as database:
                    for place in range(0, len(wanted), _AT_ONCE):
                        part = wanted[place : place + _AT_ONCE]
                        marks = ",".join("?" * len(part))
                        rows = database.execute(
                            f"SELECT key, vector FROM vectors WHERE key IN ({marks})",  # noqa: S608
                            part,
                        )
                        for key, packed in rows:
                            known[key] = np.frombuffer(packed, np.float32).tolist()
            return known

    def write(self, vectors: dict[bytes, Vector]) -> dict[bytes, Vector]:
        """Keep these, and give them back as they will be read."""
        packed = {key: np.asarray(vector, np.float32) for key, vector in vectors.items()}
        kept = {key: list(map(float, vector)) for key, vector in packed.items()}
        with self._lock:
            if self._path is None:
                self._memory |= kept
            else:
                with self._opened() as database, database:
                    database.executemany(
                        "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                        [(key, vector.tobytes()) for key, vector in packed.items()],
                    )
        return kept
