"""Settings in a file of their own: a JSON object of their names and values.

    {"pattern": "parent", "search": "hybrid", "budget": 1024}

`advanced-rag advise` writes one, and every command takes it by `--settings FILE`. What the
command line or the environment says wins over the file.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from indexes.disks import write_in_one_step
from indexes.errors import SettingsError

# Far more than all settings take.
_MOST_BYTES = 1_000_000


def read_settings(path: str | Path) -> dict[str, Any]:
    """What a settings file says and the environment does not.

    Raises:
        SettingsError: the file can't be read, or is no JSON object
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"settings file {path}: {reason}: name one that can be read") from error
    if len(data) > _MOST_BYTES:
        raise SettingsError(
            f"settings file {path}: is larger than {_MOST_BYTES:,} bytes: is it one?"
        )
    try:
        given = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise SettingsError(
            f'settings file {path}: is no JSON object: write one, like {{"pattern": "parent"}}'
        )
    outside = {name.upper() for name in os.environ}
    return {name: value for name, value in given.items() if f"RAG_{name.upper()}" not in outside}


def write_settings(path: str | Path, settings: Mapping[str, Any]) -> None:
    """Write a settings file, whole or not at all; its folder is made where it is missing.

    Raises:
        SettingsError: it can't be written
    """
    path = Path(path)
    text = json.dumps(dict(settings), indent=2, ensure_ascii=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_in_one_step(path, text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(
            f"settings file {path}: {reason}: name one that can be written"
        ) from error
