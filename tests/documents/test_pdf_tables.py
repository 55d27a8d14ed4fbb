"""Tables in PDFs without rules, or over several pages: rows and headers as a person sees them."""

import pytest

from tests.documents.files import tables_of
from tests.documents.sheet import Sheet

WARDENS = [
    ("Harbour", "What happened in the year", "Boats"),
    ("Aldbury", "The eastern basin was dredged before the season and the wall was raised", "5"),
    ("Brixworth", "Nothing", "7"),
    (
        "Catterick",
        "The lamp was replaced by one that is seen from twelve miles on clear nights",
        "11",
    ),
]


def test_a_cell_may_go_on_for_several_lines() -> None:
    sheet = Sheet()
    y = 30.0
    for label, duty, hours in [
        ("Harbour", ["Duty"], "Hours"),
        ("Aldbury", ["Keeps the eastern light and", "rings the bell in fog"], "12"),
        ("Brixworth", ["Counts the boats"], "7"),
        ("Catterick", ["Repairs the nets that were", "torn in winter and dries them"], "31"),
    ]:
        sheet.left(20, y, label)
        sheet.left(60, y, *duty)
        sheet.right(150, y, hours)
        y += 4.5 * len(duty) + 2.5
    assert sheet.table_found() == [
        ["Harbour", "Duty", "Hours"],
        ["Aldbury", "Keeps the eastern light and rings the bell in fog", "12"],
        ["Brixworth", "Counts the boats", "7"],
        ["Catterick", "Repairs the nets that were torn in winter and dries them", "31"],
    ]


@pytest.mark.parametrize("borders", ["NONE", "MINIMAL", "HORIZONTAL_LINES", "ALL"])
def test_a_label_may_stand_beside_the_middle_of_its_row(borders: str) -> None:
    sheet = Sheet()
    with sheet.table(borders_layout=borders, col_widths=(30, 70, 30)) as table:
        for row in WARDENS:
            table.row(row)
    assert sheet.table_found() == [list(row) for row in WARDENS]


def test_definitions_keep_their_terms() -> None:
    sheet = Sheet()
    sheet.left(20, 30, "Term")
    sheet.left(60, 30, "Meaning")
    sheet.left(20, 37, "Lease")
    sheet.left(60, 37, "A contract by which one party conveys land", "to another for a time.")
    sheet.left(20, 48.5, "Tenant")
    sheet.left(60, 48.5, "The party that pays rent.")
    assert sheet.table_found() == [
        ["Term", "Meaning"],
        ["Lease", "A contract by which one party conveys land to another for a time."],
        ["Tenant", "The party that pays rent."],
    ]


def test_a_header_of_two_lines_names_each_column() -> None:
    sheet = Sheet()
    for x, upper, lower in [(70, "Units", "sold"), (100, "Share of", "market")]:
        sheet.right(x, 30, upper)
        sheet.right(x, 34.5, lower)
    sheet.left(20, 34.5, "Depot")
    for number, row in enumerate(
        [("Aldbury", "1,200", "12%"), ("Ely", "88", "9%"), ("Oby", "4", "1%")]
    ):
        y = 41 + 5.0 * number
        sheet.left(20, y, row[0])
        sheet.right(70, y, row[1])
        sheet.right(100, y, row[2])
    assert sheet.table_found() == [
        ["Depot", "Units sold", "Share of market"],
        ["Aldbury", "1,200", "12%"],
        ["Ely", "88", "9%"],
        ["Oby", "4", "1%"],
    ]


def test_rows_without_a_first_cell_are_rows() -> None:
    sheet = Sheet()
    rows = [
        ["Region", "Depot", "Q1"], ["North", "Port Aldbury", "5"], ["", "Port Brixworth", "6"],
        ["South", "Dunmow", "3"], ["", "Earlsdon", "9"],
    ]  # fmt: skip
    for number, row in enumerate(rows):
        for x, word in zip((20, 50, 100), row, strict=True):
            sheet.left(x, 30 + 6 * number, word)
    assert sheet.table_found() == rows


def test_names_below_each_other_are_no_broken_lines() -> None:
    sheet = Sheet()
    rows = [["Boat", "Pilot"], ["Alma", "Osei"], ["Brigantine", "Pereira"], ["Cora", "Lund"]]
    for number, (boat, pilot) in enumerate(rows):
        sheet.left(20, 30 + 5 * number, boat)
        sheet.left(60, 30 + 5 * number, pilot)
    assert sheet.table_found() == rows


@pytest.mark.slow
@pytest.mark.parametrize("borders", ["ALL", "NONE"])
def test_a_table_that_goes_on_over_pages_is_one_with_one_header(borders: str) -> None:
    sheet = Sheet()
    rows = [[f"Boat {number}", str(number * 3), str(number % 9)] for number in range(80)]
    with sheet.table(borders_layout=borders, col_widths=(40, 30, 30)) as table:
        for row in [["Boat", "Fee", "Days"], *rows]:
            table.row(row)
    found = sheet.read()
    assert tables_of(found) == [[["Boat", "Fee", "Days"], *rows]]
    assert found.page_starts is not None
    assert found.text[found.page_starts[1] :].startswith("Boat 3")
    on_last_page = [mark for mark in found.layout if found.text.startswith("Boat 79", mark.at)]
    assert [mark.page for mark in on_last_page] == [3]


