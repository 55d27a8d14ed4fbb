"""Prompts and answers, from LlamaIndex's kind to LangChain's and back."""

from collections.abc import Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    get_buffer_string,
)
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.prompt_values import ChatPromptValue
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse

from indexes.errors import ModelError


class Prompt(ChatPromptValue):
    """Messages for a chat model, text for a completion model.

    A completion model is asked the question itself; a conversation keeps its roles.
    """

    def to_string(self) -> str:
        """The prompt as a completion model reads it."""
        if len(self.messages) == 1:
            return str(self.messages[0].text)
        return get_buffer_string(self.messages)


def prompt_of(messages: Sequence[ChatMessage]) -> Prompt:
    """What a LangChain model is invoked with."""
    return Prompt(messages=[_to_langchain(message) for message in messages])


def asked(prompt: str) -> list[ChatMessage]:
    """A prompt as a conversation of one message."""
    return [ChatMessage(role="user", content=prompt)]


def _to_langchain(message: ChatMessage) -> BaseMessage:
    text = message.content or ""
    match message.role.value:
        case "system" | "developer":
            return SystemMessage(text)
        case "assistant" | "chatbot" | "model":
            return AIMessage(text)
        case _:
            return HumanMessage(text)


class Answer:
    """An answer as LlamaIndex has it: each piece, and all of it up to there."""

    def __init__(self) -> None:
        self._text = ""
        self._used: UsageMetadata | None = None

    def add(self, piece: Any) -> ChatResponse:
        """Take in the next piece, or all of it at once."""
        words = _text(piece)
        self._text += words
        self._used = add_usage(self._used, getattr(piece, "usage_metadata", None))
        reason = _reason(piece)
        return ChatResponse(
            message=ChatMessage(role="assistant", content=self._text),
            delta=words,
            raw={
                "usage": {
                    "prompt_tokens": self._used["input_tokens"],
                    "completion_tokens": self._used["output_tokens"],
                }
            },
            additional_kwargs={
                "thinking_delta": _thoughts(piece),
                **({"finish_reason": reason} if reason else {}),
            },
        )


# Where LangChain's integrations put a model's thoughts, and why it ended.
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
_REASONS = ("finish_reason", "stop_reason", "stopReason", "done_reason", "finishReason")


def _thoughts(answer: Any) -> str:
    """The thoughts of a message, in blocks of its content or beside it."""
    if not isinstance(answer, BaseMessage):
        return ""
    blocks = answer.content if isinstance(answer.content, list) else []
    found = [
        block[name]
        for block in blocks
        if isinstance(block, dict) and block.get("type") in _THOUGHTS
        for name in _THOUGHTS
        if isinstance(block.get(name), str)
    ]
    beside = (answer.additional_kwargs.get(name) for name in _THOUGHTS)
    return "".join(found) or next((text for text in beside if isinstance(text, str)), "")


def _reason(answer: Any) -> str:
    beside = getattr(answer, "response_metadata", None) or {}
    return next((r for name in _REASONS if isinstance(r := beside.get(name), str)), "")


def _text(answer: Any) -> str:
    """The words of an answer."""
    if isinstance(answer, BaseMessage):
        return str(answer.text) or str(answer.additional_kwargs.get("refusal") or "")
    if isinstance(answer, str):
        return answer
    raise ModelError(
        f"the LangChain model answered with a {type(answer).__name__}, which is neither text nor "
        "a message: end the chain with StrOutputParser()"
    )


def completion_of(response: ChatResponse) -> CompletionResponse:
    """The same answer to a prompt that was no conversation."""
    return CompletionResponse(
        text=response.message.content or "",
        delta=response.delta,
        raw=response.raw,
        additional_kwargs=response.additional_kwargs,
    )
