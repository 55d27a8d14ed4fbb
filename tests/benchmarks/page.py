"""The page under load, and how long it takes to be there.

    python -m tests.benchmarks.page [--visitors 32] [--questions 500] [--json]

Three things are measured:

- ready: from `python -m app page` to a page that answers HTTP, and to the first word of an
  answer of the local models; packages installed, models converted, samples indexed.
- load: visitors, each with a `gradio_client` of its own, ask at once. The model is scripted:
  so many answers at a time, so many seconds each, whatever the processor does. Their product
  is what the visitors would wait if the page cost nothing. Each answer repeats the visitor's
  question and quotes its passage: an answer that has another's is cross-talk. Then the same
  as a browser does it, with two lanes each (`compare`), while one visitor uploads throughout.
- memory: the server's resident memory over many more questions.
"""

import argparse
import asyncio
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms import CustomLLM

from app.samples import LETTERS
from tests.page.fakes import WordEmbedding

# The scripted model: a server with eight slots and a quick GPU.
SLOTS = 8
FIRST_WORD_SECONDS = 0.5
WORDS = 60
SECONDS_PER_WORD = 0.025
ANSWER_SECONDS = FIRST_WORD_SECONDS + WORDS * SECONDS_PER_WORD
STARTS = 3
BEAT_SECONDS = 0.01


class SlottedLLM(CustomLLM):
    """Answers so many at a time, at a known speed, with the question that it was asked."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="Slotted-1", context_window=8192, num_output=256)

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        return CompletionResponse(text="ready")

    def stream_complete(
        self, prompt: str, formatted: bool = False, **_: Any
    ) -> CompletionResponseGen:
        raise NotImplementedError

    async def astream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponseAsyncGen:
        question = str(messages[-1].content).rsplit("Question: ", 1)[-1].splitlines()[0]

        async def words() -> ChatResponseAsyncGen:
            async with _slots():
                await asyncio.sleep(FIRST_WORD_SECONDS)
                for number in range(WORDS):
                    await asyncio.sleep(SECONDS_PER_WORD)
                    piece = f"{question} [1] " if number == 0 else "word "
                    yield ChatResponse(message=ChatMessage(content=piece), delta=piece)

        return words()


_semaphores: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


def _slots() -> asyncio.Semaphore:
    return _semaphores.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(SLOTS))


# The server, in a process of its own


def serve_scripted(folder: str, beats: Path | None = None) -> None:
    """Serve the sample letters with the scripted model until someone ends the process.

    Args:
        folder: where the index is to be
        beats: where to write how many seconds late the event loop was at most
    """
    from app.page.opening import Opening
    from app.page.server import serve
    from indexes.index import HierarchicalIndex
    from indexes.settings import Settings

    # The provider says how many answers are asked for at once; nothing is asked of it.
    settings = Settings(index=folder, provider="openai", base_url="http://localhost:9", budget=1024)
    with HierarchicalIndex(settings, embedding=WordEmbedding(), llm=SlottedLLM()) as index:
        index.ingest([LETTERS])

        def ready(address: str) -> None:
            if beats is not None:
                _beating.append(asyncio.get_running_loop().create_task(_beat(beats)))
            print(address, flush=True)

        serve(Opening.of(index), port=0, on_ready=ready)


_beating: list[asyncio.Task[None]] = []


async def _beat(beats: Path) -> None:
    """Sleep a little again and again, and write down the longest time that it took too long.

    Whoever deletes the file begins anew.
    """
    latest = 0.0
    while True:
        started = time.perf_counter()
        await asyncio.sleep(BEAT_SECONDS)
        late = time.perf_counter() - started - BEAT_SECONDS
        if late > latest or not beats.exists():
            latest = late
            beats.write_text(str(latest))


@contextmanager
def scripted_server(beats: Path | None = None) -> Iterator[tuple[str, int]]:
    """The address and the process id of a page with the scripted model.

    Args:
        beats: where the page is to write how many seconds late its event loop was at most
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.benchmarks.page", "--serve", f"{folder}/index"]
        command += ["--beats", str(beats)] if beats else []
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                yield process.stdout.readline().strip(), process.pid
            finally:
                process.terminate()


