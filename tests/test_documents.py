"""Files → documents: text, offsets, titles, ids, and one-line errors for whatever goes wrong."""

import io
import os
from pathlib import Path

import docx
import pypdf
import pytest
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from hypothesis import given
from hypothesis import strategies as st
from llama_index.core.schema import Document, MetadataMode

from indexes.documents import (
    adopt,
    find_files,
    load_document,
    load_documents,
    loading,
    pages_of,
)
from indexes.documents.identity import document_id_of
from indexes.documents.loading import file_digest
from indexes.documents.readers import pdf
from indexes.errors import DocumentError
from indexes.namespace import OURS, ours, theirs

LETTERS = Path(__file__).parents[2] / "shared" / "data" / "amazon_letters"

STORY = (
    "The harbour master keeps a ledger of every boat that ties up overnight, and once a year "
    "the ledger is copied by hand into a larger book that nobody has ever been seen to open. "
    "Most entries are short. A name, a length, a fee, and the weather when the lines went over."
)


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def new_pdf(title: str | None = None) -> FPDF:
    made = FPDF(format="A4")
    made.set_font("Helvetica", size=11)
    if title:
        made.set_title(title)
    return made


def line(made: FPDF, text: str, size: float = 11, style: str = "", gap: float = 3) -> None:
    made.set_font("Helvetica", style=style, size=size)
    made.multi_cell(0, size * 0.45, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    made.ln(gap)


def raw_pdf(*objects: bytes, root: int = 1) -> bytes:
    """A PDF of hand-written objects; object n is the nth argument."""
    out = b"%PDF-1.7\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root %d 0 R >>\n" % (len(objects) + 1, root)
    return out + b"startxref\n%d\n%%%%EOF\n" % start


def stream(content: bytes, attributes: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), attributes, content)


def one_page(content: bytes, resources: bytes = b"", *more: bytes) -> bytes:
    """A one-page PDF; `more` are objects 6 and up, the font is object 5."""
    return raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F 5 0 R >> %s >> >>" % resources,
        content,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *more,
    )


def alike(one: Document, other: Document) -> bool:
    """Whether they are the same version of the same document: not read in the same time."""
    return (one.id_, ours(one.metadata)["content_hash"]) == (
        other.id_,
        ours(other.metadata)["content_hash"],
    )


def error_for(path: Path, **options: int) -> str:
    """The message of the error that loading `path` gives; one line that names the file."""
    with pytest.raises(DocumentError) as caught:
        load_document(path, **options)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


# Plain text and Markdown


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.markdown", "a.log", "a.rst", "A.TXT"])
def test_text_is_exactly_the_file(tmp_path: Path, name: str) -> None:
    content = "\ufeff  One\r\ntwo\rthree\n\n\t“four” 𝟝\u2028five\x0c \n"
    assert load_document(written(tmp_path, name, content)).text == content


