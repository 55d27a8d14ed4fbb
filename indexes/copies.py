"""Copies and pickles of what an index makes: the same call again, not its connections.

retriever = index.retriever("parent", budget=512)
again = pickle.loads(pickle.dumps(retriever))    # opens the index by its address
"""

from collections.abc import Mapping
from typing import Any, Self

from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.prompts.mixin import PromptMixin

from indexes.errors import SettingsError


class Remade(PromptMixin):
    """A part for LlamaIndex that is copied and pickled as the call that made it.

    Copies share the index; pickles open it where they are read. Prompts that were changed
    go along.
    """

    _call: tuple[Any, str, Mapping[str, Any]] | None = None
    _prompts: Mapping[str, BasePromptTemplate] = {}

    def made_by(self, index: Any, method: str, **arguments: Any) -> Self:
        """Remember the call: a method of an index, and its arguments that aren't None."""
        given = {name: value for name, value in arguments.items() if value is not None}
        self._call = (index, method, given)
        self._prompts = self.get_prompts()
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self._call is None:
            raise SettingsError(
                f"a {type(self).__name__} made by hand can't be pickled: make it by "
                "HierarchicalIndex.retriever or query_engine"
            )
        changed = {
            name: prompt
            for name, prompt in self.get_prompts().items()
            if prompt != self._prompts.get(name)
        }
        return _again, (*self._call, changed)

    def __copy__(self) -> Self:
        if self._call is not None:
            again, arguments = self.__reduce__()
            remade: Self = again(*arguments)
            return remade
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # What it holds is shared on purpose: connections and models.
        return self.__copy__()


def _again(
    index: Any, method: str, given: Mapping[str, Any], prompts: dict[str, BasePromptTemplate]
) -> Any:
    made = getattr(index, method)(**given)
    made.update_prompts(prompts)
    return made
