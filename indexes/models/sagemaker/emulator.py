"""A local stand-in for SageMaker's runtime: its protocol on loopback, models of this machine.

`InvokeEndpoint` and `InvokeEndpointWithResponseStream`, in the shapes of TGI, LMI,
JumpStart and the Messages API, so that everything about SageMaker can be developed and
shown without an account or a bill:

    AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME=http://127.0.0.1:8080

It checks that a request is signed, not by whom: any credentials will do.
"""

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from indexes.models.sagemaker.codecs import MAX_ANSWER_BYTES, Shape
from indexes.models.sagemaker.event_stream import exception, payload_part
from indexes.models.sagemaker.faults import Fault, FaultScript
from indexes.models.sagemaker.templates import messages_of

logger = logging.getLogger(__name__)

# As at SageMaker.
MAX_REQUEST_BYTES = 6 * 2**20
DEFAULT_NEW_TOKENS = 256

_REFUSALS = {
    "throttle": (429, "ThrottlingException"),
    "internal": (500, "InternalFailure"),
    "unavailable": (503, "ServiceUnavailable"),
    "model_error": (424, "ModelError"),
    "validation": (400, "ValidationError"),
    "denied": (403, "AccessDeniedException"),
}


@dataclass(frozen=True)
class ChatRequest:
    """What an endpoint is asked, whatever the shape it came in."""

    messages: list[dict[str, str]]
    max_tokens: int = DEFAULT_NEW_TOKENS
    temperature: float = 0.0
    stop: list[str] = field(default_factory=list)
    schema: dict[str, Any] | None = None


class Models(Protocol):
    """What answers behind the stand-in; called from threads."""

    def answer(self, question: ChatRequest) -> Iterator[str]:
        """An answer, in parts."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text."""
        ...


