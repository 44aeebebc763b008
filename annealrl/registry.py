"""Names that resolve to code when first used: problem families and what lives in other rooms of the house.

The engine imports nothing from ``annealrl.envs``, ``annealrl.agents`` or ``annealrl.instances``: it holds strings, and
modules are loaded when a name is asked for.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import re
import sys
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from annealrl.errors import InputError, said
from annealrl.family import Family

F = TypeVar("F", bound=type[Family])

_families: dict[str, str | type[Family]] = {}
_DECORATION = re.compile(r'^@(?:\w+\.)?register\(\s*["\']([^"\']+)["\']\s*\)', re.MULTILINE)
_ENV_ID = re.compile(r"(?:[\w-]+/)?[\w.-]+-v\d+")
#: Entry points ``ENV_ID = "module:Class"`` of other packages are registered when annealrl is imported.
PLUGIN_GROUP = "annealrl.plugins"


def load_object(target: str) -> Any:
    """Import ``"module:name"``."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def register(env_id: str) -> Callable[[F], F]:
    """Class decorator: make a Hamiltonian or Objective the Gymnasium environment `env_id`, scalar and batched.

    Raises
    ------
    InputError
        If the id is malformed (``Name-v0`` is expected) or taken by another family, or the class is no complete family.
    """

    def decorate(family: F) -> F:
        register_family(env_id, family)
        return family

    return decorate


def register_family(env_id: str, family: str | type[Family]) -> None:
    """Register a family, or ``"module:Class"`` (``"module:"`` where importing the module registers it)."""
    import gymnasium as gym

    if not _ENV_ID.fullmatch(env_id):
        raise InputError(f"environment id {env_id!r}: a name and a version are expected, such as MyGlass-v0")
    if not isinstance(family, str):
        _refuse_incomplete(env_id, family)
    known = _families.get(env_id)
    if known is not None and not _same(known, family):
        raise InputError(f"environment id {env_id!r}: {_who(known, family)} has registered it; choose another one")
    if known is not None and isinstance(family, str):
        return
    _families[env_id] = family
    if known is None:
        gym.register(
            id=env_id,
            entry_point="annealrl.env:AnnealingEnv",
            vector_entry_point="annealrl.vector_env:AnnealingVectorEnv",
            kwargs={"family": env_id},
            # The environment owns its horizon and terminates there; a time limit on top would truncate.
            max_episode_steps=None,
        )


def _refuse_incomplete(env_id: str, family: object) -> None:
    """Raise unless it is a class of a family without abstract methods; a decorator below may still make its fields."""
    wanted = "a Hamiltonian or an Objective is expected"
    if not (isinstance(family, type) and issubclass(family, Family)):
        raise InputError(f"environment {env_id!r}: {getattr(family, '__name__', family)} is no family; {wanted}")
    if inspect.isabstract(family):
        missing = ", ".join(f"{name}()" for name in sorted(family.__abstractmethods__))
        raise InputError(f"environment {env_id!r}: class {family.__name__} lacks {missing}")


#: Fields that would never be reached: `gym.make`, environments and names of sets take these words for themselves.
_TAKEN = frozenset({"episode_info", "family", "id", "num_envs", "split", "wrappers", "vector_kwargs"}) | frozenset(
    {"max_episode_steps", "disable_env_checker", "vectorization_mode"}
)


def check_fields(kind: type[Family]) -> None:
    """Raise an InputError unless a family is a dataclass whose fields can be parameters of an environment."""
    from annealrl.env_options import ENV_OPTIONS

    if not hasattr(kind, "__dataclass_fields__"):
        raise InputError(f"class {kind.__name__} is no dataclass; @dataclass(frozen=True) above it is expected")
    for name in kind.options():
        if name in ENV_OPTIONS or name in _TAKEN:
            raise InputError(
                f"class {kind.__name__}: field {name!r} is the name of an option of the environment; "
                "another name is expected"
            )


