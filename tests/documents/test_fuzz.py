"""A sample of what `python -m tests.benchmarks.fuzz` does: spoilt files of every format."""

import pytest

from indexes.documents.readers import picture
from tests.benchmarks.fuzz import outcome
from tests.documents.mutation import mutant
from tests.documents.seeds import FORMATS, seeds

_SAMPLE = 12


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_spoilt_files_are_read_or_refused_in_one_line(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture, "recognised", lambda *_: [])
    for number in range(len(seeds(name)) + _SAMPLE):
        what, said = outcome(name, mutant(name, number))
        assert what in ("read", "refused"), f"{name} {number}: {said}"


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("png", "jpg", "tiff")])
def test_a_file_of_every_format_is_read(name: str) -> None:
    assert outcome(name, seeds(name)[0]) == ("read", "")


def test_spoilt_files_are_the_same_each_time() -> None:
    assert [mutant("docx", number) for number in range(5)] == [
        mutant("docx", number) for number in range(5)
    ]
    assert len({mutant("html", number) for number in range(50)}) > 40


@pytest.mark.parametrize(
    ("name", "number"),
    [("html", 617), ("html", 1903), ("pptx", 451), ("eml", 1902)],
    ids=[
        "nested fractions",
        "nested fractions again",
        "runs with properties",
        "charset with a NUL",
    ],
)
def test_what_the_fuzz_has_found_stays_mended(name: str, number: int) -> None:
    assert outcome(name, mutant(name, number)) == ("read", "")
