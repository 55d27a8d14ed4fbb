"""What other web sites in the visitor's browser can and cannot do."""

import base64
import hashlib

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from app.page.security import Guard, policy

PAGE = b"<html><script>start()</script><script src='x.js'></script></html>"


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """The smallest application with an inline script."""
    kind = b"text/html; charset=utf-8" if scope["path"] == "/" else b"application/json"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind)]})
    await send({"type": "http.response.body", "body": PAGE[:9], "more_body": True})
    await send({"type": "http.response.body", "body": PAGE[9:]})


async def answer(path: str = "/", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(Guard(page))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as client:
        return await client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})


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
