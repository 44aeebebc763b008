"""How the size of proposed moves goes in an anneal of designs; Ising models have moves of one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from annealrl.errors import InputError
from annealrl.ising import FloatArray

#: Smallest step size, as a fraction of a coordinate's range.
SMALLEST_STEP = 1e-6


class StepSize(Protocol):
    """Chooses the step size of every step of a batch; a frozen dataclass, so that it says itself in fingerprints."""

    def size(self, step: int, steps: int, last: FloatArray, acceptance: FloatArray) -> FloatArray:
        """Fractions of the range in (0, 1], shape (B,), from the last step's sizes and acceptances (NaN: unknown)."""
        ...


@dataclass(frozen=True)
class GeometricStep:
    """Geometric from `start` in the first step to `end` in the last one; constant where there is no end."""

    start: float
    end: float | None = None

    def __post_init__(self) -> None:
        for value in (self.start, self.start if self.end is None else self.end):
            if not 0 < value <= 1:
                raise InputError(f"step size is {value:g}; a fraction of the range in (0, 1] is expected")

    def size(self, step: int, steps: int, last: FloatArray, acceptance: FloatArray) -> FloatArray:
        """Shape (B,), the same for all."""
        ratio = 1.0 if self.end is None else self.end / self.start
        return np.full(len(last), self.start * ratio ** (step / max(1, steps - 1)))


@dataclass(frozen=True)
class AdaptiveStep:
    """Keep the acceptance ratio near a target: the logarithm of the size moves by twice what the last step was off.

    0.44 is the best acceptance of one-dimensional Gaussian proposals for Gaussian targets (Gelman, Roberts and Gilks,
    Bayesian Statistics 5, 599 (1996)), and the plateau of Lam and Delosme's schedule.
    """

    acceptance: float = 0.44

    def __post_init__(self) -> None:
        if not 0 < self.acceptance < 1:
            raise InputError(f"step size: acceptance is {self.acceptance:g}; a number between 0 and 1 is expected")

    def size(self, step: int, steps: int, last: FloatArray, acceptance: FloatArray) -> FloatArray:
        """Shape (B,); the last size where no acceptance is known, so the objective's own at first."""
        return adapted(last, acceptance, self.acceptance)


def adapted(last: FloatArray, acceptance: FloatArray, target: FloatArray | float) -> FloatArray:
    """Step sizes after the last ones, shape (B,), whose acceptances (NaN: unknown) should come near a target."""
    factor = np.where(np.isnan(acceptance), 1.0, np.exp(2.0 * (acceptance - target)))
    return np.clip(last * factor, SMALLEST_STEP, 1.0)


def from_options(step: float | None, end: float | None, acceptance: float | None) -> StepSize | None:
    """What ``step=A``, ``step=A:to=B`` or ``accept=A`` of the method grammar mean; None where nothing is said.

    Raises
    ------
    InputError
        If a number is out of range, or both a step and an acceptance are given.
    """
    if acceptance is not None:
        if step is not None or end is not None:
            raise InputError("both step and accept are given; one of them is expected")
        return AdaptiveStep(acceptance)
    if step is None and end is not None:
        raise InputError("to is given without step; step=A:to=B is expected")
    return None if step is None else GeometricStep(step, end)
