"""What proposals are worth: errors of designs by the true simulator against true calls on the target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from annealrl.baselines.polish import Polished, polish
from annealrl.errors import InputError
from annealrl.inverse.dataset import Designs
from annealrl.ising import FloatArray
from annealrl.objective import Objective


@dataclass(frozen=True, eq=False)
class Trace:
    """Energies of a target at every true call, in their order.

    Attributes
    ----------
    energies : float64 array, shape (calls,)
    gradients : int
        How many of the calls also gave gradients.
    """

    energies: FloatArray
    gradients: int = 0

    def best(self, calls: int) -> FloatArray:
        """Lowest energy after 1 … `calls` calls, shape (calls,); the last one goes on where a method stopped."""
        lowest = np.minimum.accumulate(self.energies[:calls])
        return np.concatenate([lowest, np.full(calls - len(lowest), lowest[-1])])


def resimulate(model: Objective, points: FloatArray) -> Trace:
    """Proposals (fractions of ranges, shape (T, n)), each simulated once."""
    space = model.space
    return Trace(model.energies(space.low + points * (space.high - space.low)))


def descend_from(
    model: Objective, points: FloatArray, calls: int, *, each: int | None = 12, goal: float = 1e-9
) -> Trace:
    """Bounded least squares from points (shape (K, n)) in their order, `each` calls at most from one of them."""
    found = polish("lsq", model, points, calls, each=each, goal=goal)
    return Trace(found.values, len(found.values))


def descend_in_rounds(
    model: Objective, points: FloatArray, calls: int, *, block: int | None = None, goal: float = 1e-9
) -> Trace:
    """The energies of :func:`in_rounds` from all points, or from one block of them after another."""
    values, size = np.zeros(0), block or len(points)
    for k in range(0, len(points), size):
        values = np.append(values, in_rounds(model, points[k : k + size], calls - len(values), goal=goal).values)
        if len(values) >= calls or values.min() <= goal:
            break
    return Trace(values, len(values))


def in_rounds(
    model: Objective, points: FloatArray, calls: int, *, first: int = 4, each: int | None = 30, goal: float = 1e-9
) -> Polished:
    """Bounded least squares, `first` calls from each of the points, then on from where they came, the lowest first."""
    begun = [polish("lsq", model, [points[0]], min(first, calls), each=first, goal=goal)]
    values = begun[0].values
    for point in points[1:]:
        if len(values) >= calls or values.min() <= goal:
            break
        begun.append(polish("lsq", model, [point], min(first, calls - len(values)), each=first, goal=goal))
        values = np.concatenate([values, begun[-1].values])
    if len(values) < calls and values.min() > goal:
        ends = [found.best for found in sorted(begun, key=lambda found: float(found.values.min()))]
        begun.append(polish("lsq", model, ends, calls - len(values), each=each, goal=goal))
        values = np.concatenate([values, begun[-1].values])
    return Polished(min(begun, key=lambda found: float(found.values.min())).best, begun[-1].last, values)


def descend_at_random(
    model: Objective, kind: str, calls: int, *, seed: int, goal: float = 1e-9, tight: bool = False
) -> Trace:
    """``lsq`` or ``lbfgs`` from random starts, each until it has converged (`tight`: to its last digits)."""
    rng = np.random.default_rng(seed)

    def starts() -> Iterator[FloatArray]:
        while True:
            yield rng.random(model.n)

    found = polish(kind, model, starts(), calls, goal=goal, tight=tight)
    return Trace(found.values, len(found.values))


def nearest(data: Designs, target: FloatArray, count: int) -> FloatArray:
    """Designs of a training set whose spectra are nearest to a target, nearest first, shape (count, n).

    Raises
    ------
    InputError
        If the target has another number of wavelengths.
    """
    if target.shape != data.spectra.shape[1:]:
        raise InputError(f"inverse: a target of shape {target.shape}; {data.spectra.shape[1:]} is expected")
    # Squared distances less |target|², which changes no order.
    off = data.squares - 2 * (data.spectra @ target)
    return data.points[np.argsort(off, kind="stable")[:count]]


def r_curve(traces: Sequence[Trace], calls: int) -> FloatArray:
    """r_T for T = 1 … `calls`: the mean over targets of the lowest error within T true calls."""
    return np.asarray(np.mean([trace.best(calls) for trace in traces], axis=0))
