"""What the page shows of an answer, and that hostile text stays text."""

from html.parser import HTMLParser

import pytest

from app.page.render.answer import answer, cited, status
from app.page.render.documents import day, head, progress, shelf
from app.page.render.markup import html, seconds
from app.page.render.passages import passages
from app.page.render.trace import summary, trace
from app.page.upload import Upload
from app.page.view import View
from indexes.answers import NOT_FOUND, Answer, Citation, Context
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
        Stage(name="merge", seconds=0.1, details={"score": "relevance (higher is better)"}),
        Stage(
            name="answer",
            seconds=1.0,
            llm_calls=1,
            llm_tokens_in=1200,
            llm_tokens_out=40,
            details={"model": "Scripted-1", "first_word_seconds": 0.25},
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
    return View("done", "What grew?", "parent", tuple(found), text, whole)


def manifest(**fields: object) -> Manifest:
    return Manifest.model_validate(
        {
            "document_id": "id-1",
            "version": "v",
            "settled": True,
            "title": "Letter",
            "source": "letter.pdf",
            "leaves": 12,
            "page_starts": [0, 10],
            "ingested_at": "2026-11-22T13:04:43+00:00",
            **fields,
        }
    )


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text_wherever_it_comes_from(hostile: str) -> None:
    shown = done(
        hostile,
        citation(1, (0, len(hostile)), origin="similarity", start=100, end=100 + len(hostile)),
        contexts=[context(hostile, title=hostile, reason=hostile, document=hostile)],
    )
    assert shown.answer is not None
    shown.answer.trace.stages[2].details |= {"model": hostile, "error": hostile}
    shown.answer.trace.stages[1].details["score"] = hostile
    document = manifest(title=hostile, source=hostile, document_id=hostile)
    pieces = [
        answer(shown),
        answer(View("failed", hostile, error=hostile)),
        passages(shown),
        trace(shown),
        status(View("writing"), hostile),
        shelf([document], hostile),
        head([document], provider=hostile, model=hostile, embedding=hostile),
        progress(Upload("done", 1, failed=((hostile, hostile),), error=hostile)),
    ]
    harmless = {
        *("section", "header", "article", "details", "summary", "div", "span", "p", "b", "i", "a"),
        *("ul", "ol", "li", "dl", "dt", "dd", "h1", "h2", "h3", "mark", "button", "small", "br"),
        *("table", "thead", "tbody", "tfoot", "tr", "th", "td"),
    }
    for piece in pieces:
        seen = Seen(piece)
        assert hostile in seen.text
        assert set(seen.tags) <= harmless
        assert not [name for name, _ in seen.attributes if name.startswith("on") or name == "src"]
        assert all(link.startswith("#") for link in seen.all("href"))


def test_values_are_escaped_and_own_html_is_not() -> None:
    assert html("<p>{}{}</p>", "<", html("<b>{name}</b>", name="&")) == "<p>&lt;<b>&amp;</b></p>"


def test_characters_that_disguise_text_are_removed() -> None:
    assert html("{}", "fdp\u202e.exe\x00") == "fdp.exe\ufffd"


def test_numbers_of_the_model_become_links_to_passages() -> None:
    text = "Cloud grew [1, 2], a lot [7]."
    shown = Seen(cited(text, [citation(1, (11, 17)), citation(2, (11, 17))]))
    assert shown.all("href") == ["#passage-1", "#passage-2"]
    assert shown.text == "Cloud grew12, a lot [7]."
    assert shown.all("aria-label") == ["passage 1, cited", "passage 2, cited"]


def test_matches_by_similarity_are_told_apart_in_words() -> None:
    text = "Cloud grew. The end."
    shown = done(text, citation(1, (0, 11), origin="similarity", start=100, end=112))
    seen = Seen(answer(shown))
    assert "Cloud grew.≈1 The end." in seen.text
    assert "passage 1, matched by similarity" in seen.all("aria-label")
    assert "Matched by similarity: the model cited nothing." in seen.text


def test_the_sentence_behind_an_answer_is_marked_in_its_passage() -> None:
    shown = done("It grew.", citation(1, (0, 8), origin="similarity", start=100, end=112))
    assert '<mark id="cited-0">Cloud grew.</mark> Parcels too.' in passages(shown)


def test_a_citation_of_a_whole_passage_marks_no_sentence() -> None:
    shown = passages(done("It grew [1].", citation(1, (8, 11))))
    assert "<mark" not in shown
    assert "cited" in Seen(shown).text


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
    shown = passages(done("Yes.", contexts=[context(long), context()]))
    assert Seen(shown).tags.count("button") == 1
    assert long.strip() in Seen(shown).text


def test_an_answer_that_is_not_in_the_documents_says_so() -> None:
    assert "read, and the answer is not in them" in answer(done(NOT_FOUND))
    assert "the model was not asked" in answer(done(NOT_FOUND, contexts=[]))


def test_an_error_is_shown_with_what_was_written_before_it() -> None:
    shown = Seen(answer(View("failed", "Q", text="Half an ans", error="the model is gone")))
    assert "Half an ans" in shown.text
    assert "alert" in shown.all("role")
    assert "the model is gone" in shown.text


def test_the_trace_is_a_table_with_totals() -> None:
    shown = done("Yes.")
    assert shown.answer is not None
    assert summary(shown.answer.trace) == (
        "3 stages · 1.3 s · 2 engine round trips · 1 LLM call · 1,200 + 40 LLM tokens"
    )
    text = Seen(trace(shown)).text
    assert "search200 ms– → 642" in text
    assert "first word after 250 ms" in text
    assert "total1.3 s11,200 → 402" in text


def test_a_document_is_listed_with_its_size_and_date() -> None:
    text = Seen(shelf([manifest()])).text
    assert "letter.pdf2 pages · 12 leaves · 22 Nov 2026" in text
    assert day("soon") == "soon"


def test_progress_counts_chunks_and_then_documents() -> None:
    running = Upload("reading", 2, "a.md", 5, 20)
    assert "a.md: 5 of 20 chunks" in progress(running)
    ended = Upload("done", 2, added=1, failed=(("b.pdf", "is empty: leave it out"),), seconds=0.5)
    text = Seen(progress(ended)).text
    assert "1 added, 1 failed in 500 ms." in text
    assert "b.pdf is empty: leave it out" in text


def test_durations_read_well() -> None:
    assert [seconds(value) for value in (0.0123, 0.999, 12.34)] == ["12 ms", "1.0 s", "12.3 s"]
