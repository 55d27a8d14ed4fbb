"""The page with models chosen apart, and what it says of one that isn't fit to answer."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import gradio as gr
import httpx
import pytest

from app.page.documents import Documents
from app.page.layout import make_workbench
from app.page.opening import Opening
from indexes import HierarchicalIndex
from indexes.models import hub
from indexes.models.catalogue import recommended
from tests.models.stand_in import StandIn
from tests.page.conftest import request_of


async def head_of(index: HierarchicalIndex) -> str:
    """What stands above the tabs; no model is loaded for it."""
    with gr.Blocks(analytics_enabled=False):
        documents = Documents(make_workbench(Opening.of(index)))
        documents.draw()
    documents.welcome = lambda *_: []
    return str(documents.show(request_of("ann"))[1])


@pytest.mark.slow
async def test_both_models_are_named_with_who_serves_them(tmp_path: Path) -> None:
    with HierarchicalIndex.open(
        tmp_path / "index",
        cache=tmp_path,
        llm="openai:gpt-x@http://me:secret@127.0.0.1:9/v1",
        embedding="bge-large-en",
    ) as index:
        shown = await head_of(index)
    assert "gpt-x (openai)" in shown
    assert "bge-large-en-v1.5 (local)" in shown
    assert "answers badly" not in shown
    assert "secret" not in shown


@pytest.mark.slow
async def test_where_a_demonstration_answers_a_better_model_is_offered(tmp_path: Path) -> None:
    with HierarchicalIndex.open(tmp_path / "index", cache=tmp_path) as index:
        shown = await head_of(index)
        assert "SmolLM2-135M-Instruct answers badly" in shown
        assert "Qwen3-4B-Instruct-2507, 2.5 GB" in shown
        assert "<code>advanced-rag models get qwen3-4b</code>" in shown
        there = hub.place(recommended(), tmp_path)
        there.parent.mkdir(parents=True)
        there.write_bytes(b"GGUF")
        shown = await head_of(index)
        assert "start the page with <code>--llm qwen3-4b</code>" in shown
        assert "models get" not in shown


@pytest.mark.slow
def test_the_page_is_started_with_models_apart(tmp_path: Path) -> None:
    """MiniLM embeds in the page's process, a scripted endpoint answers."""
    (tmp_path / "note.txt").write_text("The harbour closes at nine. Roses are cut in March.")
    with HierarchicalIndex.open(tmp_path / "index", embedding="minilm") as index:
        index.ingest([tmp_path / "note.txt"])
    with StandIn() as server:
        command = [
            *(sys.executable, "-m", "app", "page"),
            *("--llm", f"openai:small@{server.url}", "--embedding", "minilm"),
            *("--port", str(free_port()), "--index", str(tmp_path / "index")),
        ]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            try:
                assert process.stdout is not None
                found = re.search(r"http://\S+", process.stdout.readline())
                assert found
                answer = asked(found[0], "When does the harbour close?")
            finally:
                process.terminate()
                process.wait(60)
    assert answer["answer"] == "All is well."
    assert answer["contexts"][0]["document"] == "note.txt"
    # Nothing was embedded by the endpoint.
    assert server.texts == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "spec", "said"),
    [
        ("--llm", "qwen3-4b", "run `advanced-rag models get qwen3-4b`"),
        ("--embedding", "./none.gguf", "cannot read none.gguf"),
    ],
)
def test_a_model_that_is_not_there_ends_the_start_with_one_line(
    tmp_path: Path, option: str, spec: str, said: str
) -> None:
    where = ("--index", str(tmp_path / "index"), "--cache", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "app", "page", option, spec, *where],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def asked(address: str, question: str) -> dict[str, object]:
    """An answer by the page's endpoint."""
    with httpx.Client(base_url=address, timeout=120) as client:
        call = client.post("/gradio_api/call/ask", json={"data": [question, "parent", 0]})
        events = client.get(f"/gradio_api/call/ask/{call.json()['event_id']}").text
    (told,) = re.findall(r"event: complete\ndata: (.*)", events)
    answer: dict[str, object] = json.loads(told)[0]
    return answer
