"""Containers' answers, whole or streamed, in whichever shape they are written.

What a container wrote first tells which it is: TGI and JumpStart's `generated_text` or
`token`, LMI's JSON lines and `outputs`, Llama 2's `generation`, OpenAI's `choices`.
"""

import json
from typing import Any

from indexes.models.sagemaker.codecs import (
    MAX_ANSWER_BYTES,
    BrokenOffError,
    CodecError,
    Delta,
    ReportedError,
    Shape,
    WebPageError,
)
from indexes.models.shapes import OddAnswerError, plain_choice

_SHOWN_BYTES = 80
# A JSON text over several lines is tried at lines that may end it.
_MOST_TRIES = 16
_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml")


def read(body: bytes) -> Delta:
    """A whole answer.

    Raises:
        ReportedError: the container reports a failure.
        WebPageError: it is a web page.
        CodecError: the body is in none of the shapes.
    """
    return _delta(parsed(body), whole=True)


class StreamDecoder:
    """Pieces from the bytes of a stream, however they are cut: server-sent events, JSON
    lines, or one JSON text, on one line or several.

        decoder = StreamDecoder()
        deltas = [delta for part in parts for delta in decoder.feed(part)] + decoder.close()

    Bytes are decoded a line at a time, so that no character is ever cut. The text of an
    answer that comes whole after its parts is not repeated.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._total = 0
        self._seen = self._ended = False
        self._begun: list[bytes] = []  # lines of a JSON text that goes on
        self._tries = 0

    def feed(self, part: bytes) -> list[Delta]:
        """The deltas that are complete with these bytes.

        Raises:
            ReportedError, WebPageError, CodecError: as `read`.
        """
        self._total += len(part)
        if self._total > MAX_ANSWER_BYTES:
            raise CodecError(f"more than {MAX_ANSWER_BYTES} bytes")
        searched = len(self._rest)
        self._rest += part
        if self._rest.find(b"\n", searched) < 0:
            return []
        *lines, rest = bytes(self._rest).split(b"\n")
        self._rest = bytearray(rest)
        return [delta for line in lines for delta in self._line(line)]

    def close(self) -> list[Delta]:
        """The last delta, if it came without a line's end.

        Raises:
            BrokenOffError: the stream ended within a delta, or before the answer did.
            CodecError: it held none.
        """
        rest = b"\n".join(self._begun) or bytes(self._rest)
        self._begun = []
        try:
            last = self._line(rest)
        except CodecError as error:
            if self._seen and not isinstance(error, ReportedError):
                raise BrokenOffError(str(error)) from error
            raise
        if not self._seen:
            raise CodecError("an empty stream")
        if not self._ended:
            raise BrokenOffError("the stream ended without saying so")
        return last

    def _line(self, line: bytes) -> list[Delta]:
        if self._begun:
            return self._more(line)
        line = line.strip()
        if line.startswith(b"data:"):
            line = line[5:].strip()
        elif line.startswith((b":", b"event:", b"id:", b"retry:")):
            return []
        elif line in (b"{", b"[", b"[{"):
            self._begun = [line]
            return []
        if not line or line == b"[DONE]":
            self._ended |= bool(line)
            return []
        return self._delta(line)

    def _more(self, line: bytes) -> list[Delta]:
        """A further line of a JSON text; it ends with a bracket at the line's start."""
        self._begun.append(line)
        if not line.startswith((b"}", b"]")) or self._tries >= _MOST_TRIES:
            return []
        self._tries += 1
        text = b"\n".join(self._begun)
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return []
        self._begun = []
        return self._delta(text)

    def _delta(self, text: bytes) -> list[Delta]:
        delta = _delta(parsed(text), whole=False)
        self._seen = True
        # Of the containers' own shapes, not all say why an answer ends.
        self._ended |= bool(delta.finish) or delta.shape != "messages"
        return [delta]


def parsed(data: bytes) -> Any:
    """What a JSON text says.

    Raises:
        WebPageError: it is a web page.
        CodecError: it is no JSON, or too long.
    """
    if len(data) > MAX_ANSWER_BYTES:
        raise CodecError(f"more than {MAX_ANSWER_BYTES} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        start = data[:_SHOWN_BYTES]
        if start.lstrip().lower().startswith(_PAGES):
            raise WebPageError(repr(start)) from error
        raise CodecError(f"no JSON: {start!r}") from error


def _delta(value: Any, whole: bool) -> Delta:
    listed = isinstance(value, list)
    if listed:
        value = value[0] if value else None
    if not isinstance(value, dict):
        raise CodecError(f"no answer: {value!r:.80}")
    if value.get("error"):
        raise ReportedError(words_of(value))
    if "choices" in value or str(value.get("object", "")).startswith("chat.completion"):
        return _choice(value)
    details = value.get("details")
    details = details if isinstance(details, dict) else {}
    finish = details.get("finish_reason")
    if finish == "error":
        raise ReportedError(words_of(value))
    text = _text(value)
    if not isinstance(text, str):
        raise CodecError("a text that is none")
    return Delta(
        text=text,
        finish=finish if isinstance(finish, str) else None,
        tokens_in=_count(details.get("input_length"), details.get("prompt_tokens"))
        or _length(details.get("prefill")),
        tokens_out=_count(details.get("generated_tokens")),
        shape=_shape(value, listed, whole),
    )


def _text(value: dict[str, Any]) -> Any:
    token = value.get("token")
    if isinstance(token, dict):
        # TGI's `special`, LMI's `special_token`: markers of the model, not the answer's.
        marker = token.get("special") or token.get("special_token")
        return "" if marker else token.get("text", "")
    if "generated_text" in value:
        return value["generated_text"]
    if isinstance(outputs := value.get("outputs"), list) and all(
        isinstance(one, str) for one in outputs
    ):
        return "".join(outputs[:1])
    generation = value.get("generation")
    if isinstance(generation, dict):
        generation = generation.get("content")
    if isinstance(generation, str):
        return generation
    if "message" in value:
        raise ReportedError(words_of(value))
    raise CodecError(f"neither token, generated_text nor choices: {sorted(value)[:8]}")


def _shape(value: dict[str, Any], listed: bool, whole: bool) -> Shape:
    # LMI writes an object where TGI writes a list; of streams, only TGI's are numbered.
    if "generation" in value:
        return "jumpstart"
    return "tgi" if listed or (not whole and "index" in value) else "lmi"


def _choice(value: dict[str, Any]) -> Delta:
    usage = value.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    choices = value.get("choices") or [{}]
    try:
        choice = plain_choice(choices[0] if isinstance(choices, list) else {}, "delta")
    except OddAnswerError as error:
        raise CodecError(str(error)) from error
    said = choice["delta"]
    finish = choice.get("finish_reason")
    return Delta(
        text=said["content"],
        # vLLM's and SGLang's two names for it.
        thinking=said.get("reasoning_content") or said.get("reasoning") or "",
        finish=finish if isinstance(finish, str) else None,
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        shape="messages",
    )


def _count(*values: Any) -> int:
    return next((v for v in values if isinstance(v, int) and v > 0), 0)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0


def words_of(value: dict[str, Any]) -> str:
    """A container's own words for its failure."""
    said = value.get("error") or value.get("message") or value.get("details") or "no reason given"
    if isinstance(said, dict):
        said = said.get("message") or said.get("error") or said
    return " ".join(str(said).split())[:300]
