"""Readers and writers share one index. `python -m tests.benchmarks.threads` takes longer."""

import os
import time
import warnings
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest

import indexes.store.nodes
from indexes.errors import RagError
from indexes.index import HierarchicalIndex
from tests.benchmarks.threads import opened, run
from tests.benchmarks.versioned import document, shown, text_of


@pytest.mark.slow
def test_readers_see_whole_documents_while_one_writes_and_one_copies(tmp_path: Path) -> None:
    with opened(tmp_path / "index") as index, opened(tmp_path / "copy") as copy:
        outcome = run(index, seconds=3, readers=16, writers=1, copies=[copy])
    assert outcome.failures == []
    assert outcome.queries > 8 and outcome.writes > 1 and outcome.copies > 0


@pytest.mark.slow
def test_several_writers_do_not_disturb_each_other(tmp_path: Path) -> None:
    with opened(tmp_path) as index:
        outcome = run(index, seconds=3, readers=8, writers=4)
    assert outcome.failures == []
    assert outcome.queries > 8 and outcome.writes > 4


def test_a_forked_process_is_told_to_open_the_index_itself(index: HierarchicalIndex) -> None:
    index.ingest([document("doc", 1)])
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking while threads run
        child = os.fork()
    if child == 0:
        said = "nothing"
        try:
            index.retrieve("sentence")
        except RagError as error:
            said = str(error)
        finally:
            os.write(write, said.encode())
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        assert "was opened before a fork: open it after" in told.read()
    os.waitpid(child, 0)
    assert index.retrieve("sentence")[0]


@pytest.mark.slow
def test_a_clock_that_is_set_back_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Earlier(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Earlier":
            return super().now(tz) - timedelta(hours=1)

    with opened(tmp_path) as index:
        index.ingest([document("doc", 1), document("other", 1)])
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() - 3600)
        monkeypatch.setattr(indexes.store.nodes, "datetime", Earlier)
        index.ingest([document("doc", 2)])
        index.remove("other")
        assert shown(index) == {"doc": text_of("doc", 2)}
    with opened(tmp_path) as index:
        assert shown(index) == {"doc": text_of("doc", 2)}
        assert index.verify(deep=True).clean
