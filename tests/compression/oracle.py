"""A language model that knows what is relevant, and says so in every way models do."""

import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LLMMetadata,
)
from llama_index.core.llms import CustomLLM
from pydantic import PrivateAttr

_LINE = re.compile(r"^\[(\d+)\] (.*)$", re.MULTILINE)

Format = Callable[[list[int], dict[int, str]], str]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _or_none(text: str, numbers: Sequence[int], none: str = "None.") -> str:
    return text if numbers else none


# How models put the same answer. `shown` is every numbered line by its number.
FORMATS: dict[str, Format] = {
    "json": lambda n, shown: json.dumps({"keep": n}),
    "json, another key": lambda n, shown: json.dumps({"relevant_sentences": n}),
    "json, bare list": lambda n, shown: json.dumps(n),
    "json, as strings": lambda n, shown: json.dumps({"keep": [f"[{i}]" for i in n]}),
    "json, fenced": lambda n, shown: f"Sure!\n```json\n{json.dumps({'keep': n}, indent=2)}\n```",
    "json, reversed and twice": lambda n, shown: json.dumps({"keep": [*n[::-1], *n]}),
    "json, numbers that don't exist": lambda n, shown: (
        json.dumps({"keep": [*n, 987, 654321]}) if n else '{"keep": []}'
    ),
    "json, with scores": lambda n, shown: json.dumps(
        [{"sentence": i, "relevant": i in n, "score": 0.5} for i in shown]
    ),
    "json, as flags": lambda n, shown: json.dumps({str(i): i in n for i in shown}),
    "json, with reasons": lambda n, shown: json.dumps(
        {"keep": n, "reason": "In 2019 there were 3 of 7, see [1] and sentence 2."}
    ),
    "thoughts first": lambda n, shown: (
        "<think>Maybe 1, or 2? No: " + _listed(list(shown)) + f"</think>\n{json.dumps({'keep': n})}"
    ),
    "thoughts that never end": lambda n, shown: "<think>Let me see, sentence 1 is",
    "words": lambda n, shown: _or_none(f"Sentences {_listed(n)} help.", n),
    "words, and": lambda n, shown: _or_none(
        "Sentences " + " and ".join(map(str, n)) + " are relevant.", n
    ),
    "ranges": lambda n, shown: _or_none(", ".join(f"{i}-{i}" for i in n), n),
    "numbers only": lambda n, shown: _or_none(_listed(n), n, "NO_OUTPUT."),
    "a list": lambda n, shown: _or_none("\n".join(f"{i}." for i in n), n, "none"),
    "bullets": lambda n, shown: _or_none("\n".join(f"- [{i}]" for i in n), n, "- none"),
    "bold": lambda n, shown: _or_none("\n".join(f"**{i}**" for i in n), n, "**None**"),
    "copied with numbers": lambda n, shown: _or_none(
        "\n".join(f"[{i}] {shown[i]}" for i in n), n, "NO_OUTPUT"
    ),
    "copied as a list": lambda n, shown: _or_none(
        "\n".join(f"{i}. {shown[i]}" for i in n), n, "N/A"
    ),
    "copied without numbers": lambda n, shown: _or_none(
        "\n\n".join(shown[i] for i in n), n, "NO_OUTPUT"
    ),
    "copied into json": lambda n, shown: json.dumps({"keep": [shown[i] for i in n]}),
    "xml": lambda n, shown: _or_none("".join(f"<{i}>" for i in n), n),
    "breaks off": lambda n, shown: '{"keep": [' + "".join(f"{i}, " for i in n),
    "breaks off in a number": lambda n, shown: (
        '{"keep": [' + "".join(f"{i}, " for i in n[:-1]) + (str(n[-1])[:1] if n else "")
    ),
    "counts from 0": lambda n, shown: json.dumps({"keep": [i - 1 for i in n]} if 1 in n else n),
    "says nothing": lambda n, shown: "",
    "chats": lambda n, shown: "What a lovely question! I am only a language model.",
    "runs wild": lambda n, shown: "[" * 40_000 + "{" * 40_000,
    "repeats itself": lambda n, shown: '{"keep": [' + "7, " * 20_000,
    "not a number": lambda n, shown: '{"keep": [NaN, Infinity, -1e999]}',
    "binary": lambda n, shown: "\x00\ud800\u202e" * 100,
}


class OracleLLM(CustomLLM):
    """Knows which numbered lines are relevant, and answers in a format of `FORMATS`.

    Attributes:
        prompts: what it was asked.
        most_at_once: the most calls that were in flight together.
    """

    context_window: int = 8192
    seconds: float = 0.0
    _relevant: Callable[[str], bool] = PrivateAttr()
    _format: Format = PrivateAttr()
    _prompts: list[str] = PrivateAttr(default_factory=list)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)
    _now: int = PrivateAttr(default=0)
    _most: int = PrivateAttr(default=0)

    def __init__(
        self, relevant: Callable[[str], bool], format: str | Format = "json", **fields: Any
    ) -> None:
        super().__init__(**fields)
        self._relevant = relevant
        self._format = FORMATS[format] if isinstance(format, str) else format

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(context_window=self.context_window, model_name="oracle")

    @property
    def prompts(self) -> list[str]:
        return self._prompts

    @property
    def most_at_once(self) -> int:
        return self._most

    def answer(self, prompt: str) -> str:
        shown = {int(number): text for number, text in _LINE.findall(prompt)}
        return self._format([n for n, text in shown.items() if self._relevant(text)], shown)

    def chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponse:
        prompt = messages[-1].content or ""
        with self._lock:
            self._prompts.append(prompt)
            self._now += 1
            self._most = max(self._most, self._now)
        time.sleep(self.seconds)
        with self._lock:
            self._now -= 1
        answer = self.answer(prompt)
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(answer.split())}
        return ChatResponse(
            message=ChatMessage(role="assistant", content=answer), raw={"usage": usage}
        )

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        raise AssertionError("judges chat")

    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
        raise AssertionError("judges chat")
