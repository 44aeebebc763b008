"""What chooses β step by step: static schedules, and heuristics that look at the replicas.

A controller holds the state of the batch of episodes it drives, so :class:`annealrl.baselines.schedule.ScheduleMethod`
works on a copy. Whatever it computes for an episode must depend on that episode alone: results may not depend on how
episodes are batched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from annealrl.errors import InputError
from annealrl.family import Simulator
from annealrl.ising import FloatArray
from annealrl.method import Budget
from annealrl.schedules import Schedule, coupling_scale

#: A step may not cool by more than this factor on the word of one measurement.
MAX_FACTOR = 4.0
#: Largest β that a heuristic may reach, in units of 1/σ-like energies: the point where nothing moves any more.
FROZEN = 1e6


@runtime_checkable
class Controller(Protocol):
    """Chooses the inverse temperature of every step of a batch of B episodes."""

    def begin(self, simulator: Simulator, budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> int:
        """Start a batch; return how many sweeps per replica were spent already, which the first steps then lack."""
        ...

    def beta(self, step: int, simulator: Simulator) -> FloatArray:
        """Inverse temperature ≥ 0 of the coming step, shape (B,); called once for each step, in order."""
        ...


@dataclass
class Static:
    """A schedule as a controller."""

    schedule: Schedule
    _table: FloatArray = field(init=False, repr=False, compare=False)

    def begin(self, simulator: Simulator, budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> int:
        """Tabulate β; nothing is spent."""
        self._table = self.schedule.table(simulator.models, budget.steps)
        return 0

    def beta(self, step: int, simulator: Simulator) -> FloatArray:
        """Shape (B,)."""
        return np.asarray(self._table[step])


@dataclass
class Kirkpatrick:
    """Geometric cooling from the temperature at which a given fraction of proposals is accepted.

    Kirkpatrick, Gelatt and Vecchi, Science 220, 671 (1983): heat until most flips are accepted (80 % here), then cool
    by a constant factor. The heating is a search by bisection in log β, a sweep a trial, from the bracket
    [0.01/σ, 10/σ], for each episode by itself. Its sweeps are paid for from the first step.

    Attributes
    ----------
    acceptance : float
        Accepted over proposed flips at the start, in (0, 1).
    ratio : float, optional
        T of a step over T of the step before, in (0, 1). By default the ratio with which the last temperature is
        0.9^39 = 1/61 of the first, which is Kirkpatrick's 0.9 for 40 steps.
    probes : int
        Trials of the search. There are fewer where they would take more than a quarter of all sweeps.
    """

    acceptance: float = 0.8
    ratio: float | None = None
    probes: int = 8
    _first: FloatArray = field(init=False, repr=False, compare=False)
    _ratio: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_open(self.acceptance, "kirkpatrick: acceptance")
        if self.ratio is not None:
            _check_open(self.ratio, "kirkpatrick: ratio")

    def begin(self, simulator: Simulator, budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> int:
        """Search the starting temperatures; returns the sweeps that took."""
        self._ratio = self.ratio if self.ratio is not None else 0.9 ** (39 / max(1, budget.steps - 1))
        sigma = np.array([coupling_scale(model) for model in simulator.models])
        low, high = np.log(0.01 / sigma), np.log(10 / sigma)
        probes = min(self.probes, budget.sweeps // 4)
        for _ in range(probes):
            middle = (low + high) / 2
            simulator.advance(np.exp(middle), 1)
            hot = simulator.acceptance_ratio(1) > self.acceptance
            low, high = np.where(hot, middle, low), np.where(hot, high, middle)
        self._first = np.exp((low + high) / 2)
        return probes

    def beta(self, step: int, simulator: Simulator) -> FloatArray:
        """Shape (B,)."""
        return np.asarray(self._first * self._ratio**-step)


@dataclass
class AdaptiveSpeed:
    r"""Constant thermodynamic speed: each step raises β by the same share of the energy's spread, Δβ ∝ 1/σ_E.

    Salamon, Nulton, Harland, Pedersen, Ruppeiner and Liao, Comput. Phys. Commun. 49, 423 (1988) and Andresen and
    Gordon, Phys. Rev. E 50, 4346 (1994) cool at :math:`dT/dt = -v T / (\epsilon \sqrt C)`, with C the heat capacity and
    ε the relaxation time; as :math:`C = \beta^2 \sigma_E^2` this is :math:`d\beta = v\, dt / (\epsilon \sigma_E)`.
    Here ε is constant, σ_E is the standard deviation of the replicas' energies after the last step, and
    :math:`\Delta\beta = v \sqrt N / (\sigma_E \cdot \mathrm{steps})`, so that one v serves all sizes and budgets.

    Attributes
    ----------
    speed : float
        v > 0, the thermodynamic length of an episode over √N.
    start : float
        β of the first step times σ_E/√N of the random start, ≥ 0.
    """

    speed: float = 2.2
    start: float = 0.44
    _beta: FloatArray = field(init=False, repr=False, compare=False)
    _length: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (np.isfinite(self.speed) and self.speed > 0):
            raise InputError(f"adaptive: speed is {self.speed:g}; a finite number > 0 is expected")
        if not (np.isfinite(self.start) and self.start >= 0):
            raise InputError(f"adaptive: start is {self.start:g}; a finite number ≥ 0 is expected")

    def begin(self, simulator: Simulator, budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> int:
        """Set the first β from the spread of the random start; nothing is spent."""
        self._length = self.speed * np.sqrt(simulator.sizes) / budget.steps
        self._beta = self.start * np.sqrt(simulator.sizes) / self._spread(simulator)
        return 0

    def beta(self, step: int, simulator: Simulator) -> FloatArray:
        """Shape (B,)."""
        if step:
            frozen = FROZEN / self._spread(simulator)
            self._beta = np.minimum(self._beta + self._length / self._spread(simulator), frozen)
        return self._beta

    @staticmethod
    def _spread(simulator: Simulator) -> FloatArray:
        return measured_spread(simulator)


@dataclass
class AdaptiveAcceptance:
    r"""Follow a target curve of acceptance ratios.

    The idea is Lam and Delosme's (Yale report 8816, 1988) with Swartz's curve, as in Boyan's "modified Lam" schedule:
    the acceptance falls quickly from its start to a plateau, stays there for half the episode, and then falls
    exponentially. Their plateau, .44, is for moves whose size can be tuned; for single flips of a spin glass it is a
    parameter (the defaults are near the best for training tori of side 10). The temperature follows the target through
    the model :math:`a(\beta) = 1/(1 + c\beta)`, right in both limits for continuous couplings, whose c is measured anew
    by every step; no gain has to be chosen and no energy scale known.

    Attributes
    ----------
    start, plateau, end : float
        Target acceptance at the first step, from 15 % to 65 % of the episode, and at the last step, each in (0, 1);
        geometric in between.
    """

    start: float = 0.7
    plateau: float = 0.08
    end: float = 0.005
    _beta: FloatArray = field(init=False, repr=False, compare=False)
    _targets: FloatArray = field(init=False, repr=False, compare=False)
    _attempted: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for key in ("start", "plateau", "end"):
            _check_open(getattr(self, key), f"adaptive: {key}")

    def begin(self, simulator: Simulator, budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> int:
        """Measure c by one sweep near β = 0.3/σ_E·√N, paid for by the first step."""
        progress = np.arange(budget.steps) / max(1, budget.steps - 1)
        knots = np.log([self.start, self.plateau, self.plateau, self.end])
        self._targets = np.exp(np.interp(progress, [0.0, 0.15, 0.65, 1.0], knots))
        spread = np.maximum(simulator.energies.std(axis=1), 1e-300)
        self._beta = np.minimum(0.3 * np.sqrt(simulator.sizes) / spread, FROZEN)
        self._attempted = simulator.attempted
        sweeps = min(1, budget.sweeps // 4)
        simulator.advance(self._beta, sweeps)
        return sweeps

    def beta(self, step: int, simulator: Simulator) -> FloatArray:
        """Shape (B,)."""
        per_sweep = int(simulator.sizes.sum()) * simulator.replicas
        sweeps = (simulator.attempted - self._attempted) // per_sweep
        self._attempted = simulator.attempted
        if sweeps:
            proposals = sweeps * simulator.sizes * simulator.replicas
            accepted = simulator.acceptance_ratio(sweeps)
            # Half a flip is added on either side, so that a step in which nothing (or everything) moved stays finite.
            odds = (proposals * (1 - accepted) + 0.5) / (proposals * accepted + 0.5)
            factor = (1 / self._targets[step] - 1) / odds
            self._beta = self._beta * np.clip(factor, 1 / MAX_FACTOR, MAX_FACTOR)
        return self._beta


@dataclass
class CoolPublished:
    """The linear baseline as published with COOL: cold from the start, β_0 ~ U(2, 4), then Δβ = 0.01 a step.

    Mills, Ronagh and Tamblyn, Nat. Mach. Intell. 2, 509 (2020), compare with annealing that is linear in β with a
    constant Δβ ≤ 0.01 a step in the released code; the largest is taken here, the kindest to the baseline. β_0 is drawn
    from the episode's own stream. In truth a quench, and kept only to repeat the paper.

    Attributes
    ----------
    low, high, increment : float
        Bounds of β_0, and Δβ.
    """

    low: float = 2.0
    high: float = 4.0
    increment: float = 0.01
    _first: FloatArray = field(init=False, repr=False, compare=False)

    def begin(self, simulator: Simulator, budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> int:
        """Draw β_0 of each episode; nothing is spent."""
        # A child of the episode's stream: the simulator has taken its own numbers from the parent.
        streams = [np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 1)) for seed in seeds]
        self._first = np.array([np.random.default_rng(stream).uniform(self.low, self.high) for stream in streams])
        return 0

    def beta(self, step: int, simulator: Simulator) -> FloatArray:
        """Shape (B,)."""
        return np.asarray(self._first + step * self.increment)


def _check_open(value: float, what: str) -> None:
    if not 0 < value < 1:
        raise InputError(f"{what} is {value:g}; a number between 0 and 1 is expected")


def measured_spread(simulator: Simulator) -> FloatArray:
    """Standard deviation of the replicas' energies of each instance, shape (B,)."""
    # Replicas that all sit in one state say nothing about the scale; a thousandth of that of random ones stands in.
    floor = np.array([1e-3 * model.energy_spread for model in simulator.models])
    return np.asarray(np.maximum(simulator.energies.std(axis=1), np.maximum(floor, 1e-300)))


def measured_scale(simulator: Simulator) -> FloatArray:
    """:func:`measured_spread` over √N: what random replicas tell of σ = √(Σ J²/N), shape (B,)."""
    return np.asarray(measured_spread(simulator) / np.sqrt(simulator.extents))
