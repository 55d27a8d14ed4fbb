"""Any string that a model can answer has one meaning, or none."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.compression.replies import read_numbers, read_yes_no


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ('{"keep": [3, 4]}', (3, 4)),
        ('{"keep": []}', ()),
        ('{"sentences": ["3", "[4]", "S5"]}', (3, 4, 5)),
        ('{"keep": [3.0, 4]}', (3, 4)),
        ('{"keep": [3.5, 1e300, 4]}', (4,)),
        ('{"keep": "3-5, 7"}', (3, 4, 5, 7)),
        ("[3, 4]", (3, 4)),
        ("Here you are: ```json\n[3,\n4]\n```", (3, 4)),
        ('{"1": [3], "2": []}', (3,)),
        ('{"3": true, "4": false}', (3,)),
        ('[{"id": 3, "relevant": "yes"}, {"id": 4, "relevant": "no"}]', (3,)),
        ('{"keep": [3], "drop": [1, 2, 4]}', (3,)),
        ('{"keep": [3], "reason": "it says 12% in [4]"}', (3,)),
        ('{"keep": [4, 3, 4, 99, -2]}', (4, 3)),
        ("3", (3,)),
        ("3, 4 and 7", (3, 4, 7)),
        ("Sentences 3–5, 7", (3, 4, 5, 7)),
        ("Sentences 3 to 5 are relevant.", (3, 4, 5)),
        ("The answer is in sentence 3, since it rose by 7% in 2019.", (3,)),
        ("[3] It rose by 7% in 2019.\n[4] It fell by 5.", (3, 4)),
        ("3. It rose by 7 percent.\n4. It fell by 5.", (3, 4)),
        ("**3**: it rose\n**4**: it fell", (3, 4)),
        ("- S3: it rose", (3,)),
        ("<think>1? 2? [5]</think>3", (3,)),
        ("1? 2? [5] Hm.\n</think>\n\n[3]", (3,)),
        ("<think>" + "Sentence 5? " * 20_000 + "</think>[3]", (3,)),
        ('{"keep": [3], "drop": []}', (3,)),
        ('{"keep": ' + "[" * 900 + "3" + "]" * 900 + "}", (3,)),
        ("none", ()),
        ("None of the sentences.", ()),
        ("NO_OUTPUT.", ()),
        ("N/A", ()),
        ("all", tuple(range(1, 10))),
        ("All of them are relevant.", tuple(range(1, 10))),
    ],
)
def test_an_answer_that_can_be_understood_is(answer: str, numbers: tuple[int, ...]) -> None:
    read = read_numbers(answer, 9)
    assert (read.numbers, read.readable, read.complete) == (numbers, True, True)
    assert read.note


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "   \n",
        "What a lovely question!",
        "It rose by 7 percent, to 3.5 million.",
        "I am not sure.",
        '{"keep": [0, 1, 2]}',
        '{"keep": [12, 13]}',
        '{"keep": null}',
        "<think>Sentence 3",
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"keep": ' + "[" * 900 + "]" * 900 + "}",
        "[" + " " * 24_000 + "x",
    ],
)
def test_what_can_not_be_understood_is_said_to_be_unreadable(answer: str) -> None:
    read = read_numbers(answer, 9)
    assert (read.numbers, read.readable) == ((), False)
    assert read.note


def test_numbers_of_no_meaning_are_counted_and_told() -> None:
    assert read_numbers('{"keep": [3, 99, -2, 99]}', 9).note == "as JSON, 2 of no meaning ignored"
    assert read_numbers('{"keep": [3, 4]}', 9).note == "as JSON"


def test_an_answer_that_repeats_itself_is_unreadable() -> None:
    read = read_numbers('{"keep": [' + "7, " * 20_000, 9)
    assert not read.readable
    assert read.note.endswith("but the model repeats itself")


def test_a_number_in_which_the_answer_breaks_off_is_not_read() -> None:
    read = read_numbers('{"keep": [3, 4, 1', 19)
    assert (read.numbers, read.readable, read.complete) == ((3, 4), True, False)


def test_a_copied_sentence_is_understood_as_its_number() -> None:
    texts = ['He said: "It rose\nby 7%."', "It fell by 5.", "Costs were 3 million."]
    assert read_numbers("Costs were 3 million.", 3, texts).numbers == (3,)
    assert read_numbers('{"keep": ["He said: \\"It rose by 7%.\\""]}', 3, texts).numbers == (1,)


@pytest.mark.slow
@given(st.text(), st.integers(1, 50), st.lists(st.text(), max_size=5))
def test_any_string_is_read_to_numbers_that_exist(
    answer: str, count: int, texts: list[str]
) -> None:
    read = read_numbers(answer, max(count, len(texts)), texts)
    assert all(1 <= number <= max(count, len(texts)) for number in read.numbers)
    assert len(set(read.numbers)) == len(read.numbers)
    assert read.readable or not read.numbers


@pytest.mark.slow
@given(
    st.lists(st.integers(1, 40), unique=True, min_size=1), st.sampled_from([", ", "\n", " and "])
)
def test_lists_of_numbers_are_read_in_their_order(numbers: list[int], between: str) -> None:
    assert read_numbers(between.join(map(str, numbers)), 40).numbers == tuple(numbers)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("YES", True),
        ("YES because it names the year.", True),
        ("Yes.", True),
        ("no", False),
        ("No, it is about something else.", False),
        ("Not relevant.", False),
        ('{"relevant": true}', True),
        ('{"relevant": "no"}', False),
        ('```json\n{"relevant": false, "reason": "…"}\n```', False),
        ("The passage names the cost. Answer: yes", True),
        ("<think>No. No!</think> yes", True),
        ("", None),
        ("Perhaps.", None),
        ("The passage is long.", None),
    ],
)
def test_yes_and_no_are_understood(answer: str, said: bool | None) -> None:
    assert read_yes_no(answer) is said


@pytest.mark.slow
@given(st.text())
def test_any_string_is_yes_no_or_neither(answer: str) -> None:
    assert read_yes_no(answer) in (True, False, None)


# Whatever comes, time grows as its length does: a quarter of an answer takes a quarter of it.
HOSTILE: dict[str, Callable[[int], str]] = {
    "a bracket and spaces": lambda n: "[" + " " * n + "x",
    "brackets and spaces": lambda n: "[ " * n,
    "brackets": lambda n: "[" * n,
    "nested lists": lambda n: "[" * (n // 2) + "]" * (n // 2),
    "many nested lists": lambda n: ("[" * 300 + "1" + "]" * 300) * (n // 601),
    "nested objects": lambda n: '{"a":' * (n // 6) + "true" + "}" * (n // 6),
    "objects that never end": lambda n: '{"a": "' * (n // 7),
    "lists that never end": lambda n: "[1," * (n // 3),
    "digits": lambda n: "1" * n,
    "digits in brackets": lambda n: "[" + "1" * n,
    "ranges": lambda n: "1-999," * (n // 6),
    "numbers": lambda n: "12, " * (n // 4) + "x",
    "names and spaces": lambda n: "sentences" + " " * n + "x",
    "names": lambda n: "sentence 1," * (n // 11),
    "names and numbers": lambda n: "sentences " + "1, " * (n // 3) + "1.5",
    "nothing, at length": lambda n: "none " + "is " * (n // 3) + "x",
    "nothing and spaces": lambda n: "none" + " " * n + "x",
    "all and letters": lambda n: "all " + "y" * n + " !" * 7 + " é x",
    "backslashes": lambda n: "\\" * n,
    "quotes": lambda n: '"' * n,
    "lines": lambda n: "\n" * n,
    "thoughts": lambda n: "<think>" * (n // 7),
    "ends of thoughts": lambda n: "</think>" * (n // 8),
    "tags": lambda n: "<think" * (n // 6),
    "non-words before yes": lambda n: "-" * n + "yes",
    "the word answer": lambda n: "answer: " * (n // 8),
}


def cost(read: Callable[[str], object], answer: str) -> float:
    """Seconds of processor time, the best of three: this machine has other things to do."""
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        read(answer)
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("read", [lambda said: read_numbers(said, 40), read_yes_no])
def test_time_grows_no_faster_than_the_answer(name: str, read: Callable[[str], object]) -> None:
    make = HOSTILE[name]
    small, large = cost(read, make(10_000)), cost(read, make(40_000))
    assert large < 0.5
    assert large < 8 * small + 0.02


@pytest.mark.slow
@given(st.binary(max_size=300), st.integers(1, 400))
def test_any_bytes_are_read_at_once(raw: bytes, times: int) -> None:
    answer = (raw * times).decode("utf-8", "replace")
    started = time.process_time()
    read_numbers(answer, 40, ["The harbour was dredged in May.", "It cost 3 million."])
    read_yes_no(answer)
    assert time.process_time() - started < 1
