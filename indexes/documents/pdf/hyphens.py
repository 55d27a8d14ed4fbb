"""Whether a hyphen at a line's end divided one word or joins two."""

import re
from collections.abc import Iterable

from indexes.documents.pdf.scripts import is_cjk

# Longer ones are no words, and a long line of letters is not to be searched from each.
_HYPHENATED = re.compile(r"(?<![^\W\d_])([^\W\d_]{1,60})[-\u00ad]$")
_TAIL = 64
WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
# What is left of a divided English word after its hyphen, when it is hardly a word itself.
_FRAGMENT = re.compile(
    r"[^aeiou]{0,2}(?:tion|sion|ment|ness|able|ible|ance|ence|tive|sive|ture|ties|ity|ally|ously"
    r"|ized|izing|ating|ated|tional|tial|cial)s?|ing|ings|ed|ly|er|ers|al|ous|ive|gy|cy|ry|ty"
)


class Hyphens:
    """Decides whether a hyphen at a line's end divided one word or joins two."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._words: set[str] = set()
        divided: list[tuple[str, str]] = []
        head: str | None = None
        for line in lines:
            # The halves that line ends make are no words of the document.
            text = line
            if head is not None:
                tail = WORD.match(text)
                if tail and tail[0].islower():
                    divided.append((head, tail[0]))
                text = text.partition(" ")[2]
            match = _hyphenated(line)
            head = match[1].lower() if match else None
            if match:
                text = text.rpartition(" ")[0]
            self._words.update(WORD.findall(text.lower()))
        votes = [self._evidence(*pair) for pair in divided]
        self._divides_words = votes.count(True) > votes.count(False)

    def between(self, last: str, line: str) -> str | None:
        """What stands between two lines of a paragraph; None if the hyphen that ends one goes."""
        if last.endswith(("—", "/")) and "://" not in last[-_TAIL:].rpartition(" ")[2]:
            return ""
        if is_cjk(last[-1]) and is_cjk(line[0]):
            return ""
        match = _hyphenated(last)
        if not match:
            return " "
        tail = WORD.match(line)
        if not tail:
            return ""
        soft = last.endswith("\u00ad")
        return None if soft or self.divided_a_word(match[1], tail[0]) else ""

    def divided_a_word(self, head: str, tail: str) -> bool:
        """Whether `head-` at a line's end and `tail` at the next one's start are one word."""
        if not tail.islower():
            return False
        known = self._evidence(head.lower(), tail)
        if known is not None:
            return known
        return self._divides_words or bool(_FRAGMENT.fullmatch(tail))

    def _evidence(self, head: str, tail: str) -> bool | None:
        """What the rest of the document says, if it says anything."""
        if f"{head}-{tail}" in self._words:
            return False
        if head + tail in self._words:
            return True
        # "high-" before "demand" is a compound; "invest-" before "ments" is not a pair
        # of words that stand alone.
        if head in self._words and tail.partition("-")[0] in self._words:
            return False
        return None


def _hyphenated(line: str) -> re.Match[str] | None:
    return _HYPHENATED.search(line[-_TAIL:]) if line.endswith(("-", "\u00ad")) else None
