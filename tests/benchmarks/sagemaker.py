"""How calls of a SageMaker endpoint overlap: ours, async and in threads, beside the stock class.

    python -m tests.benchmarks.sagemaker [--calls 48] [--seconds 0.2] [--rounds 5] [--json]

The endpoint is a server in a process of its own that answers each call after `--seconds`,
48 or 8 at a time. One untimed round opens the connections; medians of the others. The
stock class has no async form, so it is called from as many threads, and one by one. The
compressor judges as many passages, a call each, from sync code and async.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_ANSWER = b'[{"generated_text": "PPall is well"}]'


async def serve(slots: int, seconds: float) -> None:
    """An endpoint with so many slots, on any port; prints it."""
    free = asyncio.Semaphore(slots)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = request.split(b"content-length:")[1].split(b"\r\n")[0]
                await reader.readexactly(int(length))
                async with free:
                    await asyncio.sleep(seconds)
                writer.write(head % len(_ANSWER) + _ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def seconds_of(run: Callable[[], Any], rounds: int) -> float:
    """The median of some rounds, after one that does not count."""
    run()
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken), 4)


def measure(slots: int, options: argparse.Namespace) -> dict[str, float]:
    """All ways of asking, at an endpoint with so many slots."""
    from llama_index.core.schema import NodeWithScore, TextNode
    from llama_index.llms.sagemaker_endpoint import SageMakerLLM

    from indexes.compression.filter import PassageFilter
    from indexes.compression.llm_judge import LLMJudge
    from indexes.models.sagemaker.llm import EndpointLLM

    command = [sys.executable, "-m", "tests.benchmarks.sagemaker", "--serve", str(slots)]
    command += ["--seconds", str(options.seconds)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        os.environ["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] = url
        ours = EndpointLLM("e", concurrency=options.calls)
        stock = SageMakerLLM("e")
        prompts = [f"question {number}" for number in range(options.calls)]

        compressor = PassageFilter(LLMJudge(ours, packing="each", at_once=options.calls))
        nodes = [NodeWithScore(node=TextNode(text=prompt)) for prompt in prompts]

        async def together() -> None:
            await asyncio.gather(*[ours.acomplete(prompt) for prompt in prompts])

        def compress() -> None:
            assert len(compressor.postprocess_nodes(nodes, query_str="?")) == len(nodes)

        async def acompress() -> None:
            kept = await compressor.apostprocess_nodes(nodes, query_str="?")
            assert len(kept) == len(nodes)

        with ThreadPoolExecutor(options.calls) as threads, asyncio.Runner() as runner:
            return {
                "ours_async_seconds": seconds_of(lambda: runner.run(together()), options.rounds),
                "ours_sync_seconds": seconds_of(
                    lambda: list(threads.map(ours.complete, prompts)), options.rounds
                ),
                "compressor_sync_seconds": seconds_of(compress, options.rounds),
                "compressor_async_seconds": seconds_of(
                    lambda: runner.run(acompress()), options.rounds
                ),
                "stock_threads_seconds": seconds_of(
                    lambda: list(threads.map(stock.complete, prompts)), options.rounds
                ),
                "stock_one_by_one_seconds": seconds_of(
                    lambda: [stock.complete(prompt) for prompt in prompts], 1
                ),
                "ideal_seconds": round(-(-options.calls // slots) * options.seconds, 4),
            }
    finally:
        server.kill()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=48)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.serve, options.seconds))
        return
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
    found = {f"slots_{slots}": measure(slots, options) for slots in (48, 8)}
    for name, figures in found.items():
        print(name)
        for way, taken in figures.items():
            times = taken / figures["ideal_seconds"]
            print(f"  {way.removesuffix('_seconds'):18} {taken:7.3f} s  {times:5.2f} × ideal")
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
