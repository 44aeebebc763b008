"""Other people's annealers behind the interface of everything that anneals: dwave-samplers and OpenJij.

They get the replicas as reads and the budget's sweeps, and start where every other method starts. They return final
configurations alone, so the lowest energy of an episode is that of its end. Seconds are those of the sampler's own call
(for OpenJij, of its compiled loop over reads), one thread; the conversion of the model is ours and is left out.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from annealrl import schedules
from annealrl.beta_range import default_beta_range
from annealrl.errors import InputError
from annealrl.extras import require
from annealrl.ising import FloatArray, IsingModel, SpinArray, ising_models
from annealrl.method import Budget, Outcome
from annealrl.registry import load_object
from annealrl.simulator import ReplicaSimulator

EXTRA = "interop"
DWAVE = "dwave[:LO:HI|:FILE.json][:linear|:geometric][:random]"
OPENJIJ = "openjij[:LO:HI|:FILE.json][:linear|:geometric]"
_SHAPES = ("linear", "geometric")


@dataclass
class Peer(ABC):
    """An outside sampler.

    Attributes
    ----------
    name : str
        How the method grammar spells it.
    ends : (float, float), optional
        First and last β.
    shape : {"geometric", "linear"}
        How β goes from one to the other, sweep by sweep.
    schedule : Schedule, optional
        Instead of both: β of every step.
    random_order : bool
        Sites at random instead of in order.
    final_only : bool
        That the lowest energy of an episode is that of its end.
    """

    final_only: ClassVar[bool] = True

    name: str
    ends: tuple[float, float] | None = None
    shape: str = "geometric"
    schedule: schedules.Schedule | None = None
    random_order: bool = False
    moves: frozenset[str] = frozenset({"flip"})

    @property
    def fingerprint(self) -> str:
        """All that decides what the method does."""
        schedule = None if self.schedule is None else self.schedule.to_json()
        settings = [self.ends, self.shape, schedule, self.random_order]
        return json.dumps({type(self).__name__: settings}, sort_keys=True)

    def run(self, models: Sequence[IsingModel], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        """Run one episode on each model."""
        models = ising_models(models, f"method {self.name!r}")
        found, seconds = [], 0.0
        for model, seed, start in zip(models, seeds, common_starts(models, budget, seeds), strict=True):
            spins, spent = self.sample(model, start, budget, own_numbers(seed))
            found.append(lowest(model, spins))
            seconds += spent
        energies = np.array([energy for energy, _ in found])
        return Outcome(
            best_energies=energies,
            final_energies=energies.copy(),
            best_spins=tuple(spins for _, spins in found),
            attempted_updates=sum(model.n for model in models) * budget.replicas * budget.sweeps,
            seconds=seconds,
        )

    @abstractmethod
    def sample(
        self, model: IsingModel, start: SpinArray, budget: Budget, numbers: np.random.Generator
    ) -> tuple[SpinArray, float]:
        """Anneal from `start`, shape (R, n); return the configurations at the end and the seconds that it took."""

    def steps(self, model: IsingModel, budget: Budget) -> FloatArray:
        """β of every step by the schedule file."""
        assert self.schedule is not None
        return self.schedule.table([model], budget.steps)[:, 0]


def common_starts(
    models: Sequence[IsingModel], budget: Budget, seeds: Sequence[np.random.SeedSequence]
) -> list[SpinArray]:
    """Where the replica simulator starts from these seeds, int8, shape (R, n) for each model."""
    simulator = ReplicaSimulator(models, budget.replicas, seeds=seeds, threads=budget.threads)
    return [simulator.spins(place) for place in range(len(models))]


def own_numbers(seed: np.random.SeedSequence) -> np.random.Generator:
    """Random numbers of an outside method; the simulator takes its own from the seed itself."""
    return np.random.default_rng(np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 1)))


def lowest(model: IsingModel, spins: SpinArray) -> tuple[float, SpinArray]:
    """The lowest energy of configurations, shape (R, n), by our own model, and the configuration that has it."""
    energies = model.energy(spins)
    place = int(energies.argmin())
    return float(energies[place]), spins[place].copy()


@dataclass
class DwaveMethod(Peer):
    """``dwave.samplers.SimulatedAnnealingSampler``; without a range, by its own default."""

    @cached_property
    def _sampler(self) -> Any:
        return require("dwave.samplers", EXTRA).SimulatedAnnealingSampler()

    def sample(
        self, model: IsingModel, start: SpinArray, budget: Budget, numbers: np.random.Generator
    ) -> tuple[SpinArray, float]:
        """See :meth:`Peer.sample`."""
        options: dict[str, Any] = {"randomize_order": self.random_order, "seed": int(numbers.integers(2**31))}
        if self.schedule is not None:
            options |= {"beta_schedule_type": "custom", "beta_schedule": self.steps(model, budget)}
            options |= {"num_sweeps_per_beta": budget.sweeps_per_step}
        else:
            options |= {"beta_range": self.ends, "beta_schedule_type": self.shape, "num_sweeps": budget.sweeps}
        return dwave_anneal(self._sampler, to_bqm(model), start, **options)


def to_bqm(model: IsingModel) -> Any:
    """The model as dimod's, with variables 0 … n - 1."""
    return load_object("annealrl.instances.conventions:to_dimod")(model)