def resident_mb(pid: int) -> float:
    """What a process has in memory, of its own and mapped."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


# Load


def asked_at_once(address: str, visitors: int) -> dict[str, Any]:
    """All visitors ask at once through the endpoint `ask`."""
    with ThreadPoolExecutor(visitors) as threads:
        clients = list(threads.map(lambda _: Client(address, verbose=False), range(visitors)))
        start = threading.Barrier(visitors + 1)

        def ask(client: Client) -> tuple[bool, bool]:
            token = uuid.uuid4().hex
            start.wait()
            answer = client.predict(f"What of {token} in the cloud?", "parent", api_name="/ask")
            others = set(re.findall(r"[0-9a-f]{32}", answer["answer"])) - {token}
            whole = answer["answer"].count("word") == WORDS - 1 and bool(answer["contexts"])
            return whole and token in answer["answer"], bool(others)

        asked = [threads.submit(ask, client) for client in clients]
        start.wait()
        started = time.perf_counter()
        outcomes = [future.result() for future in asked]
        seconds = time.perf_counter() - started
    for client in clients:
        client.close()
    return _load(outcomes, seconds, visitors)


def compared_at_once(address: str, visitors: int) -> dict[str, Any]:
    """All visitors compare two lanes at once, speaking as the page in a browser does."""

    async def visit(start: asyncio.Event, functions: dict[str, int]) -> tuple[bool, bool]:
        token = uuid.uuid4().hex
        async with Browser(address, functions) as browser:
            await start.wait()
            question = f"What of {token} in the cloud?"
            patterns = [["regular"], ["parent"], [], [], []]
            settings = [1024, 50, "hybrid", 0.5, "auto"]
            asked = [question, *patterns, [], False, *settings]
            await browser.run((functions["begin"], asked))
            streams = ("run", "run_1", "follow")
            *lanes, _ = await browser.run(*((functions[name], []) for name in streams))
        text = "".join(lanes)
        others = set(re.findall(r"(?<!-)\b[0-9a-f]{32}\b", text)) - {token}
        whole = all('class="answer done"' in lane and token in lane for lane in lanes)
        return whole, bool(others)

    async def upload(functions: dict[str, int], uploaded: list[int]) -> None:
        async with Browser(address, functions) as browser:
            while True:
                name = f"{uuid.uuid4().hex}.txt"
                (said,) = await browser.upload(name, f"The harbour of {name}. " * 400)
                uploaded.append("added" in said)

    async def all_visits() -> tuple[list[tuple[bool, bool]], float, int]:
        async with httpx.AsyncClient(base_url=address) as client:
            functions = _functions((await client.get("/config")).json())
        start = asyncio.Event()
        uploaded: list[int] = []
        uploading = asyncio.create_task(upload(functions, uploaded))
        visits = [asyncio.create_task(visit(start, functions)) for _ in range(visitors)]
        await asyncio.sleep(1)
        started = time.perf_counter()
        start.set()
        outcomes = await asyncio.gather(*visits)
        seconds = time.perf_counter() - started
        uploading.cancel()
        await asyncio.wait({uploading})
        if not uploading.cancelled():
            uploading.result()
        return outcomes, seconds, sum(uploaded)

    outcomes, seconds, uploads = asyncio.run(all_visits())
    return {**_load(outcomes, seconds, 2 * visitors), "uploads": uploads}


def _functions(config: dict[str, Any]) -> dict[str, int]:
    """The numbers of the page's functions, by their names."""
    return {row["api_name"]: row["id"] for row in config["dependencies"] if row["backend_fn"]}


