"""LlamaIndex's `SageMakerLLM`, streaming, concurrent and fluent in its containers' shapes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.llms.sagemaker_endpoint import SageMakerLLM
from pydantic import BaseModel, Field, PrivateAttr

from indexes.models.sagemaker.codecs import Ask, Codec, Delta, Shape, StreamDecoder, read, write
from indexes.models.sagemaker.codecs import can_constrain as _can_constrain
from indexes.models.sagemaker.credentials import Keys
from indexes.models.sagemaker.runtime import Runtime, Target, Tries
from indexes.models.sagemaker.template import STOP, instruct_prompt

# Mixtral 8x7B's.
CONTEXT_WINDOW = 32_768
MAX_TOKENS = 256

_OURS = {"max_tokens", "max_new_tokens", "temperature", "stop", "schema"}


class EndpointLLM(SageMakerLLM):  # type: ignore[misc]
    """Mixtral, or another instruct model, on a SageMaker endpoint.

    Takes the arguments of `SageMakerLLM` and those below; connects on first use. Every way
    of asking raises `ModelError`. A response's `raw` has `usage`, `finish_reason` and
    `retries`.

        llm = EndpointLLM("mixtral", aws_region_name="us-east-1")
        for delta in llm.stream_complete("What is a parent document?"):
            print(delta.delta, end="")

    Args:
        endpoint_name: The endpoint.
        codec: What its container speaks; `auto` finds out from its first answer.
        context_window: Tokens of prompt and answer together.
        max_tokens: Tokens of an answer.
        bos: Whether prompts begin with a literal `<s>`, for tokenizers that add none.
        stop: Texts that end an answer.
        runtime: What calls the endpoint, instead of one made from the arguments.
        client: A `sagemaker-runtime` client to use.
        Others as `Target`.
    """

    codec: Codec = "auto"
    context_window: int = Field(CONTEXT_WINDOW, ge=1)
    max_tokens: int = Field(MAX_TOKENS, ge=1)
    temperature: float = Field(0.0, ge=0)
    stop: list[str] = Field(default_factory=lambda: [STOP])
    bos: bool = False

    _runtime: Runtime = PrivateAttr()
    _shape: Shape | None = PrivateAttr(default=None)

    def __init__(
        self,
        endpoint_name: str,
        *,
        runtime: Runtime | None = None,
        client: Any = None,
        endpoint_kwargs: dict[str, Any] | None = None,
        model_kwargs: dict[str, Any] | None = None,
        profile_name: str | None = None,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        aws_region_name: str | None = None,
        region_name: str | None = None,
        max_retries: int = 8,
        timeout: float = 120.0,
        connect_timeout: float = 10.0,
        endpoint_url: str | None = None,
        inference_component: str | None = None,
        role: str | None = None,
        concurrency: int = 48,
        **fields: Any,
    ) -> None:
        region = aws_region_name or region_name
        # Not SageMakerLLM's own: it connects, and keeps secrets in its fields.
        super(SageMakerLLM, self).__init__(
            endpoint_name=endpoint_name,
            endpoint_kwargs=dict(endpoint_kwargs or {}),
            model_kwargs=dict(model_kwargs or {}),
            profile_name=profile_name,
            region_name=region,
            aws_access_key_id=None,
            aws_secret_access_key=None,
            aws_session_token=None,
            max_retries=max_retries,
            timeout=timeout,
            **fields,
        )
        self._runtime = runtime or Runtime(
            Target(
                endpoint_name,
                inference_component=inference_component,
                region=region,
                profile=profile_name,
                role=role,
                endpoint_url=endpoint_url,
                connect_seconds=connect_timeout,
                read_seconds=timeout,
                retries=max_retries,
                at_once=concurrency,
                options=dict(endpoint_kwargs or {}),
            ),
            client,
            Keys.of(aws_access_key_id, aws_secret_access_key, aws_session_token),
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        # LlamaIndex's own calls __init__ and would lose the runtime.
        BaseModel.__setstate__(self, state)

    @classmethod
    def class_name(cls) -> str:
        """The stock class's, whose place this takes."""
        return "SageMakerLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """What the model can take."""
        return LLMMetadata(
            context_window=self.context_window,
            num_output=self.max_tokens,
            is_chat_model=True,
            model_name=self.endpoint_name,
        )

    @property
    def runtime(self) -> Runtime:
        """What calls the endpoint."""
        return self._runtime

    @property
    def shape(self) -> Shape:
        """What is sent: the codec set, or what the endpoint's answers suggest."""
        if self.codec != "auto":
            return self.codec
        return self._shape or "jumpstart"

    def constrained(self, schema: dict[str, Any], max_tokens: int) -> dict[str, Any]:
        """Options that hold one answer to a JSON schema, where the container can.

        While the container is unknown, and where it is JumpStart's common shape, they
        bound the answer's length only.
        """
        held = {"schema": schema} if _can_constrain(self.shape) else {}
        return {"max_tokens": max_tokens, **held}

    # Asking

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The whole answer to a prompt."""
        return self._completion(*self._whole(self._of_prompt(prompt, formatted, kwargs)))

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """The answer to a prompt, as it is written."""

        def stream() -> CompletionResponseGen:
            for text, delta, tries in self._deltas(self._of_prompt(prompt, formatted, kwargs)):
                yield CompletionResponse(text=text, delta=delta.text, raw=_raw(delta, tries))

        return stream()

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The whole answer to a conversation."""
        return self._chat_response(*self._whole(self._of_messages(messages, kwargs)))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The answer to a conversation, as it is written."""

        def stream() -> ChatResponseGen:
            for text, delta, tries in self._deltas(self._of_messages(messages, kwargs)):
                yield _said(text, delta.text, _raw(delta, tries))

        return stream()

    @llm_completion_callback()
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """The whole answer to a prompt, without blocking the loop."""
        return self._completion(*await self._awhole(self._of_prompt(prompt, formatted, kwargs)))

    @llm_completion_callback()
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """The answer to a prompt, as it is written, without blocking the loop."""

        async def stream() -> CompletionResponseAsyncGen:
            async for text, delta, tries in self._adeltas(
                self._of_prompt(prompt, formatted, kwargs)
            ):
                yield CompletionResponse(text=text, delta=delta.text, raw=_raw(delta, tries))

        return stream()

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The whole answer to a conversation, without blocking the loop."""
        return self._chat_response(*await self._awhole(self._of_messages(messages, kwargs)))

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """The answer to a conversation, as it is written, without blocking the loop."""

        async def stream() -> ChatResponseAsyncGen:
            async for text, delta, tries in self._adeltas(self._of_messages(messages, kwargs)):
                yield _said(text, delta.text, _raw(delta, tries))

        return stream()

    # What is sent

    def _of_prompt(self, prompt: str, formatted: bool, options: dict[str, Any]) -> Ask:
        messages = [{"role": "user", "content": prompt}]
        if self.system_prompt and not formatted:
            messages.insert(0, {"role": "system", "content": self.system_prompt})
        written = prompt if formatted else instruct_prompt(messages, self.bos)
        return self._ask(written, messages, options)

    def _of_messages(self, messages: Sequence[ChatMessage], options: dict[str, Any]) -> Ask:
        plain = [
            {"role": MessageRole(message.role).value, "content": message.content or ""}
            for message in messages
        ]
        if self.system_prompt and not any(m["role"] == "system" for m in plain):
            plain.insert(0, {"role": "system", "content": self.system_prompt})
        return self._ask(instruct_prompt(plain, self.bos), plain, options)

    def _ask(self, prompt: str, messages: list[dict[str, str]], options: dict[str, Any]) -> Ask:
        given = {**self.model_kwargs, **options}
        own = {name: value for name, value in given.items() if name in _OURS}
        return Ask(
            prompt=prompt,
            messages=messages,
            max_tokens=own.get("max_tokens") or own.get("max_new_tokens") or self.max_tokens,
            temperature=own.get("temperature", self.temperature),
            stop=own.get("stop", self.stop),
            schema=own.get("schema"),
            parameters={name: value for name, value in given.items() if name not in _OURS},
        )

    def _whole(self, ask: Ask) -> tuple[Ask, Delta, Tries]:
        tries = Tries()
        delta = self._runtime.invoke(write(ask, self.shape, False), read, tries)
        return ask, self._seen(delta), tries

    async def _awhole(self, ask: Ask) -> tuple[Ask, Delta, Tries]:
        tries = Tries()
        delta = await self._runtime.ainvoke(write(ask, self.shape, False), read, tries)
        return ask, self._seen(delta), tries

    def _deltas(self, ask: Ask) -> Any:
        gathered = _Gathered(ask)
        with self._runtime.errors():
            for part in self._runtime.stream(write(ask, self.shape, True), gathered.tries):
                for delta in gathered.feed(part):
                    yield gathered.add(self._seen(delta))
            for delta in gathered.close():
                yield gathered.add(self._seen(delta))

    async def _adeltas(self, ask: Ask) -> Any:
        gathered = _Gathered(ask)
        with self._runtime.errors():
            parts = self._runtime.astream(write(ask, self.shape, True), gathered.tries)
            try:
                async for part in parts:
                    for delta in gathered.feed(part):
                        yield gathered.add(self._seen(delta))
            finally:
                await parts.aclose()
            for delta in gathered.close():
                yield gathered.add(self._seen(delta))

    def _seen(self, delta: Delta) -> Delta:
        self._shape = self._shape or delta.shape
        return delta

    def _completion(self, ask: Ask, delta: Delta, tries: Tries) -> CompletionResponse:
        return CompletionResponse(text=_ended(delta.text, ask), raw=_raw(delta, tries))

    def _chat_response(self, ask: Ask, delta: Delta, tries: Tries) -> ChatResponse:
        return _said(_ended(delta.text, ask), None, _raw(delta, tries))


