"""What the containers behind SageMaker endpoints read and write.

Four shapes are sent: Text Generation Inference's (`tgi`), that of LMI/DJL (`lmi`), the
common part of both that JumpStart's examples use (`jumpstart`), and OpenAI's Messages API
(`messages`). All of them are read, whichever was asked for; what a container wrote first
tells which it is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Shape = Literal["tgi", "lmi", "jumpstart", "messages"]
Codec = Literal["auto", "tgi", "lmi", "jumpstart", "messages"]

# Longer lines and answers are no answers.
MAX_ANSWER_BYTES = 16 * 2**20


class CodecError(ValueError):
    """An answer that is in none of the shapes, or that reports a failure."""


class ReportedError(CodecError):
    """The container says that it failed."""


@dataclass(frozen=True)
class Ask:
    """One question to a language model.

    Args:
        prompt: in the model's own template; for all shapes but `messages`.
        messages: role and content; for `messages`.
        max_tokens: tokens of the answer.
        temperature: 0 for the likeliest answer.
        stop: texts that end it.
        schema: a JSON schema that the answer is to follow, where the container can.
        parameters: anything else, as the container calls it.
    """

    prompt: str
    messages: Sequence[Mapping[str, str]]
    max_tokens: int
    temperature: float = 0.0
    stop: Sequence[str] = ()
    schema: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Delta:
    """What was added to an answer, or all of it; figures where the container gives them."""

    text: str = ""
    finish: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    shape: Shape | None = None


def write(ask: Ask, shape: Shape, stream: bool) -> bytes:
    """The body of a request."""
    body = _messages(ask, stream) if shape == "messages" else _inputs(ask, shape, stream)
    return json.dumps(body, ensure_ascii=False).encode()


def can_constrain(shape: Shape) -> bool:
    """Whether containers of this shape take a JSON schema for the answer."""
    return shape != "jumpstart"


def _inputs(ask: Ask, shape: Shape, stream: bool) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "max_new_tokens": ask.max_tokens,
        "do_sample": ask.temperature > 0,
        "return_full_text": False,
    }
    # TGI refuses a temperature of 0.
    if ask.temperature > 0:
        parameters["temperature"] = ask.temperature
    if ask.stop:
        parameters["stop_sequences" if shape == "lmi" else "stop"] = list(ask.stop)
    if shape in ("tgi", "lmi"):
        parameters["details"] = True
    if ask.schema is not None and shape == "tgi":
        parameters["grammar"] = {"type": "json", "value": dict(ask.schema)}
    if ask.schema is not None and shape == "lmi":
        parameters["response_format"] = _response_format(ask.schema)
    body: dict[str, Any] = {"inputs": ask.prompt, "parameters": {**parameters, **ask.parameters}}
    return {**body, "stream": True} if stream else body


def _messages(ask: Ask, stream: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "messages": [dict(message) for message in ask.messages],
        "max_tokens": ask.max_tokens,
        "temperature": ask.temperature,
    }
    if ask.stop:
        body["stop"] = list(ask.stop)
    if ask.schema is not None:
        body["response_format"] = _response_format(ask.schema)
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return {**body, **ask.parameters}


def _response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema)}}


def read(body: bytes) -> Delta:
    """A whole answer.

    Raises:
        ReportedError: the container reports a failure.
        CodecError: the body is in none of the shapes.
    """
    return _delta(_json(body), whole=True)


class StreamDecoder:
    """Pieces from the bytes of a stream, however they are cut: server-sent events, JSON
    lines, or one JSON text.

        decoder = StreamDecoder()
        deltas = [delta for part in parts for delta in decoder.feed(part)] + decoder.close()

    Bytes are decoded a line at a time, so that no character is ever cut.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._total = 0
        self._seen = False

    def feed(self, part: bytes) -> list[Delta]:
        """The deltas that are complete with these bytes.

        Raises:
            ReportedError, CodecError: as `read`.
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
            CodecError: the stream ended within a delta, or held none.
        """
        last = self._line(bytes(self._rest))
        self._rest.clear()
        if not self._seen:
            raise CodecError("an empty stream")
        return last

    def _line(self, line: bytes) -> list[Delta]:
        line = line.strip()
        if line.startswith(b"data:"):
            line = line[5:].strip()
        elif line.startswith((b":", b"event:", b"id:", b"retry:")):
            return []
        if not line or line == b"[DONE]":
            return []
        self._seen = True
        return [_delta(_json(line), whole=False)]


