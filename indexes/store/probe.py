"""Recognises an embedding model by its vectors of fixed texts, whatever it is called.

A collection keeps what the model that made it makes of one fixed text. Whoever reads or writes
it is asked for the same: the same weights give the same vector, whatever they are called and
wherever they run; another model of the same name does not.
"""

import asyncio
import base64
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from indexes.models.guard import model_errors

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding

# Never change it: collections remember vectors of it. It has what models differ in: capitals,
# digits, accents, punctuation, another script.
PROBE = (
    "Déjà vu: on Tuesday, 27 grey Herons (Ardea cinerea) crossed the Straße at 6:45 p.m. — "
    "nobody counted them twice! 鷺は川で魚を食べる。"
)
# Quantised weights and other machines stay above it, other models far below.
SAME = 0.999
# Models that are remembered; an index has one, a judge's or a peer's may come along.
_MOST = 16


def packed(vector: Sequence[float]) -> str:
    """A vector's direction as text: half precision is plenty for comparing.

    Raises:
        ValueError: it is empty, has no direction, or holds something that is no number.
    """
    numbers = np.asarray(vector, dtype=np.float64)
    length = np.linalg.norm(numbers)
    if numbers.ndim != 1 or not np.isfinite(length) or not length:
        raise ValueError("is no vector of finite numbers, not all of them 0")
    return base64.b64encode((numbers / length).astype("<f2").tobytes()).decode()


def dimension_of(probe: str) -> int:
    """How many numbers a packed vector has.

    Raises:
        ValueError: it is not what `packed` gives.
    """
    return len(_unpacked(probe))


def likeness(one: str, other: str) -> float:
    """The cosine of two packed vectors; 0 where their dimensions differ."""
    a, b = _unpacked(one), _unpacked(other)
    if len(a) != len(b):
        return 0.0
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths else float(a.any() == b.any())


def _unpacked(probe: str) -> NDArray[np.float64]:
    try:
        numbers = np.frombuffer(base64.b64decode(probe, validate=True), dtype="<f2")
    except ValueError as error:
        raise ValueError("is no packed vector") from error
    if not numbers.size or not np.isfinite(numbers).all():
        raise ValueError("is no packed vector")
    return numbers.astype(np.float64)


class Probes:
    """What models make of the probe; each is asked once. Thread-safe."""

    def __init__(self) -> None:
        self._known: list[tuple[BaseEmbedding, str]] = []
        self._asking: dict[tuple[int, int], asyncio.Task[str]] = {}
        self._lock = threading.Lock()

    def of(self, model: "BaseEmbedding") -> str:
        """The probe's vector by this model, packed.

        Raises:
            ModelError: it can't embed it.
        """
        with self._lock, model_errors(model):
            return self._find(model) or self._keep(model, model.get_text_embedding(PROBE))

    async def aof(self, model: "BaseEmbedding") -> str:
        """The same, natively async."""
        if known := self._find(model):
            return known
        asking = (id(model), id(asyncio.get_running_loop()))
        if asking not in self._asking:
            task = asyncio.ensure_future(self._ask(model))
            self._asking[asking] = task
            task.add_done_callback(lambda _: self._asking.pop(asking, None))
        # One question of several that wait for it may be cancelled.
        return await asyncio.shield(self._asking[asking])

    async def _ask(self, model: "BaseEmbedding") -> str:
        with model_errors(model):
            return self._keep(model, await model.aget_text_embedding(PROBE))

    def _find(self, model: "BaseEmbedding") -> str | None:
        return next((probe for known, probe in self._known if known is model), None)

    def _keep(self, model: "BaseEmbedding", vector: Sequence[float]) -> str:
        probe = packed(vector)
        self._known = [*self._known[1 - _MOST :], (model, probe)]
        return probe
