"""Who is on the page, and when they are gone."""

from app.page.visitors import COOKIE, Visitors, is_ours, new_cookie, signed
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


def test_only_what_the_server_has_signed_is_a_cookie() -> None:
    cookie = new_cookie()
    assert is_ours(cookie)
    assert cookie != new_cookie()
    token, _, mark = cookie.partition(".")
    made_up = ("", token, f"{token}.{'x' * 43}", f"{'y' * 43}.{mark}", f"{cookie}\n", f"é{cookie}")
    assert not any(map(is_ours, made_up))
    assert not is_ours(signed("short"))


def test_invented_cookies_delete_nothing_and_nobody_with_a_tab_or_documents_gives_way() -> None:
    forgotten: list[str] = []
    clock = Clock()
    visitors = Visitors(forgotten.append, clock, keeps=lambda key: key == ben.key)
    ben = visitors.of(request_of("ben"))
    visitors.opened(request_of("ann"))
    ann = visitors.of(request_of("ann"))
    for number in range(600):
        request = request_of("someone")
        request.cookies[COOKIE] = "x" * 40 + f"{number:03}"
        assert visitors.of(request).key == ""
    for number in range(600):
        visitors.of(request_of(f"{number:032}"))
    assert visitors.of(request_of("ann")) is ann
    assert visitors.of(request_of("ben")) is ben
    assert forgotten == []


def test_when_everyone_has_a_tab_a_new_one_is_a_stranger() -> None:
    visitors = Visitors()
    for number in range(256):
        visitors.opened(request_of(f"{number:032}"))
    assert visitors.of(request_of("late")).key == ""
    assert visitors.of(request_of(f"{0:032}")).key


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


def test_when_the_server_ends_everyone_is_forgotten() -> None:
    gone = list[str]()
    visitors = Visitors(gone.append)
    for number in range(300):
        visitors.of(request_of(f"{number:032}"))
    visitors.forget_all()
    assert len(gone) == 256
