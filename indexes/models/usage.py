"""What an answer cost, as the endpoint tells it."""

from typing import Any

from llama_index.core.base.llms.types import ChatResponse, CompletionResponse

from indexes.tokens import count_tokens

_SMALLEST_CONTEXT = 1024
# Other tokenizers make fewer tokens of a text.
_SURELY_MORE = 1.15


def usage_of(response: ChatResponse | CompletionResponse) -> tuple[int, int]:
    """Prompt and answer tokens of a response; zeros where the endpoint tells none.

    Of a stream, the last response has them.
    """
    usage = _field(response.raw, "usage")
    told = (_field(usage, name) for name in ("prompt_tokens", "completion_tokens"))
    tokens_in, tokens_out = (count if isinstance(count, int) else 0 for count in told)
    return tokens_in, tokens_out


def cut_silently(tokens_in: int, prompt: str) -> str:
    """What an endpoint seems to have cut off a prompt without a word, as Ollama does; or nothing.

    What it says it read is then the context length that it was started with.

    Args:
        tokens_in: those that it says it read; 0 where it says nothing
        prompt: what it was sent
    """
    if tokens_in < _SMALLEST_CONTEXT or tokens_in % _SMALLEST_CONTEXT:
        return ""
    sent = count_tokens(prompt)
    if sent < _SURELY_MORE * tokens_in:
        return ""
    return (
        f"a part of the prompt: the server read {tokens_in:,} of about {sent:,} tokens, which is "
        "its context length: raise that (Ollama: OLLAMA_CONTEXT_LENGTH), or lower RAG_BUDGET"
    )


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)
