"""A lane's journey: what was found, what grew, moved, was kept, and was asked."""

from pathlib import Path

import pytest

from app.page.render.journey import journey
from app.page.render.outline import outline
from app.page.view import View
from indexes.details import (
    CondenseDetails,
    JudgeDetails,
    JudgedPassage,
    JudgedSentence,
    MergeDetails,
)
from indexes.index import HierarchicalIndex
from indexes.outline import Outline
from indexes.settings import Settings
from indexes.trace import Stage, Trace
from tests.page.fakes import ScriptedLLM, WordEmbedding
from tests.page.test_render import HOSTILE, Seen, assert_harmless

SENTENCES = [f"Sentence {n} tells of the harbour, its boats and keeper {n}." for n in range(60)]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> HierarchicalIndex:
    """An index of one text with three levels."""
    folder = tmp_path_factory.mktemp("journey")
    (folder / "harbour.txt").write_text(" ".join(SENTENCES), encoding="utf-8")
    settings = Settings(index=str(folder / "index"), budget=128, levels=(128, 64, 32))
    index = HierarchicalIndex(settings, embedding=WordEmbedding(), llm=ScriptedLLM())
    index.ingest([folder / "harbour.txt"])
    return index


@pytest.fixture(scope="module")
def document(index: HierarchicalIndex) -> Outline:
    (manifest,) = index.documents()
    return index.outline(manifest.document_id)


def retrieved(index: HierarchicalIndex, pattern: str) -> View:
    question = "Who is keeper 17 of the harbour?"
    contexts, trace = index.retrieve(question, pattern)
    return View(0, "done", question, pattern, tuple(contexts), trace=trace)


def span(text: str, sentence: int) -> tuple[int, int]:
    start = text.index(SENTENCES[sentence])
    return start, start + len(SENTENCES[sentence])


@pytest.mark.parametrize("pattern", ["regular", "parent", "parent-ratio"])
def test_leaves_are_ranked_by_a_score_with_a_name(
    index: HierarchicalIndex, document: Outline, pattern: str
) -> None:
    view = retrieved(index, pattern)
    text = Seen(journey(view, [document], "the prompt")).text
    assert "higher is better" in text
    assert "harbour.txt" in text
    assert "● hit 1" in text
    assert "without a hit" in text
    assert "exactly as the model would get it" in text


def test_the_tree_shows_what_was_found_and_given_and_why(
    index: HierarchicalIndex, document: Outline
) -> None:
    view = retrieved(index, "parent")
    shown = journey(view, [document], "")
    seen = Seen(shown)
    merge = view.trace.find(MergeDetails)
    assert merge is not None
    given = {leaf for row in merge.passages for leaf in row.leaves}
    assert seen.text.count("in passage") == len(given)
    for row in merge.passages:
        assert row.reason in seen.text
    label = next(label for label in seen.all("aria-label") if "leaves found" in label)
    assert f"{len(given)} given to the model" in label


def test_a_tree_without_a_question_shows_every_leaf_whole(document: Outline) -> None:
    seen = Seen(outline(document))
    text = " ".join(seen.text.split())
    for sentence in SENTENCES:
        assert all(word in text for word in sentence.split())
    assert seen.text.count("Level 0") == len(document.sections)
    assert "hit" not in seen.text


@pytest.mark.parametrize(
    ("fills", "rule"), [(None, "a score of 0 is enough"), (1024, "the best fill 1,024 tokens")]
)
def test_sentences_are_kept_and_dropped_in_place_and_in_words(
    document: Outline, fills: int | None, rule: str
) -> None:
    text = document.text(0, document.manifest.characters)
    kept, dropped = span(text, 3), span(text, 4)
    stage = Stage(
        name="extract",
        tokens_in=100,
        tokens_out=38,
        details=JudgeDetails(
            judge="embedding",
            model="MiniLM",
            threshold=0.0,
            fills=fills,
            passages=(
                JudgedPassage(
                    id="x",
                    document="harbour.txt",
                    start=kept[0],
                    end=dropped[1],
                    kept=True,
                    outcome="judged",
                    note="the most similar sentences",
                    score=0.5,
                    rank_before=1,
                    rank_after=1,
                    tokens_in=100,
                    tokens_out=38,
                    sentences=(
                        JudgedSentence(start=kept[0], end=kept[1], kept=True, score=0.9),
                        JudgedSentence(start=dropped[0], end=dropped[1], kept=False),
                    ),
                ),
            ),
        ),
    )
    view = View(1, "done", "Q", "extract", trace=Trace(stages=[stage]))
    shown = journey(view, [document], "")
    text = Seen(shown).text
    by = f"judged by embedding similarity, MiniLM; {rule}"
    assert f"kept 1 of 2 sentences, 38% of the tokens; {by}" in text
    assert f"dropped: {SENTENCES[4]}" in text
    assert SENTENCES[3] in text
    assert shown.count("<del") == 1
    assert "the most similar sentences" in text


def test_a_filters_passages_are_crossed_out_whole(document: Outline) -> None:
    row = JudgedPassage(id="x", document="harbour.txt", start=0, end=40, kept=False)
    details = JudgeDetails(judge="llm", fallback="empty", passages=(row,))
    stage = Stage(name="filter", details=details)
    view = View(1, "done", "Q", "filter", trace=Trace(stages=[stage]))
    text = Seen(journey(view, [document], "")).text
    assert "kept 0 of 1 passage" in text
    assert "Everything was dropped: the documents do not say." in text


def test_reranking_shows_who_moved_where() -> None:
    rows = (
        JudgedPassage(document="a.md", start=0, end=9, rank_before=3, rank_after=1, score=0.9),
        JudgedPassage(document="b.md", start=0, end=9, rank_before=1, rank_after=2, score=0.5),
        JudgedPassage(document="c.md", start=0, end=9, rank_before=2),
    )
    stage = Stage(name="rerank", details=JudgeDetails(judge="cross-encoder", passages=rows))
    view = View(1, "done", "Q", "rerank", trace=Trace(stages=[stage]))
    text = Seen(journey(view, [], "")).text
    assert "13▲ up 2a.md" in text
    assert "21▼ down 1b.md" in text
    assert "–2left outc.md" in text


def test_a_follow_up_begins_the_journey() -> None:
    details = CondenseDetails(
        question="And then?", condensed="What then grew?", outcome="rewritten"
    )
    view = View(
        1, "done", "What then grew?", trace=Trace(stages=[Stage(name="condense", details=details)])
    )
    assert "Understood as" in Seen(journey(view, [], "")).text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text_on_a_journey(hostile: str, tmp_path: Path) -> None:
    (tmp_path / "hostile.md").write_text(f"# {hostile}\n\n{hostile}\n", encoding="utf-8")
    settings = Settings(index=str(tmp_path / "index"), budget=128)
    with HierarchicalIndex(settings, embedding=WordEmbedding(), llm=ScriptedLLM()) as index:
        index.ingest([tmp_path / "hostile.md"])
        (manifest,) = index.documents()
        document = index.outline(manifest.document_id)
        contexts, trace = index.retrieve("What is hostile?", "parent")
        merge = trace.find(MergeDetails)
        assert merge is not None
        merge.score = hostile
        view = View(1, "done", hostile, hostile, tuple(contexts), trace=trace)
        assert_harmless(journey(view, [document], hostile), hostile)
        assert_harmless(outline(document), hostile)
