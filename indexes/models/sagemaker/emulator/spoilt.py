"""Answers with what a fault script puts into them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

from starlette.responses import Response, StreamingResponse

from indexes.models.sagemaker.codecs import MAX_ANSWER_BYTES
from indexes.models.sagemaker.emulator.containers import sse
from indexes.models.sagemaker.event_stream import exception, payload_part
from indexes.models.sagemaker.faults import Fault

_PAGE = b"<html>Welcome to nginx!</html>"


def whole(data: bytes, fault: Fault | None) -> Response:
    """A whole answer."""
    if fault is None:
        return Response(data, media_type="application/json")
    if fault.fault == "reset":
        headers = {"Content-Length": str(len(data))}
        return StreamingResponse(_lost(data[: len(data) // 2]), headers=headers)
    return StreamingResponse(_slowly(_body(data, fault), fault), media_type="application/json")


def page() -> Response:
    """What a proxy answers in the service's place."""
    return Response(_PAGE, media_type="text/html")


async def framed(events: AsyncIterator[bytes], fault: Fault | None) -> AsyncIterator[bytes]:
    """A streamed one, in AWS's event stream."""
    if fault is None:
        async for event in events:
            yield payload_part(event)
        return
    if fault.fault in ("malformed", "oversized", "empty"):
        for part in _body(b"", fault):
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
        yield payload_part(sse({"error": fault.message, "error_type": "generation"}))
    if fault.fault == "stream_error":
        yield exception("ModelStreamError", fault.message, "ModelInvocationTimeExceeded")
    if fault.fault == "stream_failure":
        yield exception("InternalStreamFailure", fault.message)


def _body(data: bytes, fault: Fault) -> Iterator[bytes]:
    if fault.fault == "malformed":
        yield _PAGE
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
