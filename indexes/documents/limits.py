"""What reading one file may take."""

from dataclasses import dataclass

from indexes.settings import Settings

# Beside what is set: for each megabyte of the file, and for recognising scanned pages.
_SECONDS_A_MB = 4.0
_OCR_SECONDS = 40
_OCR_MEMORY = 3
# A busy machine may take so many times longer than the processor works.
_WALL = 6


@dataclass(frozen=True)
class Limits:
    """What reading one file may take; its process is ended when it takes more.

    Attributes:
        seconds: of processor time, and 4 more for each MB of the file
        memory_mb: beside what the process starts with
        in_process: read in the calling process, without limits, where none can be started
    """

    seconds: float = 6.0
    memory_mb: int = 768
    in_process: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that settings name."""
        return cls(settings.reading_seconds, settings.reading_memory_mb, settings.read_in_process)

    def processor_seconds(self, size: int, *, ocr: bool) -> float:
        """Processor seconds that reading a file of `size` bytes may take."""
        return (self.seconds + size / 1024**2 * _SECONDS_A_MB) * (_OCR_SECONDS if ocr else 1)

    def wall_seconds(self, size: int, *, ocr: bool) -> float:
        """Seconds by the clock that reading a file of `size` bytes may take."""
        return self.processor_seconds(size, ocr=ocr) * _WALL

    def memory_bytes(self, *, ocr: bool) -> int:
        """Bytes of memory that the process may have, beside what it starts with."""
        return self.memory_mb * 1024**2 * (_OCR_MEMORY if ocr else 1)
