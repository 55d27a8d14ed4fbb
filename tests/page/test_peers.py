"""Other frameworks' retrievers as lanes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.page.ask import answering
from app.page.conversation import Tab
from app.page.lanes import Lanes
from app.page.library import Library
from app.page.opening import Opening
from indexes.index import HierarchicalIndex
from indexes.models.described import described

pytest.importorskip("langchain_classic", reason="NO PEERS: the extra `evaluation` is missing")
peers = pytest.importorskip("indexes.evaluation.peers")

QUESTION = "What is the secret revenue of the cloud business?"


@pytest.fixture
def lanes(index: HierarchicalIndex) -> Lanes:
    lanes = Lanes(Opening.of(index))
    lanes.find_peers()
    return lanes


def test_peers_are_offered_where_they_are_installed(lanes: Lanes) -> None:
    assert lanes.check("langchain-parent") == "langchain-parent"
    assert lanes.info("langchain-parent").what == "ParentDocumentRetriever"
    # The model is not fit to judge.
    assert "langchain-extract" not in lanes.choices


def test_peers_that_judge_are_offered_where_the_model_is_fit_to(index: HierarchicalIndex) -> None:
    described(index.llm, fit=["answer", "judge"])
    capable = HierarchicalIndex(
        index.settings, engine=index.engine, embedding=index.embedding, llm=index.llm
    )
    lanes = Lanes(Opening.of(capable))
    lanes.find_peers()
    assert "langchain-extract" in lanes.choices


@pytest.mark.slow
async def test_a_peer_answers_beside_a_pattern(lanes: Lanes) -> None:
    tab = Tab()
    run = tab.begin(QUESTION, QUESTION, ["parent", "langchain-parent"], options={"budget": 128})
    for place in (0, 1):
        seen = [view async for view in answering(lanes, tab, run, place)]
        assert seen[-1].phase == "done", seen[-1].error
        assert seen[-1].contexts[0].document == "letter.md"
    assert run.views[1].answer is not None
    assert run.views[1].answer.pattern == "langchain-parent"
    assert [stage.name for stage in run.views[1].trace.stages][-2:] == ["answer", "cite"]


@pytest.mark.slow
async def test_a_peer_never_sees_what_a_visitor_added(
    lanes: Lanes, index: HierarchicalIndex, upload: Callable[[str, str], Path]
) -> None:
    library = Library(Opening.of(index))
    secret = upload("secret.txt", "The cloud business has a secret revenue.")
    list(library.add("a" * 32, [secret]))
    contexts, _ = await lanes.aretrieve(QUESTION, "langchain-parent", {"budget": 256})
    assert {context.document for context in contexts} == {"letter.md"}
    assert len(index.documents()) == 2
