"""The page's verdict: facts × lanes, what only one lane has, quotes, and marks of support."""

from dataclasses import replace

from app.page.conversation import Run
from app.page.references import known_references
from app.page.render.lane import lane
from app.page.render.support import quotes
from app.page.render.verdict import verdict
from app.page.showing import outcome
from app.page.view import View
from indexes import Answer, Context, Quote, Support
from indexes.answers import Evidence
from indexes.evaluation.questions import Reference
from indexes.lanes import LaneInfo

TEXT = "Cloud revenue rose by 12% in 2021. The depots shipped parcels for everybody else."
EVIDENCE = Reference(document="letter-2021.txt", start=0, end=34)
INFO = LaneInfo(name="parent", summary="Grows.", what="Grows.")
HOSTILE = '<img src=x onerror="alert(1)">'


def context(text: str = TEXT, start: int = 0) -> Context:
    return Context(
        number=1, document="letter-2021.txt", document_id="id", start=start,
        end=start + len(text), text=text, score=1, level=1, tokens=20,
    )  # fmt: skip


def view(number: int, pattern: str, *contexts: Context, **answer: object) -> View:
    told = Answer(
        question="How much?", pattern=pattern, answer=str(answer.pop("text", "It rose by 12%.")),
        contexts=list(contexts), **answer,  # type: ignore[arg-type]
    )  # fmt: skip
    asked, quoted = told.question, tuple(told.quotes)
    return View(number, "done", asked, pattern, contexts, told.answer, told, quotes=quoted)


def run_of(*views: View, references: tuple[Reference, ...] = (EVIDENCE,)) -> Run:
    return Run("How much?", "How much?", None, {}, list(views), references=references)


def test_a_fact_is_a_row_and_a_miss_opens_at_its_place() -> None:
    shown = verdict(
        run_of(view(1, "parent", context()), view(2, "regular", context(TEXT[40:], 40)))
    )
    assert "<code>parent</code> found the 2021 figures that <code>regular</code> missed" in shown
    assert "found, rank 1" in shown
    assert 'data-document="letter-2021.txt" data-start="0" data-end="34"' in shown
    assert ">missed</button>" in shown
    assert "Cloud revenue rose by 12% in 2021." in shown


def test_what_only_one_lane_read_is_shown() -> None:
    shown = verdict(run_of(view(1, "parent", context()), view(2, "regular", context(TEXT[:34]))))
    assert "Text found here only" in shown
    assert "The depots shipped parcels" in shown
    alike = verdict(run_of(view(1, "parent", context()), view(2, "regular", context())))
    assert "All lanes read the same text." in alike


def test_there_is_no_verdict_while_lanes_search() -> None:
    assert verdict(run_of(view(1, "parent", context()), View(2, "searching"))) == ""


def test_the_sample_questions_evidence_is_known() -> None:
    asked = "What did the very first customer buy when the business started?"
    assert known_references(f" {asked.upper()}")
    assert known_references("Something else?") == ()


def test_an_unsupported_sentence_says_so_in_words() -> None:
    wrong = Support(start=0, end=15, verdict="unsupported", why="15% is in no passage")
    shown = lane(view(1, "parent", context(), text="It rose by 15%.", support=[wrong]), INFO)
    assert "unsupported" in shown
    assert "15% is in no passage" in shown
    assert "1 sentence checked against the passages: ✗ 1 unsupported." in shown


def test_quotes_come_before_the_answer_and_lead_to_their_place() -> None:
    quote = Quote(
        text=TEXT[:34], document="letter-2021.txt", start=0, end=34, pages=(3, 3), context=1
    )
    shown = lane(view(1, "parent", context(), quotes=[quote]), INFO)
    assert shown.index("In the documents’ words") < shown.index("It rose by 12%.")
    assert 'data-document="id" data-start="0" data-end="34"' in shown
    assert "letter-2021.txt, page 3" in shown
    headed = quote.model_copy(update={"text": f"## Depots\n\n{TEXT[:34]}"})
    again = lane(view(1, "parent", context(), quotes=[headed]), INFO)
    assert f"<p>Depots\n\n{TEXT[:34]}</p>" in again


def test_a_weak_model_and_missing_evidence_are_said_at_the_answer() -> None:
    nothing = Evidence(found=False, closest=0.1, usual=0.2, why="the closest passage is no closer")
    shown = lane(view(1, "parent", context(), evidence=nothing), INFO, "Tiny is a small model")
    assert "No evidence found." in shown
    assert "Tiny is a small model." in shown


def test_hostile_words_stay_words() -> None:
    quote = Quote(text=HOSTILE, document=HOSTILE, start=0, end=9, context=1, header=HOSTILE)
    bad = Support(start=0, end=3, verdict="partly", why=HOSTILE)
    seen = view(1, HOSTILE, context(HOSTILE * 3), quotes=[quote], support=[bad])
    for shown in (
        quotes(seen),
        lane(seen, INFO, HOSTILE),
        verdict(run_of(seen, view(2, "regular"))),
    ):
        assert "<img" not in shown
        assert "&lt;img" in shown


def test_evidence_that_no_lane_found_is_shown_in_its_words() -> None:
    missed = run_of(view(1, "parent", context(TEXT[40:], 40)))
    assert "characters 0 to 34" in verdict(missed)
    missed.words = ("Cloud revenue rose by 12% in 2021.",)
    assert "characters 0 to 34" not in verdict(missed)
    assert ">Cloud revenue rose by 12% in 2021.</button>" in verdict(missed)


def test_answers_that_broke_off_are_not_called_done() -> None:
    cut, whole = view(1, "parent", finish="broken"), view(2, "regular")
    assert "1 of 2 answers not whole" in outcome(run_of(cut, whole))
    assert "Done in" in outcome(run_of(whole))
    failed = replace(cut, phase="failed")
    assert "1 of 2 lanes failed" in outcome(run_of(failed, whole))