def dwave_anneal(sampler: Any, bqm: Any, start: SpinArray, **options: Any) -> tuple[SpinArray, float]:
    """Call D-Wave's sampler, a read for each row of `start`; return final configurations and seconds."""
    began = time.perf_counter()
    found = sampler.sample(bqm, num_reads=len(start), initial_states=(start, list(range(len(bqm)))), **options)
    seconds = time.perf_counter() - began
    spins = np.empty_like(start)
    spins[:, list(found.variables)] = found.record.sample
    return spins, seconds


@dataclass
class OpenJijMethod(Peer):
    """OpenJij's simulated annealing; without a range, by :func:`~annealrl.beta_range.default_beta_range`.

    ``SASampler`` gives every read of a call the same random numbers when it is given a seed, so its compiled annealer
    is called read by read, with a seed for each, through OpenJij's core interface.
    """

    def sample(
        self, model: IsingModel, start: SpinArray, budget: Budget, numbers: np.random.Generator
    ) -> tuple[SpinArray, float]:
        """See :meth:`Peer.sample`."""
        openjij = require("openjij", EXTRA)
        core = openjij.cxxjij
        bqm = to_bqm(model)
        graph, _ = openjij.BinaryQuadraticModel(
            dict(bqm.linear), dict(bqm.quadratic), bqm.offset, "SPIN", sparse=True
        ).get_cxxjij_ising_graph()
        table = []
        for beta, sweeps in self._table(model, budget):
            entry = core.utility.ClassicalSchedule()
            entry.one_mc_step, entry.updater_parameter.beta = sweeps, beta
            table.append(entry)
        seeds = numbers.integers(2**31, size=len(start)).tolist()
        spins = np.empty_like(start)
        began = time.perf_counter()
        system = core.system.make_classical_ising(start[0].astype(np.int64), graph)
        for read, seed in enumerate(seeds):
            system.reset_spins(start[read].astype(np.int64))
            core.algorithm.Algorithm_SingleSpinFlip_run(system, seed, table)
            spins[read] = core.result.get_solution(system)[: model.n]
        return spins, time.perf_counter() - began

    def _table(self, model: IsingModel, budget: Budget) -> list[tuple[float, int]]:
        if self.schedule is not None:
            return [(beta, budget.sweeps_per_step) for beta in self.steps(model, budget).tolist()]
        low, high = self.ends or default_beta_range(model)
        space = np.linspace if self.shape == "linear" else np.geomspace
        return [(beta, 1) for beta in space(low, high, budget.sweeps).tolist()]


def from_dwave_text(rest: str) -> DwaveMethod:
    """Read what follows ``dwave``."""
    require("dwave.samplers", EXTRA)
    options = _options("dwave", rest, DWAVE, (*_SHAPES, "random"))
    return DwaveMethod(**options)


def from_openjij_text(rest: str) -> OpenJijMethod:
    """Read what follows ``openjij``."""
    require("openjij", EXTRA)
    require("dimod", EXTRA)
    return OpenJijMethod(**_options("openjij", rest, OPENJIJ, _SHAPES))


def _options(prefix: str, rest: str, grammar: str, flags: Sequence[str]) -> dict[str, Any]:
    words = rest.split(":") if rest else []
    malformed = InputError(f"{rest!r} is malformed; {grammar} is expected")
    given = [word for word in words if word in flags]
    numbers = [word for word in words if word not in flags]
    shapes = [word for word in given if word in _SHAPES]
    if words[len(numbers) :] != given or len(set(given)) < len(given) or len(shapes) > 1:
        raise malformed
    options: dict[str, Any] = {"name": f"{prefix}:{rest}" if rest else prefix, "random_order": "random" in given}
    if numbers and not shapes and len(numbers) == 1:
        options["schedule"] = schedules.load(numbers[0])
    elif numbers:
        options["ends"] = _ends(numbers, shapes[0] if shapes else "geometric", malformed)
    if shapes:
        options["shape"] = shapes[0]
    return options


def _ends(words: Sequence[str], shape: str, malformed: InputError) -> tuple[float, float]:
    try:
        low, high = (float(word) for word in words)
    except ValueError:
        raise malformed from None
    if not (np.isfinite([low, high]).all() and min(low, high) >= 0 and (shape == "linear" or min(low, high) > 0)):
        raise InputError(
            f"β goes from {low:g} to {high:g}; finite numbers {'≥' if shape == 'linear' else '>'} 0 are expected"
        )
    return low, high
