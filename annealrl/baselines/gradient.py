"""Gradient descent on designs from many random starts: ``gradient:rmsprop|adabelief|adam|lbfgs|lsq``."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from annealrl.baselines.polish import ValueAndGradient, polish
from annealrl.errors import InputError
from annealrl.extras import require
from annealrl.ising import FloatArray
from annealrl.method import Budget, Outcome
from annealrl.objective import Objective
from annealrl.parallel import at_most, available_cores
from annealrl.registry import unknown

#: Optimisers that move every coordinate by itself, so that many starts are one array.
OPTIMIZERS = ("rmsprop", "adabelief", "adam")
#: Those that move a start by itself until it has converged.
RESTARTED = ("lbfgs", "lsq")
#: After so many steps the rate is multiplied by so much (Hirasaki, Inui and Saitoh, 2024).
RATE_STEPS = ((2_000, 0.9), (5_000, 0.5), (10_000, 0.1), (15_000, 0.1), (30_000, 0.1))
#: Where ln(E - E_0) is descended, differences below this count as this.
_SMALLEST = 1e-30


def stepped_rates(rate: float, iterations: int) -> FloatArray:
    """Learning rates of every step, shape (iterations,): `rate`, cut at :data:`RATE_STEPS`."""
    rates = np.full(iterations, float(rate))
    for step, factor in RATE_STEPS:
        rates[step:] *= factor
    return rates


def cosine_rates(rate: float, iterations: int) -> FloatArray:
    """Learning rates that go to zero by half a cosine, shape (iterations,)."""
    return np.asarray(rate * (1 + np.cos(np.pi * np.arange(iterations) / max(1, iterations))) / 2)


class Descent(NamedTuple):
    """R descents.

    Attributes
    ----------
    values : float64 array, shape (iterations + 1, R)
        Before every step and after the last.
    best, last : float64 arrays, shape (R, n)
        Where the value was lowest, and where it ended.
    state : dict
        What the optimiser remembers, for another leg.
    """

    values: FloatArray
    best: FloatArray
    last: FloatArray
    state: dict[str, Any]


def descend(
    optimizer: str,
    start: FloatArray,
    value_and_gradient: ValueAndGradient,
    rates: FloatArray,
    *,
    project: Callable[[FloatArray], FloatArray] | None = None,
    watch: Callable[[int, FloatArray, FloatArray], None] | None = None,
    state: dict[str, Any] | None = None,
) -> Descent:
    """Go down from R starts at once.

    Parameters
    ----------
    optimizer : str
        One of :data:`OPTIMIZERS`; RMSProp with a decay of 0.9 as in JAX's optimisers, the others as published.
    start : float64 array, shape (R, n)
    value_and_gradient : callable
        Points, shape (R, n), to values, shape (R,), and gradients, shape (R, n).
    rates : float64 array, shape (iterations,)
    project : callable, optional
        Brings points back to where they are allowed, after every step.
    watch : callable, optional
        Called with step, points and values before every step and after the last.
    state : dict, optional
        Of a descent that ended at `start`, which goes on as if it had not been cut.
    """
    import torch

    points = torch.tensor(np.array(start, np.float64), requires_grad=True)
    made = _optimizer(optimizer, points)
    if state is not None:
        made.load_state_dict(state)
    values = np.empty((len(rates) + 1, len(start)))
    best, lowest = np.array(start, np.float64), np.full(len(start), np.inf)
    for step in range(len(rates) + 1):
        x = points.detach().numpy().copy()
        values[step], gradient = value_and_gradient(x)
        better = values[step] < lowest
        best[better], lowest[better] = x[better], values[step][better]
        if watch is not None:
            watch(step, x, values[step])
        if step == len(rates):
            break
        for group in made.param_groups:
            group["lr"] = float(rates[step])
        points.grad = torch.from_numpy(np.ascontiguousarray(gradient))
        made.step()
        if project is not None:
            with torch.no_grad():
                points.copy_(torch.from_numpy(project(points.detach().numpy().copy())))
    return Descent(values, best, x, made.state_dict())


def _optimizer(name: str, points: Any) -> Any:
    import torch

    if name == "rmsprop":
        return torch.optim.RMSprop([points], lr=1.0, alpha=0.9, eps=1e-8)
    if name == "adam":
        return torch.optim.Adam([points], lr=1.0)
    if name == "adabelief":
        kind = require("pytorch_optimizer", "gradient").AdaBelief
        return kind([points], lr=1.0, betas=(0.9, 0.999), eps=1e-16, rectify=False)
    raise unknown("optimizer", name, OPTIMIZERS)


@dataclass
class GradientMethod:
    """Descend from as many random starts as there are replicas, the same that anneals begin with.

    Coordinates are measured in fractions of their ranges; what leaves the range is put back to its end. All energies on
    the way count, not those at step boundaries alone.

    Attributes
    ----------
    optimizer : str
        One of :data:`OPTIMIZERS`, or one of :data:`RESTARTED`, from a new random start whenever it has converged:
        SciPy's L-BFGS-B (``lbfgs``), or its bounded least squares (``lsq``), which asks for the objective's residuals.
    rate : float
        Of the first step; ``lbfgs`` has none.
    name : str
    iterations : int, optional
        Evaluations with gradient from each start; by default as many as cost what the budget's proposals would, by what
        the objective says of its gradients and moves.
    logarithm : bool
        Descend ln(E - E_0)/2, E_0 the known optimum: for a mean square, the logarithm of its root.
    cosine : bool
        Whether rates go to zero by half a cosine instead of being cut at :data:`RATE_STEPS`.
    tight : bool
        Whether ``lbfgs`` goes on to the last digits before it starts anew, instead of stopping by SciPy's tolerances.
    memory : int
        Of ``lbfgs``: how many of the last steps its curvature comes from.
    """

    optimizer: str
    rate: float
    name: str
    iterations: int | None = None
    logarithm: bool = False
    cosine: bool = False
    tight: bool = False
    memory: int = 10
    moves: frozenset[str] = frozenset({"gradient"})

    @property
    def fingerprint(self) -> str:
        """All that decides what the method does."""
        keys = ["optimizer", "rate", "iterations", "logarithm", "cosine"]
        # What was added later is named where it is not as it was, so that older results keep their fingerprints.
        keys += [key for key, usual in (("tight", False), ("memory", 10)) if getattr(self, key) != usual]
        return json.dumps({"gradient": {key: getattr(self, key) for key in keys}}, sort_keys=True)

    def run(self, models: Sequence[Any], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        """Run one episode on each model."""
        from annealrl.surrogate import one_thread

        began = time.perf_counter()
        best, final, designs = np.empty(len(models)), np.empty(len(models)), []
        evaluations, steps = 0.0, 0
        with one_thread(), at_most(budget.threads or available_cores()):
            for e, (model, seed) in enumerate(zip(models, seeds, strict=True)):
                self._check(model)
                count = self.iterations or _affordable(model, budget)
                found, last = self._episode(model, budget, seed, count)
                energies = model.energies(found)
                best[e], final[e] = energies.min(), max(energies.min(), model.energies(last).min())
                designs.append(found[energies.argmin()])
                evaluations += budget.replicas * (count * model.gradient_cost + 3)
                steps += budget.replicas * count
        return Outcome(
            best_energies=best,
            final_energies=final,
            best_spins=tuple(designs),
            attempted_updates=steps,
            seconds=time.perf_counter() - began,
            evaluations=evaluations,
            gradients=float(steps),
        )

    def _check(self, model: Any) -> None:
        if not isinstance(model, Objective):
            raise InputError(f"{self.name}: designs are expected, not Ising models such as {model.name!r}")
        if (model.space.levels > 0).any():
            raise InputError(f"{self.name}: {model.name!r} has coordinates on levels; continuous ones are expected")
        if self.optimizer == "lsq" and model.residuals is None:
            raise InputError(f"{self.name}: {model.name!r} has no residuals, which least squares need")
        if self.logarithm and model.known_optimum is None:
            raise InputError(f"{self.name}: the lowest energy of {model.name!r} is not known; leave out 'log'")

    def _episode(
        self, model: Objective, budget: Budget, seed: np.random.SeedSequence, count: int
    ) -> tuple[FloatArray, FloatArray]:
        """Designs of lowest energy and at the end, each of shape (R, n)."""
        from annealrl.objective_simulator import ObjectiveSimulator

        space, width = model.space, model.space.high - model.space.low
        start = (ObjectiveSimulator([model], budget.replicas, seeds=[seed], threads=1).designs(0) - space.low) / width

        def inside(z: FloatArray) -> FloatArray:
            return np.where(space.periodic, z % 1.0, np.clip(z, 0.0, 1.0))

        def value(z: FloatArray) -> tuple[FloatArray, FloatArray]:
            energies, gradients = model.value_and_gradient(space.low + z * width)
            if not self.logarithm:
                return energies, gradients * width
            above = np.maximum(energies - (model.known_optimum or 0.0), _SMALLEST)
            return np.log(above) / 2, gradients * width / (2 * above[:, None])

        if self.optimizer in RESTARTED:
            rng = np.random.default_rng(int(seed.generate_state(4, np.uint64)[3]))
            how: dict[str, Any] = {"value": value, "tight": self.tight, "memory": self.memory}
            ends = [polish(self.optimizer, model, _starts(model, z, rng), count, **how) for z in start]
            best, last = np.stack([end.best for end in ends]), np.stack([end.last for end in ends])
        else:
            rates = (cosine_rates if self.cosine else stepped_rates)(self.rate, max(0, count - 1))
            found = descend(self.optimizer, start, value, rates, project=inside)
            best, last = found.best, found.last
        return space.low + best * width, space.low + last * width


def _starts(model: Objective, first: FloatArray, rng: np.random.Generator) -> Iterator[FloatArray]:
    """A start and, after it, random ones without end, in fractions of ranges."""
    yield first
    while True:
        yield (model.space.random(rng, 1)[0] - model.space.low) / (model.space.high - model.space.low)


def _affordable(model: Objective, budget: Budget) -> int:
    """Gradients that cost what a replica's anneal would: its proposals, and an energy at each step boundary."""
    kernel = model.parts.kernel
    proposals = budget.sweeps * model.n * (1.0 if kernel is None else kernel.cost)
    return max(1, int((proposals + budget.steps + 1) / model.gradient_cost))


