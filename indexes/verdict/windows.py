"""Sentences: of an answer, those that claim something; of passages, with what is around."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from indexes.answers import NOT_FOUND, Context, passages_of
from indexes.sentences import Span, sentence_spans
from indexes.verdict.numbers import decimal_comma
from indexes.verdict.texts import Text, Texts, unspaced

_RANGE = r"(?i:(?:passage|source|document|doc)s?\s*)?[#^]?\d{1,3}(?:\s*[-–]\s*\d{1,3})?"
# [1], [2, 4-6], [Passage 1], 【1】 and 【1†L5】 as gpt-oss has it.
MARKER = re.compile(rf"[\[【]\s*({_RANGE}(?:\s*[,;]\s*{_RANGE})*)\s*(?:†[^\]】\n]{{0,40}})?[\]】]")
_ITEM = re.compile(r"^\W*\d{1,2}[.)]\W*$")
_FENCED = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)", re.MULTILINE | re.DOTALL)
_BELOW_TABLE_HEAD = re.compile(r"[ \t|:]*-[ \t|:-]*")
# Of an answer, what is checked: more is nothing that anybody reads.
_MOST_CHARACTERS = 40_000
_MOST_SENTENCES = 200
# Each sentence is read beside every sentence of the passages.
_MOST_PAIRS = 300_000


@dataclass(frozen=True)
class Source:
    """A sentence of a passage.

    Attributes:
        number: its passage's
        context: the run of text that it is in
        span: in that text
    """

    number: int
    context: Context
    span: Span

    @property
    def text(self) -> str:
        """Its words."""
        return self.context.text[self.span[0] : self.span[1]]

    @property
    def header(self) -> str:
        """The header of the table that a row is of."""
        if "|" not in self.text:
            return ""
        rows = []
        for line in reversed(self.context.text[: self.span[0]].rstrip("\n").split("\n")):
            if "|" not in line:
                break
            rows.append(line)
        return rows[-1] if rows else self.context.header

    @property
    def told(self) -> str:
        """Its words, those of a row below the header: it says nothing of vans without it."""
        return f"{self.header}\n{self.text}" if self.header else self.text


def sources_of(contexts: Sequence[Context]) -> list[Source]:
    """The sentences of all contexts, in their order."""
    return [
        Source(number, context, span)
        for number, passage in passages_of(contexts).items()
        for context in passage
        for span in sentence_spans(context.text)
    ]


def said_in(answer: str, places: int = 0) -> list[Span]:
    """The sentences of an answer that claim something, trimmed, their markers with them.

    Args:
        answer: of a long one, the first are taken: see `unchecked`
        places: how many sentences of passages each is read beside
    """
    return _said(answer)[: _most(places)]


def unchecked(answer: str, places: int = 0) -> str:
    """What `said_in` leaves out, in words."""
    most = _most(places)
    if len(answer) <= _MOST_CHARACTERS and len(_said(answer)) <= most:
        return ""
    return (
        f"only the first {most} sentences, up to {_MOST_CHARACTERS:,} characters, were checked: "
        "ask for a shorter answer"
    )


def _most(places: int) -> int:
    return min(_MOST_SENTENCES, _MOST_PAIRS // max(1, places) + 1)


def _said(answer: str) -> list[Span]:
    answer = _without_table_heads(_blanked(_FENCED, answer[:_MOST_CHARACTERS]))
    plain = without_markers(answer)
    found = []
    for start, end in sentence_spans(plain):
        text = plain[start:end]
        said = text.strip(" \n\t#*->•|–—:.")
        claims = _says_something(said) and not _ITEM.match(text) and NOT_FOUND not in text
        if claims and not text.rstrip().endswith(("?", ":")):
            lead = len(text) - len(text.lstrip())
            found.append((start + lead, start + len(answer[start:end].rstrip())))
    return found


def without_markers(answer: str) -> str:
    """An answer with blanks for its markers: they stand on either side of a full stop."""
    return _blanked(MARKER, answer)


def _blanked(what: re.Pattern[str], text: str) -> str:
    return what.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def _without_table_heads(text: str) -> str:
    """Blanks for the first rows of Markdown's tables and the lines below: they claim nothing."""
    lines = text.split("\n")
    for above, line in enumerate(lines[1:]):
        if "|" in lines[above] and _BELOW_TABLE_HEAD.fullmatch(line):
            lines[above : above + 2] = (" " * len(lines[above]), " " * len(line))
    return "\n".join(lines)


def _says_something(text: str) -> bool:
    """Whether it is more than the last word of an abbreviation, or an ornament."""
    spaced = not unspaced(text)
    return len(text.split()) > spaced or any(character.isdigit() for character in text)


@dataclass(frozen=True)
class Window:
    """A sentence of a passage, and what is read with it."""

    own: Text
    around: Text
    near: tuple[Text, ...]


def windows_of(places: Sequence[Source]) -> list[Window]:
    """Each sentence with its neighbours, its headings and the head of its table."""
    contexts = {id(place.context): place.context for place in places}
    comma = decimal_comma("\n".join(context.text for context in contexts.values()))
    # Each is read once, however many have it beside them.
    texts = [Text(place.text, comma) for place in places]
    above: dict[str, Text] = {}
    windows = []
    for number, place in enumerate(places):
        beside = range(max(0, number - 1), min(number + 2, len(places)))
        near = tuple(texts[n] for n in beside if places[n].context is place.context)
        heads = [
            above.setdefault(head, Text(head, comma))
            for head in (_about(place.context), _table_head(place))
            if head
        ]
        windows.append(Window(texts[number], Texts([*heads, *near], comma), near))
    return windows


def _about(context: Context) -> str:
    about = context.title, context.document, context.heading, context.header
    return "\n".join(filter(None, about))


def abouts(contexts: Sequence[Context]) -> str:
    """What is said of all contexts together: titles, headings, heads of tables."""
    return "\n".join(dict.fromkeys(map(_about, contexts)))


def _table_head(place: Source) -> str:
    """The first row of the table that a row is in, and the line above it."""
    if "|" not in place.text:
        return ""
    lines = place.context.text[: place.span[0]].rsplit("\n", 200)[-200:]
    head = ""
    for line in reversed(lines):
        if not line.strip():
            continue
        head = f"{line}\n{head.split(chr(10))[0]}" if "|" in line else f"{line}\n{head}"
        if "|" not in line:
            break
    return head
