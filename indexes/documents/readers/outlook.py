"""Messages that Outlook saves (MSG)."""

import io
from collections.abc import Iterator
from typing import Any

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block
from indexes.documents.extracted import Extracted, UnreadableError, one_line
from indexes.documents.reader import Reading
from indexes.documents.readers import mail
from indexes.documents.report import ReadingReport


def read(data: bytes, reading: Reading) -> Extracted:
    """A message: who wrote to whom and when, what it says, what is attached.

    Raises:
        UnreadableError: it is no message.
    """
    from oxmsg import Message

    if not data.startswith(bytes.fromhex("d0cf11e0")):
        raise UnreadableError("is no Outlook message: save it from Outlook again, or as .eml")
    report = ReadingReport()
    message = Message.load(io.BytesIO(data))
    return assemble(
        _blocks(message, report),
        max_characters=reading.max_characters,
        title=one_line(message.subject or "") or None,
        report=report,
    )


def _blocks(message: Any, report: ReadingReport) -> Iterator[Block]:
    sent = message.sent_date
    headers = {
        "From": one_line(message.sender or ""),
        "To": ", ".join(
            one_line(f"{who.name or ''} <{who.email_address}>") for who in message.recipients
        ),
        "Date": sent.isoformat(" ", "minutes") if sent else "",
    }
    yield from mail.head(one_line(message.subject or ""), headers)
    if message.body and message.body.strip():
        yield from mail.plain(message.body)
    elif message.html_body:
        yield from mail.html(message.html_body, report)
    names = [one_line(attachment.file_name or "?") for attachment in message.attachments]
    yield from mail.attached(names, report)
