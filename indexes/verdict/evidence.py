"""Whether an index has anything to say to a question, against what is usual for that index.

Cosines mean something else for every embedding model and every collection. So a few dozen
questions about all kinds of things are searched for once: what they reach is what a question
reaches here that the documents know nothing of. A question has evidence if its closest leaf is
closer than that: than the median of those, and `SPREADS` robust standard deviations (1.4826 times
the median absolute deviation) more. Questions that the documents do answer by chance are outliers,
which neither median is moved by.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlowError
from dataclasses import dataclass

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding

from indexes.answers import Evidence
from indexes.details import MergeDetails, SearchDetails
from indexes.store.columns import Search
from indexes.store.nodes import TreeStore
from indexes.store.points import DENSE
from indexes.trace import Trace

logger = logging.getLogger(__name__)

# On the sample letters by MiniLM: 1 of their 67 answerable questions is below, and 26 of 30 about
# something else; with 2.0 it is 2 and 28.
SPREADS = 1.5
_SECONDS_KNOWN = 600.0
_SECONDS_WAITED = 10.0

PROBES = (
    "How do bees find their way back to the hive?",
    "What is the melting point of tungsten?",
    "Who painted the ceiling of the Sistine Chapel?",
    "How many strings does a viola have?",
    "What causes the northern lights?",
    "How is sourdough bread made?",
    "Which rules govern offside in football?",
    "What is the plural of ox?",
    "When did the Roman Empire fall?",
    "How do you change a bicycle tyre?",
    "What do pandas eat?",
    "Which vitamin prevents scurvy?",
    "How tall is Mount Kilimanjaro?",
    "What is the derivative of the sine?",
    "Who wrote Pride and Prejudice?",
    "How long is a marathon?",
    "Which planet has the most moons?",
    "What are the symptoms of measles?",
    "How does a sewing machine work?",
    "When should tulips be planted?",
)


@dataclass(frozen=True)
class Usual:
    """What unrelated questions reach in an index: cosines of their closest leaves."""

    median: float
    spread: float

    @classmethod
    def of(cls, closest: Sequence[float]) -> "Usual":
        """From what was reached; nothing is unusual where nothing was."""
        if not closest:
            return cls(0.0, 0.0)
        values = np.array(closest)
        median = float(np.median(values))
        return cls(median, 1.4826 * float(np.median(np.abs(values - median))))

    @property
    def least(self) -> float:
        """The cosine from which on there is evidence."""
        return self.median + SPREADS * self.spread


def judged(closest: float, usual: Usual) -> Evidence:
    """Whether a question's closest leaf is closer than what unrelated questions reach."""
    found = closest > usual.least
    how = "closer" if found else "no closer"
    return Evidence(
        found=found,
        closest=round(closest, 4),
        usual=round(usual.least, 4),
        why=(
            f"the closest passage is {how} to the question ({closest:.2f}) than passages here are "
            f"to questions about something else ({usual.least:.2f})"
        ),
    )


def closest_of(trace: Trace) -> float | None:
    """Cosine of the closest leaf of a search; None where it searched by words only."""
    searched, merged = trace.find(SearchDetails), trace.find(MergeDetails)
    if searched is None or merged is None or searched.mode == "bm25" or not merged.ranked:
        return None
    return max(leaf.cosine for leaf in merged.ranked)


class Probing:
    """What is usual for an index, searched for beside the questions that wait for it.

    Args:
        store: where the index is
        embedding: gives the model that made it
    """

    def __init__(self, store: TreeStore, embedding: Callable[[], BaseEmbedding]) -> None:
        self._store = store
        self._embedding = embedding
        self._vectors: list[list[float]] = []
        self._usual: Future[Usual] | None = None
        self._until = 0.0
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Search for it in a thread, unless it is known; it is looked at again after a while."""
        with self._lock:
            if self._usual is not None and time.monotonic() < self._until:
                return
            self._usual, self._until = Future(), time.monotonic() + _SECONDS_KNOWN
            threading.Thread(
                target=self._search, args=(self._usual,), name="usual", daemon=True
            ).start()

    def judge(self, trace: Trace) -> Evidence | None:
        """Whether a question whose passages were found has evidence; None where nobody knows."""
        closest, usual = closest_of(trace), self._usual
        if closest is None or usual is None:
            return None
        try:
            return judged(closest, usual.result(_SECONDS_WAITED))
        except TooSlowError:
            logger.warning("what is usual for this index is not known yet: no word on evidence")
        except Exception:
            # Asked again with the next question.
            self._until = 0.0
            logger.exception("what is usual for this index could not be found out")
        return None

    def _search(self, usual: Future[Usual]) -> None:
        try:
            usual.set_result(Usual.of(self._reached()))
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            usual.set_exception(error)

    def _reached(self) -> list[float]:
        if not self._vectors:
            model = self._embedding()
            self._vectors = [model.get_query_embedding(probe) for probe in PROBES]
        leaves = len(self._store.fingerprint().levels) - 1
        found = self._store.query(
            [Search(1, vector, DENSE, level=leaves, fields=("level",)) for vector in self._vectors]
        )
        return [hits.scores[0] for hits in found if hits.scores]
