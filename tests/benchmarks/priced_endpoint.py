"""An OpenAI-style endpoint that knows the right answers and takes as long as a real one.

Prompts are read one after another at `PREFILL` tokens a second, for they fill the GPU by
themselves; answers are written side by side, each at `DECODE` tokens a second, in up to
`SLOTS` slots. The speeds are those of Mixtral 8x7B Instruct on one A100 under vLLM: Baseten
measured 127 ms to the first token of a 512-token prompt and 81 tokens a second for
TensorRT-LLM, and vLLM 2 to 3 times slower in tokens and 30% in the first token ("Faster
Mixtral inference with TensorRT-LLM and quantization", baseten.co/blog, December 2023).
"""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Self

from indexes.tokens import count_tokens

PREFILL = 512 / (0.127 * 1.3)  # 3,100 tokens a second
DECODE = 81 / 2.5  # 32 tokens a second
SLOTS = 8

_NUMBERED = re.compile(r"^\[(\d+)\] (.*)$", re.MULTILINE)
_LANGCHAIN = re.compile(r">>>\n(.*)\n>>>", re.DOTALL)

Gold = dict[str, list[str]]


def answer(prompt: str, relevant: list[str]) -> str:
    """What a model that knows the relevant sentences would write."""
    plain = {" ".join(sentence.split()) for sentence in relevant}
    if context := _LANGCHAIN.search(prompt):
        found = [sentence for sentence in relevant if sentence in context[1]]
        if "YES" in prompt:
            return "YES" if found else "NO"
        return _copied(context[1], found) or "NO_OUTPUT"
    if "Numbered passages" in prompt:
        kept = [
            int(number)
            for number, text in _NUMBERED.findall(prompt)
            if any(sentence in text for sentence in plain)
        ]
    else:
        kept = [int(number) for number, text in _NUMBERED.findall(prompt) if text in plain]
    return json.dumps(kept, separators=(",", ":"))


def _copied(context: str, sentences: list[str]) -> str:
    """These sentences as they stand; those that follow each other in one piece."""
    copied, done = "", 0
    for start, sentence in sorted((context.index(one), one) for one in sentences):
        between = context[done:start]
        copied += (between if copied and not between.strip() else "\n") + sentence
        done = start + len(sentence)
    return copied.strip()


class PricedEndpoint:
    """Runs in a process of its own, so that whoever asks does not slow it down.

    Args:
        gold: the relevant sentences of each question.
        prefill: prompt tokens a second.
        decode: answer tokens a second.
        slots: answers at a time.
    """

    def __init__(
        self, gold: Gold, *, prefill: float = PREFILL, decode: float = DECODE, slots: int = SLOTS
    ) -> None:
        context = get_context("spawn")
        self._here, there = context.Pipe()
        arguments = (there, gold, prefill, decode, slots)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self.url = f"http://127.0.0.1:{self._here.recv()}/v1"
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        self._process.join()

    def spent(self) -> dict[str, int]:
        """Calls and tokens since the last time this was asked."""
        self._here.send("spent")
        spent: dict[str, int] = self._here.recv()
        return spent


def _serve(pipe: Connection, gold: Gold, prefill: float, decode: float, slots: int) -> None:
    reading, writing, counting = threading.Lock(), threading.Semaphore(slots), threading.Lock()
    spent = {"llm_calls": 0, "input_tokens": 0, "output_tokens": 0}
    questions = sorted(gold, key=len, reverse=True)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            prompt = body["messages"][-1]["content"]
            question = next(question for question in questions if question in prompt)
            text = answer(prompt, gold[question])
            # The end of the answer is a token too, and counted by vLLM and TGI.
            tokens = count_tokens(prompt), count_tokens(text) + 1
            with writing:
                with reading:
                    time.sleep(tokens[0] / prefill)
                time.sleep(tokens[1] / decode)
            with counting:
                spent["llm_calls"] += 1
                spent["input_tokens"] += tokens[0]
                spent["output_tokens"] += tokens[1]
            self.reply(_completion(text, tokens))

        def reply(self, value: dict[str, Any]) -> None:
            data = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments: Any) -> None:
            """Quiet."""

    count_tokens("the vocabulary is loaded before the first request")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pipe.send(server.server_port)
    while pipe.recv() == "spent":
        with counting:
            pipe.send(dict(spent))
            spent.update(dict.fromkeys(spent, 0))


def _completion(text: str, tokens: tuple[int, int]) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "oracle",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": tokens[0],
            "completion_tokens": tokens[1],
            "total_tokens": sum(tokens),
        },
    }
