"""LangChain's callbacks, for the models that are called inside a run of ours.

A LangChain model that is called without a config takes that of the context it is called in,
and the judges' threads and tasks copy their caller's context. So it is enough to put a run's
callbacks there: handlers, tags and metadata reach every call, as the run's children.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from langchain_core.callbacks import Callbacks
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import patch_config, set_config_context

Result = TypeVar("Result")


def within(callbacks: Callbacks, function: Callable[[], Result]) -> Result:
    """Call `function`; the LangChain models that it calls report to these callbacks.

    Args:
        callbacks: a run's `get_child()`, or handlers; with None those around us stay
        function: called without arguments
    """
    if callbacks is None:
        return function()
    with set_config_context(_config(callbacks)) as context:
        return context.run(function)


async def awithin(
    callbacks: Callbacks, function: Callable[[], Coroutine[Any, Any, Result]]
) -> Result:
    """Await `function()`; the LangChain models that it calls report to these callbacks."""
    if callbacks is None:
        return await function()
    with set_config_context(_config(callbacks)) as context:
        return await asyncio.create_task(function(), context=context)


def _config(callbacks: Callbacks) -> RunnableConfig:
    # What is configured around us stays; the name and id of the run around us are not ours.
    config = patch_config(None)
    config.pop("run_name", None)
    config.pop("run_id", None)
    config["callbacks"] = callbacks
    return config
