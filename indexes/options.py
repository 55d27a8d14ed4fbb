"""Options of a call: named, typed, and checked when they are given.

    class Options(TypedDict, total=False):
        budget: Budget | None

    @named
    def ask(self, question: str, **options: Unpack[Options]) -> str:
        given = checked_options(Options, options)

Type checkers read the `TypedDict`, `named` shows the same names to `help()` and notebooks,
and `checked_options` refuses whatever else comes, in one line that says what is taken. The
types are those that settings, command line and page use.
"""

import difflib
import inspect
from collections.abc import Callable, Hashable, Mapping
from functools import cache
from numbers import Integral
from typing import Any, TypeVar, cast, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from indexes.errors import SettingsError, shown

Method = TypeVar("Method", bound=Callable[..., Any])
Given = TypeVar("Given")

# Applied to every `TypedDict` of options.
strictly = with_config(ConfigDict(arbitrary_types_allowed=True, extra="forbid", strict=True))

_SHOWN = 40
_BUDGET = "budget=… says how many tokens are delivered, top_k=… how many hits each search hands on"
# What other frameworks call it, and what serves the purpose here.
_ELSEWHERE = {
    "similarity_top_k": _BUDGET,
    "sparse_top_k": _BUDGET,
    "hybrid_top_k": _BUDGET,
    "k": _BUDGET,
    "vector_store_query_mode": "search='hybrid', 'dense' or 'bm25' says how to search",
    "method": "the pattern says it: regular (leaves), parent (tree), parent-ratio (ratio)",
    "simple_ratio_thresh": "merge_ratio=… is the same for the pattern parent-ratio",
    "embed_model": "an index has one embedding model: HierarchicalIndex(embedding=…)",
    "embedding": "an index has one embedding model: HierarchicalIndex(embedding=…)",
    "streaming": "stream() and astream() give the answer as it is written; query_engine() takes it",
    "response_mode": "query_engine() takes it",
    "response_synthesizer": "query_engine() takes it",
    "node_postprocessors": "query_engine() takes them; or add them to the pattern, as in "
    "parent+extract",
    "text_qa_template": "answer_prompt=… is the same here",
    "prompt": "answer_prompt=… replaces the answer's prompt",
    "llm": "HierarchicalIndex(llm=…) sets the model, judge=… who decides in compression",
    "verbose": "the trace tells what happened at each stage",
}


def checked_options(kind: type[Given], given: Mapping[str, Any]) -> Given:
    """Validate options against a `TypedDict` with `strictly`.

    Raises:
        SettingsError: there is no such option, or it does not take this value
    """
    # numpy's whole numbers are as good as Python's.
    plain = {
        name: int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value
        for name, value in given.items()
    }
    try:
        return cast(Given, _adapter(cast(Hashable, kind)).validate_python(plain))
    except ValidationError as error:
        wrong = error.errors(include_url=False)
    for detail in wrong:
        if detail["type"] == "extra_forbidden":
            raise SettingsError(_unknown(str(detail["loc"][0]), list(get_type_hints(kind))))
    name, reason = str(wrong[0]["loc"][0]), wrong[0]["msg"]
    reason = reason.removeprefix("Value error, ").replace("Input should", "should", 1)
    raise SettingsError(f"{name}={shown(repr(given[name]), _SHOWN)}: {reason}")


def named(method: Method) -> Method:
    """Show the options of a method one by one in its signature."""
    signature = inspect.signature(method)
    *parameters, options = signature.parameters.values()
    (kind,) = get_args(options.annotation)
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in get_type_hints(kind).items()
    ]
    method.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return method


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        hint = f"did you mean {close[0]}? "
    elif name in _ELSEWHERE:
        hint = f"{_ELSEWHERE[name]}; "
    else:
        hint = ""
    return f"no option is called {name!r} here: {hint}there are {', '.join(known)}"
