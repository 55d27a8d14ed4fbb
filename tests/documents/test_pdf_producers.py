"""What everyday programs print: narrow gutters, markers drawn late, bullets that are no letters."""

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
