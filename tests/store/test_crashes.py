"""A process is killed at any instant; whoever comes next finds whole documents.

RAG_TEST_KILLS=100 makes it a hundred kills. `python -m tests.benchmarks.crashes` prints them.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from indexes.index import HierarchicalIndex

KILLS = int(os.environ.get("RAG_TEST_KILLS", "8"))


@pytest.mark.slow
@pytest.mark.timeout(120 + 10 * KILLS)
def test_a_killed_process_loses_nothing_acknowledged_and_shows_no_half_document() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.crashes", "--kills", str(KILLS), "--json"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    outcome = json.loads(ran.stdout)
    assert outcome["failures"] == [], ran.stderr
    assert outcome["kills"] == KILLS
    assert outcome["acknowledged"] > KILLS / 2, "it was killed while it was working"


def test_a_collection_whose_creation_was_cut_short_is_made_by_the_next_ingest(
    index: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        """The process is gone."""

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as dying:
        dying.setattr(index.engine.client._client, "upsert", die)
        with pytest.raises(Died):
            index.ingest([])
    with HierarchicalIndex(index.settings, embedding=index.embedding) as again:
        assert again.documents() == []
        again.ingest([])
        assert again.verify().clean


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends when its work is done")
def test_what_a_killed_process_has_started_ends_with_it() -> None:
    child = (
        "import sys, time; from indexes.beside.ending import end_with; "
        "end_with(int(sys.argv[1])); print(flush=True); time.sleep(60)"
    )
    parent = (
        "import os, subprocess, sys, time; "
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}, str(os.getpid())]); "
        "time.sleep(60)"
    )
    started = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    with started.stdout as said:
        assert said.readline() == "\n"
        started.kill()
        started.wait()
        # The pipe ends when nobody holds it any more.
        assert said.read() == ""
