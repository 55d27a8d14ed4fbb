"""A model of LlamaIndex's by the dotted name of its class.

    constructed("llama_index.llms.anthropic.Anthropic", {"model": "…", "temperature": "0.1"}, "llm")

Only language models and embedding models of LlamaIndex's are made, whatever is named. Arguments
come as text and are what the class says they are. Keys are better left to the environment, where
these classes look for them by themselves.
"""

import difflib
import importlib
import inspect
import json
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Literal, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from indexes.errors import RagError, SettingsError, first_wrong, masked, shown

_SHOWN = 300
# Settings of a class that never belong into a line.
_SECRETS = ("key", "token", "secret", "password", "credential", "auth")


def constructed(
    name: str, arguments: Mapping[str, str], purpose: Literal["llm", "embedding"]
) -> Any:
    """Make an object of a LlamaIndex model class; it connects by itself.

    Args:
        name: of the class, with its module
        arguments: of its constructor, as text
        purpose: what it must be

    Raises:
        SettingsError: its package is missing, there is no such class, it is not a model of
            LlamaIndex, or refuses the arguments; the message says what to do
    """
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.llms import LLM

    kinds: dict[str, type[Any]] = {"llm": LLM, "embedding": BaseEmbedding}
    cls = _found(name, kinds[purpose])
    if not isinstance(cls, type) or not issubclass(cls, kinds[purpose]):
        for option, kind in kinds.items():
            if isinstance(cls, type) and issubclass(cls, kind):
                raise SettingsError(f"{name} is given as {purpose}: give it as {option}")
        raise SettingsError(
            f"{name} is no {kinds[purpose].__name__} of LlamaIndex's: name a class that is one"
        )
    if inspect.isabstract(cls):
        raise SettingsError(f"{name} is abstract: name a class that is made of it")
    given = _typed(cls, name, arguments)
    try:
        return cls(**given)
    except RagError:
        raise
    except ValidationError as error:
        # Without what was given: it may be a key.
        place, reason = first_wrong(error)
        place = place or "an argument"
        raise SettingsError(
            f"{name} refuses {place}: {_masked(reason, arguments)}: correct it in ?{place}=…"
        ) from None
    except ImportError as error:
        raise SettingsError(_missing(name, error)) from None
    except Exception as error:  # noqa: BLE001  whatever a stranger's constructor raises
        said = _masked(str(error), arguments) or type(error).__name__
        raise SettingsError(
            f"{name} can't be made ({type(error).__name__}: {said}): see to that, or give what is "
            f"missing as ?name=value; it takes {', '.join(_parameters(cls))}"
        ) from None


def check_installed(name: str) -> None:
    """See whether the package of a class is there, without importing it.

    Raises:
        SettingsError: it isn't; the message has its install line
    """
    module = name.rpartition(".")[0]
    try:
        there = find_spec(module) is not None
    except ModuleNotFoundError as error:
        raise SettingsError(_missing(name, error)) from None
    except Exception:  # noqa: BLE001  whatever packages around it raise; making it will tell
        return
    if not there:
        raise SettingsError(_missing(name, ModuleNotFoundError(name=module)))


def _found(name: str, kind: type[Any]) -> Any:
    module_name, _, class_name = name.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise SettingsError(_missing(name, error)) from None
    except Exception as error:  # noqa: BLE001  whatever a stranger's module raises
        raise SettingsError(
            f"{module_name} can't be imported ({type(error).__name__}: {shown(error)}): see "
            "whether it works by itself"
        ) from None
    found = getattr(module, class_name, None)
    if found is None:
        offered = [one for one, is_it in vars(module).items() if _is_model(is_it, kind)]
        near = difflib.get_close_matches(class_name, offered, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(offered) or 'no model'}"
        raise SettingsError(f"{module_name} has no {class_name}: {hint}")
    return found


def _is_model(found: Any, kind: type[Any]) -> bool:
    return isinstance(found, type) and issubclass(found, kind) and not inspect.isabstract(found)


def _missing(name: str, error: ImportError) -> str:
    """What to install: the package of the class, or what that package lacks."""
    module = name.rpartition(".")[0]
    lacking = error.name or ""
    if not isinstance(error, ModuleNotFoundError) or not lacking:
        return f"{module} can't be imported ({shown(error)}): install what it needs"
    if module == lacking or module.startswith(lacking + "."):
        return f"{name} needs a package that is not installed: {_install(module)}"
    top = lacking.partition(".")[0]
    return f"{name} needs the package {lacking}, which is not installed: pip install {top}"


def _install(module: str) -> str:
    """LlamaIndex names its packages after their modules."""
    parts = module.split(".")
    if parts[0] == "llama_index" and len(parts) > 2 and parts[1] != "core":
        return "pip install " + "-".join(parts[:3]).replace("_", "-")
    return f"pip install the package that has the module {module}"


# Arguments


def _parameters(cls: type[Any]) -> list[str]:
    """What a class takes by name, beside what all of its kind take."""
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.llms.function_calling import FunctionCallingLLM

    common = {*FunctionCallingLLM.model_fields, *BaseEmbedding.model_fields} - {"model_name"}
    return [name for name in _known(cls) if name not in common]


def _known(cls: type[Any]) -> dict[str, Any]:
    """Arguments of a class, and what each is to be."""
    fields = getattr(cls, "model_fields", {})
    known = {name: field.annotation for name, field in fields.items()}
    known |= {field.alias: field.annotation for field in fields.values() if field.alias}
    signature = inspect.signature(cls.__init__)
    try:
        hints = get_type_hints(cls.__init__)
    except Exception:  # noqa: BLE001  a stranger's annotations
        hints = {}
    skipped = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    for name, parameter in signature.parameters.items():
        if name != "self" and parameter.kind not in skipped:
            known[name] = hints.get(name, Any)
    return known


def _typed(cls: type[Any], name: str, arguments: Mapping[str, str]) -> dict[str, Any]:
    known = _known(cls)
    given: dict[str, Any] = {}
    for argument, text in arguments.items():
        if argument not in known:
            near = difflib.get_close_matches(argument, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(_parameters(cls))}"
            raise SettingsError(f"{name} takes no argument {argument!r}: {hint}")
        try:
            given[argument] = _value(known[argument], text)
        except (ValidationError, ValueError):
            kind = known[argument]
            wanted = kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
            raise SettingsError(f"{name} refuses {argument}=…: give {wanted}") from None
    return given


def _value(annotation: Any, text: str) -> Any:
    """Text as what an argument is to be: as it stands, or as JSON."""
    try:
        adapter = TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except Exception:  # noqa: BLE001  pydantic refuses a config for models, and some types
        try:
            adapter = TypeAdapter(annotation)
        except Exception:  # noqa: BLE001
            return _literal(text)
    if annotation in (Any, inspect.Parameter.empty):
        return _literal(text)
    try:
        return adapter.validate_python(text)
    except ValidationError:
        return adapter.validate_python(json.loads(text))


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


# Secrets


def is_secret(name: str) -> bool:
    """Whether an argument of that name may be a secret."""
    return any(part in name.lower() for part in _SECRETS) and "tokens" not in name.lower()


def _masked(said: str, arguments: Mapping[str, str]) -> str:
    secrets = (value for name, value in arguments.items() if is_secret(name))
    return masked(" ".join(said.split()), secrets)[:_SHOWN]
