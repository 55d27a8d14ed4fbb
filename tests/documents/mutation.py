"""Files spoilt at random, the same way each time: what disks, networks and enemies do to them."""

import io
import random
import re
import warnings
import zipfile

from tests.documents.seeds import members, seeds

_NUMBER = re.compile(rb"\d+")
_TAG = re.compile(rb"<[^<>]{0,400}>|\\[a-z]{1,20}|/[A-Z]\w{1,20}")
_NUMBERS = (
    b"0", b"-1", b"1e308", b"65536", b"99999999", b"2147483647", b"4294967296",
    b"9223372036854775808", b"9" * 40, b"0.0000001", b"",
)  # fmt: skip
_ODD = (b"\0", b"\xff\xff\xff\xff", b"\xed\xa0\x80", b"\xe2\x80\xae", b"%s", b"\r", b"\x1b[31m")
_ZIP = b"PK\x03\x04"


def mutant(name: str, number: int) -> bytes:
    """The `number`-th spoilt file of a format; 0 is a seed as it is."""
    found = seeds(name)
    if number < len(found):
        return found[number]
    dice = random.Random(f"{name} {number}")
    data = dice.choice(found)
    if data.startswith(_ZIP) and dice.random() < 0.8:
        return _spoilt_zip(data, dice)
    return _spoilt(data, dice)


def _spoilt(data: bytes, dice: random.Random) -> bytes:
    for _ in range(min(dice.randint(1, 6), dice.randint(1, 6))):
        data = dice.choice(_WAYS)(data, dice) or b"x"
    return data


def _flipped(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _cut(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data))]


def _without(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + data[at + dice.randint(1, max(1, len(data) // 4)) :]


def _spliced(data: bytes, dice: random.Random) -> bytes:
    start, at = dice.randrange(len(data)), dice.randrange(len(data))
    piece = data[start : start + dice.randint(1, 400)]
    return data[:at] + piece * dice.choice((1, 1, 2, 50)) + data[at:]


def _blown_up(data: bytes, dice: random.Random) -> bytes:
    places = list(_NUMBER.finditer(data))
    if not places:
        return _flipped(data, dice)
    chosen = dice.sample(places, min(len(places), dice.randint(1, 3)))
    for place in sorted(chosen, key=lambda found: -found.start()):
        data = data[: place.start()] + dice.choice(_NUMBERS) + data[place.end() :]
    return data


def _tags_moved(data: bytes, dice: random.Random) -> bytes:
    places = list(_TAG.finditer(data))
    if not places:
        return _spliced(data, dice)
    place, other = dice.choice(places), dice.choice(places)
    put = dice.choice((b"", other[0], other[0] * 40, place[0] + other[0]))
    return data[: place.start()] + put + data[place.end() :]


def _odd(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + dice.choice(_ODD) * dice.choice((1, 1, 30)) + data[at:]


_WAYS = (_flipped, _cut, _without, _spliced, _blown_up, _blown_up, _tags_moved, _tags_moved, _odd)


def _spoilt_zip(data: bytes, dice: random.Random) -> bytes:
    parts = list(members(data).items())
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(parts))
        name, content = parts[at]
        match dice.randrange(8):
            case 0 if len(parts) > 1:
                del parts[at]
            case 1:
                parts.append((name, _spoilt(content, dice) if content else b""))
            case 2:
                parts[at] = (name, dice.choice(parts)[1])
            case 3:
                parts[at] = (dice.choice((name.upper(), f"../{name}", f"/{name}", "x")), content)
            case _:
                parts[at] = (name, _spoilt(content, dice) if content else b"<")
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # of a name that comes twice
        for name, content in parts:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
