"""What endpoints hold: containers, each with what it takes and how it answers.

They are strict where the real ones are: vLLM's wants messages, TGI's a text, Text Embeddings
Inference's at most 32 texts, Mistral's template no system role.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from indexes.models.sagemaker.codecs import Shape
from indexes.models.sagemaker.emulator.models import DEFAULT_NEW_TOKENS, ChatRequest
from indexes.models.sagemaker.emulator.refusals import container
from indexes.models.sagemaker.profiles import Profile
from indexes.models.sagemaker.templates import messages_of
from indexes.models.sagemaker.vectors import Payload

_FIELDS: dict[Payload, str] = {
    "jumpstart": "text_inputs",
    "feature-extraction": "inputs",
    "openai": "input",
}
_THOUGHT = ("The sentence that matters ", "is in the context.")


@dataclass(frozen=True)
class Container:
    """What an endpoint holds.

    Args:
        shape: how a language model answers.
        only: the one form of question it takes, `inputs` or `messages`; None for either.
        system: whether it takes a system message.
        thinks: it writes what it thinks before its answer, apart from it.
        payload: the one form of texts that an embedding model takes; None for any.
        batch: texts in one request, at most; None for any number.
    """

    shape: Shape = "tgi"
    only: str | None = None
    system: bool = True
    thinks: bool = False
    payload: Payload | None = None
    batch: int | None = None

    def is_question(self, body: dict[str, Any]) -> bool:
        """Whether a language model is asked something."""
        return "messages" in body or isinstance(body.get("inputs"), str)

    def question(self, body: dict[str, Any]) -> ChatRequest:
        """What is asked.

        Raises:
            RefusedError: the container doesn't take it that way.
        """
        form = "messages" if "messages" in body else "inputs"
        if self.only not in (None, form):
            raise container(f"missing field `{self.only}`", 422)
        asked = _question(body)
        if not self.system and any(message["role"] == "system" for message in asked.messages):
            raise container({"error": "Conversation roles must alternate user/assistant/…"}, 400)
        return asked

    def texts(self, body: dict[str, Any]) -> tuple[str, list[str]]:
        """Texts to be embedded, and the name of the field they came in.

        Raises:
            RefusedError: the container doesn't take them that way.
        """
        wanted = [_FIELDS[self.payload]] if self.payload else list(_FIELDS.values())
        name = next((name for name in wanted if name in body), None)
        if name is None:
            raise container(f"missing field `{wanted[0]}`", 422)
        texts = [body[name]] if isinstance(body[name], str) else body[name]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise container(f"{name} is no list of texts", 422)
        if self.batch is not None and len(texts) > self.batch:
            said = f"batch size {len(texts)} > maximum allowed batch size {self.batch}"
            raise container({"error": said, "error_type": "Validation"}, 413)
        return name, texts

    def vectors(self, name: str, vectors: list[list[float]]) -> Any:
        """Vectors, as the container writes them."""
        if name == "input":
            data = [{"index": n, "embedding": vector} for n, vector in enumerate(vectors)]
            return {"object": "list", "data": data}
        return {"embedding": vectors} if name == "text_inputs" else vectors

    def answer(self, question: ChatRequest, deltas: list[str]) -> Any:
        """A whole answer, as the container writes it."""
        text, figures = "".join(deltas), _figures(question, len(deltas))
        if self.shape == "messages":
            thought = {"reasoning_content": "".join(_THOUGHT)} if self.thinks else {}
            message = {"role": "assistant", "content": text, **thought}
            choice = {"index": 0, "message": message, "finish_reason": _finish(figures)}
            return {"object": "chat.completion", "choices": [choice], "usage": _usage(figures)}
        if self.shape == "lmi":
            return {"generated_text": text, "details": figures}
        details = {} if self.shape == "jumpstart" else {"details": figures}
        return [{"generated_text": text, **details}]

    async def events(
        self, question: ChatRequest, deltas: AsyncIterator[str]
    ) -> AsyncIterator[bytes]:
        """The same as a stream."""
        count = 0
        text = ""
        for thought in _THOUGHT if self.thinks and self.shape == "messages" else ():
            yield _chunk({"reasoning_content": thought, "content": None})
        async for delta in deltas:
            count += 1
            text += delta
            if self.shape == "messages":
                yield _chunk({"content": delta})
            elif self.shape == "lmi":
                yield _line({"token": {"id": count, "text": delta}})
            else:
                token = {"id": count, "text": delta, "special": False}
                yield sse({"index": count, "token": token, "generated_text": None})
        figures = _figures(question, count)
        if self.shape == "messages":
            yield _chunk({}, _finish(figures))
            yield sse({"object": "chat.completion.chunk", "choices": [], "usage": _usage(figures)})
            yield b"data: [DONE]\n\n"
        elif self.shape == "lmi":
            token = {"id": 2, "text": "</s>", "special_token": True}
            yield _line({"token": token, "generated_text": text, "details": figures})
        else:
            token = {"id": 2, "text": "</s>", "special": True}
            end = {"index": count + 1, "token": token, "generated_text": text}
            yield sse(end | ({} if self.shape == "jumpstart" else {"details": figures}))


def container_of(profile: Profile) -> Container:
    """The container that a model of the profile runs in, as far as its profile tells."""
    if profile.part == "embedding":
        return Container(payload=profile.payload, batch=profile.batch)
    if profile.shape == "messages":
        return Container("messages", only="messages", thinks=profile.thinks)
    return Container("tgi", only="inputs", system=profile.template != "mistral")


def _question(body: dict[str, Any]) -> ChatRequest:
    try:
        if "messages" in body:
            given = body
            messages = [{"role": m["role"], "content": m["content"]} for m in body["messages"]]
            wanted = body.get("response_format", {})
        else:
            given = body.get("parameters") or {}
            messages = messages_of(body["inputs"])
            wanted = given.get("response_format") or {
                "json_schema": {"schema": (given.get("grammar") or {}).get("value")}
            }
        return ChatRequest(
            messages=messages,
            max_tokens=int(
                given.get("max_tokens") or given.get("max_new_tokens") or DEFAULT_NEW_TOKENS
            ),
            temperature=float(given.get("temperature") or 0.0),
            stop=list(given.get("stop") or given.get("stop_sequences") or ()),
            schema=(wanted.get("json_schema") or {}).get("schema"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise container("a question that cannot be read", 422) from error


def _figures(question: ChatRequest, count: int) -> dict[str, Any]:
    # Words stand in for tokens, which only the model behind can count.
    words = sum(len(message["content"].split()) for message in question.messages)
    finish = "length" if count >= question.max_tokens else "eos_token"
    return {"finish_reason": finish, "generated_tokens": count, "input_length": words}


def _finish(figures: dict[str, Any]) -> str:
    return "length" if figures["finish_reason"] == "length" else "stop"


def _usage(figures: dict[str, Any]) -> dict[str, int]:
    return {
        "prompt_tokens": figures["input_length"],
        "completion_tokens": figures["generated_tokens"],
    }


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return sse({"object": "chat.completion.chunk", "choices": [choice]})


def sse(value: dict[str, Any]) -> bytes:
    """A server-sent event."""
    return b"data:" + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
