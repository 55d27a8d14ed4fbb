"""Reading what is left of a damaged shard, from copies that leave out more and more.

A damaged file ends the engine with an error, a panic or a signal. So a copy is read by a process
of its own (`indexes.beside.remains`). Where the engine refuses the copy, what it can do without is
left out of the next one: the log, payload indexes, the words' vectors; then the vectors. They can
be made again from the texts.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import qdrant_edge as edge
from qdrant_client.http import models

from indexes.beside.spool import Spool
from indexes.disks import MB, check_room, copy_folder, explained, taken
from indexes.errors import DiskError, StoreError
from indexes.store.edge import numbering
from indexes.store.edge.config import edge_config
from indexes.store.edge.failures import engine_errors

_READER = "indexes.beside.remains"
_LONGEST_SECONDS = 3600
# For what the engine writes as it opens a copy.
_ROOM = 64 * MB
# What is put in from an empty shard of the same parameters, attempt by attempt.
_LESS: tuple[tuple[str, ...], ...] = (
    (),
    ("wal", "edge_config.json"),
    ("segment.json", "version.info", "payload_index", "vector_storage-bm25",
     "payload_storage/config.json"),
    ("vector_storage-dense",),
)  # fmt: skip


def salvage(collection: Path, work: Path) -> Path:
    """Read what can be read of a collection's current shard.

    Args:
        collection: its folder; nothing in it is changed.
        work: an empty folder for copies, and for what is found.

    Returns:
        A file for `Spool`, with what was found.

    Raises:
        StoreError: there is no shard, or no room to copy it.
    """
    spool = work / "points.sqlite"
    shard, config = _current(collection)
    Spool(spool).close()
    fresh = _empty_shard(work / "empty", config) if config else None
    replaced: list[str] = []
    for parts in _LESS if fresh else _LESS[:1]:
        replaced += parts
        copy = work / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        try:
            check_room(work, 2 * taken(shard) + _ROOM, f"cannot copy {shard}")
            copy_folder(shard, copy)
        except OSError as error:
            raise DiskError(explained(f"cannot copy {shard}", error, "make room")) from error
        if fresh:
            _replace(copy, fresh, replaced)
        if _read_apart(copy, spool):
            break
    shutil.rmtree(work / "copy", ignore_errors=True)
    return spool


def _current(collection: Path) -> tuple[Path, models.CollectionConfig | None]:
    """The shard that counts, and its parameters as far as they can be read."""
    try:
        saved = json.loads((collection / "collection.json").read_text(encoding="utf-8"))
        config = models.CollectionConfig.model_validate(saved["config"])
        if (collection / str(saved["shard"])).is_dir():
            return collection / str(saved["shard"]), config
    except (OSError, ValueError, TypeError, KeyError):
        config = None
    shards = sorted(collection.glob("shard-*"), key=lambda path: path.stat().st_mtime)
    if not shards:
        raise StoreError(f"nothing is left of the collection in {collection}: ingest again")
    return shards[-1], config


def _empty_shard(place: Path, config: models.CollectionConfig) -> Path:
    place.mkdir()
    with engine_errors(f"cannot make an empty collection in {place.parent}"):
        engine = edge.EdgeShard.create(str(place), edge_config(config))
        engine.flush()
        engine.close()
    return place


def _replace(copy: Path, fresh: Path, parts: list[str]) -> None:
    """Put the parts of an empty shard into a copy; of segments, into those that can grow."""
    empty = next(iter((fresh / "segments").iterdir()), None)
    places = [(copy, fresh)]
    for segment in (copy / "segments").glob("*") if (copy / "segments").is_dir() else ():
        if empty is not None and numbering.can_grow(segment):
            places.append((segment, empty))
            numbering.renumber(segment)
            if "payload_storage/config.json" in parts:
                numbering.free(segment, empty)
            if not (segment / "version.info").exists():  # the engine drops it without a word
                shutil.copy(empty / "version.info", segment)
        elif "payload_index" in parts:
            shutil.rmtree(segment / "payload_index", ignore_errors=True)
    for target, source in places:
        for part in parts:
            if not (source / part).exists():
                continue
            if (source / part).is_dir():
                shutil.rmtree(target / part, ignore_errors=True)
                shutil.copytree(source / part, target / part)
            else:
                shutil.copy(source / part, target / part)


def _read_apart(copy: Path, spool: Path) -> bool:
    """Whether a process of its own read all of a copy."""
    command = [sys.executable, "-m", _READER, str(copy), str(spool), str(os.getpid())]
    try:
        ran = subprocess.run(  # noqa: S603
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LONGEST_SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return ran.returncode == 0
