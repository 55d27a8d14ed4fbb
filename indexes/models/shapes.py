"""An endpoint's answer in the shape that OpenAI's client reads, whatever shape it came in.

    shaped(body)                    # a whole answer, or `EndpointError` with the error that it is
    events = Events()               # a streamed one: bytes in, bytes out
    for data in response.iter_bytes():
        yield events.feed(data)
    yield events.end()

Content comes in parts (Mistral, Databricks), as a refusal beside it, without a delta or a list of
choices; errors come under 200, beside choices, in a choice, as an event of their own, as a line
that is no event; a whole answer comes where a stream was asked for, a page of a proxy's where
either was; and some streams just end.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx

from indexes.models.refusals import title_of

Body = dict[str, Any]

_LONGEST_EVENT = 4_000_000
# Some stream whatever they were asked for.
_LINE = re.compile(rb"\s*(data|event|id|retry)?:")
_BOM = b"\xef\xbb\xbf"
# Words of events that keep a connection open.
_BEAT = re.compile(rb"\W*(null|ping|heart-?beat|keep-?alive)?\W*", re.IGNORECASE)
_DONE = b"data: [DONE]\n\n"
_THOUGHTS = ("thinking", "reasoning", "summary")
_SAID = ("content", "reasoning_content", "reasoning", "refusal")
_DEEPEST = 6
_SHOWN = 120
# What errors under 200 are called that have no number.
_NAMED = (
    (429, "rate.?limit|resource.?exhausted|too.?many|overloaded"),
    (401, "auth|api.?key"),
    (404, "not.?found|unexpected endpoint"),
    (400, "invalid|bad.?request|validation"),
)


class OddAnswerError(ValueError):
    """An answer that is none: no JSON, no choices, no vectors."""


class OddVectorsError(OddAnswerError):
    """Vectors that are none, or not those that were asked for."""


class EndpointError(Exception):
    """An error that came as an answer.

    Args:
        error: as OpenAI would send it: `{"error": {"message": …}}`
        status: that it would have had
    """

    def __init__(self, error: Body, status: int) -> None:
        super().__init__(error["error"].get("message"))
        self.error = error
        self.status = status


def shaped(value: Any) -> Body:
    """A whole answer of chat or embedding.

    Raises:
        EndpointError: it is an error
        OddAnswerError: it is neither
    """
    if isinstance(value, list) and value and isinstance(value[0], dict):
        # llama.cpp outside of /v1; Gemini's errors.
        value = value[0] if "error" in value[0] else {"data": value}
    if not isinstance(value, dict):
        raise OddAnswerError(f"no object: {json.dumps(value)[:_SHOWN]}")
    if (error := _error_in(value)) is not None and not _has_words(value):
        raise EndpointError(error, _status(error["error"]))
    if isinstance(value.get("data"), list):
        return {**value, "data": [_vector(item) for item in value["data"]]}
    if isinstance(value.get("embeddings"), list):
        data = [{"index": n, "embedding": v} for n, v in enumerate(value["embeddings"])]
        return {**value, "data": data}
    if not (isinstance(value.get("choices"), list) and value["choices"]):
        raise OddAnswerError(f"neither choices nor data: {json.dumps(value)[:_SHOWN]}")
    choices = [plain_choice(choice, "message") for choice in value["choices"]]
    if error is not None:
        choices[0] = {**choices[0], "finish_reason": "error"}
    return {**value, "choices": choices}


def read(content: bytes) -> Body:
    """The same of bytes.

    Raises:
        EndpointError: they are an error
        OddAnswerError: they are neither
    """
    if _LINE.match(content):
        return _joined(content)
    value = _json(content)
    if value is None:
        raise OddAnswerError(_no_json(content))
    return shaped(value)


class Events:
    """A stream of events as it comes, in OpenAI's shape.

    Attributes:
        begun: whether there was anything of an answer yet
        ended: whether its end was told
    """

    def __init__(self) -> None:
        self.begun = False
        self.ended = False
        self._line = b""
        self._event: list[bytes] = []
        self._size = 0
        self._kind = b""
        self._is_whole: bool | None = None

    def feed(self, data: bytes) -> bytes:
        """The events that are complete with these bytes.

        Raises:
            EndpointError: the endpoint tells an error
            OddAnswerError: that is no stream of events
        """
        self._size += len(data)
        if self._size > _LONGEST_EVENT:
            raise OddAnswerError("an event without an end")
        self._line += data
        if self._is_whole is None and (first := self._line.lstrip(_BOM + b" \t\r\n")[:1]):
            self._is_whole = first in b"{[<"
        if self._is_whole or b"\n" not in data:
            return b""
        *lines, self._line = self._line.split(b"\n")
        self._size = len(self._line) + sum(map(len, self._event))
        return b"".join(self._take(line.rstrip(b"\r")) for line in lines)

    def end(self) -> bytes:
        """What is left when nothing more comes.

        Raises:
            EndpointError: the endpoint tells an error
            OddAnswerError: there was no event
            httpx.RemoteProtocolError: the end came without a word
        """
        if self._is_whole:
            self.begun = self.ended = True
            return b"".join(_as_events(read(self._line)))
        rest = self._take(self._line) + self._take(b"")
        if not self.begun and not self.ended:
            raise OddAnswerError("a stream without events")
        if not self.ended:
            raise httpx.RemoteProtocolError("the stream ended without saying so")
        return rest

    def _take(self, line: bytes) -> bytes:
        name, _, value = line.removeprefix(_BOM).partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._kind = value.strip().lower()
        elif name == b"error" and value:
            self._fail(value)
        elif name == b"data":
            self._event.append(value)
            if len(self._event) == 1 and (event := _json(value)) is not None:
                return self._told(event, value)
        elif not line and self._event:
            whole = b"\n".join(self._event)
            return self._told(_json(whole), whole)
        return b""

    def _told(self, event: Any, data: bytes) -> bytes:
        self._event, kind, self._kind = [], self._kind, b""
        if data.strip() == b"[DONE]":
            self.ended = True
            return _DONE
        if kind != b"error" and (
            _BEAT.fullmatch(data[:_SHOWN]) or (kind and _BEAT.fullmatch(kind[:_SHOWN]))
        ):
            return b""
        if kind == b"error" or event is None:
            self._fail(data)
        if not isinstance(event, dict):
            raise OddAnswerError(
                f"an event that is no object: {data[:_SHOWN].decode(errors='replace')}"
            )
        if (error := _error_in(event)) is not None:
            raise EndpointError(error, _status(error["error"]))
        choices = event.get("choices")
        if isinstance(choices, list) and choices:
            event = {**event, "choices": [plain_choice(choice, "delta") for choice in choices]}
            self.ended |= any(choice.get("finish_reason") for choice in event["choices"])
            self.begun |= self.ended or _has_words(event)
        else:
            event = {**event, "choices": []}
        return b"data: " + json.dumps(event).encode() + b"\n\n"

    def _fail(self, data: bytes) -> None:
        """Raise what an event says that is an error."""
        value = _json(data)
        if not isinstance(value, dict):
            value = {"message": data[:_LONGEST_EVENT].decode(errors="replace")}
        error = _error_in(value) or {"error": value}
        raise EndpointError(error, _status(error["error"]))


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _no_json(content: bytes) -> str:
    text = content[:_LONGEST_EVENT].decode(errors="replace")
    if title := title_of(text):
        return f"a web page, {title[:_SHOWN]!r}"
    return f"no JSON: {' '.join(text[:_SHOWN].split())}" if text.strip() else "nothing"


# Errors


def _error_in(value: Body) -> Body | None:
    """The error that an answer is, or has in it."""
    error = value.get("error")
    if not error and value.get("object") == "error":
        error = {name: value[name] for name in value if name != "object"}
    if not error and not any(value.get(name) for name in ("choices", "data", "embeddings")):
        told = any(isinstance(value.get(name), str) for name in ("message", "msg", "detail"))
        error = value if told or value.get("errors") else None
    choices = value.get("choices")
    for choice in choices if isinstance(choices, list) else []:
        error = error or (isinstance(choice, dict) and choice.get("error"))
    if not error:
        return None
    return {"error": error if isinstance(error, dict) else {"message": str(error)}}


def _status(error: Body) -> int:
    """The status of an error: its number, or what its name stands for."""
    told = [str(error.get(name)) for name in ("code", "status", "type", "error_type")]
    for number in told:
        if re.fullmatch(r"[45]\d\d", number, re.ASCII):
            return int(number)
    words = " ".join([*told, str(error.get("message"))[:_SHOWN]])
    return next((s for s, names in _NAMED if re.search(names, words, re.IGNORECASE)), 500)


def _has_words(value: Body) -> bool:
    """Whether there is anything of an answer in it: a choice with words or thoughts."""
    choices = value.get("choices")
    said = [
        choice.get("message") or choice.get("delta")
        for choice in (choices if isinstance(choices, list) else [])
        if isinstance(choice, dict)
    ]
    return any(part.get(name) for part in said if isinstance(part, dict) for name in _SAID)


# Answers


def plain_choice(choice: Any, name: str) -> Body:
    """A choice whose words are a text.

    Args:
        choice: of an answer, or of a piece of one
        name: where its words are to be: `message` or `delta`

    Raises:
        OddAnswerError: it is none, or has words that are no text
    """
    if not isinstance(choice, dict):
        raise OddAnswerError("a choice that is no object")
    part = choice.get(name) or choice.get("message") or choice.get("delta")
    part = dict(part) if isinstance(part, dict) else {}
    part.setdefault("role", "assistant")
    content = part.get("content")
    if isinstance(content, dict):
        content = [content]
    if isinstance(content, list):
        thoughts = [inner for inner in content if _is_thought(inner)]
        part["content"] = "".join(_texts_in([p for p in content if not _is_thought(p)]))
        if thoughts:
            part["reasoning_content"] = "".join(_texts_in(thoughts))
    elif content is None and isinstance(choice.get("text"), str):
        part["content"] = choice["text"]
    elif content is not None and not isinstance(content, str):
        raise OddAnswerError("words that are no text")
    if not part.get("content") and isinstance(part.get("refusal"), str):
        part["content"] = part["refusal"]
    if part.get("content") is None:
        # LlamaIndex's asynchronous reading passes over a first piece without any.
        part["content"] = ""
    for field in ("reasoning_content", "reasoning"):
        if not isinstance(part.get(field, ""), str):
            del part[field]
    return {"index": 0, "finish_reason": None, **choice, name: part}


def _is_thought(part: Any) -> bool:
    return isinstance(part, dict) and any(name in part for name in _THOUGHTS)


def _texts_in(value: Any, depth: int = 0) -> Iterator[str]:
    """The texts of a part of some content."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < _DEEPEST:
        for inner in value:
            yield from _texts_in(inner, depth + 1)
    elif isinstance(value, dict) and depth < _DEEPEST:
        for name in ("text", *_THOUGHTS):
            yield from _texts_in(value.get(name), depth + 1)


