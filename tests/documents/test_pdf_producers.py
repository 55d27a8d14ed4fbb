"""What everyday programs print: narrow gutters, markers drawn late, bullets that are no letters."""

from tests.documents.files import tables_of
from tests.documents.sheet import Sheet


def test_columns_may_stand_as_close_as_words_of_a_wide_line() -> None:
    sheet = Sheet()
    sheet.left(20, 30, "Service")
    for x, word in [(56, "Small vessel"), (80, "Large vessel")]:
        sheet.right(x, 30, word)
    sheet.left(82.4, 30, "Note")
    rows = [
        ["Mooring", "120", "340", "per call"],
        ["Water", "", "45", "per hour"],
        ["Waste", "30", "", ""],
        ["Pilotage", "510", "1,250", "both ways"],
    ]
    for number, (service, small, large, note) in enumerate(rows):
        y = 36 + 6 * number
        sheet.left(20, y, service)
        sheet.right(56, y, small)
        sheet.right(80, y, large)
        sheet.left(82.4, y, note)
    assert sheet.table_found() == [["Service", "Small vessel", "Large vessel", "Note"], *rows]


def test_a_narrow_column_that_is_mostly_empty_is_a_column() -> None:
    sheet = Sheet()
    rows = [["Ward", "Occupancy", "Remark"]]
    rows += [[name, "61 %", ""] for name in ("Aske", "Birch", "Cedar")]
    rows += [["Downe", "64 %", "side rooms"], ["Elm", "70 %", ""], ["Fir", "(closed)", ""]]
    for number, (ward, occupancy, remark) in enumerate(rows):
        y = 30 + 6 * number
        sheet.left(20, y, ward)
        sheet.right(56, y, occupancy)
        sheet.left(58.5, y, remark)
    assert sheet.table_found() == rows


def test_what_was_drawn_late_stands_where_there_is_room_for_it() -> None:
    sheet = Sheet()
    lines = ["The Tenant shall", "pay the rent;", "paint the door;", "keep a dog.", "Signed"]
    lines += ["by both parties", "before a witness", "who knows them", "and is of age."]
    for number in [0, *range(4, 9), 1, 2, 3]:
        sheet.left(20, 30 + 4.5 * number, lines[number])
    assert sheet.read().text.split() == " ".join(lines).split()


def test_a_term_below_the_definition_of_another_is_no_part_of_it() -> None:
    sheet = Sheet()
    lines = ["Entry", "To inspect the house on two days' notice.", "Light", "To build beside it."]
    for number, line in enumerate(lines):
        sheet.left(27 if number % 2 else 20, 30 + 4.5 * number, line)
    sheet.set_font_size(16)
    sheet.left(20, 20, "Rights")
    assert "notice. Light" not in sheet.read().text


def test_a_capital_of_two_lines_belongs_to_its_word() -> None:
    sheet = Sheet()
    sheet.left(27, 30, "obody comes to harm where the keeper of the light is awake,")
    sheet.left(27, 34.5, "and the boats that go out by night are told so by the horn of")
    sheet.left(20, 39, "the pier.")
    sheet.set_font_size(28)
    sheet.left(20, 34.5, "N")
    assert sheet.read().text.startswith("Nobody comes to harm")


def test_wide_gaps_between_words_make_no_table() -> None:
    sheet = Sheet()
    for number, line in enumerate(
        ["The  boats  go out", "by night when no", "wind  is  in the", "east  or  fog on"]
    ):
        sheet.left(20, 30 + 4.5 * number, line)
    assert not sheet.read().structure.tables


def test_a_gap_behind_a_bullet_is_none_between_columns() -> None:
    sheet = Sheet()
    for number, item in enumerate(["bees,", "hens, but no cock,", "a shed."]):
        sheet.left(20, 30 + 4.5 * number, "-")
        sheet.left(24, 30 + 4.5 * number, item)
    assert sheet.read().text == "- bees,\n- hens, but no cock,\n- a shed."


def test_markers_that_are_drawn_after_everything_else_stand_before_their_items() -> None:
    sheet = Sheet()
    items = ["The Carrier shall", "announce each call", "keep its gangway lit.", "Water is free."]
    for number, item in enumerate(items):
        sheet.left(20 if number in (0, 3) else 27, 30 + 4.5 * number, item)
    for number, marker in enumerate(["1.", "a.", "b.", "2."]):
        sheet.right(18 if number in (0, 3) else 25, 30 + 4.5 * number, marker)
    assert sheet.read().text.splitlines() == [
        "1. The Carrier shall",
        "a. announce each call",
        "b. keep its gangway lit.",
        "2. Water is free.",
    ]


def test_a_raised_number_stays_behind_its_word_and_in_its_row() -> None:
    sheet = Sheet()
    for number, (service, fee, note) in enumerate(
        [
            ("Service", "Fee", "Note"),
            ("Mooring", "120", "per call"),
            ("Pilotage", "510", "each way"),
        ]
    ):
        sheet.left(20, 30 + 6 * number, service)
        sheet.left(60, 30 + 6 * number, fee)
        sheet.left(90, 30 + 6 * number, note)
    end = 90 + sheet.get_string_width("each way")
    sheet.set_font_size(9)
    sheet.left(end, 30 + 12 - 1.5, "2")
    assert sheet.table_found()[-1] == ["Pilotage", "510", "each way 2"]


def test_a_large_bullet_makes_no_heading_of_its_item() -> None:
    sheet = Sheet()
    sheet.left(20, 25, "The council met and heard what the town had to say of the quay.")
    sheet.left(24, 35, "mend the wall")
    sheet.set_font_size(12)
    sheet.left(20, 35, "\x95")
    found = sheet.read()
    assert found.text.endswith("• mend the wall")
    assert not found.structure.headings


