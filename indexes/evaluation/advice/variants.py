"""What can be set, as a list: patterns × searches × levels × judges × embeddings.

The first is the setting in use; then the simpler ones come first, so that of equals the
simplest is taken.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from indexes.patterns import find_pattern
from indexes.settings import SearchMode

Levels = tuple[int, ...]


@dataclass(frozen=True)
class Variant:
    """One combination of settings, but for the budget.

    Attributes:
        pattern: how contexts are chosen
        search: by meaning, by words, or both
        levels: chunk sizes in tokens, root first; empty for those of an index
        judge: who decides what helps, by name; empty where nothing is judged
        embedding: a spec in one line; None for that of the settings
    """

    pattern: str
    search: SearchMode
    levels: Levels
    judge: str = ""
    embedding: str | None = None

    def __str__(self) -> str:
        parts = [self.pattern, self.search, "/".join(map(str, self.levels)), self.judge]
        return " · ".join([*filter(None, parts), *([self.embedding] if self.embedding else [])])

    def settings(self, budget: int) -> dict[str, object]:
        """The variant as a settings file has it."""
        made: dict[str, object] = {
            "pattern": self.pattern,
            "search": self.search,
            "budget": budget,
        }
        if self.levels:
            made["levels"] = list(self.levels)
        if self.judge:
            made["judge"] = self.judge
        if self.embedding:
            made["embedding"] = self.embedding
        return made


# A judge that is asked for every passage, for every question: it is tried with the search and
# the levels in use alone.
DEAR = frozenset({"llm"})


def variants(
    used: Variant,
    *,
    patterns: Sequence[str],
    searches: Sequence[SearchMode],
    levels: Sequence[Levels],
    judges: Sequence[str],
    embeddings: Sequence[str | None] = (None,),
) -> list[Variant]:
    """All combinations, each once, the one in use first; of dear judges few.

    Raises:
        SettingsError: no pattern goes by one of the names
    """
    judging = {name: bool(find_pattern(name).postprocessors) for name in patterns}

    def every() -> Iterator[Variant]:
        for embedding, level, pattern, search in product(
            embeddings, levels, sorted(patterns, key=lambda name: name.count("+")), searches
        ):
            for judge in judges if judging[pattern] else ("",):
                usual = (search, level, embedding) == (used.search, used.levels, used.embedding)
                if usual or judge not in DEAR or len(judges) == 1:
                    yield Variant(pattern, search, level, judge, embedding)

    return list(dict.fromkeys([used, *every()]))
