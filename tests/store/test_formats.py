"""Indexes of older and newer versions of this project: opened, brought up to date, or refused.

`formats/format-N.tar.xz` are folders that the versions wrote which first had that format: two
documents, `harbour.md` and `tide.txt`.
"""

import re
import tarfile
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from llama_index.core.schema import Document

from indexes.errors import IndexMismatchError, StoreError
from indexes.index import HierarchicalIndex
from indexes.store.points import COLLECTION_POINT, FORMAT
from tests.fakes import WordEmbedding

HERE = Path(__file__).parent / "formats"


class OldWords(WordEmbedding):
    """The model of those days."""

    def _embed(self, text: str) -> list[float]:
        total = np.full(32, 1e-3)
        for word in re.findall(r"\w+", text.lower()):
            total += np.random.default_rng(crc32(word.encode())).standard_normal(32)
        return list(map(float, total / np.linalg.norm(total)))


def unpacked(made: int, folder: Path) -> HierarchicalIndex:
    """An index of a format, opened."""
    with tarfile.open(HERE / f"format-{made}.tar.xz") as packed:
        packed.extractall(folder, filter="data")
    return HierarchicalIndex.open(folder / "index", embedding=OldWords())


@pytest.mark.slow
@pytest.mark.parametrize("made", [2, 3])
def test_an_older_index_is_read_written_and_brought_up_to_date(tmp_path: Path, made: int) -> None:
    with unpacked(made, tmp_path) as index:
        passages, _ = index.retrieve("Who lit the lamp in 1907?", "parent", budget=60)
        assert "Ada lit the lamp in year 1907" in passages[0].text
        assert {found.source for found in index.documents()} == {"tide.txt", "harbour.md"}
        assert index.verify(deep=True).clean
        index.ingest([Document(id_="gull", text="A gull sat on the pier.")])
        assert index.store.fingerprint().format == FORMAT
        index.export_file(tmp_path / "export.jsonl")
        assert sorted(index.rebuild().restored) == ["gull", "harbour.md", "tide.txt"]
        assert index.verify(deep=True).clean
        index.remove("harbour.md")
        assert "lamp" not in index.retrieve("Who lit the lamp?", "parent", budget=60)[0][0].text


@pytest.mark.slow
def test_one_that_is_too_old_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    with unpacked(1, tmp_path) as index:
        for refused in (lambda: index.retrieve("lamp"), lambda: index.ingest([]), index.verify):
            with pytest.raises(IndexMismatchError, match=r"format \(1\) .* `advanced-rag rebuild`"):
                refused()
        assert sorted(index.rebuild().restored) == ["harbour.md", "tide.txt"]
        passages, _ = index.retrieve("Who lit the lamp in 1907?", "parent", budget=60)
        assert "Ada lit the lamp in year 1907" in passages[0].text
        assert index.verify(deep=True).clean


def changed(index: HierarchicalIndex, **payload: object) -> HierarchicalIndex:
    index.ingest([Document(id_="gull", text="A gull sat on the pier.")])
    index.engine.client.set_payload(index.store.collection, payload, points=[COLLECTION_POINT])
    return HierarchicalIndex(index.settings, engine=index.engine, embedding=index.embedding)


def test_one_of_a_newer_version_is_refused(index: HierarchicalIndex) -> None:
    newer = changed(index, format=FORMAT + 1, levels="another way")
    with pytest.raises(IndexMismatchError, match=r"newer version .* update advanced-rag-patterns"):
        newer.retrieve("gull")


def test_a_damaged_record_of_the_collection_names_the_way_back(index: HierarchicalIndex) -> None:
    with pytest.raises(StoreError, match=r"is damaged \(levels\): run `advanced-rag rebuild`"):
        changed(index, levels="nonsense").retrieve("gull")
