"""What of a document's metadata goes with each of its nodes, so that filters find it.

All of it is kept once, with the document. With a node, of which there may be thousands, go
values that one filters by: numbers, words, short lists of these, objects of them; the small
ones first, until `MAX_BYTES` are full. A summary, an abstract or a transcript stays behind.
"""

import json
from typing import Any

from indexes.store.edge.translate import AS_TEXT

MAX_BYTES = 4096
MAX_VALUE_BYTES = 1024
# What an engine's payload can hold as an integer.
_MAX_INTEGER = 2**63 - 1


def filterable(metadata: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The metadata that nodes carry, and the names of what they don't.

    Args:
        metadata: of a document, as JSON holds it.
    """
    sizes = {name: _bytes(name, value) for name, value in metadata.items()}
    taken: set[str] = set()
    left = MAX_BYTES
    for name in sorted(sizes, key=lambda name: sizes[name]):
        left -= sizes[name]
        if sizes[name] > MAX_VALUE_BYTES or left < 0:
            break
        if _fits(metadata[name]):
            taken.add(name)
    return (
        {name: _found(value) for name, value in metadata.items() if name in taken},
        [name for name in metadata if name not in taken],
    )


def _found(value: Any) -> Any:
    """The value as both engines find it: truth values as text, too, for the embedded one."""
    if isinstance(value, bool):
        return [value, AS_TEXT[value]]
    if isinstance(value, dict):
        return {name: _found(item) for name, item in value.items()}
    if not isinstance(value, list):
        return value
    found = [_found(item) for item in value]
    # A list in a list is not searched.
    flat = [item if isinstance(item, list) else [item] for item in found]
    return [part for parts in flat for part in parts] if bool in map(type, value) else found


def _bytes(name: str, value: Any) -> int:
    return len(json.dumps([name, value], ensure_ascii=False).encode())


def _fits(value: Any) -> bool:
    """Whether an engine takes it as it is."""
    if isinstance(value, dict):
        return all(_fits(item) for item in value.values())
    if isinstance(value, list):
        return all(_fits(item) for item in value)
    return not isinstance(value, int) or abs(value) <= _MAX_INTEGER
