"""What a damaged file of an index does: is it told, with a way back, and what comes back?

    python -m tests.benchmarks.damage [--every N [--offset K]] [--json]

Each file of a small index is cut in half, loses a page to zeros, loses a bit, or is deleted, in a
copy of the folder. A process of its own then asks questions and verifies (what a signal ends
must not end this), and rebuilds. Wrong answers that nothing tells of are silent; an error that
names no command that helps is told badly.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from llama_index.core.schema import Document

from indexes.errors import RagError
from indexes.index import HierarchicalIndex
from tests.fakes import WordEmbedding

HOWS = ("cut", "zeroed", "flipped", "deleted")
QUESTIONS = ("Who lit the lamp in the harbour?", "What was sold in 2021?", "the tide and the bell")
_PAGE = 4096
_WORDS = "lamp harbour tide bell ledger storm pilot keeper rope anchor sold bought repaired".split()  # noqa: SIM905


def documents() -> list[Document]:
    """Six small texts."""
    found = []
    for number in range(6):
        words = [_WORDS[(number * 7 + place * (number + 3)) % len(_WORDS)] for place in range(900)]
        sentences = [" ".join(words[at : at + 9]).capitalize() for at in range(0, 900, 9)]
        found.append(
            Document(id_=f"d{number}", text=f"Year {2016 + number}. " + ". ".join(sentences) + ".")
        )
    return found


def opened(folder: Path) -> HierarchicalIndex:
    """The index in a folder."""
    return HierarchicalIndex.open(folder, embedding=WordEmbedding(), provider="local")


def answers(index: HierarchicalIndex) -> list[Any]:
    """What is found, by all that is searched."""
    found: list[Any] = [sorted(manifest.document_id for manifest in index.documents())]
    for question in QUESTIONS:
        for pattern in ("regular", "parent"):
            passages, _ = index.retrieve(question, pattern, budget=600)
            found.append(
                [(passage.document_id, passage.start, passage.text) for passage in passages]
            )
    return found


def damage(path: Path, how: str) -> None:
    """Damage a file, where it holds something."""
    size = path.stat().st_size
    if how == "deleted":
        path.unlink()
    elif how == "cut":
        os.truncate(path, size // 2)
    else:
        with path.open("r+b") as file:
            at = _filled(file, size)
            file.seek(at)
            page = file.read(_PAGE)
            file.seek(at)
            place = min(len(page) - 1, 9)
            flipped = bytes([page[place] ^ 16])
            zeros = bytes(len(page))
            file.write(zeros if how == "zeroed" else page[:place] + flipped + page[place + 1 :])


def _filled(file: Any, size: int) -> int:
    for at in range(0, size, _PAGE):
        file.seek(at)
        if any(file.read(_PAGE)):
            return at
    return 0


def look(folder: Path) -> dict[str, Any]:
    """Ask, verify, rebuild."""
    seen: dict[str, Any] = {"answers": None, "told": [], "traceback": ""}
    for what in ("ask", "verify", "rebuild"):
        try:
            with opened(folder) as index:
                if what == "ask":
                    seen["answers"] = answers(index)
                elif what == "verify":
                    seen["told"] += [
                        f"{problem.detail}: {problem.fix}"
                        for problem in index.verify(deep=True).problems
                    ]
                else:
                    index.rebuild()
        except RagError as error:
            if what != "rebuild":
                seen["told"].append(str(error))
            seen[what] = str(error)
        except BaseException:  # noqa: BLE001 - a panic is none that one expects
            seen["traceback"] = traceback.format_exc(limit=-3)
    try:
        with opened(folder) as index:
            seen["after"] = answers(index)
            seen["clean"] = index.verify(deep=True).clean
    except BaseException as error:  # noqa: BLE001
        seen["after"] = repr(error)
    return seen


def apart(task: Callable[[], Any]) -> dict[str, Any]:
    """Run a task in a process of its own: what it gave, said, or was ended by.

    The engine must not be open where processes are forked, so nothing else here opens an index.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        said: dict[str, Any] = {}
        try:
            said["gave"] = task()
        except RagError as error:
            said["told"] = str(error)
        except BaseException:  # noqa: BLE001 - whatever it was, it is told
            said["traceback"] = traceback.format_exc(limit=-6)
        with os.fdopen(write, "w") as out:
            out.write(json.dumps(said))
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as given:
        text = given.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"signal": signal.Signals(os.WTERMSIG(status)).name}
    found: dict[str, Any] = json.loads(text)
    return found


def make(folder: Path) -> list[Any]:
    """Fill an index; what it answers."""
    with opened(folder) as index:
        index.ingest(documents())
        return answers(index)


def judged(seen: dict[str, Any], right: list[Any]) -> str:
    """What became of one damaged index."""
    if seen.get("signal"):
        return "signal"
    if seen.get("traceback"):
        return "traceback"
    if seen["told"]:
        helps = any("rebuild" in said or "repair" in said for said in seen["told"])
        return "told" if helps else "told without a remedy"
    return "harmless" if seen["answers"] == right else "silent"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=1, help="only every n-th file")
    parser.add_argument("--offset", type=int, default=0, help="from that one on: 0 to n-1 are all")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        whole, copy = Path(place) / "whole", Path(place) / "copy"
        right = apart(partial(make, whole))["gave"]
        files = [path for path in sorted(whole.rglob("*")) if path.is_file()]
        files = [path for path in files if path.stat().st_size and path.name != "holder.json"]
        for path in files[options.offset :: options.every]:
            for how in HOWS:
                shutil.rmtree(copy, ignore_errors=True)
                subprocess.run(["cp", "-r", "--sparse=always", str(whole), str(copy)], check=True)
                damage(copy / path.relative_to(whole), how)
                came = apart(partial(look, copy))
                seen = came.get("gave", came)
                verdict = judged(seen, right)
                found[verdict] += 1
                if seen.get("after") == right:
                    found["rebuilt whole"] += 1
                elif verdict not in ("signal",):
                    lost = f"{path.relative_to(whole)} {how}: {seen.get('rebuild', '')}"
                    print(f"not whole: {lost[:300]}", flush=True)
                if verdict in ("silent", "traceback", "signal", "told without a remedy"):
                    about = {key: seen[key] for key in seen if key not in ("answers", "after")}
                    told = f"{verdict}: {path.relative_to(whole)} {how}: {str(about)[:600]}"
                    print(told, flush=True)
    found["cases"] = sum(found[name] for name in found if name != "rebuilt whole")
    for name, count in found.items():
        print(f"{name:24} {count}")
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
