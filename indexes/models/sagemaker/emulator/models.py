"""What answers behind the stand-in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

DEFAULT_NEW_TOKENS = 256


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
    """Answers with the local provider's models, as `build_llm` and `build_embedding` make them."""

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
