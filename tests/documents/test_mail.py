"""Messages of many parts, and the appointments in them."""

from email.message import EmailMessage

import pytest

from indexes.documents.extracted import UnreadableError
from tests.documents.files import extracted, grows_linearly, text_of

CALENDAR = """BEGIN:VCALENDAR
METHOD:REQUEST
BEGIN:VTIMEZONE
BEGIN:STANDARD
DTSTART:16010101T030000
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
SUMMARY:Dredging\\, and a
  talk
DTSTART;TZID=Europe/London:20240305T140000
DTEND:20240305T150000Z
LOCATION:Harbour office
ORGANIZER;CN="Merrow, Ann":mailto:ann@port.example
ATTENDEE;ROLE=REQ-PARTICIPANT;CN=Bob:mailto:bob@port.example
ATTENDEE:mailto:cy@port.example
DESCRIPTION:Bring the\\nplan.
BEGIN:VALARM
DESCRIPTION:Reminder
END:VALARM
END:VEVENT
BEGIN:VEVENT
SUMMARY:Holiday
DTSTART;VALUE=DATE:20240401
RRULE:FREQ=YEARLY
END:VEVENT
END:VCALENDAR
"""
DREDGING = """Dredging, and a talk

Start: 2024-03-05 14:00 Europe/London
End: 2024-03-05 15:00 UTC
Place: Harbour office
Organizer: Merrow, Ann <ann@port.example>
Attendees: Bob <bob@port.example>, cy@port.example
Bring the
plan."""


def _mixed(*parts: tuple[str, str], kind: str = "mixed") -> str:
    inside = "".join(f"--b\nContent-Type: {of}\n\n{body}\n" for of, body in parts)
    return (
        "From: ann@port.example\nSubject: Fees\nMIME-Version: 1.0\n"
        f"Content-Type: multipart/{kind}; boundary=b\n\n{inside}--b--\n"
    )


def test_text_before_and_behind_a_picture_is_read():
    parts = [("text/plain", "Before."), ("image/png", "00"), ("text/plain", "Behind.")]
    found = extracted("a.eml", _mixed(*parts))
    assert found.text.endswith("Before.\n\nBehind.")
    assert found.report.left_out == {"pictures": 1}


def test_pages_before_and_behind_a_picture_are_read_as_their_text_is():
    inner = _mixed(("text/html", "<p>Before.</p>"), ("text/html", "<p>Behind.</p>"))
    inner = inner.replace("boundary=b", "boundary=c").replace("--b", "--c")
    inner = inner[inner.index("\n\n") :].strip()
    mixed = ("multipart/mixed; boundary=c", inner)
    found = text_of("a.eml", _mixed(("text/plain", "Before. Behind."), mixed, kind="alternative"))
    assert found.endswith("\n\nBefore. Behind.")
    assert text_of("a.eml", _mixed(mixed, kind="alternative")).endswith("Before.\n\nBehind.")


def test_a_page_that_says_the_same_as_the_text_before_it_is_read_once():
    same = [("text/plain", "Fees are due."), ("text/html", "<p>Fees are <b>due.</b></p>")]
    assert text_of("a.eml", _mixed(*same)).endswith("ann@port.example\n\nFees are due.")
    other = [("text/plain", "Fees are due."), ("text/html", "<p>Sent by the port.</p>")]
    assert text_of("a.eml", _mixed(*other)).endswith("Fees are due.\n\nSent by the port.")


@pytest.mark.parametrize("attached", [False, True])
def test_an_invitation_says_what_when_and_where(attached: bool):
    message = EmailMessage()
    message["From"], message["Subject"] = "ann@port.example", "Invitation"
    message.set_content("Please come.")
    if attached:
        message.add_attachment(CALENDAR, subtype="calendar", filename="invite.ics")
    else:
        message.add_alternative(CALENDAR, subtype="calendar")
    text = text_of("a.eml", message.as_bytes())
    assert f"Please come.\n\n{DREDGING}\n\nHoliday" in text


def test_a_calendar_is_its_appointments():
    found = extracted("a.ics", CALENDAR.replace("\n", "\r\n"))
    assert found.text == f"{DREDGING}\n\nHoliday\n\nStart: 2024-04-01\nRepeats: FREQ=YEARLY"
    assert found.heading == "Dredging, and a talk"


def test_the_last_appointment_of_a_calendar_that_is_cut_off_is_read():
    assert text_of("a.ics", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:Dredging\n") == "Dredging"


def test_what_is_no_calendar_is_refused():
    with pytest.raises(UnreadableError, match="no calendar"):
        extracted("a.ics", "Dear all")


@pytest.mark.parametrize("unit", ["BEGIN:VEVENT\nA;B", "A;" * 50 + "\n", "BEGIN:VALARM\n"])
def test_a_calendar_takes_time_by_its_length(unit: str):
    head = "BEGIN:VCALENDAR\nBEGIN:VEVENT\n"
    grows_linearly(lambda n: text_of("a.ics", head + unit * n), 2000)
