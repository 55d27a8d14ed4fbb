"""Which files can be read. Light to import."""

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

# No CSV, JSON or code: their pieces mean little away from their header or their file.
MEDIA_TYPES = {
    ".docx": DOCX,
    ".htm": "text/html",
    ".html": "text/html",
    ".log": "text/plain",
    ".markdown": "text/markdown",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".rst": "text/plain",
    ".text": "text/plain",
    ".txt": "text/plain",
}
