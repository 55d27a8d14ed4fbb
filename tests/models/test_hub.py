"""Fetching models from the hub: what comes, what is checked, and what is said when it fails."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from indexes.errors import ModelError, SettingsError
from indexes.models import hub
from indexes.models.catalogue import Entry
from indexes.progress import Progress
from tests.models.hub_stand_in import HubStandIn

DATA = b"GGUF" + bytes(range(256)) * 4000
ENTRY = Entry(
    "tiny", "llm", licence="MIT", repository="acme/tiny-gguf", file="tiny.gguf", bytes=len(DATA)
)
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubStandIn]:
    with HubStandIn() as stand_in:
        stand_in.files["acme/tiny-gguf/tiny.gguf"] = DATA
        monkeypatch.setenv("HF_ENDPOINT", stand_in.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "theirs"))
        monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
        yield stand_in


def test_a_file_is_fetched_once_and_found_again(served: HubStandIn, tmp_path: Path) -> None:
    steps: list[Progress] = []
    path = hub.fetch(ENTRY, tmp_path, steps.append)
    assert path.read_bytes() == DATA
    assert hub.located(ENTRY, tmp_path) == path
    assert (steps[-1].done, steps[-1].known, steps[-1].what) == (len(DATA), len(DATA), "tiny")
    asked = len(served.requests)
    assert hub.fetch(ENTRY, tmp_path) == path
    assert len(served.requests) == asked
    assert [file.name for file in path.parent.iterdir()] == ["tiny.gguf"]


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    served: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100_000)
    served.breaks_after = [300_000, 200_000]
    assert hub.fetch(ENTRY, tmp_path).read_bytes() == DATA
    assert served.ranges == [None, "bytes=300000-", "bytes=500000-"]


@pytest.mark.slow
def test_a_download_that_was_killed_halfway_goes_on(served: HubStandIn, tmp_path: Path) -> None:
    """The process dies without a chance to tidy up; the next one asks for the rest only."""
    large = DATA * 40
    served.files["acme/tiny-gguf/tiny.gguf"] = large
    part = hub.place(ENTRY, tmp_path).with_name("tiny.gguf.part")
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from indexes.models import hub\n"
        "from indexes.models.catalogue import Entry\n"
        "def halfway(step):\n"
        "    if step.done > step.known // 2:\n"
        "        os._exit(9)\n"
        "entry = Entry('tiny', 'llm', repository='acme/tiny-gguf', file='tiny.gguf')\n"
        "hub.fetch(entry, Path(sys.argv[1]), halfway)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert ran.returncode == 9
    there = part.stat().st_size
    assert 0 < there < len(large)
    assert hub.located(ENTRY, tmp_path) is None
    assert hub.fetch(ENTRY, tmp_path).read_bytes() == large
    assert served.ranges[-1] == f"bytes={there}-"
    assert not part.exists()


def test_a_server_that_ignores_ranges_sends_all_again(served: HubStandIn, tmp_path: Path) -> None:
    served.ignores_ranges = True
    served.breaks_after = [300_000]
    assert hub.fetch(ENTRY, tmp_path).read_bytes() == DATA


def test_other_bytes_than_promised_are_refused_and_removed(
    served: HubStandIn, tmp_path: Path
) -> None:
    served.lies.add("acme/tiny-gguf/tiny.gguf")
    with pytest.raises(ModelError, match=r"not what its publisher says .*removed"):
        hub.fetch(ENTRY, tmp_path)
    assert not list(tmp_path.rglob("tiny.gguf*"))
    served.lies.clear()
    assert hub.fetch(ENTRY, tmp_path).read_bytes() == DATA


def test_the_catalogues_hash_is_asked_for_before_anything_comes(
    served: HubStandIn, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="another file"):
        hub.fetch(replace(ENTRY, sha256="0" * 64), tmp_path)
    assert served.ranges == []
    assert hub.fetch(replace(ENTRY, sha256=SHA256), tmp_path).read_bytes() == DATA


def test_without_a_hash_of_the_hub_the_catalogues_counts(
    served: HubStandIn, tmp_path: Path
) -> None:
    served.hashless = True
    with pytest.raises(ModelError, match="not what its publisher says"):
        hub.fetch(replace(ENTRY, sha256="0" * 64), tmp_path)
    assert hub.fetch(ENTRY, tmp_path).read_bytes() == DATA


def test_without_any_hash_it_has_to_be_a_model_at_least(served: HubStandIn, tmp_path: Path) -> None:
    served.hashless = True
    served.files["acme/tiny-gguf/tiny.gguf"] = b"<html>please log in</html>"
    with pytest.raises(ModelError, match="no GGUF file, so it was removed"):
        hub.fetch(ENTRY, tmp_path)
    assert not list(tmp_path.rglob("tiny.gguf*"))


def test_more_bytes_than_promised_are_not_taken(
    served: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100_000)
    served.promises = 300_000
    with pytest.raises(ModelError, match="more came for tiny than the hub said"):
        hub.fetch(ENTRY, tmp_path)
    assert hub.located(ENTRY, tmp_path) is None


def test_a_disk_without_room_is_told_before_anything_comes(
    served: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100_000_000))
    with pytest.raises(ModelError, match=r"takes 1 MB, and 100 MB are free .*RAG_CACHE"):
        hub.fetch(ENTRY, tmp_path)
    assert served.ranges == []


def test_a_disk_that_becomes_full_is_told_and_what_came_stays(
    served: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(step: Progress) -> None:
        if step.done:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(ModelError, match=r"disk became full .*goes on"):
        hub.fetch(ENTRY, tmp_path, full)
    assert hub.fetch(ENTRY, tmp_path).read_bytes() == DATA


def test_a_folder_that_cannot_be_written_is_told(served: HubStandIn, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(ModelError, match=r"cannot write .*RAG_CACHE"):
        hub.fetch(ENTRY, tmp_path)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (replace(ENTRY, file="other.gguf"), "has no acme/tiny-gguf/other.gguf"),
        (replace(ENTRY, repository="acme/nothing"), "has no acme/nothing/tiny.gguf .*HF_TOKEN"),
    ],
)
def test_what_is_not_there_is_told(
    served: HubStandIn, tmp_path: Path, entry: Entry, said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        hub.fetch(entry, tmp_path)


def test_a_gated_model_wants_its_licence_accepted(
    served: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.gated.add("acme/tiny-gguf")
    served.token = "hf_right"
    with pytest.raises(ModelError, match=r"accept its licence: do so at .*acme/tiny-gguf"):
        hub.fetch(ENTRY, tmp_path)
    monkeypatch.setenv("HF_TOKEN", "hf_right")
    assert hub.fetch(ENTRY, tmp_path).read_bytes() == DATA
    sent = {(path.split("/")[1], key) for _, path, _, key in served.requests[-2:]}
    # Not to the other host, where the bytes are.
    assert sent == {("acme", "Bearer hf_right"), ("cdn", None)}


def test_a_token_is_never_shown(
    served: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert "hf_secret" not in repr(hub.ask(ENTRY))
    served.status = 403
    with pytest.raises(ModelError) as caught:
        hub.fetch(ENTRY, tmp_path)
    assert "hf_secret" not in str(caught.value)
    assert "check HF_TOKEN" in str(caught.value)


def test_offline_nothing_is_asked(
    served: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SettingsError, match="HF_HUB_OFFLINE is set"):
        hub.fetch(ENTRY, tmp_path)
    assert served.requests == []


def test_a_hub_that_is_away_is_told(
    served: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match=r"127\.0\.0\.1 can't be reached .*online"):
        hub.fetch(ENTRY, tmp_path)


def test_a_copy_in_their_cache_is_used_and_not_removed(
    served: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "theirs" / "models--acme--tiny-gguf"
    snapshot = folder / "snapshots" / ("c" * 40)
    snapshot.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("c" * 40)
    (snapshot / "tiny.gguf").write_bytes(DATA)
    assert hub.located(ENTRY, tmp_path) == snapshot / "tiny.gguf"
    with pytest.raises(ModelError, match="hf cache rm"):
        hub.remove(ENTRY, tmp_path)
    assert (snapshot / "tiny.gguf").exists()


def test_removing_frees_the_space_and_says_how_much(served: HubStandIn, tmp_path: Path) -> None:
    hub.fetch(ENTRY, tmp_path)
    assert hub.remove(ENTRY, tmp_path) == len(DATA)
    assert list((tmp_path / "models").iterdir()) == []
    with pytest.raises(ModelError, match="not on this machine"):
        hub.remove(ENTRY, tmp_path)


def test_one_process_at_a_time_fetches_a_file(served: HubStandIn, tmp_path: Path) -> None:
    def meanwhile(step: Progress) -> None:
        with pytest.raises(ModelError, match="another process"):
            hub.fetch(ENTRY, tmp_path)

    hub.fetch(ENTRY, tmp_path, meanwhile)


def test_without_its_file_a_model_says_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"tiny is not on this machine \(1 MB\)"):
        hub.required(ENTRY, tmp_path)
