"""Where a simulator's replicas are and move."""

from __future__ import annotations

from typing import Literal

Backend = Literal["cpu", "cuda"]
BACKENDS: tuple[Backend, ...] = ("cpu", "cuda")
