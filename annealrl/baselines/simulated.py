"""What every baseline on the replica simulator shares: anneal, then read off the outcome."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from annealrl.errors import InputError
from annealrl.family import Problem, Simulator
from annealrl.ising import FloatArray, IsingModel
from annealrl.method import Budget, Outcome
from annealrl.objective import Objective
from annealrl.simulator import Order, ReplicaSimulator, Rule, Start
from annealrl.step_sizes import AdaptiveStep, StepSize


def make_simulator(
    models: Sequence[Problem],
    budget: Budget,
    seeds: Sequence[np.random.SeedSequence],
    rule: Rule = "metropolis",
    order: Order = "random",
    initial: Start = "independent",
) -> Simulator:
    """The simulator of Ising models or of objectives, whichever the batch holds.

    Raises
    ------
    InputError
        If it holds both, or objectives with what they have no moves for.
    """
    ising: list[IsingModel] = [model for model in models if isinstance(model, IsingModel)]
    if len(ising) == len(models):
        return ReplicaSimulator(
            ising,
            budget.replicas,
            seeds=seeds,
            rule=rule,
            order=order,
            initial=initial,
            threads=budget.threads,
            backend=budget.backend,
        )
    designs = [model for model in models if isinstance(model, Objective)]
    if len(designs) != len(models):
        raise InputError("a batch of Ising models and objectives together; one kind is expected")
    if (rule, order, budget.backend) != ("metropolis", "random", "cpu"):
        raise InputError(
            f"designs move by Metropolis in random order on the CPU; {rule}, {order}, {budget.backend} were asked for"
        )
    from annealrl.objective_simulator import ObjectiveSimulator

    return ObjectiveSimulator(designs, budget.replicas, seeds=seeds, initial=initial, threads=budget.threads)


def sizing(simulator: Simulator, policy: StepSize | None) -> Callable[[int, int, int], dict[str, FloatArray]]:
    """A function of (step, steps, sweeps of the coming step) that gives :meth:`Simulator.advance` its step size.

    Raises
    ------
    InputError
        If a policy is given for Ising models.
    """
    if isinstance(simulator, ReplicaSimulator):
        if policy is not None:
            raise InputError("a step size is given, but Ising models have moves of one size")
        return lambda step, steps, sweeps: {}
    designs: Any = simulator
    chosen = policy or AdaptiveStep()
    last_sweeps = 0

    def size(step: int, steps: int, sweeps: int) -> dict[str, FloatArray]:
        nonlocal last_sweeps
        # A step without sweeps has said nothing about acceptance.
        nothing = np.full(len(simulator), np.nan)
        acceptance = simulator.acceptance_ratio(last_sweeps) if last_sweeps else nothing
        last_sweeps = sweeps
        return {"step_size": chosen.size(step, steps, designs.step_size, acceptance)}

    return size


class Annealed(NamedTuple):
    """The replicas at the end of a batch of episodes.

    Attributes
    ----------
    simulator : ReplicaSimulator or ObjectiveSimulator
    betas : float64 array, shape (steps, B), or None
        The inverse temperature at which each step ran, where there was one.
    further : int
        Proposals other than single flips: exchanges, spins turned in clusters, replicas weighed.
    """

    simulator: Simulator
    betas: FloatArray | None
    further: int = 0


class SimulatedMethod(ABC):
    """A :class:`~annealrl.method.Method` whose episodes are replicas of a :class:`ReplicaSimulator`."""

    name: str
    moves: frozenset[str]

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """All that decides what the method does, as a line of JSON; two methods with the same one are the same."""

    @abstractmethod
    def anneal(self, models: Sequence[Any], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Annealed:
        """Run as :meth:`run` does; return the simulator with all replicas at the end."""

    def run(self, models: Sequence[Any], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        """Run one episode on each model; the lowest energy is taken at step boundaries and rounds of moves."""
        began = time.perf_counter()
        simulator, betas, further = self.anneal(models, budget, seeds)
        lowest = [simulator.lowest(b) for b in range(len(models))]
        return Outcome(
            best_energies=np.array([energy for energy, _ in lowest]),
            final_energies=simulator.energies.min(axis=1),
            best_spins=tuple(spins for _, spins in lowest),
            attempted_updates=simulator.attempted + further,
            seconds=time.perf_counter() - began,
            betas=betas,
            evaluations=getattr(simulator, "evaluations", None),
        )
