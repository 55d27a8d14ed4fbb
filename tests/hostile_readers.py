"""Readers that do what hostile files make real ones do. At the top of a module, so that the
process that reads can import them.
"""

import os
import signal
import struct
import time

from indexes.documents.pages import page_read


def endless(data: bytes) -> str:
    while True:
        pass


def sleeping(data: bytes) -> str:
    time.sleep(3600)
    return ""


def greedy(data: bytes) -> str:
    hoard = []
    while True:
        hoard.append(bytearray(16 * 1024 * 1024))


def crashing(data: bytes) -> str:
    os.kill(os.getpid(), signal.SIGSEGV)
    return ""


def printing(data: bytes) -> str:
    print("x" * 100_000)
    return "printed"


def failing(data: bytes) -> str:
    raise KeyError("word/document.xml")


def curious(data: bytes) -> str:
    return " ".join(sorted(name for name in os.environ if "KEY" in name or "SECRET" in name)) or "-"


def flooding(data: bytes) -> str:
    return "word " * 200_000_000


def paging(data: bytes) -> str:
    for number in range(1, 4):
        page_read(number, 3)
    return "three pages"


def forging(data: bytes) -> str:
    """Writes what is no answer wherever it can."""
    forged = struct.pack(">QQ", 9, 0) + b"{no JSON}"
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, forged)
        except OSError:
            continue
    return ""


def naming_its_process(data: bytes) -> str:
    """Says who reads."""
    return f"read in {os.getpid()}"
