"""A model's reply → verdicts. What a reply leaves open is kept: nothing is dropped by mistake."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from indexes.compression.asking import Reply
from indexes.compression.packing import Excerpt, Pack
from indexes.compression.passages import Passage
from indexes.compression.replies import Read, read_numbers, read_yes_no
from indexes.compression.verdicts import Verdict
from indexes.details import Outcome

# Answer, how many were asked about, their texts → which are named.
Reader = Callable[[str, int, Sequence[str]], Read]


@dataclass(frozen=True)
class Decided:
    """About the sentences of one excerpt: which are kept, and how that came about."""

    kept: tuple[bool, ...]
    outcome: Outcome
    note: str


def as_read(read: Reader, reply: Reply, count: int, texts: Sequence[str] = ()) -> Read:
    """What an answer names of `count` things; unreadable if there is none."""
    if reply.outcome != "answered":
        return Read((), readable=False, note=reply.note)
    return read(reply.text, count, texts)


def yes_no(answer: str, count: int, texts: Sequence[str] = ()) -> Read:
    """Yes or no to one thing, as the number 1 or none."""
    said = read_yes_no(answer)
    if said is None:
        return Read((), readable=False, note="neither yes nor no")
    return Read((1,) if said else (), note="yes" if said else "no")


def outcome_of(reply: Reply, read: Read) -> Outcome:
    """How a decision came about."""
    if reply.outcome != "answered":
        return "timeout" if reply.outcome == "timeout" else "failed"
    if not read.readable:
        return "unreadable"
    return "judged" if read.complete else "incomplete"


def decided(
    passages: Sequence[Passage], pack: Pack, reply: Reply
) -> Iterator[tuple[Excerpt, Decided]]:
    """One call's decision on each of its excerpts."""
    texts = [
        passages[excerpt.passage].slice(passages[excerpt.passage].sentences[place])
        for excerpt in pack.excerpts
        for place in excerpt.sentences
    ]
    read = as_read(read_numbers, reply, len(texts), texts)
    outcome = outcome_of(reply, read)
    last = max(read.numbers, default=0)
    number = 0
    for excerpt in pack.excerpts:
        numbers = range(number + 1, number + 1 + len(excerpt.sentences))
        number += len(excerpt.sentences)
        if outcome in ("failed", "timeout", "unreadable"):
            yield excerpt, Decided((True,) * len(numbers), outcome, f"kept whole: {read.note}")
        elif outcome == "incomplete" and numbers[-1] > last:
            note = "kept from where the answer breaks off"
            kept = tuple(n in read.numbers or n > last for n in numbers)
            yield excerpt, Decided(kept, "incomplete", note)
        else:
            kept = tuple(n in read.numbers for n in numbers)
            yield excerpt, Decided(kept, "judged", read.note)


def combined(count: int, parts: Sequence[tuple[Excerpt, Decided]]) -> Verdict:
    """The verdict on a passage that one call judged, or several."""
    flags = [False] * count
    for excerpt, decision in parts:
        for place, keep in zip(excerpt.sentences, decision.kept, strict=True):
            flags[place] = keep
    odd = [decision for _, decision in parts if decision.outcome != "judged"]
    chosen = odd[0] if odd else parts[0][1]
    return sentence_verdict(flags, chosen.outcome, chosen.note)


def sentence_verdict(kept: Sequence[bool], outcome: Outcome, note: str) -> Verdict:
    """The verdict on a passage whose sentences were judged."""
    return Verdict(any(kept), tuple(kept), outcome, note)


def filtered(read: Reader, reply: Reply, count: int) -> Iterator[Verdict]:
    """One call's verdict on each of its passages."""
    said = as_read(read, reply, count)
    outcome = outcome_of(reply, said)
    last = max(said.numbers, default=0)
    for number in range(1, count + 1):
        if outcome in ("failed", "timeout", "unreadable"):
            yield Verdict(True, outcome=outcome, note=f"kept: {said.note}")
        elif outcome == "incomplete" and number > last:
            yield Verdict(True, outcome=outcome, note="kept: the answer breaks off before it")
        else:
            yield Verdict(number in said.numbers, note=said.note)
