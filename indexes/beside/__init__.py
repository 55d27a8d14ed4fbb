"""What the embedded engine does in a process of its own, which imports it and nothing else.

ending.py    such a process ends with the one that started it
remains.py   reading what is left of a damaged shard
spool.py     what was found, as a file

In `indexes.store`, each such process would import qdrant-client first: .7 s of processor time.
"""
