"""Web pages, as people read them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.documents import load_document
from indexes.documents.extracted import UnreadableError
from indexes.documents.readers.html import tree
from tests.documents.files import (
    extracted,
    grows_linearly,
    headings_of,
    seconds,
    tables_of,
    text_of,
    written,
)

STORY = (
    "The harbour master keeps a ledger of every boat that ties up overnight, and once a year "
    "the ledger is copied by hand into a larger book that nobody has ever been seen to open. "
    "Most entries are short. A name, a length, a fee, and the weather when the lines went over."
)


def html(body: str) -> str:
    return text_of("a.html", body)


# Blocks


def test_html_reads_as_blocks():
    page = """<!doctype html><html><head><title>T</title><style>p{}</style></head><body>
    <nav><a href=/>Home</a></nav><script>document.write("no")</script><!-- no -->
    <h1>Big &amp; bold</h1><p>Hello <b>wor</b>ld,<br>again.<div hidden>no</div>
    <ul><li>one<li><p>two</p></ul><ol><li>first<li>second</ol>
    <table><tr><th>Key<th>Value<tr><td>x<td>1<br>2</table>
    <pre>def f():
    return 1</pre>tail"""
    found = extracted("a.html", page)
    assert found.text == (
        "Big & bold\n\nHello world,\nagain.\n\n• one\n• two\n1. first\n2. second\n\n"
        "Key | Value\nx | 1 2\n\ndef f():\n    return 1\n\ntail"
    )
    assert found.title == "T"
    (code,) = found.structure.code
    assert found.text[slice(*code)] == "def f():\n    return 1"


def test_headings_have_levels_and_the_outermost_names_the_page():
    found = extracted("a.html", "<h2>b</h2><p>x<h1>Top\n one</h1><h6>deep <i>down</i></h6>")
    assert headings_of(found) == [(2, "b"), (1, "Top one"), (6, "deep down")]
    assert found.heading == "Top one"


def test_lists_are_numbered_as_a_browser_numbers_them():
    assert html(
        '<ol start=3 type=a><li>c<ul><li>inner<p>more</p></ul><li value=7>g</ol>'
        "<p>x</p><ol reversed><li>last<li>first</ol>"
        '<ol style="list-style-type: upper-roman"><li>one</ol>'
    ) == (
        "c. c\n  • inner\n    more\ng. g\n\nx\n\n2. last\n1. first\nI. one"
    )  # fmt: skip


def test_definitions_stand_behind_their_term():
    assert html("<dl><dt>Price<dd>5<dt>Size:<dt>Width<dd><p>6</p><p>7</p></dl>") == (
        "Price: 5\nSize: Width: 6\n\n7"
    )


def test_pictures_formulas_quotes_and_raised_figures_are_text():
    assert html(
        "<p><img alt='Map of the depots'><img alt='logo.png'><img alt=''></p>"
        "<p>10<sup>6</sup> m<sup>2</sup>, H<sub>2</sub>O, 1<sup>st</sup>, see<sup>[3]</sup></p>"
        "<math><mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac></math>"
        "<p>He said <q>no</q>.<p>co&shy;operate<wbr>d</p>"
    ) == (
        "Map of the depots\n\n10⁶ m², H2O, 1st, see[3]\n\n(a+b)/2\n\nHe said “no”.\n\ncooperated"
    )  # fmt: skip


def test_a_typed_letter_is_text_and_a_listing_is_code():
    letter = "Dear Sirs, we have received your\nletter of the second of May.\n\nYours"
    assert extracted("a.html", f"<pre>{letter}</pre>").structure.code == ()
    listing = "if a:\n\n    b( )\n"
    found = extracted("a.html", f"<p>x<pre><code>{listing}</code></pre>")
    assert [found.text[slice(*span)] for span in found.structure.code] == [listing.rstrip()]


def test_hidden_anchors_move_no_line_of_a_listing_and_are_no_loss():
    line = '<span id="l"><a href="#l" aria-hidden="true"></a>{}</span>'
    page = f"<pre><code>{line.format('def f():')}\n{line.format('    return 1')}</code></pre>"
    found = extracted("a.html", page)
    assert found.text == "def f():\n    return 1"
    assert found.report.left_out == {}


def test_a_drawing_with_text_is_told_to_be_left_out():
    page = "<p>Plan</p><svg><path/></svg><svg><g><text>Berth 4</text><text>Quay</text></g></svg>"
    found = extracted("a.html", page)
    assert found.text == "Plan"
    assert found.report.left_out == {"drawings with text": 1}


def test_a_question_in_a_button_and_the_answer_that_it_opens_are_read():
    page = """<main><h3><button aria-expanded=false>When are <b>fees</b> due?</button></h3>
    <div role=region aria-labelledby=x hidden><p>In May.</p></div>
    <button aria-expanded=false>What about the pilots?</button>
    <div role=tabpanel style="display:none">They come.</div>
    <button aria-expanded=true>Menu</button><button>Send it now please</button></main>"""
    found = extracted("a.html", page)
    assert found.text == "When are fees due?\n\nIn May.\n\nWhat about the pilots?\n\nThey come."
    assert headings_of(found) == [(3, "When are fees due?")]


def test_what_is_chosen_and_ticked_in_a_form_is_text():
    form = """Zone <select><option>A<option selected>B</select><p>
    <label><input type=checkbox checked>Resident</label><label><input type=radio>Guest</label>"""
    assert html(form) == "Zone B\n\n☒ Resident ☐ Guest"


def test_a_label_and_its_value_that_only_a_style_sets_apart_are_two_words():
    assert html("<div><span>X-ray</span><span>£85.50</span></div>") == "X-ray £85.50"
    assert html("<div><span>Hel</span><b>lo</b></div>") == "Hello"


def test_signs_that_link_to_a_heading_are_no_part_of_it():
    page = """<h2>Fees<a class=headerlink href="#fees">¶</a></h2><h2><a class=anchor href="#a">§</a>
    Night</h2><p>See <a href="#4">§ 4</a> and <a href="#n5">#5</a>.</p>"""
    assert html(page) == "Fees\n\nNight\n\nSee § 4 and #5."


