"""E-mail (RFC 5322, MIME), and web pages that were saved as one file (MHTML)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Heading, Paragraph, Table
from indexes.documents.extracted import Extracted, UnreadableError, one_line
from indexes.documents.reader import Reading
from indexes.documents.readers.calendar import appointments
from indexes.documents.readers.decoding import decode
from indexes.documents.readers.html.page import blocks_of, decoded
from indexes.documents.readers.html.tree import parsed
from indexes.documents.report import ReadingReport

_HEADERS = ("From", "To", "Cc", "Date")
_DEEPEST = 4
_MOST_PARTS = 2_000
_SAME = 0.8
_REPLY = re.compile(r"^(?:(?:re|fwd?|aw|wg|antw|tr|rv)\s*:\s*)+", re.IGNORECASE)


def read(data: bytes, reading: Reading) -> Extracted:
    """A message: who wrote to whom and when, what it says, what is attached.

    Raises:
        UnreadableError: it is no message.
    """
    report = ReadingReport()
    message = BytesParser(policy=policy.default).parsebytes(data)
    if not isinstance(message, EmailMessage) or not message.keys():
        raise UnreadableError("is no e-mail message: save it from the mail program again")
    return assemble(
        _message(message, report, 0),
        max_characters=reading.max_characters,
        title=_REPLY.sub("", header(message, "Subject")) or None,
        report=report,
    )


def head(subject: str, headers: dict[str, str]) -> Iterator[Block]:
    """Begin a message with its subject and headers, as name and value."""
    if subject:
        yield Heading(subject)
    lines = [f"{name}: {said}" for name, said in headers.items() if said]
    if lines:
        yield Paragraph("\n".join(lines))


def plain(text: str) -> Iterator[Block]:
    """Split the plain text of a message into paragraphs."""
    lines = (line.rstrip() for line in text.replace("\r\n", "\n").split("\n"))
    for paragraph in re.split(r"\n{2,}", "\n".join(lines)):
        yield Paragraph(paragraph)


def html(markup: str, report: ReadingReport) -> list[Block]:
    """Turn the HTML body of a message into blocks; `report` is told what is left out."""
    return blocks_of(parsed(markup), report, furniture=False)


def attached(names: list[str], report: ReadingReport) -> Iterator[Block]:
    """List attachments by name; `report` is told that they were not read."""
    if names:
        report.leave_out("attachments", len(names))
        yield Paragraph(f"Attachments: {', '.join(names)}")


def header(message: EmailMessage, name: str) -> str:
    """A header, decoded; "" without it."""
    try:
        return one_line(str(message.get(name, "")))
    except (ValueError, IndexError, AttributeError, TypeError):  # of addresses that are none
        return ""


def _message(message: EmailMessage, report: ReadingReport, depth: int) -> Iterator[Block]:
    headers = {name: header(message, name) for name in _HEADERS}
    if message.get_content_type() == "multipart/related" and not headers["To"]:
        headers = {}  # a web page that was saved
    yield from head(header(message, "Subject"), headers)
    bodies: dict[int, _Body] = {}
    names: list[str] = []
    inside: list[EmailMessage] = []
    for part, place in _parts(message):
        kind = part.get_content_type()
        if kind == "message/rfc822" and depth < _DEEPEST:
            inside += [sub for sub in part.iter_parts() if isinstance(sub, EmailMessage)]
        elif kind == "text/calendar":
            bodies.setdefault(place, _Body()).calendars.append(_text(part, report))
        elif part.get_filename() or part.get_content_disposition() == "attachment":
            names.append(one_line(part.get_filename() or kind))
        elif kind == "text/plain":
            bodies.setdefault(place, _Body()).texts.append(_text(part, report))
        elif kind == "text/html":
            bodies.setdefault(place, _Body()).pages.append(_page(part, report))
        elif part.get_content_maintype() in ("image", "audio", "video"):
            report.leave_out("pictures" if kind.startswith("image") else "recordings")
    for body in _joined(list(bodies.values())):
        yield from body.blocks(report)
    yield from attached(names, report)
    for sub in inside:
        yield from _message(sub, report, depth + 1)


def _parts(message: EmailMessage) -> Iterator[tuple[EmailMessage, int]]:
    """The parts that are no boxes of others; alternatives of each other share a number."""
    waiting: list[tuple[EmailMessage, int]] = [(message, 0)]
    count = 0
    while waiting and count < _MOST_PARTS:
        part, place = waiting.pop(0)
        count += 1
        kind = part.get_content_type()
        if part.is_multipart() and kind != "message/rfc822":
            if kind == "multipart/alternative":
                place = place or count
            parts = [sub for sub in part.get_payload() if isinstance(sub, EmailMessage)]
            waiting[:0] = [(sub, place) for sub in parts]
        else:
            yield part, place or count


@dataclass
class _Body:
    """One stretch of what a message says, in the forms that it has: text, a page, a calendar."""

    texts: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    calendars: list[str] = field(default_factory=list)

    def blocks(self, report: ReadingReport) -> Iterator[Block]:
        """It as plain text, unless only the page has its tables; appointments below."""
        written = "\n\n".join(filter(None, map(str.strip, self.texts)))
        blocks = [block for page in self.pages for block in html(page, report)]
        if blocks and (not written or any(isinstance(block, Table) for block in blocks)):
            yield from blocks
        else:
            yield from plain(written)
        for calendar in self.calendars:
            yield from appointments(calendar)

    def repeats(self, other: "_Body") -> bool:
        """Whether this is a page with all the words of the other, which is text."""
        if not self.pages or self.texts or not other.texts or other.pages:
            return False
        said = set(" ".join(other.texts).split())
        shown = set(parsed(" ".join(self.pages)).root.text().split())
        return len(said & shown) >= _SAME * len(said)


def _joined(bodies: list[_Body]) -> Iterator[_Body]:
    """Bodies, with a page that follows the same as text, and is not said to be it, in one."""
    last: _Body | None = None
    for body in bodies:
        if last is not None and body.repeats(last):
            last.pages += body.pages
            continue
        if last is not None:
            yield last
        last = body
    if last is not None:
        yield last


def _page(part: EmailMessage, report: ReadingReport) -> str:
    data = part.get_payload(decode=True)
    raw = data if isinstance(data, bytes) else b""
    return _markup(raw, part.get_content_charset(), report)


def _markup(data: bytes, charset: str | None, report: ReadingReport) -> str:
    try:
        return data.decode(charset or "utf-8")
    except (LookupError, ValueError):  # also for a name that is none
        return decoded(data, report)


def _text(part: EmailMessage, report: ReadingReport) -> str:
    data = part.get_payload(decode=True)
    raw = data if isinstance(data, bytes) else b""
    try:
        return raw.decode(part.get_content_charset() or "utf-8")
    except (LookupError, ValueError):  # also for a name that is none
        return decode(raw).told(report) if raw else ""
