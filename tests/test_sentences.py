"""Sentences: exact offsets, lines of lists and verse apart, hand-wrapped prose together."""

import time
from itertools import pairwise
from typing import Any

import pytest
import sentencex
from hypothesis import given
from hypothesis import strategies as st

from indexes.sentences import sentence_spans
from indexes.wrapping import unwrapped


def sentences(text: str) -> list[str]:
    return [" ".join(text[start:end].split()) for start, end in sentence_spans(text)]


WRAPPED = (
    "The warden of the marsh met the council in May, and said that the\n"
    "Bittern had come back to\n"
    "9 of the reed beds. Nobody had expected it before\n"
    "June, for the water was high.\n"
)


def test_sentences_of_prose_that_was_wrapped_by_hand_are_whole() -> None:
    assert sentences(WRAPPED) == [
        "The warden of the marsh met the council in May, and said that the Bittern had come back "
        "to 9 of the reed beds.",
        "Nobody had expected it before June, for the water was high.",
    ]


def test_a_capital_at_the_start_of_a_full_line_goes_on_too() -> None:
    text = (
        "It was late when the carriage came to the gate of the old house, and Prince\n"
        "Vasili stepped down into the snow. He looked for a light in the windows of\n"
        "the tower, but there was none; and so he knocked at the door, and Captain\n"
        "Denisov opened it."
    )
    assert sentences(text) == [
        "It was late when the carriage came to the gate of the old house, and Prince Vasili "
        "stepped down into the snow.",
        "He looked for a light in the windows of the tower, but there was none; and so he knocked "
        "at the door, and Captain Denisov opened it.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Alderquay Shipping Ltd\n12 Harbour Road\nAlderquay",
        "- nets\n- ropes\n- anchors of the fleet",
        "1. Open the valve\n2. Close the valve\n3. Wait",
        "Depot | Q1 | Q2\nEly | 5 | 6\nDiss | 7 | 8",
        "The tide comes in, the tide goes out,\nThe gulls complain above the quay,\n"
        "My father's boat is turned about,\nHis lantern swings upon the sea,",
        "# Rent\nHeating",
        "Name\tAge\nAda\t36\nAlan\t41",
        "We keep your address:\n   to send you what you ordered, and to tell you of changes;\n"
        "   to answer your letters; and\n   for the harbour's own records.",
        "You need:\nflour\ntwo eggs\nsugar",
    ],
    ids=[
        "address",
        "bullets",
        "numbers",
        "table",
        "verse",
        "headings",
        "tabs",
        "purposes",
        "needs",
    ],
)
def test_lines_that_stand_by_themselves_do_so(text: str) -> None:
    assert sentences(text) == [" ".join(line.split()) for line in text.split("\n")]


def test_windows_line_ends_wrap_as_well() -> None:
    assert sentences(WRAPPED.replace("\n", "\r\n")) == sentences(WRAPPED)


@pytest.mark.parametrize("space", ["\u00a0", "\u2009", "\u3000"])
def test_a_wide_space_before_a_full_stop_is_a_space(space: str) -> None:
    assert sentences(f"We chose plan A{space}. It works.") == ["We chose plan A .", "It works."]


def test_a_panic_of_the_engine_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = sentencex.get_sentence_boundaries

    def panicking(language: str, text: str) -> list[dict[str, Any]]:
        if "\u00a0" in text:
            raise type("PanicException", (BaseException,), {})
        found: list[dict[str, Any]] = cut(language, text)
        return found

    monkeypatch.setattr(sentencex, "get_sentence_boundaries", panicking)
    assert sentences("One\u00a0day. Two\u00a0days.") == ["One day.", "Two days."]


@pytest.mark.slow
@given(
    st.lists(
        st.sampled_from(
            [
                "Words go on ",
                "by ",
                "Mrs",
                "\n",
                "\r\n",
                " ",
                ". ",
                "“",
                "- a",
                "|",
                "é",
                "A\u00a0.",
            ]
        )
    ).map("".join)
)
def test_sentences_tile_any_text(text: str) -> None:
    assert len(unwrapped(text)) == len(text)
    spans = sentence_spans(text)
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(left[1] == right[0] for left, right in pairwise(spans))
    assert all(text[start:end].strip() for start, end in spans) or not text.strip()


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["“", " \n", "\n", "Mrs\n", "x", "a \n", "# ", "\r", "« ", "|"])
def test_four_times_the_text_takes_about_four_times_as_long(unit: str) -> None:
    def seconds(characters: int) -> float:
        text = unit * (characters // len(unit))
        taken = []
        for _ in range(3):
            started = time.process_time()
            sentence_spans(text)
            taken.append(time.process_time() - started)
        return min(taken)

    assert seconds(80_000) < 10 * seconds(20_000) + 0.2
