"""The trace of a question: stages in order, each with a typed record of what it did."""

import pytest
from pydantic import ValidationError

from indexes.details import (
    AnswerDetails,
    Details,
    FitDetails,
    JudgeDetails,
    JudgedPassage,
    MergeDetails,
    OtherDetails,
)
from indexes.trace import Stage, Trace, stage, tracing


def test_a_stage_is_timed_and_its_record_is_found_by_its_type() -> None:
    with tracing() as trace, stage("fit") as record:
        record.details = FitDetails(budget=512)
    assert trace["fit"].seconds > 0
    fit = trace.find(FitDetails)
    assert fit is not None
    assert fit.budget == 512
    assert trace.find(AnswerDetails) is None


def test_the_last_record_of_a_kind_is_found_and_all_are_listed() -> None:
    stages = [Stage(name="fit", details=FitDetails(budget=budget)) for budget in (1, 2)]
    trace = Trace(stages=[*stages, Stage(name="merge", details=MergeDetails())])
    assert [fit.budget for fit in trace.all(FitDetails)] == [1, 2]
    assert trace.find(FitDetails) is stages[1].details


def test_a_stage_that_raises_is_recorded_with_its_error() -> None:
    with tracing() as trace, pytest.raises(ZeroDivisionError), stage("search") as record:
        record.details = FitDetails(budget=1)
        1 / 0  # noqa: B018
    assert trace["search"].error == "ZeroDivisionError: division by zero"
    assert trace["search"].details == FitDetails(budget=1)


def test_nobody_needs_a_trace_to_run_a_stage() -> None:
    with stage("search") as record:
        record.nodes_out = 3
    assert record.seconds > 0


def test_a_trace_survives_json_with_every_record_of_its_own_type() -> None:
    judged = JudgedPassage(document="a.md", start=0, end=9, outcome="timeout")
    trace = Trace(
        stages=[
            Stage(name="filter", details=JudgeDetails(judge="llm", passages=(judged,))),
            Stage(name="answer", error="ModelError: it is down", details=AnswerDetails(model="m")),
            Stage(name="embed question"),
        ]
    )
    again = Trace.model_validate_json(trace.model_dump_json())
    assert again == trace
    assert [type(record.details) for record in again.stages] == [
        JudgeDetails, AnswerDetails, OtherDetails,
    ]  # fmt: skip


def test_details_in_json_have_the_keys_of_their_record() -> None:
    plain = Stage(name="fit", details=FitDetails(budget=8)).model_dump(mode="json")
    assert plain["details"] == {"kind": "fit", "budget": 8, "order": "relevance"}
    assert {"name", "seconds", "nodes_in", "nodes_out", "llm_calls", "details"} <= plain.keys()


def test_a_stage_of_ones_own_records_whatever_is_json() -> None:
    with tracing() as trace, stage("deduplicate") as record:
        record.details = OtherDetails(values={"dropped": 3, "by": ["url", "text"]})
    again = Trace.model_validate_json(trace.model_dump_json())
    assert again["deduplicate"].details == OtherDetails(
        values={"dropped": 3, "by": ["url", "text"]}
    )
    with pytest.raises(ValidationError):
        OtherDetails(values={"object": object()})


class Deduplicated(Details):
    """A record that a user's package brings."""

    kind: str = "deduplicated"
    dropped: int = 0

    @property
    def notes(self) -> list[str]:
        return [f"{self.dropped} dropped"]


def test_a_record_of_ones_own_is_found_by_its_type_and_is_whole_in_json() -> None:
    with tracing() as trace, stage("deduplicate") as record:
        record.details = Deduplicated(dropped=3)
    assert trace.find(Deduplicated) == Deduplicated(dropped=3)
    plain = trace.model_dump(mode="json")
    assert plain["stages"][0]["details"] == {"kind": "deduplicated", "dropped": 3}
    # Who reads that without the package still gets the figures.
    again = Trace.model_validate(plain)["deduplicate"].details
    assert again == OtherDetails(kind="deduplicated", values={"dropped": 3})
    assert Stage.model_validate(Stage(name="x", details=again).model_dump()).details == again
