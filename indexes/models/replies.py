"""What a language model replied: words of the answer, thoughts before it, and how it ended.

    reading = Reading()
    for response in llm.stream_chat(messages):
        piece = reading.take(response)
        print(piece.words, end="")
    reading.end()
    reading.text, reading.thinking, reading.finish

Of any LlamaIndex LLM. Thoughts come as `<think>…</think>` in the text, whose opening some chat
templates keep to themselves; as `thinking_delta` or blocks of LlamaIndex's; as
`reasoning_content` or `reasoning` beside OpenAI's `content`; and are no part of an answer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    TextBlock,
    ThinkingBlock,
)

from indexes.answers import Finish
from indexes.models.usage import usage_of

# Our own word in a response that takes back what was streamed before: it was thinking.
RETRACTED = "retracted"

_NAME = r"(?:think|thinking|thought|reasoning|seed:think)"
_OPENING = re.compile(rf"<{_NAME}>|\[THINK\]", re.IGNORECASE)
_CLOSING = re.compile(rf"</{_NAME}>|\[/THINK\]", re.IGNORECASE)
_TAGS = [
    f"{start}{name}>"
    for name in ("think", "thinking", "thought", "reasoning", "seed:think")
    for start in ("<", "</")
] + ["[think]", "[/think]"]
_LONGEST_TAG = max(map(len, _TAGS))

_FIELDS = ("reasoning_content", "reasoning", "thinking")
_CUT = {"length", "max_tokens", "max_output_tokens", "model_length", "token_limit"}
_FILTERED = {
    "content_filter", "content_filtered", "safety", "recitation", "blocklist",
    "prohibited_content", "guardrail_intervened", "refusal", "spii",
}  # fmt: skip
_FAILED = {
    "error", "abort", "aborted", "cancelled", "malformed_function_call",
    "insufficient_system_resource",
}  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """What a response adds.

    Attributes:
        words: of the answer
        thoughts: before it
        retracted: whether all words before these were thoughts
    """

    words: str = ""
    thoughts: str = ""
    retracted: bool = False


class Splitter:
    """Parts text that comes in pieces into words and thoughts.

    Thoughts are what stands before the last closing tag, and after an opening one at the
    beginning of an answer.

    Args:
        thinking: whether it begins with thoughts, without a tag that says so
    """

    def __init__(self, *, thinking: bool = False) -> None:
        self.text = ""
        self.thoughts = ""
        self.untagged = False
        self._guessed = self._thinking = thinking
        self._beginning = True
        self._closed = False
        self._blank = ""
        self._held = ""

    def add(self, piece: str) -> Piece:
        """Take in the next piece; the beginning of what may be a tag is held back."""
        self._held += piece
        before = self.text
        words = thoughts = ""
        retracted = False
        while True:
            if self._beginning and not self._thinking and self._opens():
                continue
            if closings := list(_CLOSING.finditer(self._held)):
                if not self._thinking:
                    thoughts += before + self._blank
                    retracted = True
                self.untagged |= retracted or self._guessed
                thoughts += self._close(closings)
            elif self._thinking:
                thoughts += self._released()
                break
            elif self._beginning and _may_open(self._held):
                break
            else:
                if ready := self._released():
                    words += self._blank + ready
                    self._blank, self._beginning = "", False
                break
        self.text = words if retracted else before + words
        self.thoughts += thoughts
        return Piece(words, thoughts, retracted)

    def end(self) -> Piece:
        """What was held back, when nothing more comes."""
        held, self._held = self._blank + self._held, ""
        self._blank = ""
        if self._thinking and self._guessed:
            # It did not think this time.
            self.text, self.thoughts = self.thoughts + held, ""
            return Piece(self.text)
        if self._thinking:
            self.thoughts += held
            return Piece(thoughts=held)
        self.text += held
        return Piece(held)

    def _opens(self) -> bool:
        """Whether an answer begins with thoughts; blanks before either are put aside."""
        rest = self._held.lstrip()
        if not self._closed:
            self._blank += self._held[: len(self._held) - len(rest)]
        self._held = rest
        opening = _OPENING.match(rest)
        if opening is None:
            return False
        self._held, self._blank = rest[opening.end() :], ""
        self._thinking, self._guessed = True, False
        return True

    def _close(self, closings: list[re.Match[str]]) -> str:
        """End the thoughts at the last of some closing tags, and give what there are to it."""
        said = [self._held[: closings[0].start()]]
        for before, after in pairwise(closings):
            part = self._held[before.end() : after.start()].lstrip()
            opening = _OPENING.match(part)
            self.untagged |= opening is None
            said.append(part[opening.end() :] if opening else part)
        self._held = self._held[closings[-1].end() :].lstrip()
        self._blank = ""
        self._thinking, self._guessed = False, False
        self._beginning = self._closed = True
        return "".join(said)

    def _released(self) -> str:
        """What is held, but for an end that may be the beginning of a tag."""
        keep = next(
            (
                size
                for size in range(min(_LONGEST_TAG, len(self._held)), 0, -1)
                if _begins_tag(self._held[-size:])
            ),
            0,
        )
        cut = len(self._held) - keep
        ready, self._held = self._held[:cut], self._held[cut:]
        return ready


class Reading:
    """Reads a model's responses: those of a stream one after another, or a whole one.

    Args:
        thinking: whether the model begins with thoughts without saying so
    """

    def __init__(self, *, thinking: bool = False) -> None:
        self._splitter = Splitter(thinking=thinking)
        self._said = ""
        self._apart = ""
        self.reason = ""
        self.usage = (0, 0)

    @property
    def text(self) -> str:
        """The answer so far."""
        return self._splitter.text

    @property
    def thinking(self) -> str:
        """The thoughts so far."""
        return self._apart + self._splitter.thoughts

    @property
    def untagged(self) -> bool:
        """Whether thoughts ended that had not been opened."""
        return self._splitter.untagged

    @property
    def spent(self) -> bool:
        """Whether nothing came but thoughts, seen or unseen."""
        return not self.text.strip() and (bool(self.thinking.strip()) or self.reason in _CUT)

    def take(
        self, response: ChatResponse | CompletionResponse, *, whole_text: bool = False
    ) -> Piece:
        """Add a response, and return what is new in it.

        Args:
            response: the next one
            whole_text: it has all of the text, whatever it calls new
        """
        # The figures may come in a chunk of their own, with or after the last words.
        self.usage = max(self.usage, usage_of(response))
        self.reason = _reason(response) or self.reason
        thoughts = self._thoughts(response)
        self._apart += thoughts
        retracted = bool(response.additional_kwargs.get(RETRACTED))
        if retracted:
            # Its thoughts are all that was said before.
            self._splitter.text = self._said = ""
        whole = response.text if isinstance(response, CompletionResponse) else _content(response)
        words = None if whole_text else response.delta
        if not words and whole.startswith(self._said):
            # Some models tell all that there is so far, and not what is new.
            words = whole[len(self._said) :]
        self._said += words or ""
        piece = self._splitter.add(words or "")
        return Piece(piece.words, thoughts + piece.thoughts, piece.retracted or retracted)

    def end(self) -> Piece:
        """What was held back, when nothing more comes."""
        return self._splitter.end()

    def finish(self, broken: str = "") -> tuple[Finish, str]:
        """How the reply ended, and what to do about it in words, empty if nothing.

        Args:
            broken: why it broke off, if it did
        """
        if broken:
            return "broken", f"the answer broke off ({broken})"
        if self.reason in _FILTERED:
            return "broken", "a content filter ended the answer: ask in other words"
        if self.reason in _FAILED:
            return "broken", f"the model ended with {self.reason!r}: ask again"
        if self.spent:
            return "thinking", (
                "the model spent all it may say on thinking and gave no answer: raise "
                "RAG_MAX_ANSWER_TOKENS (max_tokens of a model of your own), or have it think "
                'less, as by RAG_EXTRA_BODY={"reasoning_effort": "low"}'
            )
        if self.reason in _CUT:
            return "length", (
                "the answer was cut at the most that the model may say: raise "
                "RAG_MAX_ANSWER_TOKENS (max_tokens of a model of your own)"
            )
        if not self.text.strip():
            return "broken", (
                "the model said nothing: ask again; where that does not help, it may read less "
                "than it was shown: lower RAG_BUDGET"
            )
        return "stop", ""

    def _thoughts(self, response: ChatResponse | CompletionResponse) -> str:
        """Thoughts that a response has apart from its text, and that are new."""
        given = response.additional_kwargs.get("thinking_delta")
        if isinstance(given, str):
            return given
        delta = _get(_choice(response.raw), "delta")
        if found := next((t for t in _texts(delta, _FIELDS)), ""):
            return found
        whole = next(_whole_thoughts(response), "")
        return whole[len(self._apart) :] if whole.startswith(self._apart) else ""


def read(response: ChatResponse | CompletionResponse, *, thinking: bool = False) -> Reading:
    """A whole response, read."""
    reading = Reading(thinking=thinking)
    reading.take(response, whole_text=True)
    reading.end()
    return reading


def without_thoughts(text: str) -> str:
    """The answer in a text that may begin with thoughts."""
    splitter = Splitter()
    splitter.add(text)
    splitter.end()
    return splitter.text


def separated(response: ChatResponse, reading: Reading, piece: Piece) -> ChatResponse:
    """Return a response whose text is the answer; thoughts and finish reason lie beside."""
    blocks: list[Any] = [ThinkingBlock(content=reading.thinking)] if reading.thinking else []
    beside: dict[str, Any] = {
        **response.additional_kwargs,
        "thinking_delta": piece.thoughts,
        **({RETRACTED: True} if piece.retracted else {}),
        **({"finish_reason": reading.reason} if reading.reason else {}),
    }
    tools = [block for block in response.message.blocks if not _is_text(block)]
    return ChatResponse(
        message=ChatMessage(
            role=response.message.role,
            blocks=[*blocks, TextBlock(text=reading.text), *tools],
            additional_kwargs=response.message.additional_kwargs,
        ),
        delta=piece.words,
        raw=response.raw,
        logprobs=response.logprobs,
        additional_kwargs=beside,
    )


def _is_text(block: Any) -> bool:
    return isinstance(block, TextBlock | ThinkingBlock)


def _content(response: ChatResponse) -> str:
    content = response.message.content
    return content if isinstance(content, str) else ""


def _whole_thoughts(response: ChatResponse | CompletionResponse) -> Iterator[str]:
    yield from _texts(response.additional_kwargs, ("thinking",))
    if isinstance(response, ChatResponse):
        blocks = response.message.blocks
        said = [block.content or "" for block in blocks if isinstance(block, ThinkingBlock)]
        if any(said):
            yield "".join(said)
        yield from _texts(response.message.additional_kwargs, _FIELDS)
    yield from _texts(_get(_choice(response.raw), "message"), _FIELDS)


def _reason(response: ChatResponse | CompletionResponse) -> str:
    """Why a response is the last one, in small letters; empty where it is not."""
    raw = response.raw
    candidates = _get(raw, "candidates")
    first = candidates[0] if isinstance(candidates, list) and candidates else None
    places = (
        (response.additional_kwargs, "finish_reason"),
        (_choice(raw), "finish_reason"),
        (raw, "stop_reason"),
        (raw, "stopReason"),
        (raw, "done_reason"),
        (first, "finish_reason"),
        (first, "finishReason"),
    )
    for place, name in places:
        found = _get(place, name)
        found = getattr(found, "name", found)
        if isinstance(found, str) and found:
            # Gemini tells what the filter found behind a colon.
            return found.lower().partition(":")[0]
    return ""


def _choice(raw: Any) -> Any:
    choices = _get(raw, "choices")
    return choices[0] if isinstance(choices, list) and choices else None


def _texts(value: Any, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        found = _get(value, name)
        if isinstance(found, str) and found:
            yield found


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


def _begins_tag(text: str) -> bool:
    text = text.lower()
    return any(tag.startswith(text) for tag in _TAGS)


def _may_open(text: str) -> bool:
    """Whether a beginning may still become an opening tag."""
    return len(text) < _LONGEST_TAG and _begins_tag(text) if text else True
