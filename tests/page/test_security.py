"""What other web sites in the visitor's browser can and cannot do."""

import asyncio
import base64
import hashlib

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from app.page.security import Access, Guard, access_beyond, policy
from app.page.visitors import COOKIE, is_ours
from indexes.errors import SettingsError

PAGE = b"<html><script>start()</script><script src='x.js'></script></html>"


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """The smallest application with an inline script."""
    kind = b"text/html; charset=utf-8" if scope["path"] == "/" else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": PAGE[:9], "more_body": True})
    await send({"type": "http.response.body", "body": PAGE[9:]})


async def answer(
    path: str = "/", *, guard: Guard | None = None, body: bytes = b"", **headers: str
) -> httpx.Response:
    transport = httpx.ASGITransport(guard or Guard(page, most_upload_bytes=2 * 1024**2))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    method = "POST" if body else "GET"
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as client:
        return await client.request(method, path, headers=sent, content=body or None)


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1", "[::1]:7860", "LOCALHOST:1"])
async def test_the_page_answers_to_its_own_names(host: str) -> None:
    assert (await answer(host=host)).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:7860", "localhost.evil.example", "192.168.1.5", "[", ""]
)
async def test_a_name_that_was_pointed_at_us_is_refused(host: str) -> None:
    assert (await answer(host=host)).status_code == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost:3000", "null", "http://127.0.0.1:78600"]
)
async def test_requests_of_other_pages_are_refused(origin: str) -> None:
    assert (await answer(origin=origin)).status_code == 403


async def test_requests_of_the_page_itself_are_served() -> None:
    assert (await answer(origin="http://127.0.0.1:7860")).status_code == 200


async def test_a_link_from_elsewhere_may_be_followed_but_not_embedded() -> None:
    followed = await answer(sec_fetch_site="cross-site", sec_fetch_mode="navigate")
    embedded = await answer(sec_fetch_site="cross-site", sec_fetch_mode="no-cors")
    assert (followed.status_code, embedded.status_code) == (200, 403)


async def test_every_answer_carries_the_headers() -> None:
    for path in ("/", "/other"):
        headers = (await answer(path)).headers
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_only_the_pages_own_inline_scripts_may_run() -> None:
    response = await answer()
    assert response.content == PAGE
    digest = base64.b64encode(hashlib.sha256(b"start()").digest()).decode()
    rule = response.headers["content-security-policy"]
    assert f"'sha256-{digest}'" in rule
    scripts = next(part for part in rule.split("; ") if part.startswith("script-src"))
    assert "unsafe-inline" not in scripts
    assert rule.encode() == policy(PAGE)


async def test_a_browser_gets_a_cookie_of_its_own_once() -> None:
    first = await answer()
    token = first.cookies[COOKIE]
    assert is_ours(token)
    rule = first.headers["set-cookie"]
    assert "HttpOnly" in rule
    assert "SameSite=Lax" in rule
    assert (await answer()).cookies[COOKIE] != token
    assert COOKIE not in (await answer(cookie=f"{COOKIE}={token}")).cookies
    assert COOKIE in (await answer(cookie=f"{COOKIE}=made-up")).cookies
    assert COOKIE not in (await answer("/other")).cookies


async def test_bodies_have_a_size_and_uploads_another() -> None:
    most, large = b"x" * 1024**2, b"x" * (1024**2 + 1)
    assert (await answer("/queue/join", body=most)).status_code == 200
    assert (await answer("/queue/join", body=large)).status_code == 413
    assert (await answer("/gradio_api/upload", body=large)).status_code == 200
    assert (await answer("/gradio_api/upload", body=large + large)).status_code == 413
    assert (await answer("/gradio_api/upload?x=/upload", content_length="-1")).status_code == 413


async def test_a_body_without_a_length_is_counted_as_it_comes() -> None:
    got: list[Message] = []

    async def reader(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request":
            got.append(message)
            if not message.get("more_body"):
                break

    pieces = iter([b"x" * 600_000] * 3)

    async def receive() -> Message:
        return {"type": "http.request", "body": next(pieces), "more_body": True}

    async def send(_: Message) -> None:
        return None

    scope = {"type": "http", "path": "/", "headers": [(b"host", b"localhost")]}
    await Guard(reader)(scope, receive, send)
    assert len(got) == 1


async def test_a_body_that_stalls_or_drips_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[str] = []

    async def reader(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "http.request":
            got.append(message["type"])
        got.append(message["type"])

    async def stalls() -> Message:
        if got:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def drips() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(_: Message) -> None:
        return None

    scope = {"type": "http", "path": "/gradio_api/upload", "headers": [(b"host", b"localhost")]}
    monkeypatch.setattr("app.page.security._SECONDS_STALLED", 0.05)
    await Guard(reader)(scope, stalls, send)
    assert got == ["http.request", "http.disconnect"]
    monkeypatch.setattr("app.page.security._SECONDS_GRACE", 0.1)
    await Guard(reader)(scope, drips, send)
    assert got[-1] == "http.disconnect"


async def test_what_a_request_says_of_a_proxy_is_not_repeated() -> None:
    heard: list[bytes] = []

    async def listener(scope: Scope, receive: Receive, send: Send) -> None:
        heard.extend(name for name, _ in scope["headers"])

    async def nothing(*_: object) -> Message:
        return {"type": "http.disconnect"}

    headers = [
        (b"host", b"localhost"),
        (b"X-Forwarded-Host", b"evil.example"),
        (b"forwarded", b"host=evil.example"),
        (b"x-forwarded-prefix", b"/evil"),
        (b"x-forwarded-proto", b"javascript"),
        (b"x-forwarded-proto", b"https"),
    ]
    await Guard(listener)({"type": "http", "path": "/", "headers": headers}, nothing, nothing)
    assert heard == [b"host", b"x-forwarded-proto"]


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_PAGE_USER", "ann")
    monkeypatch.setenv("RAG_PAGE_PASSWORD", "correct horse")


@pytest.mark.usefixtures("credentials")
async def test_beyond_this_machine_a_name_and_a_password_are_asked_for() -> None:
    guard = Guard(page, access_beyond("0.0.0.0", ["rag.example.org"]))

    async def status(**headers: str) -> int:
        return (await answer(guard=guard, host="rag.example.org", **headers)).status_code

    def basic(text: str) -> str:
        return f"Basic {base64.b64encode(text.encode()).decode()}"

    refused = await answer(guard=guard, host="rag.example.org")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].startswith("Basic ")
    assert await status(authorization=basic("ann:correct horse")) == 200
    for wrong in ("ann:wrong", "ben:correct horse", "ann", ""):
        assert await status(authorization=basic(wrong)) == 401
    assert await status(authorization="Bearer ann:correct horse") == 401
    elsewhere = await answer(
        guard=guard, host="evil.example", authorization=basic("ann:correct horse")
    )
    assert elsewhere.status_code == 403


@pytest.mark.usefixtures("credentials")
def test_the_page_must_know_its_name_and_never_shows_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SettingsError, match="add --name"):
        access_beyond("0.0.0.0", [])
    access = access_beyond("192.168.1.5", [])
    assert "192.168.1.5" in access.hosts
    assert "correct horse" not in repr(access)
    monkeypatch.setenv("RAG_PAGE_PASSWORD", "short")
    with pytest.raises(SettingsError, match="8 characters") as raised:
        access_beyond("192.168.1.5", [])
    assert "short" not in str(raised.value)


def test_this_machine_needs_no_credentials() -> None:
    assert Access().allows("")
