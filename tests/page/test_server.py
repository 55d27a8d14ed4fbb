"""Starting and ending the page, and what it offers to whom."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from app.page.layout import make_workbench
from app.page.opening import Opening
from app.page.server import make_app, serve
from indexes.errors import SettingsError
from indexes.index import HierarchicalIndex
from tests.page.running import served


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.org"])
def test_only_loopback_is_served(index: HierarchicalIndex, host: str) -> None:
    with pytest.raises(SettingsError, match="without credentials") as raised:
        serve(Opening.of(index), host=host)
    assert "\n" not in str(raised.value)


def test_a_taken_port_is_an_error_that_names_the_option(index: HierarchicalIndex) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"port {port} .* choose another --port"):
            serve(Opening.of(index), port=port)


@pytest.mark.slow
async def test_what_gradio_would_offer_beside_the_page_is_off(index: HierarchicalIndex) -> None:
    transport = httpx.ASGITransport(make_app(make_workbench(Opening.of(index))))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/")).status_code == 200
        assert (await client.get("/page/page.js")).status_code == 200
        for path in ("/monitoring", "/docs", "/openapi.json", "/gradio_api/docs"):
            assert (await client.get(path)).status_code in (403, 404), path
        info = (await client.get("/gradio_api/info")).json()
    assert set(info["named_endpoints"]) == {"/ask", "/retrieve"}
    assert info["unnamed_endpoints"] == {}


@pytest.mark.slow
async def test_endpoints_are_typed(index: HierarchicalIndex) -> None:
    transport = httpx.ASGITransport(make_app(make_workbench(Opening.of(index))))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        info = (await client.get("/gradio_api/info")).json()
    for endpoint in info["named_endpoints"].values():
        types = [parameter["type"]["type"] for parameter in endpoint["parameters"]]
        assert types == ["string", "string", "integer"]
        assert [p["parameter_has_default"] for p in endpoint["parameters"]] == [False, True, True]


@pytest.mark.slow
def test_tools_of_mcp_answer_as_the_endpoints_do(index: HierarchicalIndex) -> None:
    async def used(address: str) -> tuple[list[str], str, bool]:
        async with (
            streamable_http_client(f"{address}/gradio_api/mcp/") as (read, write, *_),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            tools = [tool.name for tool in (await session.list_tools()).tools]
            question = {"question": "What is the margin of the cloud business?"}
            answer = await session.call_tool("ask", question)
            refused = await session.call_tool("retrieve", {"question": ""})
            return tools, str(answer.content), bool(refused.isError)

    with served(index, mcp=True) as address:
        tools, answer, refused = asyncio.run(used(address))
    assert tools == ["ask", "retrieve"]
    assert "3.18 billion [1]" in answer
    assert refused


@pytest.mark.slow
async def test_tools_of_mcp_are_off_unless_asked_for(index: HierarchicalIndex) -> None:
    transport = httpx.ASGITransport(make_app(make_workbench(Opening.of(index))))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for path in ("/gradio_api/mcp/schema", "/gradio_api/mcp/", "/gradio_api/mcp/sse"):
            assert (await client.get(path)).status_code == 404, path


@pytest.mark.slow
def test_a_signal_ends_the_page_and_closes_the_index(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys
        from app.page.opening import Opening
        from app.page.server import serve
        from indexes.index import HierarchicalIndex
        from indexes.settings import Settings
        from tests.page.fakes import ScriptedLLM, WordEmbedding

        settings = Settings(index=sys.argv[1])
        with HierarchicalIndex(settings, embedding=WordEmbedding(), llm=ScriptedLLM()) as index:
            serve(Opening.of(index), port=0, on_ready=lambda address: print(address, flush=True))
        print("closed", flush=True)
        """
    )
    command = [sys.executable, "-c", script, str(tmp_path / "index")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert httpx.get(address).status_code == 200
        # A browser holds a stream open for as long as it shows the page.
        with httpx.stream("GET", f"{address}/gradio_api/heartbeat/visitor") as stream:
            assert next(stream.iter_text())
            process.send_signal(signal.SIGTERM)
            told, complaints = process.communicate(timeout=60)
        assert told.strip() == "closed"
        assert complaints == ""
        assert process.returncode == 0


@pytest.mark.slow
def test_unknown_functions_are_not_found_and_developers_streams_are_not_served(
    index: HierarchicalIndex, caplog: pytest.LogCaptureFixture
) -> None:
    with served(index) as address, httpx.Client(base_url=f"{address}/gradio_api") as client:
        for path in ("/run/nope", "/call/nope", "/api/nope/"):
            assert client.post(path, json={"data": []}).status_code == 404, path
        number = {"data": [], "fn_index": 9999, "session_hash": "x"}
        assert client.post("/queue/join", json=number).status_code == 404
        assert client.post("/run/predict", json=number).status_code == 404
        assert client.get("/dev/reload").status_code == 404
        forwarded = client.get(f"{address}/", headers={"x-forwarded-host": "evil.example"})
        assert "evil.example" not in forwarded.text
    assert "Traceback" not in caplog.text


# Gradio keeps figures of its queue with pandas, in a way that pandas 4 will not know.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_waiting_for_what_was_never_asked_is_not_found_and_streams_end_cleanly(
    index: HierarchicalIndex, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        served(index) as address,
        httpx.Client(base_url=f"{address}/gradio_api", timeout=60) as client,
    ):
        for path in ("/call/ask/never", "/call/v2/ask/never"):
            assert client.get(path).status_code == 404, path
        ended = client.get("/queue/data", params={"session_hash": "never"})
        assert "session_not_found" in ended.text
        asked = client.post("/call/retrieve", json={"data": ["How many parcels?", "regular", 0]})
        found = client.get(f"/call/retrieve/{asked.json()['event_id']}")
        assert "event: complete" in found.text
    assert "Traceback" not in caplog.text


@pytest.mark.slow
def test_headers_that_never_end_are_not_waited_for(
    index: HierarchicalIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.page.patience._SECONDS_FOR_HEADERS", 0.5)
    with served(index) as address:
        place = address.removeprefix("http://").split(":")
        for sent in (b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "):
            with socket.create_connection((place[0], int(place[1])), timeout=60) as connection:
                connection.sendall(sent)
                assert connection.recv(1) == b""
        # One that was answered may stay, until it begins another that does not end.
        with socket.create_connection((place[0], int(place[1])), timeout=60) as connection:
            connection.sendall(b"GET /page/page.js HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT")
            received = b""
            while piece := connection.recv(65536):
                received += piece
            assert received.startswith(b"HTTP/1.1 200")


@pytest.mark.slow
def test_uploads_lie_in_a_private_folder_that_goes_with_the_page(
    index: HierarchicalIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"],
                           capture_output=True, check=True, text=True)  # fmt: skip
    left = tmp_path / f"advanced-rag-page-{ended.stdout.strip()}-x"
    (left / "inside").mkdir(parents=True)
    at_work = tmp_path / f"advanced-rag-page-{os.getpid()}-x"
    at_work.mkdir()
    with served(index) as address:
        (folder,) = set(tmp_path.glob("advanced-rag-page-*")) - {at_work}
        assert folder.stat().st_mode & 0o777 == 0o700
        sent = httpx.post(f"{address}/gradio_api/upload", files={"files": ("a.txt", b"secret")})
        assert Path(sent.json()[0]).is_relative_to(folder)
        assert not left.exists()
    assert not folder.exists()
    assert at_work.exists()