_FLAGS = ("log", "cosine", "tight")
#: What only some optimisers heed.
_SERVES: Mapping[str, tuple[str, ...]] = {
    "tight": ("lbfgs",),
    "memory": ("lbfgs",),
    "rate": tuple(OPTIMIZERS),
    "cosine": tuple(OPTIMIZERS),
    "log": (*OPTIMIZERS, "lbfgs"),
}
_MOST_ITERATIONS = 10**9
#: Pairs of steps and gradients that L-BFGS-B keeps; SciPy's arrays grow with the square.
_MOST_MEMORY = 1000


def from_text(rest: str) -> GradientMethod:
    """``OPTIMIZER[:rate=A][:iterations=K][:log][:cosine]``, ``lbfgs`` also ``[:memory=M][:tight]``."""
    from annealrl.baselines.grammar import count, split

    words, options = split(rest, {"rate": None, "iterations": None, "memory": None})
    kind, flags = (words[0] if words else "rmsprop"), words[1:]
    if kind not in (*OPTIMIZERS, *RESTARTED):
        raise unknown("optimizer", kind, (*OPTIMIZERS, *RESTARTED))
    given = [*flags, *(key for key, value in options.items() if value is not None)]
    for flag in flags:
        if flag not in _FLAGS:
            raise unknown("flag", flag, _FLAGS)
        if flags.count(flag) > 1:
            raise InputError(f"{flag} is given twice")
    for key in given:
        if kind not in _SERVES.get(key, (kind,)):
            raise InputError(f"{key} is for {' and '.join(_SERVES[key])} alone, not for {kind}")
    rate = 0.01 if options["rate"] is None else options["rate"]
    if not 0 < rate < np.inf:
        raise InputError(f"rate is {rate}; a positive number is expected")
    iterations = count(options["iterations"], "iterations", 1, _MOST_ITERATIONS)
    memory = count(options["memory"], "memory", 1, _MOST_MEMORY)
    return GradientMethod(
        kind,
        float(rate),
        f"gradient:{rest}" if rest else "gradient",
        iterations=iterations,
        logarithm="log" in flags,
        cosine="cosine" in flags,
        tight="tight" in flags,
        memory=10 if memory is None else memory,
    )
