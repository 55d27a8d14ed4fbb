"""Every point that the engine can still read of a shard, in a process that may die of it.

    python -m indexes.beside.remains SHARD SPOOL PARENT

What is read goes to SPOOL (`indexes.beside.spool`); it ends with 0 where that was everything.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import qdrant_edge as edge

from indexes.beside.ending import end_with
from indexes.beside.spool import Spool

_PAGE = 256


def _main(shard: str, place: str, parent: str) -> int:
    end_with(int(parent))
    engine = edge.EdgeShard.load(shard)
    whole = True
    with Spool(Path(place)) as spool:
        for points, all_read in _pages(engine):
            whole = whole and all_read
            spool.add((name, payload, _dense(vector)) for name, payload, vector in points)
    return 0 if whole else 1


def _dense(vector: Any) -> Any:
    return vector.get("dense") if isinstance(vector, dict) else None


def _pages(engine: edge.EdgeShard) -> Iterator[tuple[list[tuple[str, Any, Any]], bool]]:
    """All points, a page at a time; those of a page that can't be read, one by one."""
    offset = None
    while True:
        request = edge.ScrollRequest(
            offset=offset, limit=_PAGE, filter=None, with_payload=False, with_vector=False
        )
        found, offset = engine.scroll(request)
        ids = [point.id for point in found]
        try:
            read = engine.retrieve(ids, True, True)
            yield [(str(point.id), point.payload, point.vector) for point in read], True
        except BaseException as error:  # noqa: BLE001 - a panic is no Exception
            _only_engine(error)
            yield [_alone(engine, name) for name in ids], False
        if offset is None:
            return


def _alone(engine: edge.EdgeShard, name: Any) -> tuple[str, Any, Any]:
    payload = vector = None
    for with_payload, with_vector in ((True, False), (False, True)):
        try:
            for point in engine.retrieve([name], with_payload, with_vector):
                payload, vector = (
                    (point.payload, vector) if with_payload else (payload, point.vector)
                )
        except BaseException as error:  # noqa: BLE001
            _only_engine(error)
    return str(name), payload, vector


def _only_engine(error: BaseException) -> None:
    if isinstance(error, KeyboardInterrupt | SystemExit):
        raise error


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
