"""The letters that AWS's sample reads: Amazon's, 2019 to 2022, from their publisher.

    data/amazon-letters/originals/   as they came, with SHA256SUMS; never changed
    data/amazon-letters/letters/     without the reprint of 1997's letter, to be indexed

Each year's letter ends with that of 1997, reprinted: four copies of one text, which would
fill the contexts of many a question. The sample cuts off the last three pages; here the
page is looked for on which the reprint begins.

A file is taken for the letter if its hash is known or, since publishers touch up files,
if it is a PDF that says what the letter says. Its hash is then written down, and from the
second time on the same file is expected.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError

from indexes import DocumentError, load_document
from indexes.namespace import ours

from ..download import SUMS, digest_of, download, read_sums, write, write_sums

_FOLDER = "https://s2.q4cdn.com/299287126/files/doc_financials"
_REPRINT = "(Reprinted from the 1997 Annual Report)"
MAX_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True)
class Letter:
    """A letter, where it is published, and how to know it.

    Attributes:
        name: of its file here.
        url: where it is.
        says: words that are in it, line breaks aside.
        known: SHA-256 of editions that were looked at.
    """

    name: str
    url: str
    says: str
    known: tuple[str, ...] = ()


LETTERS = (
    Letter(
        "AMZN-2019-Shareholder-Letter.pdf",
        f"{_FOLDER}/2020/ar/2019-Shareholder-Letter.pdf",
        "One thing we’ve learned from the COVID-19 crisis",
        ("178e7e06f21ddd0a7811e025a478dfb9c7931947ebd26a97b84831b7cdf88d6e",),
    ),
    Letter(
        "AMZN-2020-Shareholder-Letter.pdf",
        f"{_FOLDER}/2021/ar/Amazon-2020-Shareholder-Letter-and-1997-Shareholder-Letter.pdf",
        "In Amazon’s 1997 letter to shareholders, our first",
        ("2041959288bfb151114028a4575c5e94a2ba0a51fb9c85411ceb6a4dc843b64c",),
    ),
    Letter(
        "AMZN-2021-Shareholder-Letter.pdf",
        f"{_FOLDER}/2022/ar/2021-Shareholder-Letter.pdf",
        "Over the past 25 years at Amazon",
        ("6a3bf87c29023398b045c8542be480302269ceb2f1d04de4f87854756f03fd53",),
    ),
    Letter(
        "AMZN-2022-Shareholder-Letter.pdf",
        f"{_FOLDER}/2023/ar/2022-Shareholder-Letter.pdf",
        "As I sit down to write my second annual shareholder letter",
        ("b0d0c76938de60d0058ad5d9e53ed47f79701aee200ac4e02b955479628913b3",),
    ),
)


@dataclass(frozen=True)
class Fetched:
    """What came of one letter.

    Attributes:
        path: the letter without the reprint.
        sha256: of the original.
        downloaded: False where it was there.
        known: whether this edition was looked at before; else only its words were checked.
        pages: of the letter.
        cut: pages of the reprint that were left out.
    """

    path: Path
    sha256: str
    downloaded: bool
    known: bool
    pages: int
    cut: int


def fetch_letters(
    folder: Path,
    letters: Sequence[Letter] = LETTERS,
    *,
    on_letter: Callable[[str], None] = lambda name: None,
) -> list[Fetched]:
    """Download what is missing, check it, and cut off the reprints.

    Args:
        folder: made when missing.
        letters: which.
        on_letter: called with each name before it is fetched.

    Raises:
        DocumentError: a letter can't be reached, or is not what it should be.
    """
    originals, trimmed = folder / "originals", folder / "letters"
    for made in (originals, trimmed):
        made.mkdir(parents=True, exist_ok=True)
    sums = read_sums(originals / SUMS)
    fetched = []
    for letter in letters:
        on_letter(letter.name)
        original = originals / letter.name
        downloaded = not original.exists()
        if downloaded:
            remedy = f"download it by hand and put it in originals/{letter.name}"
            download(letter.url, original, most=MAX_BYTES, remedy=remedy)
        digest, data = digest_of(original), original.read_bytes()
        expected = sums.get(letter.name)
        if expected not in (None, digest):
            if downloaded:
                original.unlink()
            raise DocumentError(
                f"{original}: is not the file that {SUMS} names: delete both it and its line "
                "there to take the new one"
            )
        try:
            keep, cut = _pages(original, letter)
        except DocumentError:
            # Not the letter: nothing that should be found here the next time.
            if downloaded:
                original.unlink()
            raise
        write(trimmed / letter.name, _first_pages(data, keep, original) if cut else data)
        sums[letter.name] = digest
        write_sums(originals / SUMS, sums)
        fetched.append(
            Fetched(
                path=trimmed / letter.name,
                sha256=digest,
                downloaded=downloaded,
                known=digest in letter.known,
                pages=keep,
                cut=cut,
            )
        )
    return fetched


def _pages(path: Path, letter: Letter) -> tuple[int, int]:
    """How many pages are the letter's, and how many the reprint's."""
    document = load_document(path)
    text = " ".join(document.text.split())
    if letter.says not in text:
        raise DocumentError(
            f"{path}: does not say {letter.says!r}, so it is not that letter: look at {letter.url}"
        )
    starts: list[int] = ours(document.metadata)["page_starts"]
    for page, start in enumerate(starts):
        end = starts[page + 1] if page + 1 < len(starts) else len(document.text)
        if _REPRINT in " ".join(document.text[start:end].split()) and page > 0:
            return page, len(starts) - page
    return len(starts), 0


def _first_pages(data: bytes, count: int, path: Path) -> bytes:
    try:
        writer = PdfWriter()
        for page in PdfReader(io.BytesIO(data)).pages[:count]:
            writer.add_page(page)
        out = io.BytesIO()
        writer.write(out)
    except (PyPdfError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DocumentError(
            f"{path}: its pages can't be copied ({error}): trim it by hand"
        ) from error
    return out.getvalue()
