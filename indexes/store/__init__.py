"""The tree in one Qdrant collection, embedded in a folder or on a server."""

from indexes.store.qdrant import import_quickly

import_quickly()
