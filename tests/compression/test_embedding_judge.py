"""Selection without a language model."""

import asyncio

import numpy as np
import pytest
from llama_index.core.schema import NodeWithScore

from indexes.answering import contexts_of
from indexes.compression import (
    EmbeddingJudge,
    PassageFilter,
    PassageReranker,
    Scoring,
    SentenceExtractor,
)
from indexes.compression.budget import best_sentences
from indexes.compression.passages import Passage
from indexes.compression.similarity import bm25, joined, scored, standardised
from indexes.compression.verdicts import Verdict
from indexes.namespace import ours
from indexes.tokens import count_tokens
from indexes.trace import tracing
from tests.compression.passages import check_verbatim, node, nodes
from tests.fakes import WordEmbedding

QUESTION = "When was Bosun the warehouse robot stopped?"


@pytest.mark.parametrize("way", ["sync", "async"])
def test_sentences_like_the_question_are_kept_and_the_trace_has_their_scores(way: str) -> None:
    extractor = SentenceExtractor(EmbeddingJudge(WordEmbedding()))
    with tracing() as trace:
        if way == "sync":
            found = extractor.postprocess_nodes(nodes(), query_str=QUESTION)
        else:
            found = asyncio.run(extractor.apostprocess_nodes(nodes(), query_str=QUESTION))
    check_verbatim(found)
    assert "Bosun was a warehouse robot." in found[0].node.get_content()
    (stage,) = trace.stages
    assert (stage.llm_calls, stage.details.judge) == (0, "embedding")
    assert stage.details.prompt is None
    # Nothing is to be filled: the threshold decides.
    assert (stage.details.fills, stage.details.threshold) == (None, 0.0)
    scores = [s.score for p in stage.details.passages for s in p.sentences]
    assert max(scores) == 1
    assert abs(np.mean(scores)) < 1e-9
    assert 0 < (stage.tokens_out or 0) < (stage.tokens_in or 0)


def test_the_passage_with_the_best_sentence_comes_first_and_its_spans_tell_their_scores() -> None:
    extractor = SentenceExtractor(EmbeddingJudge(WordEmbedding()), budget=60)
    last_first = [*reversed(nodes())]
    found = extractor.postprocess_nodes(last_first, query_str=QUESTION)
    contexts = contexts_of(found)
    scores = {c.number: max(d.score for d in contexts if d.number == c.number) for c in contexts}
    assert len(scores) > 1
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert contexts[0].score == 1.0


def test_a_question_costs_one_batch() -> None:
    class Counting(WordEmbedding):
        batches: int = 0

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            self.batches += 1
            return super()._get_text_embeddings(texts)

    model = Counting(embed_batch_size=1000)
    SentenceExtractor(EmbeddingJudge(model)).postprocess_nodes(nodes(size=60), query_str=QUESTION)
    assert model.batches == 1


def test_higher_thresholds_keep_less() -> None:
    sizes = []
    for threshold in (-9.0, 0.0, 0.5, 1.0):
        judge = EmbeddingJudge(WordEmbedding(), scoring=Scoring(sentences=threshold))
        found = SentenceExtractor(judge).postprocess_nodes(nodes(), query_str=QUESTION)
        sizes.append(sum(len(one.node.get_content()) for one in found))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[1] > sizes[3] > 0


def test_nothing_is_similar_enough_in_itself_so_the_best_is_kept() -> None:
    judge = EmbeddingJudge(WordEmbedding(), scoring=Scoring(similarity=0.99))
    with tracing() as trace:
        found = PassageFilter(judge).postprocess_nodes(nodes(), query_str=QUESTION)
    assert len(found) == 1
    assert trace["filter"].details.fallback == "keep_best"


@pytest.mark.parametrize("budget", [10, 40, 80])
def test_a_budget_is_filled_with_the_best_sentences(budget: int) -> None:
    extractor = SentenceExtractor(EmbeddingJudge(WordEmbedding()), budget=budget)
    with tracing() as trace:
        found = extractor.postprocess_nodes(nodes(), query_str=QUESTION)
    check_verbatim(found)
    assert trace["extract"].details.fills == budget
    tokens = sum(count_tokens(one.node.get_content()) for one in found)
    assert budget - 10 <= tokens <= budget
    assert any("warehouse robot" in one.node.get_content() for one in found)


