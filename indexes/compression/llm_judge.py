"""A language model as the judge: it is shown numbers, and answers with numbers.

judge = LLMJudge(llm)                          # several passages in one call
judge = LLMJudge(llm, packing="each")          # a call for each passage, side by side
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from llama_index.core.llms import LLM
from llama_index.core.schema import QueryBundle

from indexes.compression.asking import Ask, Asking, Constraints, Reply
from indexes.compression.cache import JudgementCache
from indexes.compression.decisions import (
    Decided,
    as_read,
    combined,
    decided,
    filtered,
    outcome_of,
    sentence_verdict,
    yes_no,
)
from indexes.compression.packing import Excerpt, numbered_sentences, pack_sentences, shown_whole
from indexes.compression.passages import Passage
from indexes.compression.prompts import (
    EXTRACT,
    FILTER,
    FILTER_EACH,
    RERANK,
    YES_NO_SCHEMA,
    JudgePrompt,
    numbers_schema,
)
from indexes.compression.replies import read_numbers
from indexes.compression.verdicts import JudgeKind, Judgement, Usage, Verdict
from indexes.compression.work import Steps
from indexes.details import JudgeCall, JudgeDetails
from indexes.tokens import count_tokens

Packing = Literal["packed", "each"]

# An answer's own words, and what a number in it costs.
_ANSWER_TOKENS = 48
_NUMBER_TOKENS = 3
_LONGEST_ANSWER = 1024
# A model's own tokens for a text, at most, per cl100k token.
_TOKENS_MARGIN = 1.4
_LEAST_SHARE = 256


class LLMJudge:
    """Asks any LlamaIndex LLM. Thread-safe.

    Answers are held to a JSON schema where the model has a method `constrained` (see
    `indexes.compression.asking.Constrainable`), and read tolerantly whatever they are.

    Args:
        llm: the model. Its own settings say how often a failed call is tried again.
        packing: `packed` judges several passages in one call; `each` one.
        pack_tokens: cl100k tokens of passages in one call, bounded by the model's window.
        at_once: calls in flight together.
        seconds: the longest that one call may take; then its passages are kept.
        cache: remembers judgements by model, prompt, question and passage.
        extract, filter, filter_each, rerank: the prompts.
    """

    kind: JudgeKind = "llm"

    def __init__(
        self,
        llm: LLM,
        *,
        packing: Packing = "packed",
        pack_tokens: int = 2048,
        at_once: int = 8,
        seconds: float = 60.0,
        cache: JudgementCache | None = None,
        extract: JudgePrompt = EXTRACT,
        filter: JudgePrompt = FILTER,
        filter_each: JudgePrompt = FILTER_EACH,
        rerank: JudgePrompt = RERANK,
    ) -> None:
        self._llm = llm
        self._packing: Packing = packing
        self._pack_tokens = pack_tokens
        self._at_once = at_once
        self._seconds = seconds
        self._cache = cache
        self._constraints = Constraints()
        asked = filter if packing == "packed" else filter_each
        self._prompts = {"extract": extract, "filter": asked, "rerank": rerank}

    @property
    def model(self) -> str:
        """The model's name."""
        return self._llm.metadata.model_name

    @property
    def prompts(self) -> dict[str, JudgePrompt]:
        """The prompts, by what they ask for."""
        return dict(self._prompts)

    def with_prompt(self, task: str, prompt: JudgePrompt) -> "LLMJudge":
        """The same judge with another prompt for a task."""
        changed = LLMJudge.__new__(LLMJudge)
        changed.__dict__.update(self.__dict__, _prompts={**self._prompts, task: prompt})
        return changed

    # Sentences

    def sentences(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        """Which sentences help; see `Judge`."""
        known = self._known("extract", question, passages)
        verdicts: dict[int, Verdict] = {}
        for place, kept in known.items():
            verdicts[place] = sentence_verdict(kept, "cached", "decided before")
        wanted = [place for place in range(len(passages)) if place not in known]
        for place in wanted:
            if not passages[place].sentences:
                verdicts[place] = Verdict(False, (), "blank", "there is no text")
        packs = pack_sentences(
            passages,
            [place for place in wanted if place not in verdicts],
            tokens=self._share("extract", question),
            together=self._packing == "packed",
        )
        asks = [
            self._ask("extract", question, *numbered_sentences(passages, pack)) for pack in packs
        ]
        replies = yield self._asking(asks)
        parts: dict[int, list[tuple[Excerpt, Decided]]] = {}
        for pack, reply in zip(packs, replies, strict=True):
            for excerpt, decision in decided(passages, pack, reply):
                parts.setdefault(excerpt.passage, []).append((excerpt, decision))
        for place, said in parts.items():
            verdicts[place] = combined(len(passages[place].sentences), said)
            if verdicts[place].outcome == "judged":
                self._remember("extract", question, passages[place], verdicts[place].sentences)
        return self._judgement([verdicts[place] for place in range(len(passages))], replies)

    # Passages

    def passages(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        """Which passages help; see `Judge`."""
        known = self._known("filter", question, passages)
        verdicts = {
            place: Verdict(bool(kept[0]), outcome="cached", note="decided before")
            for place, kept in known.items()
        }
        for place, passage in enumerate(passages):
            if not passage.sentences:
                verdicts[place] = Verdict(False, outcome="blank", note="there is no text")
        wanted = [place for place in range(len(passages)) if place not in verdicts]
        share = self._share("filter", question)
        groups = self._groups(passages, wanted, share)
        each = self._packing == "each"
        asks = [
            Ask(
                self._prompts["filter"].format(
                    question.query_str, shown_whole(passages, group, share, numbered=not each)
                ),
                YES_NO_SCHEMA if each else numbers_schema(len(group)),
                _answer_tokens(len(group)),
            )
            for group in groups
        ]
        replies = yield self._asking(asks)
        for group, reply in zip(groups, replies, strict=True):
            read = yes_no if each else read_numbers
            for place, verdict in zip(group, filtered(read, reply, len(group)), strict=True):
                verdicts[place] = verdict
                if verdict.outcome == "judged":
                    self._remember("filter", question, passages[place], (verdict.kept,))
        return self._judgement([verdicts[place] for place in range(len(passages))], replies)

    # Order

    def order(self, question: QueryBundle, passages: Sequence[Passage]) -> Steps[Judgement]:
        """Order the passages, the best first; see `Judge`.

        Where they are too many for one call, a window moves from the last to the first and takes
        the better half of its passages along (Sun et al., "Is ChatGPT Good at Search?", 2023).
        """
        share = self._share("rerank", question)
        order = list(range(len(passages)))
        verdicts = {place: Verdict(True, outcome="omitted") for place in order}
        replies: list[Reply] = []
        end = len(order)
        while end > 1:
            start = _window(passages, order, end, share)
            shown = order[start:end]
            text = shown_whole(passages, shown, share // 2, numbered=True)
            prompt = self._prompts["rerank"].format(question.query_str, text)
            schema = numbers_schema(len(shown), len(shown))
            (reply,) = yield self._asking([Ask(prompt, schema, _answer_tokens(len(shown)))])
            replies.append(reply)
            read = as_read(read_numbers, reply, len(shown))
            named = [shown[number - 1] for number in read.numbers]
            order[start:end] = [*named, *(place for place in shown if place not in named)]
            outcome = outcome_of(reply, read)
            for place in shown:
                if outcome in ("judged", "incomplete"):
                    said = place in named
                    note = read.note if said else "not named: behind those that are"
                    verdicts[place] = Verdict(
                        True, outcome="judged" if said else "omitted", note=note
                    )
                else:
                    note = reply.note or read.note
                    verdicts[place] = Verdict(True, outcome=outcome, note=f"as it was: {note}")
            if start == 0:
                break
            end = start + (end - start) // 2
        judged = [verdicts[place] for place in range(len(passages))]
        return replace(self._judgement(judged, replies), order=order)

    # What the three share

    def _asking(self, asks: Sequence[Ask]) -> Asking:
        return Asking(self._llm, asks, self._at_once, self._seconds, self._constraints)

    def _ask(self, task: str, question: QueryBundle, shown: str, count: int) -> Ask:
        prompt = self._prompts[task].format(question.query_str, shown)
        return Ask(prompt, numbers_schema(count), _answer_tokens(count))

    def _share(self, task: str, question: QueryBundle) -> int:
        """Tokens of passages in one call."""
        instructions = count_tokens(self._prompts[task].format(question.query_str, ""))
        window = self._llm.metadata.context_window / _TOKENS_MARGIN
        room = int(window) - instructions - _LONGEST_ANSWER // 2
        return max(_LEAST_SHARE, min(self._pack_tokens, room))

    def _groups(
        self, passages: Sequence[Passage], places: Sequence[int], share: int
    ) -> list[list[int]]:
        groups: list[list[int]] = []
        room = 0
        for place in places:
            size = passages[place].tokens + count_tokens(passages[place].title)
            if not groups or self._packing == "each" or size > room:
                groups.append([])
                room = share
            groups[-1].append(place)
            room -= size
        return groups

    def _judgement(self, verdicts: Sequence[Verdict], replies: Sequence[Reply]) -> Judgement:
        usage = Usage(
            llm_calls=sum(reply.calls for reply in replies),
            tokens_in=sum(reply.tokens_in for reply in replies),
            tokens_out=sum(reply.tokens_out for reply in replies),
            counted=all(reply.counted for reply in replies),
        )
        calls = tuple(
            JudgeCall(
                outcome=reply.outcome,
                seconds=round(reply.seconds, 4),
                tokens_in=reply.tokens_in,
                tokens_out=reply.tokens_out,
                answer=reply.text[:400],
            )
            for reply in replies
        )
        details = JudgeDetails(packing=self._packing, calls=calls)
        return Judgement(verdicts, usage=usage, details=details)

    def _known(
        self, task: str, question: QueryBundle, passages: Sequence[Passage]
    ) -> dict[int, tuple[bool, ...]]:
        if self._cache is None:
            return {}
        found = {
            place: self._cache.get(self._key(task, question, passage))
            for place, passage in enumerate(passages)
        }
        return {
            place: kept
            for place, kept in found.items()
            if kept and len(kept) == (len(passages[place].sentences) if task == "extract" else 1)
        }

    def _remember(
        self, task: str, question: QueryBundle, passage: Passage, kept: Sequence[bool] | None
    ) -> None:
        if self._cache is not None and kept is not None:
            self._cache.put(self._key(task, question, passage), tuple(kept))

    def _key(self, task: str, question: QueryBundle, passage: Passage) -> tuple[str, ...]:
        prompt = self._prompts[task]
        return (
            self.model,
            f"{prompt.name}/{prompt.version}/{prompt.template.get_template()}",
            question.query_str,
            f"{passage.title}\n{passage.text}",
        )


def _answer_tokens(count: int) -> int:
    return min(_LONGEST_ANSWER, _ANSWER_TOKENS + _NUMBER_TOKENS * count)


def _window(passages: Sequence[Passage], order: Sequence[int], end: int, share: int) -> int:
    """Where a window that ends at `end` begins: at least two passages, within the share."""
    start, room = end, share
    for place in reversed(order[:end]):
        size = min(passages[place].tokens, share // 2) + count_tokens(passages[place].title)
        if end - start >= 2 and size > room:
            break
        room -= size
        start -= 1
    return start
