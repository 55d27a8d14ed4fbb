"""The page answers first; the index, and the library it needs, come after."""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from app.page import opening as opening_module
from app.page.opening import Opening
from indexes.errors import RagError, StoreError, StoreUnreachableError
from indexes.index import HierarchicalIndex
from indexes.settings import Settings


@pytest.mark.slow
def test_the_page_is_made_without_the_library() -> None:
    heavy = ("llama_index", "qdrant_client", "qdrant_edge", "xllamacpp", "openai")
    script = f"import sys, app.page.server; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_an_index_can_be_asked_while_it_is_being_prepared(tmp_path: Path) -> None:
    go_on = threading.Event()
    settings = Settings(index=str(tmp_path / "index"), provider="openai")
    opening = Opening(settings, lambda _index: go_on.wait(10) and None)
    opening.start(on_failure=lambda: pytest.fail("it was not to fail"))
    assert opening.wait().documents() == []
    assert not opening.prepared
    go_on.set()
    opening.close()


async def test_who_waits_for_an_index_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file, not a folder")
    failed = threading.Event()
    opening = Opening(Settings(index=str(tmp_path / "index")))
    opening.start(on_failure=failed.set)
    with pytest.raises(StoreError):
        await opening.index()
    assert failed.wait(10)


def test_a_failed_start_is_raised_when_the_page_ends(tmp_path: Path) -> None:
    failed = threading.Event()

    def fail(_index: HierarchicalIndex) -> None:
        raise StoreError("the disk is full: make room")

    opening = Opening(Settings(index=str(tmp_path / "index"), provider="openai"), fail)
    opening.start(on_failure=failed.set)
    assert failed.wait(10)
    with pytest.raises(RagError, match="the disk is full"):
        opening.close()


def test_a_server_that_is_away_while_documents_are_indexed_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening_module, "SECONDS_BETWEEN_TRIES", 0.01)
    tries: list[HierarchicalIndex] = []

    def prepare(index: HierarchicalIndex) -> None:
        tries.append(index)
        if len(tries) < 3:
            raise StoreUnreachableError("the server is away")

    opening = Opening(Settings(index=str(tmp_path / "index"), provider="openai"), prepare)
    opening.start(on_failure=lambda: pytest.fail("it was not to fail"))
    opening.wait()
    while not opening.prepared:
        time.sleep(0.01)
    assert len(tries) == 3
    opening.close()


async def test_a_server_that_is_away_when_the_page_starts_is_waited_for_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = threading.Event()

    class Away(HierarchicalIndex):
        def __init__(self, settings: Settings) -> None:
            if not back.is_set():
                raise StoreUnreachableError("the server is away")
            super().__init__(settings)

    monkeypatch.setattr(opening_module, "SECONDS_BETWEEN_TRIES", 0.01)
    monkeypatch.setattr("indexes.HierarchicalIndex", Away, raising=False)
    opening = Opening(Settings(index=str(tmp_path / "index"), provider="openai"))
    opening.start(on_failure=lambda: pytest.fail("it was not to fail"))
    while not (said := opening.away):
        time.sleep(0.001)
    back.set()
    assert said.startswith("The index cannot be reached since ")
    assert (await opening.index()).documents() == []
    assert opening.away == ""
    opening.close()


@pytest.mark.slow
def test_a_page_whose_index_cannot_be_opened_ends_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file, not a folder")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "app", "page", "--port", str(port), "--index"]
    done = subprocess.run(
        [*command, str(tmp_path / "index")], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
