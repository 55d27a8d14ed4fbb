"""The library: files → tree → one Qdrant collection → merged, compressed, cited answers."""
