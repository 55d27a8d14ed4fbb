"""How well files are read, and how fast, beside what other readers make of them.

    python -m tests.benchmarks.documents FOLDER [--json]

Every file of the folder is read by this project and, where they take it, by pypdfium2 (raw text),
pymupdf4llm and markitdown; those that are not installed are left out. `NAME.gold.txt` beside a
file is what it says; without one, a PDF is held against PDFium's raw text and any other file
against the words of its markup, so pypdfium2's own figures say something only with gold.
`NAME.cells.json` beside a file (rows of cells, one table) says what its table holds.

kept: of the reference's words, how many came, each as often as it is there. in order: of its pairs
of neighbouring words. glued, split: of its words, how many came as one with the next, or in two.
"""

import argparse
import importlib.util
import json
import multiprocessing
import re
import resource
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import pypdfium2
from lxml import html

from indexes.documents import load_document
from indexes.documents.extracted import UnreadableError
from indexes.documents.formats import reader_of
from indexes.documents.limits import Limits
from indexes.documents.reader import Reading
from indexes.documents.readers import pdf

SECONDS = 120
_CLASSES = ("prose", "two columns", "tables", "right-to-left", "CJK", "forms", "Word", "HTML")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
# Written without spaces, so that where lines end says nothing about words.
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
# PDFium turns the two letters of this ligature round: their order is not compared.
_LAM_ALEF = re.compile("ل([اأإآٱ])")
_MARKUP = re.compile(r"[|#*_`\\]+|-{3,}|<[^>]+>")

Measured = dict[str, Any]


# Readers


def ours(path: Path) -> str:
    """This project, in this process: its limits are no part of reading."""
    return load_document(path, limits=Limits(in_process=True)).text


def pdfium(path: Path) -> str:
    """PDFium's own order of words."""
    document = pypdfium2.PdfDocument(path)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def pymupdf(path: Path) -> str:
    """pymupdf4llm's Markdown, without its marks."""
    import pymupdf4llm

    return _MARKUP.sub(" ", pymupdf4llm.to_markdown(str(path)))


def markitdown(path: Path) -> str:
    """markitdown's Markdown, without its marks."""
    from markitdown import MarkItDown

    return _MARKUP.sub(" ", MarkItDown().convert(str(path)).text_content)


def readers_of(path: Path) -> dict[str, Callable[[Path], str]]:
    """The readers here that take this file."""
    found = {"ours": ours}
    if path.suffix.lower() == ".pdf":
        found["pypdfium2"] = pdfium
        if importlib.util.find_spec("pymupdf4llm"):
            found["pymupdf4llm"] = pymupdf
    if importlib.util.find_spec("markitdown"):
        found["markitdown"] = markitdown
    return found


# What a file says


def reference(path: Path) -> str:
    """What a file says, as far as it is known."""
    gold = path.with_name(path.stem + ".gold.txt")
    if gold.is_file():
        return gold.read_text(encoding="utf-8")
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        return pdfium(path).replace("\ufffe\r\n", "").replace("\x02\r\n", "")
    if suffix == ".docx":
        with zipfile.ZipFile(path) as archive:
            body = archive.read("word/document.xml").decode("utf-8", "replace")
        body = re.sub(r"<w:del .*?</w:del>|<w:instrText.*?</w:instrText>", "", body, flags=re.S)
        return re.sub(r"<[^>]+>", "", re.sub(r"</w:p>|<w:(?:tab|br)\b[^>]*>", " ", body))
    if suffix in (".html", ".htm"):
        tree = html.fromstring(path.read_bytes())
        for hidden in tree.xpath("//script|//style|//head|//nav|//noscript|//template"):
            hidden.drop_tree()
        return " ".join(tree.itertext())
    return path.read_text(encoding="utf-8", errors="replace")


def class_of(path: Path, said: str) -> str:
    """The class a file belongs to: its folder's name, or a guess."""
    if path.parent.name in _CLASSES:
        return path.parent.name
    suffix = path.suffix.lower()
    if suffix != ".pdf":
        return {".docx": "Word", ".html": "HTML", ".htm": "HTML"}.get(suffix, "other")
    letters = sum(map(str.isalpha, said)) or 1
    if len(_RIGHT_TO_LEFT.findall(said)) > 0.3 * letters:
        return "right-to-left"
    if len(_CJK.findall(said)) > 0.2 * letters:
        return "CJK"
    if pypdfium2.PdfDocument(path).get_formtype():
        return "forms"
    return _layout(path)


def _layout(path: Path) -> str:
    """By what our reader finds: tables, or lines that begin in the right half of the page."""
    try:
        read = pdf.read(path.read_bytes(), Reading())
    except UnreadableError:
        return "prose"
    in_tables = sum(table.end - table.start for table in read.structure.tables)
    if in_tables > 0.3 * len(read.text):
        return "tables"
    boxes = [mark.box for mark in read.layout if mark.box]
    middle = max((box[2] for box in boxes), default=0) / 2
    return "two columns" if sum(box[0] > middle for box in boxes) > 0.3 * len(boxes) else "prose"


# Figures