class Browser:
    """Speaks Gradio's queue protocol with a cookie and a session of its own."""

    def __init__(self, address: str, functions: dict[str, int]) -> None:
        self._client = httpx.AsyncClient(base_url=address, timeout=300)
        self._session = uuid.uuid4().hex[:10]
        self._functions = functions

    async def __aenter__(self) -> "Browser":
        await self._client.get("/")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def upload(self, name: str, text: str) -> list[str]:
        """Add a file to the documents, as a drop on the Documents tab does."""
        sent = await self._client.post(
            "/gradio_api/upload", files={"files": (name, text.encode(), "text/plain")}
        )
        (path,) = sent.raise_for_status().json()
        file = {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
        return await self.run((self._functions["add"], [[file], False]))

    async def run(self, *calls: tuple[int, list[Any]]) -> list[str]:
        """Call functions at the same time; returns everything that each said."""
        events: list[str] = []
        for function, data in calls:
            body = {
                "data": data,
                "fn_index": function,
                "session_hash": self._session,
                "event_data": None,
                "trigger_id": None,
            }
            joined = await self._client.post("/gradio_api/queue/join", json=body)
            events.append(joined.raise_for_status().json()["event_id"])
        said: dict[str, list[str]] = {event: [] for event in events}
        left = set(events)
        data_of_all = f"/gradio_api/queue/data?session_hash={self._session}"
        async with self._client.stream("GET", data_of_all) as stream:
            async for line in stream.aiter_lines():
                message = json.loads(line[5:]) if line.startswith("data:") else {}
                event = message.get("event_id")
                if event in said:
                    output = json.dumps(message.get("output", ""), ensure_ascii=False)
                    said[event].append(output.replace('\\"', '"'))
                    left -= {event} if message["msg"] == "process_completed" else set()
                if not left:
                    break
        return ["".join(parts) for parts in said.values()]


def _load(outcomes: list[tuple[bool, bool]], seconds: float, answers: int) -> dict[str, Any]:
    ideal = -(-answers // SLOTS) * ANSWER_SECONDS
    return {
        "answered": sum(whole for whole, _ in outcomes),
        "cross_talk": sum(mixed for _, mixed in outcomes),
        "seconds": round(seconds, 2),
        "ideal_seconds": round(ideal, 2),
        "ratio_to_ideal": round(seconds / ideal, 3),
    }


def growth_mb(address: str, pid: int, questions: int, visitors: int) -> tuple[float, float]:
    """Resident memory after a first tenth of the questions, and what all add to it."""
    first = max(visitors, questions // 10)

    def ask(count: int) -> None:
        with ThreadPoolExecutor(visitors) as threads:
            clients = list(threads.map(lambda _: Client(address, verbose=False), range(visitors)))
            jobs = [
                threads.submit(
                    clients[number % visitors].predict,
                    f"What of number {number} in the cloud?",
                    "parent",
                    api_name="/retrieve" if number % 4 else "/ask",
                )
                for number in range(count)
            ]
            for job in jobs:
                job.result()
            for client in clients:
                client.close()

    ask(first)
    before = resident_mb(pid)
    ask(questions)
    return before, resident_mb(pid) - before


# Ready


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, as it would take on an idle core."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start_seconds(folder: Path) -> tuple[float, float]:
    """From starting the command to a page that answers, on the clock and of the processor.

    The samples are indexed already.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "app", "page", str(LETTERS), "--port", str(port)]
    started = time.perf_counter()
    with subprocess.Popen(
        [*command, "--index", str(folder / "index")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            while True:
                try:
                    if httpx.get(f"http://127.0.0.1:{port}/").status_code == 200:
                        return time.perf_counter() - started, cpu_seconds(process.pid)
                except httpx.TransportError:
                    time.sleep(0.05)
        finally:
            process.terminate()


def local_start(starts: int) -> dict[str, float]:
    """Medians over some starts, and the first word of `regular` by the local models."""
    from indexes.answers import Word
    from indexes.index import HierarchicalIndex

    with tempfile.TemporaryDirectory() as folder:
        with HierarchicalIndex.open(Path(folder) / "index") as index:
            index.ingest([LETTERS])
            index.embedding.get_query_embedding("warm up")
            index.llm.complete("warm up", max_tokens=1)
            first_words = []
            for question in ("How did the cloud business evolve?", "What happened to Bosun?"):
                started = time.perf_counter()
                events = index.stream(question, "regular")
                next(event for event in events if isinstance(event, Word))
                first_words.append(time.perf_counter() - started)
                events.close()
        ready = [start_seconds(Path(folder)) for _ in range(starts)]
    return {
        "ready_seconds": round(statistics.median(seconds for seconds, _ in ready), 2),
        "ready_cpu_seconds": round(statistics.median(cpu for _, cpu in ready), 2),
        "first_token_seconds": round(statistics.median(first_words), 2),
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=32)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--starts", type=int, default=STARTS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--beats", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve_scripted(given.serve, given.beats)
        return
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    figures: dict[str, Any] = local_start(given.starts) if given.starts else {}
    with scripted_server() as (address, pid):
        figures |= {"visitors": given.visitors, **asked_at_once(address, given.visitors)}
        figures["compare"] = compared_at_once(address, given.visitors)
        figures["rss_mb"], figures["rss_growth_mb"] = (
            round(value, 1) for value in growth_mb(address, pid, given.questions, given.visitors)
        )
    load = os.getloadavg()[0]
    for name, value in figures.items():
        print(f"{name:22} {value}")
    print(f"{'load average':22} {load:.1f} on {os.cpu_count()} cores")
    if given.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
