"""`fetch amazon-letters`, against a publisher on this machine."""

import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fpdf import FPDF
from pypdf import PdfReader

from app.samples import amazon
from app.samples.amazon import LETTERS, Letter, fetch_letters
from indexes.documents import load_document
from indexes.errors import DocumentError
from tests.test_development_data import DATA

SAYS = "As I sit down to write my second annual shareholder letter"


def pdf(*pages: str) -> bytes:
    made = FPDF()
    made.set_font("helvetica", size=12)
    for page in pages:
        made.add_page()
        made.multi_cell(0, 6, page)
    return bytes(made.output())


LETTER = pdf(
    f"Dear shareholders: {SAYS}, I find myself optimistic.",
    "Our first letter was of 1997, and is reprinted below.",
    "1997 LETTER TO SHAREHOLDERS\n(Reprinted from the 1997 Annual Report)\nTo our shareholders:",
    "Amazon.com passed many milestones in 1997.",
)


@dataclass
class Publisher:
    """Serves `files` and records what was asked for."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            published.asked.append(self.path)
            data = published.files.get(self.path)
            self.send_response(200 if data is not None else 404)
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    published = Publisher(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield published
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def letter(publisher: Publisher) -> Letter:
    publisher.files["/2022.pdf"] = LETTER
    return Letter("AMZN-2022.pdf", f"{publisher.url}/2022.pdf", SAYS)


def test_the_reprint_is_left_out_and_the_original_untouched(tmp_path: Path, letter: Letter) -> None:
    [found] = fetch_letters(tmp_path, [letter])
    assert (found.pages, found.cut, found.downloaded, found.known) == (2, 2, True, False)
    assert (tmp_path / "originals" / letter.name).read_bytes() == LETTER
    assert len(PdfReader(io.BytesIO(found.path.read_bytes())).pages) == 2
    text = load_document(found.path).text
    assert "optimistic" in text and "milestones" not in text


def test_a_second_time_nothing_is_downloaded(
    tmp_path: Path, letter: Letter, publisher: Publisher
) -> None:
    [first] = fetch_letters(tmp_path, [letter])
    written = first.path.stat().st_mtime_ns
    [second] = fetch_letters(tmp_path, [letter])
    assert publisher.asked == ["/2022.pdf"]
    assert second == replace(first, downloaded=False)
    assert second.path.stat().st_mtime_ns == written


def test_the_hash_is_written_down_and_expected(
    tmp_path: Path, letter: Letter, publisher: Publisher
) -> None:
    [found] = fetch_letters(tmp_path, [letter])
    sums = tmp_path / "originals" / "SHA256SUMS"
    assert sums.read_text() == f"{found.sha256}  {letter.name}\n"
    # The publisher's file changes, and the old one is lost.
    (tmp_path / "originals" / letter.name).unlink()
    publisher.files["/2022.pdf"] = pdf(f"{SAYS}, and more.")
    with pytest.raises(DocumentError, match="not the file that SHA256SUMS names"):
        fetch_letters(tmp_path, [letter])
    sums.unlink()
    assert fetch_letters(tmp_path, [letter])[0].cut == 0


def test_a_known_edition_is_known(tmp_path: Path, letter: Letter) -> None:
    [found] = fetch_letters(tmp_path, [letter])
    [again] = fetch_letters(tmp_path, [replace(letter, known=(found.sha256,))])
    assert again.known


@pytest.mark.parametrize(
    ("served", "message"),
    [
        (pdf("Another letter."), "so it is not that letter"),
        (b"<html>not here</html>", "AMZN-2022.pdf"),
        (b"", "empty"),
    ],
)
def test_what_is_not_the_letter_is_not_kept(
    tmp_path: Path, letter: Letter, publisher: Publisher, served: bytes, message: str
) -> None:
    publisher.files["/2022.pdf"] = served
    with pytest.raises(DocumentError, match=message):
        fetch_letters(tmp_path, [letter])
    assert list((tmp_path / "originals").iterdir()) == []
    assert list((tmp_path / "letters").iterdir()) == []


def test_no_network_is_one_line(tmp_path: Path, letter: Letter, publisher: Publisher) -> None:
    with pytest.raises(DocumentError, match=r"404.*originals/AMZN-2022\.pdf"):
        fetch_letters(tmp_path, [replace(letter, url=f"{publisher.url}/gone.pdf")])
    with pytest.raises(DocumentError, match="check the network"):
        fetch_letters(tmp_path, [replace(letter, url="http://127.0.0.1:9/x.pdf")])


def test_no_letter_is_that_large(
    tmp_path: Path, letter: Letter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(amazon, "MAX_BYTES", 100)
    with pytest.raises(DocumentError, match="larger than"):
        fetch_letters(tmp_path, [letter])


def test_the_letters_of_the_sample_are_known(tmp_path: Path, publisher: Publisher) -> None:
    folder = DATA / "amazon_letters"
    if not folder.exists():
        pytest.skip("THE DEVELOPMENT DATA IS MISSING: expected amazon_letters in ../shared/data")
    served = []
    for given in LETTERS:
        publisher.files[f"/{given.name}"] = (folder / given.name).read_bytes()
        served.append(replace(given, url=f"{publisher.url}/{given.name}"))
    found = fetch_letters(tmp_path, served)
    assert [letter.known for letter in found] == [True] * 4
    # These copies were trimmed already, as the sample does.
    assert [letter.cut for letter in found] == [0] * 4


def test_a_reprint_is_found_in_a_real_letter(tmp_path: Path, publisher: Publisher) -> None:
    path = DATA / "amazon_letters" / "AMZN-2023-Shareholder-Letter.pdf"
    if not path.exists():
        pytest.skip("THE DEVELOPMENT DATA IS MISSING: expected amazon_letters in ../shared/data")
    publisher.files["/2023.pdf"] = path.read_bytes()
    letter = Letter(path.name, f"{publisher.url}/2023.pdf", "Last year at this time, I shared my")
    [found] = fetch_letters(tmp_path, [letter])
    assert (found.pages, found.cut) == (8, 3)
    text = load_document(found.path).text
    assert text == load_document(path).text[: len(text)]


@pytest.mark.slow
def test_the_command_says_where_to_go_on(
    tmp_path: Path,
    letter: Letter,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from app.cli.main import main

    monkeypatch.setattr(amazon.fetch_letters, "__defaults__", ([letter],))
    monkeypatch.setattr("sys.argv", ["app", "fetch", "amazon-letters", "--folder", str(tmp_path)])
    main()
    printed = capsys.readouterr().out
    assert "2 pages, 2 of the 1997 letter left out" in printed
    assert f"advanced-rag ingest {tmp_path}/amazon-letters/letters" in printed


def test_the_samples_are_copied_with_their_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from app.cli.main import main

    monkeypatch.setattr("sys.argv", ["app", "fetch", "samples", "--folder", str(tmp_path)])
    main()
    main()
    assert len(list((tmp_path / "samples" / "letters").glob("*.pdf"))) == 4
    assert (tmp_path / "samples" / "questions.jsonl").read_text(encoding="utf-8").startswith("{")
    assert f"advanced-rag ingest {tmp_path}/samples/letters" in capsys.readouterr().out
    (tmp_path / "samples" / "questions.jsonl").unlink()
    (tmp_path / "samples" / "questions.jsonl").mkdir()
    (tmp_path / "samples" / "questions.jsonl" / "questions.jsonl").mkdir()
    with pytest.raises(SystemExit):
        main()
    assert "choose another --folder" in capsys.readouterr().err