def _json(data: bytes) -> Any:
    if len(data) > MAX_ANSWER_BYTES:
        raise CodecError(f"more than {MAX_ANSWER_BYTES} bytes")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"no JSON: {data[:80]!r}") from error


def _delta(value: Any, whole: bool) -> Delta:
    listed = isinstance(value, list)
    if listed:
        value = value[0] if value else None
    if not isinstance(value, dict):
        raise CodecError(f"no answer: {value!r:.80}")
    if value.get("error"):
        raise ReportedError(_words(value))
    if "choices" in value or value.get("object", "").startswith("chat.completion"):
        return _choice(value)
    details = value.get("details")
    details = details if isinstance(details, dict) else {}
    finish = details.get("finish_reason")
    if finish == "error":
        raise ReportedError(_words(value))
    token = value.get("token")
    if isinstance(token, dict):
        text = "" if token.get("special") else token.get("text", "")
    elif "generated_text" in value:
        text = value["generated_text"]
    else:
        raise (
            ReportedError(_words(value))
            if "message" in value
            else CodecError(f"neither token, generated_text nor choices: {sorted(value)[:8]}")
        )
    if not isinstance(text, str):
        raise CodecError("a text that is none")
    return Delta(
        text=text,
        finish=finish if isinstance(finish, str) else None,
        tokens_in=_count(details.get("input_length"), details.get("prompt_tokens"))
        or len(details.get("prefill") or ()),
        tokens_out=_count(details.get("generated_tokens")),
        # LMI writes an object where TGI writes a list; of streams, only TGI's are numbered.
        shape="tgi" if listed or (not whole and "index" in value) else "lmi",
    )


def _choice(value: dict[str, Any]) -> Delta:
    usage = value.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    choices = value.get("choices") or [{}]
    choice = choices[0] if isinstance(choices, list) and isinstance(choices[0], dict) else {}
    said = choice.get("delta") or choice.get("message") or {}
    text = said.get("content") or ""
    if not isinstance(text, str):
        raise CodecError("a text that is none")
    return Delta(
        text=text,
        finish=choice.get("finish_reason"),
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        shape="messages",
    )


def _count(*values: Any) -> int:
    return next((v for v in values if isinstance(v, int) and v > 0), 0)


def _words(value: dict[str, Any]) -> str:
    """A container's own words for its failure."""
    said = value.get("error") or value.get("message") or value.get("details") or "no reason given"
    if isinstance(said, dict):
        said = said.get("message") or said
    return " ".join(str(said).split())[:300]


# Embeddings


EmbeddingCodec = Literal["jumpstart", "feature-extraction"]


def write_texts(texts: Sequence[str], codec: EmbeddingCodec) -> bytes:
    """The body of a request for embeddings."""
    body: dict[str, Any]
    if codec == "jumpstart":
        body = {"text_inputs": list(texts), "mode": "embedding"}
    else:
        body = {"inputs": list(texts)}
    return json.dumps(body, ensure_ascii=False).encode()


def read_vectors(body: bytes, expected: int) -> list[list[float]]:
    """One vector a text, from either shape; of token vectors the first, which is how BGE pools.

    Raises:
        ReportedError: the container reports a failure.
        CodecError: these are not `expected` vectors of one length.
    """
    value = _json(body)
    if isinstance(value, dict):
        if value.get("error"):
            raise ReportedError(_words(value))
        value = value.get("embedding", value.get("embeddings"))
    if not isinstance(value, list):
        raise CodecError("no list of vectors")
    if value and _is_number(value[0]):
        value = [value]
    vectors = [_vector(item) for item in value]
    if len(vectors) != expected:
        raise CodecError(f"{len(vectors)} vectors for {expected} texts")
    if len({len(vector) for vector in vectors}) > 1:
        raise CodecError("vectors of different lengths")
    return vectors


def _vector(item: Any) -> list[float]:
    # Feature extraction answers [1, tokens, dimension] or [tokens, dimension] where the
    # container does not pool; BGE's own pooling takes the first token.
    while isinstance(item, list) and item and isinstance(item[0], list):
        item = item[0]
    if not isinstance(item, list) or not item or not all(map(_is_number, item)):
        raise CodecError("a vector that is none")
    return [float(number) for number in item]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
