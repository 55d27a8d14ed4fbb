"""A publisher's files → documents, and questions with the places of their evidence.

Each layout is a function from files, by the paths they are published at, to what was read of
them. Places are characters of the documents as they are written here. Whatever can't be placed
is left out and counted.
"""

import csv
import json
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from indexes import DocumentError
from indexes.evaluation.questions import Question, Reference

Files = Mapping[str, Path]
_MOST_OF_AN_ARCHIVE = 600 * 1024 * 1024


@dataclass
class Read:
    """What was read of a corpus.

    Attributes:
        texts: its documents, by file name
        questions: in the publisher's order
        left_out: what could not be placed: how many, by reason
    """

    texts: dict[str, str] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def ask(
        self, name: str, question: str, places: list[Reference], answer: str | None = None
    ) -> None:
        """Add a question; one whose evidence could not be placed is left out."""
        if places:
            self.questions.append(
                Question(id=name, question=question, references=tuple(places), answer=answer)
            )
        else:
            self.left_out["questions without evidence that can be placed"] += 1


def chunking_evaluation(files: Files, _: Mapping[str, Any]) -> Read:
    """Chroma's: a CSV of questions with quoted references, and Markdown files."""
    read = Read()
    for path, file in files.items():
        if path.endswith(".md"):
            read.texts[PurePosixPath(path).name] = _text(file)
    [table] = [file for path, file in files.items() if path.endswith(".csv")]
    for number, row in enumerate(_rows(table)):
        name = f"{row['corpus_id']}.md"
        places = []
        for found in json.loads(row["references"]):
            start, end = int(found["start_index"]), int(found["end_index"])
            if read.texts[name][start:end] == found["content"]:
                places.append(Reference(document=name, start=start, end=end))
            else:
                read.left_out["references that are not what they quote"] += 1
        read.ask(str(number), row["question"], places)
    return read


def privacy_qa(files: Files, _: Mapping[str, Any]) -> Read:
    """PrivacyQA's sentences with up to six judgements, placed as LegalBench-RAG places them.

    A policy is its sentences, a line each. Evidence is what at least half of the judges of a
    sentence find relevant; sentences that follow each other are one reference. Questions with a
    sentence that more than two of the six did not judge are left out.
    """
    sentences: dict[str, dict[int, str]] = {}
    asked: dict[tuple[str, int], str] = {}
    judged: dict[tuple[str, int], dict[int, list[str]]] = {}
    [table] = files.values()
    for row in _rows(table, "\t"):
        policy = row["DocID"].split("_")[0].strip()
        query = int(row["QueryID"].rsplit("_", 1)[-1])
        sentence = int(row["SentID"].rsplit("_", 1)[-1])
        sentences.setdefault(policy, {})[sentence] = row["Segment"]
        asked[policy, query] = row["Query"].strip()
        said = [(row.get(f"Ann{judge}") or "").strip().lower() for judge in range(1, 7)]
        judged.setdefault((policy, query), {})[sentence] = said
    read, places = Read(), {}
    names = {policy: _file_name(policy) for policy in sentences}
    for policy, lines in sentences.items():
        text = ""
        for number, line in sorted(lines.items()):
            places[policy, number] = (len(text), len(text) + len(line) + 1)
            text += line + "\n"
        read.texts[names[policy]] = text
    for (policy, query), found in judged.items():
        if any(sum(not _judgement(one) for one in said) > 2 for said in found.values()):
            read.left_out["questions that too few have judged"] += 1
            continue
        spans = [places[policy, number] for number, said in found.items() if _relevant(said)]
        references = [
            Reference(document=names[policy], start=start, end=end) for start, end in _joined(spans)
        ]
        question = f'Consider "{policy}"\'s privacy policy; {asked[policy, query]}'
        read.ask(str(len(read.questions)), question, references)
    used = {place.document for question in read.questions for place in question.references}
    read.texts = {name: text for name, text in read.texts.items() if name in used}
    return read


def qmsum(files: Files, _: Mapping[str, Any]) -> Read:
    """QMSum's meetings, one a line: turns of speech, and questions with runs of turns."""
    read = Read()
    [lines] = files.values()
    meetings = [json.loads(line) for line in _text(lines).split("\n") if line.strip()]
    for number, meeting in enumerate(meetings):
        name, text, turns = f"meeting{number:02}.txt", "", []
        for turn in meeting["meeting_transcripts"]:
            said = f"{turn['speaker']}: {turn['content']}"
            turns.append((len(text), len(text) + len(said)))
            text += said + "\n"
        read.texts[name] = text
        for place, query in enumerate(meeting["specific_query_list"]):
            references = []
            for first, last in query["relevant_text_span"]:
                if 0 <= int(first) <= int(last) < len(turns):
                    start, end = turns[int(first)][0], turns[int(last)][1]
                    references.append(Reference(document=name, start=start, end=end))
                else:
                    read.left_out["references to turns that are not there"] += 1
            read.ask(f"qm{number}-{place}", query["query"], references, query["answer"])
    return read