def words(text: str) -> list[str]:
    """The words of a text, without the marks around them; of Chinese and Japanese, characters."""
    spaced = _LAM_ALEF.sub(r"\1ل", _UNSPACED.sub(r" \g<0> ", text.lower()))
    return re.findall(r"\w+(?:[.,'’/-]\w+)*", spaced)


def _is_letter(word: str) -> bool:
    return len(word) == 1 and word.isalpha() and not _UNSPACED.match(word)


def compared(text: str, said: str) -> Measured:
    """How a reading compares with what the file says."""
    here, there = words(text), words(said)
    if not there:
        return {}
    seen, vocabulary = Counter(here), set(there)
    wanted = Counter(there)
    pairs_here, pairs_there = Counter(pairwise(here)), Counter(pairwise(there))
    glued = {one + other for one, other in pairs_there} - vocabulary
    halves = {one + other for one, other in pairs_here}
    missing = wanted - seen
    return {
        "kept": (wanted & seen).total() / wanted.total(),
        "in_order": (pairs_there & pairs_here).total() / max(1, pairs_there.total()),
        "glued": sum(seen[word] for word in glued if word in seen) / len(there),
        "split": sum(count for word, count in missing.items() if word in halves) / len(there),
        "one_letter": sum(map(_is_letter, here)) / max(1, len(here)),
    }


def cells_kept(text: str, rows: Iterable[list[str]]) -> float:
    """Of a table's cells, how many stand in their row and column."""
    found = [[cell.strip() for cell in line.split("|")] for line in text.splitlines()]
    right = total = 0
    for row in rows:
        total += len(row)
        right += max(
            (sum(a == b.strip() for a, b in zip(line, row, strict=False)) for line in found),
            default=0,
        )
    return right / max(1, total)


def measured(path: Path, read: Callable[[Path], str]) -> Measured:
    """What a reader makes of a file, in a process of its own, and what that takes."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(there, path, read), daemon=True)
    process.start()
    there.close()
    result: Measured = {"error": "took too long"}
    if here.poll(SECONDS):
        try:
            result = here.recv()
        except EOFError:
            result = {"error": "the process died"}
    process.kill()
    process.join()
    return result


def _child(pipe: Any, path: Path, read: Callable[[Path], str]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        read(path)  # once for what is imported and loaded
        started, processor = time.perf_counter(), time.process_time()
        text = read(path)
        pipe.send(
            {
                "text": text,
                "seconds": time.perf_counter() - started,
                "cpu_seconds": time.process_time() - processor,
                "peak_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024,
            }
        )
    except Exception as error:  # noqa: BLE001 - what other readers raise is theirs
        pipe.send({"error": f"{type(error).__name__}: {error}"[:200]})


def pages_in(path: Path) -> int:
    """A PDF's pages; 1 for any other file."""
    return len(pypdfium2.PdfDocument(path)) if path.suffix.lower() == ".pdf" else 1


def run(folder: Path) -> dict[str, dict[str, Measured]]:
    """Figures by class and reader."""
    collected: dict[tuple[str, str], list[Measured]] = defaultdict(list)
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.name.endswith((".gold.txt", ".cells.json")):
            continue
        if reader_of(path) is None:
            continue
        try:
            said, pages = reference(path), pages_in(path)
            kind = class_of(path, said)
        except Exception as error:  # noqa: BLE001 - a file nobody can read has no reference
            print(f"{path.name}: no reference ({type(error).__name__})")
            continue
        cells = path.with_name(path.stem + ".cells.json")
        for name, read in readers_of(path).items():
            result = measured(path, read)
            text = result.pop("text", None)
            if text is None:
                print(f"{path.name}: {name}: {result['error']}")
                result |= {key: 0.0 for key in ("kept", "in_order") if words(said)}
            else:
                result |= compared(text, said)
                result |= {
                    f"{key}_a_page": result[key] / pages for key in ("seconds", "cpu_seconds")
                }
                if cells.is_file():
                    result["cells"] = cells_kept(text, json.loads(cells.read_text("utf-8")))
            collected[kind, name].append(result)
    figures: dict[str, dict[str, Measured]] = defaultdict(dict)
    for (kind, name), results in sorted(collected.items()):
        figures[kind][name] = _summary(results)
    return figures


def _summary(results: list[Measured]) -> Measured:
    keys = ("kept", "in_order", "glued", "split", "one_letter", "cells")
    keys += ("seconds_a_page", "cpu_seconds_a_page")
    summary: Measured = {"files": len(results), "failed": sum("error" in r for r in results)}
    for key in keys:
        values = [result[key] for result in results if key in result]
        if values:
            summary[key] = round(fmean(values), 4)
    summary["peak_mb"] = round(max((r.get("peak_mb", 0.0) for r in results), default=0.0), 1)
    return summary


def main() -> None:
    """Print a table; with --json also one JSON object, last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = run(arguments.folder)
    columns = ("files", "failed", "kept", "in_order", "glued", "split", "one_letter", "cells")
    columns += ("seconds_a_page", "cpu_seconds_a_page", "peak_mb")
    print(f"{'class':14} {'reader':12} " + " ".join(f"{column:>10.10}" for column in columns))
    for kind, readers in figures.items():
        for name, summary in readers.items():
            row = " ".join(f"{summary.get(column, '')!s:>10}" for column in columns)
            print(f"{kind:14} {name:12} {row}")
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
