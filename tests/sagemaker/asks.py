"""Every way to ask an endpoint: whole and streamed, sync and async, prompt and conversation."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, CompletionResponse

from indexes.models.sagemaker.llm import EndpointLLM

SHAPES = ["tgi", "lmi", "jumpstart", "messages"]
MESSAGES = [ChatMessage(role="user", content="What happened?")]
Ask = Callable[[EndpointLLM], Awaitable[Any]]


async def complete(llm: EndpointLLM) -> Any:
    return llm.complete("What happened?")


async def stream(llm: EndpointLLM) -> Any:
    return list(llm.stream_complete("What happened?"))[-1]


async def chat(llm: EndpointLLM) -> Any:
    return llm.chat(MESSAGES)


async def stream_chat(llm: EndpointLLM) -> Any:
    return list(llm.stream_chat(MESSAGES))[-1]


async def acomplete(llm: EndpointLLM) -> Any:
    return await llm.acomplete("What happened?")


async def astream(llm: EndpointLLM) -> Any:
    return [r async for r in await llm.astream_complete("What happened?")][-1]


async def achat(llm: EndpointLLM) -> Any:
    return await llm.achat(MESSAGES)


async def astream_chat(llm: EndpointLLM) -> Any:
    return [r async for r in await llm.astream_chat(MESSAGES)][-1]


STREAMS: list[Ask] = [stream, stream_chat, astream, astream_chat]
ASKS: list[Ask] = [complete, chat, acomplete, achat, *STREAMS]
each_ask = pytest.mark.parametrize("ask", ASKS, ids=lambda ask: ask.__name__)


def text_of(response: Any) -> str:
    is_completion = isinstance(response, CompletionResponse)
    return response.text if is_completion else response.message.content
