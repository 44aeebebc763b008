"""How an action in [-1, 1] sets the inverse temperature of the coming step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IsingModel
from annealrl.registry import unknown
from annealrl.schedules import Schedule

BoolArray = npt.NDArray[np.bool_]


class Action(Protocol):
    """Maps actions, shape (B,), to inverse temperatures."""

    def begin(self, drawn: FloatArray, models: Sequence[IsingModel], steps: int) -> FloatArray:
        """Start a batch of episodes; returns β before the first step, given draws of the starting-β distribution."""
        ...

    def beta(self, step: int, current: FloatArray, action: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Return (β of the coming step, mask of refused actions), each shape (B,)."""
        ...


@dataclass(frozen=True)
class DeltaBeta:
    """The paper's action: β changes by ``scale · action``.

    A change that would leave (0, `beta_max`] is refused and the step runs at the old β.
    """

    scale: float
    beta_max: float

    def begin(self, drawn: FloatArray, models: Sequence[IsingModel], steps: int) -> FloatArray:
        """Start where the distribution says."""
        return drawn

    def beta(self, step: int, current: FloatArray, action: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Add the change where it is allowed."""
        wanted = current + self.scale * action
        refused = (wanted <= 0.0) | (wanted > self.beta_max)
        return np.where(refused, current, wanted), refused


class LogBetaOffset:
    """β of step k is ``reference_k · exp(scale · action)``: action 0 is the reference schedule itself."""

    def __init__(self, reference: Schedule, scale: float, beta_max: float) -> None:
        self.reference, self.scale, self.beta_max = reference, scale, beta_max
        self._table: FloatArray = np.empty((0, 0))

    def begin(self, drawn: FloatArray, models: Sequence[IsingModel], steps: int) -> FloatArray:
        """Start at the reference's first β."""
        self._table = self.reference.table(models, steps)
        first: FloatArray = self._table[0].copy()
        return first

    def beta(self, step: int, current: FloatArray, action: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Scale the reference, cut at `beta_max`."""
        wanted = self._table[step] * np.exp(self.scale * action)
        return np.minimum(wanted, self.beta_max), np.zeros(action.shape, bool)


def make_action(kind: str, scale: float, reference: Schedule, beta_max: float) -> Action:
    """Resolve the environment's option ``action``."""
    if not 0 < scale < np.inf:
        raise InputError(f"action_scale is {scale}; a positive number is expected")
    if not beta_max > 0:
        raise InputError(f"beta_max is {beta_max}; a positive number is expected")
    if kind == "delta_beta":
        return DeltaBeta(scale, beta_max)
    if kind == "log_beta_offset":
        return LogBetaOffset(reference, scale, beta_max)
    raise unknown("action", kind, ("delta_beta", "log_beta_offset"))
