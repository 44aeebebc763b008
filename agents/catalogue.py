"""What agents there are, told without loading them (or Torch)."""

from __future__ import annotations

from pathlib import Path

import yaml

ZOO = Path(__file__).resolve().parent / "zoo"


def zoo() -> list[tuple[str, str]]:
    """Return (name, description) of every shipped agent."""
    rows = []
    for config in sorted(ZOO.glob("*/config.yml")):
        content = yaml.safe_load(config.read_text(encoding="utf-8"))
        env = content["env"]
        size = f", side {env['length']}" if "length" in env else ""
        rows.append((config.parent.name, f"{env['id']}{size}; {content['policy']} policy, action {env['action']}"))
    return rows
