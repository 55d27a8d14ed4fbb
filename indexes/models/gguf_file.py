"""What a GGUF file is, read from its beginning: for messages that say what is wrong with it.

    head_of(path).is_embedding        # a language model it is not, whatever it would say
    why_not(path)                     # "… is part 1 of 3, and part 2 is missing: …"

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Work is bounded, whatever
a file says of its own size.
"""

import io
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

_SIMPLE = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_TEXT, _ARRAY = 8, 9
_MOST_FIELDS = 4_000
_MOST_ITEMS = 2_000_000
_MOST_TENSORS = 20_000
_LONGEST_NAME = 4_096
_POOLS_RANK = 4
_PART = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf")
# Not models, but what goes with one.
_BESIDE = {
    "mmproj": "the part of a model that sees pictures (mmproj)",
    "clip": "the part of a model that sees pictures (mmproj)",
    "adapter": "an adapter (LoRA), which changes a model and is none",
    "imatrix": "an importance matrix, with which models are quantized",
}


class _OddFileError(ValueError):
    """The file ends early, or says something impossible."""


@dataclass(frozen=True)
class Head:
    """The start of a GGUF file: its fields before the vocabulary, and its number of tensors."""

    fields: dict[str, Any] = field(default_factory=dict)
    tensors: int = 0

    @property
    def architecture(self) -> str:
        """As llama.cpp calls it, such as `llama` or `bert`."""
        return str(self.fields.get("general.architecture", ""))

    @property
    def beside(self) -> str:
        """What it is where it is no model; else nothing."""
        kind = str(self.fields.get("general.type", ""))
        return _BESIDE.get(kind) or _BESIDE.get(self.architecture, "")

    @property
    def is_embedding(self) -> bool:
        """Whether it was made to embed, and says so."""
        return 0 < self._pooling != _POOLS_RANK

    @property
    def is_reranker(self) -> bool:
        """Whether it was made to rank, and says so."""
        return self._pooling == _POOLS_RANK

    @property
    def _pooling(self) -> int:
        found = self.fields.get(f"{self.architecture}.pooling_type", 0)
        return found if isinstance(found, int) else 0


def head_of(path: Path) -> Head:
    """The beginning of a file; an empty one where it can't be read."""
    try:
        with path.open("rb") as stream:
            return _Reader(stream).head(whole=False)
    except (OSError, ValueError, struct.error, UnicodeDecodeError):
        return Head()


def why_not(path: Path) -> str:
    """Why a file can't be loaded, and what to do about it, after "it"."""
    if (part := _PART.fullmatch(path.name)) is not None:
        missing = _missing(path, part[1], int(part[3]))
        if missing:
            return f"is one of {int(part[3])} parts, and {missing} is not beside it: fetch it, too"
        if int(part[2]) != 1:
            first = f"{part[1]}-00001-of-{part[3]}.gguf"
            return f"is part {int(part[2])} of a model: name the first, {first}"
    try:
        with path.open("rb") as stream:
            reader = _Reader(stream)
            head = reader.head(whole=True)
            if head.beside:
                return f"is {head.beside}: name the model's own file"
            if head.tensors == 0:
                return "holds a vocabulary and no weights: name the model's own file"
            needed, size = reader.size(head), path.stat().st_size
    except (_OddFileError, struct.error):
        return "ends in the middle of its beginning: fetch it again"
    except (OSError, ValueError):
        return "is damaged, or of an unknown kind"
    if size < needed:
        return f"was cut short ({size:,} of {needed:,} bytes): fetch it again"
    return (
        f"is too large for the memory, or damaged, or its architecture {head.architecture!r} is "
        "one that this llama.cpp doesn't know"
    )


def _missing(path: Path, name: str, parts: int) -> str:
    """The first part that is not there."""
    names = (f"{name}-{number:05}-of-{parts:05}.gguf" for number in range(1, parts + 1))
    return next((part for part in names if not (path.parent / part).exists()), "")


class _Reader:
    """Reads the fields of a file one after another."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._end = stream.seek(0, io.SEEK_END)
        stream.seek(0)

    def head(self, *, whole: bool) -> Head:
        magic, version, tensors, fields = self._take("4sIQQ")
        if magic != b"GGUF" or not 2 <= version <= 3:
            raise ValueError(f"version {version}")
        found: dict[str, Any] = {}
        for _ in range(min(fields, _MOST_FIELDS)):
            name = self._text(_LONGEST_NAME)
            if name.startswith("tokenizer.") and not whole:
                break
            (kind,) = self._take("I")
            value = self._value(kind)
            if value is not None:
                found[name] = value
        return Head(found, tensors)

    def size(self, head: Head) -> int:
        """Bytes that the file needs, as its list of tensors has it."""
        from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

        last = 0
        for _ in range(min(head.tensors, _MOST_TENSORS)):
            self._text(_LONGEST_NAME)
            (dimensions,) = self._take("I")
            if dimensions > 8:
                raise ValueError(f"{dimensions} dimensions")
            count = 1
            for length in self._take(f"{dimensions}Q"):
                count *= length
            kind, offset = self._take("IQ")
            block, taken = GGML_QUANT_SIZES[GGMLQuantizationType(kind)]
            last = max(last, offset + count // block * taken)
        alignment = int(head.fields.get("general.alignment", 32)) or 32
        return -(-self._stream.tell() // alignment) * alignment + last

    def _take(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(f"<{form}", self._stream.read(struct.calcsize(f"<{form}")))

    def _text(self, most: int) -> str:
        (length,) = self._take("Q")
        if length > most:
            self._skip(length)
            return ""
        return self._stream.read(length).decode(errors="replace")

    def _value(self, kind: int) -> Any:
        """A value; None for what is passed over."""
        if kind in _SIMPLE:
            return self._take(_SIMPLE[kind])[0]
        if kind == _TEXT:
            return self._text(_LONGEST_NAME)
        if kind != _ARRAY:
            raise ValueError(f"a value of kind {kind}")
        inner, count = self._take("IQ")
        if inner in _SIMPLE:
            self._skip(count * struct.calcsize(_SIMPLE[inner]))
            return None
        if inner != _TEXT or count > _MOST_ITEMS:
            raise ValueError(f"{count} values of kind {inner}")
        for _ in range(count):
            (length,) = self._take("Q")
            self._skip(length)
        return None

    def _skip(self, length: int) -> None:
        if self._stream.tell() + length > self._end:
            raise _OddFileError
        self._stream.seek(length, io.SEEK_CUR)
