r"""The answer's prompt: ours, or one that is handed over.

    as_prompt("Passages:\n{context}\n\nQuestion: {question}")
    as_prompt(PromptTemplate("{context_str}\n{query_str}"))    # LlamaIndex's names
    as_prompt(Path("prompt.txt"))

One prompt serves all patterns, so that patterns are compared and not prompts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms import LLM
from llama_index.core.prompts import BasePromptTemplate, PromptTemplate

from indexes.answers import NOT_FOUND
from indexes.errors import SettingsError

# Ours, and LlamaIndex's names for the same.
_NEEDED = (("context", "context_str"), ("question", "query_str"))
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True)
class AnswerPrompt:
    """A prompt with places for passages and question, and its name in the trace."""

    template: BasePromptTemplate
    version: str

    def messages(self, llm: LLM, context: str, question: str) -> list[ChatMessage]:
        """What the model is asked, with the instructions that the model carries itself."""
        asked = self.template.format_messages(
            llm=llm,
            context=context,
            context_str=context,
            question=question,
            query_str=question,
        )
        if llm.system_prompt:
            asked = [ChatMessage(role="system", content=llm.system_prompt), *asked]
        return asked

    def for_llamaindex(self) -> BasePromptTemplate:
        """The template for LlamaIndex's own synthesizers, which fill in their names."""
        names = {theirs: ours for ours, theirs in _NEEDED if ours in self.template.template_vars}
        if not names:
            return self.template
        mappings = {**(self.template.template_var_mappings or {}), **names}
        return self.template.model_copy(update={"template_var_mappings": mappings})


ANSWER_PROMPT = AnswerPrompt(
    PromptTemplate(
        "Answer the question from the numbered passages, and from nothing else. "
        "Cite each passage that you use by its number, like [1]. "
        f"If the passages do not hold the answer, reply: {NOT_FOUND}\n\n"
        "{context}\n\n"
        "Question: {question}\n"
        "Answer:"
    ),
    "answer-1",
)


def as_prompt(given: str | Path | BasePromptTemplate | AnswerPrompt | None) -> AnswerPrompt:
    """A prompt from a text, a file, or one of LlamaIndex's templates; None is ours.

    Raises:
        SettingsError: it is none of these, or lacks a place for the passages or the question
    """
    if given is None:
        return ANSWER_PROMPT
    if isinstance(given, AnswerPrompt):
        return given
    text = _read(given) if isinstance(given, Path) else given
    template = PromptTemplate(text) if isinstance(text, str) else text
    if not isinstance(template, BasePromptTemplate):
        raise SettingsError(
            "answer_prompt: give a text, a file's path or one of LlamaIndex's prompt templates, "
            f"not a {type(given).__name__}"
        )
    places = _places(template)
    missing = [f"{{{ours}}}" for ours, theirs in _NEEDED if not places & {ours, theirs}]
    if missing:
        where = f" in {given}" if isinstance(given, Path) else ""
        raise SettingsError(
            f"the answer prompt{where} has no place for {' and '.join(missing)}: it needs "
            "{context} and {question}, or LlamaIndex's {context_str} and {query_str}"
        )
    return AnswerPrompt(template, f"custom-{crc32(template.get_template().encode()):08x}")


def _read(file: Path) -> str:
    where = "setting answer_prompt (environment RAG_ANSWER_PROMPT)"
    try:
        with file.open("rb") as opened:
            read = opened.read(_MOST_BYTES + 1)
        text = read.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SettingsError(f"{where}: {file} can't be read ({reason})") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{where}: {file} is not UTF-8: save it as that") from error
    if len(read) > _MOST_BYTES:
        raise SettingsError(f"{where}: {file} is too large for a prompt: at most 64 kB")
    return text


def shown(messages: Sequence[ChatMessage]) -> str:
    """Messages as one text; a single one is its content."""
    if len(messages) == 1:
        return messages[0].content or ""
    return "\n\n".join(f"{message.role.value}: {message.content or ''}" for message in messages)


def _places(template: BasePromptTemplate) -> set[str]:
    """What a template can be given."""
    inside: set[str] = set(template.template_vars)
    mappings: dict[str, Any] = template.template_var_mappings or {}
    return inside | {name for name, variable in mappings.items() if variable in inside}
