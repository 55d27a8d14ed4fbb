"""What the page shows of a comparison, and that hostile text stays text."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from app.page.conversation import Run
from app.page.export import as_json, as_markdown
from app.page.figures import figures
from app.page.render.comparison import comparison, heading
from app.page.render.documents import day, head, progress, shelf
from app.page.render.lane import cited, lane
from app.page.render.markup import html, seconds
from app.page.render.passages import passages
from app.page.render.strip import stages, strip
from app.page.uploads import Upload
from app.page.view import View
from indexes.answers import NOT_FOUND, Answer, Citation, Context
from indexes.details import AnswerDetails, CondenseDetails, MergeDetails
from indexes.lanes import LaneInfo
from indexes.models.capabilities import Capabilities
from indexes.store.points import Manifest
from indexes.trace import Stage, Trace

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "![x](http://evil.example/x.png) [y](javascript:alert(1))",
    "${alert(1)} {{alert(1)}} {0} {title}",
    "</mark></article><iframe src=//evil.example>",
]


HARMLESS = {
    *(
        "nav",
        "section",
        "header",
        "article",
        "details",
        "summary",
        "div",
        "span",
        "p",
        "b",
        "i",
        "a",
    ),
    *(
        "nav",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "mark",
        "button",
        "small",
    ),
    *("table", "thead", "tbody", "tfoot", "tr", "th", "td", "br", "progress", "figure", "pre"),
    *("figcaption", "del"),
}


class Seen(HTMLParser):
    """What a browser would make of a piece of HTML: elements, attributes and text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(str(markup))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


def context(text: str = "Cloud grew. Parcels too.", **fields: object) -> Context:
    return Context.model_validate(
        {
            "document": "letter.md",
            "start": 100,
            "end": 100 + len(text),
            "text": text,
            "score": 1.5,
            "level": 2,
            "title": "Letter",
            "tokens": 6,
            **fields,
        }
    )


def citation(passage: int, span: tuple[int, int], **fields: object) -> Citation:
    return Citation.model_validate(
        {
            "context": passage,
            "answer_start": span[0],
            "answer_end": span[1],
            "document": "letter.md",
            "pages": None,
            "start": 100,
            "end": 124,
            "origin": "model",
            **fields,
        }
    )


def done(text: str, *citations: Citation, contexts: list[Context] | None = None) -> View:
    """A question that was answered."""
    found = [context()] if contexts is None else contexts
    stages = [
        Stage(name="search", seconds=0.2, nodes_out=64, round_trips=2),
        Stage(
            name="merge",
            seconds=0.1,
            details=MergeDetails(score="relevance (higher is better)"),
        ),
        Stage(
            name="answer",
            seconds=1.0,
            llm_calls=1,
            llm_tokens_in=1200,
            llm_tokens_out=40,
            details=AnswerDetails(model="Scripted-1", first_word_seconds=0.25),
        ),
    ]
    whole = Answer(
        question="What grew?",
        pattern="parent",
        answer=text,
        contexts=found,
        citations=list(citations),
        trace=Trace(stages=stages),
    )
    return View(1, "done", "What grew?", "parent", tuple(found), text, whole, whole.trace)


def shown(view: View) -> str:
    """A lane as it is on the page."""
    return lane(view, LaneInfo(name="parent", summary="Grows.", what="Grows."))


def run_of(*views: View) -> Run:
    return Run("What grew?", "What grew?", None, {"budget": 512, "filters": object()}, list(views))


def manifest(**fields: object) -> Manifest:
    return Manifest.model_validate(
        {
            "document_id": "id-1",
            "version": "v",
            "settled": True,
            "title": "Letter",
            "source": "letter.pdf",
            "leaves": 12,
            "tokens": 900,
            "page_starts": [0, 10],
            "ingested_at": "2026-11-22T13:04:43+00:00",
            **fields,
        }
    )


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text_wherever_it_comes_from(hostile: str) -> None:
    view = done(
        hostile,
        citation(1, (0, len(hostile)), origin="similarity", start=100, end=100 + len(hostile)),
        contexts=[context(hostile, title=hostile, reason=hostile, document=hostile)],
    )
    view = replace(view, pattern=hostile)
    answer = view.trace.stages[2]
    answer.name = answer.error = hostile
    answer.details = AnswerDetails(model=hostile, outcome=hostile, left_out=hostile)
    view.trace.stages[1].details = MergeDetails(score=hostile)
    document = manifest(title=hostile, source=hostile, document_id=hostile)
    condensed = Stage(name="condense", details=CondenseDetails(outcome=hostile))
    run = Run(hostile, "asked", condensed, {}, [view, replace(view, lane=2)])
    pieces = [
        shown(view),
        shown(View(1, "failed", hostile, hostile, error=hostile)),
        passages(view),
        strip(view, figures(view)),
        stages(view.trace),
        comparison(run),
        shelf([document], lambda _: True, hostile),
        head(
            [document],
            llm=Capabilities(hostile, 512, provider=hostile),
            embedding=Capabilities(hostile, 512, provider=hostile),
            better=hostile,
        ),
        progress([Upload(hostile, "failed", reason=hostile), Upload(hostile, "reading")]),
    ]
    for piece in pieces:
        assert_harmless(piece, hostile)


