"""Documents: adding, deleting, and who sees them."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from fpdf import FPDF

from app.page.library import Library
from app.page.opening import Opening
from app.page.uploads import MOST_FILES, CancelledUploadError, Line, Upload
from app.page.view import UNEXPECTED
from indexes.errors import DocumentError, ModelError, SettingsError
from indexes.evaluation.questions import Reference
from indexes.index import HierarchicalIndex
from tests.page.conftest import letter_in, opened
from tests.page.fakes import ScriptedLLM

Put = Callable[[str, str | bytes], Path]

ANN, BEN = "a" * 32, "b" * 32


def added(library: Library, visitor: str, *files: Path) -> list[Upload]:
    """How an upload ended."""
    *_, last = library.add(visitor, files)
    return last


@pytest.mark.slow
def test_an_upload_is_indexed_and_its_file_deleted(library: Library, upload: Put) -> None:
    file = upload("notes.md", "# Notes\n\nThe harbour closes at nine.\n")
    told = list(library.add(ANN, [file]))
    assert told[0][0].phase == "waiting"
    assert told[-1][0].phase == "added"
    assert [found.source for found in library.documents(ANN)] == ["notes.md"]
    assert not file.exists()


def test_each_file_is_told_of_and_a_bad_one_does_not_stop_the_rest(
    library: Library, upload: Put
) -> None:
    files = [
        upload("empty.txt", ""),
        upload("table.xyz", "x"),
        upload("big.txt", "x" * (1024 * 1024 + 1)),
        upload("good.txt", "A good text."),
    ]
    last = {told.name: told for told in added(library, ANN, *files)}
    assert last["good.txt"].phase == "added"
    assert last["empty.txt"].reason == "is empty: leave it out"
    assert last["big.txt"].reason.startswith("is larger than 1 MB")
    assert "not supported" in last["table.xyz"].reason
    assert not any(str(files[0].parent) in told.reason for told in last.values())
    assert not any(file.exists() for file in files)


def test_pages_are_told_while_a_file_is_read(library: Library, upload: Put) -> None:
    pdf = FPDF()
    for number in range(3):
        pdf.add_page()
        pdf.set_font("helvetica", size=12)
        pdf.cell(text=f"The harbour plan, page {number}.")
    told = [news[0] for news in library.add(ANN, [upload("plan.pdf", bytes(pdf.output()))])]
    read = [(news.done, news.total) for news in told if news.phase == "reading"]
    assert read[-1] == (3, 3)
    assert told[-1].phase == "added"


def test_scanned_pages_are_recognised_when_that_is_asked_for(
    library: Library, upload: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def load(_path: Path, **options: object) -> None:
        asked.append(options["ocr"])
        raise DocumentError("not read here")

    index = library.index()
    monkeypatch.setattr(index, "load", load)
    for ocr in (False, True):
        list(library.add(ANN, [upload("scan.pdf", b"%PDF-")], ocr=ocr))
    assert asked == [False, True]


def test_a_file_added_twice_is_unchanged(library: Library, upload: Put) -> None:
    for expected in ("added", "unchanged"):
        (told,) = added(library, ANN, upload("notes.txt", "The same notes."))
        assert told.phase == expected


def test_visitors_do_not_see_each_others_documents(library: Library, upload: Put) -> None:
    added(library, ANN, upload("secret.txt", "The harbour closes at nine."))
    (mine,) = library.documents(ANN)
    assert library.documents(BEN) == library.documents("") == []
    with pytest.raises(DocumentError):
        library.outline(BEN, mine.document_id)
    with pytest.raises(DocumentError):
        library.remove(BEN, mine.document_id)
    assert library.outline(ANN, mine.document_id).whole


@pytest.mark.slow
async def test_no_search_finds_what_another_visitor_added(
    index: HierarchicalIndex, upload: Put
) -> None:
    library = Library(Opening.of(index))
    # A question that was set up before waits for its turn: it must not find what came meanwhile.
    before = await library.options(BEN)
    added(library, ANN, upload("secret.txt", "The cloud business has a secret revenue."))
    question = "What is the secret revenue of the cloud business?"
    for pattern in ("regular", "parent", "parent-ratio"):
        for visitor, expected in ((ANN, True), (BEN, False), ("", False)):
            options = await library.options(visitor)
            contexts, trace = index.retrieve(question, pattern, **options)
            sources = {context.document for context in contexts}
            assert ("secret.txt" in sources) is expected, (pattern, visitor)
            assert "letter.md" in sources
            assert ("secret.txt" in str(trace.model_dump())) is expected
    contexts, _ = index.retrieve(question, "regular", **before)
    assert {context.document for context in contexts} == {"letter.md"}


def test_two_visitors_may_add_files_of_one_name(library: Library, upload: Put) -> None:
    added(library, ANN, upload("notes.txt", "Notes of Ann."))
    added(library, BEN, upload("notes.txt", "Notes of Ben."))
    ids = {library.documents(visitor)[0].document_id for visitor in (ANN, BEN)}
    assert len(ids) == 2


def test_the_servers_documents_are_not_a_visitors_to_delete(
    index: HierarchicalIndex,
) -> None:
    library = Library(Opening.of(index))
    (letter,) = library.documents(ANN)
    assert not library.may_delete(letter, ANN)
    with pytest.raises(DocumentError, match="belongs to the server"):
        library.remove(ANN, letter.document_id)


def test_a_shared_server_shares_what_is_added_and_deleted(
    index: HierarchicalIndex, upload: Put
) -> None:
    library = Library(Opening.of(index), shared=True)
    added(library, ANN, upload("notes.txt", "Notes for all."))
    assert len(library.documents(BEN)) == 2
    for document in library.documents(BEN):
        library.remove(BEN, document.document_id)
    assert library.documents(ANN) == []


@pytest.mark.slow
def test_what_a_visitor_added_goes_with_the_visitor(library: Library, upload: Put) -> None:
    added(library, ANN, upload("a.txt", "Of Ann."))
    added(library, BEN, upload("b.txt", "Of Ben."))
    assert library.forget(ANN) == 1
    assert library.forget("nobody") == 0
    assert [found.source for found in library.index().documents()] == ["b.txt"]


def test_what_a_crash_left_behind_goes_when_the_page_starts(
    tmp_path: Path, llm: ScriptedLLM, upload: Put
) -> None:
    with opened(tmp_path, llm) as index:
        index.ingest([letter_in(tmp_path)])
        added(Library(Opening.of(index)), ANN, upload("a.txt", "Of Ann."))
        assert any(found.owner for found in index.documents())
        again = Library(Opening.of(index))
        assert [found.source for found in again.documents(ANN)] == ["letter.md"]
        assert len(index.documents()) == 1


def test_too_many_files_are_refused_and_deleted(library: Library, upload: Put) -> None:
    files = [upload(f"{number}.txt", "x") for number in range(MOST_FILES + 1)]
    with pytest.raises(SettingsError, match=f"at most {MOST_FILES} at a time"):
        added(library, ANN, *files)
    assert not any(file.exists() for file in files)


def test_nobody_adds_nothing(library: Library, upload: Put) -> None:
    with pytest.raises(SettingsError, match="need a cookie"):
        added(library, "", upload("a.txt", "A text."))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ModelError("the embedding model is gone: start it"), "the embedding model is gone"),
        (RuntimeError("secret detail"), UNEXPECTED),
    ],
)
def test_what_stops_an_upload_is_told_in_one_line(
    library: Library,
    upload: Put,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    reason: str,
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(library.index(), "aingest", fail)
    with caplog.at_level(logging.ERROR):
        (told,) = added(library, ANN, upload("a.txt", "A text."))
    assert told.phase == "failed"
    assert told.reason.startswith(reason)
    assert ("secret detail" in caplog.text) is (reason == UNEXPECTED)


# Whose turn it is


def test_uploads_take_turns_and_know_their_place() -> None:
    line = Line()
    first, second, third = (line.join(visitor) for visitor in (ANN, BEN, ANN))
    assert [turn.ahead for turn in (first, second, third)] == [0, 1, 2]
    line.leave(first)
    assert [turn.ahead for turn in (second, third)] == [0, 1]
    assert line.cancel(ANN) == 1
    with pytest.raises(CancelledUploadError):
        third.check()
    second.check()


def test_a_line_has_an_end() -> None:
    line = Line()
    for _ in range(3):
        line.join(ANN)
    with pytest.raises(SettingsError, match="3 of your uploads are not done yet"):
        line.join(ANN)
    for number in range(13):
        line.join(f"visitor {number}")
    with pytest.raises(SettingsError, match="16 uploads of others wait already"):
        line.join(BEN)


def test_an_upload_that_waits_says_how_many_come_first(library: Library, upload: Put) -> None:
    other = library._line.join(BEN)
    told = library.add(ANN, [upload("notes.txt", "The harbour.")])
    seen = [next(told)[0]]
    while not seen[-1].ahead:
        seen.append(next(told)[0])
    assert seen[-1].phase == "waiting"
    assert seen[-1].ahead == 1
    library._line.leave(other)
    *_, last = told
    assert last[0].phase == "added"


def test_a_cancelled_upload_leaves_nothing(
    library: Library, upload: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [upload(f"{name}.txt", f"The harbour of {name}. " * 99) for name in ("one", "two")]
    index = library.index()
    embed = type(index.embedding)._get_text_embedding

    def cancelled(model: object, text: str) -> list[float]:
        library.cancel(ANN)
        return embed(model, text)  # type: ignore[arg-type]

    monkeypatch.setattr(type(index.embedding), "_get_text_embedding", cancelled)
    last = added(library, ANN, *files)
    assert {told.phase for told in last} == {"cancelled"}
    assert library.documents(ANN) == []
    assert not any(file.exists() for file in files)
    monkeypatch.undo()
    (again,) = added(library, ANN, upload("one.txt", "The harbour of one."))
    assert again.phase == "added"


@pytest.mark.slow
def test_the_same_content_under_another_name_is_noticed(library: Library, upload: Put) -> None:
    added(library, ANN, upload("one.txt", "The harbour."))
    (told,) = added(library, ANN, upload("two.txt", "The harbour."))
    assert told.phase == "added"
    assert told.problems == ("it has the same content as one.txt, which is here already",)
    # What others have is none of one's business.
    (told,) = added(library, BEN, upload("two.txt", "The harbour."))
    assert told.problems == ()


def test_the_words_of_evidence_are_those_of_documents_that_a_visitor_sees(
    library: Library, upload: Callable[[str, str | bytes], Path]
) -> None:
    list(library.add(ANN, [upload("notes.txt", "The harbour closes at nine. Vans wait.")]))
    places = [
        Reference(document="notes.txt", start=28, end=38),
        Reference(document="other.txt", start=0, end=9),
    ]
    assert library.words(ANN, places) == ("Vans wait.", "")
    assert library.words(BEN, places) == ("", "")
