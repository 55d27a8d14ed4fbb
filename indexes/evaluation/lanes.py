"""Which lanes there are: patterns and peers behind one call.

lane = open_lane("parent", index)               # a pattern of ours
lane = open_lane("langchain-parent", index)     # a peer
contexts, trace = lane.retrieve("…", budget=1024)
"""

from indexes.errors import SettingsError
from indexes.evaluation.peers import Only, describe_peer, open_peer, peer_names
from indexes.evaluation.peers.settings import PEERS
from indexes.index import HierarchicalIndex
from indexes.lanes import Lane, LaneInfo, PatternLane
from indexes.patterns import PATTERNS

# Peers search by meaning only: so do these.
_WITHOUT_WORDS = ("regular@dense", "parent@dense")
# Peers' compressors ask a language model: so do these, whatever the model; like theirs, what it
# chose is all that is left, or it comes first and the budget is filled.
_WITH_LLM = (
    "extract@llm",
    "extract@llm@chosen",
    "filter@llm",
    "parent+extract@llm",
    "parent+extract@llm@chosen",
)


def lane_names(*, with_llm: bool = True) -> list[str]:
    """All that can be opened here: our patterns, then peers whose packages are installed."""
    return [
        *PATTERNS,
        *_WITHOUT_WORDS,
        *(_WITH_LLM if with_llm else ()),
        *(name for name in peer_names() if with_llm or not describe_peer(name).uses_llm),
    ]


def describe_lane(name: str, index: HierarchicalIndex) -> LaneInfo:
    """What a lane is, without opening it: no peer's packages are imported.

    Raises:
        SettingsError: as `open_lane` does
    """
    if any(peer.name == name for peer in PEERS):
        return describe_peer(name)
    return open_lane(name, index).info


def open_lane(name: str, index: HierarchicalIndex, *, only: Only = lambda _: True) -> Lane:
    """A lane by the name of a pattern, or combination of patterns, or of a peer.

    Args:
        name: what it is chosen by
        index: whose documents and models
        only: of a peer, which documents it may hold; our patterns are filtered by `filters`

    Raises:
        SettingsError: there is none of that name, or its packages are not installed
    """
    if any(peer.name == name for peer in PEERS):
        return open_peer(name, index, only=only)
    try:
        return PatternLane(name, index)
    except SettingsError as error:
        known = ", ".join(lane_names())
        raise SettingsError(f"no lane is called {name!r}: choose one of {known}") from error
