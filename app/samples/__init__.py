"""Four annual letters of a fictional company, and questions about them with exact references.

The company, its people and its figures are invented. Its letters repeat their themes from year to
year, so that a question may need one sentence, one page, or several years at once.

`source/` holds the letters as written; `letters/` and `questions.jsonl` are made from it by
`python -m app.samples.render` and `python -m app.samples.questions`.
"""

import shutil
from pathlib import Path

from indexes import DocumentError

_HERE = Path(__file__).parent

LETTERS: Path = _HERE / "letters"
"""The folder with the letters as PDFs."""

QUESTIONS: Path = _HERE / "questions.jsonl"
"""One question a line: `{"id", "question", "references": [{"document", "start", "end"}]}`."""


def copy_samples(folder: Path) -> None:
    """Copy letters and questions into a folder, which is made.

    Raises:
        DocumentError: it can't be written.
    """
    try:
        shutil.copytree(LETTERS, folder / LETTERS.name, dirs_exist_ok=True)
        shutil.copy(QUESTIONS, folder)
    except OSError as error:
        raise DocumentError(
            f"cannot write {folder} ({error.strerror or error}): choose another --folder"
        ) from error
