"""Families that stand in a Python file of one's own, which is no installed package."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from annealrl.errors import InputError, said
from annealrl.family import Family
from annealrl.registry import family, forget, register_family, registered, source


def load_plugin(file: str | Path) -> list[str]:
    """Run a Python file and return the environment ids that it registers.

    The file is run as a module, not as ``__main__``: what stands under ``if __name__ == "__main__":`` is left out. A
    file that has been run or imported already is not run again.

    Raises
    ------
    InputError
        If there is no such file, or it fails; says where.
    """
    path = Path(file).resolve()
    _module(file, path)
    return sorted(env_id for env_id, known in registered().items() if source(known) == path)


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
        found = getattr(_module(file, Path(file).resolve()), attribute, None)
        if not ids and isinstance(found, type) and issubclass(found, Family):
            register_family(f"{attribute}-v0", found)
            return f"{attribute}-v0"
    if len(ids) != 1:
        which = f"is no family called {attribute!r}" if colon else f"are {len(ids)} families"
        raise InputError(f"{file}: there {which} in it; FILE.py:Class with the class of a family is expected")
    return ids[0]


def _module(file: str | Path, path: Path) -> ModuleType:
    """The module of a file; runs it unless that has happened."""
    for known in list(sys.modules.values()):
        at = getattr(known, "__file__", None)
        if at is not None and Path(at).name == path.name and Path(at).resolve() == path:
            return known
    # Two files of the same name in different folders are two modules.
    name = f"annealrl_plugin_{path.stem}_{hashlib.sha256(bytes(path)).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path) if path.suffix == ".py" else None
    if spec is None or spec.loader is None or not path.is_file():
        raise InputError(f"plug-in {file}: there is no such Python file; a .py file is expected")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        forget(name)
        raise InputError(f"plug-in {file}{_line(error, path)}: {said(error)}") from error
    return module


def _line(error: BaseException, path: Path) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    return f", line {lines[-1]}" if lines else ""