def test_a_table_made_of_other_elements_is_one():
    page = """<div role=table><div role=row><span role=columnheader>Boat</span><span
    role=columnheader>Tons</span></div><div role=rowgroup><div role=row><span role=cell>Tern</span>
    <span role=cell>12</span></div></div></div>"""
    assert tables_of(extracted("a.html", page)) == [[["Boat", "Tons"], ["Tern", "12"]]]


def test_two_breaks_end_a_paragraph():
    assert html("one<br><br>two<br>three") == "one\n\ntwo\nthree"


# Tables


def test_a_table_keeps_empty_cells_and_expands_spans():
    found = extracted(
        "a.html",
        "<table><caption>Stock</caption><thead><tr><th rowspan=2><th colspan=2>Year 2022"
        "<tr><th>Q1<th>Q2</thead><tfoot><tr><td>Sum<td><td>3</tfoot>"
        "<tbody><tr><td rowspan=2>Crates<td>1<td><tr><td>2<td>3</table>",
    )
    assert tables_of(found) == [
        [
            ["", "Year 2022", "Year 2022"],
            ["", "Q1", "Q2"],
            ["Crates", "1", ""],
            ["Crates", "2", "3"],
            ["Sum", "", "3"],
        ]
    ]
    (span,) = found.structure.tables
    assert found.text[: span.header_end] == "Stock\n\n | Year 2022 | Year 2022\n | Q1 | Q2\n"


def test_facts_in_headed_rows_have_no_header_row():
    found = extracted("a.html", "<table><tr><th>Founded<td>1975<tr><th>Seat<td>Redmond</table>")
    (span,) = found.structure.tables
    assert span.header_end == span.start


def test_lists_and_tables_in_cells_stay_in_their_cell():
    found = extracted(
        "a.html",
        "<table><tr><th>Key<th>Value<tr><td>Colours<td><ul><li>red<li>blue</ul>"
        "<tr><td>Sizes<td><table><tr><td>S<td>1<tr><td>L<td>2</table></table>",
    )
    assert tables_of(found) == [
        [["Key", "Value"], ["Colours", "• red • blue"], ["Sizes", "S, 1; L, 2"]]
    ]


def test_a_table_that_only_does_layout_reads_as_paragraphs():
    page = f"<table><tr><td><p>{STORY}<p>{STORY}<td>side<table><tr><td>a<td>b</table></table>"
    assert html(page) == f"{STORY}\n\n{STORY}\n\nside\n\na | b"
    assert html(f"<table><tr><td>{STORY}<br><br>{STORY}<td>x</table>") == (
        f"{STORY}\n\n{STORY}\n\nx"
    )
    assert html("<table role=presentation><tr><td>a<td>b</table>") == "a\n\nb"


