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

from collections.abc import Iterator
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    TextBlock,
    ThinkingBlock,
)

from indexes.answers import Finish
from indexes.models.thoughts import Piece, Splitter
from indexes.models.usage import usage_of

# Our own word in a response that takes back what was streamed before: it was thinking.
RETRACTED = "retracted"

_FIELDS = ("reasoning_content", "reasoning", "thinking")
_CUT = {
    "length", "max_tokens", "max_output_tokens", "max_length", "model_length", "token_limit",
    "model_context_window_exceeded",
}  # fmt: skip
_FILTERED = {
    "content_filter", "content_filtered", "safety", "recitation", "blocklist",
    "prohibited_content", "guardrail_intervened", "refusal", "spii", "sensitive",
}  # fmt: skip
_FAILED = {
    "error", "abort", "aborted", "cancelled", "malformed_function_call",
    "insufficient_system_resource", "network_error", "timeout", "interrupted",
}  # fmt: skip
_TOOLS = {"tool_calls", "tool_use", "function_call"}


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
        if self.spent and self.reason not in _CUT and self.reason:
            return "thinking", (
                "nothing came but thoughts: ask again; where that does not help, the server takes "
                "answers for thoughts, and its reasoning parser does not fit the model"
            )
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
        if not self.text.strip() and self.reason in _TOOLS:
            return "broken", "the model called a tool, and was offered none: ask another model"
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
