"""Search without gradients, by kept libraries: ``search:cma``, ``search:de``, ``search:random``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from annealrl.errors import InputError
from annealrl.ising import FloatArray
from annealrl.method import Budget, Outcome
from annealrl.objective import Objective
from annealrl.parallel import at_most, available_cores
from annealrl.registry import unknown

#: Random designs that are evaluated together.
_BATCH = 256


class _SpentError(Exception):
    """The evaluations are used up."""


class _Counted:
    """Energies of designs in fractions of their ranges, until a number of them is spent; remembers the lowest."""

    def __init__(self, model: Objective, most: int) -> None:
        self.model, self.left = model, most
        self.low, self.width = model.space.low, model.space.high - model.space.low
        self.lowest, self.best = np.inf, self.low
        self.energies: list[FloatArray] = []

    def __call__(self, points: FloatArray) -> FloatArray:
        """Energies of points, shape (R, n) → (R,)."""
        if self.left <= 0:
            raise _SpentError
        # The last batch is cut to what is left; the optimiser does not go on from it.
        designs = self.low + np.clip(points[: self.left], 0.0, 1.0) * self.width
        energies = self.model.energies(designs)
        self.left -= len(designs)
        self.energies.append(energies)
        if energies.min() < self.lowest:
            self.lowest, self.best = float(energies.min()), designs[energies.argmin()]
        return np.append(energies, np.full(len(points) - len(energies), np.inf))


def _cma(
    value: _Counted, start: FloatArray, seed: int, size: int | None, *, sigma: float = 0.3, growth: float = 2.0
) -> None:
    """CMA-ES, anew from a random start with `growth` times the population whenever it has converged (IPOP)."""
    import cma

    rng = np.random.default_rng(seed)
    n = len(start)
    population = size or 4 + int(3 * np.log(n))
    while True:
        options = {
            "bounds": [0.0, 1.0],
            "popsize": population,
            "seed": int(rng.integers(1, 2**31)),
            "verbose": -9,
            "verb_log": 0,
        }
        strategy = cma.CMAEvolutionStrategy(start, sigma, options)
        while not strategy.stop():
            points = strategy.ask()
            strategy.tell(points, value(np.array(points)).tolist())
        start, population = rng.random(n), round(growth * population)


def _differential_evolution(
    value: _Counted,
    start: FloatArray,
    seed: int,
    size: int | None,
    *,
    mutation: float | None = None,
    crossover: float = 0.7,
) -> None:
    """SciPy's differential evolution, anew whenever it has converged; weights are drawn unless one is given."""
    from scipy.optimize import differential_evolution

    rng = np.random.default_rng(seed)
    evolve: Any = differential_evolution  # its stubs know no vectorised function
    while True:
        evolve(
            lambda points: value(np.ascontiguousarray(points.T)),
            [(0.0, 1.0)] * len(start),
            popsize=max(1, round((size or 15 * len(start)) / len(start))),
            maxiter=10**9,
            polish=False,
            updating="deferred",
            vectorized=True,
            mutation=(0.5, 1.0) if mutation is None else mutation,
            recombination=crossover,
            rng=rng,
        )


def _random(value: _Counted, start: FloatArray, seed: int, size: int | None) -> None:
    """Random designs."""
    rng, space = np.random.default_rng(seed), value.model.space
    while True:
        value((space.random(rng, size or _BATCH) - value.low) / value.width)


KINDS: dict[str, Callable[..., None]] = {"cma": _cma, "de": _differential_evolution, "random": _random}
#: What else a kind can be told: the least and the most of each.
OPTIONS: dict[str, dict[str, tuple[float, float]]] = {
    "cma": {"sigma": (1e-6, 1.0), "growth": (1.0, 100.0)},
    "de": {"mutation": (0.0, 2.0), "crossover": (0.0, 1.0)},
    "random": {},
}


@dataclass
class SearchMethod:
    """One search for the whole budget of an episode: as many energies as its replicas' proposals would cost.

    Attributes
    ----------
    kind : str
        ``cma`` (N. Hansen's CMA-ES with restarts), ``de`` (SciPy's differential evolution) or ``random``.
    name : str
    size : int, optional
        Population; each kind has its own default.
    options : tuple of (str, float)
        Those of :data:`OPTIONS`: the first standard deviation of ``cma`` in ranges and the factor of its population at
        a restart; the weight of differences and the crossover probability of ``de``.
    """

    kind: str
    name: str
    size: int | None = None
    moves: frozenset[str] = frozenset({"search"})
    options: tuple[tuple[str, float], ...] = ()

    @property
    def fingerprint(self) -> str:
        """All that decides what the method does."""
        return json.dumps({"search": [self.kind, self.size, *self.options]})

    def run(self, models: Sequence[Any], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        """Run one episode on each model."""
        began = time.perf_counter()
        best, designs, evaluations = np.empty(len(models)), [], 0
        with at_most(budget.threads or available_cores()):
            for e, (model, seed) in enumerate(zip(models, seeds, strict=True)):
                most = budget.replicas * (budget.sweeps * model.n + budget.steps + 1)
                value = self._searched(model, most, seed)
                best[e] = model.energy_of(value.best)
                designs.append(value.best)
                evaluations += most
        return Outcome(
            best_energies=best,
            final_energies=best.copy(),
            best_spins=tuple(designs),
            attempted_updates=evaluations,
            seconds=time.perf_counter() - began,
            evaluations=float(evaluations),
        )

    def energies(self, model: Objective, calls: int, seed: np.random.SeedSequence) -> FloatArray:
        """Of all designs of one search, in their order, shape (calls,)."""
        return np.concatenate(self._searched(model, calls, seed).energies)

    def _searched(self, model: Any, calls: int, seed: np.random.SeedSequence) -> _Counted:
        self._check(model)
        value, key = _Counted(model, calls), seed.generate_state(2, np.uint32)
        start = np.random.default_rng(int(key[1])).random(model.n)
        with suppress(_SpentError):
            KINDS[self.kind](value, start, int(key[0]), self.size, **dict(self.options))
        return value

    def _check(self, model: Any) -> None:
        if not isinstance(model, Objective):
            raise InputError(f"{self.name}: designs are expected, not Ising models such as {model.name!r}")
        if self.kind != "random" and (model.space.levels > 0).any():
            raise InputError(f"{self.name}: {model.name!r} has coordinates on levels; continuous ones are expected")


#: Designs of a population.
_MOST = 10**6


def from_text(rest: str) -> SearchMethod:
    """``cma|de|random[:size=P]`` and the :data:`OPTIONS` of the kind."""
    from annealrl.baselines.grammar import count, split

    first = rest.partition(":")[0]
    kind = "random" if not first or "=" in first else first
    if kind not in KINDS:
        raise unknown("search", kind, KINDS)
    words, options = split(rest, {"size": None, **dict.fromkeys(OPTIONS[kind])})
    if words[1:]:
        raise InputError(f"unknown argument {words[1]!r}")
    size = count(options.pop("size"), "size", 2, _MOST)
    given = tuple((key, value) for key, value in options.items() if value is not None)
    for key, value in given:
        least, most = OPTIONS[kind][key]
        if not least <= value <= most:
            raise InputError(f"{key} is {value:g}; a number from {least:g} to {most:g} is expected")
    name = f"search:{rest}" if rest else "search"
    return SearchMethod(kind, name, size, options=given)