def test_spans_without_end_are_cut():
    page = "<table>" + "<tr><td rowspan=60000 colspan=999>x<td rowspan=0>y" * 50 + "</table>"
    assert seconds(lambda: html(page)) < 5


# Furniture


PAGE = """<html><head><title>Depots</title></head><body>
<a class="skip-link" href="#main">Skip to main content</a>
<header><div class="menu"><ul><li><a href="/">Home</a></li><li><a href="/shop">Shop</a></li>
<li><a href="/jobs">Jobs</a></li></ul></div></header>
<div id="cookie-banner" role="dialog">We use cookies to improve your visit. <a>Accept</a></div>
<ul class="x"><li><a hreflang=de>Deutsch</a><li><a hreflang=fr>Français</a>
<li><a hreflang=es>Español</a></ul>
{}
<div class="sidebar"><h3>Related</h3><a>Our sheds</a> <a>Our boats</a> <a>Our ropes</a></div>
<div class="share-buttons"><span>Share this</span></div>
<footer><ul><li>Imprint</li><li>Privacy</li></ul></footer></body></html>"""


@pytest.mark.parametrize("main", ["<main>{}</main>", "<div role=main>{}</div>", "<div>{}</div>"])
def test_menus_banners_and_notices_are_left_out_and_counted(main: str):
    content = (
        f"<h1>Depots</h1><p>{STORY}</p><p style='display: none'>Hidden text</p>"
        "<p aria-hidden=true>icon</p><ul><li><a>See also sheds</a></ul>"
        "<blockquote>Quoted words</blockquote>"
    )
    found = extracted("a.html", PAGE.format(main.format(content)))
    assert found.text == f"Depots\n\n{STORY}\n\n• See also sheds\n\nQuoted words"
    assert found.report.left_out == {
        "hidden text": 2, "menus": 3, "cookie notices": 1, "headers and footers": 2, "banners": 1,
    }  # fmt: skip
    assert found.report.guessed == []


def test_lists_of_links_in_the_main_text_stay():
    links = "".join(f"<li><a>Link {at}</a>" for at in range(12))
    assert html(f"<main><h1>Index</h1><ul>{links}</ul></main>").count("Link") == 12
    assert html(f"<div>{STORY}<ul>{links}</ul></div>").count("Link") == 0


def test_a_header_that_holds_the_title_stays():
    page = f"<header><h1>Report</h1><p>By Ann</p></header><p>{STORY}</p>"
    assert html(page).startswith("Report\n\nBy Ann\n\nThe harbour")


def test_a_page_about_cookies_or_menus_is_read():
    policy = f"<div class='cookie-policy'><h1>Cookies</h1><p>We use cookies. {STORY * 2}</p></div>"
    assert "We use cookies" in html(policy)
    dishes = "<div class='menu'><p>Soup of the day 5</p><p>Fish 12</p></div>"
    assert "Soup" in html(f"<h1>Lunch</h1>{dishes}<p>{STORY}</p>")
    recipe = f"<div class='cookie-recipe'><p>Use butter in cookies.</p></div><p>{STORY}</p>"
    assert STORY in html(recipe)


def test_main_text_is_never_lost():
    everything_in_a_nav = extracted("a.html", f"<nav><p>{STORY}</p></nav>")
    assert everything_in_a_nav.text == STORY
    assert "menus and banners seemed to hold all" in everything_in_a_nav.report.guessed[0]
    hidden = extracted("a.html", f"<body style='visibility:hidden'><p>{STORY}</p></body>")
    assert hidden.text == STORY
    assert "all text is hidden" in hidden.report.guessed[0]
    index = extracted("a.html", "".join(f"<p><a>Chapter {at}</a></p>" for at in range(9)))
    assert index.text.count("Chapter") == 9


def test_what_is_no_text_is_reported():
    found = extracted("a.html", "<p>x</p><iframe src=y></iframe><video>no</video>")
    assert found.text == "x"
    assert found.report.left_out == {"frames": 1, "recordings": 1}


# Encodings


@pytest.mark.parametrize(
    "content",
    [
        "<meta charset=utf-8><p>naïve €".encode(),
        "<p>naïve €".encode(),
        "<p>naïve €".encode("cp1252"),
        "<meta charset='iso-8859-1'><p>naïve €".encode("cp1252"),
        "\ufeff<p>naïve €".encode("utf-16-le"),
        "<p>naïve €".encode("utf-16-be"),
        b"<meta charset=rot13><p>na&iuml;ve &euro;",
        '<?xml version="1.0" encoding="windows-1252"?><p>naïve €</p>'.encode("cp1252"),
    ],
)
def test_html_is_decoded_as_a_browser_would(content: bytes):
    found = extracted("a.html", content)
    assert found.text == "naïve €"
    assert found.report.encoding


