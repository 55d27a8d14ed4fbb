"""Excel: sheets are pages, rows keep their numbers, cells their columns."""

import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from indexes.documents import load_document
from indexes.documents.structure import Structure
from indexes.errors import DocumentError
from indexes.namespace import ours


def saved(tmp_path: Path, book: openpyxl.Workbook) -> Path:
    path = tmp_path / "depots.xlsx"
    book.save(path)
    return path


def test_a_sheet_with_a_title_above_its_table(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Prices"
    sheet.append(["Depots by quarter"])
    sheet.append([])
    sheet.append(["Depot", "Q1", "Q2", "Q3"])
    sheet.append(["Aldbury", 5, None, 7])
    sheet.append(["Diss", None, 1234.5, 0.25])
    sheet["C5"].number_format = "#,##0.00"
    sheet["D5"].number_format = "0%"
    book.create_sheet("Empty")
    notes = book.create_sheet("Notes")
    notes.append([date(2024, 5, 1), datetime(2024, 5, 1, 12, 30), True])
    hidden = book.create_sheet("Secret")
    hidden.append(["salaries"])
    hidden.sheet_state = "hidden"
    document = load_document(saved(tmp_path, book))
    assert document.text == (
        "Prices\n\nDepots by quarter\n\n"
        "Depot | Q1 | Q2 | Q3\nAldbury | 5 |  | 7\nDiss |  | 1,234.50 | 25%\n\n"
        "Notes\n\n2024-05-01 | 2024-05-01 12:30:00 | TRUE"
    )
    about = ours(document.metadata)
    assert about["page_kind"] == "sheet"
    assert about["page_labels"] == ["Prices", "Empty", "Notes"]
    assert about["report"]["left_out"] == {"hidden sheets": 1}
    assert about["report"]["pages_without_text"] == [2]
    prices, *_ = Structure.of(about["structure"], len(document.text)).tables
    assert prices.numbers == (3, 4, 5)
    assert document.text[prices.start : prices.header_end] == "Depot | Q1 | Q2 | Q3\n"


def test_tables_side_by_side_are_two(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [
        ["Depot", "Q1", None, "Ship", "Tons"],
        ["Ely", 5, None, "Ann", 100],
        ["Diss", None, None, "Bob", 250],
        [None, None, None, "Cy", 75],
    ]:
        book.active.append(row)
    assert load_document(saved(tmp_path, book)).text == (
        "Depot | Q1\nEly | 5\nDiss | \n\nShip | Tons\nAnn | 100\nBob | 250\nCy | 75"
    )


def test_an_empty_column_between_figures_parts_nothing(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [["Depot", "Q1", "Q2", None, "Q3", "Q4"], ["Ely", 5, 6, None, 7, 8]]:
        book.active.append(row)
    assert load_document(saved(tmp_path, book)).text == (
        "Depot | Q1 | Q2 |  | Q3 | Q4\nEly | 5 | 6 |  | 7 | 8"
    )


def test_merged_cells_repeat_their_value(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Depot", "2021", "", "2022", ""])
    sheet.append(["Ely", "low", "high", "low", "high"])
    sheet.append(["", 1, 2, 3, 4])
    sheet.merge_cells("B1:C1")
    sheet.merge_cells("D1:E1")
    sheet.merge_cells("A2:A3")
    assert load_document(saved(tmp_path, book)).text == (
        "Depot | 2021 | 2021 | 2022 | 2022\nEly | low | high | low | high\nEly | 1 | 2 | 3 | 4"
    )


def test_text_boxes_of_a_sheet_are_read_and_its_headers_are_told_of(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Depot", "Q1"])
    book.active.append(["Ely", 5])
    book.active.oddHeader.center.text = "Confidential"
    path = saved(tmp_path, book)
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    drawn = "http://schemas.openxmlformats.org/drawingml/2006"
    lines = "".join(
        f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in ("Provisional,", "until June.")
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(
            "xl/worksheets/_rels/sheet1.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="r" Type="{office}/drawing" Target="../drawings/drawing1.xml"/>'
            "</Relationships>",
        )
        archive.writestr(
            "xl/drawings/drawing1.xml",
            f'<xdr:wsDr xmlns:xdr="{drawn}/spreadsheetDrawing" xmlns:a="{drawn}/main">'
            f"<xdr:sp><xdr:txBody>{lines}</xdr:txBody></xdr:sp></xdr:wsDr>",
        )
    document = load_document(path)
    assert document.text == "Depot | Q1\nEly | 5\n\nProvisional,\nuntil June."
    assert ours(document.metadata)["report"]["left_out"] == {"headers and footers": 1}


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "old.xlsx"
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600)
    with pytest.raises(DocumentError, match=r"save it without a password as .*\.xlsx"):
        load_document(path)
