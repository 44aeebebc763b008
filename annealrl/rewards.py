"""Rewards of an episode, given at its end alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from annealrl.errors import InputError
from annealrl.family import Problem
from annealrl.ising import FloatArray

#: How many of the best replicas the soft minimum averages.
SOFT_REPLICAS = 8
#: Residuals below this count as this under a logarithm.
_SMALLEST_RESIDUAL = 1e-9


@dataclass(frozen=True)
class EpisodeEnd:
    """What a reward may look at.

    Attributes
    ----------
    energies : float64 array, shape (B, R)
        Every replica's final energy, or its lowest since the start under ``criterion="best"``.
    ground_energies : float64 array, shape (B,)
        NaN where unknown.
    sizes : float64 array, shape (B,)
        What energies are divided by: numbers of spins, or :attr:`~annealrl.objective.Objective.extent`.
    scales : float64 array, shape (B,), or 1
        The instances' energy scales σ.
    """

    energies: FloatArray
    ground_energies: FloatArray
    sizes: FloatArray
    scales: FloatArray | float = 1.0


Reward = Callable[[EpisodeEnd], FloatArray]


def minimum_energy(end: EpisodeEnd) -> FloatArray:
    """``-min_r H``, the reward of Mills, Ronagh and Tamblyn, Nat. Mach. Intell. 2, 509 (2020)."""
    return np.asarray(-end.energies.min(axis=1))


def residual(end: EpisodeEnd) -> FloatArray:
    """``-(min_r H - E_0) / n``: free of the instances' own ground energies, which vary far more than schedules do."""
    return np.asarray((end.ground_energies - end.energies.min(axis=1)) / end.sizes)


def log_residual(end: EpisodeEnd) -> FloatArray:
    """``-ln((min_r H - E_0) / n)``: for designs, whose energies span decades above the lowest."""
    return np.asarray(-np.log(np.maximum(-residual(end), _SMALLEST_RESIDUAL)))


def soft_minimum(end: EpisodeEnd) -> FloatArray:
    """``-(min_r H + mean of the best eight H) / 2n``: less luck in it than in the minimum alone."""
    best = np.sort(end.energies, axis=1)[:, :SOFT_REPLICAS]
    return np.asarray(-(best[:, 0] + best.mean(axis=1)) / (2 * end.sizes))


def scaled_soft_minimum(end: EpisodeEnd) -> FloatArray:
    """:func:`soft_minimum` over σ, so that instances of all energy scales weigh the same in training."""
    return np.asarray(soft_minimum(end) / end.scales)


REWARDS: Mapping[str, Reward] = {
    "log_residual": log_residual,
    "minimum_energy": minimum_energy,
    "residual": residual,
    "scaled_soft_minimum": scaled_soft_minimum,
    "soft_minimum": soft_minimum,
}


def energy_scales(models: Sequence[Problem]) -> FloatArray:
    """σ of each instance, shape (B,); NaN where it has no coupling and so none, which other rewards need not know."""
    return np.array([_energy_scale(model) for model in models])


def _energy_scale(model: Problem) -> float:
    try:
        return model.energy_scale
    except InputError:
        return float("nan")