def evidence_inference(files: Files, options: Mapping[str, Any]) -> Read:
    """Evidence Inference's articles, prompts and annotations; `prompts` says which to take."""
    read, tables = Read(), {}
    for path, file in files.items():
        if path.endswith(".txt"):
            read.texts[PurePosixPath(path).name] = _text(file)
        else:
            tables[PurePosixPath(path).stem] = list(_rows(file))
    places: dict[int, tuple[str, list[tuple[int, int]]]] = {}
    for row in tables["v2_annotations"]:
        name = f"PMC{row['PMCID']}.txt"
        start, end = int(row["Evidence Start"]), int(row["Evidence End"])
        valid = row["Valid Label"] == row["Valid Reasoning"] == "True"
        if valid and name in read.texts and 0 <= start < end <= len(read.texts[name]):
            # Two annotators may mark the same place, or parts of it.
            places.setdefault(int(row["PromptID"]), (name, []))[1].append((start, end))
    prompts = {int(row["PromptID"]): row for row in tables["prompts_merged"]}
    for number in options["prompts"]:
        row = prompts[number]
        question = (
            f"What was the effect of {row['Intervention'].strip()} on {row['Outcome'].strip()}, "
            f"compared with {row['Comparator'].strip()}?"
        )
        name, spans = places.get(number, ("", []))
        references = [
            Reference(document=name, start=start, end=end) for start, end in _joined(spans)
        ]
        read.ask(f"ei{number}", question, references)
    return read


def legalbench_rag(files: Files, options: Mapping[str, Any]) -> Read:
    """LegalBench-RAG's archive: `corpus/` and `benchmarks/NAME.json`, `benchmark` says which."""
    read, wanted = Read(), str(options["benchmark"])
    [path] = files.values()
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename: member for member in archive.infolist()}
            if sum(member.file_size for member in members.values()) > _MOST_OF_AN_ARCHIVE:
                raise DocumentError(f"{path}: unpacks to more than any edition of it: look at it")
            [tests] = [name for name in members if name.endswith(f"benchmarks/{wanted}.json")]
            root = tests[: -len(f"benchmarks/{wanted}.json")]
            for number, test in enumerate(json.loads(archive.read(tests))["tests"]):
                references = []
                for snippet in test["snippets"]:
                    name = _file_name(PurePosixPath(snippet["file_path"]).stem)
                    if name not in read.texts:
                        data = archive.read(f"{root}corpus/{snippet['file_path']}")
                        read.texts[name] = _lines(data)
                    start, end = snippet["span"]
                    references.append(Reference(document=name, start=start, end=end))
                read.ask(str(number), test["query"], references)
    except (zipfile.BadZipFile, KeyError, NotImplementedError) as error:
        raise DocumentError(f"{path}: is no such archive ({error}): fetch it again") from error
    return read


def squad(files: Files, _: Mapping[str, Any]) -> Read:
    """SQuAD's: paragraphs that are documents, questions, and answers with their starts."""
    read = Read()
    [file] = files.values()
    for article in json.loads(_text(file))["data"]:
        for paragraph in article["paragraphs"]:
            text = paragraph["context"]
            number = paragraph.get("document_id", len(read.texts))
            name = f"{number}.txt"
            read.texts[name] = text
            for asked in paragraph["qas"]:
                places = {}
                for answer in asked["answers"]:
                    start = int(answer["answer_start"])
                    end = start + len(answer["text"])
                    if text[start:end] == answer["text"]:
                        places[start, end] = Reference(document=name, start=start, end=end)
                    else:
                        read.left_out["answers that are not where they are said to be"] += 1
                read.ask(str(asked["id"]), asked["question"].strip(), list(places.values()))
    return read


def obliqa(files: Files, _: Mapping[str, Any]) -> Read:
    """ObliQA's regulations in numbered passages, and questions that quote them."""
    read, places = Read(), {}
    for path, file in files.items():
        if "/" not in path:
            continue
        name, text = f"{PurePosixPath(path).stem}.txt", ""
        for passage in json.loads(_text(file)):
            if not passage["Passage"].strip():
                continue
            text += f"{passage['PassageID']} "
            end = len(text) + len(passage["Passage"].rstrip())
            key = (name, passage["PassageID"])
            places[key] = Reference(document=name, start=len(text), end=end)
            text += passage["Passage"].rstrip() + "\n\n"
        read.texts[name] = text
    [file] = [file for path, file in files.items() if "/" not in path]
    for asked in json.loads(_text(file)):
        references = []
        for passage in asked["Passages"]:
            name, said = f"{passage['DocumentID']}.txt", passage["Passage"].strip()
            place = places.get((name, passage["PassageID"]))
            text = read.texts.get(name, "")
            if place is None or text[place.start : place.end].strip() != said:
                start = text.find(said)
                place = None
                if start >= 0:
                    place = Reference(document=name, start=start, end=start + len(said))
            if place is None:
                read.left_out["passages that are in no document word for word"] += 1
            else:
                references.append(place)
        read.ask(asked["QuestionID"], asked["Question"], references)
    return read


LAYOUTS: dict[str, Callable[[Files, Mapping[str, Any]], Read]] = {
    "chunking-evaluation": chunking_evaluation,
    "privacy-qa": privacy_qa,
    "qmsum": qmsum,
    "evidence-inference": evidence_inference,
    "legalbench-rag": legalbench_rag,
    "squad": squad,
    "obliqa": obliqa,
}


def _judgement(said: str) -> bool:
    return "relevant" in said


def _relevant(said: list[str]) -> bool:
    judged = [one for one in said if _judgement(one)]
    return bool(judged) and sum("irrelevant" not in one for one in judged) >= len(judged) / 2


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans in order, those that touch made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _file_name(title: str) -> str:
    """A title as a file's name, on any system."""
    return re.sub(r"[^\w.-]", "_", title.replace(",", "")) + ".txt"


def _text(path: Path) -> str:
    return _lines(path.read_bytes())


def _lines(data: bytes) -> str:
    """Text as Python reads it from a file, which is what publishers counted in."""
    return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def _rows(path: Path, delimiter: str = ",") -> Iterator[dict[str, str]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file, delimiter=delimiter)
