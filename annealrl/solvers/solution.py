"""What a solver hands back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from annealrl.ising import IsingModel, SpinArray

Status = Literal["optimal", "feasible"]

OPTIMAL_GAP = 1e-9
"""Largest gap of an "optimal" solution, in units of ``model.scale``."""


def status_of(energy: float, bound: float, scale: float) -> Status:
    """Return "optimal" if the gap is within :data:`OPTIMAL_GAP`."""
    return "optimal" if energy - bound <= OPTIMAL_GAP * scale else "feasible"


@dataclass(frozen=True, eq=False)
class Solution:
    """A configuration with a proven lower bound on every energy of its model.

    Attributes
    ----------
    name : str
        Name of the model.
    n : int
        Number of spins.
    energy : float
        ``H(spins)``, recomputed in float64 with the model's own couplings, fields and offset.
    bound : float
        No configuration has a lower energy; proven in exact arithmetic and rounded down.
    spins : int8 array, shape (n,)
        The best configuration found, read-only.
    status : {"optimal", "feasible"}
        "optimal" if ``gap <= 1e-9 * model.scale``, else "feasible".
    seconds : float
        Wall-clock time of the solve.
    nodes : int
        Branch-and-cut nodes whose relaxation was solved.
    """

    name: str
    n: int
    energy: float
    bound: float
    spins: SpinArray
    status: Status
    seconds: float
    nodes: int = 0

    @property
    def gap(self) -> float:
        """``energy - bound``, never negative."""
        return self.energy - self.bound

    def with_configuration(self, model: IsingModel, spins: SpinArray) -> Solution:
        """The same bound with another configuration of `model`, if that one is better."""
        energy = float(model.energy(spins))
        if energy >= self.energy:
            return self
        # The bound holds for real numbers; a float64 energy may lie below it by a rounding error.
        bound = min(self.bound, energy)
        kept = np.array(spins, dtype=np.int8)
        kept.setflags(write=False)
        return replace(self, energy=energy, bound=bound, spins=kept, status=status_of(energy, bound, model.scale))
