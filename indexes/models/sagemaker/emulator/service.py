"""SageMaker's runtime as an ASGI application."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from indexes.models.sagemaker.codecs import Shape
from indexes.models.sagemaker.emulator import refusals, spoilt
from indexes.models.sagemaker.emulator.containers import Container
from indexes.models.sagemaker.emulator.models import Models
from indexes.models.sagemaker.emulator.refusals import RefusedError
from indexes.models.sagemaker.faults import Fault, FaultScript

# As at SageMaker.
MAX_REQUEST_BYTES = 6 * 2**20
_OPENAI = "openai/v1/chat/completions"
_TOKEN = "Bearer sagemaker-api-key-"  # noqa: S105 - how they begin


class Emulator:
    """The stand-in as an ASGI application (`app`).

    Args:
        models: What answers.
        shape: How language models answer, where `containers` says nothing else.
        endpoints: Names that exist; None for any.
        faults: What goes wrong.
        containers: What the endpoints hold, by name.
    """

    def __init__(
        self,
        models: Models,
        shape: Shape = "tgi",
        endpoints: Sequence[str] | None = None,
        faults: FaultScript | None = None,
        containers: Mapping[str, Container] | None = None,
    ) -> None:
        self.models = models
        self.shape = shape
        self.endpoints = endpoints
        self.faults = faults or FaultScript()
        self.containers = dict(containers or {})
        self.seen: list[dict[str, Any]] = []
        name = "/endpoints/{name}"
        component = name + "/inference-components/{component}"
        self.app = Starlette(
            routes=[
                Route("/ping", lambda _: Response(status_code=200)),
                Route(f"{name}/invocations", self._whole, methods=["POST"]),
                Route(f"{name}/invocations-response-stream", self._stream, methods=["POST"]),
                Route(f"{name}/{_OPENAI}", self._openai, methods=["POST"]),
                Route(f"{component}/{_OPENAI}", self._openai, methods=["POST"]),
            ]
        )

    async def _whole(self, request: Request) -> Response:
        try:
            body, fault = await self._taken(request)
            data = await self._answer(self._container(request), body)
        except RefusedError as refused:
            return refused.response()
        return spoilt.page() if fault and fault.fault == "page" else spoilt.whole(data, fault)

    async def _stream(self, request: Request) -> Response:
        held = self._container(request)
        try:
            body, fault = await self._taken(request)
            if fault and fault.fault == "unstreamed":
                raise RefusedError(400, "ValidationError", refusals.UNSTREAMED)
            if fault and fault.fault == "page":
                return spoilt.page()
            question = held.question(body)
        except RefusedError as refused:
            return refused.response()
        deltas = iterate_in_threadpool(self.models.answer(question))
        return StreamingResponse(
            spoilt.framed(held.events(question, deltas), fault),
            media_type="application/vnd.amazon.eventstream",
        )

    async def _openai(self, request: Request) -> Response:
        """The route for OpenAI's clients: answers are the container's, as they are."""
        held = self._container(request)
        try:
            if not request.headers.get("authorization", "").startswith(_TOKEN):
                raise RefusedError(401, "UnauthorizedError", "no bearer token of SageMaker's")
            body, fault = await self._taken(request)
            if not body.get("stream"):
                return spoilt.whole(await self._answer(held, body), fault)
            question = held.question(body)
        except RefusedError as refused:
            return refused.response(openai=True)
        deltas = iterate_in_threadpool(self.models.answer(question))
        events = held.events(question, deltas)
        return StreamingResponse(events, media_type="text/event-stream")

    def _container(self, request: Request) -> Container:
        return self.containers.get(request.path_params["name"]) or Container(self.shape)

    async def _answer(self, held: Container, body: dict[str, Any]) -> bytes:
        if held.payload is None and held.is_question(body):
            question = held.question(body)
            deltas = await run_in_threadpool(lambda: list(self.models.answer(question)))
            answer = held.answer(question, deltas)
        else:
            name, texts = held.texts(body)
            answer = held.vectors(name, await run_in_threadpool(self.models.embed, texts))
        return json.dumps(answer, ensure_ascii=False).encode()

    async def _taken(self, request: Request) -> tuple[dict[str, Any], Fault | None]:
        """The request's body, and what is to go wrong with its answer."""
        if "authorization" not in request.headers:
            raise RefusedError(403, "MissingAuthenticationTokenException", "Missing Token")
        data = bytearray()
        async for part in request.stream():
            data += part
            if len(data) > MAX_REQUEST_BYTES:
                raise RefusedError(
                    413, "ValidationError", f"Body must be at most {MAX_REQUEST_BYTES} bytes"
                )
        name = request.path_params["name"]
        if self.endpoints is not None and name not in self.endpoints:
            raise refusals.unknown(name)
        fault = self.faults.next()
        if fault is not None and (refused := refusals.refusal(fault)):
            raise refused
        try:
            body = json.loads(data)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise refusals.container("the body is no JSON object", 400)
        component = request.path_params.get("component") or request.headers.get(
            "x-amzn-sagemaker-inference-component"
        )
        self.seen.append({"endpoint": name, "component": component, **body})
        return body, fault
