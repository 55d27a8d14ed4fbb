"""Vectors of sentences that several ask for: the lanes of a comparison read the same passages.

vectors = Vectors()
claim = vectors.claim("a model", ["One.", "Two."])
claim.known                       # by text, what is there already
claim.mine                        # what is now ours to embed: others wait for it
vectors.settle(claim, {...})      # also after a failure: then others do it themselves
claim.awaited                     # who embeds the rest
"""

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


@dataclass
class Claim:
    """What became of a request for vectors.

    Attributes:
        model: that embeds them
        known: vectors by text
        mine: texts that whoever asked is to embed
        awaited: done when others have embedded the rest, or failed
        settled: done when this one has
    """

    model: str
    known: dict[str, Vector] = field(default_factory=dict)
    mine: list[str] = field(default_factory=list)
    awaited: list["Future[None]"] = field(default_factory=list)
    settled: "Future[None]" = field(default_factory=Future)


class Vectors:
    """Vectors by model and text, the latest used. Thread-safe.

    Holds no texts, only their digests.

    Args:
        most: how many are kept
    """

    def __init__(self, most: int = 2048) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Vector] = OrderedDict()
        self._claimed: dict[bytes, Future[None]] = {}

    def claim(self, model: str, texts: Sequence[str], *, patient: bool = True) -> Claim:
        """Divide texts into what is known, what is to be embedded now, and what others embed.

        Args:
            model: the name of what embeds them
            texts: each once
            patient: leave to others what they are at; else embed it, too
        """
        claim = Claim(model)
        # What runs can't be cancelled by those who wait for it.
        claim.settled.set_running_or_notify_cancel()
        with self._lock:
            for text in texts:
                key = _key(model, text)
                if key in self._kept:
                    self._kept.move_to_end(key)
                    claim.known[text] = self._kept[key]
                elif patient and key in self._claimed:
                    claim.awaited.append(self._claimed[key])
                else:
                    claim.mine.append(text)
                    self._claimed.setdefault(key, claim.settled)
        claim.awaited = list(dict.fromkeys(claim.awaited))
        return claim

    def settle(self, claim: Claim, vectors: Mapping[str, Vector]) -> None:
        """Keep what a claim's owner has embedded, and wake those who wait for it."""
        with self._lock:
            for text in claim.mine:
                key = _key(claim.model, text)
                if self._claimed.get(key) is claim.settled:
                    del self._claimed[key]
                if text in vectors:
                    # A row of a matrix would keep all of it.
                    self._kept[key] = vectors[text].copy()
                    self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        claim.settled.set_result(None)

    def __len__(self) -> int:
        return len(self._kept)


@dataclass(frozen=True)
class Waiting:
    """Waits until others have embedded what they are at, or for so long."""

    awaited: Sequence["Future[None]"]
    seconds: float

    def do(self) -> None:
        """Wait in this thread."""
        wait(self.awaited, timeout=self.seconds)

    async def ado(self) -> None:
        """Wait on the event loop."""
        waiting = [asyncio.wrap_future(future) for future in self.awaited]
        try:
            await asyncio.wait(waiting, timeout=self.seconds)
        finally:
            for one in waiting:
                one.cancel()


def _key(model: str, text: str) -> bytes:
    said = f"{model}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(said, digest_size=16).digest()