def test_another_table_on_the_next_page_is_another() -> None:
    sheet = Sheet()
    for heading in ("Summer", "Winter"):
        sheet.left(20, 20, f"{heading} in the harbour was as the wardens had foreseen it would be.")
        for number, row in enumerate([("Boat", "Fee"), (heading, "12"), ("Cora", "31")]):
            sheet.left(20, 30 + 5 * number, row[0])
            sheet.right(80, 30 + 5 * number, row[1])
        if heading == "Summer":
            sheet.add_page()
    assert len(tables_of(sheet.read())) == 2


DEPOTS = [["Depot", "Q1", "Q2"], ["Ely", "5", "6"], ["Diss", "", "8"], ["Oby", "9", "1"]]
SHIPS = [["Ship", "Tons"], ["Ann", "100"], ["Bob", "250"], ["Cy", "75"], ["Di", "3"]]


def put(sheet: Sheet, rows: list[list[str]], x: float, y: float, ruled: bool = False) -> None:
    """A table with a column every 20 mm and a row every 6 mm."""
    for number, row in enumerate(rows):
        for column, word in enumerate(row):
            sheet.left(x + 20 * column, y + 6 * number, word)
    width, height = 20 * len(rows[0]), 6 * len(rows)
    for number in range(len(rows) + 1) if ruled else ():
        sheet.line(x - 2, y - 4 + 6 * number, x - 2 + width, y - 4 + 6 * number)
    for column in range(len(rows[0]) + 1) if ruled else ():
        sheet.line(x - 2 + 20 * column, y - 4, x - 2 + 20 * column, y - 4 + height)


@pytest.mark.parametrize("ruled", [True, False])
def test_tables_side_by_side_are_two(ruled: bool) -> None:
    sheet = Sheet()
    put(sheet, DEPOTS, 20, 30, ruled)
    put(sheet, SHIPS, 120, 30, ruled)
    assert tables_of(sheet.read()) == [DEPOTS, SHIPS]


def test_a_total_below_the_left_columns_only_is_no_second_table() -> None:
    sheet = Sheet()
    put(sheet, [*DEPOTS, ["Total", "14", "15"]], 20, 30)
    put(
        sheet, [["Pilot", "Since"], ["Osei", "2019"], ["Lund", "2020"], ["Haddad", "2021"]], 120, 30
    )
    [table] = sheet.read().structure.tables
    assert len(table.rows) == 5


@pytest.mark.parametrize("places", [(48, 88), (50, 87), (40, 80)], ids=["centred", "near", "left"])
def test_a_header_may_span_columns_without_lines(places: tuple[float, float]) -> None:
    sheet = Sheet()
    for x, year in zip(places, ("2022", "2023"), strict=True):
        sheet.left(x, 30, year)
    halves = [["Depot", "H1", "H2", "H1", "H2"], ["Ely", "5", "6", "7", "8"]]
    rows = [*halves, ["Diss", "1", "", "3", "4"], ["Oby", "9", "1", "2", ""]]
    put(sheet, rows, 20, 36)
    found = sheet.read()
    assert tables_of(found) == [[["", "2022", "2022", "2023", "2023"], *rows]]
    [table] = found.structure.tables
    assert found.text[table.header_end :].startswith("Ely")


def test_a_title_above_a_table_spans_nothing() -> None:
    sheet = Sheet()
    sheet.left(35, 24, "Stock of the depots")
    put(sheet, DEPOTS, 20, 30)
    assert tables_of(sheet.read()) == [DEPOTS]


def test_a_currency_with_a_column_of_its_own_goes_with_its_value() -> None:
    sheet = Sheet()
    for number, (name, value) in enumerate([("Dues", "1,234"), ("Rent", "900"), ("Sum", "2,134")]):
        sheet.left(20, 30 + 6 * number, name)
        sheet.left(60, 30 + 6 * number, "$")
        sheet.right(90, 30 + 6 * number, value)
    assert sheet.table_found() == [["Dues", "$ 1,234"], ["Rent", "$ 900"], ["Sum", "$ 2,134"]]


def test_facts_have_no_header() -> None:
    sheet = Sheet()
    put(sheet, [["Invoice:", "42"], ["Date:", "4 May"], ["Due:", "30 days"]], 20, 30)
    [table] = sheet.read().structure.tables
    assert table.header_end == table.start


def test_a_title_between_two_tables_parts_them() -> None:
    sheet = Sheet()
    staff = [["Name", "Since", "Role"], ["Osei", "2019", "Pilot"], ["Lund", "2020", "Clerk"]]
    depots = [row[:2] for row in DEPOTS if row[1]]
    put(sheet, depots, 20, 30)
    sheet.left(20, 54, "Staff")
    put(sheet, staff, 20, 61)
    assert tables_of(sheet.read()) == [depots, staff]


