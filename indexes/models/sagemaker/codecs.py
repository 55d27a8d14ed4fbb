"""What language models' containers on SageMaker are sent, and what they may answer.

Four shapes are sent: Text Generation Inference's (`tgi`), that of LMI/DJL (`lmi`), the
common part of both that JumpStart's examples use (`jumpstart`), and OpenAI's Messages API
(`messages`). `reading` reads them all, whichever was asked for.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Shape = Literal["tgi", "lmi", "jumpstart", "messages"]
SHAPES: tuple[Shape, ...] = get_args(Shape)
# `openai` is `messages` over SageMaker's OpenAI-compatible route (`bearer`).
Codec = Literal["auto", "tgi", "lmi", "jumpstart", "messages", "openai"]

# Longer lines and answers are no answers.
MAX_ANSWER_BYTES = 16 * 2**20


class CodecError(ValueError):
    """An answer that is in none of the shapes, or that reports a failure."""


class BrokenOffError(CodecError):
    """A stream that ends before its answer does."""


class WebPageError(CodecError):
    """A web page where an answer should be: a proxy's, or that of a wrong address."""


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
        model: the model's name, for containers that insist on one.
        usage: whether the end of a stream is to say what was used, where that is asked for.
    """

    prompt: str
    messages: Sequence[Mapping[str, str]]
    max_tokens: int
    temperature: float = 0.0
    stop: Sequence[str] = ()
    schema: Mapping[str, Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    usage: bool = True


@dataclass(frozen=True)
class Delta:
    """What was added to an answer, or all of it; figures where the container gives them.

    Args:
        text: of the answer.
        thinking: what a reasoning model wrote before it.
        finish: why the answer ends, in the container's word.
        tokens_in, tokens_out: of the prompt and the answer.
        shape: what the container speaks.
        retracted: whether the words before these were thoughts after all.
    """

    text: str = ""
    thinking: str = ""
    finish: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    shape: Shape | None = None
    retracted: bool = False


# TGI's and LMI's words for an answer that ended by itself.
_ENDED = {"eos_token", "stop_sequence", "end_turn", "eos"}


def finish_of(word: str | None) -> str | None:
    """A container's reason for an answer's end in OpenAI's words, like `stop` and `length`."""
    if word in _ENDED:
        return "stop"
    return "length" if word == "max_tokens" else word


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
    if ask.model is not None:
        body["model"] = ask.model
    if ask.stop:
        body["stop"] = list(ask.stop)
    if ask.schema is not None:
        body["response_format"] = _response_format(ask.schema)
    if stream:
        body["stream"] = True
        if ask.usage:
            body["stream_options"] = {"include_usage": True}
    return {**body, **ask.parameters}


def _response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema)}}
