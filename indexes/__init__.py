"""Parent document retrieval and contextual compression, side by side on one index.

    from indexes import HierarchicalIndex

    index = HierarchicalIndex.open("my-index")
    index.ingest(["letters/"])
    answer = index.ask("How did the cloud business evolve?", pattern="parent")
    print(answer.answer, answer.contexts[0].document, answer.contexts[0].pages)

The names below are the library's public face; each is imported when it is first used.
`indexes.langchain` has those for LangChain, `indexes.evaluation` those that measure.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from indexes.answers import Answer as Answer
    from indexes.answers import Citation as Citation
    from indexes.answers import Context as Context
    from indexes.answers import Quote as Quote
    from indexes.answers import Quoted as Quoted
    from indexes.answers import Retrieved as Retrieved
    from indexes.answers import Support as Support
    from indexes.answers import Thought as Thought
    from indexes.answers import Word as Word
    from indexes.documents import load_document as load_document
    from indexes.documents import register_reader as register_reader
    from indexes.errors import DocumentError as DocumentError
    from indexes.errors import IndexMismatchError as IndexMismatchError
    from indexes.errors import ModelError as ModelError
    from indexes.errors import RagError as RagError
    from indexes.errors import SettingsError as SettingsError
    from indexes.errors import StoreError as StoreError
    from indexes.extensions import register_judge as register_judge
    from indexes.extensions import register_provider as register_provider
    from indexes.index import HierarchicalIndex as HierarchicalIndex
    from indexes.models.capabilities import Capabilities as Capabilities
    from indexes.models.described import described as described
    from indexes.patterns import register_pattern as register_pattern
    from indexes.progress import IngestReport as IngestReport
    from indexes.settings import Settings as Settings
    from indexes.settings import load_settings as load_settings
    from indexes.trace import Trace as Trace

__version__ = "0.2.0"

_HOMES = {
    "indexes.index": ("HierarchicalIndex",),
    "indexes.settings": ("Settings", "load_settings"),
    "indexes.documents": ("load_document", "register_reader"),
    "indexes.progress": ("IngestReport",),
    "indexes.answers": (
        "Answer",
        "Citation",
        "Context",
        "Quote",
        "Quoted",
        "Retrieved",
        "Support",
        "Thought",
        "Word",
    ),
    "indexes.trace": ("Trace",),
    "indexes.extensions": ("register_judge", "register_provider"),
    "indexes.patterns": ("register_pattern",),
    "indexes.models.capabilities": ("Capabilities",),
    "indexes.models.described": ("described",),
    "indexes.errors": (
        "RagError",
        "SettingsError",
        "DocumentError",
        "ModelError",
        "StoreError",
        "IndexMismatchError",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME]

if not TYPE_CHECKING:  # Type checkers would take any name for one that is there.

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first used: the library takes seconds, this nothing."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