def test_a_label_that_breaks_off_has_its_values_beside_its_last_line() -> None:
    sheet = Sheet()
    y = 30.0
    for label, value in [
        (["Works"], "2023"),
        (["Dredging of the eastern", "basin and its entrance"], "1,204"),
        (["Fenders"], "77"),
        (["Total"], "1,281"),
    ]:
        sheet.left(20, y, *label)
        y += 4.5 * len(label)
        sheet.right(105, y - 4.5, value)
        y += 2
    assert sheet.table_found()[1] == ["Dredging of the eastern basin and its entrance", "1,204"]


def test_numbered_clauses_are_no_table() -> None:
    sheet = Sheet()
    clauses = [
        ("1.1", ["The tenant pays the rent on the first day of each quarter, and", "in full."]),
        ("1.2", ["The landlord keeps the roof and the walls of the boathouse in", "repair."]),
        ("1.3", ["Either of them may end the lease at the end of any quarter by", "a letter."]),
    ]
    for number, (label, lines) in enumerate(clauses):
        sheet.left(20, 30 + 12 * number, label)
        sheet.left(35, 30 + 12 * number, *lines)
    found = sheet.read()
    assert not found.structure.tables
    assert found.text.split("\n\n") == [f"{label} {' '.join(lines)}" for label, lines in clauses]


def test_names_at_the_left_and_numbers_at_the_right_of_a_column_are_one_column() -> None:
    sheet = Sheet()
    rows = [["Asset", "Book", "Market", "Custodian"]]
    rows += [[f"Asset {n}", f"1,{n}00", f"({n}1)" if n % 3 else "", "Estates"] for n in range(5)]
    for number, row in enumerate(rows):
        y = 30 + 6 * number
        sheet.left(20, y, row[0])
        for x, word in zip((50, 80), row[1:3], strict=True):
            (sheet.right if number else sheet.left)(x + 24 if number else x, y, word)
        sheet.left(107, y, row[3])
    assert sheet.table_found() == rows


def test_the_header_of_a_table_on_every_page_is_no_running_header() -> None:
    sheet = Sheet()
    for page in range(3):
        if page:
            sheet.add_page()
        for x, name in zip((20, 60, 100), ("Asset", "Value (£)", "Custodian"), strict=True):
            sheet.left(x, 20, name)
        for x, name in zip((60, 80), ("Book", "Market"), strict=True):
            sheet.left(x, 25, name)
        for row in range(40):
            sheet.left(20, 30 + 6 * row, f"Asset {page}.{row}")
            sheet.right(77, 30 + 6 * row, f"1,{page}{row}")
            sheet.left(100, 30 + 6 * row, "Estates")
    found = sheet.read()
    assert "Book" in found.text
    assert not found.report.left_out


def test_lines_that_had_to_end_before_a_cell_does_are_of_one_row() -> None:
    sheet = Sheet()
    cells = ("Parks and", "open spaces"), ("held with", "open ends")
    for y in (30, 42, 54):
        sheet.rect(20, y - 5, 20, 12)
        sheet.left(22, y, "Asset")
        x = 40.0
        for lines in cells:
            width = sheet.get_string_width(f"{lines[0]} open") + 2.7
            sheet.rect(x, y - 5, width, 12)
            sheet.left(x + 2, y, *lines)
            x += width
    assert sheet.table_found() == 3 * [["Asset", "Parks and open spaces", "held with open ends"]]


def test_names_and_cells_of_several_lines_between_titles_of_their_rows() -> None:
    sheet = Sheet()
    lines = [
        (30.0, ["", "", "Rent", "", ""]),
        (34.0, ["", "Area", "(£)", "Lease", ""]),
        (38.0, ["Tenant", "(ft)", "a year", "expiry", "Comments"]),
        (45.0, ["North", "", "", "", ""]),
        (51.0, ["Looms LLP", "4,250", "18,500", "31 Mar", "a review has been outstanding since"]),
        (55.0, ["", "", "", "2030", "2024"]),
        (61.0, ["Vacant", "3,100", "", "", ""]),
        (67.0, ["Pumps Ltd", "8,900", "41,250", "24 Jun 27", "Guarantor: parent"]),
        (73.0, ["O'Hara", "960", "7,200", "29 Sep", ""]),
        (77.0, ["", "", "", "2025", ""]),
    ]
    for y, cells in lines:
        for column, word in enumerate(cells):
            if column in (1, 2):
                sheet.right(40.0 + 18 * column, y, word)
            else:
                sheet.left((20.0, 0.0, 0.0, 92.0, 114.0)[column], y, word)
    assert sheet.table_found() == [
        ["Tenant", "Area (ft)", "Rent (£) a year", "Lease expiry", "Comments"],
        ["North", "", "", "", ""],
        ["Looms LLP", "4,250", "18,500", "31 Mar 2030", "a review has been outstanding since 2024"],
        ["Vacant", "3,100", "", "", ""],
        ["Pumps Ltd", "8,900", "41,250", "24 Jun 27", "Guarantor: parent"],
        ["O'Hara", "960", "7,200", "29 Sep 2025", ""],
    ]
