"""Which of the two-byte encodings of Chinese, Japanese and Korean a text is in.

Their tables begin with what is common: kana, Hangul, and the few thousand characters that nearly
all texts are made of. In the wrong encoding a text hits the rare ones, or bytes that mean nothing.
"""

from collections import Counter

_FEWEST = 4
# Chinese may hit Hangul only, for a while; it has no spaces.
_FEWEST_KOREAN = 10
_SPACES = 0.1
# In alphabets of one byte a letter, capitals are all that gets this far.
_LOW_SECOND_BYTES = 0.08
_COMMON = 0.9
_APART = 0.15
# Of the characters in EUC: kana in Japanese. In Big5: second bytes that others haven't.
_TELLING = 0.1

# First bytes of what is common, and of punctuation, by encoding.
_FIRST_BYTES = {
    "cp949": {*range(0xB0, 0xC9)},
    "euc_jp": {*range(0xB0, 0xD0), 0xA1, 0xA3, 0xA4, 0xA5},
    "cp932": {*range(0x88, 0x98), 0x81, 0x82, 0x83},
    "big5": {*range(0xA1, 0xC7)},
    "gb18030": {*range(0xB0, 0xD8), 0xA1, 0xA3},
}
_SMALLEST_SECOND = {"cp949": 0xA1, "gb18030": 0xA1}


def east_asian_encoding(data: bytes) -> str | None:
    """The encoding that a text is in for sure; None if it is another, or may be."""
    wide = sum(byte > 0x7F for byte in data) / 2
    low = sum(0xA0 < byte < 0xC0 for byte in data)
    shares = {encoding: _common_share(data, encoding) for encoding in _FIRST_BYTES}
    if max(shares, key=lambda encoding: shares[encoding]) != "cp932":
        if low < _LOW_SECOND_BYTES * wide:
            return None
        spaced = data.count(b" ") >= _SPACES * wide
        if shares["cp949"] >= _COMMON and wide >= _FEWEST_KOREAN and spaced:
            return "cp949"
    del shares["cp949"]
    (best, share), (_, next_best) = Counter(shares).most_common(2)
    fewest = _FEWEST if best == "cp932" else 2 * _FEWEST
    sure = share >= _COMMON and share >= next_best + _APART and wide >= fewest
    return best if sure else None


def _common_share(data: bytes, encoding: str) -> float:
    """How many of the characters beyond ASCII are common ones in that encoding."""
    try:
        counts = Counter(data.decode(encoding))
    except ValueError:
        return 0.0
    wide = {character: count for character, count in counts.items() if character > "\x7f"}
    common, telling = 0, 0
    for character, count in wide.items():
        code = character.encode(encoding)
        second = _SMALLEST_SECOND.get(encoding, 0)
        if len(code) == 2 and code[0] in _FIRST_BYTES[encoding] and code[1] >= second:
            common += count
        if encoding == "euc_jp":
            telling += count if "\u3040" <= character <= "\u30ff" else 0
        elif encoding != "big5" or code[-1] < 0x80:
            telling += count
    total = sum(wide.values())
    if not total or telling < _TELLING * total:
        return 0.0
    return common / total
