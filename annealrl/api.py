"""The functions that the package offers at its top: sample, solve, load_instances, evaluate, benchmark, make_vec.

Problems are taken in any form: an :class:`IsingModel`, a networkx graph, a dimod BQM, or the path of a file. The other
rooms of the house are reached through strings, as everywhere in the engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from annealrl import evaluation, tuning
from annealrl.baselines.grammar import parse_method
from annealrl.baselines.schedule import ScheduleMethod
from annealrl.beta_range import default_beta_range
from annealrl.checks import whole
from annealrl.controllers import Controller, Static
from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.ising import FloatArray, IsingModel, SpinArray, ising_models
from annealrl.method import Budget, Method
from annealrl.registry import load_object
from annealrl.results import Result
from annealrl.schedules import Geometric, Schedule
from annealrl.simulator import ReplicaSimulator, instance_seeds
from annealrl.solvers import Solution
from annealrl.solvers import solve as solve_model
from annealrl.tables import Table
from annealrl.tuning import TuneResult

if TYPE_CHECKING:
    from annealrl.vector_env import AnnealingVectorEnv

#: What the functions here accept as a problem: a model, a networkx graph, a dimod BQM or a path.
Problem = Any

_OPEN = "annealrl.instances.catalogue:open_source"
_CERTIFY = "annealrl.instances.certify:certified"
_FROM_DIMOD = "annealrl.instances.conventions:from_dimod"
_FROM_NETWORKX = "annealrl.instances.conventions:from_networkx"


@dataclass(frozen=True)
class Sample:
    """What an anneal found, in the convention of the problem that was given.

    Attributes
    ----------
    n : int
    energies : float64 array, shape (R,)
        Every replica's final energy.
    best_energy, best_spins
        Lowest energy seen at any step boundary, and its configuration, int8 ±1, shape (n,), in node order.
    ground_energy : float or None
        Where the source states it.
    schedule : str
    seed : int
    seconds : float
    convention : str
        ``ising``, ``dimod``, ``maxcut`` or ``qubo``: in whose terms the energies are.
    labels : tuple of str or None
        The source's names of the spins.
    """

    n: int
    energies: FloatArray
    best_energy: float
    best_spins: SpinArray
    ground_energy: float | None
    schedule: str
    seed: int
    seconds: float
    convention: str
    labels: tuple[str, ...] | None

    def to_json(self) -> dict[str, Any]:
        """The record as JSON takes it."""
        return {
            "n": self.n,
            "energies": self.energies.tolist(),
            "best_energy": self.best_energy,
            "best_spins": self.best_spins.tolist(),
            "ground_energy": self.ground_energy,
            "schedule": self.schedule,
            "seed": self.seed,
            "seconds": self.seconds,
            "convention": self.convention,
            "labels": None if self.labels is None else list(self.labels),
        }


def load_instances(
    source: str | Path, *, sign: str | None = None, index_base: str | int = "auto", certify: bool = False
) -> InstanceSet:
    """Load a set by name, set file or single file; with `certify`, solve what has no proven optimum yet (cached)."""
    instances: InstanceSet = load_object(_OPEN)(source, sign=sign, index_base=index_base).instances
    if certify:
        instances = load_object(_CERTIFY)(instances)
    return instances


def read_problem(
    problem: Problem, *, sign: str | None = None, index_base: str | int = "auto"
) -> tuple[IsingModel, str, float | None]:
    """Return (model, convention of its energies, known ground energy or None)."""
    if isinstance(problem, IsingModel):
        return problem, "ising", None
    if isinstance(problem, str | Path):
        source = load_object(_OPEN)(problem, sign=sign, index_base=index_base)
        instances: InstanceSet = source.instances
        if len(instances) != 1:
            raise InputError(f"{problem}: it holds {len(instances)} instances; name one, as in {problem}:0-0")
        (model,) = ising_models(instances, str(problem))
        ground = float(instances.ground_energies[0])
        return model, source.convention, None if np.isnan(ground) else ground
    if hasattr(problem, "edges") and hasattr(problem, "nodes"):
        return load_object(_FROM_NETWORKX)(problem, sign=sign or "ising"), sign or "ising", None
    if hasattr(problem, "to_ising") and hasattr(problem, "vartype"):
        return load_object(_FROM_DIMOD)(problem), "dimod" if problem.vartype.name == "SPIN" else "qubo", None
    raise InputError(
        f"problem of type {type(problem).__name__}: an IsingModel, a networkx graph, a dimod BQM or a path is expected"
    )


def default_schedule(model: IsingModel) -> Schedule:
    """Geometric cooling over :func:`~annealrl.beta_range.default_beta_range`, hot and cold whatever the couplings."""
    return Geometric(*default_beta_range(model))


def sample(
    problem: Problem,
    *,
    schedule: str | Schedule | None = None,
    replicas: int = 64,
    sweeps: int = 4000,
    seed: int = 0,
    sign: str | None = None,
    index_base: str | int = "auto",
    threads: int | None = None,
) -> Sample:
    """Anneal one problem.

    Parameters
    ----------
    problem : IsingModel, networkx graph, dimod BQM or path
    schedule : str or Schedule, optional
        In the method grammar; :func:`default_schedule` by default.
    sweeps : int
        Sweeps per replica, in at most 40 steps of constant β; 0 returns the random start.
    sign : {"ising", "dimod", "maxcut"}, optional
        What weights mean, where the source leaves it open.

    Raises
    ------
    InputError
        If the problem cannot be read, or the method is no schedule.
    """
    sweeps = whole(sweeps, "sweeps", 0)
    model, convention, ground = read_problem(problem, sign=sign, index_base=index_base)
    if schedule is None:
        schedule = default_schedule(model)
    control = _control(schedule)
    if isinstance(schedule, Geometric):
        schedule = f"geometric:{schedule.start:.6g}:{schedule.end:.6g}"
    began = time.perf_counter()
    seeds = instance_seeds(seed, 1)
    simulator = ReplicaSimulator([model], replicas, seeds=seeds, threads=threads)
    if sweeps:
        steps = min(40, sweeps)
        # Heuristics that look around first (Kirkpatrick) return the sweeps they spent: the first steps are shorter.
        spent = control.begin(simulator, Budget(replicas, steps, max(1, sweeps // steps), threads), seeds)
        for k in range(steps):
            length = sweeps * (k + 1) // steps - sweeps * k // steps
            beta = control.beta(k, simulator)
            simulator.advance(beta, max(0, length - spent))
            spent = max(0, spent - length)
    energy, spins = simulator.lowest(0)
    return Sample(
        n=model.n,
        energies=simulator.energies[0].copy(),
        best_energy=energy,
        best_spins=spins,
        ground_energy=ground,
        schedule=str(schedule),
        seed=seed,
        seconds=time.perf_counter() - began,
        convention=convention,
        labels=model.labels,
    )


def _control(schedule: str | Schedule) -> Controller:
    if isinstance(schedule, Schedule):
        return Static(schedule)
    method = parse_method(schedule)
    if not isinstance(method, ScheduleMethod):
        raise InputError(f"schedule {schedule!r}: a schedule is expected, not another kind of method")
    return Static(method.control) if isinstance(method.control, Schedule) else method.control


def solve(
    problem: Problem, *, time_limit: float | None = None, sign: str | None = None, index_base: str | int = "auto"
) -> Solution:
    """Find the certified ground state of one problem, see :func:`annealrl.solvers.solve`."""
    return solve_model(read_problem(problem, sign=sign, index_base=index_base)[0], time_limit=time_limit)


def evaluate(
    instances: str | Path | InstanceSet, method: str | Method, *, episodes: int = 20, **options: Any
) -> Result:
    """Measure one method, see :func:`annealrl.evaluation.evaluate`; unsolved instances are certified first."""
    return evaluation.evaluate(method, _certified(instances), episodes=episodes, **options)


def benchmark(
    instances: str | Path | InstanceSet, methods: Sequence[Any], *, episodes: int = 20, **options: Any
) -> Table:
    """Measure several methods on the same instances and starts, see :func:`annealrl.evaluation.benchmark`."""
    return evaluation.benchmark(_certified(instances), methods, episodes=episodes, **options)


def tune(instances: str | Path | InstanceSet, family: str, *, budget: int = 100, **options: Any) -> TuneResult:
    """Find the best schedule of a family with `budget` candidates, see :func:`annealrl.tuning.tune`.

    `options` are those of that function, except that its ``budget`` (what an episode may spend) is called ``episode``.
    """
    episode: Budget | None = options.pop("episode", None)
    return tuning.tune(_certified(instances), family, evaluations=budget, budget=episode, **options)


def _certified(instances: str | Path | InstanceSet) -> InstanceSet:
    if isinstance(instances, InstanceSet):
        certified: InstanceSet = load_object(_CERTIFY)(instances)
        return certified
    return load_instances(instances, certify=True)


def make_vec(env_id: str, num_envs: int = 1, **options: Any) -> AnnealingVectorEnv:
    """Make the batched environment `env_id`; the same as ``gymnasium.make_vec``."""
    import gymnasium as gym

    make: Callable[..., Any] = gym.make_vec
    env: AnnealingVectorEnv = make(env_id, num_envs=num_envs, **options)
    return env
