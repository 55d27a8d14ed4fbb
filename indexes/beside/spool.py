"""Points that were read of a damaged collection, in an SQLite file, whatever was read of each."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

_TABLE = "CREATE TABLE IF NOT EXISTS point (id TEXT PRIMARY KEY, document TEXT, payload TEXT, vector TEXT)"  # noqa: E501
# Whatever another attempt read stays, where this one can't.
_ADD = (
    "INSERT INTO point VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
    "document = coalesce(excluded.document, document), "
    "payload = coalesce(excluded.payload, payload), "
    "vector = coalesce(excluded.vector, vector)"
)


class Spool:
    """A file of points.

    with Spool(work / "points.sqlite") as spool:
        spool.add([("6f1c…", {"kind": "leaf", …}, [0.1, …]), ("0b77…", None, None)])

    Args:
        path: of the file; made when missing.
    """

    def __init__(self, path: Path) -> None:
        self._table = sqlite3.connect(path)
        with self._table:
            self._table.execute(_TABLE)

    def add(self, points: Iterable[tuple[str, Any, Any]]) -> None:
        """Add points: id, payload and dense vector, None where these can't be read."""
        with self._table:
            self._table.executemany(_ADD, (_row(*point) for point in points))

    def unread(self) -> int:
        """Points that say nothing of what they are."""
        query = "SELECT count(*) FROM point WHERE payload IS NULL"
        (count,) = self._table.execute(query).fetchone()
        return int(count)

    def known(self) -> bool:
        """Whether anything was read."""
        return bool(self._table.execute("SELECT 1 FROM point LIMIT 1").fetchone())

    def documents(self) -> list[str]:
        """The ids of all documents of which something was read."""
        query = "SELECT DISTINCT document FROM point WHERE document != ''"
        return [name for (name,) in self._table.execute(query)]

    def points(self, document: str) -> Iterator[tuple[dict[str, Any], list[float] | None]]:
        """What was read of a document; of the collection itself, for ""."""
        query = "SELECT payload, vector FROM point WHERE document = ?"
        for payload, vector in self._table.execute(query, (document,)):
            yield json.loads(payload), json.loads(vector) if vector else None

    def close(self) -> None:
        """Let go of the file."""
        self._table.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _row(name: str, payload: Any, vector: Any) -> tuple[str, str | None, str | None, str | None]:
    readable = isinstance(payload, dict) and "kind" in payload
    return (
        name,
        str(payload.get("document_id", "")) if readable else None,
        json.dumps(payload) if readable else None,
        json.dumps(list(vector)) if vector is not None else None,
    )
