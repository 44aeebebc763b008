"""Names that resolve to code when first used: problem families and what lives in other rooms of the house.

The engine imports nothing from ``annealrl.envs``, ``annealrl.agents`` or ``annealrl.instances``: it holds strings, and
modules are loaded when a name is asked for.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from annealrl.errors import InputError
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
        If the id is malformed (``Name-v0`` is expected), or taken by a family of another module.
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
    known = _families.get(env_id)
    # A module registers its classes in place of its own name, and anew when it is run again.
    if known is not None and _owner(known) != _owner(family):
        raise InputError(f"environment id {env_id!r}: {_owner(known)} has registered it; choose another one")
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


def _owner(family: str | type[Family]) -> str:
    """Who registers: a module of ours, a plug-in's file, or another package."""
    module = family.partition(":")[0] if isinstance(family, str) else family.__module__
    return module if module.startswith("annealrl.") else module.partition(".")[0]


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


def load_plugin(file: str | Path) -> list[str]:
    """Run a Python file of one's own and return the environment ids that it registers.

    The file is run as a module, not as ``__main__``: what stands under ``if __name__ == "__main__":`` is left out. A
    file that has been loaded is not run again.

    Raises
    ------
    InputError
        If there is no such file, or it fails; says where.
    """
    path = Path(file).resolve()
    module_name = _plugin_name(path)
    if module_name not in sys.modules:
        spec = importlib.util.spec_from_file_location(module_name, path) if path.suffix == ".py" else None
        if spec is None or spec.loader is None or not path.is_file():
            raise InputError(f"plug-in {file}: there is no such Python file; a .py file is expected")
        module = sys.modules[module_name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[module_name]
            raise InputError(f"plug-in {file}{_line(error, path)}: {_said(error)}") from error
    return sorted(env_id for env_id, known in _families.items() if _owner(known) == module_name)


def _line(error: BaseException, path: Path) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    return f", line {lines[-1]}" if lines else ""


def _said(error: BaseException) -> str:
    if isinstance(error, InputError):
        return str(error)
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def resolve(name: str) -> str:
    """Return the environment id that a name stands for: an id, ``FILE.py:Class``, or ``FILE.py`` if it registers one.

    A class without the decorator is registered as ``Class-v0``.

    Raises
    ------
    InputError
        If the file or the class is not there, or it is not clear which one is meant.
    """
    file, colon, attribute = name.rpartition(":") if not name.endswith(".py") else (name, "", "")
    if not file.endswith(".py"):
        return name
    ids = load_plugin(file)
    if colon:
        ids = [env_id for env_id in ids if family(env_id).__name__ == attribute]
        found = getattr(sys.modules[_plugin_name(Path(file).resolve())], attribute, None)
        if not ids and isinstance(found, type) and issubclass(found, Family):
            register_family(f"{attribute}-v0", found)
            return f"{attribute}-v0"
    if len(ids) != 1:
        which = f"is no family called {attribute!r}" if colon else f"are {len(ids)} families"
        raise InputError(f"{file}: there {which} in it; FILE.py:Class with the class of a family is expected")
    return ids[0]


def _plugin_name(path: Path) -> str:
    # Two files of the same name in different folders are two modules.
    return f"annealrl_plugin_{path.stem}_{hashlib.sha256(bytes(path)).hexdigest()[:8]}"


def env_ids() -> list[str]:
    """All registered environment ids, sorted."""
    return sorted(_families)


def family(env_id: str) -> type[Family]:
    """Return the class behind an id, importing its module if need be.

    Raises
    ------
    InputError
        If there is no such id (close ones are named), or its plug-in cannot be imported.
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
            raise InputError(f"environment {name!r}: {target!r} cannot be loaded: {_said(error)}") from error
        if not (isinstance(loaded, type) and issubclass(loaded, Family)):
            raise InputError(f"environment {name!r}: {target!r} is no family; a Hamiltonian or Objective is expected")
        _families[name] = target = loaded
    return target


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not there, with the nearest ones that are."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3) or names
    return InputError(f"unknown {kind} {name!r}; did you mean {', '.join(close)}?")
