"""Pictures of text → what they say, and where: by RapidOCR, or by Tesseract where only that is.

RapidOCR's wheel carries its models, so nothing is downloaded.
"""

import importlib.util
import shutil
import subprocess
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import lru_cache
from statistics import pstdev
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexes.documents.extracted import UnreadableError, one_line
from indexes.documents.pdf.writing import Box, Run, Writing
from indexes.extras import environment

Picture = NDArray[np.uint8]

# Dots: as much as recognition needs, and as little as a large sheet may take.
DOTS_PER_INCH = 200
MOST_DOTS = 3_500
_TESSERACT_SECONDS = 300

# onnxruntime, which RapidOCR runs on and imports late, gives the machine an id and tells its maker
# what is run on it, unless this is set while it is imported.
_NO_TELEMETRY = {"ORT_DISABLE_TELEMETRY": "1"}

# Of a line's height: the size of its letters, and where they stand.
_SIZE = 0.75
_BASELINE = 0.22
_UPRIGHT = 1.5
_ALIKE = 1.25


class _Line(NamedTuple):
    """A line as recognised: what it says, and its box in dots from the top left corner."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


def engine() -> str:
    """What recognises text here.

    Raises:
        UnreadableError: nothing does; it names the extra.
    """
    if importlib.util.find_spec("rapidocr"):
        return "RapidOCR"
    if shutil.which("tesseract"):
        return "Tesseract"
    raise UnreadableError('recognising text needs more: pip install "advanced-rag-patterns[ocr]"')


def recognised(picture: Picture, points: float) -> list[Writing]:
    """What is written on a picture of a page.

    Args:
        picture: height × width × 3, red first.
        points: how many points on the page a dot is.

    Raises:
        UnreadableError: nothing here recognises text.
    """
    read = _by_rapidocr if engine() == "RapidOCR" else _by_tesseract
    lines = [
        _Line(one_line(text), *(points * side for side in sides))
        for text, *sides in read(picture)
        if text.strip()
    ]
    height = points * picture.shape[0]
    tall = [line for line in lines if line.bottom - line.top > _UPRIGHT * (line.right - line.left)]
    sideways = {id(line) for line in tall if len(line.text) > 2}
    level = [_level(line, height) for line in lines if id(line) not in sideways]
    turned = [line for line in tall if id(line) in sideways]
    upward = _spread(line.bottom for line in turned) <= _spread(line.top for line in turned)
    written = [
        Writing(0, False, level),
        Writing(90 if upward else 270, False, [_turned(line, height, upward) for line in turned]),
    ]
    for writing in written:
        _even_out(writing.runs)
    return [writing for writing in written if writing.runs]


def _even_out(runs: list[Run]) -> None:
    """Give lines of about the same height the same: boxes are as tall as their letters."""
    sizes = sorted(run.size for run in runs)
    for run in runs:
        alike = sizes[
            bisect_left(sizes, run.size / _ALIKE) : bisect_right(sizes, run.size * _ALIKE)
        ]
        run.size = alike[len(alike) // 2]


def _spread(values: Iterable[float]) -> float:
    """Lines begin at the same place more often than they end there."""
    return pstdev(list(values) or [0.0])


def _level(line: _Line, height: float) -> Run:
    thick = line.bottom - line.top
    baseline = height - line.bottom + _BASELINE * thick
    return Run(line.text, line.left, line.right, baseline, _SIZE * thick, False, Box(*line[1:]))


def _turned(line: _Line, height: float, upward: bool) -> Run:
    thick = line.right - line.left
    along = height - line.bottom, height - line.top
    start, end = along if upward else (-along[1], -along[0])
    baseline = _BASELINE * thick + (-line.right if upward else line.left)
    return Run(line.text, start, end, baseline, _SIZE * thick, False, Box(*line[1:]))


@lru_cache(maxsize=1)
def _rapidocr() -> Any:
    with environment(_NO_TELEMETRY):
        importlib.import_module("onnxruntime")
    from rapidocr import RapidOCR

    return RapidOCR(params={"Global.log_level": "critical"})


def _by_rapidocr(picture: Picture) -> list[_Line]:
    result = _rapidocr()(np.ascontiguousarray(picture[:, :, ::-1]))
    if result.txts is None:
        return []
    return [
        _Line(text, *map(float, box.min(0)), *map(float, box.max(0)))
        for text, box in zip(result.txts, result.boxes, strict=True)
    ]


def _by_tesseract(picture: Picture) -> list[_Line]:
    height, width = picture.shape[:2]
    bitmap = b"P6 %d %d 255\n" % (width, height) + np.ascontiguousarray(picture).tobytes()
    try:
        finished = subprocess.run(  # noqa: S603 - a fixed command, the picture on its input
            [shutil.which("tesseract") or "tesseract", "stdin", "stdout", "tsv"],
            input=bitmap,
            capture_output=True,
            timeout=_TESSERACT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UnreadableError(
            f"Tesseract cannot recognise it ({type(error).__name__}): "
            'pip install "advanced-rag-patterns[ocr]"'
        ) from error
    return tesseract_lines(finished.stdout.decode("utf-8", "replace"))


def tesseract_lines(table: str) -> list[_Line]:
    """The lines of Tesseract's table of words."""
    lines: dict[tuple[str, ...], _Line] = {}
    for row in table.splitlines()[1:]:
        fields = row.split("\t")
        if len(fields) < 12 or fields[0] != "5" or not fields[11].strip():
            continue
        left, top, width, height = map(float, fields[6:10])
        word = _Line(fields[11], left, top, left + width, top + height)
        key = tuple(fields[1:5])
        lines[key] = _joined(lines[key], word) if key in lines else word
    return list(lines.values())


def _joined(line: _Line, word: _Line) -> _Line:
    return _Line(
        f"{line.text} {word.text}",
        min(line.left, word.left),
        min(line.top, word.top),
        max(line.right, word.right),
        max(line.bottom, word.bottom),
    )
