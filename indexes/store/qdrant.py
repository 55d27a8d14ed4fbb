"""qdrant-client, imported without half a second of preparations that nobody needs.

At import it has pydantic build validators for all of its four hundred models, twice for many.
Told to wait, pydantic builds each when it is first used, which for most is never. And each client
copies the schemas of all that may have to be embedded, 17 ms, though none is ever changed: one
copy serves all.
"""

from copy import copy
from importlib import import_module
from typing import Any

from pydantic import BaseModel


def import_quickly() -> None:
    """Import qdrant-client; its models are completed as they are used."""
    rebuild, config = BaseModel.__dict__["model_rebuild"], BaseModel.model_config

    def unless_theirs(cls: type[BaseModel], *arguments: Any, **named: Any) -> bool | None:
        if cls.__module__ == "qdrant_client.http.models.models":
            return None
        built: bool | None = rebuild.__get__(None, cls)(*arguments, **named)
        return built

    BaseModel.model_rebuild = classmethod(unless_theirs)  # type: ignore[method-assign, assignment]
    BaseModel.model_config = {**config, "defer_build": True}
    try:
        import_module("qdrant_client")
    finally:
        BaseModel.model_rebuild = rebuild  # type: ignore[method-assign]
        BaseModel.model_config = config
    # Clients add schemas of their own to the outer dictionaries, and change nothing within.
    vars(import_module("qdrant_client.embed.schema_parser"))["deepcopy"] = copy
