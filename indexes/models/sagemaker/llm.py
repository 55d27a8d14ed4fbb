"""LlamaIndex's `SageMakerLLM`, streaming, concurrent and fluent in its containers' shapes."""

from collections.abc import AsyncIterator, Iterator, Sequence
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

from indexes.errors import ModelError
from indexes.models.capabilities import LLM_WINDOW
from indexes.models.sagemaker.attempts import Asking, Attempt, Said
from indexes.models.sagemaker.codecs import Ask, Codec, Shape, can_constrain
from indexes.models.sagemaker.connection import Connection
from indexes.models.sagemaker.manners import Manner
from indexes.models.sagemaker.profiles import profile_of
from indexes.models.sagemaker.reading import read
from indexes.models.sagemaker.responses import completion, response
from indexes.models.sagemaker.runtime import Runtime
from indexes.models.sagemaker.templates import ENDS, Template, prompt_of

MAX_TOKENS = 256
_OURS = {"max_tokens", "max_new_tokens", "temperature", "stop", "schema"}


class EndpointLLM(SageMakerLLM):
    """A language model on a SageMaker endpoint.

    Takes the arguments of `SageMakerLLM` and those below; connects on first use. Every way
    of asking raises `ModelError`. A response's `raw` has `usage`, `finish_reason` and
    `retries`; its `additional_kwargs` have `thinking` or, of a stream, `thinking_delta`, and
    `finish_reason` in OpenAI's words.

    What its container wants is known from the model's profile, or found out: from what it
    refuses, and from what it answers.

        llm = EndpointLLM("mixtral", aws_region_name="us-east-1")
        for delta in llm.stream_complete("What is a parent document?"):
            print(delta.delta, end="")

    Args:
        endpoint_name: The endpoint.
        model: The model behind it, if the endpoint's name doesn't tell.
        codec: What its container speaks; `auto` finds out, `openai` takes SageMaker's
            OpenAI-compatible route.
        template: For containers that take a text; the profile's by default.
        context_window: Tokens of prompt and answer together; the profile's by default.
        max_tokens: Tokens of an answer.
        bos: Whether Mistral's prompts begin with a literal `<s>`, for tokenizers that add none.
        stop: Texts that end an answer; the template's by default.
        Others as `Connection` has them.
    """

    model: str | None = None
    codec: Codec = "auto"
    template: Template = "plain"
    context_window: int = Field(LLM_WINDOW, ge=1)
    max_tokens: int = Field(MAX_TOKENS, ge=1)
    temperature: float = Field(0.0, ge=0)
    stop: list[str] = Field(default_factory=list)
    bos: bool = False

    _runtime: Runtime = PrivateAttr()
    _asking: Asking = PrivateAttr()

    def __init__(self, endpoint_name: str, **given: Any) -> None:
        connection = Connection.taken_from(given, timeout=120.0)
        known = profile_of("llm", given.get("model"), endpoint_name)
        if known is not None:
            given.setdefault("template", known.template)
            given.setdefault("context_window", known.window)
        given.setdefault("stop", list(ENDS[given.get("template", "plain")]))
        # Not SageMakerLLM's own: it connects, and keeps secrets in its fields.
        super(SageMakerLLM, self).__init__(endpoint_name=endpoint_name, **connection.kept, **given)
        self._runtime = connection.made(endpoint_name, "llm", bearer=self.codec == "openai")
        first = _first_manner(self.codec, known.shape if known else "messages")
        self._asking = Asking(
            first, self.model, self.codec == "auto", self._runtime.target, connection.cache
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
            model_name=self.model or self.endpoint_name,
        )

    @property
    def runtime(self) -> Runtime:
        """What calls the endpoint."""
        return self._runtime

    @property
    def shape(self) -> Shape:
        """What is sent: the codec set, what was learnt, or what the model's profile says."""
        return self._asking.manner.shape

    def constrained(self, schema: dict[str, Any], max_tokens: int) -> dict[str, Any]:
        """Options that hold one answer to a JSON schema, where the container can.

        Where it is JumpStart's common shape, they bound the answer's length only.
        """
        held = self._asking.manner.schema and can_constrain(self.shape)
        return {"max_tokens": max_tokens, **({"schema": schema} if held else {})}

    # Asking

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """The whole answer to a prompt."""
        return completion(*self._invoked(self._of_prompt(prompt, formatted, kwargs)))

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """The answer to a prompt, as it is written."""

        def stream() -> CompletionResponseGen:
            for said in self._deltas(self._of_prompt(prompt, formatted, kwargs)):
                yield completion(*said, streamed=True)

        return stream()

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The whole answer to a conversation."""
        return response(*self._invoked(self._of_messages(messages, kwargs)))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The answer to a conversation, as it is written."""

        def stream() -> ChatResponseGen:
            for said in self._deltas(self._of_messages(messages, kwargs)):
                yield response(*said, streamed=True)

        return stream()

    @llm_completion_callback()
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """The whole answer to a prompt, without blocking the loop."""
        return completion(*await self._ainvoked(self._of_prompt(prompt, formatted, kwargs)))

    @llm_completion_callback()
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """The answer to a prompt, as it is written, without blocking the loop."""

        async def stream() -> CompletionResponseAsyncGen:
            async for said in self._adeltas(self._of_prompt(prompt, formatted, kwargs)):
                yield completion(*said, streamed=True)

        return stream()

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """The whole answer to a conversation, without blocking the loop."""
        return response(*await self._ainvoked(self._of_messages(messages, kwargs)))

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """The answer to a conversation, as it is written, without blocking the loop."""

        async def stream() -> ChatResponseAsyncGen:
            async for said in self._adeltas(self._of_messages(messages, kwargs)):
                yield response(*said, streamed=True)

        return stream()

    # What is sent

    def _of_prompt(self, prompt: str, formatted: bool, options: dict[str, Any]) -> Attempt:
        messages = [{"role": "user", "content": prompt}]
        if self.system_prompt and not formatted:
            messages.insert(0, {"role": "system", "content": self.system_prompt})
        return self._ask(prompt if formatted else None, messages, options)

    def _of_messages(self, messages: Sequence[ChatMessage], options: dict[str, Any]) -> Attempt:
        plain = [
            {"role": MessageRole(message.role).value, "content": message.content or ""}
            for message in messages
        ]
        if self.system_prompt and not any(m["role"] == "system" for m in plain):
            plain.insert(0, {"role": "system", "content": self.system_prompt})
        return self._ask(None, plain, options)

    def _ask(
        self, prompt: str | None, messages: list[dict[str, str]], options: dict[str, Any]
    ) -> Attempt:
        given = {**self.model_kwargs, **options}
        own = {name: value for name, value in given.items() if name in _OURS}
        ask = Ask(
            prompt=prompt_of(messages, self.template, self.bos) if prompt is None else prompt,
            messages=messages,
            max_tokens=own.get("max_tokens") or own.get("max_new_tokens") or self.max_tokens,
            temperature=own.get("temperature", self.temperature),
            stop=own.get("stop", self.stop),
            schema=own.get("schema"),
            parameters={name: value for name, value in given.items() if name not in _OURS},
        )
        return Attempt(self._asking, ask)

    # What comes back: text so far, what was added, how often it was tried

    def _invoked(self, attempt: Attempt) -> Said:
        while True:
            try:
                delta = self._runtime.invoke(attempt.body(False), read, attempt.tries)
            except ModelError as error:
                attempt.learn(error, streamed=False)
            else:
                return attempt.whole(delta)

    async def _ainvoked(self, attempt: Attempt) -> Said:
        while True:
            try:
                delta = await self._runtime.ainvoke(attempt.body(False), read, attempt.tries)
            except ModelError as error:
                attempt.learn(error, streamed=False)
            else:
                return attempt.whole(delta)

    def _deltas(self, attempt: Attempt) -> Iterator[Said]:
        while attempt.manner.streams:
            gathered, begun = attempt.gathered(), False
            try:
                with self._runtime.errors():
                    for part in self._runtime.stream(attempt.body(True), attempt.tries):
                        for delta in gathered.feed(part):
                            begun = True
                            yield attempt.part(gathered, delta)
                    for delta in gathered.close():
                        yield attempt.part(gathered, delta)
            except ModelError as error:
                if begun:
                    raise
                attempt.learn(error, streamed=True)
            else:
                return
        yield self._invoked(attempt)

    async def _adeltas(self, attempt: Attempt) -> AsyncIterator[Said]:
        while attempt.manner.streams:
            gathered, begun = attempt.gathered(), False
            parts = self._runtime.astream(attempt.body(True), attempt.tries)
            try:
                with self._runtime.errors():
                    async for part in parts:
                        for delta in gathered.feed(part):
                            begun = True
                            yield attempt.part(gathered, delta)
                    for delta in gathered.close():
                        yield attempt.part(gathered, delta)
            except ModelError as error:
                if begun:
                    raise
                attempt.learn(error, streamed=True)
            else:
                return
            finally:
                await parts.aclose()
        yield await self._ainvoked(attempt)


def _first_manner(codec: Codec, known: Shape) -> Manner:
    if codec == "auto":
        return Manner(known)
    return Manner("messages" if codec == "openai" else codec, fixed=True)
