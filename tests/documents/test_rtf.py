"""Rich Text Format, as the programs that people have write it."""

import pytest

from tests.documents.files import extracted, headings_of, tables_of, text_of

_HEAD = (
    r"{\rtf1\ansi\ansicpg1252\deff0\uc1{\fonttbl{\f0\froman\fcharset0 Times New Roman;}"
    r"{\f1\fmodern\fcharset0 Courier New;}{\f2\froman\fcharset2 Symbol;}"
    r"{\f3\fnil\fcharset128 MS Mincho;}{\f4\fnil\fcharset204 Arial Cyr;}}"
    r"{\stylesheet{\ql Normal;}{\s1\ql\b \sbasedon0\snext0 heading 1;}{\s7\ql Clause;}}"
)


def _document(content: str) -> str:
    return f"{_HEAD}{content}}}"


def test_a_cell_that_ends_with_a_paragraph_is_one_cell():
    row = r"{\trowd\cellx2000\cellx4000\intbl{{{\pard\intbl %s\par}\cell}{%s\cell}}\intbl\row}"
    found = extracted("a.rtf", _document(row % ("Berth", "Fee") + row % ("Quay", "")))
    assert tables_of(found) == [[["Berth", "Fee"], ["Quay", ""]]]


def test_a_table_as_word_writes_it_describes_each_row_twice():
    row = r"\trowd\trgaph108%s\cellx4680\cellx9468"
    whole = row + r"\pard\intbl {%s\cell %s\cell }\pard\intbl {" + row + r"\row }"
    head = (r"\trhdr",)
    found = extracted(
        "a.rtf",
        _document(
            whole % (*head, "Depot", "Q1", *head)
            + whole % ("", r"Ely\par by the river", "5", "")
            + r"\pard Remarks.\par"
        ),
    )
    assert tables_of(found) == [[["Depot", "Q1"], ["Ely by the river", "5"]]]
    assert found.text.endswith("\n\nRemarks.")


def test_a_value_that_spans_cells_is_repeated_in_each():
    found = extracted(
        "a.rtf",
        _document(
            r"\trowd\cellx2000\clmgf\cellx4000\clmrg\cellx6000\intbl Port\cell Fee\cell\cell\row"
            r"\trowd\clvmgf\cellx2000\cellx4000\cellx6000 Ely\cell small\cell large\cell\row"
            r"\trowd\clvmrg\cellx2000\cellx4000\cellx6000 \cell 12\cell 13\cell\row"
            r"\trowd\cellx2010\cellx6000 Cow\cell none\cell\row"
        ),
    )
    assert tables_of(found) == [
        [["Port", "Fee", "Fee"], ["Ely", "small", "large"], ["Ely", "12", "13"],
         ["Cow", "none", "none"]]
    ]  # fmt: skip


def test_a_table_in_a_cell_stays_in_it():
    nested = r"\pard\intbl\itap2 a\nestcell b\nestcell{\*\nesttableprops\trowd\cellx9\nestrow}"
    found = extracted(
        "a.rtf",
        _document(
            r"\trowd\cellx2000\cellx4000\intbl Berth\cell Fees\cell\row"
            rf"\pard\intbl Quay\cell {nested}{{\nonesttables\par}}\pard\intbl per call\cell"
            r"\trowd\cellx2000\cellx4000\row"
        ),
    )
    assert tables_of(found) == [[["Berth", "Fees"], ["Quay", "a, b per call"]]]


@pytest.mark.parametrize("note", [r"{\footnote", r"{\*\footnote"])
def test_footnotes_are_numbered_and_follow_their_paragraph(note: str):
    source = (
        rf"\pard Free{{\super\chftn}}{note}\chftn\~\pard For members.\par}} entry.\par Next.\par"
    )
    assert text_of("a.rtf", _document(source)) == "Free[1] entry.\n\n[1] For members.\n\nNext."


def test_a_footnote_in_a_cell_follows_the_table():
    source = (
        r"\trowd\cellx2000\cellx4000\intbl Berth\cell Fee\cell\row"
        r"\trowd\cellx2000\cellx4000\intbl Quay\cell"
        r" 5{\super\chftn}{\footnote At night 6.}\cell\row"
    )
    assert text_of("a.rtf", _document(source)) == "Berth | Fee\nQuay | 5[1]\n\n[1] At night 6."


def test_endnotes_follow_the_document_and_marks_of_ones_own_stay():
    source = (
        r"\pard Free{\super\chftn}{\footnote\ftnalt\chftn  Since May.} entry"
        r"{\super *}{\footnote{\super *} Not on Sundays.}.\par Next.\par"
    )
    assert text_of("a.rtf", _document(source)) == (
        "Free[i] entry*.\n\n* Not on Sundays.\n\nNext.\n\n[i] Since May."
    )


def test_headings_are_known_by_their_level_or_by_their_style():
    source = r"\pard\outlinelevel1 Fees\par\pard\s1 Duties\par\pard\s1\outlinelevel9 Text\par"
    found = extracted("a.rtf", _document(source))
    assert headings_of(found) == [(2, "Fees"), (1, "Duties")]
    assert found.heading == "Fees"