@pytest.mark.slow
@given(st.text(min_size=1).map(lambda text: text.replace("\0", "")))
def test_any_utf8_survives_with_its_offsets(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = written(tmp_path_factory.mktemp("exact"), "x.txt", "a" + text)
    assert load_document(path).text == path.read_bytes().decode("utf-8") == "a" + text


# Metadata


def test_metadata_is_complete_and_kept_out_of_embeddings(tmp_path: Path) -> None:
    document = load_document(written(tmp_path, "plan.md", "# The Plan\n\nDo it."))
    assert document.metadata == {
        "title": "The Plan",
        "source": "plan.md",
        "file_name": "plan.md",
        OURS: {
            "title": "The Plan",
            "source": "plan.md",
            "file_name": "plan.md",
            "media_type": "text/markdown",
            "content_hash": ours(document.metadata)["content_hash"],
            "file_digest": file_digest(tmp_path / "plan.md"),
            "structure": {"headings": [[0, 10, 1]], "tables": [], "code": []},
            "places": ours(document.metadata)["places"],
            "report": ours(document.metadata)["report"],
        },
    }
    assert document.get_content(MetadataMode.EMBED) == document.text
    assert document.get_content(MetadataMode.LLM) == f"title: The Plan\n\n{document.text}"


def test_the_same_file_read_again_is_the_same_document(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", "first")
    before, again = load_document(path), load_document(path)
    path.write_text("second")
    after = load_document(path)
    assert alike(before, again)
    assert after.id_ == before.id_
    assert ours(after.metadata)["content_hash"] != ours(before.metadata)["content_hash"]


def test_a_file_that_is_known_is_not_parsed(tmp_path: Path) -> None:
    same = written(tmp_path, "same.pdf", b"no PDF at all: parsing it would fail")
    changed = written(tmp_path, "changed.txt", "now something else")
    known = {document_id_of("same.pdf"): file_digest(same), document_id_of("changed.txt"): "old"}
    unchanged: list[str] = []
    documents = load_documents(
        [tmp_path],
        on_error=lambda path, error: pytest.fail(str(error)),
        known_digest=known.get,
        on_unchanged=unchanged.append,
    )
    assert [document.metadata["source"] for document in documents] == [changed.name]
    assert unchanged == ["same.pdf"]


def test_the_id_of_a_source_never_changes(tmp_path: Path) -> None:
    document = load_document(written(tmp_path, "README.md", "x"))
    assert document.id_ == "d179f278-df91-5b44-ad74-10ea1d41767a"


def test_the_hash_covers_the_title(tmp_path: Path) -> None:
    one = load_document(written(tmp_path, "a.html", "<title>One</title><p>same"))
    two = load_document(written(tmp_path, "a.html", "<title>Two</title><p>same"))
    assert one.text == two.text
    assert ours(one.metadata)["content_hash"] != ours(two.metadata)["content_hash"]


@pytest.mark.parametrize(
    ("name", "content", "title"),
    [
        ("Viber_Messenger.txt", "# not a heading here", "Viber Messenger"),
        ("TickTick__To_Do_List.txt", "x", "TickTick To Do List"),
        ("23andMe.txt", "x", "23andMe"),
        ("annual-report--2019-2020.md", "no heading", "annual report 2019-2020"),
        ("a.md", "\ufeff# Heading #\n", "Heading"),
        ("a.md", "Intro line\n\n## **Deep** [link](http://x.y) `code`\n", "Deep link code"),
        ("a.md", "Underlined\n==========\n", "Underlined"),
        ("a.md", "---\nauthor: me\ntitle: 'Front'\n---\n# Other\n", "Front"),
        ("notes.md", "```\n# a comment\n```\ntext", "notes"),
        ("late.md", "x" * 2000 + "\n# Late\n", "late"),
        ("Viber_Messenger.md", "# Privacy Policy\n", "Viber Messenger: Privacy Policy"),
        ("acme.html", "<title>Home</title><h1>Acme Rockets</h1><p>x", "acme: Home"),
        ("acme.html", "<title>Acme &amp; Sons</title><p>x", "Acme & Sons"),
        ("acme.html", "<title>Untitled</title><h2>b</h2><h1>Top\n one</h1>", "Top one"),
    ],
)  # fmt: skip
def test_title(tmp_path: Path, name: str, content: str, title: str) -> None:
    assert load_document(written(tmp_path, name, content)).metadata["title"] == title


# Finding files


def test_a_folder_is_searched_and_sources_are_relative_to_it(tmp_path: Path) -> None:
    for name in ["b.txt", "a.md", "sub/b.txt", ".hidden.txt", ".git/c.txt", "~$d.docx", "e.exe"]:
        written(tmp_path, f"corpora/{name}", name)
    skipped: list[str] = []
    documents = list(
        load_documents(
            [tmp_path / "corpora"],
            on_error=lambda path, error: pytest.fail(str(error)),
            on_skip=lambda path, error: skipped.append(f"{path.name}: {error}"),
        )
    )
    assert [document.metadata["source"] for document in documents] == ["a.md", "b.txt", "sub/b.txt"]
    assert len({document.id_ for document in documents}) == 3
    assert len(skipped) == 1
    assert "convert it" in skipped[0]


def test_a_file_is_the_same_document_by_itself_and_in_its_folder(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", "text")
    [from_folder] = load_documents([tmp_path], on_error=lambda path, error: pytest.fail(str(error)))
    assert alike(load_document(path), from_folder)
    assert find_files([path, tmp_path, str(path)]) == [path]


def test_two_files_of_one_name_from_two_places_do_not_replace_each_other(tmp_path: Path) -> None:
    for folder in "ab":
        written(tmp_path, f"{folder}/x.txt", folder)
    errors: list[str] = []
    documents = list(
        load_documents(
            [tmp_path / "a", tmp_path / "b"], on_error=lambda path, error: errors.append(str(error))
        )
    )
    assert [document.text for document in documents] == ["a"]
    assert "ingest the folder that holds both" in errors[0]


def test_links_are_followed_once(tmp_path: Path) -> None:
    written(tmp_path, "real/a.txt", "x")
    (tmp_path / "real" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "real" / "self.txt").symlink_to(tmp_path / "real" / "self.txt")
    (tmp_path / "twin.txt").symlink_to(tmp_path / "real" / "a.txt")
    assert len(find_files([tmp_path])) == 1


def test_links_do_not_lead_out_of_a_folder(tmp_path: Path) -> None:
    secret = written(tmp_path, "home/secret.txt", "x")
    written(tmp_path, "shared/a.txt", "x")
    (tmp_path / "shared" / "link.txt").symlink_to(secret)
    (tmp_path / "shared" / "folder").symlink_to(tmp_path / "home", target_is_directory=True)
    skipped: list[str] = []
    found = find_files(
        [tmp_path / "shared"], on_skip=lambda path, error: skipped.append(str(error))
    )
    assert [path.name for path in found] == ["a.txt"]
    assert len(skipped) == 2
    assert "leads out of the folder" in skipped[0]
    assert find_files([tmp_path / "shared" / "link.txt"]) == [tmp_path / "shared" / "link.txt"]


def test_an_unsupported_file_named_explicitly_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path, "data.exe", "a,b")
    with pytest.raises(DocumentError, match=r"\.exe files are not supported: convert it"):
        find_files([path])
    assert "not supported" in error_for(path)
    old = error_for(written(tmp_path, "lease.doc", "x"))
    assert old.endswith(".doc files are not supported: save it as .docx")
    assert "without an extension" in error_for(written(tmp_path, "LICENSE", "x"))


def test_one_bad_file_does_not_stop_the_rest(tmp_path: Path) -> None:
    written(tmp_path, "a.txt", "fine")
    written(tmp_path, "b.pdf", "%PDF-1.4 nonsense")
    written(tmp_path, "c.txt", "fine too")
    errors: dict[str, DocumentError] = {}
    documents = load_documents(
        [tmp_path, tmp_path / "missing"],
        on_error=lambda path, error: errors.update({path.name: error}),
    )
    assert [document.text for document in documents] == ["fine", "fine too"]
    assert set(errors) == {"b.pdf", "missing"}


def test_documents_are_read_as_they_are_asked_for(tmp_path: Path) -> None:
    first, second = written(tmp_path, "a.txt", "x"), written(tmp_path, "b.txt", "y")
    documents = load_documents([first, second], on_error=lambda path, error: None)
    assert next(documents).text == "x"
    second.write_text("changed")
    assert next(documents).text == "changed"


# Errors any file can give


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    assert "no such file" in error_for(tmp_path / "gone.txt")
    (tmp_path / "folder.txt").mkdir()
    assert "is a folder" in error_for(tmp_path / "folder.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    assert "no regular file" in error_for(tmp_path / "pipe.txt")
    with pytest.raises(DocumentError, match="cannot be read"):
        load_document(tmp_path / ("x" * 5000 + ".txt"))
    with pytest.raises(DocumentError, match="no such file"):
        load_document("nul\0.txt")


def test_a_locked_file_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "locked.txt", "x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("running as a user whom permissions do not stop")
    assert "check its permissions" in error_for(path)


def test_a_large_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = written(tmp_path, "big.txt", "x" * 2048)
    assert "larger than" in error_for(path, max_bytes=2047)
    assert load_document(path, max_bytes=2048).text


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.pdf", "a.docx"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    assert "is empty" in error_for(written(tmp_path, name, ""))


def test_a_file_without_text_is_refused(tmp_path: Path) -> None:
    assert "no text" in error_for(written(tmp_path, "a.txt", "\ufeff \r\n\t"))
    assert "no text" in error_for(written(tmp_path, "a.html", "<script>x()</script><p> "))
    docx.Document().save(str(tmp_path / "a.docx"))
    assert "no text" in error_for(tmp_path / "a.docx")


def test_a_file_outside_the_root_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", "x")
    with pytest.raises(DocumentError, match="is not in"):
        load_document(path, root=tmp_path / "other")


# PDF


def test_a_pdf_reads_as_paragraphs(tmp_path: Path) -> None:
    made = new_pdf("The Ledger")
    made.add_page()
    line(made, "The Ledger", size=20)
    line(made, STORY)
    line(made, STORY)
    made.output(str(tmp_path / "x.pdf"))
    document = load_document(tmp_path / "x.pdf")
    assert document.text == f"The Ledger\n\n{STORY}\n\n{STORY}"
    assert ours(document.metadata)["page_starts"] == [0]
    assert document.metadata["title"] == "The Ledger"


def test_a_paragraph_over_a_page_break_is_joined_and_mapped(tmp_path: Path) -> None:
    made = new_pdf()
    made.set_auto_page_break(True, margin=20)
    made.add_page()
    made.set_y(made.h - 32)
    line(made, STORY)
    made.output(str(tmp_path / "x.pdf"))
    document = load_document(tmp_path / "x.pdf")
    assert document.text == STORY
    first, second = ours(document.metadata)["page_starts"]
    assert first == 0
    assert 0 < second < len(STORY)
    assert STORY[second - 1] == " "
    assert pages_of([first, second], second - 5, second + 5) == (1, 2)


def test_running_headers_and_page_numbers_are_removed(tmp_path: Path) -> None:
    class Report(FPDF):
        def header(self) -> None:
            self.set_font("Helvetica", size=9)
            self.cell(0, 5, "Harbour Board: confidential", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

        def footer(self) -> None:
            self.set_y(-15)
            self.cell(0, 5, f"Page {self.page_no()} of 12", align="C")

    made = Report(format="A4")
    for year in (1997, 1998, 1999):
        made.add_page()
        made.ln(8)
        line(made, f"In {year} the harbour froze over.")
    made.output(str(tmp_path / "x.pdf"))
    document = load_document(tmp_path / "x.pdf")
    assert document.text == "\n\n".join(
        f"In {year} the harbour froze over." for year in (1997, 1998, 1999)
    )
    assert len(ours(document.metadata)["page_starts"]) == 3


def test_table_rows_and_list_items_are_lines(tmp_path: Path) -> None:
    made = new_pdf()
    made.add_page()
    line(made, "Two things happened:")
    line(made, "- The first thing was small.", gap=0)
    line(made, "- The second was not.")
    with made.table(col_widths=(60, 30, 30), text_align=("LEFT", "RIGHT", "RIGHT")) as table:
        for row in [("Measure", "2018", "2019"), ("Revenue", "18.6", "21.9"), ("Boats", "7", "9")]:
            table.row(row)
    made.output(str(tmp_path / "x.pdf"))
    assert load_document(tmp_path / "x.pdf").text == (
        "Two things happened:\n\n- The first thing was small.\n- The second was not.\n\n"
        "Measure | 2018 | 2019\nRevenue | 18.6 | 21.9\nBoats | 7 | 9"
    )


def test_short_lines_stay_lines(tmp_path: Path) -> None:
    made = new_pdf()
    made.add_page()
    line(made, STORY)
    line(made, "Helga Marrenhout\nFounder and Chief Executive\nAlderquay, Inc.")
    made.output(str(tmp_path / "x.pdf"))
    text = load_document(tmp_path / "x.pdf").text
    assert text.endswith("\n\nHelga Marrenhout\nFounder and Chief Executive\nAlderquay, Inc.")


def test_words_divided_at_line_ends_are_rejoined_and_compounds_kept(tmp_path: Path) -> None:
    wide = "and nothing else of any note was entered in that long and quiet "
    lines = [
        f"{wide}invest-", f"ment ledger until the board asked for {'a ' * 8}high-",
        f"demand berth, which {'a ' * 18}long-", "term lease would cover.",
    ]  # fmt: skip
    body = b"BT /F 11 Tf 60 700 Td 14 TL %s ET" % b" ".join(
        b"(%s) Tj T*" % text.encode() for text in lines
    )
    path = written(tmp_path, "x.pdf", one_page(stream(body)))
    text = load_document(path).text
    assert "quiet investment ledger" in text
    assert "high-demand berth" in text
    assert "long-term lease" in text


def test_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    made = new_pdf()
    made.add_page()
    half = STORY * 2
    with made.text_columns(ncols=2, gutter=10, text_align="J", text=f"{half}\n\n{half}") as columns:
        columns.ln(1)
    made.output(str(tmp_path / "x.pdf"))
    text = load_document(tmp_path / "x.pdf").text
    assert " ".join(text.split()).count(STORY) >= 3


def test_pages_without_text_have_a_place_in_the_page_map(tmp_path: Path) -> None:
    made = new_pdf()
    for text in ("", "Only the second page says anything at all.", "", ""):
        made.add_page()
        if text:
            line(made, text)
    made.output(str(tmp_path / "x.pdf"))
    document = load_document(tmp_path / "x.pdf")
    end = len(document.text)
    assert ours(document.metadata)["page_starts"] == [0, 0, end, end]
    assert pages_of(ours(document.metadata)["page_starts"], 0, end) == (2, 2)


@pytest.mark.parametrize(
    ("declared", "title"),
    [
        ("Microsoft Word - letter_final.doc", "Harbour Ledger"),
        ("untitled", "Harbour Ledger"),
        ("printmgr file", "Harbour Ledger"),
        ("To our shareholders:", "Harbour Ledger"),
        ("A Proper Title", "A Proper Title"),
    ],
)
def test_a_pdf_title_that_says_nothing_gives_way_to_the_heading(
    tmp_path: Path, declared: str, title: str
) -> None:
    made = new_pdf(declared)
    made.add_page()
    line(made, "Harbour Ledger", size=18)
    line(made, STORY)
    made.output(str(tmp_path / "x.pdf"))
    assert load_document(tmp_path / "x.pdf").metadata["title"] == title


def test_a_scan_is_refused_and_ocr_named(tmp_path: Path) -> None:
    made = new_pdf()
    made.add_page()
    made.rect(10, 10, 100, 100)
    made.output(str(tmp_path / "scan.pdf"))
    assert "recognise it with --ocr" in error_for(tmp_path / "scan.pdf")


def test_an_encrypted_pdf_is_refused_unless_it_opens_without_a_password(tmp_path: Path) -> None:
    made = new_pdf()
    made.add_page()
    line(made, STORY)
    content = bytes(made.output())
    for name, password in [("locked.pdf", "secret"), ("printable.pdf", "")]:
        writer = pypdf.PdfWriter(clone_from=io.BytesIO(content))
        writer.encrypt(user_password=password, owner_password="owner", algorithm="AES-256")
        writer.write(tmp_path / name)
    assert "is encrypted: save a copy without a password" in error_for(tmp_path / "locked.pdf")
    assert load_document(tmp_path / "printable.pdf").text == STORY


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
def test_a_truncated_pdf_is_an_error_or_still_gives_its_text(tmp_path: Path, cut: float) -> None:
    made = new_pdf()
    made.add_page()
    line(made, STORY)
    content = bytes(made.output())
    path = written(tmp_path, "cut.pdf", content[: int(len(content) * cut)])
    try:
        assert load_document(path).text == STORY
    except DocumentError as error:
        assert "cut.pdf" in str(error)


def test_nonsense_is_no_pdf(tmp_path: Path) -> None:
    for content in (b"hello", b"%PDF-1.7\n" + os.urandom(5000), b"\x00" * 100, b"%PDF" * 10_000):
        message = error_for(written(tmp_path, "x.pdf", content))
        assert "save it again" in message


def test_a_page_tree_in_circles_and_deep_nesting_are_survived(tmp_path: Path) -> None:
    circle = raw_pdf(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9999999 >>",
    )
    assert "circle.pdf" in error_for(written(tmp_path, "circle.pdf", circle))
    deep = one_page(stream(b"[" * 10_000 + b"]" * 10_000 + b" TJ"))
    assert "deep.pdf" in error_for(written(tmp_path, "deep.pdf", deep))


def test_too_many_pages_or_characters_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = new_pdf()
    for _ in range(3):
        made.add_page()
        line(made, STORY)
    made.output(str(tmp_path / "x.pdf"))
    monkeypatch.setenv("RAG_READ_IN_PROCESS", "true")  # where its limits can be changed
    monkeypatch.setattr(loading, "MAX_CHARACTERS", 500)
    assert "more text" in error_for(tmp_path / "x.pdf")
    monkeypatch.setattr(pdf, "MAX_PAGES", 1)
    assert "more than 1 pages" in error_for(tmp_path / "x.pdf")


def test_pages_of_a_span() -> None:
    starts = [0, 100, 200]
    assert pages_of(starts, 0, 100) == (1, 1)
    assert pages_of(starts, 99, 101) == (1, 2)
    assert pages_of(starts, 100, 250) == (2, 3)
    assert pages_of(starts, 100, 100) == (2, 2)
    assert pages_of([], 0, 1) is None


# The letters that the AWS sample reads


@pytest.fixture(scope="module")
def letters() -> dict[int, Document]:
    if not LETTERS.is_dir():
        pytest.skip("the development data (../shared/data/amazon_letters) is not here")
    documents = load_documents([LETTERS], on_error=lambda path, error: pytest.fail(str(error)))
    return {int(document.metadata["file_name"].split("-")[1]): document for document in documents}


def test_letters_have_titles_that_tell_them_apart(letters: dict[int, Document]) -> None:
    for year, letter in letters.items():
        assert letter.metadata["title"] == f"AMZN {year} Shareholder Letter"


def test_letters_read_as_a_reader_would_copy_them(letters: dict[int, Document]) -> None:
    assert (
        "To our shareholders:\n\nAmazon.com passed many milestones in 1997: by year-end, we had "
        "served more than 1.5 million customers, yielding 838% revenue growth to $147.8 million, "
        "and extended our market leadership despite aggressive competitive entry.\n\nBut this is"
    ) in letters[1997].text
    assert "\n\nIt's All About the Long Term\n\nWe believe" in letters[1997].text
    assert (
        "\n\n• We will continue to make investment decisions in light of long-term market "
        "leadership considerations rather than short-term profitability considerations or "
        "short-term Wall Street reactions.\n\n• We will"
    ) in letters[1997].text
    assert "move into high-demand occupations" in letters[2019].text
    assert (
        "Summarizing:\n\nShareholders | $21B\nEmployees | $91B\n3P Sellers | $25B\n"
        "Customers | $164B\nTotal | $301B\n\nIf each group"
    ) in letters[2020].text
    assert "Seventy-five hours multiplied" in letters[2020].text
    assert "“be yourself” is that" in letters[2020].text
    assert "through the pandemic the same way without" in letters[2021].text
    assert (
        "Andy Jassy\nPresident and Chief Executive Officer\nAmazon.com, Inc." in letters[2023].text
    )


def test_letters_map_their_pages(letters: dict[int, Document]) -> None:
    assert [len(ours(letters[year].metadata)["page_starts"]) for year in sorted(letters)] == [
        5, 5, 7, 6, 7, 11,
    ]  # fmt: skip
    text, starts = letters[2023].text, ours(letters[2023].metadata)["page_starts"]
    assert text[starts[6] :].startswith("service. Amazon Bedrock invented this layer")
    assert text[starts[8] :].startswith("1997 LETTER TO SHAREHOLDERS")
    assert starts == sorted(starts)


@pytest.mark.slow
def test_letters_keep_every_word(letters: dict[int, Document]) -> None:
    for year in (1997, 2020):
        letter = letters[year]
        path = LETTERS / letter.metadata["file_name"]
        other = "".join(page.extract_text() for page in pypdf.PdfReader(path).pages)
        plain, reference = (
            "".join(filter(str.isalnum, text.replace("ﬁ", "fi"))) for text in (letter.text, other)
        )
        assert abs(len(plain) - len(reference)) <= 0.002 * len(reference)


# Documents that a caller brings


def test_adopting_fills_in_under_our_key_and_leaves_the_original_alone() -> None:
    original = Document(id_="letters/my_letter.txt", text="Dear all", metadata={"author": "me"})
    before = original.model_copy(deep=True)
    adopted = adopt(original)
    assert original == before
    assert (adopted.id_, adopted.text) == ("letters/my_letter.txt", "Dear all")
    assert theirs(adopted.metadata) == {"author": "me"}
    about = ours(adopted.metadata)
    assert about["title"] == "my letter"
    assert about["source"] == "letters/my_letter.txt"
    assert about["file_name"] == "my_letter.txt"
    assert adopt(adopted) == adopted


def test_adopting_a_loaded_document_changes_nothing(tmp_path: Path) -> None:
    document = load_document(written(tmp_path, "a.txt", "text"))
    assert alike(adopt(document), document)


def test_the_same_document_without_an_id_is_adopted_as_the_same(tmp_path: Path) -> None:
    one, two = (adopt(Document(text="page 1", metadata={"file_name": "x.pdf"})) for _ in range(2))
    other = adopt(Document(text="page 2", metadata={"file_name": "x.pdf"}))
    assert one == two
    assert other.id_ != one.id_
    assert ours(one.metadata)["source"] == ours(other.metadata)["source"] == "x.pdf"


def test_a_document_without_any_name_is_called_by_its_first_line() -> None:
    assert ours(adopt(Document(text="Hello there\nmore")).metadata)["title"] == "Hello there"


def test_adopting_makes_text_and_metadata_storable() -> None:
    adopted = adopt(
        Document(
            id_="a",
            text="a\0b\ud800c",
            metadata={"path": Path("x"), OURS: {"page_starts": ["no"]}, "tags": ("a", 1)},
        )
    )
    assert adopted.text == "a\ufffdb\ufffdc"
    assert adopted.metadata["path"] == "x"
    assert adopted.metadata["tags"] == ["a", 1]
    assert "page_starts" not in ours(adopted.metadata)
    with pytest.raises(DocumentError, match="no text"):
        adopt(Document(id_="empty", text=" "))
