"""Does the page stay responsive while somebody uploads files that are made to stop it?

    python -m tests.benchmarks.hostile FOLDER [--json]

Serves the page with a scripted model. One visitor uploads all files of FOLDER at once in a
browser, another asks question after question, and meanwhile `GET /` is asked for again and
again. Prints what became of each file, and the slowest answers:

- slowest: to `GET /`;
- loop: what the page's event loop was late by, at most;
- machine: of a server that does nothing, in a process of its own, asked in turn with the page.
  What that one takes is the machine's and the measurement's doing, not the page's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from gradio_client import Client

from tests.benchmarks.page import scripted_server
from tests.page.running import browser

_PAUSE = 0.05
_PATIENCE_MS = 600_000
_SECONDS_TO_SETTLE = 2
_IDLE = """
import http.server, sys
class Idle(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Idle)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@contextmanager
def _idle_server() -> Iterator[str]:
    command = [sys.executable, "-c", _IDLE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


class _Visits:
    """`GET /` of the page and of the idle server, and another visitor's questions, until ended."""

    def __init__(self, address: str, idle: str) -> None:
        self.page: list[float] = []
        self.machine: list[float] = []
        self.answers = 0
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._poll, args=(address, idle)),
            threading.Thread(target=self._ask, args=(address,)),
        ]

    def __enter__(self) -> "_Visits":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _poll(self, address: str, idle: str) -> None:
        with httpx.Client(timeout=None) as client:
            while not self._over.is_set():
                for url, waits in ((address, self.page), (idle, self.machine)):
                    started = time.perf_counter()
                    client.get(url).raise_for_status()
                    waits.append(time.perf_counter() - started)
                time.sleep(_PAUSE)

    def _ask(self, address: str) -> None:
        client = Client(address, verbose=False)
        while not self._over.is_set():
            client.predict("What of the cloud?", "parent", api_name="/ask")
            self.answers += 1


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    given = parser.parse_args()
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    files = sorted(path for path in given.folder.iterdir() if path.suffix not in (".py", ""))
    with tempfile.TemporaryDirectory() as folder:
        beats = Path(folder) / "beats"
        with (
            scripted_server(beats) as (address, _),
            _idle_server() as idle,
            browser() as opened,
        ):
            page = opened.new_page()
            page.goto(address)
            page.get_by_role("tab", name="Documents").click()
            # A browser that starts takes the whole machine.
            time.sleep(_SECONDS_TO_SETTLE)
            beats.unlink()
            started = time.perf_counter()
            with _Visits(address, idle) as visits:
                page.locator("#upload input[type=file]").set_input_files(files)
                page.locator(".uploads[aria-busy=true]").wait_for(timeout=_PATIENCE_MS)
                page.locator(".uploads:not([aria-busy=true])").wait_for(timeout=_PATIENCE_MS)
                told = page.locator(".uploads li").all_inner_texts()
            seconds = time.perf_counter() - started
            late = float(beats.read_text())
    for line in told:
        print(" ".join(line.split())[:160])
    figures = {
        "files": len(files),
        "seconds": round(seconds, 1),
        "answers": visits.answers,
        "requests": len(visits.page),
        "median_ms": round(statistics.median(visits.page) * 1000, 1),
        "slowest_ms": round(max(visits.page) * 1000, 1),
        "loop_ms": round(late * 1000, 1),
        "machine_ms": round(max(visits.machine) * 1000, 1),
        "load": round(os.getloadavg()[0], 1),
    }
    print("\n".join(f"{name:12} {value}" for name, value in figures.items()))
    if given.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
