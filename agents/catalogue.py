"""Which agents there are, by name; reads no weights and needs no Torch."""

from __future__ import annotations

from pathlib import Path

from annealrl.errors import InputError
from annealrl.registry import unknown

#: Folder of the shipped agents.
ZOO = Path(__file__).resolve().parent / "zoo"
CONFIG = "config.yml"
WEIGHTS = "policy.safetensors"


def names() -> list[str]:
    """Names of the shipped agents."""
    return sorted(path.parent.name for path in ZOO.glob(f"*/{WEIGHTS}"))


def describe(name: str) -> str:
    """What an agent's model card says first."""
    card = ZOO / name / "README.md"
    lines = card.read_text(encoding="utf-8").splitlines() if card.is_file() else []
    return next((line for line in lines if line and not line.startswith("#")), "")


def directory(name_or_dir: str | Path) -> Path:
    """Resolve the name of a shipped agent, or a directory that training or ``save()`` wrote.

    Raises
    ------
    InputError
        If there is neither; names close ones.
    """
    if str(name_or_dir) in names():
        return ZOO / str(name_or_dir)
    path = Path(name_or_dir)
    if path.is_dir():
        for file in (CONFIG, WEIGHTS):
            if not (path / file).is_file():
                raise InputError(f"{path}: no {file} in it; a directory that training or save() wrote is expected")
        return path
    if path.exists():
        raise InputError(f"{path}: a file; the directory of an agent is expected")
    raise unknown("agent", str(name_or_dir), names())
