"""What a model wrote, as it meant it: tables, lists, code and mathematics, and nothing else.

Models write Markdown. Here it becomes HTML that cannot do anything: no HTML of the model's own,
no pictures, no links (their source stays, as text), formulas as MathML. Links to passages are
put in by us, at their places in the text.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from lxml import etree
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin

from .markup import cleaned, html, joined

# Longer answers stay plain: they are drawn anew at every word.
_MOST_CHARACTERS = 12_000
_MOST_FORMULA = 400
# Where something of ours stands in the text. The brackets are punctuation, like what a model
# would have written there, so that bold text may end before it.
_PLACE = re.compile("⁅\ue000(\\d+)\ue001⁆")
_TAKEN = re.compile("[\ue000\ue001]")
_OURS = ("⁅\ue000", "\ue001⁆")
# What LaTeX's own brackets are to Markdown: escaped ones.
_DISPLAYED = re.compile(r"\\\[(.{1,400}?)\\\]", re.DOTALL)
_INLINE = re.compile(r"\\\((.{1,400}?)\\\)")
_BELOW_HEADER = re.compile(r"[\s|:-]+")
_UNSAFE_RULES = ("image", "link", "autolink", "html_inline", "html_block", "reference")
_DEEPEST_HEADING, _LANE_HEADING = 6, 3
_BLOCKS = ("paragraph_open", "heading_open", "list_item_open", "th_open", "td_open")
_MATHML = "{http://www.w3.org/1998/Math/MathML}"
_TAGS = re.compile(
    "math|mrow|mi|mn|mo|ms|mtext|mspace|msup|msub|msubsup|mfrac|msqrt|mroot|munder|mover|"
    "munderover|mtable|mtr|mtd|mstyle|menclose|mpadded|mphantom|mmultiscripts|mprescripts"
)
_ATTRIBUTES = re.compile(
    "display|displaystyle|mathvariant|stretchy|fence|form|lspace|rspace|accent|accentunder|"
    "columnalign|columnspacing|rowspacing|linethickness|movablelimits|separator|width|height|"
    "depth|minsize|maxsize|scriptlevel|notation|symmetric|columnlines|rowlines|largeop"
)


def rich(text: str, insertions: Mapping[int, Sequence[Markup]] | None = None) -> Markup:
    """Render Markdown as safe HTML, also while it is unfinished.

    Args:
        text: what was written so far
        insertions: HTML of ours, by the character before which it goes
    """
    found: dict[int, list[Markup]] = {}
    for place, made in sorted((insertions or {}).items()):
        found.setdefault(_within(text, place), []).extend(made)
    # Links are glued to the word before: a line must not begin with one.
    ours: list[Markup] = []
    pieces: list[str] = []
    done = 0
    for place in sorted(found):
        piece = _TAKEN.sub("", text[done:place])
        pieces += [piece.rstrip(" ") if found[place] else piece]
        for insertion in found[place]:
            pieces.append(f"{_OURS[0]}{len(ours)}{_OURS[1]}")
            ours.append(insertion)
        done = place
    pieces.append(_TAKEN.sub("", text[done:]))
    whole = cleaned("".join(pieces))
    if len(whole) > _MOST_CHARACTERS:
        plain = html('<div class="plain" dir="auto">{}</div>', whole)
    else:
        # Every rule that lets anything but text through is off, or ours.
        plain = Markup(_markdown().render(_with_dollars(whole)).strip())  # noqa: S704
    return _with(plain, ours)


def _within(text: str, place: int) -> int:
    """A place for an insertion that breaks no table: in a row's first or last cell, not outside."""
    start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
    line = text[start : len(text) if end < 0 else end]
    if start and "|" in line and _BELOW_HEADER.fullmatch(line):
        return _within(text, start - 1)
    before = text[start:place].rstrip()
    if not before and line.lstrip().startswith("|"):
        return start + line.index("|") + 1
    in_a_row = before.endswith("|") and before.strip() != "|"
    return start + len(before) - 1 if in_a_row else place


def _with_dollars(text: str) -> str:
    """LaTeX's own brackets as dollars, but for code."""
    parts = text.split("```")
    parts[::2] = [
        _INLINE.sub(r"$\1$", _DISPLAYED.sub(r"\n\n$$\1$$\n\n", part)) for part in parts[::2]
    ]
    return "```".join(parts)


def _with(plain: Markup, ours: Sequence[Markup]) -> Markup:
    """HTML with ours at their places."""
    parts = _PLACE.split(str(plain))
    return joined(
        (ours[int(part)] if int(part) < len(ours) else Markup("")) if odd else Markup(part)  # noqa: S704 - a piece of what was safe
        for odd, part in ((place % 2, part) for place, part in enumerate(parts))
    )


@cache
def _markdown() -> MarkdownIt:
    found = MarkdownIt("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer)
    found.enable(["table", "strikethrough"])
    found.disable(_UNSAFE_RULES)
    dollarmath_plugin(found, allow_space=False, double_inline=True, renderer=_formula)
    return found


class _Renderer(RendererHTML):
    """Blocks that find their own direction; headings below the lane's; what may be wide scrolls."""

    def renderToken(  # noqa: N802 - the library's name
        self, tokens: Sequence[Token], idx: int, options: Any, env: Any
    ) -> str:
        token = tokens[idx]
        if token.type in _BLOCKS and not token.hidden:
            token.attrSet("dir", "auto")
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(_DEEPEST_HEADING, int(token.tag[1:]) + _LANE_HEADING)}"
        shown = str(super().renderToken(tokens, idx, options, env))
        if token.type == "table_open":
            return f'<div class="scroll" role="group" aria-label="Table" tabindex="0">{shown}'
        return f"{shown}</div>" if token.type == "table_close" else shown

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Code, whatever its language: as it is."""
        return str(html('<pre tabindex="0"><code>{}</code></pre>', tokens[idx].content))

    code_block = fence


def _formula(source: str, options: dict[str, Any]) -> str:
    """A formula as MathML; as its source where it is none."""
    displayed = bool(options.get("display_mode"))
    made = _mathml(source, displayed) if len(source) <= _MOST_FORMULA else None
    if made is not None:
        return made
    return str(html("<code>{}</code>", source))


def _mathml(source: str, displayed: bool) -> str | None:
    from latex2mathml.converter import convert

    try:
        made = convert(source, display="block" if displayed else "inline")
        root = etree.fromstring(made.encode(), etree.XMLParser(resolve_entities=False))
    except Exception:  # noqa: BLE001 - whatever it is, it is no formula
        return None
    for element in root.iter():
        tag = element.tag
        if not isinstance(tag, str) or not _TAGS.fullmatch(tag.removeprefix(_MATHML)):
            return None
        for name in list(element.attrib):
            if not _ATTRIBUTES.fullmatch(name):
                del element.attrib[name]
    return str(etree.tostring(root, encoding="unicode"))
