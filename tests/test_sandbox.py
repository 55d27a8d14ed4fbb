"""Reading happens in a process that is ended when it takes too much, with a line that says so."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from indexes.documents import load_document, register_reader, unregister_reader
from indexes.documents.limits import Limits
from indexes.errors import DocumentError
from tests import hostile_readers

TIGHT = Limits(seconds=0.5, memory_mb=128)

Open = Callable[[Callable[[bytes], str]], Path]


@pytest.fixture
def file_read_by(tmp_path: Path) -> Iterator[Open]:
    def make(read: Callable[[bytes], str]) -> Path:
        register_reader("hostile", read, suffixes=[".hostile"], replace=True)
        path = tmp_path / "letter.hostile"
        path.write_bytes(b"x")
        return path

    yield make
    unregister_reader("hostile")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("read", "said"),
    [
        (hostile_readers.endless, "took too long to read.*RAG_READING_SECONDS"),
        (hostile_readers.sleeping, "took too long to read.*RAG_READING_SECONDS"),
        (hostile_readers.greedy, "took too much memory.*RAG_READING_MEMORY_MB"),
        (hostile_readers.crashing, "ended the process that read it.*SIGSEGV"),
        (hostile_readers.failing, "the reader .hostile. failed .KeyError"),
        (hostile_readers.flooding, "too much memory|more text"),
        (hostile_readers.forging, "took over the process that read it"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_takes_too_much_ends_in_one_line(
    file_read_by: Open, read: Callable[[bytes], str], said: str
) -> None:
    path = file_read_by(read)
    with pytest.raises(DocumentError, match=said) as caught:
        load_document(path, limits=TIGHT)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_next_file_is_read_after_one_that_ended_its_process(
    file_read_by: Open, tmp_path: Path
) -> None:
    with pytest.raises(DocumentError):
        load_document(file_read_by(hostile_readers.crashing), limits=TIGHT)
    (tmp_path / "next.txt").write_text("Nothing happened.")
    assert load_document(tmp_path / "next.txt").text == "Nothing happened."


def test_what_a_reader_prints_goes_nowhere(file_read_by: Open) -> None:
    assert load_document(file_read_by(hostile_readers.printing), limits=TIGHT).text == "printed"


def test_the_process_that_reads_knows_no_secrets(
    file_read_by: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_API_KEY", "sk-1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sk-2")
    assert load_document(file_read_by(hostile_readers.curious)).text == "-"


def test_a_process_that_has_waited_for_long_may_be_about_to_end_and_is_not_asked(
    file_read_by: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_read_by(hostile_readers.naming_its_process)
    process = load_document(path).text
    assert load_document(path).text == process
    monkeypatch.setattr("indexes.documents.sandbox._FRESH_SECONDS", 0.0)
    assert load_document(path).text != process


def test_a_reader_of_this_process_only_is_run_in_it(file_read_by: Open) -> None:
    here = os.getpid()
    path = file_read_by(lambda data: f"read in {os.getpid()}")
    assert load_document(path).text == f"read in {here}"


def test_reading_in_process_can_be_chosen(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Read here.")
    assert load_document(tmp_path / "a.txt", limits=Limits(in_process=True)).text == "Read here."


def test_where_no_process_can_be_started_the_fix_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("indexes.documents.sandbox._idle._workers", [])
    monkeypatch.setattr(subprocess, "Popen", refuse)
    (tmp_path / "a.txt").write_text("Unread.")
    with pytest.raises(DocumentError, match="RAG_READ_IN_PROCESS=true"):
        load_document(tmp_path / "a.txt")


def test_pages_are_told_while_they_are_read(file_read_by: Open) -> None:
    path = file_read_by(hostile_readers.paging)
    told: list[tuple[int, int]] = []
    found = load_document(path, on_page=lambda done, known: told.append((done, known)))
    assert found.text == "three pages"
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.slow
def test_many_threads_read_at_once(tmp_path: Path) -> None:
    found: dict[int, str] = {}

    def read(number: int) -> None:
        path = tmp_path / f"{number}.txt"
        path.write_text(f"File {number}.")
        found[number] = load_document(path).text

    threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"File {number}." for number in range(8)}


@pytest.mark.slow
def test_a_script_without_a_main_guard_can_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("From a script.")
    script = tmp_path / "script.py"
    script.write_text("from indexes import load_document\nprint(load_document('a.txt').text)\n")
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "From a script.\n"


@pytest.mark.slow
def test_the_process_that_reads_imports_no_llama_index() -> None:
    code = "import sys, indexes.documents.worker; print('llama_index.core' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.slow
def test_waiting_for_a_file_leaves_other_threads_free(file_read_by: Open) -> None:
    path = file_read_by(hostile_readers.endless)
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        until = time.monotonic() + 0.4
        while time.monotonic() < until:
            time.sleep(0.01)
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    with pytest.raises(DocumentError):
        load_document(path, limits=TIGHT)
    thread.join()
    assert ticks > 3
