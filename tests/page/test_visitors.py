"""Who is on the page, and when they are gone."""

from app.page.visitors import Visitors, is_token
from tests.page.conftest import begun, request_of


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_visitor_is_known_by_its_cookie_and_a_stranger_never() -> None:
    visitors = Visitors()
    ann = visitors.of(request_of("ann"))
    assert visitors.of(request_of("ann")) is ann
    assert visitors.of(request_of("ben")).key != ann.key
    assert visitors.of(request_of("")).key == ""
    assert visitors.of(None).key == ""
    assert "ann" not in ann.key


def test_only_what_the_server_could_have_made_up_is_a_token() -> None:
    assert is_token("x" * 43)
    for other in ("", "x" * 31, "x" * 65, "x" * 42 + "\n", "x" * 40 + "é", "../" * 12):
        assert not is_token(other)


def test_tabs_of_one_visitor_are_apart_and_a_session_id_alone_opens_no_tab() -> None:
    visitors = Visitors()
    first = visitors.tab(request_of("ann", "1"))
    assert visitors.tab(request_of("ann", "1")) is first
    assert visitors.tab(request_of("ann", "2")) is not first
    assert visitors.tab(request_of("ben", "1")) is not first
    assert visitors.tab(request_of("", "1")) is not visitors.tab(request_of("", "1"))


def test_a_visitor_is_gone_when_no_tab_was_open_for_a_while() -> None:
    clock, gone = Clock(), list[str]()
    visitors = Visitors(gone.append, clock)
    for name in ("ann", "ben"):
        visitors.opened(request_of(name))
    keys = [visitors.of(request_of(name)).key for name in ("ann", "ben")]
    visitors.closed(request_of("ann"))
    clock.now = 600
    assert visitors.expire() == []
    clock.now = 1000
    assert visitors.expire() == gone == keys[:1]
    # A tab that is open but does nothing is believed for half a day.
    clock.now = 50_000
    assert visitors.expire() == keys[1:]


def test_closing_a_tab_stops_its_lanes() -> None:
    visitors = Visitors()
    visitors.opened(request_of("ann"))
    run = begun(visitors.tab(request_of("ann")), "Why?")
    visitors.closed(request_of("ann"))
    assert run.stopped


def test_visitors_beyond_the_most_are_forgotten_oldest_first() -> None:
    gone = list[str]()
    visitors = Visitors(gone.append)
    first = visitors.of(request_of("0")).key
    for number in range(1, 257):
        visitors.of(request_of(str(number)))
    assert gone == [first]
    visitors.forget_all()
    assert len(gone) == 257
