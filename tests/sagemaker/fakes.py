"""Models behind the stand-in that say what they are told, and a server around them."""

import threading
import time
from collections.abc import Iterator, Sequence

from indexes.models.sagemaker.emulator import ChatRequest

WORDS = ["Bosun ", "wurde – ", "naïvely 🚢 ", "„eingestellt“", "."]
TEXT = "".join(WORDS)


class SaidModels:
    """Answers with `words`, each `seconds` after the one before, and remembers questions.

    While `free` is not set, nothing comes after the first word.

    A text's vector is its length, 3 and 4, not normalised.
    """

    def __init__(self) -> None:
        self.words: list[str] = WORDS
        self.seconds = 0.0
        self.free = threading.Event()
        self.free.set()
        self.questions: list[ChatRequest] = []
        self.texts: list[str] = []
        self.batches: list[int] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        self.said = 0

    def answer(self, question: ChatRequest) -> Iterator[str]:
        self.questions.append(question)
        for word in self.words:
            time.sleep(self.seconds)
            self.said += 1
            yield word
            self.free.wait(60)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            self.texts += texts
            self.batches.append(len(texts))
        time.sleep(self.seconds)
        with self._lock:
            self._now -= 1
        return [[float(len(text)), 3.0, 4.0] for text in texts]
