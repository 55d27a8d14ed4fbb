"""OpenDocument files: `content` reads them; lists are counted and tables squared beside it."""
