"""What users add by name from their own code, a notebook's cell included: providers and
judges. Patterns are in `indexes.patterns`, document formats in `indexes.documents`.

    register_provider("mine", llm=lambda settings: MyLLM(), embedding=lambda settings: …)
    index = HierarchicalIndex.open("my-index", provider="mine")

    register_judge("keen", KeenJudge)               # a class, a function, or a judge
    index.ask("…", "parent+extract", judge="keen")

Ours are named by where they are, so that a name can be checked without loading a library.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from indexes.errors import SettingsError
from indexes.parameters import parameters
from indexes.registry import Registry

# A function, or "module:name" where one of ours is.
Source = Callable[..., Any] | str

JUDGE_PARAMETERS = ("settings", "llm", "embedding")
SCORE_PARAMETERS = ("question", "texts")


def resolved(source: Any) -> Any:
    """What is at "module:name"; anything else is itself."""
    return pkgutil.resolve_name(source) if isinstance(source, str) else source


@dataclass(frozen=True)
class Provider:
    """Who serves models.

    Each function is given the settings, and loads and reaches nothing yet.

    Attributes:
        llm: makes the language model; None if there is none
        embedding: makes the embedding model; None if there is none
        describe_llm: its `Capabilities`; None reads them off the model
        describe_embedding: likewise
    """

    llm: Source | None
    embedding: Source | None
    describe_llm: Source | None = None
    describe_embedding: Source | None = None


def _ours(module: str) -> Provider:
    place = f"indexes.models.providers.{module}"
    parts = ("llm", "embedding", "describe_llm", "describe_embedding")
    return Provider(*(f"{place}:{part}" for part in parts))


PROVIDERS: Registry[Provider] = Registry(
    "provider", {name: _ours(name) for name in ("local", "openai", "sagemaker")}
)

JUDGES: Registry[Any] = Registry(
    "judge",
    {
        # The one of the next two that the language model's capabilities choose.
        "auto": None,
        "embedding": "indexes.compression.build:embedding_judge",
        "llm": "indexes.compression.build:llm_judge",
        "cross-encoder": "indexes.compression.build:build_cross_encoder",
    },
)


def register_provider(
    name: str,
    *,
    llm: Callable[..., Any] | None = None,
    embedding: Callable[..., Any] | None = None,
    replace: bool = False,
) -> None:
    """Add a provider of models: `provider="NAME"` in settings, options and `RAG_PROVIDER`.

        register_provider("mine", llm=lambda settings: Anthropic(model=settings.llm_model))

    What the models can do is read off them; `described` says what can't be read.

    Args:
        name: what `provider` is to be
        llm: gives the language model, LlamaIndex's or LangChain's; called with the settings
            if it takes them
        embedding: likewise the embedding model; without one, the index has to be given it
        replace: take the place of a provider of that name

    Raises:
        SettingsError: the name is taken or no name, or neither model is there
    """
    what = f"provider {name!r}"
    given = [source for source in (llm, embedding) if source is not None]
    if not given:
        raise SettingsError(f"{what}: pass llm=, embedding= or both, as functions of the settings")
    for source in given:
        parameters(source, ("settings",), what)
    PROVIDERS.register(name, Provider(llm, embedding), replace=replace)


def register_judge(name: str, judge: Any, *, replace: bool = False) -> None:
    """Add a judge of what helps: `judge="NAME"` in settings, options and `RAG_JUDGE`.

        register_judge("mine", lambda question, texts: [model.score(question, t) for t in texts])
        register_judge("mine", lambda llm: LLMJudge(llm, extract=MY_PROMPT))

    Args:
        name: what `judge` is to be
        judge: a judge; or a function or class that makes one from `settings`, `llm` and
            `embedding`, whichever of them its parameters name; or a function of `question`
            and `texts` that gives each text a score, higher for what helps more
        replace: take the place of a judge of that name

    Raises:
        SettingsError: the name is taken or no name, or it is no judge
    """
    if not is_judge(judge):
        parameters(judge, (*JUDGE_PARAMETERS, *SCORE_PARAMETERS), f"judge {name!r}")
    JUDGES.register(name, judge, replace=replace)


def is_judge(judge: Any) -> bool:
    """Whether something has a judge's methods (`indexes.compression.verdicts.Judge`)."""
    methods = ("sentences", "passages", "order", "with_prompt")
    return not isinstance(judge, type) and all(callable(getattr(judge, m, None)) for m in methods)
