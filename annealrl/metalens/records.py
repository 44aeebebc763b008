"""The best lenses that any method has found, which say what counts as success."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from annealrl.errors import InputError
from annealrl.metalens.store import SHIPPED, model_path

RECORDS = SHIPPED / "best.json"
#: Parameters that do not change the energy.
_OTHER = ("fraction", "models")


def record_key(lens: Any) -> str:
    """What a member of Metalens-v0 is called in records: the parameters of its energy."""
    found = {key: value for key, value in dataclasses.asdict(lens).items() if key not in _OTHER}
    return json.dumps({**found, "focal_length": round(lens.focus, 6)}, sort_keys=True)


@lru_cache(maxsize=1)
def models_hash(folder: Path = SHIPPED) -> str:
    """What tells the shipped models from others."""
    found = hashlib.sha256()
    for wavelength in (400.0, 633.0):
        found.update(model_path(folder, wavelength).read_bytes())
    return found.hexdigest()[:16]


def best_known(lens: Any) -> float | None:
    """Lowest energy on record; None where there is none, or where models are not those of the records."""
    if lens.models is not None or not RECORDS.is_file():
        return None
    found = _read(RECORDS)
    return found["energies"].get(record_key(lens)) if found["models"] == models_hash() else None


def keep_best(energies: dict[str, float], path: Path = RECORDS) -> None:
    """Put energies by key on record where they are lower than what is there; other models' records are dropped."""
    old: dict[str, Any] = _read(path) if path.is_file() else {"models": "", "energies": {}}
    known = dict(old["energies"]) if old["models"] == models_hash() else {}
    for key, energy in energies.items():
        known[key] = min(energy, known.get(key, energy))
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps({"models": models_hash(), "energies": known}, indent=1, sort_keys=True) + "\n")
    beside.replace(path)
    _read.cache_clear()


@lru_cache(maxsize=4)
def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {"models": str(found["models"]), "energies": {str(k): float(v) for k, v in found["energies"].items()}}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: no records of metalenses ({error})") from None
