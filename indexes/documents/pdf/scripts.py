"""What kinds of characters there are: letters, spaces, scripts that run the other way."""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint32]
Flags = NDArray[np.bool_]

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff]")
# Written without spaces between words.
_CJK = re.compile(
    "[\u2e80-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60\U00020000-\U0003ffff]"
)
# Letters are shaped by their neighbours: a font's boxes leave gaps that end no word.
_SHAPED = re.compile(
    "[\u0600-\u07ff\u08a0-\u0fff\u1000-\u109f\u1780-\u17ff\ufb50-\ufdff\ufe70-\ufeff]"
)
# Thai and its neighbours put spaces between phrases only.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")


class Kinds(NamedTuple):
    """For each character whether it is of a kind."""

    letter: Flags
    space: Flags
    right_to_left: Flags
    cjk: Flags
    shaped: Flags
    unspaced: Flags
    mark: Flags
    digit: Flags


def kinds_of(codes: Codes) -> Kinds:
    """The kinds of characters, given as code points."""
    different, place = np.unique(codes, return_inverse=True)
    kinds = np.array([_kinds(chr(code)) for code in different.tolist()], bool).reshape(
        -1, len(Kinds._fields)
    )
    return Kinds(*kinds[place].T)


@lru_cache(1 << 16)
def _kinds(character: str) -> tuple[bool, ...]:
    return (
        character.isalpha(),
        character.isspace(),
        bool(_RIGHT_TO_LEFT.match(character)),
        is_cjk(character),
        bool(_SHAPED.match(character)),
        bool(_UNSPACED.match(character)),
        unicodedata.category(character) in ("Mn", "Mc"),
        character.isdecimal(),
    )


def is_cjk(character: str) -> bool:
    """Whether a character is of a script that is written without spaces."""
    return bool(_CJK.match(character))


def cjk_in(text: str) -> int:
    """How many characters of a text are Chinese, Japanese or Korean."""
    return 0 if text.isascii() else len(_CJK.findall(text))


def decoded(codes: Codes) -> str:
    """The text of code points."""
    return codes.astype("<u4").tobytes().decode("utf-32-le")
