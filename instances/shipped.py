"""What is shipped: the folder of set files, its manifest, and the contents of all test instances."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from annealrl.errors import InputError
from annealrl.instances.identity import content_key
from annealrl.ising import IsingModel

#: Folder of the shipped set files.
DATA = Path(__file__).resolve().parent / "data"

#: Hex digits of a content key that the manifest keeps for each instance.
KEY_DIGITS = 16


@functools.cache
def manifest() -> dict[str, dict[str, Any]]:
    """Return what ``data/manifest.json`` says of every shipped set, by name.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    path = DATA / "manifest.json"
    try:
        entries: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: the manifest of the shipped sets cannot be read: {error}") from None
    return entries


@functools.cache
def _contents() -> frozenset[str]:
    return frozenset(key for entry in manifest().values() for key in entry["contents"].split())


def is_shipped(model: IsingModel) -> bool:
    """Whether a shipped test set holds this instance, whatever it or its spins are called; no set is read for this."""
    return content_key(model).hex()[:KEY_DIGITS] in _contents()
