"""Episodes played, and what success is judged against: ground energies, tolerances, certificates."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from annealrl.errors import InputError
from annealrl.family import Problem
from annealrl.instance_set import InstanceSet
from annealrl.ising import FloatArray
from annealrl.method import Budget, Method, Outcome

Tolerance = Literal["exact", "cool"]

#: Episodes run together, and the most spins × replicas that they may hold.
BATCH = 128
_BATCH_SPINS = 2**26
#: Statuses of an energy that nothing can be below.
CERTIFIED = ("optimal", "planted")


class CertificateError(RuntimeError):
    """A configuration lies below a certified optimum or bound, or a method misreports its energies."""


@dataclass(frozen=True)
class Played:
    """Energies of episodes, with what they cost.

    Attributes
    ----------
    best, final : float64 array, shape (instances, episodes)
        As :class:`~annealrl.method.Outcome` has them, the best ones recomputed from their configurations.
    seconds, processor_seconds : float
        Wall time of all episodes, and processor time of this process, all threads together, during them.
    attempted_updates : int
    """

    best: FloatArray
    final: FloatArray
    seconds: float
    processor_seconds: float
    attempted_updates: int


def run_episodes(
    method: Method,
    instances: InstanceSet,
    episodes: range,
    budget: Budget,
    seed: int,
    batch: int = BATCH,
    progress: Callable[[int, int], None] | None = None,
) -> Played:
    """Run the episodes of these numbers on every instance; judge nothing.

    Episode e on instance i has the stream that :func:`annealrl.evaluation.evaluate` gives it.

    Raises
    ------
    CertificateError
        If the energies that the method reports are not those of its configurations.
    """
    best, final = np.empty((2, len(instances), len(episodes)))
    seconds, spent, attempted = 0.0, 0.0, 0
    largest = max(model.n for model in instances) * budget.replicas
    chunk = max(1, min(batch, _BATCH_SPINS // largest))
    total = len(instances) * len(episodes)
    for first in range(0, total, chunk):
        pairs = [divmod(k, len(episodes)) for k in range(first, min(total, first + chunk))]
        models = [instances.models[i] for i, _ in pairs]
        seeds = [np.random.SeedSequence(seed, spawn_key=(i, episodes[e])) for i, e in pairs]
        began = time.process_time()
        outcome = method.run(models, budget, seeds)
        spent += time.process_time() - began
        at = tuple(np.array(pairs).T)
        best[at] = [model.energy_of(spins) for model, spins in zip(models, outcome.best_spins, strict=True)]
        final[at] = outcome.final_energies
        _check_energies(method.name, models, best[at], outcome)
        seconds += outcome.seconds
        attempted += outcome.attempted_updates
        if progress is not None:
            progress(first + len(pairs), total)
    return Played(best, final, seconds, spent, attempted)


def ground_energies(instances: InstanceSet) -> FloatArray:
    """Energies to be reached, shape (k,): recomputed from the ground configuration where there is one.

    Raises
    ------
    InputError
        If nothing is known of an instance; names it.
    """
    energies = np.empty(len(instances))
    for i, (model, spins) in enumerate(zip(instances.models, instances.ground_spins, strict=True)):
        energies[i] = instances.ground_energies[i] if spins is None else model.energy_of(spins)
        if not np.isfinite(energies[i]):
            raise InputError(
                f"instance set {instances.name!r}: the ground energy of instance {instances.instance_names[i]!r} is "
                "unknown; success can only be judged against known ones"
            )
    return energies


def slacks(instances: InstanceSet, tolerance: Tolerance) -> FloatArray:
    """How far above :func:`ground_energies` success reaches, shape (k,)."""
    return np.array([1e-5 * model.n if tolerance == "cool" else model.slack for model in instances])


def _check_energies(name: str, models: Sequence[Problem], true: FloatArray, outcome: Outcome) -> None:
    rounding = np.array([model.rounding for model in models])
    wrong = ~(np.abs(true - outcome.best_energies) <= rounding) | ~(outcome.final_energies >= true - rounding)
    for e in np.flatnonzero(wrong)[:1]:
        raise CertificateError(
            f"method {name!r} reports a best energy {outcome.best_energies[e]!r} and a final one "
            f"{outcome.final_energies[e]!r}, instance {models[e].name!r}; its best configuration has {true[e]!r}"
        )


def check_certificates(
    name: str, instances: InstanceSet, lowest: FloatArray, ground: FloatArray, slack: FloatArray
) -> None:
    """Compare the lowest energy of each instance, shape (k,), with what is proven of it.

    Raises
    ------
    CertificateError
        If one is below a certified optimum or bound by more than the tolerance.
    """
    certified = np.array([status in CERTIFIED for status in instances.statuses])
    floor = np.where(certified, ground, -np.inf)
    floor = np.fmax(floor, instances.bounds)
    below = np.flatnonzero(lowest < floor - slack)
    if len(below):
        i = below[0]
        raise CertificateError(
            f"instance set {instances.name!r}: {name} found the energy {lowest[i]!r} on instance "
            f"{instances.instance_names[i]!r}, below its certified {floor[i]!r}; the certificate is wrong"
        )
