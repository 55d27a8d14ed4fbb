"""Lines of code that a file keeps as paragraphs."""

import re
from collections.abc import Iterable, Iterator

from indexes.documents.blocks import Block, Code

_NAMES = re.compile(r"(?:html )?preformatted.*|.*\bcode\b.*|macro text|listing.*")


def is_listing(style: str) -> bool:
    """Whether a style of this name, in lower case, is one for code."""
    return bool(_NAMES.fullmatch(style))


def joined(blocks: Iterable[Block]) -> Iterator[Block]:
    """Blocks, with the lines of one listing in one."""
    code: list[str] = []
    for block in blocks:
        if isinstance(block, Code):
            code.append(block.text)
            continue
        if code:
            yield Code("\n".join(code))
            code = []
        yield block
    if code:
        yield Code("\n".join(code))