def assert_harmless(piece: str, hostile: str) -> None:
    """A hostile text is on the page as text, and made nothing else."""
    seen = Seen(piece)
    assert hostile in seen.text
    assert set(seen.tags) <= HARMLESS
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name == "src"]
    assert all(link.startswith("#") for link in seen.all("href"))


def test_values_are_escaped_and_own_html_is_not() -> None:
    assert html("<p>{}{}</p>", "<", html("<b>{name}</b>", name="&")) == "<p>&lt;<b>&amp;</b></p>"


def test_characters_that_disguise_text_are_removed() -> None:
    assert html("{}", "fdp\u202e.exe\x00") == "fdp.exe\ufffd"


def test_numbers_of_the_model_become_links_to_passages() -> None:
    text = "Cloud grew [1, 2], a lot [7]."
    seen = Seen(cited(text, [citation(1, (11, 17)), citation(2, (11, 17))], 2))
    assert seen.all("href") == ["#lane2-passage-1", "#lane2-passage-2"]
    assert seen.text == "Cloud grew12, a lot [7]."
    assert seen.all("aria-label") == ["passage 1, cited", "passage 2, cited"]


def test_matches_by_similarity_are_told_apart_in_words() -> None:
    text = "Cloud grew. The end."
    view = done(text, citation(1, (0, 11), origin="similarity", start=100, end=112))
    seen = Seen(shown(view))
    assert "Cloud grew.≈1 The end." in seen.text
    assert "passage 1, matched by similarity" in seen.all("aria-label")
    assert "The model cited nothing: ≈ leads to" in seen.text


def test_the_sentence_behind_an_answer_is_marked_in_its_passage() -> None:
    view = done("It grew.", citation(1, (0, 8), origin="similarity", start=100, end=112))
    assert '<mark id="lane1-cited-0">Cloud grew.</mark> Parcels too.' in passages(view)


def test_a_citation_of_a_whole_passage_marks_no_sentence() -> None:
    piece = passages(done("It grew [1].", citation(1, (8, 11))))
    assert "<mark" not in piece
    assert "cited" in Seen(piece).text


def test_marks_survive_spans_that_leave_the_passage_or_overlap() -> None:
    spans = [(90, 112), (105, 118), (100, 112), (500, 600)]
    found = [citation(1, (0, 2), origin="similarity", start=start, end=end) for start, end in spans]
    assert Seen(passages(done("It grew.", *found))).text.count("Cloud grew. Parcels too.") == 1


def test_a_passage_tells_where_it_is_from_and_why_it_is_so_long() -> None:
    merged = context(pages=(2, 3), leaves=3, reason="3 leaves that follow each other; completed")
    text = Seen(passages(done("Yes [1].", contexts=[merged]))).text
    for expected in (
        "Letter",
        "pages 2–3",
        "score 1.50",
        "merged from 3 leaves that follow each other; completed",
        "Score: relevance (higher is better)",
    ):
        assert expected in text


def test_long_passages_are_folded_but_whole() -> None:
    long = "A sentence of a long passage. " * 40
    piece = passages(done("Yes.", contexts=[context(long), context()]))
    assert piece.count('aria-expanded="false"') == 1
    assert long.strip() in Seen(piece).text


def test_spans_of_a_compressed_passage_are_one_passage_with_gaps() -> None:
    parts = [
        context("Cloud grew.", number=1),
        context("Parcels too.", number=1, start=200, end=212),
    ]
    seen = Seen(passages(done("Yes [1].", contexts=parts)))
    assert "1 passage" in seen.text
    assert "Cloud grew.  …  Parcels too." in seen.text
    assert "sentences left out" in seen.all("aria-label")


def test_an_answer_that_is_not_in_the_documents_says_so() -> None:
    assert "did not find the answer in them" in shown(done(NOT_FOUND))
    assert "the model was not asked" in shown(done(NOT_FOUND, contexts=[]))


def test_an_error_is_shown_with_what_was_written_before_it() -> None:
    view = View(1, "failed", "Q", "parent", text="Half an ans", error="the model is gone")
    seen = Seen(shown(view))
    assert "Half an ans" in seen.text
    assert "alert" in seen.all("role")
    assert "the model is gone" in seen.text


def test_figures_divide_a_lanes_time() -> None:
    row = figures(done("Yes."))
    assert row.finding == pytest.approx(0.3)
    assert (row.reading, row.writing) == (0.25, 0.75)
    assert row.first_word == pytest.approx(0.55)
    assert row.total == pytest.approx(1.3)
    assert (row.llm_calls, row.llm_tokens_in, row.llm_tokens_out) == (1, 1200, 40)
    assert (row.context_tokens, row.passages, row.cited) == (6, 1, 0)
    waiting = figures(View(1, "waiting", "Q", "parent"))
    assert waiting.total is waiting.first_word is waiting.passages is None


