"""Functions that users hand over, called with what their parameters ask for by name.

check_parameters(lambda question, budget: …, ("question", "budget"), "pattern 'mine'")
call(function, {"question": lambda: "…", "budget": lambda: 512})
"""

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

from indexes.errors import SettingsError

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_BY_PLACE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def parameters(function: Callable[..., Any], offered: Collection[str], what: str) -> list[str]:
    """The parameters that a function will be called with, all of them of `offered`.

    A parameter of another name must have a default; but a single one may be called anything
    (`lambda q: …`): it stands for the first of `offered`.

    Args:
        function: a function or a class
        offered: names of what it can be given, the most natural one first
        what: what it is, for messages

    Raises:
        SettingsError: it asks for something that is not offered
    """
    found = _signature(function, what)
    names = [one.name for one in found if one.kind in _NAMED and one.name in offered]
    unknown = [
        one.name
        for one in found
        if one.name not in names
        and one.default is inspect.Parameter.empty
        and one.kind in (*_NAMED, *_BY_PLACE)
    ]
    if len(unknown) == 1 and not names and found[0].kind in _BY_PLACE:
        return [next(iter(offered))]
    if unknown:
        raise SettingsError(
            f"{what}: its function asks for {unknown[0]}: its parameters are among "
            f"{', '.join(offered)}"
        )
    return names


def call(function: Callable[..., Any], offered: Mapping[str, Callable[[], Any]], what: str) -> Any:
    """Call a function with what it asks for; nothing else of `offered` is made."""
    names = parameters(function, offered, what)
    known = {one.name for one in _signature(function, what) if one.kind in _NAMED}
    if len(names) == 1 and names[0] not in known:
        return function(offered[names[0]]())
    return function(**{name: offered[name]() for name in names})


def _signature(function: Callable[..., Any], what: str) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{what}: give a function or a class, not {function!r}") from error
