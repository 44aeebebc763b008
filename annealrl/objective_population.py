"""Population annealing of designs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray

if TYPE_CHECKING:
    from annealrl.objective_simulator import ObjectiveSimulator


class DesignPopulation:
    """The replicas of each instance as a population; as :class:`annealrl.moves.Population`, on driving energies."""

    def __init__(self, simulator: ObjectiveSimulator) -> None:
        self._simulator = simulator
        self.families: IntArray = np.zeros((len(simulator), simulator.replicas), np.int64)
        self.weighed = 0
        self.reset()

    def reset(self, instances: npt.ArrayLike | None = None) -> None:
        """Make every replica the founder of its own family again."""
        chosen = slice(None) if instances is None else np.asarray(instances, dtype=np.intp)
        self.families[chosen] = np.arange(self._simulator.replicas)

    def resample(self, delta_beta: npt.ArrayLike, alpha: npt.ArrayLike = 1.0) -> FloatArray:
        """Replace the replicas by copies in proportion to exp(-alpha·Δβ·E), systematically.

        Returns the log of the mean weight, shape (B,). A survivor keeps its place and so its random numbers.
        """
        s = self._simulator
        exponents = np.asarray(delta_beta, dtype=np.float64) * np.asarray(alpha, dtype=np.float64)
        if exponents.shape not in ((), (1,), (len(s),)) or not np.isfinite(exponents).all():
            raise InputError(
                f"resample: alpha·Δβ has shape {exponents.shape}; finite numbers, one or {len(s)}, expected"
            )
        exponents = np.broadcast_to(exponents, (len(s),))
        log_means = np.zeros(len(s))
        for b in np.flatnonzero(exponents):
            logs = -exponents[b] * s.driven[b]
            weights = np.exp(logs - logs.max())
            log_means[b] = logs.max() + np.log(weights.mean())
            self._place(int(b), _copies(weights, s._move_rngs[b].random()))
        self.weighed += s.replicas * int(np.count_nonzero(exponents))
        return log_means

    def _place(self, b: int, copies: IntArray) -> None:
        s = self._simulator
        source = np.arange(s.replicas)
        source[copies == 0] = np.repeat(source, np.maximum(copies - 1, 0))
        for array in (s._designs[b], s.energies[b], s.driven[b], self.families[b]):
            array[:] = array[source]
        s.track_best(b)


def _copies(weights: FloatArray, shift: float) -> IntArray:
    """How often each replica is kept: numbers that differ from their expectation by less than 1 and add up to R."""
    expected = np.cumsum(weights) / weights.sum() * len(weights)
    expected[-1] = len(weights)
    copies: IntArray = np.diff(np.floor(expected + shift), prepend=np.floor(shift)).astype(np.int64)
    return copies