class LocalModels:
    """The local provider's models.

    Args:
        llm, embedding: LlamaIndex models, as `build_llm` and `build_embedding` make them.
    """

    def __init__(self, llm: Any, embedding: Any) -> None:
        self._llm = llm
        self._embedding = embedding

    def answer(self, question: ChatRequest) -> Iterator[str]:
        """Stream from the local language model."""
        from llama_index.core.base.llms.types import ChatMessage

        options: dict[str, Any] = {
            "max_tokens": question.max_tokens,
            "temperature": question.temperature,
        }
        if question.stop:
            options["stop"] = question.stop
        if question.schema is not None:
            options["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": question.schema},
            }
        messages = [ChatMessage(**message) for message in question.messages]
        for response in self._llm.stream_chat(messages, **options):
            if response.delta:
                yield response.delta

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed with the local embedding model."""
        vectors: list[list[float]] = self._embedding.get_text_embedding_batch(list(texts))
        return vectors


class _RefusedError(Exception):
    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.more = status, code, message, more


class Emulator:
    """The stand-in as an ASGI application (`app`).

    Args:
        models: What answers.
        shape: How language models answer.
        endpoints: Names that exist; None for any.
        faults: What goes wrong.
    """

    def __init__(
        self,
        models: Models,
        shape: Shape = "tgi",
        endpoints: Sequence[str] | None = None,
        faults: FaultScript | None = None,
    ) -> None:
        self.models = models
        self.shape = shape
        self.endpoints = endpoints
        self.faults = faults or FaultScript()
        self.seen: list[dict[str, Any]] = []
        self.app = Starlette(
            routes=[
                Route("/ping", lambda _: Response(status_code=200)),
                Route("/endpoints/{name}/invocations", self._whole, methods=["POST"]),
                Route(
                    "/endpoints/{name}/invocations-response-stream",
                    self._stream,
                    methods=["POST"],
                ),
            ]
        )

    async def _whole(self, request: Request) -> Response:
        try:
            body, fault = await self._taken(request)
            if "messages" in body or isinstance(body.get("inputs"), str):
                question = _chat_request(body)
                deltas = await run_in_threadpool(lambda: list(self.models.answer(question)))
                answer = self._answer(question, deltas)
            else:
                answer = await run_in_threadpool(self._vectors, body)
        except _RefusedError as refused:
            return _error(refused)
        data = json.dumps(answer, ensure_ascii=False).encode()
        if fault is None:
            return Response(data, media_type="application/json")
        if fault.fault == "reset":
            headers = {"Content-Length": str(len(data))}
            return StreamingResponse(_lost(data[: len(data) // 2]), headers=headers)
        parts = _spoilt_body(data, fault)
        return StreamingResponse(_slowly(parts, fault), media_type="application/json")

    async def _stream(self, request: Request) -> Response:
        try:
            body, fault = await self._taken(request)
            question = _chat_request(body)
        except _RefusedError as refused:
            return _error(refused)
        deltas = iterate_in_threadpool(self.models.answer(question))
        events = self._events(question, deltas)
        return StreamingResponse(
            _messages(events, fault) if fault else _plain(events),
            media_type="application/vnd.amazon.eventstream",
        )

    async def _taken(self, request: Request) -> tuple[dict[str, Any], Fault | None]:
        """The request's body, and what is to go wrong with its answer."""
        if "authorization" not in request.headers:
            raise _RefusedError(403, "MissingAuthenticationTokenException", "Missing Token")
        data = bytearray()
        async for part in request.stream():
            data += part
            if len(data) > MAX_REQUEST_BYTES:
                raise _RefusedError(
                    413, "ValidationError", f"Body must be at most {MAX_REQUEST_BYTES} bytes"
                )
        name = request.path_params["name"]
        if self.endpoints is not None and name not in self.endpoints:
            raise _RefusedError(
                400, "ValidationError", f"Endpoint {name} of account 000000000000 not found."
            )
        fault = self.faults.next()
        if fault is not None and fault.fault in _REFUSALS:
            status, code = _REFUSALS[fault.fault]
            more = {"OriginalStatusCode": 500, "OriginalMessage": fault.message}
            raise _RefusedError(status, code, fault.message, **(more if status == 424 else {}))
        try:
            body = json.loads(data)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise _container("the body is no JSON object", 400)
        component = request.headers.get("x-amzn-sagemaker-inference-component")
        self.seen.append({"endpoint": name, "component": component, **body})
        return body, fault

    def _vectors(self, body: dict[str, Any]) -> Any:
        texts = body.get("text_inputs", body.get("inputs"))
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise _container("neither inputs, text_inputs nor messages that can be read", 422)
        vectors = self.models.embed(texts)
        return {"embedding": vectors} if "text_inputs" in body else vectors

    def _answer(self, question: ChatRequest, deltas: list[str]) -> Any:
        text, figures = "".join(deltas), _figures(question, len(deltas))
        if self.shape == "messages":
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            return {"object": "chat.completion", "choices": [choice], "usage": _usage(figures)}
        if self.shape == "lmi":
            return {"generated_text": text, "details": figures}
        details = {} if self.shape == "jumpstart" else {"details": figures}
        return [{"generated_text": text, **details}]

    async def _events(
        self, question: ChatRequest, deltas: AsyncIterator[str]
    ) -> AsyncIterator[bytes]:
        """The container's own stream."""
        count = 0
        text = ""
        async for delta in deltas:
            count += 1
            text += delta
            if self.shape == "messages":
                choices = [{"index": 0, "delta": {"content": delta}}]
                yield _sse({"object": "chat.completion.chunk", "choices": choices})
            elif self.shape == "lmi":
                yield _line({"token": {"id": count, "text": delta}})
            else:
                token = {"id": count, "text": delta, "special": False}
                yield _sse({"index": count, "token": token, "generated_text": None})
        figures = _figures(question, count)
        if self.shape == "messages":
            choices = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
            yield _sse({"object": "chat.completion.chunk", "choices": choices})
            yield _sse({"object": "chat.completion.chunk", "choices": [], "usage": _usage(figures)})
            yield b"data: [DONE]\n\n"
        elif self.shape == "lmi":
            token = {"id": 2, "text": ""}
            yield _line({"token": token, "generated_text": text, "details": figures})
        else:
            token = {"id": 2, "text": "</s>", "special": True}
            end = {"index": count + 1, "token": token, "generated_text": text}
            yield _sse(end | ({} if self.shape == "jumpstart" else {"details": figures}))


