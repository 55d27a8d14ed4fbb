"""Markdown of a model as HTML: what it means is shown, what it might do is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html as parser
from markupsafe import Markup

from app.page.render.markup import html
from app.page.render.rich import rich


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**bold** and `code`", "<strong>bold</strong> and <code>code</code>"),
        ("- one\n- two", '<li dir="auto">one</li>'),
        ("| a | b |\n|---|---|\n| 1 | 2 |", '<td dir="auto">2</td>'),
        ("```python\nprint('<b>')\n```", "<code>print(&#39;&lt;b&gt;&#39;)\n</code>"),
        ("so $E = mc^2$", "<msup><mi>c</mi><mn>2</mn></msup>"),
        (r"so \(a_1\) and \[b^2\]", "<msub><mi>a</mi><mn>1</mn></msub>"),
        ("# Summary", '<h4 dir="auto">Summary</h4>'),
        ("first\nsecond", "first<br />\nsecond"),
        ("it cost $5 in 2019 and $6 in 2020", "it cost $5 in 2019 and $6 in 2020"),
    ],
)
def test_markdown_is_shown_as_it_was_meant(written: str, shown: str) -> None:
    assert shown in rich(written)


@pytest.mark.parametrize(
    "written",
    [
        "<script>window.pwned = 1</script>",
        "<img src=x onerror=alert(1)>",
        "![picture](http://evil.example/x.png)",
        "[press me](javascript:alert(1))",
        "[press me](http://evil.example)",
        "<http://evil.example>",
        "[a]: http://evil.example\n\n[a]",
        r"$\href{javascript:alert(1)}{x}$",
        r"$\style{background:url(http://evil.example)}{x}$",
        "```<script>\nx\n```",
    ],
)
def test_what_could_do_anything_stays_text(written: str) -> None:
    _is_harmless(rich(written))


@pytest.mark.slow
@given(st.text(alphabet="ab <>&\"'`*_[]()!|-#$\\{}^\n\t=/:.⁅⁆\ue000\ue0010", max_size=120))
def test_whatever_is_written_is_harmless(written: str) -> None:
    _is_harmless(rich(written))


@pytest.mark.parametrize("text", ["**It grew.**", "Café $x$", "| a |\n|---|\n| It grew.", "- a"])
def test_a_link_stands_where_it_belongs_and_breaks_nothing(text: str) -> None:
    plain, linked = rich(text), rich(text, {len(text): [Markup("<a>1</a>")]})
    assert "<a>1</a>" in linked
    assert linked.replace("<a>1</a>", "").split() == plain.split()


def test_nobody_but_us_can_make_a_link() -> None:
    shown = rich("no ⁅\ue0000\ue001⁆ link", {2: [Markup("<a>1</a>")]})
    assert shown.count("<a>") == 1
    assert "<a>" not in rich("no ⁅\ue0000\ue001⁆ link")


def test_an_answer_without_end_is_shown_plain() -> None:
    assert 'class="plain"' in rich("*a " * 5000)


def _is_harmless(shown: Markup) -> None:
    if not shown.strip():
        return
    for element in parser.fromstring(f"<div>{shown}</div>").iter():
        assert element.tag not in ("a", "img", "script", "iframe", "style", "link")
        for name, value in element.attrib.items():
            assert name not in ("href", "src", "style", "srcset") and not name.startswith("on")
            assert "javascript" not in value


def test_what_is_put_into_a_table_leaves_it_a_table() -> None:
    written = "Both:\n\n| year | margin |\n|---|---|\n| 2019 | 22.3% |\n"
    for place in range(len(written) + 1):
        shown = rich(written, {place: [html("<i>!</i>")]})
        assert shown.count("<table>") == 1, place
        assert shown.count("<i>!</i>") == 1, place
    ends = {
        written.index(end) + len(end): [html("<i>!</i>")] for end in ("margin |", "---|\n", "% |")
    }
    shown = rich(written, ends)
    assert "margin<i>!</i></th>" in shown
    assert "22.3%<i>!</i></td>" in shown
