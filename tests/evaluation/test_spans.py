"""Recall, precision and IoU of characters, against a count by hand and by brute force."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.evaluation.spans import Place, merged, missing, score_spans


def test_the_measures_are_those_of_the_report() -> None:
    # Evidence 10-30 and 40-50; delivered 0-20 and 45-65: 15 of 30 characters, in 40.
    evidence = [Place("a", 10, 30), Place("a", 40, 50)]
    scores = score_spans([Place("a", 0, 20), Place("a", 45, 65)], evidence)
    assert scores.recall == 15 / 30
    assert scores.precision == 15 / 40
    assert scores.iou == 15 / (40 + 15)
    assert scores.whole == 0


def test_what_is_delivered_twice_costs_twice_and_counts_once() -> None:
    scores = score_spans([Place("a", 0, 10), Place("a", 0, 10)], [Place("a", 0, 10)])
    assert (scores.recall, scores.precision, scores.iou) == (1, 0.5, 0.5)


def test_the_same_place_in_another_document_is_no_evidence() -> None:
    scores = score_spans([Place("b", 0, 10)], [Place("a", 0, 10)])
    assert (scores.recall, scores.precision, scores.iou, scores.whole) == (0, 0, 0, 0)


def test_nothing_delivered_is_no_error() -> None:
    assert score_spans([], [Place("a", 0, 10)]).recall == 0


def test_without_evidence_there_is_no_score() -> None:
    with pytest.raises(ValueError, match="without evidence"):
        score_spans([Place("a", 0, 10)], [])


def test_evidence_is_whole_if_only_blanks_are_missing() -> None:
    text = "One.\n\nTwo. "

    def blank(_: str, start: int, end: int) -> bool:
        return not text[start:end].strip()

    evidence = [Place("a", 0, len(text))]
    assert score_spans([Place("a", 0, 4), Place("a", 6, 10)], evidence, blank).whole == 1
    assert score_spans([Place("a", 0, 4), Place("a", 7, 10)], evidence, blank).whole == 0


places = st.builds(
    lambda document, start, length: Place(document, start, start + length),
    st.sampled_from("ab"),
    st.integers(0, 40),
    st.integers(0, 12),
)


def characters(spans: list[Place]) -> set[tuple[str, int]]:
    return {(span.document, place) for span in spans for place in range(span.start, span.end)}


@pytest.mark.slow
@given(st.lists(places, max_size=8), st.lists(places, min_size=1, max_size=5))
def test_counting_spans_is_counting_characters(delivered: list[Place], wanted: list[Place]) -> None:
    evidence, found = characters(wanted), characters(delivered)
    if not evidence:
        return
    scores = score_spans(delivered, wanted)
    room = sum(place.end - place.start for place in delivered)
    assert scores.recall == pytest.approx(len(evidence & found) / len(evidence))
    assert scores.precision == pytest.approx(len(evidence & found) / room if room else 0)
    assert scores.iou == pytest.approx(len(evidence & found) / (room + len(evidence - found)))
    assert scores.whole == (evidence <= found)


@pytest.mark.slow
@given(st.lists(places, max_size=8), st.lists(places, max_size=8))
def test_what_is_missing_is_the_difference(wanted: list[Place], delivered: list[Place]) -> None:
    left = missing(merged(wanted), merged(delivered))
    rest = [Place(name, *span) for name, spans in left.items() for span in spans]
    assert characters(rest) == characters(wanted) - characters(delivered)
