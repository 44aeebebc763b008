r"""Targeted energy sampling: configurations of chosen energies, and sets that hold as many of every energy.

Canonical samples crowd around one energy; a network that is to learn energies wants them all. A chain of single flips
seeks a target energy, and three phases fill bins of energy: discovery (the ends and the middle), sweep (10 and then 100
targets from end to end), filling (the centre of every bin that is partly filled, twice as long each time, until every
bin is full or has stopped growing). K. Mills, PhD thesis, Ontario Tech University (2021), appendix B.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray, IsingModel
from annealrl.registry import unknown

Rule = Literal["repaired", "printed"]
RULES: tuple[Rule, ...] = ("printed", "repaired")

#: Of the thesis: kT of discovery, and of the other phases; seeds of discovery; targets of the two sweeps.
_HOT, _COLD, _SEEDS, _SWEEPS = 0.1, 0.01, 4, (10, 100)
#: Sweeps of a chain in discovery and for each target of a sweep, and of the first filling.
_LENGTH = 200
#: Fillings of a bin, each twice as long; one that adds nothing `_PATIENCE` times in a row is given up.
_FILLINGS, _PATIENCE = 14, 4


@dataclass(frozen=True)
class EnergyDataset:
    """Configurations by energy.

    Attributes
    ----------
    edges : float64 array, shape (K + 1,)
        Of the bins, in energy per spin.
    spins : int8 array, shape (N, n)
        Sorted by bins.
    energies : float64 array, shape (N,)
        Per spin, the offset included.
    bins : int64 array, shape (N,)
        The bin of every configuration.
    counts : int64 array, shape (K,)
    proposals : int
        What it took.
    """

    edges: FloatArray
    spins: npt.NDArray[np.int8]
    energies: FloatArray
    bins: IntArray
    counts: IntArray
    proposals: int


class Chain:
    """A chain that goes from target to target.

    Parameters
    ----------
    model : IsingModel
    rule : {"repaired", "printed"}
        See :func:`annealrl.kernels.targeted.seek`. With the repaired rule kT is divided by the number of spins, so that
        it balances the entropy alike at all sizes; as printed it is not. The printed rule drifts: aimed at -1.3 a
        spin, the ferromagnet on 8×8 is found near -0.28.
    seed : int

    Attributes
    ----------
    spins : int8 array, shape (n,)
    proposals : int
        So far.
    """

    def __init__(self, model: IsingModel, rule: Rule = "repaired", seed: int = 0) -> None:
        if rule not in RULES:
            raise unknown("rule", rule, RULES)
        self.model, self.rule = model, rule
        stream = np.random.SeedSequence(seed)
        self.spins = np.random.default_rng(stream).choice(np.array([-1, 1], np.int8), model.n)
        self._counter = stream.generate_state(1, np.uint64)
        neighbours, couplings = model.padded
        self._table = (neighbours, couplings, model.fields.copy(), model.degrees.astype(np.int32))
        self.proposals = 0

    def seek(self, target: float, sweeps: int, temperature: float, bins: Bins | None = None) -> tuple[float, float]:
        """Go on for `sweeps` sweeps; return the least and the largest energy per spin that was seen at their ends.

        Parameters
        ----------
        target, temperature : float
            Energy per spin, offset included, and kT.
        bins : Bins, optional
            Filled on the way.
        """
        low, high, _ = self._go(target, sweeps, temperature, bins)
        return low, high

    def mean_energy(self, target: float, sweeps: int, temperature: float) -> float:
        """Go on and return the mean energy per spin over the sweeps."""
        return self._go(target, sweeps, temperature, None)[2]

    def _go(self, target: float, sweeps: int, temperature: float, bins: Bins | None) -> tuple[float, float, float]:
        from annealrl.kernels import targeted

        if not temperature > 0 or sweeps < 1:
            raise InputError(f"targeted sampling: kT {temperature}, {sweeps} sweeps; positive numbers are expected")
        if not np.isfinite(target):
            raise InputError(f"targeted sampling: the target is {target}; a finite energy per spin is expected")
        n, shift = self.model.n, self.model.offset / self.model.n
        kept = bins if bins is not None else Bins(0.0, 1.0, 0, 0, n)
        reached = np.array([np.inf, -np.inf, 0.0, 0.0])
        targeted.seek(
            *self._table,
            float(self.model.energy(self.spins)) - self.model.offset,
            target - shift,
            temperature / n if self.rule == "repaired" else temperature,
            RULES.index(self.rule),
            sweeps * n,
            n,
            self.spins,
            self._counter,
            kept.low - shift,
            kept.width,
            kept.counts,
            kept.spins,
            kept.energies,
            reached,
        )
        self.proposals += sweeps * n
        return float(reached[0] + shift), float(reached[1] + shift), float(reached[2] / reached[3] + shift)


class Bins:
    """Room for `capacity` configurations in each of `count` bins of energy per spin from `low` to `high`."""

    def __init__(self, low: float, high: float, count: int, capacity: int, n: int) -> None:
        self.low, self.width = low, (high - low) / max(count, 1)
        self.counts: IntArray = np.zeros(count, np.int64)
        self.spins = np.zeros((count, capacity, n), np.int8)
        self.energies: FloatArray = np.zeros((count, capacity))

    @property
    def open(self) -> IntArray:
        """Bins that are neither empty nor full."""
        return np.flatnonzero((self.counts > 0) & (self.counts < self.spins.shape[1]))


def energy_dataset(
    model: IsingModel,
    bins: int = 100,
    capacity: int = 100,
    *,
    rule: Rule = "repaired",
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> EnergyDataset:
    """Build a set with up to `capacity` configurations in each of `bins` bins between the ends that discovery finds.

    Bins where no state was found (levels that do not exist) stay empty. Discovery is a short quench: the ends of a
    glass, its ground state above all, may lie beyond them.

    Parameters
    ----------
    progress : callable, optional
        Called with the phase, and configurations so far and wanted.

    Raises
    ------
    InputError
        If there is no bin, no capacity, or all energies are the same.
    """
    if bins < 1 or capacity < 1:
        raise InputError(f"targeted sampling: {bins} bins of {capacity}; at least 1 is expected")
    bound = float(np.abs(model.couplings).sum() + np.abs(model.fields).sum()) / model.n
    if not bound > 0:
        raise InputError(f"targeted sampling: {model.name or 'the model'} has one energy alone")
    middle = model.offset / model.n
    chains = [Chain(model, rule, seed + k) for k in range(_SEEDS)]

    def told(phase: str, kept: Bins | None) -> None:
        if progress is not None:
            progress(phase, 0 if kept is None else int(kept.counts.sum()), bins * capacity)

    ends = [
        chain.seek(target, _LENGTH, _HOT if phase == 0 else _COLD / _SEEDS)
        for phase in range(2)
        for target in (middle - bound, middle + bound, middle)
        for chain in chains
    ]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    told("discovery", None)
    kept = Bins(low, high, bins, capacity, model.n)
    for count in _SWEEPS:
        for k, target in enumerate(np.linspace(low, high, count)):
            chains[k % _SEEDS].seek(float(target), _LENGTH, _COLD, kept)
        told("sweep", kept)
    idle = np.zeros(bins, np.int64)
    for filling in range(_FILLINGS):
        waiting = [k for k in kept.open if idle[k] < _PATIENCE]
        if not waiting:
            break
        for k in waiting:
            before = kept.counts[k]
            centre = kept.low + (k + 0.5) * kept.width
            chains[int(k) % _SEEDS].seek(float(centre), _LENGTH << filling, _COLD, kept)
            idle[k] = 0 if kept.counts[k] > before else idle[k] + 1
        told("filling", kept)
    filled = [slice(0, int(count)) for count in kept.counts]
    return EnergyDataset(
        edges=np.asarray(low + kept.width * np.arange(bins + 1)),
        spins=np.concatenate([kept.spins[k, part] for k, part in enumerate(filled)]),
        energies=np.concatenate([kept.energies[k, part] for k, part in enumerate(filled)]) + middle,
        bins=np.repeat(np.arange(bins), kept.counts),
        counts=kept.counts,
        proposals=sum(chain.proposals for chain in chains),
    )
