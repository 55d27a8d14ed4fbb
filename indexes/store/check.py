"""Whether the nodes of one document are all there and fit together.

For each document it is known what must be there: leaves that tile the text, in order,
each with its ancestors; a point for each parent whose level is searched; the numbers in
the manifest; and a text that hashes to what the manifest says.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from indexes.documents.identity import BLANK, EARLIER, VERSIONED, content_hash
from indexes.store.ancestry import Ancestor
from indexes.store.points import Fingerprint, Leaf, Manifest
from indexes.tree import node_id

# The mark on a version that is known to be damaged; see `indexes.store.upkeep`.
DAMAGED = "-damaged"


@dataclass(frozen=True, slots=True)
class _Place:
    """A leaf without its text."""

    start: int
    end: int
    tokens: int
    root: str
    root_leaves: int
    ancestors: tuple[str, ...]


class DocumentCheck:
    """Whether the nodes of a version are all there and fit together.

    check = DocumentCheck(manifest, fingerprint)
    for point in points:
        check.add(str(point.id), point.payload)
    check.problems()        # [] when the document is whole

    Args:
        manifest: of the document; its version is the one that is checked.
        fingerprint: of the collection.
    """

    def __init__(self, manifest: Manifest, fingerprint: Fingerprint) -> None:
        self._manifest = manifest
        self._leaf_level = len(fingerprint.levels) - 1
        self._parent_levels = set(fingerprint.embedded_levels) - {self._leaf_level}
        self._version = original_version(manifest)
        self._found: Counter[str] = Counter()
        self._leaves: dict[int, _Place] = {}
        self._texts: dict[int, str] = {}
        self._ancestors: dict[str, Ancestor] = {}
        self._parents: set[str] = set()
        self.nodes = 0

    def add(self, point_id: str, payload: Mapping[str, Any] | None, *, bare: bool = False) -> None:
        """Add a node of the version to the check; a `bare` one has no vector."""
        self.nodes += 1
        payload = payload or {}
        try:
            place = [payload[name] for name in ("level", "start", "end")]
            if point_id != node_id(self._manifest.document_id, self._version, *place):
                self._found["nodes whose id is not that of their place"] += 1
            if payload["kind"] == "parent":
                self._found["parents that came twice"] += point_id in self._parents
                self._parents.add(point_id)
            else:
                self._add_leaf(Leaf.model_validate({**payload, "id": point_id}))
        except (KeyError, TypeError, ValidationError):
            self._found["nodes that cannot be read"] += 1
        if bare:
            self._found["nodes without their vector"] += 1

    def _add_leaf(self, leaf: Leaf) -> None:
        if leaf.position in self._leaves:
            self._found["leaves at a position that another has"] += 1
            return
        if len(leaf.text) != leaf.end - leaf.start:
            self._found["leaves whose text is longer or shorter than their place"] += 1
        for ancestor in leaf.ancestors:
            if self._ancestors.setdefault(ancestor.id, ancestor) != ancestor:
                self._found["leaves that disagree about a parent"] += 1
        self._leaves[leaf.position] = _Place(
            leaf.start,
            leaf.end,
            leaf.tokens,
            leaf.root,
            leaf.root_leaves,
            tuple(ancestor.id for ancestor in leaf.ancestors),
        )
        self._texts[leaf.position] = leaf.text

    def problems(self) -> list[str]:
        """Describe everything that is wrong; empty if the document is whole."""
        found = [f"{count} {what}" for what, count in self._found.items() if count]
        found += self._tiling()
        # Parents are runs of leaves: what is wrong with them follows from missing leaves.
        found = found or [*self._tree(), *self._numbers()]
        return found or self._content()

    def _tiling(self) -> list[str]:
        missing = [place for place in range(self._manifest.leaves) if place not in self._leaves]
        beyond = [place for place in self._leaves if place >= self._manifest.leaves]
        if missing:
            first = f", the first at position {missing[0]}" if len(missing) > 1 else ""
            return [f"{len(missing)} of {self._manifest.leaves} leaves are missing{first}"]
        if beyond:
            return [f"{len(beyond)} leaves more than the {self._manifest.leaves} of the manifest"]
        found, end = [], 0
        for position, leaf in sorted(self._leaves.items()):
            if leaf.start != end:
                what = "a gap" if leaf.start > end else "an overlap"
                found.append(f"{what} before leaf {position}: {leaf.start} follows {end}")
            end = leaf.end
        if end != self._manifest.characters:
            found.append(f"leaves end at {end} of {self._manifest.characters} characters")
        return found

    def _tree(self) -> list[str]:
        found: Counter[str] = Counter()
        under = Counter(parent for leaf in self._leaves.values() for parent in leaf.ancestors)
        roots = Counter(leaf.root for leaf in self._leaves.values())
        for position, leaf in self._leaves.items():
            outermost = leaf.ancestors[0] if leaf.ancestors else self._leaf_id(leaf)
            found["leaves with a wrong root"] += leaf.root != outermost
            found["leaves whose root has not as many leaves as they say"] += (
                leaf.root_leaves != roots[leaf.root]
            )
            found["leaves outside a parent of theirs"] += any(
                not 0 <= position - parent.first_leaf < parent.leaves
                for parent in (self._ancestors[name] for name in leaf.ancestors)
            )
        for name, parent in self._ancestors.items():
            last = parent.first_leaf + parent.leaves - 1
            ends = [self._leaves.get(place) for place in (parent.first_leaf, last)]
            fits = (
                ends[0]
                and ends[1]
                and (ends[0].start, ends[1].end)
                == (
                    parent.start,
                    parent.end,
                )
            )
            found["parents that their leaves do not tile"] += (
                not fits or under[name] != parent.leaves
            )
        wanted = {
            name for name, parent in self._ancestors.items() if parent.level in self._parent_levels
        }
        found["missing parents"] = len(wanted - self._parents)
        found["parents of no leaf"] = len(self._parents - wanted)
        return [f"{count} {what}" for what, count in found.items() if count]

    def _leaf_id(self, leaf: _Place) -> str:
        return node_id(
            self._manifest.document_id, self._version, self._leaf_level, leaf.start, leaf.end
        )

    def _numbers(self) -> list[str]:
        there = {
            "nodes": len(self._leaves) + len(self._ancestors),
            "tokens": sum(leaf.tokens for leaf in self._leaves.values()),
        }
        return [
            f"{count} {name}, the manifest says {getattr(self._manifest, name)}"
            for name, count in there.items()
            if count != getattr(self._manifest, name)
        ]

    def _content(self) -> list[str]:
        """Compare the text's hash with the one made when it was ingested."""
        manifest = self._manifest
        known = manifest.about.get("content_hash")
        if known is None:
            return []  # written by an older version of this project
        text = "".join(self._texts[position] for position in range(len(self._texts)))
        named = {name: getattr(manifest, name) for name in ("title", "source", "owner")}
        about = {**manifest.about, **named, "page_starts": manifest.page_starts}
        if not text.strip(BLANK):
            return ["its text is empty"]
        hidden = (manifest.hidden_from_llm, manifest.hidden_from_embedding)
        known_of = {name: said for name, said in about.items() if said not in ("", None)}
        for versioned in (VERSIONED, *EARLIER):
            if content_hash(text, manifest.metadata, known_of, hidden, versioned) == known:
                return []
        return ["its text or metadata is not what was ingested"]


def original_version(manifest: Manifest) -> str:
    """Return the version that was ingested, without the mark of damage."""
    return (manifest.version or "").removesuffix(DAMAGED)
