"""What tests of readers share."""

import io
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from indexes.documents import load_document
from indexes.documents.extracted import Extracted
from indexes.documents.formats import reader_of
from indexes.documents.reader import Reading
from indexes.errors import DocumentError


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def extracted(name: str, content: str | bytes) -> Extracted:
    """What the reader of files called so makes of this content."""
    reader = reader_of(Path(name))
    assert reader is not None
    data = content.encode() if isinstance(content, str) else content
    return reader.read(data, Reading(file_name=name))


def text_of(name: str, content: str | bytes) -> str:
    return extracted(name, content).text


def tables_of(found: Extracted) -> list[list[list[str]]]:
    """All tables, as rows of cells."""
    return [
        [
            found.text[start:end].removesuffix("\n").split(" | ")
            for start, end in zip(table.rows, [*table.rows[1:], table.end], strict=True)
        ]
        for table in found.structure.tables
    ]


def headings_of(found: Extracted) -> list[tuple[int, str]]:
    """All headings, with their level."""
    return [(span.level, found.text[span.start : span.end]) for span in found.structure.headings]


def error_for(path: Path, **options: int) -> str:
    """The message of the error that loading `path` gives; one line that names the file."""
    with pytest.raises(DocumentError) as caught:
        load_document(path, **options)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """A zip file of these parts."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def seconds(work: Callable[[], object]) -> float:
    """Processor time of this process: what else the machine does is not the reader's fault."""
    started = time.process_time()
    work()
    return time.process_time() - started


def grows_linearly(work: Callable[[int], object], n: int, factor: float = 10.0) -> None:
    """Four times as much may take about four times as long, not sixteen times.

    The best of three, for caches and collections of garbage have their part in it.
    """
    small = min(seconds(lambda: work(n)) for _ in range(3))
    large = min(seconds(lambda: work(4 * n)) for _ in range(3))
    assert large <= factor * small + 0.02, f"{n}: {small:.3f} s, {4 * n}: {large:.3f} s"
