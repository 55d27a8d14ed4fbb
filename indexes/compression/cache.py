"""Judgements remembered: by model, prompt, question and passage."""

import hashlib
import threading
from collections import OrderedDict


class JudgementCache:
    """Remembers which sentences of a passage a judge kept. Thread-safe.

    Stores digests of questions and passages, never their texts. The least recently used of more
    than `entries` passages are forgotten.
    """

    def __init__(self, entries: int = 4096) -> None:
        self._entries = entries
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, tuple[bool, ...]] = OrderedDict()

    def get(self, key: tuple[str, ...]) -> tuple[bool, ...] | None:
        """What was decided, or None."""
        digest = _digest(key)
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
            return self._kept.get(digest)

    def put(self, key: tuple[str, ...], kept: tuple[bool, ...]) -> None:
        """Remember a decision."""
        digest = _digest(key)
        with self._lock:
            self._kept[digest] = kept
            self._kept.move_to_end(digest)
            while len(self._kept) > self._entries:
                self._kept.popitem(last=False)

    def __len__(self) -> int:
        return len(self._kept)


def _digest(key: tuple[str, ...]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for part in key:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.digest()
