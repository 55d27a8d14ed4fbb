"""Words and thoughts in one text that comes in pieces.

    splitter = Splitter()
    for text in stream:
        piece = splitter.add(text)
        print(piece.words, end="")
    splitter.end()
    splitter.text, splitter.thoughts

Every family of models has tags of its own for what it thinks, and marks for where it ends.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

_NAMES = ("think", "thinking", "thought", "reasoning", "seed:think")
# In the order of models: most; Magistral; Kimi; Command; Gemma; Apertus; gpt-oss.
_OPENINGS = (
    *(f"<{name}>" for name in _NAMES), "[THINK]", "◁think▷", "<|START_THINKING|>",
    "<|channel>thought", "<|inner_prefix|>", "<|channel|>analysis<|message|>",
    "<|start|>assistant<|channel|>analysis<|message|>",
)  # fmt: skip
# gpt-oss's where its markers are left out: an answer that begins with `analysis`.
_BARE = ("analysis", "assistantfinal")
_CLOSINGS = (
    *(f"</{name}>" for name in _NAMES), "[/THINK]", "◁/think▷", "<|END_THINKING|>",
    "<|START_RESPONSE|>", "<channel|>", "<|inner_suffix|>", "<|channel|>final<|message|>",
    "<|start|>assistant<|channel|>final<|message|>",
    "<|end|><|start|>assistant<|channel|>final<|message|>", _BARE[1],
)  # fmt: skip
# What some servers leave at an answer's end.
_ENDS = (
    "</s>", "<|im_end|>", "<|eot_id|>", "<|end_of_text|>", "<|endoftext|>", "<|end|>",
    "<|return|>", "<end_of_turn>", "<turn|>", "<|END_RESPONSE|>", "<|END_OF_TURN_TOKEN|>",
    "<｜end▁of▁sentence｜>",
)  # fmt: skip
_OPENING, _CLOSING = (
    re.compile("|".join(map(re.escape, sorted(tags, key=len, reverse=True))), re.IGNORECASE)
    for tags in (_OPENINGS, _CLOSINGS)
)
_BEGINNINGS = {
    tag[:size].lower()
    for tag in (*_OPENINGS, *_CLOSINGS, *_ENDS)
    for size in range(1, len(tag) + 1)
}
_LONGEST_TAG = max(map(len, _BEGINNINGS))
_MOST_HELD = 512


@dataclass(frozen=True)
class Piece:
    """What a response adds.

    Attributes:
        words: of the answer
        thoughts: before it
        retracted: whether all words before these were thoughts
    """

    words: str = ""
    thoughts: str = ""
    retracted: bool = False


class Splitter:
    """Parts text that comes in pieces into words and thoughts.

    Thoughts are what stands before the last closing tag, and after an opening one at the
    beginning of an answer. Marks of a model's at the answer's end are left out.

    Args:
        thinking: whether it begins with thoughts, without a tag that says so
    """

    def __init__(self, *, thinking: bool = False) -> None:
        self.text = ""
        self.thoughts = ""
        self.untagged = False
        self._guessed = self._thinking = thinking
        self._beginning = True
        self._closed = False
        self._blank = ""
        self._held = ""

    def add(self, piece: str) -> Piece:
        """Take in the next piece; the beginning of what may be a tag is held back."""
        self._held += piece
        before = self.text
        words = thoughts = ""
        retracted = False
        while True:
            if self._beginning and not self._thinking and self._opens():
                continue
            if closings := self._closings(before):
                if not self._thinking:
                    thoughts += before + self._blank
                    retracted = True
                    self.untagged |= bool((thoughts + self._held[: closings[0].start()]).strip())
                self.untagged |= self._guessed
                thoughts += self._close(closings)
            elif self._thinking:
                thoughts += self._released()
                break
            elif self._beginning and _may_open(self._held):
                break
            else:
                if ready := self._released():
                    words += self._blank + ready
                    self._blank, self._beginning = "", False
                break
        self.text = words if retracted else before + words
        self.thoughts += thoughts
        return Piece(words, thoughts, retracted)

    def end(self) -> Piece:
        """What was held back, when nothing more comes."""
        held = self._blank + self._held[: _end_of(self._held, len(self._held))]
        self._held = self._blank = ""
        if self._thinking and self._guessed:
            # It did not think this time.
            self.text, self.thoughts = self.thoughts + held, ""
            return Piece(self.text)
        if self._thinking:
            self.thoughts += held
            return Piece(thoughts=held)
        self.text += held
        return Piece(held)

    def _closings(self, before: str) -> list[re.Match[str]]:
        """The closing tags in what is held.

        Args:
            before: words that came before it
        """
        beginning = before[: len(_BARE[0])] + self._held
        bare = self._thinking or beginning.lstrip().startswith(_BARE[0])
        found = _CLOSING.finditer(self._held)
        return [closing for closing in found if bare or closing[0].lower() != _BARE[1]]

    def _opens(self) -> bool:
        """Whether an answer begins with thoughts; blanks before either are put aside."""
        rest = self._held.lstrip()
        if not self._closed:
            self._blank += self._held[: len(self._held) - len(rest)]
        self._held = rest
        opening = _OPENING.match(rest)
        if opening is None:
            return False
        self._held, self._blank = rest[opening.end() :], ""
        self._thinking, self._guessed = True, False
        return True

    def _close(self, closings: list[re.Match[str]]) -> str:
        """End the thoughts at the last of some closing tags, and give what there are to it."""
        said = [self._held[: closings[0].start()]]
        for before, after in pairwise(closings):
            part = self._held[before.end() : after.start()].lstrip()
            opening = _OPENING.match(part)
            self.untagged |= opening is None and bool(part)
            said.append(part[opening.end() :] if opening else part)
        self._held = self._held[closings[-1].end() :].lstrip()
        self._blank = ""
        self._thinking, self._guessed = False, False
        self._beginning = self._closed = True
        return "".join(said)

    def _released(self) -> str:
        """What is held, but for an end that may be the beginning of a tag, or the answer's."""
        keep = next(
            (
                size
                for size in range(min(_LONGEST_TAG, len(self._held)), 0, -1)
                if _begins_tag(self._held[-size:])
            ),
            0,
        )
        cut = _end_of(self._held, len(self._held) - keep)
        ready, self._held = self._held[:cut], self._held[cut:]
        if len(self._held) > _MOST_HELD:
            # The model goes on at its own end: what it writes there is nobody's.
            self._held = self._held[len(self._held) - keep :]
        return ready


def without_thoughts(text: str) -> str:
    """The answer in a text that may begin with thoughts."""
    splitter = Splitter()
    splitter.add(text)
    splitter.end()
    return splitter.text


def _begins_tag(text: str) -> bool:
    return text.lower() in _BEGINNINGS


def _end_of(text: str, end: int) -> int:
    """Where the marks begin that stand before `end`; `end` where there are none."""
    while True:
        last = end
        while last and text[last - 1].isspace():
            last -= 1
        mark = next((mark for mark in _ENDS if text.endswith(mark, 0, last)), None)
        if mark is None:
            return end
        end = last - len(mark)


def _may_open(text: str) -> bool:
    """Whether a beginning may still become an opening tag."""
    return len(text) < _LONGEST_TAG and _begins_tag(text) if text else True
