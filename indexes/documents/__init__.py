"""Files → LlamaIndex `Document`s.

    files.py      which files, and the name each goes by
    pdf.py        PDF → glyphs; rows.py → rows; reflow.py → paragraphs with a page map
    hyphens.py    which words a line's end divided
    markup.py     HTML and DOCX → paragraphs
    titles.py     what a document is called
    loading.py    all of it together, and documents that others made
    folders.py    all files in a folder; parallel.py in several processes

Every failure is a `DocumentError` of one line that names the file and the fix.
"""

from indexes.documents.files import find_files
from indexes.documents.folders import load_documents
from indexes.documents.loading import MAX_BYTES, adopt, load_document, pages_of

__all__ = [
    "MAX_BYTES",
    "adopt",
    "find_files",
    "load_document",
    "load_documents",
    "pages_of",
]
