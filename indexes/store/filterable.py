"""What of a document's metadata goes with each of its nodes, so that filters find it.

All of it is kept once, with the document. With a node, of which there may be thousands, go
values that one filters by: numbers, words, short lists of these, objects of them; the small
ones first, until `MAX_BYTES` are full. A summary, an abstract or a transcript stays behind.
"""

import json
from typing import Any

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
        {name: value for name, value in metadata.items() if name in taken},
        [name for name in metadata if name not in taken],
    )


def _bytes(name: str, value: Any) -> int:
    return len(json.dumps([name, value], ensure_ascii=False).encode())


def _fits(value: Any) -> bool:
    """Whether an engine takes it as it is."""
    if isinstance(value, dict):
        return all(_fits(item) for item in value.values())
    if isinstance(value, list):
        return all(_fits(item) for item in value)
    return not isinstance(value, int) or abs(value) <= _MAX_INTEGER
