"""E-mail (RFC 5322, MIME), and web pages that were saved as one file (MHTML)."""

import re
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Heading, Paragraph, Table
from indexes.documents.extracted import Extracted, UnreadableError, one_line
from indexes.documents.reader import Reading
from indexes.documents.readers.decoding import decode
from indexes.documents.readers.html.page import blocks_of, decoded
from indexes.documents.readers.html.tree import parsed
from indexes.documents.report import ReadingReport

_HEADERS = ("From", "To", "Cc", "Date")
_DEEPEST = 4
_MOST_PARTS = 2_000
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
    bodies: dict[str, EmailMessage] = {}
    names: list[str] = []
    inside: list[EmailMessage] = []
    for part in _parts(message):
        kind = part.get_content_type()
        if kind == "message/rfc822" and depth < _DEEPEST:
            inside += [sub for sub in part.iter_parts() if isinstance(sub, EmailMessage)]
        elif part.get_filename() or part.get_content_disposition() == "attachment":
            names.append(one_line(part.get_filename() or kind))
        elif kind in ("text/plain", "text/html"):
            bodies.setdefault(kind, part)
        elif part.get_content_maintype() in ("image", "audio", "video"):
            report.leave_out("pictures" if kind.startswith("image") else "recordings")
    yield from _body(bodies, report)
    yield from attached(names, report)
    for sub in inside:
        yield from _message(sub, report, depth + 1)


def _parts(message: EmailMessage) -> Iterator[EmailMessage]:
    """The parts that are no boxes of others; a message in it is one part."""
    waiting = [message]
    count = 0
    while waiting and count < _MOST_PARTS:
        part = waiting.pop(0)
        count += 1
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            parts = [sub for sub in part.get_payload() if isinstance(sub, EmailMessage)]
            waiting[:0] = parts
        else:
            yield part


def _body(bodies: dict[str, EmailMessage], report: ReadingReport) -> Iterator[Block]:
    """What a message says: as plain text, unless only the page has its tables."""
    page, text = bodies.get("text/html"), bodies.get("text/plain")
    written = _text(text, report) if text is not None else ""
    if page is not None:
        data = page.get_payload(decode=True)
        charset = page.get_content_charset()
        raw = data if isinstance(data, bytes) else b""
        blocks = html(_markup(raw, charset, report), report)
        if not written.strip() or any(isinstance(block, Table) for block in blocks):
            yield from blocks
            return
    yield from plain(written)


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
