"""What an agent sees: the paper's raw spins, or a few statistics of the replicas."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.ising import FloatArray
from annealrl.registry import unknown
from annealrl.simulator import ReplicaSimulator


@dataclass(frozen=True)
class Snapshot:
    """The state of a batch between two steps.

    Attributes
    ----------
    simulator : ReplicaSimulator
    progress : float
        Fraction of the episode that has passed.
    beta, previous_mean, acceptance : float64 array, shape (B,)
        Current inverse temperature; mean energy one step ago; acceptance ratio of the last step.
    """

    simulator: ReplicaSimulator
    progress: float
    beta: FloatArray
    previous_mean: FloatArray
    acceptance: FloatArray


_TINY = 1e-6
#: Features are cut here, so that their space has finite bounds.
LIMIT = 1e6


def _time(now: Snapshot) -> list[FloatArray]:
    return [np.full(len(now.simulator), 1.0 - now.progress)]


def _beta(now: Snapshot) -> list[FloatArray]:
    return [np.log(now.beta + 0.01)]


def _energy(now: Snapshot) -> list[FloatArray]:
    energies, n = now.simulator.energies, now.simulator.sizes
    mean, std, low = energies.mean(axis=1), energies.std(axis=1), energies.min(axis=1)
    best = now.simulator.best_energies.min(axis=1)
    return [
        mean / n,
        low / n,
        np.log(std / np.sqrt(n) + _TINY),
        now.beta * std / np.sqrt(n),
        (mean - low) / (std + _TINY),
        (low - best) / (std + _TINY),
        (now.previous_mean - mean) / (std + _TINY),
    ]


def _overlap(now: Snapshot) -> list[FloatArray]:
    counts = now.simulator.overlap_histogram()
    pairs = np.maximum(1, counts.sum(axis=1))
    q = 1.0 - 2.0 * np.arange(counts.shape[1])[None, :] / now.simulator.sizes[:, None]
    q = np.clip(q, -1.0, 1.0)  # padding beyond an instance's own size holds no pairs
    absolute = (counts * np.abs(q)).sum(axis=1) / pairs
    square = (counts * q**2).sum(axis=1) / pairs
    return [absolute, square, (counts * (np.abs(q) > 0.9)).sum(axis=1) / pairs]


def _acceptance(now: Snapshot) -> list[FloatArray]:
    return [now.acceptance]


#: Groups of features, each with its names; every one can be switched off.
FEATURES: Mapping[str, tuple[tuple[str, ...], Callable[[Snapshot], list[FloatArray]]]] = {
    "time": (("time_left",), _time),
    "beta": (("log_beta",), _beta),
    "energy": (
        (
            "mean_energy_per_spin",
            "lowest_energy_per_spin",
            "log_energy_spread",
            "beta_times_spread",
            "lowest_in_spreads",
            "loss_of_best_in_spreads",
            "drop_of_mean_in_spreads",
        ),
        _energy,
    ),
    "overlap": (("mean_absolute_overlap", "mean_square_overlap", "fraction_above_0.9"), _overlap),
    "acceptance": (("acceptance_ratio",), _acceptance),
}


class FeatureObservation:
    """Statistics of the replicas, float32, shape (features,).

    Parameters
    ----------
    groups : sequence of str
        Any of ``time``, ``beta``, ``energy``, ``overlap``, ``acceptance``.
    """

    def __init__(self, groups: tuple[str, ...] = tuple(FEATURES)) -> None:
        if not groups:
            raise InputError("features: at least one group is needed")
        for group in groups:
            if group not in FEATURES:
                raise unknown("feature group", group, FEATURES)
        self.groups = tuple(groups)
        self.names = tuple(name for group in self.groups for name in FEATURES[group][0])

    def space(self, replicas: int, sites: int) -> gym.spaces.Box:
        """The space of one environment."""
        return gym.spaces.Box(-LIMIT, LIMIT, (len(self.names),), np.float32)

    def __call__(self, now: Snapshot) -> npt.NDArray[np.float32]:
        """Observe all environments, shape (B, features)."""
        columns = [column for group in self.groups for column in FEATURES[group][1](now)]
        return np.clip(np.stack(columns, axis=1), -LIMIT, LIMIT).astype(np.float32)


class SpinObservation:
    """The paper's observation: all spins, int8 ±1, shape (R, n); 0 beyond an instance's own size."""

    def space(self, replicas: int, sites: int) -> gym.spaces.Box:
        """The space of one environment."""
        return gym.spaces.Box(-1, 1, (replicas, sites), np.int8)

    def __call__(self, now: Snapshot) -> npt.NDArray[np.int8]:
        """Observe all environments, shape (B, R, n)."""
        return now.simulator.all_spins()


Observation = FeatureObservation | SpinObservation


def make_observation(kind: str, groups: tuple[str, ...] | None) -> Observation:
    """Resolve the environment's options ``observation`` and ``features``."""
    if kind == "spins":
        return SpinObservation()
    if kind == "features":
        return FeatureObservation(tuple(FEATURES) if groups is None else tuple(groups))
    raise unknown("observation", kind, ("spins", "features"))
