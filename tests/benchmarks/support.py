"""Support without vectors: of true sentences what is kept, and of false ones what passes.

    python -m tests.benchmarks.support [--sentences 40] [--json]

Sentences of the development documents stand in their passage as they are (`copied`), with what
they begin with at the end (`fronted`), without their last clause (`cut`), joined with the next
(`joined`); `answered` are people's own summaries, of QMSum, with their evidence. False are those in
which a word is changed for its opposite (some of which make no sense), two names change places, or
a "not" is put in or left out. All are made alike each time.
"""

import argparse
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from indexes.answers import Context
from indexes.evaluation.questions import read_questions
from indexes.sentences import sentence_spans
from indexes.verdict.denial import negated
from indexes.verdict.support import supports
from indexes.verdict.vocabulary import OPPOSITES

DATA = Path(__file__).parents[3] / "shared" / "data"
SETS = ("chunking_evaluation", "privacy_qa", "evidence_inference")
# A document's beginning is read, and passages hold so many sentences on either side.
_READ, _AROUND = 60_000, 6
_FRONT = re.compile(r"((?:In|On|At|For|During|Since|Under|By|With)\b[^,]{3,60}), (.+)\.$")
_NAME = re.compile(r"(?<!^)\b[A-Z][a-z]{3,}\b")
_NOT = re.compile(r"\b(is|are|was|were|will|can|may|shall|must|should|has|have|did|does|do) not\b")
_VERB = re.compile(r"\b(is|are|was|were|will|can|may|shall|must|should)\b(?! not)")

Claim = tuple[str, str, list[str]]


def answered(count: int, chosen: random.Random) -> Iterator[Claim]:
    """Summaries that people wrote, with what they are of."""
    questions = [q for q in read_questions(DATA / "qmsum" / "questions.jsonl") if q.answer]
    for question in chosen.sample(questions, min(3 * count, len(questions))):
        texts = [
            (DATA / "qmsum" / "corpora" / place.document).read_text("utf-8")[place.start :][
                : min(6_000, place.end - place.start)
            ]
            for place in question.references[:3]
        ]
        yield "answered", question.answer or "", texts


def made(text: str, count: int, chosen: random.Random) -> Iterator[Claim]:
    """What is made of the sentences of a document."""
    spans = [text[start:end].strip() for start, end in sentence_spans(text[:_READ])]
    spans = [s for s in spans if 40 < len(s) < 300 and "|" not in s and s.endswith(".")]
    for at in chosen.sample(range(len(spans)), min(count, len(spans))):
        sentence = spans[at]
        passage = " ".join(spans[max(0, at - _AROUND) : at + _AROUND + 1])
        for kind, said in (*_true(spans, at), *_false(sentence, chosen)):
            if kind == "copied" or said not in passage:
                yield kind, said, [passage]


def _true(spans: list[str], at: int) -> Iterator[tuple[str, str]]:
    sentence = spans[at]
    yield "copied", sentence
    if front := _FRONT.match(sentence):
        yield "fronted", f"{_large(front[2])} {_small(front[1])}."
    if ", " in sentence and len(head := sentence.split(", ")[0]) > 40:
        yield "cut", f"{head}."
    if at + 1 < len(spans):
        yield "joined", f"{sentence[:-1]} and {_small(spans[at + 1])}"


def _false(sentence: str, chosen: random.Random) -> Iterator[tuple[str, str]]:
    sides: dict[tuple[int, int], list[str]] = defaultdict(list)
    for word, side in OPPOSITES.items():
        sides[side].append(word)
    for found in re.finditer(r"\w+", sentence):
        if found[0] != "May" and (side := OPPOSITES.get(found[0].lower())):
            others = [w for other, known in sides.items() for w in known
                      if other[0] == side[0] and other != side]  # fmt: skip
            other = chosen.choice(others)
            other = other if found[0].islower() else _large(other)
            yield "opposite", sentence[: found.start()] + other + sentence[found.end() :]
            break
    names = list(_NAME.finditer(sentence))[:2]
    if len(names) == 2 and names[0][0] != names[1][0] and names[1].start() - names[0].end() > 5:
        one, two = names
        between = sentence[one.end() : two.start()]
        yield (
            "exchanged",
            f"{sentence[: one.start()]}{two[0]}{between}{one[0]}{sentence[two.end() :]}",
        )
    if _NOT.search(sentence):
        yield "denied", _NOT.sub(r"\1", sentence, count=1)
    elif not negated(sentence) and _VERB.search(sentence):
        yield "denied", _VERB.sub(r"\1 not", sentence, count=1)


def _large(text: str) -> str:
    return text[0].upper() + text[1:]


def _small(text: str) -> str:
    return text[0].lower() + text[1:]


def figures(count: int) -> dict[str, dict[str, float]]:
    """By kind: how many sentences were judged, and the share that is called supported."""
    chosen = random.Random(5)
    claims = list(answered(count, chosen))
    for name in SETS:
        for path in sorted((DATA / name / "corpora").iterdir()):
            if path.suffix in (".md", ".txt"):
                claims += made(path.read_text("utf-8"), count, chosen)
    judged: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    for kind, said, texts in claims:
        contexts = [
            Context(document="d", start=0, end=len(text), text=text, score=1, level=2, number=at)
            for at, text in enumerate(texts, start=1)
        ]
        found = supports(said, contexts)
        judged[kind] += len(found)
        passed[kind] += sum(one.verdict == "supported" for one in found)
    return {
        kind: {"sentences": total, "supported": passed[kind] / total}
        for kind, total in judged.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=int, default=40, help="of each document")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"THE DEVELOPMENT DATA IS MISSING: expected {DATA}")
    found = figures(options.sentences)
    for kind, row in found.items():
        print(f"{kind:12} {row['sentences']:6.0f} sentences {row['supported']:8.3f} supported")
    if options.json:
        print(json.dumps({k: {n: round(v, 4) for n, v in row.items()} for k, row in found.items()}))


if __name__ == "__main__":
    main()
