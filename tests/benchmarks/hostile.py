"""Does the page stay responsive while somebody uploads files that are made to stop it?

    python -m tests.benchmarks.hostile FOLDER [--json]

Serves the page with a scripted model, uploads all files of FOLDER at once in a browser, and
meanwhile asks for `GET /` again and again. Prints what became of each file, and the slowest
answer to `GET /`.
"""

import argparse
import json
import statistics
import threading
import time
from pathlib import Path

import httpx

from tests.benchmarks.page import scripted_server
from tests.page.running import browser

_PAUSE = 0.05
_PATIENCE_MS = 600_000


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    given = parser.parse_args()
    files = sorted(path for path in given.folder.iterdir() if path.suffix not in (".py", ""))
    waits: list[float] = []
    over = threading.Event()
    with scripted_server() as (address, _):

        def poll() -> None:
            with httpx.Client(timeout=None) as client:
                while not over.is_set():
                    started = time.perf_counter()
                    client.get(address).raise_for_status()
                    waits.append(time.perf_counter() - started)
                    time.sleep(_PAUSE)

        poller = threading.Thread(target=poll)
        poller.start()
        started = time.perf_counter()
        try:
            with browser() as opened:
                page = opened.new_page()
                page.goto(address)
                page.get_by_role("tab", name="Documents").click()
                page.locator("#upload input[type=file]").set_input_files(files)
                page.locator(".uploads[aria-busy=true]").wait_for(timeout=_PATIENCE_MS)
                page.locator(".uploads:not([aria-busy=true])").wait_for(timeout=_PATIENCE_MS)
                told = page.locator(".uploads li").all_inner_texts()
        finally:
            seconds = time.perf_counter() - started
            over.set()
            poller.join()
    for line in told:
        print(" ".join(line.split())[:160])
    figures = {
        "files": len(files),
        "seconds": round(seconds, 1),
        "requests": len(waits),
        "median_ms": round(statistics.median(waits) * 1000, 1),
        "slowest_ms": round(max(waits) * 1000, 1),
    }
    print("\n".join(f"{name:12} {value}" for name, value in figures.items()))
    if given.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