# Hostile pages


def test_hostile_html_is_read_in_time(tmp_path: Path):
    written(tmp_path, "secret.txt", "SECRET")
    count = 20_000
    for content in (
        "<div>" * count + "deep" + "</div>" * count,
        "deep" + "<a " * count,
        "deep" + "<!--" * count,
        "deep" + "<table><tr><td>" * count,
        "deep<p " + " ".join(f"a{at}=1" for at in range(count)) + ">x",
        "deep<p>&#0;&#xD800;\0\x01",
        f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{tmp_path}/secret.txt">]><p>deep &e;',
    ):
        path = written(tmp_path, "x.html", content)
        text = ""

        def load(path: Path = path) -> None:
            nonlocal text
            text = load_document(path).text

        assert seconds(load) < 5
        assert "deep" in text
        assert "SECRET" not in text
        assert text.isprintable() or "\n" in text or "\ufffd" in text
        text.encode()


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [
        "<p>word</p>", "<div>", "<p hidden>x</p>", "<ul><li>", "<a>x</a> ", "a<br>",
        "<tr><td>x<td rowspan=9>y", "<table><tr><td>", "&amp;", "<sup>1</sup>", "<dl><dt>x<dd>y",
        "<nav>x</nav>", "<p class='a-b-c cookie'>we use cookies</p>", "<pre>x</pre>",
    ],
)  # fmt: skip
def test_time_grows_with_the_length(unit: str):
    grows_linearly(lambda n: html("<table>" * unit.startswith("<tr") + unit * n), 1500)


def test_a_page_of_absurdly_many_elements_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tree, "MAX_ELEMENTS", 1000)
    with pytest.raises(UnreadableError, match="absurd number of elements"):
        html("<br>" * 2000)


def test_what_was_replaced_is_left_out_and_readings_are_in_brackets():
    said = "<p>The fee is <del>500</del><ins>650</ins> <ruby>漢<rp>[</rp><rt>kan</rt></ruby>"
    found = extracted("a.html", said)
    assert found.text == "The fee is 650 漢(kan)"
    assert found.report.left_out == {"deleted text": 1}


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "<table>", "<tr>", "<td colspan=3 rowspan=2>", "<th>", "</table>", "<ul>", "<li>",
                "<ol start=-1>", "</ul>", "<p>", "</p>", "x", " ", "<pre>", "</pre>", "<dl>",
                "<dt>", "<dd>", "<nav>", "<br>", "</nav>", "<h1>", "</h1>", "<div hidden>",
                "</div>", "<sup>2</sup>", "<math>", "<msup>", "<script>", "</script>", "<title>",
                "&#x1F600;", "<a>", "</a>", "<main>", "<caption>",
            ]
        ),
        max_size=60,
    )
)  # fmt: skip
def test_any_soup_of_tags_is_read(tags: list[str]):
    found = extracted("a.html", "".join(tags))
    found.text.encode()
    for table in found.structure.tables:
        assert table.start <= table.header_end <= table.end <= len(found.text)


def test_what_stands_in_a_table_but_in_no_cell_is_read():
    text = html("<table><tr><td>a<tr><table><tr><td>inner</table><b>foster</b> child</table><p>end")
    assert all(word in text for word in ("inner", "foster", "child", "end"))


def test_a_landmark_within_the_main_text_is_text_and_so_is_a_note_made_of_links():
    text = html(
        f"<main><h1>Ledger</h1><p>{STORY}</p><div role=note class='hatnote navigation'>Main "
        "article: <a href=h>History of ledgers</a></div>"
        "<div role=contentinfo>Copied in 1903.</div></main>"
        "<div role=contentinfo>Imprint</div>"
    )
    assert "Main article: History of ledgers" in text
    assert "Copied in 1903." in text
    assert "Imprint" not in text


def test_a_box_of_links_around_a_text_is_read():
    links = " ".join(f"<a href=x>{n} {STORY[:40]}</a>" for n in range(30))
    aside = html(f"<div>Before.</div><aside>{links}<p>{STORY}</p></aside>")
    assert "has ever been seen to open" in aside
