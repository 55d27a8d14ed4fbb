"""Gradio, imported in half the time."""

import inspect
from importlib import import_module
from typing import Any


def import_gradio() -> None:
    """Import Gradio without its looking whether the stubs of its components are up to date.

    At each import it parses the source of all eighty, for editors' sake: 2 s of processor time. It
    leaves out those that have no file, so for so long none has.
    """
    getfile = inspect.getfile

    def unless_theirs(thing: Any) -> str:
        if isinstance(thing, type) and thing.__module__.startswith("gradio."):
            raise OSError("none is needed")
        return getfile(thing)

    vars(inspect)["getfile"] = unless_theirs
    try:
        import_module("gradio")
    finally:
        vars(inspect)["getfile"] = getfile
