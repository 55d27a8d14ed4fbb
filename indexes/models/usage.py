"""What an answer cost, as the endpoint tells it."""

from typing import Any

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse


def usage_of(response: ChatResponse | CompletionResponse) -> tuple[int, int]:
    """Prompt and answer tokens of a response; zeros where the endpoint tells none.

    Of a stream, the last response has them.
    """
    usage = _field(response.raw, "usage")
    told = (_field(usage, name) for name in ("prompt_tokens", "completion_tokens"))
    tokens_in, tokens_out = (count if isinstance(count, int) else 0 for count in told)
    return tokens_in, tokens_out


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)