def test_a_raised_figure_of_a_unit_stays_at_it() -> None:
    sheet = Sheet()
    sheet.left(20, 30, "The area in m")
    end = 20 + sheet.get_string_width("The area in m")
    sheet.set_font_size(6)
    sheet.left(end, 28.8, "2")
    assert sheet.read().text == "The area in m2"


def test_lines_of_a_list_of_names_keep_their_lines() -> None:
    sheet = Sheet()
    lines = ["1 Purpose", "2 Definitions", "3 Duties of managers", "4 Visits out of hours", "Index"]
    sheet.left(20, 30, *lines)
    sheet.set_font_size(16)
    sheet.left(20, 20, "Contents")
    assert sheet.read().text == "\n".join(["Contents\n", *lines])


def test_letters_of_a_stamp_stay_together() -> None:
    sheet = Sheet()
    sheet.left(20, 60, "The plan of the quay was laid before the court.")
    with sheet.rotation(8, 100, 40):
        sheet.left(100, 40, "FILED 14 MAY")
    assert sheet.read().text.endswith("FILED 14 MAY")


def test_a_caption_is_no_part_of_the_text_above_it() -> None:
    sheet = Sheet()
    sheet.left(20, 30, "The means are of all who sat for the papers of the summer term.")
    sheet.left(20, 34.5, "Table 4: fees of the year, which all students of the college owe")
    assert sheet.read().text.split("\n\n")[1:] == [
        "Table 4: fees of the year, which all students of the college owe"
    ]


def test_items_whose_lines_are_equally_long_are_told_apart_by_their_numbers() -> None:
    sheet = Sheet()
    sheet.left(20, 30, "1. The boats go out", "2. The boats come in", "(a) before the tide")
    sheet.left(20, 43.5, "(b) or else after it")
    lines = sheet.read().text.splitlines()
    assert lines[:2] == ["1. The boats go out", "2. The boats come in"]
    assert lines[-1] == "(b) or else after it"


LEFT = [
    "The ferries crossed the lower river at",
    "eleven places before the first bridge was",
    "opened, and at four of them a ferry was",
    "still working within living memory. Most",
    "ferrymen held a second trade:",
]
RIGHT = [
    "Traffic fell by half between the wars, as",
    "the table shows, and it never came back.",
    "Two of the landings are paved and can be",
    "walked at low water.",
]


def test_columns_that_hold_tables_and_lists_beside_prose_are_read_one_after_the_other() -> None:
    sheet = Sheet()
    sheet.left(20, 20, "The Ferries of the Lower Ouse and of what became of all of them in the end")
    sheet.left(20, 30, *LEFT)
    sheet.left(25, 52.5, "eel fishing,", "basket making,", "an ale house.")
    sheet.left(110, 30, *RIGHT)
    for number, row in enumerate([("Landing", "1911", "1921"), ("Booth", "8,120", "5,310")]):
        for x, word in zip((110, 140, 160), row, strict=True):
            sheet.left(x, 48 + 4.5 * number, word)
    for x, word in zip((110, 140, 160), ("Reedness", "640", ""), strict=True):
        sheet.left(x, 57, word)
    found = sheet.read()
    assert tables_of(found) == [
        [["Landing", "1911", "1921"], ["Booth", "8,120", "5,310"], ["Reedness", "640", ""]]
    ]
    order = [found.text.index(words) for words in (LEFT[-1], "eel", "an ale house", *RIGHT[:1])]
    assert order == sorted(order)


def test_a_box_beside_prose_is_no_part_of_its_lines() -> None:
    sheet = Sheet()
    sheet.left(20, 30, *LEFT)
    for number, (name, value) in enumerate(
        [("Places", "eleven"), ("Boats", "flat"), ("Ended", "1839"), ("Fare", "a penny")]
    ):
        sheet.left(110, 31 + 5.3 * number, name)
        sheet.left(140, 31 + 5.3 * number, value)
    found = sheet.read()
    assert " ".join(LEFT) in found.text
    assert tables_of(found) == [
        [["Places", "eleven"], ["Boats", "flat"], ["Ended", "1839"], ["Fare", "a penny"]]
    ]


def test_a_line_of_text_that_stands_apart_parts_two_tables() -> None:
    sheet = Sheet()
    tables = [
        [["Depot", "2019", "2020"], ["Aldbury", "5", "7"], ["Merrow", "4", "9"]],
        [["Vessel", "2019", "2020"], ["Tern", "31", "28"], ["Gannet", "12", "40"]],
    ]
    for table, top in zip(tables, (30, 64), strict=True):
        for number, row in enumerate(table):
            for x, cell in zip((20, 60, 90), row, strict=True):
                sheet.left(x, top + 6 * number, cell)
    sheet.left(20, 53, "Calls of each vessel")
    assert tables_of(sheet.read()) == tables


def test_boxes_side_by_side_are_read_one_after_the_other() -> None:
    sheet = Sheet()
    sheet.left(20, 24, "Patient summary of the third of March")
    boxes = [["Person", "Tom", "Birkett"], ["Contacts", "Ruth", "07700 900412"]]
    for x, lines in zip((20, 80), boxes, strict=True):
        sheet.rect(x, 28, 55, 18)
        for number, line in enumerate(lines):
            sheet.left(x + 3, 34 + 4.5 * number, line)
    sheet.left(20, 54, "No known allergies.")
    said = " ".join(line for lines in boxes for line in lines)
    assert said in " ".join(sheet.read().text.split())
