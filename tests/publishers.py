"""A machine that has the publishers' files: what would convert to the development data."""

import csv
import io
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from app.corpora import Corpus
from tests.test_development_data import DATA


@contextmanager
def serving(files: Mapping[str, bytes], asked: list[str]) -> Iterator[str]:
    """Serves files by path on this machine; `asked` records what was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            data = files.get(self.path)
            self.send_response(200 if data is not None else 404)
            self.end_headers()
            self.wfile.write(data or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def mirrored(corpus: Corpus, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """A corpus's files at the paths of a mirror."""
    return {corpus.address(file, "/"): files[file.path] for file in corpus.files}


def originals(corpus: Corpus) -> dict[str, bytes]:
    """Files by path that convert to the development data of that name."""
    folder = DATA / corpus.name
    texts = {
        path.name: path.read_bytes().decode() for path in sorted((folder / "corpora").iterdir())
    }
    lines = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    if corpus.name == "chunking_evaluation":
        table = (folder / "questions_df.csv").read_bytes()
        return {
            file.path: table
            if file.path.endswith(".csv")
            else texts[file.path.rpartition("/")[2]].encode()
            for file in corpus.files
        }
    makers = {"privacy_qa": _privacy_qa, "qmsum": _qmsum, "evidence_inference": _evidence}
    return makers[corpus.name](texts, questions, corpus)


def _privacy_qa(
    texts: dict[str, str], questions: list[dict[str, Any]], corpus: Corpus
) -> dict[str, bytes]:
    rows = []
    for number, question in enumerate(questions):
        said = re.fullmatch(r"Consider \"(.*?)\"'s privacy policy; (.*)", question["question"])
        assert said is not None
        document, end = question["references"][0]["document"], 0
        for sentence, line in enumerate(texts[document].split("\n")[:-1]):
            start, end = end, end + len(line) + 1
            inside = any(
                place["start"] <= start and end <= place["end"] for place in question["references"]
            )
            judged = ["Relevant" if inside else "Irrelevant"] * 3 + ["", ""]
            rows.append(
                [f"{said[1]}_1", f"{said[1]}_{number}", f"{said[1]}_{sentence}", said[2], line,
                 "Relevant", *judged, "Irrelevant"]
            )  # fmt: skip
    head = ["DocID", "QueryID", "SentID", "Query", "Segment"] + [f"Ann{n}" for n in range(1, 7)]
    rows = [[*row[:6], *row[6:11]] for row in rows]
    return {corpus.files[0].path: _table([head, *rows], "\t")}


def _qmsum(
    texts: dict[str, str], questions: list[dict[str, Any]], corpus: Corpus
) -> dict[str, bytes]:
    lines = []
    for name, text in texts.items():
        starts, ends, turns = {}, {}, []
        end = 0
        for number, line in enumerate(text.split("\n")[:-1]):
            starts[end], ends[end + len(line)] = number, number
            end += len(line) + 1
            speaker, _, content = line.partition(": ")
            turns.append({"speaker": speaker, "content": content})
        asked = [
            {
                "query": question["question"],
                "answer": question["answer"],
                "relevant_text_span": [
                    [str(starts[place["start"]]), str(ends[place["end"]])]
                    for place in question["references"]
                ],
            }
            for question in questions
            if question["references"][0]["document"] == name
        ]
        lines.append(json.dumps({"specific_query_list": asked, "meeting_transcripts": turns}))
    return {corpus.files[0].path: "\n".join(lines).encode()}


def _evidence(
    texts: dict[str, str], questions: list[dict[str, Any]], corpus: Corpus
) -> dict[str, bytes]:
    prompts = [["PromptID", "PMCID", "Outcome", "Intervention", "Comparator"]]
    annotations = [
        ["PromptID", "PMCID", "Valid Label", "Valid Reasoning", "Evidence Start", "Evidence End"]
    ]
    for question in questions:
        said = re.fullmatch(
            r"What was the effect of (.*?) on (.*), compared with (.*)\?", question["question"]
        )
        assert said is not None
        number, article = question["id"][2:], question["references"][0]["document"][3:-4]
        prompts.append([number, article, said[2], said[1], said[3]])
        for place in question["references"]:
            # Two annotators; and one whose marks were found invalid.
            row = [number, article, "True", "True", str(place["start"]), str(place["end"])]
            annotations += [row, row, [number, article, "False", "True", "0", "5"]]
            annotations.append([number, article, "True", "True", "-1", "-1"])
    files = {
        file.path: texts[file.path.rpartition("/")[2]].encode()
        for file in corpus.files
        if file.path.endswith(".txt")
    }
    tables = {"prompts_merged": prompts, "v2_annotations": annotations}
    return files | {f"annotations/{name}.csv": _table(rows) for name, rows in tables.items()}


def _table(rows: list[list[str]], delimiter: str = ",") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()