def _same(known: str | type[Family], family: str | type[Family]) -> bool:
    """Whether it is the same: a module registers classes in place of its name, and anew when it is run again."""
    if isinstance(known, str) and isinstance(family, str):
        return known == family
    if isinstance(known, str) or isinstance(family, str):
        name, kind = (known, family) if isinstance(known, str) else (family, known)
        attribute = name.partition(":")[2]  # type: ignore[union-attr]
        return owner(known) == owner(family) and attribute in ("", kind.__name__)  # type: ignore[union-attr]
    same_file = source(known) is not None and source(known) == source(family)
    return known.__qualname__ == family.__qualname__ and (known.__module__ == family.__module__ or same_file)


def _who(known: str | type[Family], family: str | type[Family]) -> str:
    """Who has an id, as someone who wants it for `family` needs to hear it."""
    if isinstance(known, str):
        return owner(known) if owner(known) != owner(family) else known
    file = source(known)
    if owner(known) != owner(family) or file is None:
        return owner(known) if owner(known) != owner(family) else f"class {known.__qualname__}"
    return f"class {known.__qualname__} of {file.name}"


def forget(module: str) -> None:
    """Take back what the classes of a module registered."""
    import gymnasium as gym

    for env_id, family in registered().items():
        if not isinstance(family, str) and family.__module__ == module:
            del _families[env_id]
            del gym.registry[env_id]


def owner(family: str | type[Family]) -> str:
    """Who registers: a module of ours, or another package or module."""
    module = family.partition(":")[0] if isinstance(family, str) else family.__module__
    return module if module.startswith("annealrl.") else module.partition(".")[0]


def source(family: str | type[Family]) -> Path | None:
    """The file of a class, whatever the name under which it was run; None where there is none (yet)."""
    file = None if isinstance(family, str) else getattr(sys.modules.get(family.__module__), "__file__", None)
    return None if file is None else Path(file).resolve()


def registered() -> dict[str, str | type[Family]]:
    """What stands behind every id: a class, or ``"module:Class"`` that was not needed yet."""
    return dict(_families)


def discover(package: str) -> None:
    """Register every ``@register("…")`` in the sources of a package, without importing its modules."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(folder).glob("*.py")):
            for env_id in _DECORATION.findall(file.read_text(encoding="utf-8")):
                register_family(env_id, f"{package}.{file.stem}:")


def discover_plugins() -> None:
    """Register the entry points of the group ``annealrl.plugins``, by name alone; warn of those that cannot be."""
    for entry in entry_points(group=PLUGIN_GROUP):
        try:
            register_family(entry.name, entry.value.replace(" ", ""))
        except InputError as error:
            warnings.warn(f"plug-in {entry.value!r} is left out: {error}", stacklevel=2)


def env_ids() -> list[str]:
    """All registered environment ids, sorted."""
    return sorted(_families)


def family(env_id: str) -> type[Family]:
    """Return the class behind an id, importing its module if need be.

    Raises
    ------
    InputError
        If there is no such id (close ones are named), or its plug-in cannot be imported or is no dataclass.
    """
    name = env_id.removeprefix("annealrl:")
    target = _families.get(name)
    if target is None:
        error = unknown("environment", name, _families)
        raise InputError(f"{error} (a family in a file of your own needs --plugin FILE.py, or load_plugin)")
    if isinstance(target, str):
        module, _, attribute = target.partition(":")
        try:
            imported = importlib.import_module(module)
            loaded = getattr(imported, attribute) if attribute else _families[name]
        except Exception as error:
            raise InputError(f"environment {name!r}: {target!r} cannot be loaded: {said(error)}") from error
        if not (isinstance(loaded, type) and issubclass(loaded, Family)):
            raise InputError(f"environment {name!r}: {target!r} is no family; a Hamiltonian or Objective is expected")
        _refuse_incomplete(name, loaded)
        _families[name] = target = loaded
    try:
        check_fields(target)
    except InputError as error:
        raise InputError(f"environment {name!r}: {error}") from None
    return target


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not there, with the nearest ones that are."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3) or names
    return InputError(f"unknown {kind} {name!r}; did you mean {', '.join(close)}?")
