"""What an agent sees: raw configurations, a few statistics of the replicas, or these beside what each site does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from annealrl.drive import Drive
from annealrl.errors import InputError
from annealrl.family import Family, Simulator
from annealrl.ising import FloatArray
from annealrl.registry import unknown

#: Features are cut here, so that their space has finite bounds.
LIMIT = 1e6
_TINY = 1e-6


@dataclass(frozen=True)
class Snapshot:
    """The state of a batch between two steps.

    Attributes
    ----------
    drive : Drive
        With the simulator, the current inverse temperature and further controls.
    progress : float
        Fraction of the episode that has passed.
    previous_mean, acceptance : float64 array, shape (B,)
        Mean energy at the look before this one, as a rule one step ago; acceptance ratio of the last step.
    best : float64 array, shape (B,)
        Lowest energy that was seen so far.
    age : float64 array, shape (B,)
        Steps since the last look.
    """

    drive: Drive
    progress: float
    previous_mean: FloatArray
    acceptance: FloatArray
    best: FloatArray
    age: FloatArray

    @property
    def simulator(self) -> Simulator:
        """The replicas."""
        return self.drive.simulator


@dataclass(frozen=True)
class FeatureGroup:
    """Some statistics that are switched on and off together.

    Attributes
    ----------
    names : callable
        Number of spins or coordinates → names of the columns.
    columns : callable
        Snapshot → one float64 array, shape (B,), for each name.
    designs : bool, optional
        Whether it is for objectives (True), Ising models (False) or both (None).
    measured : bool
        Whether it takes a look at the replicas; the rest is known to whoever controls them.
    of_ladder : bool
        Whether there must be a ladder of temperatures.
    """

    names: Callable[[int], tuple[str, ...]]
    columns: Callable[[Snapshot], list[FloatArray]]
    designs: bool | None = None
    measured: bool = True
    of_ladder: bool = False

    def serves(self, family: Family) -> bool:
        """Whether it means something for a family."""
        return self.designs is None or self.designs == ("designs" in family.observations)


def _time(now: Snapshot) -> list[FloatArray]:
    return [np.full(len(now.simulator), 1.0 - now.progress)]


def _beta(now: Snapshot) -> list[FloatArray]:
    return [np.log(now.drive.beta + 0.01)]


def _temperature(now: Snapshot) -> list[FloatArray]:
    scales = np.array([model.energy_scale for model in now.simulator.models])
    return [np.log(now.drive.beta * scales + 1e-3)]


def _age(now: Snapshot) -> list[FloatArray]:
    return [np.log1p(now.age)]


def _energy(now: Snapshot) -> list[FloatArray]:
    energies, n = now.simulator.energies, now.simulator.extents
    return [
        energies.mean(axis=1) / n,
        energies.min(axis=1) / n,
        np.log(energies.std(axis=1) / np.sqrt(n) + _TINY),
        *_in_spreads(now, _TINY),
    ]


def _relative_energy(now: Snapshot) -> list[FloatArray]:
    # A millionth of the spread of random replicas, so that a factor on all energies changes nothing.
    return _in_spreads(now, np.array([_TINY * max(model.energy_spread, 1e-300) for model in now.simulator.models]))


def _in_spreads(now: Snapshot, tiny: FloatArray | float) -> list[FloatArray]:
    energies, n = now.simulator.energies, now.simulator.extents
    mean, std, low = energies.mean(axis=1), energies.std(axis=1), energies.min(axis=1)
    return [
        now.drive.beta * std / np.sqrt(n),
        (mean - low) / (std + tiny),
        (low - now.best) / (std + tiny),
        (now.previous_mean - mean) / (std + tiny),
    ]


def _per_spin(now: Snapshot) -> list[FloatArray]:
    energies, n = now.simulator.energies, now.simulator.extents
    mean, std = energies.mean(axis=1), energies.std(axis=1)
    return [
        mean / n,
        np.log(std / np.sqrt(n) + _TINY),
        now.drive.beta * std / np.sqrt(n),
        (mean - energies.min(axis=1)) / (std + _TINY),
        (now.previous_mean - mean) / n,
    ]


def _links(now: Snapshot) -> list[FloatArray]:
    present, links = cast(Any, now.simulator).stars()[:, [0, 3]].astype(np.float64).swapaxes(0, 1)
    sites = present.sum(axis=1)
    mean = (present * links).sum(axis=1) / sites
    return [mean, np.sqrt((present * (links - mean[:, None]) ** 2).sum(axis=1) / sites)]


def _overlap(now: Snapshot) -> list[FloatArray]:
    simulator = cast(Any, now.simulator)
    counts = simulator.overlap_histogram()
    pairs = np.maximum(1, counts.sum(axis=1))
    q = 1.0 - 2.0 * np.arange(counts.shape[1])[None, :] / now.simulator.sizes[:, None]
    q = np.clip(q, -1.0, 1.0)  # padding beyond an instance's own size holds no pairs
    absolute = (counts * np.abs(q)).sum(axis=1) / pairs
    square = (counts * q**2).sum(axis=1) / pairs
    return [absolute, square, (counts * (np.abs(q) > 0.9)).sum(axis=1) / pairs]


def _acceptance(now: Snapshot) -> list[FloatArray]:
    return [now.acceptance]


def _log_acceptance(now: Snapshot) -> list[FloatArray]:
    # Over a cold episode the ratio spans decades, of which the ratio itself shows the first alone.
    return [np.log(now.acceptance + 1e-4)]


def _step_size(now: Snapshot) -> list[FloatArray]:
    return [np.log(cast(Any, now.simulator).step_size)]


def _spread(now: Snapshot) -> list[FloatArray]:
    spreads = cast(Any, now.simulator).spreads()
    return [np.nanmean(spreads, axis=1), np.nanmin(spreads, axis=1), np.nanmax(spreads, axis=1)]


def _coordinate_spread(now: Snapshot) -> list[FloatArray]:
    return list(np.nan_to_num(cast(Any, now.simulator).spreads()).T)


def _budget(now: Snapshot) -> list[FloatArray]:
    return [1.0 - now.drive.spent / now.drive.budget]


def _ladder(now: Snapshot) -> list[FloatArray]:
    rounds = now.drive.rounds
    assert rounds is not None
    rates, cold = rounds.rates(), rounds.cold_energies()
    n = now.simulator.extents
    energies = [cold.mean(axis=1) / n, now.drive.beta * cold.std(axis=1) / np.sqrt(n)]
    return [rounds.log_width(), np.log(rounds.bend), rates.mean(axis=1), rates.min(axis=1), *energies]


def _named(*names: str) -> Callable[[int], tuple[str, ...]]:
    return lambda sites: names


_IN_SPREADS = ("beta_times_spread", "lowest_in_spreads", "loss_of_best_in_spreads", "drop_of_mean_in_spreads")

#: Groups of features; every one can be switched off. All but ``time``, ``overlap``, ``links``, ``acceptance``,
#: ``log_acceptance`` and ``relative_energy`` depend on the unit of energy.
FEATURES: Mapping[str, FeatureGroup] = {
    "time": FeatureGroup(_named("time_left"), _time, measured=False),
    "beta": FeatureGroup(_named("log_beta"), _beta, measured=False),
    "temperature": FeatureGroup(_named("log_beta_times_scale"), _temperature, measured=False),
    "age": FeatureGroup(_named("log_age_of_observation"), _age, measured=False),
    "energy": FeatureGroup(
        _named("mean_energy_per_spin", "lowest_energy_per_spin", "log_energy_spread", *_IN_SPREADS), _energy
    ),
    "relative_energy": FeatureGroup(_named(*_IN_SPREADS), _relative_energy),
    # Those of "energy" that tend to a limit in large systems: a sum over n spins over its fluctuation, √n, does not.
    "per_spin": FeatureGroup(
        _named(
            "mean_energy_per_spin",
            "log_energy_spread",
            "beta_times_spread",
            "lowest_in_spreads",
            "drop_of_mean_per_spin",
        ),
        _per_spin,
    ),
    # Overlaps of whole configurations depend on the size as well; of bonds they do not.
    "links": FeatureGroup(_named("mean_link_overlap", "spread_of_link_overlap"), _links, designs=False),
    "overlap": FeatureGroup(
        _named("mean_absolute_overlap", "mean_square_overlap", "fraction_above_0.9"), _overlap, designs=False
    ),
    "budget": FeatureGroup(_named("sweeps_left"), _budget, measured=False),
    "ladder": FeatureGroup(
        _named(
            "log_ladder_width",
            "log_ladder_bend",
            "mean_exchange_rate",
            "lowest_exchange_rate",
            "mean_cold_energy_per_spin",
            "beta_times_cold_spread",
        ),
        _ladder,
        designs=False,
        of_ladder=True,
    ),
    "acceptance": FeatureGroup(_named("acceptance_ratio"), _acceptance),
    "log_acceptance": FeatureGroup(_named("log_acceptance_ratio"), _log_acceptance),
    "step_size": FeatureGroup(_named("log_step_size"), _step_size, designs=True, measured=False),
    "spread": FeatureGroup(_named("mean_spread", "smallest_spread", "largest_spread"), _spread, designs=True),
    "coordinate_spread": FeatureGroup(
        lambda sites: tuple(f"spread_{i}" for i in range(sites)), _coordinate_spread, designs=True
    ),
}


class FeatureObservation:
    """Statistics of the replicas, float32, shape (features,).

    Parameters
    ----------
    groups : sequence of str
        Any of :data:`FEATURES` that the family knows.
    sites : int
        Number of spins or coordinates.
    """

    def __init__(self, groups: tuple[str, ...], sites: int) -> None:
        self.groups = tuple(groups)
        self.names = tuple(name for group in self.groups for name in FEATURES[group].names(sites))
        widths = [len(FEATURES[group].names(sites)) for group in self.groups]
        #: Which columns take a look at the replicas, shape (features,).
        self.measured = np.repeat([FEATURES[group].measured for group in self.groups], widths)

    def space(self, replicas: int, sites: int) -> gym.spaces.Box:
        """The space of one environment."""
        return gym.spaces.Box(-LIMIT, LIMIT, (len(self.names),), np.float32)

    def __call__(self, now: Snapshot) -> npt.NDArray[np.float32]:
        """Observe all environments, shape (B, features)."""
        columns = [column for group in self.groups for column in FEATURES[group].columns(now)]
        return np.clip(np.stack(columns, axis=1), -LIMIT, LIMIT).astype(np.float32)

    def known(self, now: Snapshot) -> npt.NDArray[np.float32]:
        """The columns that take no look, shape (B, features); 0 in the others."""
        result = np.zeros((len(now.simulator), len(self.names)), np.float32)
        groups = [FEATURES[group] for group in self.groups if not FEATURES[group].measured]
        if groups:
            columns = [column for group in groups for column in group.columns(now)]
            result[:, ~self.measured] = np.clip(np.stack(columns, axis=1), -LIMIT, LIMIT)
        return result


class TileObservation(FeatureObservation):
    """Statistics of the replicas beside those around each site, float32, shape (rows, n): an image for shared tiles.

    The first rows say what the replicas do around each site (:data:`TILES`, the first being 1 at every site); the
    others are those of :class:`FeatureObservation`, the same at every site. Beyond an instance's own size all is 0. A
    gauge transformation (any set of spins and all their couplings turned) changes nothing, nor does renumbering the
    replicas, and no row grows with the number of sites or of replicas if `groups` are chosen so.
    """

    def __init__(self, groups: tuple[str, ...], sites: int) -> None:
        super().__init__(groups, sites)
        self.names = (*TILES, *self.names)

    def space(self, replicas: int, sites: int) -> gym.spaces.Box:
        """The space of one environment."""
        return gym.spaces.Box(-LIMIT, LIMIT, (len(self.names), sites), np.float32)

    def __call__(self, now: Snapshot) -> npt.NDArray[np.float32]:
        """Observe all environments, shape (B, rows, n)."""
        stars: npt.NDArray[np.float32] = cast(Any, now.simulator).stars()
        present = stars[:, :1]
        stars[:, 4] = present[:, 0] * np.log(now.drive.beta[:, None] * stars[:, 4] + 1e-3)
        shared = super().__call__(now)[:, :, None] * present
        seen: npt.NDArray[np.float32] = np.clip(np.concatenate([stars, shared], axis=1), -LIMIT, LIMIT)
        return seen.astype(np.float32, copy=False)


#: Rows of :class:`TileObservation` that differ from site to site: whether there is one; mean and standard deviation
#: over the replicas of how well it is satisfied, s_i (Σ_k J_ik s_k + h_i)/a with a = Σ_k |J_ik| + |h_i|; link overlap,
#: the mean over its bonds and pairs of replicas; log βa.
TILES = ("present", "satisfaction", "spread_of_satisfaction", "link_overlap", "log_beta_times_couplings")


class SpinObservation:
    """The paper's observation: all spins, int8 ±1, shape (R, n); 0 beyond an instance's own size."""

    def space(self, replicas: int, sites: int) -> gym.spaces.Box:
        """The space of one environment."""
        return gym.spaces.Box(-1, 1, (replicas, sites), np.int8)

    def __call__(self, now: Snapshot) -> npt.NDArray[np.int8]:
        """Observe all environments, shape (B, R, n)."""
        spins: npt.NDArray[np.int8] = cast(Any, now.simulator).all_spins()
        return spins


class DesignObservation:
    """All designs, float32, each coordinate's range mapped to [-1, 1], shape (R, n); 0 beyond an instance's own."""

    def space(self, replicas: int, sites: int) -> gym.spaces.Box:
        """The space of one environment."""
        return gym.spaces.Box(-1.0, 1.0, (replicas, sites), np.float32)

    def __call__(self, now: Snapshot) -> npt.NDArray[np.float32]:
        """Observe all environments, shape (B, R, n)."""
        designs: FloatArray = cast(Any, now.simulator).scaled_designs()
        return designs.astype(np.float32)


Observation = FeatureObservation | SpinObservation | DesignObservation

#: Observations that hold groups of :data:`FEATURES`.
WITH_FEATURES = ("features", "tiles")
#: The groups beside ``tiles`` by default: none of them grows with the size.
SIZE_FREE = ("time", "beta", "per_spin", "acceptance")


def make_observation(kind: str, groups: tuple[str, ...] | None, sites: int) -> Observation:
    """Resolve the environment's options ``observation`` and ``features``."""
    if kind == "spins":
        return SpinObservation()
    if kind == "designs":
        return DesignObservation()
    if kind in WITH_FEATURES:
        if not groups:
            raise InputError("features: at least one group is needed")
        return (FeatureObservation if kind == "features" else TileObservation)(groups, sites)
    raise unknown("observation", kind, ("spins", "designs", *WITH_FEATURES))