def _chat_request(body: dict[str, Any]) -> ChatRequest:
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
        raise _container("a question that cannot be read", 422) from error


def _container(message: str, status: int) -> _RefusedError:
    """A refusal by the container, as SageMaker hands it on."""
    return _RefusedError(
        424, "ModelError", f"Received client error ({status}) from model with message: {message}",
        OriginalStatusCode=status, OriginalMessage=message,
    )  # fmt: skip


def _error(refused: _RefusedError) -> Response:
    body = {"__type": refused.code, "Message": refused.message, **refused.more}
    return JSONResponse(body, refused.status, headers={"x-amzn-ErrorType": refused.code})


def _figures(question: ChatRequest, count: int) -> dict[str, Any]:
    # Words stand in for tokens, which only the model behind can count.
    words = sum(len(message["content"].split()) for message in question.messages)
    finish = "length" if count >= question.max_tokens else "eos_token"
    return {"finish_reason": finish, "generated_tokens": count, "input_length": words}


def _usage(figures: dict[str, Any]) -> dict[str, int]:
    return {
        "prompt_tokens": figures["input_length"],
        "completion_tokens": figures["generated_tokens"],
    }


def _sse(value: dict[str, Any]) -> bytes:
    return b"data:" + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


async def _plain(events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for event in events:
        yield payload_part(event)


async def _messages(events: AsyncIterator[bytes], fault: Fault) -> AsyncIterator[bytes]:
    """A stream with what goes wrong in it."""
    if fault.fault in ("malformed", "oversized", "empty"):
        for part in _spoilt_body(b"", fault):
            yield payload_part(part)
        return
    count = 0
    async for event in events:
        if fault.fault == "slow":
            await asyncio.sleep(fault.seconds)
        if fault.fault == "split":
            for part in _cut(event, fault.size):
                yield payload_part(part)
            continue
        if count >= fault.parts:
            break
        count += fault.fault != "slow"
        yield payload_part(event)
    if fault.fault == "reset":
        raise ConnectionResetError
    if fault.fault == "reported":
        yield payload_part(_sse({"error": fault.message, "error_type": "generation"}))
    if fault.fault == "stream_error":
        yield exception("ModelStreamError", fault.message, "ModelInvocationTimeExceeded")
    if fault.fault == "stream_failure":
        yield exception("InternalStreamFailure", fault.message)


def _spoilt_body(data: bytes, fault: Fault) -> Iterator[bytes]:
    if fault.fault == "malformed":
        yield b"<html>Welcome to nginx!</html>"
    elif fault.fault == "reported":
        yield json.dumps({"error": fault.message}).encode()
    elif fault.fault == "oversized":
        for _ in range(MAX_ANSWER_BYTES // 2**20 + 1):
            yield b" " * 2**20
    elif fault.fault == "split":
        yield from _cut(data, fault.size)
    elif fault.fault != "empty":
        yield data


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


async def _slowly(parts: Iterator[bytes], fault: Fault) -> AsyncIterator[bytes]:
    for part in parts:
        if fault.fault == "slow":
            await asyncio.sleep(fault.seconds)
        yield part


async def _lost(data: bytes) -> AsyncIterator[bytes]:
    yield data
    raise ConnectionResetError


class Serving:
    """An application on a port of loopback, in a thread, while the block lasts.

        with Serving(emulator.app) as address: …

    Args:
        app: ASGI application.
        port: 0 for any that is free.
    """

    def __init__(self, app: Any, port: int = 0, host: str = "127.0.0.1") -> None:
        import uvicorn

        config = uvicorn.Config(
            app, host=host, port=port, log_level="critical", access_log=False, lifespan="off",
            backlog=2048,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise OSError("the port is taken")
            self._thread.join(0.01)
        host, port = self._server.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)
