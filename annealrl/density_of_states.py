"""How many configurations have which energy, and which magnetisation: Wang-Landau sampling of Ising models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray, IsingModel
from annealrl.parallel import available_cores, run_slices

#: Proposals between two calls of the progress function.
_CHUNK = 2_000_000
#: Tables with more cells than this are refused.
_MAX_CELLS = 1 << 24


@dataclass(frozen=True)
class DensityOfStates:
    """The estimate, normalised so that all configurations are 2**n.

    Attributes
    ----------
    energies : float64 array, shape (K,)
        Levels, or centres of bins.
    magnetisations : int64 array, shape (M,), or None
        Σs, where it was asked for.
    log_g : float64 array, shape (K,) or (K, M)
        ln g; -inf where no walker came.
    error : as `log_g`
        Standard error over the walkers; NaN for a single one.
    steps : int
        Proposals of every walker.
    """

    energies: FloatArray
    magnetisations: IntArray | None
    log_g: FloatArray
    error: FloatArray
    steps: int

    def average(self, quantity: npt.ArrayLike, beta: float) -> float:
        """Canonical mean at β of a quantity given on `energies`, shape (K,), or on energies and magnetisations."""
        values = np.asarray(quantity, np.float64)
        energies = self.energies if self.log_g.ndim == 1 else self.energies[:, None]
        weights = self.log_g - beta * energies
        weights = np.exp(weights - weights.max())
        if values.ndim < self.log_g.ndim:
            values = values[:, None]
        return float((weights * values).sum() / weights.sum())


def density_of_states(
    model: IsingModel,
    steps: int = 10_000_000,
    *,
    width: float | None = None,
    magnetisation: bool = False,
    walkers: int = 4,
    seed: int = 0,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> DensityOfStates:
    """Estimate the density of states by independent walkers, see :func:`annealrl.kernels.wang_landau.walk`.

    Parameters
    ----------
    steps : int
        Proposed flips of every walker; the error falls with their square root.
    width : float, optional
        Of the bins of energy; by default every level has its own, which takes couplings and fields that are multiples
        of one number.
    magnetisation : bool
        Resolve Σs too.
    walkers : int
        Their mean is the estimate, what they differ by its error.
    progress : callable, optional
        Called with proposals done and in all.

    Raises
    ------
    InputError
        If there is no common unit of the couplings and no width, or the table would be too large.
    """
    from annealrl.kernels import wang_landau

    if steps < 1 or walkers < 1:
        raise InputError(f"density of states: steps {steps}, walkers {walkers}; at least 1 is expected")
    if width is not None and not 0 < width < np.inf:
        raise InputError(f"density of states: width is {width}; a positive number is expected")
    spacing = _spacing(model) if width is None else width
    low = -float(np.abs(model.couplings).sum() + np.abs(model.fields).sum())
    if width is not None:
        low += 0.5 * width
    rows, columns = int(np.floor(-2 * low / spacing)) + 2, model.n + 1 if magnetisation else 1
    if rows * columns * walkers > _MAX_CELLS:
        raise InputError(f"density of states: {rows} × {columns} cells; a larger width is expected")
    neighbours, couplings = model.padded
    degrees, fields = model.degrees.astype(np.int32), model.fields.copy()
    log_g = np.zeros((walkers, rows, columns))
    visits = np.zeros((walkers, rows, columns), np.int64)
    control = np.tile([1.0, 0.0, 0.0, 0.0], (walkers, 1))
    streams = [np.random.SeedSequence(seed, spawn_key=(w,)) for w in range(walkers)]
    spins = np.stack([np.random.default_rng(s).choice(np.array([-1, 1], np.int8), model.n) for s in streams])
    counters = np.stack([s.generate_state(1, np.uint64) for s in streams])
    done = 0

    def work(first: int, last: int) -> None:
        for w in range(first, last):
            energy = float(model.energy(spins[w])) - model.offset
            table = (neighbours, couplings, fields, degrees, energy, low, spacing, int(magnetisation))
            wang_landau.walk(*table, spins[w], counters[w], log_g[w], visits[w], control[w], length)

    while done < steps:
        length = min(_CHUNK, steps - done)
        run_slices(work, walkers, threads if threads is not None else available_cores())
        done += length
        if progress is not None:
            progress(done, steps)
    return _estimate(model, log_g, low, spacing, magnetisation, steps)


def _estimate(
    model: IsingModel, log_g: FloatArray, low: float, spacing: float, magnetisation: bool, steps: int
) -> DensityOfStates:
    found = np.where(log_g > 0.0, log_g, -np.inf)
    top = found.max(axis=(1, 2), keepdims=True)
    total = top + np.log(np.exp(found - top).sum(axis=(1, 2), keepdims=True))
    found = found - total + model.n * np.log(2.0)
    seen = np.isfinite(found)
    count = seen.sum(axis=0)
    mean = np.where(seen, found, 0.0).sum(axis=0) / np.maximum(count, 1)
    squares = np.where(seen, (found - mean) ** 2, 0.0).sum(axis=0)
    error = np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1) / np.maximum(count, 1)), np.nan)
    mean = np.where(count > 0, mean, -np.inf)
    # Levels that nobody saw do not exist, as far as this can tell.
    rows, columns = (count > 0).any(axis=1), (count > 0).any(axis=0)
    energies: FloatArray = np.asarray(model.offset + low + spacing * np.flatnonzero(rows), np.float64)
    mean, error = mean[rows][:, columns], error[rows][:, columns]
    if not magnetisation:
        return DensityOfStates(energies, None, mean[:, 0], error[:, 0], steps)
    return DensityOfStates(energies, 2 * np.flatnonzero(columns) - model.n, mean, error, steps)


def _spacing(model: IsingModel) -> float:
    """Twice the largest number of which all couplings and fields are multiples: what a flip changes the energy by."""
    strengths = np.abs(np.concatenate([model.couplings, model.fields]))
    strengths = strengths[strengths > 0]
    if not len(strengths):
        return 1.0
    units = strengths / strengths.min()
    for divisor in range(1, 65):
        whole = np.round(units * divisor)
        if np.abs(units * divisor - whole).max() < 1e-9 * whole.max():
            return float(2 * strengths.min() / divisor * np.gcd.reduce(whole.astype(np.int64)))
    raise InputError("density of states: the couplings are no multiples of one number; give the width of the bins")
