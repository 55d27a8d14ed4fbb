"""What an endpoint said, as LlamaIndex's responses."""

from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    MessageRole,
)

from indexes.models.replies import RETRACTED
from indexes.models.sagemaker.codecs import Delta, finish_of
from indexes.models.sagemaker.runtime import Tries


def completion(
    text: str, delta: Delta, tries: Tries, *, streamed: bool = False
) -> CompletionResponse:
    """Of a prompt: the text so far, and what was added to it."""
    return CompletionResponse(
        text=text,
        delta=delta.text if streamed else None,
        raw=_raw(delta, tries),
        additional_kwargs=_told(delta, streamed),
    )


def response(text: str, delta: Delta, tries: Tries, *, streamed: bool = False) -> ChatResponse:
    """The same of a conversation."""
    return ChatResponse(
        message=ChatMessage(role=MessageRole.ASSISTANT, content=text),
        delta=delta.text if streamed else None,
        raw=_raw(delta, tries),
        additional_kwargs=_told(delta, streamed),
    )


def _told(delta: Delta, streamed: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"thinking_delta" if streamed else "thinking": delta.thinking}
    if delta.retracted:
        told[RETRACTED] = True
    if delta.finish is not None:
        told["finish_reason"] = finish_of(delta.finish)
    return told


def _raw(delta: Delta, tries: Tries) -> dict[str, Any]:
    return {
        "usage": {"prompt_tokens": delta.tokens_in, "completion_tokens": delta.tokens_out},
        "finish_reason": delta.finish,
        "retries": tries.again,
    }
