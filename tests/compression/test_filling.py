"""A budget and any judge: what is kept, and what fills it, are one decision with the retriever."""

from collections.abc import Callable

import pytest
from llama_index.core.schema import NodeWithScore

from indexes.compression import LLMJudge, SentenceExtractor
from indexes.compression.function_judge import FunctionJudge
from indexes.compression.verdicts import Judge
from indexes.details import JudgeDetails
from indexes.tokens import count_tokens
from indexes.trace import tracing
from tests.compression.oracle import OracleLLM
from tests.compression.passages import check_verbatim, node
from tests.fakes import ScriptedLLM

# Ten passages of three sentences, which the retriever found one worse than the other.
DOCUMENT = "".join(
    f"Room {place} was painted. Room {place} has a lamp. Room {place} is let.\n\n"
    for place in range(10, 20)
)
STARTS = [DOCUMENT.index(f"Room {place} was") for place in range(10, 20)]
LAMPS = [f"Room {place} has a lamp." for place in range(10, 20)]


def found() -> list[NodeWithScore]:
    ends = [*STARTS[1:], len(DOCUMENT)]
    return [
        node(DOCUMENT[start:end], start, id=f"n{place}", score=1 - place / 10)
        for place, (start, end) in enumerate(zip(STARTS, ends, strict=True))
    ]


def llm(chosen: Callable[[str], bool]) -> Judge:
    return LLMJudge(OracleLLM(chosen))


def function(chosen: Callable[[str], bool]) -> Judge:
    return FunctionJudge("mine", lambda question, texts: [float(chosen(text)) for text in texts])


def extracted(extractor: SentenceExtractor) -> tuple[list[str], JudgeDetails]:
    with tracing() as trace:
        nodes = extractor.postprocess_nodes(found(), query_str="Which room has a lamp?")
    check_verbatim(nodes, DOCUMENT)
    details = trace.find(JudgeDetails)
    assert details is not None
    return [one.node.get_content() for one in nodes], details


def test_unfilled_a_choice_that_fits_is_all_that_is_left() -> None:
    texts, details = extracted(
        SentenceExtractor(llm(lambda s: "19 has" in s), budget=100, fill=False)
    )
    assert texts == [LAMPS[-1]]
    assert details.fills is None


def test_of_a_choice_that_does_not_fit_the_best_found_stay() -> None:
    budget = 4 * count_tokens(LAMPS[0])
    judge = llm(lambda sentence: "lamp" in sentence)
    texts, _ = extracted(SentenceExtractor(judge, budget=budget, fill=False))
    assert texts == LAMPS[:4]


@pytest.mark.parametrize("judge", [llm, function])
def test_filled_the_choice_comes_first_then_what_was_found_best(
    judge: Callable[[Callable[[str], bool]], Judge],
) -> None:
    chosen = judge(lambda sentence: "19 has" in sentence)
    texts, details = extracted(SentenceExtractor(chosen, budget=60))
    assert details.fills == 60
    assert LAMPS[-1] in texts[0]
    assert "Room 10 was painted." in texts[1]
    tokens = sum(map(count_tokens, texts))
    assert 50 <= tokens <= 60


@pytest.mark.parametrize("judge", [llm, function])
def test_a_judge_who_can_not_tell_leaves_what_the_retriever_found(
    judge: Callable[[Callable[[str], bool]], Judge],
) -> None:
    texts, _ = extracted(SentenceExtractor(judge(lambda _: True), budget=60))
    assert "".join(texts).count("Room") == 9
    for place, text in enumerate(texts):
        assert text.startswith(f"Room {10 + place} was painted.")


def test_a_function_leaves_its_choice_alone_where_that_is_wanted() -> None:
    chosen = function(lambda sentence: "19 has" in sentence)
    assert len(extracted(SentenceExtractor(chosen, budget=60))[0]) > 1
    assert extracted(SentenceExtractor(chosen, budget=60, fill=False))[0] == [LAMPS[-1]]


def test_where_nothing_helps_nothing_is_filled() -> None:
    judge = llm(lambda _: False)
    extractor = SentenceExtractor(judge, budget=60, fallback="empty")
    texts, details = extracted(extractor)
    assert (texts, details.fallback) == ([], "empty")


def test_a_judge_that_fails_leaves_everything_as_it_was() -> None:
    broken = ScriptedLLM()
    broken.enqueue(RuntimeError("gone"))
    texts, details = extracted(SentenceExtractor(LLMJudge(broken), budget=60))
    assert [text.strip() for text in texts] == [one.node.get_content().strip() for one in found()]
    assert {passage.outcome for passage in details.passages} == {"failed"}
