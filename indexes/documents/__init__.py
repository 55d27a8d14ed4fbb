"""Files → LlamaIndex `Document`s.

    files.py      which files, and the name each goes by
    formats.py    which reader reads which (reader.py: what one is); readers/: one a format
    blocks.py     what readers find; assembly.py makes it a text (extracted.py) with a report
    pdf.py        PDF → glyphs; rows.py → rows; reflow.py → paragraphs with a page map
    hyphens.py    which words a line's end divided
    titles.py     what a document is called
    loading.py    all of it together; adopting.py: documents that others made
    folders.py    all files in a folder
    sandbox.py    reading in limited processes (worker.py), by messages (task.py, limits.py)
    layout.py     where on its page a run of text stands

Every failure is a `DocumentError` of one line that names the file and the fix. Names are
imported when they are first used: readers need no LlamaIndex, and start without it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from indexes.documents.adopting import adopt, is_blank
    from indexes.documents.files import find_files
    from indexes.documents.folders import load_documents
    from indexes.documents.formats import register_reader, unregister_reader
    from indexes.documents.loading import MAX_BYTES, load_document, pages_of

_HOMES = {
    "MAX_BYTES": "loading",
    "adopt": "adopting",
    "find_files": "files",
    "is_blank": "adopting",
    "load_document": "loading",
    "load_documents": "folders",
    "pages_of": "loading",
    "register_reader": "formats",
    "unregister_reader": "formats",
}

__all__ = [
    "MAX_BYTES",
    "adopt",
    "find_files",
    "is_blank",
    "load_document",
    "load_documents",
    "pages_of",
    "register_reader",
    "unregister_reader",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
