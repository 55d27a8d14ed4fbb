"""Appointments (iCalendar, RFC 5545): what, when, where and with whom."""

import re
from collections.abc import Iterator
from datetime import datetime

from indexes.documents.assembly import assemble
from indexes.documents.blocks import Block, Heading, Paragraph
from indexes.documents.extracted import Extracted, UnreadableError, one_line
from indexes.documents.reader import Reading
from indexes.documents.readers.decoding import decode
from indexes.documents.report import ReadingReport

_LINE = re.compile(r"([A-Za-z0-9-]{1,60})((?:;[^:;\"]{0,300}(?:\"[^\"]{0,300}\")?){0,20}):(.*)")
_NAME = re.compile(r";CN=(?:\"([^\"]+)\"|([^;:]+))", re.IGNORECASE)
_ZONE = re.compile(r";TZID=\"?([^;:\"]+)", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([nN,;\\])")
_KINDS = ("VEVENT", "VTODO", "VJOURNAL")
_LABELS = {
    "DTSTART": "Start", "DTEND": "End", "DUE": "Due", "LOCATION": "Place", "ORGANIZER": "Organizer",
    "ATTENDEE": "Attendees", "RRULE": "Repeats", "STATUS": "Status", "DESCRIPTION": "",
}  # fmt: skip
_MOST = 20_000


def read(data: bytes, reading: Reading) -> Extracted:
    """The appointments in a calendar.

    Raises:
        UnreadableError: it is no calendar.
    """
    report = ReadingReport()
    text = decode(data).told(report)
    if "BEGIN:VCALENDAR" not in text[:1000].upper():
        raise UnreadableError("is no calendar: export it again as .ics")
    return assemble(appointments(text), max_characters=reading.max_characters, report=report)


def appointments(text: str) -> Iterator[Block]:
    """Each appointment: its name as a heading, then a line for what is known of it."""
    unfolded = re.sub(r"\r?\n[ \t]", "", text)
    entry: dict[str, list[str]] | None = None
    kind, count = "", 0
    for line in unfolded.splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        name, parameters, value = found[1].upper(), found[2], found[3].strip()
        if name == "BEGIN" and value.upper() in _KINDS and entry is None:
            entry, kind = {}, value.upper()
        elif name == "END" and entry is not None and value.upper() == kind:
            yield from _written(entry)
            entry = None
            count += 1
            if count >= _MOST:
                raise UnreadableError("holds an absurd number of appointments: split it")
        elif name == "BEGIN" and entry is not None:
            entry.setdefault("inside", []).append(value)  # an alarm, whose lines are its own
        elif name == "END" and entry is not None and entry.get("inside"):
            entry["inside"].pop()
        elif entry is not None and not entry.get("inside"):
            entry.setdefault(name, []).append(_said(name, parameters, value))
    if entry:  # the file is cut off
        yield from _written(entry)


def _written(entry: dict[str, list[str]]) -> Iterator[Block]:
    title = one_line(" ".join(entry.get("SUMMARY", [])))
    if title:
        yield Heading(title, 2)
    lines = []
    for name, label in _LABELS.items():
        said = ", ".join(filter(None, entry.get(name, [])))
        if said:
            lines.append(f"{label}: {said}" if label else said)
    yield Paragraph("\n".join(lines))


def _said(name: str, parameters: str, value: str) -> str:
    if name in ("DTSTART", "DTEND", "DUE"):
        zone = _ZONE.search(parameters)
        return _moment(value, zone[1] if zone else "")
    if name in ("ORGANIZER", "ATTENDEE"):
        named = _NAME.search(parameters)
        who = re.sub(r"^mailto:", "", value, flags=re.IGNORECASE)
        return f"{(named[1] or named[2]).strip()} <{who}>" if named else who
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value).strip()


def _moment(value: str, zone: str) -> str:
    """A date, or a time in its zone: `2024-03-05 14:00 UTC`."""
    universal = value.endswith("Z")
    for form, shown in (("%Y%m%dT%H%M%S", "%Y-%m-%d %H:%M"), ("%Y%m%d", "%Y-%m-%d")):
        try:
            moment = datetime.strptime(value.removesuffix("Z"), form)
        except ValueError:
            continue
        return f"{moment.strftime(shown)} {'UTC' if universal else zone}".strip()
    return value
