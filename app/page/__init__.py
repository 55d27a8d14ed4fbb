"""The Gradio page: ask, read the answer with its sources, keep documents.

`layout.build_page` puts it together, `server.serve` serves it. The page holds no retrieval
logic: it shows what `indexes.index.HierarchicalIndex` says.

    from indexes.app.page import open_page    # from a notebook
"""

from typing import Any

__all__ = ["open_page"]


def __getattr__(name: str) -> Any:
    """Import what notebooks open the page with when it is asked for: Gradio takes seconds."""
    if name != "open_page":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .background import open_page

    return open_page
