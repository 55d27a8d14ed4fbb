"""A PDF's pages → text: characters, runs of them, rows, blocks.

Used by `indexes.documents.readers.pdf`.
"""