def _vector(item: Any) -> Any:
    """An item of an embedding's answer; llama.cpp has a list of one vector there."""
    held = item.get("embedding") if isinstance(item, dict) else None
    if isinstance(held, list) and len(held) == 1 and isinstance(held[0], list):
        return {**item, "embedding": held[0]}
    return item


def _joined(content: bytes) -> Body:
    """A streamed answer as a whole one."""
    events = Events()
    read = events.feed(content) + events.end()
    pieces = [json.loads(line[6:]) for line in read.split(b"\n\n") if line.startswith(b"data: {")]
    message: Body = {"role": "assistant"}
    joined: Body = {**pieces[0], "object": "chat.completion"} if pieces else {}
    finish = None
    for piece in pieces:
        joined["usage"] = piece.get("usage") or joined.get("usage")
        for choice in piece["choices"][:1]:
            finish = choice["finish_reason"] or finish
            for name in ("content", "reasoning_content", "reasoning"):
                message[name] = message.get(name, "") + (choice["delta"].get(name) or "")
    return {**joined, "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def _as_events(whole: Body) -> Iterator[bytes]:
    """A whole answer where a stream was asked for, as a stream of one piece."""
    if "choices" in whole:
        choices = [
            {**choice, "delta": choice["message"], "message": None} for choice in whole["choices"]
        ]
        whole = {**whole, "object": "chat.completion.chunk", "choices": choices}
    yield b"data: " + json.dumps(whole).encode() + b"\n\n"
    yield _DONE
