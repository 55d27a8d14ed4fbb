"""The tree in one Qdrant collection, embedded in a folder or on a server."""
