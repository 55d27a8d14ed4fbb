"""Calls of a language model: constrained where it can be, bounded, counted, never raising."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from inspect import getattr_static
from typing import Any, Literal, Protocol, runtime_checkable

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms import LLM, CustomLLM

from indexes.compression.replies import LONGEST
from indexes.compression.work import TimedOutError, in_threads, on_the_loop
from indexes.errors import is_stop, shown
from indexes.models.replies import Reading, read
from indexes.tokens import count_tokens

logger = logging.getLogger(__name__)


@runtime_checkable
class Constrainable(Protocol):
    """An LLM whose answers can be held to a JSON schema.

    Any LLM that has this method is asked through it; one that has not is asked in words
    only, and its answers are read as tolerantly as all others.
    """

    def constrained(self, schema: dict[str, Any], max_tokens: int) -> dict[str, Any]:
        """Keyword arguments of `chat` and `achat` for an answer of this form and length.

        For an API that can't, `{}`. Made anew for each call; may be changed by the caller.
        """
        ...


@dataclass(frozen=True)
class Ask:
    """A prompt, the JSON schema of its answer, and the answer's limit in tokens."""

    prompt: str
    schema: dict[str, Any]
    max_tokens: int


@dataclass(frozen=True)
class Reply:
    """The model's reply to one prompt.

    Attributes:
        text: the answer; empty if there is none.
        outcome: `answered`, `failed` or `timeout`.
        note: what went wrong, in one line.
        seconds: how long the call took.
        tokens_in: the prompt's tokens, as the endpoint counted them.
        tokens_out: the answer's.
        counted: False where the endpoint told none and cl100k was counted instead.
        calls: requests that were sent for it.
    """

    text: str = ""
    outcome: Literal["answered", "failed", "timeout"] = "answered"
    note: str = ""
    seconds: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    counted: bool = True
    calls: int = 1


@dataclass
class Asking:
    """Prompts for one model, which retries by itself.

    Args:
        llm: any LlamaIndex LLM.
        asks: what to ask; the replies come in this order.
        at_once: calls in flight together.
        seconds: the longest that one call may take, its retries included.
    """

    llm: LLM
    asks: Sequence[Ask]
    at_once: int
    seconds: float
    # Whether the model takes constraints is found out once and kept by the judge.
    constraints: "Constraints" = field(default_factory=lambda: Constraints())

    def do(self) -> list[Reply]:
        """Ask all prompts in threads."""
        outcomes = in_threads(self._ask, self.asks, at_once=self.at_once, seconds=self.seconds)
        return self._replies(outcomes)

    async def ado(self) -> list[Reply]:
        """Ask all prompts on the event loop, or in threads if the model is only sync."""
        if getattr_static(type(self.llm), "achat") is getattr_static(CustomLLM, "achat"):
            return await asyncio.to_thread(self.do)
        outcomes = await on_the_loop(
            self._aask, self.asks, at_once=self.at_once, seconds=self.seconds
        )
        if any(isinstance(outcome, NotImplementedError) for outcome in outcomes):
            return await asyncio.to_thread(self.do)
        return self._replies(outcomes)

    def _ask(self, ask: Ask) -> Reply:
        started = time.monotonic()
        messages = [ChatMessage(role="user", content=ask.prompt)]
        options = self.constraints.of(self.llm, ask)
        calls = 1
        try:
            response = self.llm.chat(messages, **options)
        except Exception as error:
            if not options or is_stop(error):
                raise
            response = self.llm.chat(messages)
            calls = 2
            self.constraints.refused(error)
        said = read(response)
        if more := self.constraints.more(self.llm, ask, options, said):
            said, calls = read(self.llm.chat(messages, **more)), calls + 1
        return _reply(ask, said, time.monotonic() - started, calls)

    async def _aask(self, ask: Ask) -> Reply:
        started = time.monotonic()
        messages = [ChatMessage(role="user", content=ask.prompt)]
        options = self.constraints.of(self.llm, ask)
        calls = 1
        try:
            response = await self.llm.achat(messages, **options)
        except NotImplementedError:
            raise
        except Exception as error:
            if not options or is_stop(error):
                raise
            response = await self.llm.achat(messages)
            calls = 2
            self.constraints.refused(error)
        said = read(response)
        if more := self.constraints.more(self.llm, ask, options, said):
            said, calls = read(await self.llm.achat(messages, **more)), calls + 1
        return _reply(ask, said, time.monotonic() - started, calls)

    def _replies(self, outcomes: Sequence[Reply | BaseException]) -> list[Reply]:
        replies = []
        for ask, outcome in zip(self.asks, outcomes, strict=True):
            if isinstance(outcome, Reply):
                replies.append(outcome)
                continue
            note = shown(outcome)
            logger.warning("a judgement failed: %s", note)
            late = isinstance(outcome, TimedOutError)
            replies.append(
                Reply(
                    outcome="timeout" if late else "failed",
                    note=note,
                    seconds=self.seconds if late else 0.0,
                    tokens_in=count_tokens(ask.prompt),
                    counted=False,
                )
            )
        return replies


class Constraints:
    """Whether a model takes JSON schemas: assumed until it refuses one."""

    def __init__(self) -> None:
        self._possible = True

    def of(self, llm: LLM, ask: Ask) -> dict[str, Any]:
        """Options for `chat`; empty if the model takes no schema."""
        if not self._possible or not isinstance(llm, Constrainable):
            return {}
        return llm.constrained(ask.schema, ask.max_tokens)

    def more(
        self, llm: LLM, ask: Ask, before: dict[str, Any], said: Reading
    ) -> dict[str, Any] | None:
        """Options for asking again when thinking used up the answer; None if that can't help."""
        if not before or not said.spent:
            return None
        options = self.of(llm, ask)
        return options if options and options != before else None

    def refused(self, error: Exception) -> None:
        """Note that a call failed with a schema and succeeded without one."""
        self._possible = False
        logger.warning("the model takes no JSON schema, going on without: %s", shown(error))


def _reply(ask: Ask, said: Reading, seconds: float, calls: int) -> Reply:
    text = said.text[:LONGEST]
    tokens_in, tokens_out = said.usage
    counted = bool(tokens_in or tokens_out)
    if not counted:
        tokens_in, tokens_out = count_tokens(ask.prompt), count_tokens(text)
    return Reply(
        text=text,
        note=said.finish()[1],
        seconds=seconds,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        counted=counted,
        calls=calls,
    )
