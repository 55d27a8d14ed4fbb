"""Lanes whose collections differ in shards are not compared without a word."""

import logging
from pathlib import Path

import pytest

from indexes.evaluation import comparison
from indexes.evaluation.comparison import Comparison
from indexes.evaluation.questions import Question, Reference
from indexes.evaluation.report import markdown
from indexes.index import HierarchicalIndex


@pytest.mark.parametrize("shards", [(1, 1), (3, 1)])
def test_a_comparison_says_that_its_collections_differ_in_shards(
    index: HierarchicalIndex,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    shards: tuple[int, int],
) -> None:
    (tmp_path / "lamp.md").write_text("The keeper lit the lamp at dusk.", encoding="utf-8")
    index.ingest([tmp_path / "lamp.md"])
    evidence = Reference(document="lamp.md", start=0, end=31)
    asked = [Question(id="q", question="Who lit the lamp?", references=(evidence,))]
    there = dict(zip(("parent", "regular"), shards, strict=True))
    monkeypatch.setattr(comparison, "_shards", lambda _index, lane: there[lane().info.name])
    with caplog.at_level(logging.WARNING):
        made = Comparison.of(
            index, asked, lanes=["parent", "regular"], budgets=[64], folder=tmp_path / "runs"
        )
    page = markdown(made, title="Lamps", command="make lamps", plots={})
    told = "parent 3, regular 1"
    differ = len(set(shards)) > 1
    assert (told in caplog.text, told in page) == (differ, differ)
