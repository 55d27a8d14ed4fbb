"""Readers and writers share one index. `python -m tests.benchmarks.threads` takes longer."""

from pathlib import Path

from indexes.index import HierarchicalIndex
from indexes.settings import load_settings
from tests.benchmarks.threads import run
from tests.benchmarks.versioned import LEVELS, HashEmbedding


def open_index(folder: Path) -> HierarchicalIndex:
    settings = load_settings(index=str(folder), levels=LEVELS, top_k=1000)
    return HierarchicalIndex(settings, embedding=HashEmbedding())


def test_readers_see_whole_documents_while_one_writes(tmp_path: Path) -> None:
    with open_index(tmp_path) as index:
        outcome = run(index, seconds=3, readers=8, writers=1)
    assert outcome.failures == []
    assert outcome.queries > 8 and outcome.writes > 1


def test_several_writers_do_not_disturb_each_other(tmp_path: Path) -> None:
    with open_index(tmp_path) as index:
        outcome = run(index, seconds=3, readers=8, writers=4)
    assert outcome.failures == []
    assert outcome.queries > 8 and outcome.writes > 4
