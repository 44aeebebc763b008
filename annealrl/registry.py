"""Names that resolve to code when first used: problem families and what lives in other rooms of the house.

The engine imports nothing from ``annealrl.envs``, ``annealrl.agents`` or ``annealrl.instances``: it holds strings, and
modules are loaded when a name is asked for.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import re
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeVar

from annealrl.errors import InputError
from annealrl.hamiltonian import Hamiltonian

H = TypeVar("H", bound=type[Hamiltonian])

_families: dict[str, str | type[Hamiltonian]] = {}
_DECORATION = re.compile(r'^@(?:\w+\.)?register\(\s*["\']([^"\']+)["\']\s*\)', re.MULTILINE)
#: Entry points ``ENV_ID = "module:Class"`` of other packages are registered when annealrl is imported.
PLUGIN_GROUP = "annealrl.plugins"


def load_object(target: str) -> Any:
    """Import ``"module:name"``."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def register(env_id: str) -> Callable[[H], H]:
    """Class decorator: make a Hamiltonian available as the Gymnasium environment `env_id`, scalar and batched."""

    def decorate(family: H) -> H:
        register_family(env_id, family)
        return family

    return decorate


def register_family(env_id: str, family: str | type[Hamiltonian]) -> None:
    """Register a family, or ``"module:Class"`` (``"module:"`` where importing the module registers it)."""
    import gymnasium as gym

    known = env_id in _families
    if known and isinstance(family, str):
        return
    _families[env_id] = family
    if not known:
        gym.register(
            id=env_id,
            entry_point="annealrl.env:AnnealingEnv",
            vector_entry_point="annealrl.vector_env:AnnealingVectorEnv",
            kwargs={"hamiltonian": env_id},
            # The environment owns its horizon and terminates there; a time limit on top would truncate.
            max_episode_steps=None,
        )


def discover(package: str) -> None:
    """Register every ``@register("…")`` in the sources of a package, without importing its modules."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for file in sorted(Path(folder).glob("*.py")):
            for env_id in _DECORATION.findall(file.read_text(encoding="utf-8")):
                register_family(env_id, f"{package}.{file.stem}:")


def discover_plugins() -> None:
    """Register the entry points of the group ``annealrl.plugins``, by name alone."""
    for entry in entry_points(group=PLUGIN_GROUP):
        register_family(entry.name, entry.value)


def env_ids() -> list[str]:
    """All registered environment ids, sorted."""
    return sorted(_families)


def family(env_id: str) -> type[Hamiltonian]:
    """Return the Hamiltonian class behind an id, importing its module if need be."""
    name = env_id.removeprefix("annealrl:")
    target = _families.get(name)
    if target is None:
        raise unknown("environment", name, _families)
    if isinstance(target, str):
        module, _, attribute = target.partition(":")
        imported = importlib.import_module(module)
        loaded = getattr(imported, attribute) if attribute else _families[name]
        if not isinstance(loaded, type):
            raise InputError(f"environment {name!r}: importing {module} did not register it")
        _families[name] = target = loaded
    return target


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not there, with the nearest ones that are."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3) or names
    return InputError(f"unknown {kind} {name!r}; did you mean {', '.join(close)}?")
