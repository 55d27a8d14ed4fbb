"""Question → contexts that fill a budget, as a LlamaIndex retriever.

retriever = TreeRetriever(store, embedding, method="tree", budget=1024)
nodes = retriever.retrieve("How did the cloud business evolve?")
nodes = await retriever.aretrieve("How did the cloud business evolve?")
"""

import logging
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Annotated

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import NodeWithScore, QueryBundle
from pydantic import Field
from typing_extensions import TypedDict

from indexes.answers import checked
from indexes.candidates import Scores, SearchResult
from indexes.copies import Remade
from indexes.delivery import node_of, ordered
from indexes.details import MergeDetails, SearchDetails
from indexes.errors import SettingsError, StoreError
from indexes.merging import (
    LeafRun,
    Piece,
    grow,
    in_order,
    in_pieces,
    in_reach,
    merge_by_ratio,
    pack,
    spread,
    whole,
)
from indexes.models.guard import finite, model_errors
from indexes.options import checked_options, strictly
from indexes.search import Query, TreeSearch
from indexes.settings import DEFAULT_TOP_K, Budget, Method, Order, SearchMode, TopK
from indexes.store.columns import Hits, Search
from indexes.store.filters import Filters, having_keys, qdrant_filter
from indexes.store.nodes import TreeStore
from indexes.trace import Stage, current_trace, stage
from indexes.traced import merged, ranked, reserved
from indexes.whole import whole_parents

MergeRatio = Annotated[float, Field(ge=0, le=1)]
Parents = Annotated[int, Field(ge=1)]

logger = logging.getLogger(__name__)

# Leaves that the trace shows with their scores, best first.
_RANKED = 24

# A document that keeps changing while it is read is left out after this many tries.
_TRIES = 3
# Leaves that a budget can take, generously: the searches must return more than that.
_HITS_PER_TOKEN = 1 / 48
# Roots whose leaves are fetched: many times what the budget can take. Four times as many
# found .006 more on one of two corpora, none on the other, and took three times as long.
_MIN_ROOTS = 16
_ROOTS_PER_TOKEN = 1 / 256
# Hits of a search for whole parents, at most: one long document can hold very many.
_MOST_HITS = 4096


@strictly
class _Options(TypedDict, total=False):
    method: Method
    search: SearchMode
    budget: Budget
    top_k: TopK | None
    merge_ratio: MergeRatio | None
    ratio_top_k: TopK
    parents: Parents | None
    score_threshold: float | None
    order: Order


