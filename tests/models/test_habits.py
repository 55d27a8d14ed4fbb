"""What is remembered of endpoints: in the process, in a file, and not for ever."""

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.models import habits as module
from indexes.models.habits import FILE, REMEMBERED, Habits, habits_of

NAME = "tiny at http://127.0.0.1/v1"


def test_what_was_learnt_is_known_to_all_who_ask_the_same_endpoint(tmp_path: Path) -> None:
    habits_of(NAME, tmp_path).learn("batch", 16)
    assert habits_of(NAME, tmp_path).get("batch") == 16
    assert habits_of("another at http://127.0.0.1/v1", tmp_path).get("batch") is None


def test_the_next_process_knows_it_too(tmp_path: Path) -> None:
    Habits(NAME, tmp_path).learn("batch", 16)
    Habits(NAME, tmp_path).learn("stream_options", False)
    Habits("another", tmp_path).learn("codec", "tgi")
    assert Habits(NAME, tmp_path).all() == {"batch": 16, "stream_options": False}
    assert Habits("another", tmp_path).all() == {"codec": "tgi"}


def test_without_a_cache_nothing_is_shared_or_written(tmp_path: Path) -> None:
    habits_of(NAME, None).learn("batch", 16)
    assert habits_of(NAME, None).get("batch") is None


def test_after_a_month_it_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Habits(NAME, tmp_path).learn("batch", 16)
    later = module._today() + REMEMBERED + timedelta(days=1)
    monkeypatch.setattr(module, "_today", lambda: later)
    assert Habits(NAME, tmp_path).get("batch") is None
    Habits("another", tmp_path).learn("batch", 8)
    assert NAME not in (tmp_path / FILE).read_text()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{" * 3000,
        b'{"version": 2, "endpoints": {}}',
        b'{"endpoints": {"' + NAME.encode() + b'": {"on": "2999-01-01", "habits": {"batch": -1}}}}',
        b'{"endpoints": {"' + NAME.encode() + b'": {"on": "x", "habits": {"batch": 4}}}}',
        b'{"endpoints": {"' + NAME.encode() + b'": {"on": "2999-01-01", "habits": {"b": [1]}}}}',
        b" " * 2_000_000,
    ],
)
def test_a_damaged_file_is_ignored_with_a_word_in_the_log(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(content)
    habits = Habits(NAME, tmp_path)
    assert habits.all() == {}
    assert "is ignored" in caplog.text
    habits.learn("batch", 16)
    assert Habits(NAME, tmp_path).get("batch") == 16


def test_a_cache_that_can_not_be_written_costs_a_word_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    habits = Habits(NAME, tmp_path / "file")
    habits.learn("batch", 16)
    assert habits.get("batch") == 16
    assert "is not kept" in caplog.text


def test_many_threads_lose_nothing(tmp_path: Path) -> None:
    def learn(place: int) -> None:
        for number in range(5):
            Habits(f"model {place}", tmp_path).learn(f"habit {number}", place)

    threads = [threading.Thread(target=learn, args=(place,)) for place in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = json.loads((tmp_path / FILE).read_text())["endpoints"]
    assert {name: found["habits"] for name, found in written.items()} == {
        f"model {place}": {f"habit {number}": place for number in range(5)} for place in range(6)
    }


@pytest.mark.slow
@given(value=st.one_of(st.booleans(), st.integers(0, 1 << 40), st.text(max_size=200)))
def test_every_value_comes_back_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, value: bool | int | str
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    Habits(NAME, folder).learn("habit", value)
    found = Habits(NAME, folder).get("habit")
    assert (found, type(found)) == (value, type(value))