class _Gathered:
    """The text of a stream so far, held back where it may be the start of a stop text."""

    def __init__(self, ask: Ask) -> None:
        self._decoder = StreamDecoder()
        self._ask = ask
        self._text = ""
        self._sent = 0
        self.feed = self._decoder.feed
        self._closed = False
        self.tries = Tries()

    def close(self) -> list[Delta]:
        deltas = self._decoder.close()
        # What was held back is the answer's after all.
        self._closed = True
        return [*deltas, Delta()]

    def add(self, delta: Delta) -> tuple[str, Delta, Tries]:
        """The text so far, the delta with what may be shown of it, and what it took."""
        self._text += delta.text
        end = len(_ended(self._text, self._ask))
        if not self._closed and end == len(self._text):
            end -= _held_back(self._text, self._ask.stop)
        shown = replace(delta, text=self._text[self._sent : end])
        self._sent = max(self._sent, end)
        return self._text[: self._sent], shown, self.tries


def _ended(text: str, ask: Ask) -> str:
    """Text up to the first stop text: TGI leaves it at the end of an answer."""
    places = [place for stop in ask.stop if stop and (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else text


def _held_back(text: str, stops: Sequence[str]) -> int:
    """How many last characters may be the beginning of a stop text."""
    longest = 0
    for stop in stops:
        for length in range(min(len(stop) - 1, len(text)), longest, -1):
            if text.endswith(stop[:length]):
                longest = length
                break
    return longest


def _said(text: str, delta: str | None, raw: dict[str, Any]) -> ChatResponse:
    message = ChatMessage(role=MessageRole.ASSISTANT, content=text)
    return ChatResponse(message=message, delta=delta, raw=raw)


def _raw(delta: Delta, tries: Tries) -> dict[str, Any]:
    return {
        "usage": {"prompt_tokens": delta.tokens_in, "completion_tokens": delta.tokens_out},
        "finish_reason": delta.finish,
        "retries": tries.again,
    }
