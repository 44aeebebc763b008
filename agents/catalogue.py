"""Which agents there are, by name; reads no weights and needs no Torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from annealrl.errors import InputError
from annealrl.registry import unknown
from annealrl.results import read_json

#: Folder of the shipped agents.
ZOO = Path(__file__).resolve().parent / "zoo"
CONFIG = "config.yml"
WEIGHTS = "policy.safetensors"
HISTORY = "history.json"


def names() -> list[str]:
    """Names of the shipped agents."""
    return sorted(path.parent.name for path in ZOO.glob(f"*/{WEIGHTS}"))


def zoo() -> list[tuple[str, str]]:
    """Return (name, description) of every shipped agent."""
    rows = []
    for name in names():
        content = yaml.safe_load((ZOO / name / CONFIG).read_text(encoding="utf-8"))
        env = content["env"]
        size = f", side {env['length']}" if "length" in env else ""
        rows.append((name, f"{env['id']}{size}; policy {content['policy']}, action {env['action']}"))
    return rows


def sweeps(name_or_dir: str | Path) -> int:
    """Sweeps of an episode that the agent was trained with."""
    # These have much to import, and names are asked for often.
    from annealrl.agents.config import load_config
    from annealrl.env_options import EnvOptions

    env = load_config(directory(name_or_dir) / CONFIG).env
    options = {"steps": EnvOptions.steps, "sweeps_per_step": EnvOptions.sweeps_per_step, **env.options}
    return int(options["steps"]) * int(options["sweeps_per_step"])


def history(name_or_dir: str | Path) -> list[dict[str, Any]]:
    """Validations of an agent's training, the untrained policy's first."""
    rows: list[dict[str, Any]] = read_json(directory(name_or_dir) / HISTORY)
    return rows


def directory(name_or_dir: str | Path) -> Path:
    """Resolve the name of a shipped agent, or a directory that training or ``save()`` wrote.

    Raises
    ------
    InputError
        If there is neither (close names are given), or no name at all.
    """
    if not str(name_or_dir):
        raise InputError(f"an agent without a name; one of {', '.join(names())} or a directory is expected")
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
