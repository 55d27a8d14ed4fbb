"""What a model can do, as data: the one thing that the rest asks about a model.

    index.llm_capabilities.fits("judge")      # instead of asking who made it, or serves it
    index.embedding_capabilities.window

Models of the settings are described by their provider, models that are handed over by what
they say of themselves or by the caller (`indexes.models.described`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from indexes.errors import SettingsError

Task = Literal["answer", "judge", "grade", "condense"]

EVERYTHING: frozenset[Task] = frozenset(get_args(Task))
ANSWERS_ONLY: frozenset[Task] = frozenset({"answer"})

# What is taken to be read where nothing is known.
LLM_WINDOW = 8192
EMBEDDING_WINDOW = 512

# More context costs more than it finds (docs/comparison.md).
_BUDGET = 2048
_LEAST_BUDGET = 64
# A model's own tokens for a text, at most, per cl100k token; and the prompt's own words.
_TOKENS_MARGIN = 1.4
_PROMPT_TOKENS = 256
_ANSWERS_AT_ONCE = 32

# "SmolLM2-135M", "qwen2.5:0.5b", "Mixtral-8x7B". Fewer millions are a window ("7B-1M").
_SIZE = re.compile(r"(?<![\d.])(\d{1,4}(?:\.\d{1,3})?)\s?([mb])(?![a-z0-9])", re.IGNORECASE)
_LEAST_MILLIONS = 20
_LONGEST_NAME = 400
# In billions of parameters. Smaller ones answer, but judge no better than chance.
_SMALL = 1.0


@dataclass(frozen=True)
class Capabilities:
    """What a model can do.

    Example:
        able: Capabilities = index.llm_capabilities
        print(able.name, able.window, able.fits("judge"))

    Args:
        name: the model's
        window: tokens that it reads: prompt and answer, or one text to embed
        fit: tasks that it does well enough to be trusted with: to answer questions, to
            judge what helps (compression), to grade answers (evaluation), to condense a
            conversation into a question
        budget: cl100k tokens of context to fill where nothing else is asked for
        at_once: answers that may be asked for at the same time
        query_instruction: put before questions that are embedded
        passage_instruction: put before texts that are embedded
        provider: who serves it, for people
        in_process: it is loaded here, so that loading it early saves the first wait

    Raises:
        SettingsError: a number is not positive, or there is no such task
    """

    name: str
    window: int
    fit: frozenset[Task] = EVERYTHING
    budget: int = _BUDGET
    at_once: int = _ANSWERS_AT_ONCE
    query_instruction: str = ""
    passage_instruction: str = ""
    provider: str = "given"
    in_process: bool = False

    def __post_init__(self) -> None:
        for name in ("window", "budget", "at_once"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise SettingsError(f"{name}={value!r} of {self.name}: give a whole number over 0")
        object.__setattr__(self, "fit", _tasks(self.fit))

    def fits(self, task: Task) -> bool:
        """Whether it does a task well enough."""
        return task in self.fit


def _tasks(fit: Iterable[str]) -> frozenset[str]:
    tasks = frozenset([fit] if isinstance(fit, str) else fit)
    if unknown := sorted(map(str, tasks - EVERYTHING)):
        known = ", ".join(get_args(Task))
        raise SettingsError(f"no task is called {unknown[0]!r}: a model is fit to {known}")
    return tasks


def budget_of(window: int, answer_tokens: int) -> int:
    """The default budget: what a window leaves beside the prompt and the answer.

    Args:
        window: tokens of prompt and answer together
        answer_tokens: the longest answer; negative if unknown
    """
    room = (window - max(answer_tokens, 0) - _PROMPT_TOKENS) / _TOKENS_MARGIN
    return max(_LEAST_BUDGET, min(_BUDGET, int(room)))


def fit_by_name(name: str) -> frozenset[Task]:
    """What a language model is fit for, by the size that its name tells."""
    sizes = [
        float(number) / (1000 if unit in "mM" else 1)
        for number, unit in _SIZE.findall(name[:_LONGEST_NAME])
        if unit in "bB" or float(number) >= _LEAST_MILLIONS
    ]
    return ANSWERS_ONLY if sizes and max(sizes) < _SMALL else EVERYTHING


_FOR_SEARCHING = "Represent this sentence for searching relevant passages: "

_QWEN3_QUERY = (
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
)

# Embedding models by what is found in their names: the window, and what is put before
# questions and texts, as their authors' model cards say.
_EMBEDDINGS: tuple[tuple[str, int, str, str], ...] = (
    (r"all-minilm", 512, "", ""),
    (r"bge-m3", 8192, "", ""),
    (r"qwen3-embedding", 32_768, _QWEN3_QUERY, ""),
    (r"embeddinggemma-300m", 2048, "task: search result | query: ", "title: none | text: "),
    (r"bge-(small|base|large)-en", 512, _FOR_SEARCHING, ""),
    (r"mxbai-embed-large", 512, _FOR_SEARCHING, ""),
    (r"(?<![a-z])e5-(small|base|large)(?!.*instruct)", 512, "query: ", "passage: "),
    (r"gte-(small|base|large)(?!.*(v1|multilingual|-zh))", 512, "", ""),
    (r"nomic-embed-text-v", 2048, "search_query: ", "search_document: "),
    (r"text-embedding-(3-small|3-large|ada-002)", 8191, "", ""),
    (r"titan-embed-text-v2", 8192, "", ""),
)


def known_embedding(name: str, provider: str = "given") -> Capabilities:
    """Look an embedding model up by its name, such as `BAAI/bge-large-en-v1.5`; an unknown one
    reads 512 tokens.
    """
    for pattern, window, query, passage in _EMBEDDINGS:
        if re.search(pattern, name[:_LONGEST_NAME], re.IGNORECASE):
            return Capabilities(
                name,
                window,
                query_instruction=query,
                passage_instruction=passage,
                provider=provider,
            )
    return Capabilities(name, EMBEDDING_WINDOW, provider=provider)
