"""The library: files → tree → one Qdrant collection → merged, compressed, cited answers."""

__version__ = "0.1.0"
