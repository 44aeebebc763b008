"""Putative ground states by replica exchange with isoenergetic cluster moves: the reference where nothing is proven.

Several runs that share nothing but the instance each spend the whole stated budget; how many of them end at the same
lowest energy says how much it can be trusted. That is evidence and never a proof: the status is always "putative".
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IsingModel, SpinArray
from annealrl.simulator import ReplicaSimulator, instance_seeds

RUNS = 4
SWEEPS = 2000
"""Independent runs, and sweeps of each of their replicas, unless a budget is stated."""

_FROZEN, _QUENCH = 1e3, 20
"""The quench: its β in units of the ladder's coldest, and its sweeps."""
_AGREEMENT = 1e-9
"""Energies that differ by less, in units of ``model.scale``, are the same."""


@dataclass(frozen=True)
class Ladder:
    """Temperatures of a run and how its replicas meet; ``scripts/reference_ladders.py`` compares some.

    Attributes
    ----------
    hot, cold : float
        Ends of the geometric ladder of inverse temperatures, in units of 1/σ with σ² = (Σ J² + Σ h²)/N.
    temperatures : int
    copies : int
        Ladders in a run, two at least; clusters are turned between replicas of one temperature.
    every : int
        Sweeps between two rounds of cluster moves and exchanges.
    """

    hot: float = 0.5
    cold: float = 5.0
    temperatures: int = 32
    copies: int = 2
    every: int = 5

    def betas(self, model: IsingModel) -> FloatArray:
        """Inverse temperatures for `model`, shape (temperatures,)."""
        return np.asarray(np.geomspace(self.hot, self.cold, self.temperatures) / _energy_scale(model))


@dataclass(frozen=True, eq=False)
class Reference:
    """The lowest configuration that a stated budget found; nothing is proven of it.

    Attributes
    ----------
    name : str
        Name of the model.
    n : int
        Number of spins.
    energy : float
        ``H(spins)``, recomputed in float64 with the model's own couplings, fields and offset.
    bound : float
        NaN: there is none.
    spins : int8 array, shape (n,)
        The best configuration found, read-only.
    status : {"putative"}
    seconds : float
        Wall-clock time.
    runs, agreed : int
        Independent runs, and those of them that found `energy` (within 1e-9 of ``model.scale``).
    sweeps, replicas : int
        Sweeps of each replica of a run (those of the final quench not counted), and replicas of a run.
    seed : int
    run_energies : float64 array, shape (runs,)
        Lowest energy of each run.
    attempted_updates : int
        Flips, exchanges and spins turned in clusters that were tried, over all runs.
    """

    name: str
    n: int
    energy: float
    spins: SpinArray
    seconds: float
    runs: int
    agreed: int
    sweeps: int
    replicas: int
    seed: int
    run_energies: FloatArray = field(repr=False)
    attempted_updates: int
    bound: float = float("nan")
    status: Literal["putative"] = "putative"

    def to_json(self) -> dict[str, float | int | str]:
        """The stated budget and what came of it; without the configuration."""
        keys = ("energy", "status", "runs", "agreed", "sweeps", "replicas", "seed", "attempted_updates", "seconds")
        return {key: getattr(self, key) for key in keys}


def reference(
    model: IsingModel,
    *,
    sweeps: int = SWEEPS,
    runs: int = RUNS,
    seed: int = 0,
    ladder: Ladder | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Reference:
    """Find a putative ground state by independent runs of tempering with isoenergetic cluster moves.

    Unless another ladder is given, every run has 32 temperatures, geometric from β = 0.5/σ to 5/σ, in two copies, and
    exchanges and cluster moves follow every fifth sweep. The lowest configuration of every replica is quenched in the
    end. The same arguments give the same result for any number of threads.

    Parameters
    ----------
    model : IsingModel
        Fields are allowed.
    sweeps : int
        Sweeps of each replica.
    runs : int
        Independent runs.
    seed : int
        Run r uses child r of it.
    ladder : Ladder, optional
    threads : int, optional
        Threads over runs; all available cores by default.
    progress : callable, optional
        Called with (sweeps done, sweeps).

    Raises
    ------
    InputError
        If the budget is not positive.

    References
    ----------
    K. Hukushima, K. Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996); Z. Zhu, A. J. Ochoa, H. G. Katzgraber, Phys. Rev. Lett.
    115, 077201 (2015).

    Examples
    --------
    >>> triangle = IsingModel.from_edges([(0, 1), (1, 2), (0, 2)], couplings=-1.0)
    >>> found = reference(triangle, sweeps=20, runs=2)
    >>> found.energy, found.status, found.agreed
    (-1.0, 'putative', 2)
    """
    for key, value in (("sweeps", sweeps), ("runs", runs)):
        if value < 1:
            raise InputError(f"reference: {key} is {value}; at least 1 is expected")
    started = time.perf_counter()
    ladder = ladder or Ladder()
    betas = ladder.betas(model)
    simulator = ReplicaSimulator([model] * runs, ladder.temperatures * ladder.copies, seed=seed, threads=threads)
    tempering = simulator.tempering(betas, ladder.copies, every=ladder.every, clusters=True)
    part = max(1, sweeps // 50) if progress else sweeps
    for done in range(0, sweeps, part):
        tempering.advance(min(part, sweeps - done))
        if progress:
            progress(min(done + part, sweeps), sweeps)
    attempted = simulator.attempted + tempering.attempted
    energies, best = _quench(simulator, betas[-1], seed)
    winner = int(np.argmin(energies))
    spins = best[winner]
    spins.setflags(write=False)
    energy = float(model.energy(spins))
    return Reference(
        name=model.name,
        n=model.n,
        energy=energy,
        spins=spins,
        seconds=time.perf_counter() - started,
        runs=runs,
        agreed=int(np.count_nonzero(energies <= energy + _AGREEMENT * model.scale)),
        sweeps=sweeps,
        replicas=simulator.replicas,
        seed=seed,
        run_energies=energies,
        attempted_updates=attempted,
    )


def _energy_scale(model: IsingModel) -> float:
    """σ, fields included; 1 where there is nothing but zeros."""
    values = np.concatenate([model.couplings, model.fields])
    largest = float(np.abs(values).max(initial=0.0))
    # Divided first: squares of very large or small couplings leave the range of float64.
    return largest * float(np.sqrt(((values / largest) ** 2).sum() / model.n)) if largest else 1.0


def _quench(simulator: ReplicaSimulator, beta: float, seed: int) -> tuple[FloatArray, SpinArray]:
    """Quench each replica's lowest configuration; lowest energy (runs,) and its configuration (runs, n) of each run."""
    runs = range(len(simulator))
    starts = [simulator.best_spins(run) for run in runs]
    simulator.load(
        runs, simulator.models, instance_seeds(np.random.SeedSequence(seed, spawn_key=(len(runs),)), len(runs)), starts
    )
    simulator.advance(_FROZEN * beta, _QUENCH)
    lowest = [simulator.lowest(run) for run in runs]
    return np.array([energy for energy, _ in lowest]), np.stack([spins for _, spins in lowest])
