"""Chat models behind OpenAI's API, in this process or anywhere: LlamaIndex's own class, with
what it lacks; embedding models are in `indexes.models.openai_embedding`.

- A connection instead of a key: the key is in no field, so `repr`, `to_dict` and
  `model_dump` cannot show it, and a local server starts on first use.
- Requests in the form that the endpoint takes, at its pace, and repeated where that helps
  (`indexes.models.sending`).
- An asynchronous client for each event loop, closed when the loop ends.
- Answers without the thoughts before them, which are beside (`indexes.models.replies`).
- Every failure a `ModelError`.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import openai
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
)
from llama_index.core.llms import LLM
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel, PrivateAttr

from indexes.models.clients import Clients
from indexes.models.endpoint import UNUSED, Connection
from indexes.models.refusals import refusal_of
from indexes.models.replies import Reading, separated
from indexes.models.thoughts import Piece

logger = logging.getLogger(__name__)

# What a model that thinks may need for that before it judges.
THINKING_TOKENS = 2048


def make_llm(
    connection: Connection,
    model: str,
    *,
    context_window: int,
    max_tokens: int,
    temperature: float = 0.0,
    sampling: Mapping[str, Any] | None = None,
) -> LLM:
    """Make a chat model; nothing is loaded or reached until it is asked.

    Args:
        connection: where it is served
        model: its name there
        context_window: tokens of prompt and answer together
        max_tokens: tokens of an answer
        temperature: 0 for the likeliest answer, up to 2
        sampling: further parameters of that server
    """
    return CompatibleLLM(
        connection,
        model=model,
        context_window=context_window,
        max_tokens=max_tokens,
        temperature=temperature,
        is_chat_model=True,
        # The last piece of a stream then tells the tokens; not sent where nothing streams.
        additional_kwargs={
            "stream_options": {"include_usage": True},
            **({"extra_body": dict(sampling)} if sampling else {}),
        },
    )


class CompatibleLLM(OpenAILike):
    """A chat model on any endpoint that speaks OpenAI's API."""

    _clients: Clients = PrivateAttr()

    def __init__(self, connection: Connection, **fields: Any) -> None:
        super().__init__(**UNUSED, **fields)
        self._clients = Clients(connection)

    def __setstate__(self, state: dict[str, Any]) -> None:
        # LlamaIndex's own calls __init__ and would lose the connection.
        BaseModel.__setstate__(self, state)

    def constrained(self, schema: dict[str, Any], max_tokens: int) -> dict[str, Any]:
        """How to ask for an answer of this form; see `indexes.compression.asking`."""
        named = {"name": "answer", "schema": schema, "strict": True}
        thinks = self._clients.way.habits.get("thinks")
        return {
            "response_format": {"type": "json_schema", "json_schema": named},
            "max_tokens": max_tokens + (THINKING_TOKENS if thinks else 0),
        }

    def _get_client(self) -> openai.OpenAI:
        return self._clients.sync()

    def _get_aclient(self) -> openai.AsyncOpenAI:
        return self._clients.asynchronous()

    def _get_model_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        # LlamaIndex puts the model's own limit over that of a call.
        limit = {"max_tokens": kwargs["max_tokens"]} if "max_tokens" in kwargs else {}
        options: dict[str, Any] = super()._get_model_kwargs(**kwargs)
        return {**options, **limit}

    def _chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        with self._clients.errors():
            return self._whole(super()._chat(messages, **kwargs))

    def _stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        with self._clients.errors():
            if self._streams:
                stream = self._stream()
                try:
                    for response in super()._stream_chat(messages, **kwargs):
                        yield stream.take(response)
                except openai.APIStatusError as error:
                    self._streams_not(error)
                else:
                    yield from stream.end()
                    return
            yield self._whole(super()._chat(messages, **kwargs))

    async def _achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        async with self._clients.aerrors():
            return self._whole(await super()._achat(messages, **kwargs))

    async def _astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        ask, whole = super()._astream_chat, super()._achat

        async def responses() -> ChatResponseAsyncGen:
            async with self._clients.aerrors():
                if self._streams:
                    stream = self._stream()
                    try:
                        async for response in await ask(messages, **kwargs):
                            yield stream.take(response)
                    except openai.APIStatusError as error:
                        self._streams_not(error)
                    else:
                        for response in stream.end():
                            yield response
                        return
                yield self._whole(await whole(messages, **kwargs))

        return responses()

    @property
    def _streams(self) -> bool:
        return self._clients.way.habits.get("streams") is not False

    def _streams_not(self, error: openai.APIStatusError) -> None:
        """Remember that the endpoint gives answers whole only.

        Raises:
            openai.APIStatusError: that is not what it says
        """
        if not refusal_of(error.response).is_no_stream:
            raise error
        self._clients.way.habits.learn("streams", False)

    def _whole(self, response: ChatResponse) -> ChatResponse:
        reading = self._reading()
        reading.take(response, whole_text=True)
        reading.end()
        self._learn(reading)
        whole = separated(response, reading, Piece())
        del whole.additional_kwargs["thinking_delta"]
        whole.additional_kwargs["thinking"] = reading.thinking
        whole.delta = response.delta
        return whole

    def _stream(self) -> "_Stream":
        return _Stream(self._reading(), self._learn)

    def _reading(self) -> Reading:
        return Reading(thinking=self._clients.way.habits.get("thinks untagged") is True)

    def _learn(self, reading: Reading) -> None:
        if reading.untagged:
            self._clients.way.habits.learn("thinks untagged", True)
        if reading.thinking or reading.spent:
            self._clients.way.habits.learn("thinks", True)


class _Stream:
    """The responses of one stream, with the answer apart from the thoughts."""

    def __init__(self, reading: Reading, learn: Callable[[Reading], None]) -> None:
        self._reading = reading
        self._learn = learn
        self._last: ChatResponse | None = None

    def take(self, response: ChatResponse) -> ChatResponse:
        self._last = response
        return separated(response, self._reading, self._reading.take(response))

    def end(self) -> list[ChatResponse]:
        """What was held back to the end.

        Raises:
            ValueError: nothing came: a page that is no stream of events reads like that
        """
        if self._last is None:
            raise ValueError("a stream without events")
        rest = self._reading.end()
        self._learn(self._reading)
        return [separated(self._last, self._reading, rest)] if rest.words or rest.thoughts else []
