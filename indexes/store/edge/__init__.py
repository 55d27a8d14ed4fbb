"""Qdrant Edge, the server's own engine in-process, behind qdrant-client's interface.

backend.py      the whole interface, and a `QdrantClient` on it
base.py         what reading and writing share; read.py, write.py
queries.py      queries as the engine takes them; translate.py everything else
config.py       a collection's parameters
collection.py   one collection on disk and its upkeep; folder.py all of them
holding.py      who has a folder open; borrowed.py one that can't be written to
salvage.py      what is left of a damaged one, with numbering.py; seal.py what tells
"""
