"""PDFs in other scripts than Latin, and on pages that are turned: words in the order of reading."""

import pytest

from indexes.documents.reader import Reading
from indexes.documents.readers import pdf
from tests.documents.scripts import glyphs_pdf

LAM_ALEF = "\u0644\u0627"


def text_of(*lines: tuple[float, float, list[str]], **page: float) -> str:
    return pdf.read(glyphs_pdf(*lines, **page), Reading()).text


def as_drawn(*glyphs: str) -> list[str]:
    """Glyphs of a right-to-left line, given as they are read, from left to right."""
    return list(reversed(glyphs))


@pytest.mark.parametrize("ligature", [LAM_ALEF, "\ufefb"])
def test_a_lam_and_alef_that_are_one_glyph_are_read_in_order(ligature: str):
    line = as_drawn("ا", "ل", "س", ligature, "م", " ", *"عليكم")
    assert text_of((100, 300, line)) == "السلام عليكم"


def test_an_alef_before_a_lam_stays_before_it():
    assert text_of((100, 300, as_drawn(*"الكتاب في المكتبة"))) == "الكتاب في المكتبة"


def test_numbers_and_latin_words_in_a_hebrew_line_keep_their_order():
    assert text_of((100, 300, list("ןוטל GBP 120 ריחמ"))) == "מחיר 120 GBP לטון"


def test_a_hebrew_word_in_an_english_line_is_read_from_right_to_left():
    assert text_of((100, 300, list("The word םולש means peace."))) == "The word שלום means peace."


def test_brackets_around_latin_words_of_a_hebrew_line_stand_around_them():
    line = list(".(Tel Aviv) ביבא לתב םתחנ הז םכסה")
    assert text_of((100, 300, line)) == "הסכם זה נחתם בתל אביב (Tel Aviv)."


def test_words_that_were_not_drawn_in_order_are_read_from_left_to_right():
    # As LibreOffice writes them: what is of another font is one text with wide gaps.
    parts = [(118, 11 * " " + "§"), (100, "pay"), (124, "them "), (154, "each"), (190, "50")]
    assert text_of(*((x, 300, list(said)) for x, said in parts)) == "pay them each §50"


def test_letters_that_each_glyph_of_a_cluster_repeats_are_read_once():
    cluster = "b\u0325"
    glyphs = ((100, 300, [cluster]), (106, 300, ["y"]), (104, 300, [cluster]), (112, 300, ["b"]))
    assert text_of(*glyphs) == f"{cluster}yb"


def test_farsi_keeps_its_joiners():
    assert text_of((100, 300, as_drawn(*"کتاب\u200cهای خوب"))) == "کتاب\u200cهای خوب"


def test_lines_of_japanese_join_without_a_space():
    first, second = "これは長い文章の最初の行であり次の行に続いて", "いくので間に空白はありません。"
    joined = text_of((50, 300, list(first)), (50, 280, list(second)), size=14, advance=1.0)
    assert joined == first + second


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_turned_page_is_read_as_its_lines_run(turned: int):
    first, second = "The harbour froze over in the night", "and no boat came in before noon."
    text = text_of((50, 300, list(first)), (50, 280, list(second)), rotate=turned)
    assert " ".join(text.split()) == f"{first} {second}"
