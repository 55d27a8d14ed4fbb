"""What was not read of a document is said in plain lines, wherever documents are shown."""

from indexes.documents.report import ReadingReport, report_of


def test_a_report_in_words() -> None:
    report = ReadingReport(pages=12, pages_without_text=[2, 3, 4, 9])
    report.unreadable.append("page 5: a damaged image")
    report.leave_out("comments", 3)
    report.leave_out("hidden paragraphs", 0)
    assert report.in_words() == [
        "page 5: a damaged image",
        "no text on pages 2-4, 9 of 12",
        "left out: comments (3)",
    ]


def test_what_was_left_out_on_purpose_is_no_problem() -> None:
    report = ReadingReport(pages=2, pages_without_text=[2], left_out={"comments": 1})
    assert report.problems == ["no text on page 2 of 2"]


def test_where_all_was_read_there_is_nothing_to_say() -> None:
    assert ReadingReport(pages=3, tables=2, seconds=0.1).in_words() == []


def test_a_document_that_nobody_of_ours_read_has_no_report() -> None:
    assert report_of({}) is None
    assert report_of({"report": {"pages": "many"}}) is None
    kept = ReadingReport(encoding="cp1252", guessed=["decoded as cp1252"])
    assert report_of({"report": kept.model_dump()}) == kept


def test_pages_are_called_what_they_are() -> None:
    report = ReadingReport(pages=3, page_kind="sheet", pages_without_text=[2, 3])
    assert report.problems == ["no text on sheets 2-3 of 3"]