class TreeRetriever(Remade, BaseRetriever):
    """Contexts for a question, as many as fit into a budget.

    Each node's text is a run of its document's text. Its metadata is the document's as it was
    handed in, its `ref_doc_id` the document's id; under our key (`indexes.namespace`) it tells
    where it is: `document_id`, `source`, `title`, `start`, `end` (characters), `level` (0 is
    the root's), `leaves`, `tokens`, `reason` and, for a PDF, `pages`. Nodes come best first;
    scores of different methods are on different scales, higher being better.

    Args:
        store: where to search.
        embedding: the model that made its vectors.
        method: `leaves` takes the best leaves as they are; `tree` fills the budget in
            the context of the tree (see `indexes.merging`); `ratio` is LlamaIndex's
            auto-merging rule; `whole` delivers the parents of the best leaves whole
        search: by meaning (`dense`), by words (`bm25`) or both (`hybrid`)
        budget: cl100k tokens of context
        top_k: hits of each search; of `leaves`, also the most that are delivered. By default
            50, or more for a large budget
        merge_ratio: the share of children from which `ratio` replaces them
        ratio_top_k: the leaves that `ratio` starts from, best first
        parents: of `whole`, how many roots to deliver; then the budget doesn't bound them
        score_threshold: of `whole`, the least cosine of a leaf that counts as found
        order: best first (`relevance`), or each document's in its own order (`document`)
        filters: what nodes must match: a dictionary, LlamaIndex's filters or Qdrant's
        reserve: tokens of the best passages that go on in the trace, for quotes, whatever the
            budget and what comes after (`MergeDetails.reserve`)
        callback_manager: told of each retrieval

    Raises:
        SettingsError: an option is wrong, a filter can't be served, or the question is empty
        StoreError: the index can't be read
        ModelError: the question can't be embedded
    """

    def __init__(
        self,
        store: TreeStore,
        embedding: BaseEmbedding,
        *,
        method: Method = "tree",
        search: SearchMode = "hybrid",
        budget: int = 1024,
        top_k: int | None = None,
        merge_ratio: float | None = None,
        ratio_top_k: int = 12,
        parents: int | None = None,
        score_threshold: float | None = None,
        order: Order = "relevance",
        filters: Filters | None = None,
        reserve: int = 0,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        super().__init__(callback_manager)
        given = _Options(
            method=method, search=search, budget=budget, top_k=top_k, merge_ratio=merge_ratio,
            ratio_top_k=ratio_top_k, parents=parents, score_threshold=score_threshold, order=order,
        )  # fmt: skip
        checked_options(_Options, given)
        self._store = store
        self._embedding = embedding
        self._method = method
        self._mode: SearchMode = search
        self._budget = budget
        self._reserve = reserve
        self._reach = max(budget, reserve)
        self._most = top_k
        self._order = order
        self._top_k = top_k or max(DEFAULT_TOP_K, round(budget * _HITS_PER_TOKEN))
        self._max_roots = parents or max(_MIN_ROOTS, round(budget * _ROOTS_PER_TOKEN))
        self._merge_ratio = 0.5 if merge_ratio is None else merge_ratio
        self._ratio_top_k = ratio_top_k
        if method != "whole" and (parents is not None or score_threshold is not None):
            raise SettingsError("parents and score_threshold are for the pattern parent-whole")
        if score_threshold is not None and search == "bm25":
            raise SettingsError("score_threshold compares vectors: search by dense or hybrid")
        self._parents = parents
        self._score_threshold = score_threshold
        unfilterable = store.fingerprint().unfilterable if filters is not None else ()
        self._filters = qdrant_filter(filters, unfilterable=unfilterable)

    def embed(self, question: QueryBundle) -> QueryBundle:
        """Embed the question if this search needs its vector and it has none.

        Like LlamaIndex's retrievers, it averages the vectors of `embedding_strs`, which HyDE and
        other transformations set.
        """
        if not self._needs_vector(question):
            return question
        with stage("embed question"), model_errors(self._embedding):
            self._store.recognise(self._embedding)
            texts = _embedded(question)
            vector = finite(
                self._embedding.get_query_embedding(texts[0])
                if len(texts) == 1
                else self._embedding.get_agg_embedding_from_queries(texts)
            )
        return replace(question, embedding=vector)

    async def aembed(self, question: QueryBundle) -> QueryBundle:
        """The same, natively async."""
        if not self._needs_vector(question):
            return question
        with stage("embed question"), model_errors(self._embedding):
            await self._store.arecognise(self._embedding)
            texts = _embedded(question)
            vector = finite(await self._embedding.aget_agg_embedding_from_queries(texts))
        return replace(question, embedding=vector)

    def _needs_vector(self, question: QueryBundle) -> bool:
        # Whoever brings a vector may leave out the words.
        if question.embedding is None or question.query_str:
            checked(question.query_str)
        return question.embedding is None and self._mode != "bm25"

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        question = self.embed(query_bundle)
        with stage("search") as record:
            steps = self._steps(question, record)
            searches = next(steps)
            while True:
                try:
                    searches = steps.send(self._store.query(searches))
                except StopIteration as end:
                    found, plan = end.value
                    break
        return self._deliver(found, plan)

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        question = await self.aembed(query_bundle)
        with stage("search") as record:
            steps = self._steps(question, record)
            searches = next(steps)
            while True:
                try:
                    searches = steps.send(await self._store.aquery(searches))
                except StopIteration as end:
                    found, plan = end.value
                    break
        return self._deliver(found, plan)

    def _steps(
        self, question: QueryBundle, record: Stage
    ) -> Generator[list[Search], list[Hits], "tuple[SearchResult, _Plan]"]:
        """The search without its I/O: yields batches of searches, is sent what they find."""
        tries, top_k = 0, self._top_k
        reach: int | None = self._reach
        while True:
            search = self._search(question, top_k, reach)
            hits = yield self._store.server.tuned(search.searches())
            record.round_trips += 1
            if unknown := search.unknown(hits):
                search.learn((yield unknown))
                record.round_trips += 1
            if self._parents and search.wants_more(hits) and top_k < _MOST_HITS:
                top_k = min(4 * top_k, _MOST_HITS)
                continue
            places = search.places(hits)
            guess = search.guess() if places else None
            guessed = self._plan(guess) if guess is not None else None
            early = (
                search.texts(guess, guessed.reach) if guess and guessed and guessed.reach else []
            )
            answers = (yield [*places, *early]) if places else []
            found = search.found(answers[: len(places)])
            record.round_trips += bool(places)
            if search.short(found):
                reach = None
                continue
            stale, tries = found.stale, tries + 1
            while not stale or tries == _TRIES:
                same = guess is not None and found.candidates.hits is guess.candidates.hits
                plan = guessed if guessed is not None and same else self._plan(found)
                if not plan.reach:
                    break
                texts = search.texts(found, plan.reach)
                if texts == early:
                    told = answers[len(places) :]
                else:
                    told = yield texts
                    record.round_trips += 1
                early = []
                lost = search.told(found, plan.reach, told)
                if not lost:
                    break
                stale, found = True, found.without(lost)
            if not stale or tries == _TRIES:
                break
            reach = None
        if self._filters is not None and not len(found.candidates):
            keyed = having_keys(self._filters)
            theirs = yield [Search(1, filter=having) for having in keyed.values()]
            if none := [key for key, hits in zip(keyed, theirs, strict=True) if not hits.ids]:
                logger.warning("a filter finds nothing: no metadata has %s", ", ".join(none))
        if current_trace() is not None:
            hit = found.candidates.hits > 0
            record.nodes_out = int(hit.sum())
            record.tokens_out = int(found.candidates.tokens[hit].sum())
            record.details = SearchDetails(
                mode=self._mode,
                top_k=self._top_k,
                candidates=found.scored,
                documents=found.documents,
                changed_while_reading=stale,
                nodes_lost=self._store.engine.nodes_lost,
            )
            if self._reserve:
                record.details.vector = question.embedding
        return found, plan

    def _search(self, question: QueryBundle, top_k: int, reach: int | None) -> TreeSearch:
        made = self._store.fingerprint()
        vector = question.embedding if self._mode != "bm25" else None
        if vector is not None and len(vector) != made.dimension:
            raise StoreError(
                f"the question has {len(vector)} dimensions, collection "
                f"{self._store.collection} has {made.dimension}: use the embedding model "
                f"that made it ({made.embedding})"
            )
        levels = sorted(made.embedded_levels, reverse=True)
        return TreeSearch(
            Query(
                question.query_str,
                vector,
                self._mode,
                top_k,
                self._max_roots,
                reach=reach,
                least=_RANKED if current_trace() is not None else 0,
            ),
            # What is found by its children is searched by them alone.
            levels=levels[:1] if self._method == "whole" else levels,
            whole_roots=self._method != "leaves",
            filters=self._filters,
            skip=self._store.unfinished(),
            layouts=self._store.layouts,
        )

    def _plan(self, found: SearchResult) -> "_Plan":
        """How the candidates are ranked, and which of them may be delivered."""
        candidates = found.candidates
        if not len(candidates):
            return _Plan(candidates.hits, "", [], [])
        if self._method == "tree":
            name = "relevance in the tree (standard deviations, higher is better)"
            relevance = spread(candidates)
            return _Plan(relevance, name, in_reach(candidates, relevance, self._reach), [])
        hits = candidates.hits
        name = f"reciprocal rank fusion of {self._mode} search (higher is better)"
        if self._method == "whole":
            name += ", the best leaf's"
            pieces = whole_parents(
                candidates, parents=self._parents, score_threshold=self._score_threshold
            )
        elif self._method == "ratio":
            name += ", mean of the children found"
            pieces = merge_by_ratio(candidates, self._merge_ratio, self._ratio_top_k)
        else:
            best = in_order(hits)[: self._most]
            # And one behind, which is cut.
            fit = int(candidates.tokens[best].cumsum().searchsorted(self._reach, "right")) + 1
            pieces = [Piece((place,), float(hits[place])) for place in best[:fit]]
        if self._parents:
            reach = [place for piece in pieces for place in piece.places]
        else:
            reach = in_pieces(candidates, pieces, self._reach)
        return _Plan(hits, name, reach, pieces)

    def _passages(self, found: SearchResult, plan: "_Plan", budget: int) -> list[LeafRun]:
        """What to deliver, best first."""
        if self._method == "tree":
            return grow(found.candidates, plan.scores, budget)
        if self._parents:
            return [whole(found.candidates, piece) for piece in plan.pieces]
        return pack(found.candidates, plan.pieces, budget)

    def _deliver(self, found: SearchResult, plan: "_Plan") -> list[NodeWithScore]:
        with stage("merge") as record:
            record.nodes_in = len(found.candidates)
            record.tokens_in = int(found.candidates.tokens.sum())
            passages = self._passages(found, plan, self._budget)
            more = self._passages(found, plan, self._reserve) if self._reserve else []
            nodes = [node_of(passage, found.manifests) for passage in passages]
            record.nodes_out = len(nodes)
            record.tokens_out = sum(passage.text_tokens for passage in passages)
            if current_trace() is not None:
                most = self._ratio_top_k if self._method == "ratio" else _RANKED
                every = self._method == "tree"
                record.details = MergeDetails(
                    method=self._method,
                    budget=self._budget,
                    score=plan.name,
                    ranked=tuple(ranked(found, plan.scores, most, all_count=every)),
                    passages=tuple(merged(nodes, passages)),
                    reserve=reserved(found, more),
                )
        return ordered(nodes, self._order)


@dataclass(frozen=True)
class _Plan:
    """What of the candidates may be delivered.

    Attributes:
        scores: of each, which ranks them; `name` says what they are.
        reach: those whose texts are needed.
        pieces: what is to be packed, where leaves are not taken one by one.
    """

    scores: Scores
    name: str
    reach: list[int]
    pieces: list[Piece]


def _embedded(question: QueryBundle) -> list[str]:
    """The texts whose mean vector the question is searched by."""
    return question.embedding_strs or [question.query_str]
