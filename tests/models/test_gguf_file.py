"""Files that people take for a model: each is told for what it is, in one line."""

import struct
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.errors import ModelError
from indexes.models.catalogue import Kind
from indexes.models.gguf_file import head_of, why_not
from indexes.models.local import LocalModel, smollm2_gguf
from tests.models.tiny import tiny_bert


def written(path: Path, architecture: str, *, kind: str = "", tensors: int = 1) -> Path:
    """A file of some architecture, with nothing in it that matters."""
    writer = gguf.GGUFWriter(path, architecture)
    if kind:
        writer.add_type(kind)
    writer.add_token_list(["a", "b"])
    for number in range(tensors):
        writer.add_tensor(f"t{number}", np.zeros((2, 3), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def pictures(folder: Path) -> Path:
    return written(folder / "mmproj-model-f16.gguf", "clip", kind="mmproj")


def adapter(folder: Path) -> Path:
    return written(folder / "lora.gguf", "llama", kind="adapter")


def vocabulary(folder: Path) -> Path:
    return written(folder / "vocab.gguf", "llama", tensors=0)


def unknown(folder: Path) -> Path:
    return written(folder / "new.gguf", "wondernet")


def part(folder: Path) -> Path:
    return written(folder / "big-00001-of-00003.gguf", "llama")


def second(folder: Path) -> Path:
    written(folder / "big-00001-of-00002.gguf", "llama")
    return written(folder / "big-00002-of-00002.gguf", "llama")


def cut(folder: Path) -> Path:
    whole = written(folder / "cut.gguf", "llama").read_bytes()
    (folder / "cut.gguf").write_bytes(whole[:-24])
    return folder / "cut.gguf"


def embeds(folder: Path) -> Path:
    writer = gguf.GGUFWriter(folder / "embeds.gguf", "qwen3")
    writer.add_pooling_type(gguf.PoolingType.LAST)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return folder / "embeds.gguf"


def ranks(folder: Path) -> Path:
    writer = gguf.GGUFWriter(folder / "ranks.gguf", "bert")
    writer.add_pooling_type(gguf.PoolingType.RANK)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return folder / "ranks.gguf"


def text(folder: Path) -> Path:
    (folder / "page.gguf").write_text("<html>Not found</html>")
    return folder / "page.gguf"


def bert(folder: Path) -> Path:
    return tiny_bert(folder / "tiny.gguf")


def language(folder: Path) -> Path:
    return smollm2_gguf()


ODD: list[tuple[Callable[[Path], Path], Kind, str]] = [
    (pictures, "llm", "pictures .mmproj.: name the model's own file; change RAG_LLM_GGUF"),
    (adapter, "llm", "an adapter"),
    (vocabulary, "llm", "a vocabulary and no weights"),
    (unknown, "llm", "'wondernet'"),
    (part, "llm", "one of 3 parts, and big-00002-of-00003.gguf is not beside it"),
    (second, "llm", "name the first, big-00001-of-00002.gguf"),
    (cut, "llm", "cut short"),
    (embeds, "llm", "not a language model, but an embedding model: change RAG_LLM_GGUF"),
    (ranks, "llm", "not a language model, but a reranker"),
    (ranks, "embedding", "not an embedding model, but a reranker: change RAG_EMBEDDING_GGUF"),
    (text, "llm", "no GGUF file"),
    (bert, "llm", "not a language model"),
    (language, "embedding", "not an embedding model"),
    (language, "reranker", "not a reranker"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "purpose", "told"), ODD, ids=lambda value: getattr(value, "__name__", None)
)
def test_what_is_no_model_is_told_for_what_it_is(
    tmp_path: Path, made: Callable[[Path], Path], purpose: Kind, told: str
) -> None:
    file = made(tmp_path)
    model = LocalModel(purpose=purpose, name="m", file=file, cache=tmp_path, window=512)
    with pytest.raises(ModelError, match=told) as failure:
        model.open()
    assert "\n" not in str(failure.value)
    assert file.name in str(failure.value)


@pytest.mark.slow
@given(st.binary(max_size=300))
def test_whatever_follows_the_magic_is_read(
    tmp_path_factory: pytest.TempPathFactory, rest: bytes
) -> None:
    file = tmp_path_factory.mktemp("gguf") / "any.gguf"
    for head in (b"GGUF", b"GGUF" + struct.pack("<IQQ", 3, 2**40, 2**40)):
        file.write_bytes(head + rest)
        assert isinstance(head_of(file).beside, str)
        assert why_not(file)
