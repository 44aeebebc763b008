"""The two published tasks that have an analytic simulator, and who stands in their tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from annealrl import api
from annealrl.baselines.grammar import parse_method
from annealrl.cli.output import progress_bar
from annealrl.inverse import forward, inverse, judge
from annealrl.inverse.dataset import Designs, simulate
from annealrl.inverse.forward import Proposals, Surrogate
from annealrl.inverse.judge import Trace
from annealrl.inverse.networks import SIZES, Sizes
from annealrl.inverse.stages import Stage, tuned_steps
from annealrl.method import Budget

CALLS = 200
#: Held-out targets, as many as the published methods had.
TARGETS = 500
#: By hand: β in units of the energy's scale, step sizes in ranges.
SCHEDULE = "geometric:3:3000:sigma:step=0.4:to=0.01"
#: Candidates of tuning the annealing rows, and training targets that each of them has.
CANDIDATES, TRAINING = {"shell": 60, "stack": 200}, 12
#: Of the searches through a surrogate, on two cores; the published numbers are the functions' own defaults.
ADJOINT: dict[str, Any] = {"starts": 128, "steps": 60, "rate": 0.03}
GENETIC: dict[str, Any] = {"population": 256, "generations": 40, "elite": 64}


@dataclass(frozen=True)
class Task:
    """An instance set and the published errors: (r_1, r_200) by method."""

    source: str
    published: Mapping[str, tuple[float, float | None]]


#: Ren et al. (2022), Table 3.
TASKS = {
    "shell": Task(
        "env:NanoparticleShell-v0",
        {
            "NA": (3.60e-3, 1.58e-3),
            "GA": (3.91e-3, 3.02e-3),
            "NN": (6.12e-3, None),
            "Tandem": (7.13e-3, None),
            "INN": (1.08e-2, 9.36e-3),
            "cINN": (9.03e-2, 1.03e-2),
            "MDN": (1.02e-1, 8.05e-3),
            "VAE": (1.09e-2, 1.91e-3),
        },
    ),
    "stack": Task(
        "env:GrapheneStack-v0",
        {
            "NA": (1.22e-6, 5.83e-7),
            "GA": (1.39e-6, 1.36e-6),
            "NN": (6.37e-7, None),
            "Tandem": (4.37e-6, None),
            "INN": (1.30e-3, 1.29e-3),
            "cINN": (9.38e-6, 3.78e-7),
            "MDN": (3.95e-5, 3.03e-7),
            "VAE": (1.86e-6, 2.46e-7),
        },
    ),
}


@dataclass(frozen=True)
class Contender:
    """A row of the table: what it does on target i, and what it was trained on.

    Attributes
    ----------
    run : callable
        (model, i) to (:class:`~annealrl.inverse.judge.Trace`, calls of the surrogate).
    training : callable
        Number of simulated training designs, or of calls that tuning took.
    training_seconds : callable
        Processor seconds of simulating them and of training; what has to be trained or tuned is, when it is asked for.
        None where they are not known.
    targets : int
        How many it is measured on.
    kind : "scale", "proposals", "descent" or "search"
        A scale proposes nothing; proposals are simulated in their order; a descent works through the true simulator,
        so that its first call says nothing about one proposal; of a search the last call's error alone is known.
    """

    name: str
    run: Callable[[Any, int], tuple[Trace, int]]
    training: Callable[[], int] = lambda: 0
    training_seconds: Callable[[], float | None] = lambda: 0.0
    targets: int = TARGETS
    kind: str = "proposals"


class Learned:
    """The training set and the networks of a task, made when they are first asked for."""

    def __init__(self, task: str, runs: Path, sizes: Sizes | None = None) -> None:
        self.task, self.runs, self.sizes = task, runs, sizes or SIZES[task]
        self.data, self.surrogate, self.network = cache(self._data), cache(self._surrogate), cache(self._network)

    def _data(self) -> Designs:
        problem = api.load_instances(f"{TASKS[self.task].source},split=train:1").models[0]
        with progress_bar(f"simulate {self.task}") as bar:
            file = self.runs / f"designs-{self.task}-0.npz"
            return simulate(problem, self.sizes.designs, seed=0, file=file, progress=bar)

    def _surrogate(self) -> Surrogate:
        with progress_bar("train the surrogate") as bar:
            return forward.fit_forward(self.data(), self.sizes, progress=bar)

    def _network(self, kind: str) -> inverse.Inverse:
        with progress_bar(f"train {kind}") as bar:
            if kind == "tandem":
                return inverse.fit_tandem(self.data(), self.sizes, self.surrogate(), progress=bar)
            fits: dict[str, Any] = {
                "direct": inverse.fit_direct,
                "mixture": inverse.fit_mixture,
                "autoencoder": inverse.fit_autoencoder,
            }
            found: inverse.Inverse = fits[kind](self.data(), self.sizes, progress=bar)
            return found

    def mean(self, model: Any, i: int) -> tuple[Trace, int]:
        """The mean spectrum of the training set: no design at all, the scale of the errors."""
        return Trace(np.array([((self.data().spectra.mean(axis=0) - target_of(model)) ** 2).mean()])), 0

    def nearest(self, model: Any, i: int) -> tuple[Trace, int]:
        """Designs of the training set."""
        return judge.resimulate(model, judge.nearest(self.data(), target_of(model), CALLS)), 0

    def nearest_polished(self, model: Any, i: int) -> tuple[Trace, int]:
        """The same as starts of least squares, one after the other."""
        return judge.descend_from(model, judge.nearest(self.data(), target_of(model), 40), CALLS), 0

    def nearest_in_rounds(self, model: Any, i: int) -> tuple[Trace, int]:
        """The same as starts of least squares, all for a few calls, then the best of them on."""
        return judge.descend_in_rounds(model, judge.nearest(self.data(), target_of(model), 30), CALLS), 0

    def through(self, search: Callable[..., Proposals], polished: bool, model: Any, i: int) -> tuple[Trace, int]:
        """Proposals by a search of the surrogate, simulated or polished."""
        found = search(self.surrogate(), target_of(model), seed=i)
        return (_polished if polished else judge.resimulate)(model, found.points), found.surrogate_calls

    def proposed(self, kind: str, polished: bool, model: Any, i: int) -> tuple[Trace, int]:
        """Proposals by an inverse network."""
        found = self.network(kind).propose(target_of(model), proposals=CALLS, seed=i)
        return (_polished if polished else judge.resimulate)(model, found.points), found.surrogate_calls

    def seconds(self, *kinds: str) -> float:
        """Of simulating the training set and of training networks; ``surrogate`` is one of them."""
        spent = [self.surrogate().seconds if kind == "surrogate" else self.network(kind).seconds for kind in kinds]
        return self.data().seconds + sum(spent)


def target_of(model: Any) -> Any:
    """The wanted spectrum of a film or a sphere."""
    return model.wanted if hasattr(model, "wanted") else model.target


def _polished(model: Any, points: Any) -> Trace:
    return judge.descend_from(model, points, CALLS)


def one_replica(calls: int, n: int) -> Budget:
    """One replica on n coordinates within a number of calls."""
    sweeps = max(1, (calls - 13) // (12 * n))
    # A step costs its proposals and an energy at its end: as many of them as the calls allow, about twelve if they can.
    return Budget(1, max(1, (calls - 1) // (sweeps * n + 1)), sweeps, threads=1)


def tuned_task(stage: Stage, task: str) -> tuple[str, int]:
    """The schedule that is best within :data:`CALLS` on training targets, and the calls of tuning it."""
    source = f"{TASKS[task].source},split=train:{TRAINING}"
    n = api.load_instances(source).models[0].n
    budget = one_replica(CALLS, n)
    text = tuned_steps(stage, source, budget, f"{task}-{CALLS}", CANDIDATES[task])
    return text, CANDIDATES[task] * TRAINING * (budget.sweeps * n + budget.steps + 1)


def _annealed(text: Callable[[], str], calls: int, model: Any, i: int) -> tuple[Trace, int]:
    """One replica, within a number of calls: the energies at the step boundaries, whatever calls lie between."""
    budget = one_replica(calls, model.n)
    outcome = parse_method(text()).run([model], budget, [np.random.SeedSequence(4, spawn_key=(i,))])
    spent = int(np.ceil(outcome.evaluations or 0))
    # Nothing is said to have been found before the last call.
    energies = np.full(max(1, spent), model.energy_scale * 2)
    energies[-1] = outcome.best_energies[0]
    return Trace(energies[:calls]), 0


def contenders(task: str, runs: Path, tuned: Callable[[], tuple[str, int]] = lambda: (SCHEDULE, 0)) -> list[Contender]:
    """All rows of the table of a task, the scale first.

    `tuned` says what is annealed, and how many calls it took to find that, when it is asked for.
    """
    learned = Learned(task, runs)
    count = lambda: len(learned.data())  # noqa: E731
    forward_only = partial(learned.seconds, "surrogate")
    adjoint, genetic = partial(forward.neural_adjoint, **ADJOINT), partial(forward.genetic, **GENETIC)
    in_rounds = "nearest designs, then least squares in two rounds"
    through, proposed = learned.through, learned.proposed
    alone = {
        "least squares, random starts": (partial(_gradients, "lsq"), "descent"),
        "L-BFGS-B, random starts": (partial(_gradients, "lbfgs"), "descent"),
        "CMA-ES": (partial(_searched, "cma"), "search"),
        "differential evolution, 16 designs": (partial(_searched, "de:size=16"), "search"),
        "random": (partial(_searched, "random"), "search"),
    }
    rows = [
        Contender("mean predictor", learned.mean, count, learned.seconds, kind="scale"),
        Contender(in_rounds, learned.nearest_in_rounds, count, learned.seconds, kind="descent"),
        Contender("nearest designs", learned.nearest, count, learned.seconds),
        Contender("neural adjoint", partial(through, adjoint, False), count, forward_only),
        Contender("genetic algorithm", partial(through, genetic, False), count, forward_only),
    ]
    networks = {
        "direct network": ("direct",),
        "tandem": ("surrogate", "tandem"),
        "MDN": ("mixture",),
        "cVAE": ("autoencoder",),
    }
    for name, kinds in networks.items():
        rows.append(Contender(name, partial(proposed, kinds[-1], False), count, partial(learned.seconds, *kinds)))
    polished: dict[str, tuple[Callable[[Any, int], tuple[Trace, int]], Callable[[], float]]] = {
        "nearest designs, then least squares": (learned.nearest_polished, learned.seconds),
        "neural adjoint, then least squares": (partial(through, adjoint, True), forward_only),
        "cVAE, then least squares": (
            partial(proposed, "autoencoder", True),
            partial(learned.seconds, "autoencoder"),
        ),
    }
    rows += [Contender(name, run, count, spent, kind="descent") for name, (run, spent) in polished.items()]
    rows += [Contender(name, run, kind=kind) for name, (run, kind) in alone.items()]
    annealed = partial(_annealed, lambda: tuned()[0], CALLS)

    def searched() -> None:
        tuned()  # before any clock starts

    return [*rows, Contender("annealing, one replica, tuned", annealed, lambda: tuned()[1], searched, kind="search")]


def _gradients(kind: str, model: Any, i: int) -> tuple[Trace, int]:
    return judge.descend_at_random(model, kind, CALLS, seed=i), 0


def _searched(kind: str, model: Any, i: int) -> tuple[Trace, int]:
    """As :func:`_annealed`: the lowest energy is said to have been found by the last call."""
    most = Budget(1, 1, (CALLS - 2) // model.n, threads=1)
    outcome = parse_method(f"search:{kind}").run([model], most, [np.random.SeedSequence(4, spawn_key=(i,))])
    energies = np.full(int(outcome.evaluations or 1), model.energy_scale * 2)
    energies[-1] = outcome.best_energies[0]
    return Trace(energies), 0
