"""`fetch`: samples, letters, public benchmarks."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexes import SettingsError, load_settings

from .console import err, out, printable
from .options import command, settings_options

if TYPE_CHECKING:
    from ..corpora import Corpus


@command(
    epilog="\b\nExamples:\n  advanced-rag fetch samples\n"
    "  advanced-rag ingest data/samples/letters\n  advanced-rag fetch amazon-letters\n"
    "  advanced-rag fetch benchmarks --only qmsum"
)
@click.argument("what", type=click.Choice(["samples", "amazon-letters", "benchmarks"]))
@click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=Path("data"),
    show_default=True, help="Where a folder of that name is made.",
)  # fmt: skip
@click.option("--only", multiple=True, metavar="NAME", help="Of benchmarks: this; repeatable.")
@click.option("--held-out", is_flag=True, help="Of benchmarks: those nothing was chosen on, too.")
@click.option("--mirror", metavar="URL", help="Of benchmarks: where copies of their files are.")
@click.option(
    "--list", "listed", type=click.Path(dir_okay=False, path_type=Path),
    help="Of benchmarks: another list of them, laid out as app/corpora/corpora.json.",
)  # fmt: skip
@settings_options()
def fetch(
    what: str,
    folder: Path,
    only: tuple[str, ...],
    held_out: bool,
    mirror: str | None,
    listed: Path | None,
    **settings: Any,
) -> None:
    """Get documents to try it with.

    samples: four letters of a fictional company, and questions with the places of their
    answers. amazon-letters: what AWS's sample reads, downloaded from the publisher.
    Originals stay as they come; copies without the reprint of 1997's letter lie beside.
    benchmarks: corpora and questions for `evaluate`, from their publishers' repositories.
    """
    load_settings(**settings)  # Nothing here depends on them, but a wrong file is told.
    place = folder / what
    if what == "benchmarks":
        from ..corpora import chosen

        _fetch_benchmarks(place, chosen(only, held_out=held_out, listed=listed), mirror)
        return
    if only or held_out or mirror or listed:
        raise SettingsError("--only, --held-out, --mirror and --list go with `fetch benchmarks`")
    if what == "samples":
        from ..samples import copy_samples

        copy_samples(place)
    else:
        _fetch_amazon_letters(place)
    out.print(printable(f"now: advanced-rag ingest {place / 'letters'}"))


def _fetch_benchmarks(place: Path, wanted: "list[Corpus]", mirror: str | None) -> None:
    from ..corpora import fetch_corpora

    if not wanted:
        raise SettingsError("none of these benchmarks is for development: --held-out takes all")
    for corpus in wanted:
        err.print(printable(f"fetching {corpus.name} of {corpus.publisher} ({corpus.licence})"))
        [found] = fetch_corpora(place, [corpus], mirror=mirror)
        notes = [f"{found.documents} documents", f"{found.questions} questions", corpus.use]
        notes.append(f"{found.downloaded} files downloaded")
        if found.unknown:
            notes.append(f"hashes of {found.unknown} not known beforehand: see SHA256SUMS")
        notes += [f"left out: {count} {reason}" for reason, count in found.left_out.items()]
        out.print(printable(f"{found.folder}  {', '.join(notes)}"))
    out.print(
        printable(
            f"now: advanced-rag evaluate --questions {found.folder / 'questions.jsonl'} "
            f"--documents {found.folder / 'corpora'}"
        )
    )


def _fetch_amazon_letters(place: Path) -> None:
    from ..samples.amazon import fetch_letters

    found = fetch_letters(place, on_letter=lambda name: err.print(printable(f"fetching {name}")))
    for letter in found:
        notes = [f"{letter.pages} pages"]
        if letter.cut:
            notes.append(f"{letter.cut} of the 1997 letter left out")
        if not letter.known:
            notes.append("an edition that was not seen before: its words were checked")
        if not letter.downloaded:
            notes.append("was there")
        out.print(printable(f"{letter.path}  {letter.sha256[:12]}  {', '.join(notes)}"))