def test_lists_of_word_keep_their_numbers_and_depth():
    source = (
        r"\pard\li720\ls1{\listtext\pard\plain\f2 \'b7\tab}Bollards\par"
        r"{\listtext\pard\plain\f2 \u-3913 ?\tab}Ropes\par"
        r"\pard\li1440\ls1\ilvl1{\listtext 2.1\tab}thick ones\par"
    )
    assert text_of("a.rtf", _document(source)) == "• Bollards\n• Ropes\n  2.1 thick ones"


def test_items_typed_with_a_tab_are_as_deep_as_their_indent():
    source = (
        r"{\pard\li360\fi-360 1.\tab The Carrier shall\par}{\pard\li720\fi-360 a.\tab call\par}"
        r"{\pard\li720\fi-360 b.\tab pay.\par}{\pard\li360\fi-360 2.\tab The Port shall not.\par}"
    )
    assert text_of("a.rtf", _document(source)) == (
        "1. The Carrier shall\n  a. call\n  b. pay.\n2. The Port shall not."
    )


def test_a_letter_as_textedit_writes_it():
    source = (
        "{\\rtf1\\ansi\\ansicpg1252\\cocoartf2639\n{\\fonttbl\\f0\\fswiss\\fcharset0 Helvetica;}\n"
        "{\\*\\listtable{\\list{\\listlevel{\\leveltext\\'01\\uc0\\u8226 ;}}}}\n"
        "\\pard\n\\f0\\fs24 \\cf0 Dear all,\\\nthe mole is closed \\'96 until May.\\\n"
        "\\pard\\li720\n\\ls1\\ilvl0\\cf0 {\\listtext\t\\uc0\\u8226 \t}buoys\\\n"
        "\\pard\n\\itap1\\trowd \\taflags1\n\\cellx4320\n\\cellx8640\n"
        "\\pard\\intbl\\itap1\n\\cf0 Depot\\cell\n\\pard\\intbl\\itap1\n\\cf0 Q1\\cell \\row\n"
        "\\itap1\\trowd\\cellx4320\\cellx8640\n"
        "\\pard\\intbl\\itap1 Ely\\cell 5\\cell \\lastrow\\row\n"
        "\\pard End.}"
    )
    assert text_of("a.rtf", source) == (
        "Dear all,\n\nthe mole is closed – until May.\n\n• buoys\n\nDepot | Q1\nEly | 5\n\nEnd."
    )


def test_lines_in_a_typewriter_face_are_a_listing_unless_all_lines_are():
    code = r"\pard\f1 def fee():\line     return 5\par\pard\f1     # or 6\par"
    found = extracted(
        "a.rtf", _document(r"\pard Whoever wants to know the fee may run this:\par" + code)
    )
    assert found.text.endswith("\n\ndef fee():\n    return 5\n    # or 6")
    assert len(found.structure.code) == 1
    typed = extracted("a.rtf", _document(code))
    assert typed.text == "def fee():\nreturn 5\n# or 6"
    assert not typed.structure.code


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"\f3 \'83e\'83X\'83g", "テスト"),  # the second byte of a character may be a letter
        (r"\f4 \'cf\'ee\'f0\'f2", "Порт"),
        (r"\u1055?\u1086\'ee\u1088?\u1090 ?", "Порт"),
        (r"{\uc2\u233 e'}t\u-10179?\u-8482?", "ét🛞"),
        (r"10{\super 6}{\super th}", "10⁶th"),
        (r"{\f2\'61} of {\upr{old}{\*\ud{\u8364 ?5}}}", "α of €5"),
        ("Café für 5 €", "Café für 5 €"),  # as UTF-8, against the rules
    ],
)
def test_characters_are_those_of_the_font(source: str, text: str):
    assert text_of("a.rtf", _document(rf"\pard {source}\par")) == text


def test_text_boxes_and_descriptions_of_pictures_are_read_once():
    description = r"{\sp{\sn wzDescription}{\sv The new mole}}"
    found = extracted(
        "a.rtf",
        _document(
            r"\pard Here"
            r"{\shp{\*\shpinst{\sp{\sn shapeType}{\sv 202}}{\shptxt\pard Boxed.\par}}"
            r"{\shprslt{\*\do{\dptxbxtext\pard Boxed.\par}}}}\par"
            rf"\pard{{\*\shppict{{\pict{{\*\picprop{description}}}\pngblip 8950}}}}"
            r"{\nonshppict{\pict\wmetafile8 0100}}\par"
        ),
    )
    assert found.text == "Here\n\nBoxed.\n\nThe new mole"
    assert found.report.left_out == {"pictures": 1}


def test_of_a_field_its_result_is_read():
    source = (
        r'\pard See {\field{\*\fldinst{HYPERLINK "https://a.example"}}{\fldrslt{\ul the site}}}'
        r" and page {\field{\*\fldinst PAGEREF _Ref1}{\fldrslt 3}}.\par"
    )
    assert text_of("a.rtf", _document(source)) == "See the site and page 3."


def test_headers_without_text_are_no_loss():
    found = extracted("a.rtf", _document(r"{\header\pard\par}{\footerl Draft\par}\pard Text.\par"))
    assert found.report.left_out == {"headers and footers": 1}
