"""Uploads as their bytes come in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.page.receiving import Receiving, delete_files, received, sweep_unclaimed


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(Starlette(routes=[*Receiving(1000).routes()])) as client:
        yield client


def send(client: TestClient, name: str = "a.txt", content: bytes = b"The harbour.") -> list[str]:
    answer = client.post("/gradio_api/upload", files={"files": (name, content)})
    assert answer.status_code == 200
    return list(answer.json())


def test_two_visitors_with_the_same_file_have_a_copy_each(client: TestClient, folder: Path) -> None:
    (one,), (other,) = send(client), send(client)
    assert one != other
    delete_files(received({"path": one}))
    assert Path(other).read_bytes() == b"The harbour."
    delete_files(received([{"path": other}]))
    assert list(folder.iterdir()) == []


def test_of_an_upload_that_is_too_large_or_broken_nothing_stays(
    client: TestClient, folder: Path
) -> None:
    large = client.post("/gradio_api/upload", files={"files": ("a.txt", b"x" * 1001)})
    assert (large.status_code, "maximum allowed size" in large.text) == (413, True)
    kind = {"content-type": "multipart/form-data; boundary=x"}
    for body in (b"--x\r\nbroken", b"nothing of it"):
        answer = client.post("/gradio_api/upload", content=body, headers=kind)
        assert answer.status_code == 400 or answer.json() == []
    assert client.post("/gradio_api/upload", content=b"x").status_code == 400
    assert list(folder.iterdir()) == []


async def test_of_one_that_breaks_off_nothing_stays(folder: Path) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhalf of'
    messages = iter(
        [
            {"type": "http.request", "body": head, "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    seen: list[bool] = []

    async def receive() -> dict[str, object]:
        seen.append(any(folder.glob("upload-*/*")))
        return next(messages)

    async def send(_message: object) -> None:
        """Nobody is there."""

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/gradio_api/upload",
        "query_string": b"upload_id=7",
        "headers": [(b"content-type", b"multipart/form-data; boundary=x")],
    }
    await Starlette(routes=[*Receiving(1000).routes()])(scope, receive, send)  # type: ignore[arg-type]
    assert seen == [False, True]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "path",
    [
        lambda folder: folder / "upload-x" / "y" / ".." / ".." / "secret",
        lambda folder: folder / "secret",
        lambda folder: folder / "other" / "y" / "secret",
        lambda _: Path("/etc/passwd"),
        lambda _: Path("secret"),
        lambda folder: folder / "upload-x" / ".." / "secret",
    ],
)
def test_only_what_was_received_is_taken(folder: Path, path: Callable[[Path], Path]) -> None:
    (folder / "secret").write_text("secret")
    assert received([{"path": str(path(folder))}, {"path": 7}, "x", None]) == []
    assert received(None) == []
    assert (folder / "secret").exists()


def test_what_nobody_took_goes_after_an_hour(
    client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(client)
    sweep_unclaimed()
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr("app.page.receiving._SECONDS_UNCLAIMED", -1)
    sweep_unclaimed()
    assert list(folder.iterdir()) == []
