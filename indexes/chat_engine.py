"""LlamaIndex's chat engines over a pattern."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.llms import LLM
from llama_index.core.prompts import PromptTemplate

from indexes.errors import SettingsError
from indexes.query_options import ChatMode

# What each mode takes of the options that not all of them take, and its name for it.
_TAKES: dict[str, dict[str, str]] = {
    "condense_plus_context": {
        "system_prompt": "system_prompt",
        "context_prompt": "context_prompt",
        "condense_prompt": "condense_prompt",
        "node_postprocessors": "node_postprocessors",
        "verbose": "verbose",
    },
    "context": {
        "system_prompt": "system_prompt",
        "context_prompt": "context_template",
        "node_postprocessors": "node_postprocessors",
    },
    "condense_question": {
        "condense_prompt": "condense_question_prompt",
        "node_postprocessors": "",  # the query engine's
        "verbose": "verbose",
    },
    "simple": {"system_prompt": "system_prompt"},
}


def chat_engine(
    mode: ChatMode,
    llm: LLM,
    retriever: Callable[[], BaseRetriever],
    query_engine: Callable[[], BaseQueryEngine],
    given: Mapping[str, Any],
) -> BaseChatEngine:
    """A chat engine of a mode.

    Args:
        mode: `best` is `condense_plus_context`
        llm: who answers
        retriever: gives the retriever; called if it is needed
        query_engine: gives the query engine; called if it is needed
        given: LlamaIndex's options by name: history, memory, prompts, …

    Raises:
        SettingsError: there is no such mode, or it doesn't take one of the options
    """
    if mode in ("react", "openai"):
        raise SettingsError(
            f"chat_mode={mode!r}: give QueryEngineTool.from_defaults(index.query_engine()) to a "
            "ReActAgent or FunctionAgent"
        )
    if mode not in get_args(ChatMode):
        raise SettingsError(f"chat_mode={mode!r}: choose one of {', '.join(get_args(ChatMode))}")
    name = "condense_plus_context" if mode == "best" else mode
    options: dict[str, Any] = {"llm": llm}
    for option, value in given.items():
        if value is None:
            continue
        if option in ("chat_history", "memory"):
            options[option] = value
        elif option not in _TAKES[name]:
            raise SettingsError(f"{option}: a chat engine of mode {name} takes none")
        elif theirs := _TAKES[name][option]:
            options[theirs] = value
    match name:
        case "condense_plus_context":
            return CondensePlusContextChatEngine.from_defaults(retriever(), **options)
        case "context":
            return ContextChatEngine.from_defaults(retriever(), **options)
        case "condense_question":
            prompt = options.get("condense_question_prompt")
            if isinstance(prompt, str):
                options["condense_question_prompt"] = PromptTemplate(prompt)
            return CondenseQuestionChatEngine.from_defaults(query_engine(), **options)
    return SimpleChatEngine.from_defaults(**options)
