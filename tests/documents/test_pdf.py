"""PDF: tables as grids, columns, spaced letters, damaged pages, labels, fields, scans, boxes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

from indexes.documents.extracted import Extracted, UnreadableError
from indexes.documents.ocr import tesseract_lines
from indexes.documents.pdf.hyphens import Hyphens
from indexes.documents.reader import Reading
from indexes.documents.readers import pdf, picture
from tests.benchmarks.documents import cells_kept, compared

HERE = Path(__file__).parent


def read(name: str) -> Extracted:
    return pdf.read((HERE / name).read_bytes(), Reading())


def made(document: FPDF, **reading: bool) -> Extracted:
    return pdf.read(bytes(document.output()), Reading(**reading))


def new_page() -> FPDF:
    document = FPDF(format="A4")
    document.add_page()
    document.set_font("Helvetica", size=11)
    return document


# Tables


def test_empty_cells_are_kept() -> None:
    assert read("table-empty-cells.pdf").text == (
        "Breakdowns by quarter.\n\nDepot | Q1 | Q2 | Q3\nAldbury | 5 |  | 7\n"
        "Brixworth |  | 4 | \nCatterick | 1 |  | "
    )


def test_an_empty_corner_is_kept() -> None:
    extracted = read("table-empty-corner.pdf")
    assert "\n\n | 2021 | 2022 | 2023\nRevenue | 510 | 540 | 611\n" in extracted.text
    [table] = extracted.structure.tables
    assert extracted.text[table.start : table.header_end].strip("\n") == " | 2021 | 2022 | 2023"
    assert extracted.report.tables == 1


@pytest.mark.parametrize("name", ["table-right-to-left.pdf", "table-by-column.pdf"])
def test_rows_are_read_as_they_stand_however_they_were_drawn(name: str) -> None:
    assert (
        "Depot | Pallets | Value | Manager\nAldbury | 410 | 12,300 | Osei\n"
        "Brixworth | 388 | 9,850 | Lund\nCatterick | 1,204 | 40,110 | Pereira\n"
        "Dunmow | 77 | 2,000 | Novak\nEarlsdon | 590 | 17,745 | Haddad"
    ) in read(name).text


def test_a_cell_of_a_ruled_table_may_have_several_lines_and_spans_are_repeated() -> None:
    document = new_page()
    with document.table(col_widths=(40, 60, 30)) as table:
        header = table.row()
        header.cell("Depot", rowspan=1)
        header.cell("What happened in the year", colspan=2)
        table.row(["Aldbury", "The eastern basin was dredged before the season began", "5"])
        table.row(["Brixworth", "", "7"])
    assert made(document).text == (
        "Depot | What happened in the year | What happened in the year\n"
        "Aldbury | The eastern basin was dredged before the season began | 5\n"
        "Brixworth |  | 7"
    )


def test_lines_of_numbers_in_one_frame_are_rows_and_a_title_is_none() -> None:
    document = new_page()
    with document.table(col_widths=(30, 25, 20)) as table:
        table.row().cell("Traffic by month", colspan=3)
        header = table.row()
        header.cell("")
        header.cell("Passengers", colspan=2)
        table.row(["", "Number", "Change"])
        table.row(["Apr-2015\nMay-2015\nJun-2015", "653,278\n686,908\n667,181", "107\n110\n108"])
        table.row(["Total", "2,007,367", "108"])
    extracted = made(document)
    assert extracted.text == (
        "Traffic by month\n\n"
        " | Passengers | Passengers\n | Number | Change\nApr-2015 | 653,278 | 107\n"
        "May-2015 | 686,908 | 110\nJun-2015 | 667,181 | 108\nTotal | 2,007,367 | 108"
    )
    [found] = extracted.structure.tables
    assert extracted.text[: found.header_end].endswith(" | Number | Change\n")


# Columns, spaced letters


def test_columns_of_prose_drawn_in_turns_are_read_one_after_the_other() -> None:
    text = read("two-columns-row-order.pdf").text
    assert "where the banks are soft enough to dig. Each colony keeps" in text
    assert text.index("stored in autumn.") < text.index("Kingfishers need clear water")
    assert " | " not in text


def test_letters_that_are_spaced_out_make_words() -> None:
    text = read("letterspaced.pdf").text
    assert text.startswith("The harbour board agreed to dredge the eastern basin.")
    assert "ANNUAL REPORT OF THE HARBOUR" in text


# Pages


def test_a_bad_colour_space_costs_nothing() -> None:
    extracted = read("bad-colorspace-page2.pdf")
    assert [f"basin {basin} this year" in extracted.text for basin in "ABC"] == [True] * 3
    assert extracted.report.pages == 3


def test_pages_without_text_are_reported() -> None:
    report = read("mostly-scan.pdf").report
    assert report.pages == 12
    assert report.pages_without_text == list(range(2, 13))


def test_a_short_page_gives_its_text() -> None:
    assert read("short-page.pdf").text == "Room 7"


def test_a_page_that_is_damaged_is_named_and_the_others_are_read() -> None:
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 5 0 R "
    page += b"/Resources << /Font << /F 6 0 R >> >> >>"
    words = b"BT /F 12 Tf 30 200 Td (The harbour froze over.) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>",
        page,
        b"(no page)",
        b"<< /Length %d >> stream\n%s\nendstream" % (len(words), words),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body = b"".join(b"%d 0 obj %s endobj\n" % item for item in enumerate(objects, 1))
    content = b"%PDF-1.7\n" + body + b"trailer << /Root 1 0 R >>\n%%EOF"
    extracted = pdf.read(content, Reading())
    assert extracted.text == "The harbour froze over."
    assert extracted.report.unreadable == ["page 2: is damaged"]


def test_pages_have_their_labels() -> None:
    labels = read("page-labels.pdf").page_labels
    assert labels is not None
    assert len(labels) == 3
    assert labels != ("1", "2", "3")


def test_a_file_that_opens_without_a_password_is_read() -> None:
    assert "basin C" in read("owner-only-aes256.pdf").text


# Words and paragraphs


def test_pages_that_say_only_their_number_say_it() -> None:
    document = new_page()
    for number in (1, 2):
        document.set_xy(100, 280)
        document.cell(0, 5, str(number))
        if number == 1:
            document.add_page()
    assert made(document).text.split() == ["1", "2"]


def test_a_notes_number_is_no_part_of_the_word_before_it() -> None:
    document = new_page()
    document.write(6, "as the statutes")
    document.set_char_spacing(0)
    document.char_vpos = "SUP"
    document.write(6, "1")
    document.char_vpos = "LINE"
    document.write(6, " say")
    assert made(document).text == "as the statutes 1 say"


def test_letters_of_a_list_stay_apart() -> None:
    document = new_page()
    for place, letter in enumerate("abcdefgh"):
        document.text(20 + 4 * place, 50, letter)
    assert made(document).text == "a b c d e f g h"


# Headings


def test_headings_have_levels_from_the_outline_and_from_their_size() -> None:
    document = new_page()
    for title, level, size in [("Harbour rules", 0, 20), ("Moorings", 1, 15)]:
        document.start_section(title, level=level)
        document.set_font("Helvetica", size=size)
        document.multi_cell(0, 10, title, new_x="LMARGIN", new_y="NEXT")
        document.set_font("Helvetica", size=11)
        document.multi_cell(0, 6, "Boats are moored at the eastern basin. " * 6)
        document.ln(8)
    extracted = made(document)
    headings = extracted.structure.headings
    assert [extracted.text[h.start : h.end] for h in headings] == ["Harbour rules", "Moorings"]
    assert [heading.level for heading in headings] == [1, 2]
    assert extracted.heading == "Harbour rules"


def test_a_sentence_or_a_stamp_across_the_page_is_no_heading() -> None:
    document = new_page()
    document.set_font("Helvetica", size=9)
    document.multi_cell(0, 5, "Boats are moored at the eastern basin. " * 9)
    document.set_font("Helvetica", size=11)
    document.text(20, 60, "The board met on Tuesday and agreed on it.")
    document.set_font("Helvetica", size=40)
    with document.rotation(45, 100, 150):
        document.text(80, 150, "DRAFT")
    extracted = made(document)
    assert not extracted.structure.headings
    assert extracted.heading is None
    assert extracted.text.endswith("DRAFT")


def test_lines_of_a_table_of_contents_keep_their_lines() -> None:
    document = new_page()
    lines = [f"{title} {'.' * 60} {page}" for title, page in [("Rent", 4), ("Repairs", 7)]]
    for number, line in enumerate(lines):
        document.text(20, 30 + 6 * number, line)
    assert made(document).text.splitlines() == lines


def test_a_programs_lines_keep_their_breaks_and_indents() -> None:
    document = new_page()
    document.text(20, 20, "The program below prints the name of each depot that is open.")
    document.set_font("Courier", size=9)
    code = ["for depot in depots:", "    if depot.open:", "        print(depot)", "", "wait()"]
    for number, line in enumerate(code):
        document.text(25, 30 + 4 * number, line)
    document.set_font("Helvetica", size=11)
    document.text(20, 60, "It runs every night, and once more on Sundays.")
    extracted = made(document)
    [(start, end)] = extracted.structure.code
    assert extracted.text[start:end].splitlines() == code


def test_what_a_typewriter_wrote_is_prose() -> None:
    document = new_page()
    document.set_font("Courier", size=11)
    document.multi_cell(0, 5, "Boats are moored in the basin, and leave with the tide. " * 3)
    extracted = made(document)
    assert not extracted.structure.code
    assert "\n" not in extracted.text


# Boxes


def test_every_line_knows_where_it_stands() -> None:
    extracted = read("short-page.pdf")
    [mark] = extracted.layout
    assert (mark.at, mark.page) == (0, 1)
    assert mark.box is not None
    left, top, right, bottom = mark.box
    assert 0 < left < right < 600
    assert 0 < top < bottom < 850


def test_cells_know_where_they_stand() -> None:
    extracted = read("table-empty-cells.pdf")
    starts = [mark.at for mark in extracted.layout]
    assert starts == sorted(starts)
    for word in ("Aldbury", "5", "7"):
        at = extracted.text.index(f"{word}", extracted.text.index("Aldbury"))
        assert at in starts


# Pictures


def scan(text: str) -> Image.Image:
    image = Image.new("RGB", (900, 220), "white")
    ImageDraw.Draw(image).text((40, 80), text, "black", ImageFont.load_default(44))
    return image


def saved(image: Image.Image, path: Path) -> bytes:
    image.save(path)
    return path.read_bytes()


def test_a_scan_is_recognised_only_when_asked_for(tmp_path: Path) -> None:
    saved(scan("The harbour was closed"), tmp_path / "scan.png")
    document = new_page()
    document.image(str(tmp_path / "scan.png"), w=180)
    with pytest.raises(UnreadableError, match="recognise it with --ocr"):
        made(document)


@pytest.mark.slow
def test_scanned_pages_and_pictures_are_recognised_with_their_places(tmp_path: Path) -> None:
    pytest.importorskip("rapidocr")
    data = saved(scan("The harbour was closed"), tmp_path / "scan.png")
    document = new_page()
    document.cell(0, 10, "A page with text of its own")
    document.add_page()
    document.image(str(tmp_path / "scan.png"), w=180)
    extracted = made(document, ocr=True)
    assert "harbour was closed" in extracted.text
    assert extracted.report.pages_without_text == []
    assert extracted.report.guessed == ["the text of pages 2 was recognised by RapidOCR"]
    assert [mark.page for mark in extracted.layout] == [1, 2]
    assert "harbour was closed" in picture.read(data, Reading(ocr=True)).text


@pytest.mark.slow
def test_recognising_tells_nobody_and_gives_the_machine_no_id(tmp_path: Path) -> None:
    pytest.importorskip("rapidocr")
    code = (
        "import os, numpy; from indexes.documents.ocr import recognised; "
        "recognised(numpy.full((40, 200, 3), 255, 'uint8'), 0.5); "
        "print(os.environ.get('ORT_DISABLE_TELEMETRY'))"
    )
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | home, capture_output=True, check=True
    )
    assert ended.stdout == b"None\n"
    assert list(tmp_path.iterdir()) == []


def test_a_picture_is_refused_without_being_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="is a picture: recognise its text with --ocr"):
        picture.read(saved(scan("x"), tmp_path / "x.png"), Reading())


def test_tesseracts_words_become_lines() -> None:
    table = "\n".join(
        ["level\tpage\tblock\tpar\tline\tword\tleft\ttop\twidth\theight\tconf\ttext"]
        + [f"5\t1\t1\t1\t1\t{n}\t{n * 50}\t10\t40\t12\t96\t{w}" for n, w in enumerate(["a", "b"])]
        + ["5\t1\t1\t1\t2\t1\t0\t30\t40\t12\t96\tc"]
    )
    assert [(line.text, line.left, line.right) for line in tesseract_lines(table)] == [
        ("a b", 0, 90),
        ("c", 0, 40),
    ]


# Time


def seconds_for(letters: int) -> float:
    started = time.process_time()
    Hyphens(["x" * letters + "-", "y" * letters])
    return time.process_time() - started


@pytest.mark.slow
def test_a_long_line_without_words_takes_linear_time() -> None:
    seconds_for(1000)
    once = min(seconds_for(250_000) for _ in range(3))
    fourfold = min(seconds_for(1_000_000) for _ in range(3))
    assert fourfold < 8 * once + 0.05


@pytest.mark.slow
def test_a_long_row_takes_linear_time() -> None:
    def seconds(letters: int) -> float:
        document = FPDF(unit="pt", format=(100_000, 200))
        document.add_page()
        document.set_font("Helvetica", size=4)
        document.text(0, 100, "abcdefghij" * (letters // 10))
        content = bytes(document.output())
        started = time.process_time()
        pdf.read(content, Reading())
        return time.process_time() - started

    seconds(1000)
    assert min(seconds(40_000) for _ in range(2)) < 8 * min(seconds(10_000) for _ in range(2)) + 0.1


# The benchmark


def test_the_benchmark_counts_words_pairs_and_cells() -> None:
    figures = compared("the dredger works inthe basin", "The dredger works in the basin.")
    assert figures["kept"] == 4 / 6
    assert figures["in_order"] == 2 / 5
    assert figures["glued"] == 1 / 6
    assert cells_kept("Depot | Q1 | Q2\nEly |  | 7", [["Depot", "Q1", "Q2"], ["Ely", "", "7"]]) == 1
    assert cells_kept("Depot Q1\nEly | 7", [["Ely", "", "7"]]) == 1 / 3
