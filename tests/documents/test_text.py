"""Plain text and Markdown: exactly the file's characters, in any encoding that is sure."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.documents import load_document
from indexes.documents.extracted import UnreadableError
from indexes.documents.readers.decoding import decode
from indexes.namespace import ours
from indexes.store.points import embedding_text
from indexes.tree import build_tree
from tests.documents.files import (
    error_for,
    extracted,
    grows_linearly,
    headings_of,
    text_of,
    written,
)

# Encodings

SAID = {
    "German": "Das Café in Münster öffnet um acht.\n",
    "French": "À Paris, près de l'église, c’est très cher : 40 €. Où est-ce ?\n",
    "Spanish": "¿Dónde está el señor Muñoz? ¡Aquí! El alquiler vence el 1º de enero.\n",
    "Portuguese": "A locação começa em São Paulo, às três horas; não é grátis.\n",
    "English": "It’s a “quoted” word – with dashes, £40,000 and 5°C.\n",
    "Russian": "Арендатор платит каждый месяц до пятого числа.\n",
    "Greek": "Η σύμβαση μίσθωσης αρχίζει την πρώτη Ιανουαρίου και λήγει σε δύο χρόνια.\n",
    "Polish": "Zażółć gęślą jaźń. Umowa najmu łodzi kończy się w piątek.\n",
    "Turkish": "Kira sözleşmesi Ocak ayında başlar. Kiracı her ay ödeme yapar; ışık açık.\n",
    "Hebrew": "החוזה מתחיל בראשון בינואר ומסתיים בעוד שנתיים.\n",
    "Arabic": "يبدأ العقد في الأول من يناير وينتهي بعد عامين.\n",
    "Japanese": "この契約は来年の四月一日に始まります。\n",
    "Chinese": "本合同自明年四月一日起生效。承租人每月支付租金。\n",
    "Korean": "이 계약은 내년 사월 일일에 시작됩니다. 임차인은 매월 냅니다.\n",
}


@pytest.mark.parametrize(
    ("language", "encoding"),
    [
        ("German", "latin-1"), ("French", "cp1252"), ("Spanish", "cp1252"),
        ("Portuguese", "latin-1"), ("English", "cp1252"), ("Russian", "cp1251"),
        ("Russian", "koi8-r"), ("Greek", "cp1253"), ("Polish", "cp1250"), ("Turkish", "cp1254"),
        ("Hebrew", "cp1255"), ("Arabic", "cp1256"), ("Japanese", "shift_jis"),
        ("Japanese", "euc-jp"), ("Chinese", "gb18030"), ("Korean", "euc-kr"),
        ("English", "utf-16-le"), ("German", "utf-16-be"), ("French", "utf-32-le"),
    ],
)  # fmt: skip
def test_text_in_any_encoding_is_read_and_the_report_says_which(language: str, encoding: str):
    text = SAID[language] * 3
    found = extracted("a.txt", text.encode(encoding))
    assert found.text == text
    assert found.report.guessed == [f"encoding {found.report.encoding}"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("都市,人口\r\n東京,1300\r\n大阪,800\r\n", "cp932"),
        ("港口八点开放。船九点离开。欢迎大家来到这里。", "gb18030"),
        ("東北電氣發展股份有限公司季度報告", "big5"),
        ("항구는 여덟 시에 열립니다. 배는 아홉 시에 떠납니다.", "cp949"),
    ],
)
def test_a_few_words_of_chinese_japanese_or_korean_are_enough(text: str, encoding: str):
    found = decode(text.encode(encoding))
    assert (found.text, found.encoding, found.guessed) == (text, encoding, True)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8", "utf-8-sig"])
def test_what_a_file_says_itself_is_no_guess(encoding: str):
    found = extracted("a.txt", "The boat: 5 €".encode(encoding))
    assert found.text.lstrip("\ufeff") == "The boat: 5 €"
    assert encoding.startswith(found.report.encoding or "none")
    assert found.report.guessed == []


@pytest.mark.parametrize(
    ("content", "fix"),
    [
        (b"\x89PNG\x00\x00\x1a\x0a" * 20, "binary"),
        (bytes(range(1, 256)) * 3, "iconv"),
        ("Das Café in Münster öffnet.".encode("mac-roman"), "iconv"),
        ("Az árvíztűrő tükörfúrógép őrzi.".encode("cp1250"), "iconv"),
        ("Přístav se otevírá v osm, lodě odplouvají v devět.".encode("cp1250"), "iconv"),
        ("ПОРТ МОСКВА\n".encode("cp1251") * 5, "iconv"),
        ("הנמל נפתח בשמונה בבוקר\n".encode("cp1255") * 5, "iconv"),
        ("Όνομα;Ποσό\nΜισθοί;820\n".encode("cp1253"), "iconv"),
        ("ชื่อ,จำนวน\nหลอดไฟ,5\n".encode("cp874"), "iconv"),
    ],
)
def test_what_cannot_be_told_is_refused(tmp_path: Path, content: bytes, fix: str):
    assert fix in error_for(written(tmp_path, "a.txt", content))


@pytest.mark.slow
@given(st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(data: bytes):
    try:
        found = decode(data)
    except UnreadableError:
        return
    assert found.text == data.decode(found.encoding)


# Markdown


def test_markdown_is_the_file_and_its_structure_is_known():
    text = (
        "---\nauthor: me\ntitle: 'Basin survey'\n---\r\n# Basin *survey* #\n\nText\n\n"
        "Findings\n========\n\nSilt\n----\n```sh\n# no heading\n```\n#hashtag\n"
        "| Depot | Q1 |\n|:--|--:|\n| Ely | 5 |\n| | 7 |\n\n~~~\n## open to the end"
    )
    found = extracted("a.md", text)
    assert found.text == text
    assert found.title == "Basin survey"
    assert found.heading == "Basin survey"
    assert headings_of(found) == [
        (1, "# Basin *survey* #"), (1, "Findings\n========"), (2, "Silt\n----"),
    ]  # fmt: skip
    assert [text[start:end] for start, end in found.structure.code] == [
        "```sh\n# no heading\n```", "~~~\n## open to the end",
    ]  # fmt: skip
    (table,) = found.structure.tables
    assert text[table.start : table.header_end] == "| Depot | Q1 |\n|:--|--:|\n"
    assert text[table.header_end : table.end] == "| Ely | 5 |\n| | 7 |"
    assert [text[at:].split("\n")[0] for at in table.rows] == [
        "| Depot | Q1 |", "| Ely | 5 |", "| | 7 |",
    ]  # fmt: skip


def test_a_rule_is_no_heading_and_pipes_are_no_table():
    found = extracted("a.md", "- item\n---\n\n---\n\nuse a | b here\nand here\n\n> quote\n---\n")
    assert found.structure.headings == ()
    assert found.structure.tables == ()


def test_a_picture_in_the_text_is_blanked_in_place():
    payload = "WcrbQVi70Ba8hTVL3sBM" * 50
    text = f"![the chart](data:image/png;base64,{payload}=)\n\nAfter, data: none.\n"
    found = extracted("a.md", text)
    assert len(found.text) == len(text)
    assert payload[:20] not in found.text
    assert found.text.startswith("![the chart](data:image/png;base64,   ")
    assert found.text.endswith(")\n\nAfter, data: none.\n")
    assert found.report.left_out == {"pictures written into the text": 1}


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        "# " + " " * 99,
        "| a |\n|---|\n",
        "```\n",
        "a\n=\n",
        "data:image/png;base64,",
        "[",
        "-| ",
        "#",
    ],
)
def test_markdown_takes_time_by_its_length(unit: str):
    grows_linearly(lambda n: text_of("a.md", unit * n), 20_000 // len(unit) + 1000)


@pytest.mark.slow
@settings(max_examples=300)
@given(st.text(st.sampled_from("#`~|-=: \n\r\tab*[]()>+!\ufeff"), max_size=200))
def test_markdown_is_always_the_file(text: str):
    found = extracted("a.md", "x" + text)
    assert found.text == "x" + text
    spans = [*found.structure.headings, *found.structure.tables]
    assert all(0 <= span.start <= span.end <= len(found.text) for span in spans)
    for table in found.structure.tables:
        assert list(table.rows) == sorted(set(table.rows))
        assert table.start < table.header_end <= table.end


# Titles


@pytest.mark.parametrize(
    "declared",
    [
        "(anonymous)", "untitled", "Untitled Document", "Microsoft Word - lease.doc", "Document1",
        "PowerPoint Presentation", "Book1", "Normal.dotm", "Letterhead Template", "Blank Document",
        "ReportLab Generated PDF document", "pdfTeX-1.40.21", "Google Docs", "[Document title]",
        "Click to edit Master title style", "Ohne Titel", "Sin título 1", "無題ドキュメント",
        "C:\\Users\\me\\lease.indd", "https://example.org/", "(unspecified)", "Scan0001",
    ],
)  # fmt: skip
def test_what_a_program_left_behind_is_no_title(tmp_path: Path, declared: str):
    page = f"<title>{declared}</title><h1>Lease of the boathouse</h1><p>Rent"
    path = written(tmp_path, "a.html", page)
    assert load_document(path).metadata["title"] == "Lease of the boathouse"
    path = written(tmp_path, "harbour_ledger.html", f"<title>{declared}</title><p>Rent")
    assert load_document(path).metadata["title"] == "harbour ledger"


@pytest.mark.parametrize(
    "declared",
    [
        "Google Docs and you", "LaTeX for beginners", "Introduction to Node.js", "Book of Kells",
        "Normal distribution", "Title IX: a history", "Scanning tunnelling microscopy",
        "Document management in practice", "Presentation of results", "Prince of Persia",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_stays(tmp_path: Path, declared: str):
    path = written(tmp_path, "a.html", f"<title>{declared}</title><p>Rent")
    assert load_document(path).metadata["title"] == declared


def test_the_report_travels_with_the_document(tmp_path: Path):
    document = load_document(written(tmp_path, "a.txt", "Café, très bien".encode("latin-1")))
    report = ours(document.metadata)["report"]
    assert report["encoding"] == "cp1252"
    assert report["guessed"] == ["encoding cp1252"]
    assert report["seconds"] >= 0


def test_where_a_picture_was_nothing_is_embedded(tmp_path: Path):
    text = f"![the chart](data:image/png;base64,{'QUJD' * 20_000})\n\nThe next survey is in May.\n"
    document = load_document(written(tmp_path, "a.md", text))
    tree = build_tree(document.text, document_id="a", version="b", levels=(1024, 256, 128))
    embedded = [
        embedding_text("", "", document.text[leaf.start : leaf.end]) for leaf in tree.leaves
    ]
    assert sum(map(len, embedded)) < 200
    assert embedded[0].startswith("![the chart](data:image/png;base64, )")
