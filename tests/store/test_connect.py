"""Opening an index, wherever it is, and what is said when that fails."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from qdrant_client import AsyncQdrantClient, QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException

from indexes.errors import StoreError
from indexes.store.connect import connect
from indexes.store.refusals import store_errors
from indexes.store.ways import Ways

KEY = "s3cr3t-key"


class FakeQdrant(BaseHTTPRequestHandler):
    """A Qdrant server's REST port, as far as it shows when asked what it is.

    It answers what `server.status` and `server.body` say.
    """

    server: Any

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        self.server.keys.append(self.headers.get("api-key"))
        self.answer(self.server.status, self.server.body)

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Be silent."""


def reply(result: Any = None, error: str | None = None) -> bytes:
    status: Any = "ok" if error is None else {"error": error}
    return json.dumps({"result": result, "status": status, "time": 0.1}).encode()


def about(version: str) -> bytes:
    return json.dumps({"title": "qdrant - vector search engine", "version": version}).encode()


@pytest.fixture
def server() -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), FakeQdrant)
    server.requests, server.keys, server.status = [], [], 200
    server.body = about("1.18.3")
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def failure(index: str, **kwargs: Any) -> str:
    """The one line that `connect` fails with."""
    with pytest.raises(StoreError) as caught:
        key = kwargs.pop("api_key", None)
        connect(index, api_key=key, ways=Ways(**{"retries": 0, **kwargs}))
    message = str(caught.value)
    assert "\n" not in message
    assert KEY not in message
    return message


# --- folders ------------------------------------------------------------------------------


def test_a_folder_is_made_and_opened(tmp_path: Path) -> None:
    with connect(str(tmp_path / "a" / "index")) as engine:
        assert engine.embedded
        assert engine.address == str(tmp_path / "a" / "index")
        assert isinstance(engine.client, QdrantClient)
        assert isinstance(engine.aclient, AsyncQdrantClient)
        assert engine.client.get_collections().collections == []
    with pytest.raises(StoreError, match="was closed"):
        engine.client.get_collection("c")


def test_a_folder_can_be_opened_again_after_closing(tmp_path: Path) -> None:
    for _ in range(2):
        with connect(str(tmp_path / "index")) as engine:
            engine.client.collection_exists("c")
        assert not (tmp_path / "index" / "holder.json").exists()


async def test_both_clients_see_one_index(tmp_path: Path) -> None:
    async with connect(str(tmp_path / "index")) as engine:
        await engine.aclient.create_collection(
            "c", models.VectorParams(size=2, distance=models.Distance.DOT)
        )
        engine.client.upsert("c", [models.PointStruct(id=1, vector=[1, 2])])
        await engine.aclient.upsert("c", [models.PointStruct(id=2, vector=[2, 1])])
        engine.aclient.upload_points("c", [models.PointStruct(id=3, vector=[0, 0])])
        found = await engine.aclient.query_points("c", [1.0, 0.0])
        assert [hit.id for hit in found.points] == [2, 1, 3]
        with pytest.raises(StoreError, match="does not exist"):
            await engine.aclient.count("nope")


def test_a_file_is_not_an_index(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "is a file: --index takes a folder" in failure(str(tmp_path / "file"))
    assert "cannot write to" in failure(str(tmp_path / "file" / "below"))


def test_an_empty_index_is_refused() -> None:
    assert "--index is empty" in failure(" ")


# --- servers ------------------------------------------------------------------------------


def test_a_server_is_reached_at_once(server: Any) -> None:
    with connect(server.url, api_key=SecretStr(KEY), ways=Ways(timeout=2.5)) as engine:
        assert server.requests == ["/"]
        assert not engine.embedded
        assert engine.address == server.url
        assert engine.client.info().version == "1.18.3"


async def test_a_server_is_reached_by_coroutines(server: Any) -> None:
    async with connect(server.url) as engine:
        assert (await engine.aclient.info()).version == "1.18.3"


def test_the_key_is_sent_and_never_shown(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    with connect(server.url, api_key=SecretStr(KEY)) as engine:
        assert KEY not in repr(engine)
    assert server.keys == [KEY]
    assert KEY not in caplog.text


def test_a_server_that_is_too_old_is_refused(server: Any) -> None:
    server.body = about("1.16.3")
    assert "is Qdrant 1.16.3: this project needs 1.17 or newer" in failure(server.url)


def test_a_server_that_is_newer_than_what_was_tried_is_told(
    server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.body = about("1.99.0-dev")
    connect(server.url).close()
    assert "is Qdrant 1.99.0-dev, newer than what was tried" in caplog.text


def test_a_proxy_may_hide_what_the_server_is(server: Any) -> None:
    server.status, server.body = 403, b""
    connect(server.url).close()


def test_nobody_listening(server: Any) -> None:
    port = server.server_port
    server.shutdown()
    server.server_close()
    message = failure(f"http://127.0.0.1:{port}")
    assert message.startswith(f"cannot reach http://127.0.0.1:{port} (")
    assert "start the server, or correct host and port of --index" in message


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, reply(error="disk is full"), "failed (500): disk is full; see the server's log"),
        (429, reply(error="too many"), "refused the request (429): too many"),
        (404, b"<html>not here</html>", "answered 404, and not as a Qdrant server does"),
        (200, b"<html>welcome</html>", "answered something that is not Qdrant's"),
        (200, b'{"hello": "world"}', "answered something that is not Qdrant's"),
    ],
)
def test_each_wrong_answer_has_its_line(
    server: Any, status: int, body: bytes, expected: str
) -> None:
    server.status, server.body = status, body
    assert f"{server.url} {expected}" in failure(server.url)


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:port", "http://h:99999"])
def test_what_is_not_a_url_is_refused(url: str) -> None:
    assert "http://host:6333" in failure(url)


@pytest.mark.parametrize("url", [f"http://me:{KEY}@host", f"http://host/?api_key={KEY}"])
def test_a_key_in_the_url_is_refused_without_repeating_it(url: str) -> None:
    assert "give host's key as RAG_QDRANT_API_KEY" in failure(url)


def test_a_slow_server_is_a_timeout() -> None:
    source = httpx.ReadTimeout("timed out")
    late = pytest.raises(StoreError, match="x did not answer in time")
    with late as caught, store_errors("x"):
        raise ResponseHandlingException(source)
    assert isinstance(caught.value.__cause__, ResponseHandlingException)


def test_other_errors_pass_unchanged() -> None:
    for error in (KeyError("x"), StoreError("ours")):
        with pytest.raises(type(error)) as caught, store_errors("x"):
            raise error
        assert caught.value is error