def test_a_lane_is_told_how_much_of_its_text_no_other_lane_has() -> None:
    mine = done("Yes.", contexts=[context("x" * 100)])
    other = replace(done("Yes.", contexts=[context("y" * 40, start=150, end=260)]), lane=2)
    assert figures(mine, [mine, other]).alone == pytest.approx(0.5)
    assert figures(other, [mine, other]).alone == pytest.approx(60 / 110)
    elsewhere = replace(done("Yes.", contexts=[context(document="b.md")]), lane=3)
    assert figures(mine, [mine, elsewhere]).alone == 1
    assert figures(mine, [mine]).alone is None


def test_the_strip_has_each_stages_seconds_and_the_tokens() -> None:
    view = done("Yes.")
    text = Seen(strip(view, figures(view))).text
    for expected in ("search 200 ms", "answer 1.0 s", "1,200 → 40", "context6 tokens"):
        assert expected in text
    assert strip(View(), figures(View())) == ""


def test_the_comparison_is_a_table_and_a_chart_in_words() -> None:
    slow = done("Yes.")
    quick = replace(done("Yes."), lane=2, pattern="regular")
    assert quick.answer is not None
    quick.answer.trace.stages[2].seconds = 0.4
    seen = Seen(comparison(run_of(slow, quick)))
    assert "A parentdone550 ms1.3 s11,20040610" in seen.text
    assert "700 ms (lowest)" in seen.text
    assert "550 ms (lowest)" not in seen.text  # as quick as the other
    label = next(label for label in seen.all("aria-label") if label.startswith("finding"))
    assert label == "finding passages 300 ms, reading, to the first word 250 ms, writing 750 ms"


def test_a_follow_up_is_shown_as_it_was_understood() -> None:
    details = CondenseDetails(outcome="rewritten")
    stage = Stage(name="condense", seconds=0.5, llm_calls=1, details=details)
    run = Run("And then?", "What grew then?", stage, {}, [done("Yes.")])
    text = Seen(heading(run)).text
    assert "Understood as What grew then? rewritten · 500 ms, 1 LLM call" in text


def test_stages_are_a_table_with_totals() -> None:
    text = Seen(stages(done("Yes.").trace)).text
    assert "search200 ms– → 642" in text
    assert "first word after 250 ms" in text
    assert "total1.3 s11,200 → 402" in text


def test_a_comparison_can_be_taken_away_as_json() -> None:
    plain = json.loads(as_json(run_of(done("Yes [1]."), View(2, "failed", error="gone"))))
    assert plain["settings"] == {"budget": 512}
    first, second = plain["lanes"]
    assert first["answer"]["contexts"][0]["document"] == "letter.md"
    assert first["figures"]["llm_tokens_in"] == 1200
    assert (second["phase"], second["error"]) == ("failed", "gone")


@pytest.mark.parametrize("hostile", [*HOSTILE[:3], *HOSTILE[4:], "| a | b |", "# No *heading*"])
def test_a_comparison_as_markdown_is_text_whatever_is_in_it(hostile: str) -> None:
    text = as_markdown(run_of(done(hostile, contexts=[context(hostile, title=hostile)])))
    assert "| parent | 550 ms | 1.3 s | 1 | 1,200 | 40 | 6 | 1 | 0 |" in text
    assert hostile not in text
    assert re.sub(r"\\(.)", r"\1", text).count(hostile) == 3


def test_a_document_is_listed_with_its_size_and_date() -> None:
    own = Seen(shelf([manifest()], lambda _: True))
    assert "letter.pdf2 pages · 0 nodes · 12 leaves · 900 tokens · 22 Nov 2026 · yours" in own.text
    assert "Delete… Letter" in own.text
    others = Seen(shelf([manifest()], lambda _: False))
    assert "from the server" in others.text
    assert "data-delete" not in dict(others.attributes)
    assert day("soon") == "soon"


def test_each_upload_is_told_of_by_itself() -> None:
    uploads = [
        Upload("a.md", "indexing", 5, 20),
        Upload("b.pdf", "failed", reason="is empty: leave it out"),
        Upload("c.md"),
    ]
    text = Seen(progress(uploads)).text
    assert "1 of 3 files done" in text
    assert "a.md indexing: 5 of 20 chunks" in text
    assert "b.pdf not added: it is empty: leave it out" in text
    assert "c.md waiting for its turn" in text
    ended = [Upload("a.md", "added"), uploads[1]]
    assert "1 added, 1 failed" in Seen(progress(ended)).text


def test_durations_read_well() -> None:
    assert [seconds(value) for value in (0.0123, 0.999, 12.34)] == ["12 ms", "1.0 s", "12.3 s"]