def test_sentences_of_one_passage_are_judged_with_their_neighbours() -> None:
    passages = [Passage.of(node("Aaa bbb. Ccc ddd. Eee fff. Ggg hhh. Iii jjj."))]
    (shares,) = scored("?", passages, np.array([0.0, 0.0, 1.0, 0.0, 0.0]), np.zeros(1)).sentences
    assert shares[2] == 1
    assert shares[1] == shares[3] > shares[0] == shares[4]


def test_what_the_retriever_found_better_is_judged_better() -> None:
    def share(*found: NodeWithScore) -> list[float]:
        passages = [Passage.of(one) for one in found]
        similar, titles = np.zeros(len(found)), np.zeros(len(found))
        return [shares[0] for shares in scored("?", passages, similar, titles).sentences]

    # By their scores, which come before the order; and without scores, by the order.
    low, high = share(node("Aaa bbb.", score=0.1), node("Ccc ddd.", id="m", score=0.9))
    assert low < high
    unscored = node("Aaa bbb."), node("Ccc ddd.", id="m")
    for one in unscored:
        one.score = None
    first, second = share(*unscored)
    assert first > second


def test_the_more_a_judges_scores_are_concentrated_the_more_they_count() -> None:
    # Two passages of ten sentences, of which the retriever found the first much better.
    found = np.repeat([1.0, -1.0], 10)
    one_stands_out = np.zeros(20)
    one_stands_out[15] = 1.0
    half_are_better = np.tile([0.0, 1.0], 10)
    best = [
        set(np.argsort(-joined(standardised(judged), found))[:5].tolist())
        for judged in (one_stands_out, half_are_better)
    ]
    assert 15 in best[0]
    assert best[1] == {1, 3, 5, 7, 9}


def test_a_retriever_that_tells_all_alike_leaves_it_to_the_judge() -> None:
    judged = np.array([0.3, 0.1, 0.9, 0.2])
    joint = joined(standardised(judged), np.zeros(4))
    assert np.argsort(-joint).tolist() == np.argsort(-judged).tolist()


def test_of_equally_good_sentences_those_beside_one_that_is_kept_come_first() -> None:
    one = Passage.of(node("Aaa bbb. Ccc ddd. Eee fff. Ggg hhh. Iii jjj."))
    scores = (0.5, 0.0, 1.0, 0.49, 0.0)
    budget = count_tokens(one.slice((one.sentences[2][0], one.sentences[3][1])))
    (spans,) = best_sentences([one], [Verdict(True, (True,) * 5, scores=scores)], budget)
    assert spans == [(one.sentences[2][0], one.sentences[3][1])]
    # Without the neighbour's bonus the first would have been taken, and a gap paid for.
    better = (0.9, *scores[1:])
    (spans,) = best_sentences([one], [Verdict(True, (True,) * 5, scores=better)], budget + 3)
    assert spans == [one.sentences[0], one.sentences[2]]


def test_each_sentence_has_the_score_of_its_leaf() -> None:
    one = node("Aaa bbb. Ccc ddd. Eee fff.", start=100, score=3.0)
    assert Passage.of(one).scores == [3.0] * 3
    ours(one.node.metadata)["leaf_scores"] = [(100, 3.0), (109, -1.0)]
    assert Passage.of(one).scores == [3.0, -1.0, -1.0]
    for odd in ("3.0", [], [3.0], [(100,)], [("100", 3.0)], [(100, None)]):
        ours(one.node.metadata)["leaf_scores"] = odd
        assert Passage.of(one).scores == [3.0] * 3


def test_the_title_tells_whom_a_sentence_is_about() -> None:
    bosun, depot = node("It was stopped in 2021."), node("It was stopped in 2021.", id="m")
    ours(depot.node.metadata).update(source="depot.md", title="Depot")
    judge = EmbeddingJudge(WordEmbedding())
    for asked, best in (("Bosun", "n"), ("Depot", "m")):
        with tracing() as trace:
            PassageReranker(judge).postprocess_nodes([bosun, depot], query_str=f"{asked}?")
        kept = {p.id: p.rank_after for p in trace["rerank"].details.passages}
        assert kept[best] == 1


def test_bm25_is_robertsons() -> None:
    scores = bm25("blue whale", ["the blue whale", "a blue sky", "nothing here"])
    rare, common = np.log(1 + 2.5 / 1.5), np.log(1 + 1.5 / 2.5)
    assert scores == pytest.approx([rare + common, common, 0.0])
    assert list(bm25("", ["x"])) == [0.0]
