"""What a solver hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from annealrl.ising import SpinArray

Status = Literal["optimal", "feasible"]


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
