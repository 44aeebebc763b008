"""The best member of a family of methods, found by CMA-ES on training instances.

The objective is the mean, over episodes, of how far the lowest eighth of the replicas stays above the ground state. Of
14 schedules on 60 tori of side 10 or 14, one episode on each, the pick by it was worse than the truly best by 0.01 to
0.03 in ln n99 on average; picks by the success probability by 0.04 to 0.24, by the lowest replica's energy by 0.03 to
0.24: most of what those say is the luck of one replica.

All candidates of a generation run on the same instances, starts and random numbers, which differ between generations so
that no candidate lives on the luck of one draw. At the end the centre of the search, the start and the best of the last
generations meet on fresh streams, where the success probability decides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from annealrl import schedules
from annealrl.baselines.families import Family, Setting, design_families, families
from annealrl.baselines.simulated import SimulatedMethod
from annealrl.errors import InputError
from annealrl.evaluation import Criterion
from annealrl.instance_set import InstanceSet
from annealrl.ising import IsingModel, ising_models
from annealrl.judging import BATCH, Tolerance, ground_energies, slacks
from annealrl.method import Budget, Outcome
from annealrl.registry import load_object
from annealrl.results import write_text
from annealrl.schedules import Schedule, coupling_scale
from annealrl.statistics import n99

#: Finds the instances that nothing may be tuned on, by their content.
TEST_INSTANCES = "annealrl.instances.catalogue:test_instances"
_FINALISTS = 5
# First spawn keys: a generation of the search, and the final.
_SEARCH, _FINAL, _PROPOSALS = 1, 2, 3


@dataclass(frozen=True)
class Trial:
    """A candidate: its generation (-1 in the final), parameters, objective (to be low) and success probability."""

    generation: int
    parameters: tuple[float, ...]
    objective: float
    p: float


@dataclass
class TuneResult:
    """What tuning found; a Method by the name of its family, ready for a benchmark.

    Attributes
    ----------
    name : str
        The family.
    method : SimulatedMethod
    p : float
        Success probability of the pick on the training instances, from streams that the search had not seen. Still the
        best of a few, so slightly too good; only held-out instances decide.
    history : tuple of Trial
    settings : dict
        Everything that the search was given.
    """

    name: str
    method: SimulatedMethod
    p: float
    history: tuple[Trial, ...]
    settings: dict[str, Any]

    @property
    def moves(self) -> frozenset[str]:
        """Of the method."""
        return self.method.moves

    @property
    def schedule(self) -> Schedule | None:
        """The tuned schedule; None for a family that looks at the replicas, lets them exchange or sets step sizes."""
        control = getattr(self.method, "control", None)
        stepped = getattr(self.method, "step_size", None) is not None
        return control if isinstance(control, Schedule) and not stepped else None

    @property
    def fingerprint(self) -> str:
        """Of the method."""
        return self.method.fingerprint

    def run(self, models: Sequence[Any], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        """Run the tuned method."""
        return self.method.run(models, budget, seeds)

    def description(self) -> dict[str, Any]:
        """What a schedule file holds: the schedule, or the text that spells the method."""
        return self.schedule.to_json() if self.schedule else {"kind": "method", "method": self.method.name}

    def save(self, path: str | Path) -> None:
        """Write a file that ``schedule:FILE.json`` reads."""
        content = {"annealrl_schedule": schedules.FORMAT, **self.description()}
        notes = {"family": self.name, "p_train": self.p, **self.settings}
        write_text(path, json.dumps({**content, "notes": notes}, indent=2) + "\n")

    def to_json(self) -> dict[str, Any]:
        """Everything, history included."""
        return {
            "family": self.name,
            "schedule": self.description(),
            "p_train": self.p,
            "settings": self.settings,
            "history": [asdict(trial) for trial in self.history],
        }

    def to_text(self) -> str:
        """A few lines for the terminal."""
        shown = ", ".join(f"{key} {_short(value)}" for key, value in self.description().items() if value is not None)
        number = float(n99(self.p))
        return f"{self.name}: {shown}\np {self.p:.3f}, n99 {number:.3g} on the training instances (fresh streams)"


def tune(
    instances: InstanceSet,
    family: str,
    *,
    evaluations: int = 100,
    budget: Budget | None = None,
    episodes: int = 1,
    criterion: Criterion = "best",
    tolerance: Tolerance = "exact",
    seed: int = 0,
    knots: int = 6,
    sigma_units: bool = False,
    out: str | Path | None = None,
    allow_test: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> TuneResult:
    """Find the best method of a family.

    Parameters
    ----------
    instances : InstanceSet
        Training instances, Ising models or designs, ground energies known.
    family : str
        One of :func:`families`, of which tempering is for Ising models alone, or, for designs alone, of
        :func:`~annealrl.baselines.families.design_families`.
    evaluations : int
        Candidates to try, repeats in the final included; each is `episodes` episodes on every instance.
    budget : Budget, optional
        What an episode may spend; schedules are tuned for it.
    tolerance : {"exact", "cool"}
        What counts as solved in the finalists' p, as in :func:`annealrl.evaluation.evaluate`.
    criterion : {"best", "final"}
        Which energies the objective and the success probability take.
    knots : int
        Of the families `free` and `population`.
    sigma_units : bool
        Tune static schedules in units of 1/σ of each instance (its ``energy_scale``), for sets of mixed scales.
    out : str or Path, optional
        Schedule file to write. Beside it goes ``….history.jsonl``: a search that was interrupted and is started again
        with the same settings goes on from there and ends where it would have.
    allow_test : bool
        Permit sets that are shipped for testing.
    progress : callable, optional
        Called with candidates tried and in all.

    Raises
    ------
    InputError
        If the family is unknown or not for these instances, the set is a test set, a ground energy is unknown or the
        history is another search's.
    """
    known = families(knots) | design_families()
    if family not in known:
        raise InputError(f"tune: family {family!r} is none of {', '.join(known)}")
    chosen = known[family]
    if chosen.designs is None:
        ising_models(instances, f"tune: family {family!r}")
    elif isinstance(instances.models[0], IsingModel):
        if family in design_families():
            raise InputError(f"tune: family {family!r} is for designs, whose moves have a size; Ising models are given")
    else:
        chosen = replace(chosen, start=chosen.designs)
    if evaluations < 1 or episodes < 1 or knots < 2:
        raise InputError(f"tune: evaluations {evaluations}, episodes {episodes}, knots {knots}; ≥ 1, 1, 2 are expected")
    if criterion not in ("best", "final"):
        raise InputError(f"tune: criterion is {criterion!r}; best or final is expected")
    if tolerance not in ("exact", "cool"):
        raise InputError(f"tune: tolerance is {tolerance!r}; exact or cool is expected")
    tested = [] if allow_test else load_object(TEST_INSTANCES)(instances)
    if tested:
        raise InputError(
            f"tune: {instances.name!r} holds test instances ({tested[0]}); only training instances are taken"
        )
    budget = budget or Budget()
    settings = {
        "instances": {"name": instances.name, "hash": instances.hash},
        "family": family,
        "evaluations": evaluations,
        "episodes_per_instance": episodes,
        "replicas": budget.replicas,
        "steps": budget.steps,
        "sweeps_per_step": budget.sweeps_per_step,
        "criterion": criterion,
        "tolerance": tolerance,
        "seed": seed,
        "knots": knots,
        "sigma_units": sigma_units,
    }
    scale = 1.0 if sigma_units else float(np.median([coupling_scale(model) for model in instances]))
    setting = Setting(scale, sigma_units, budget.replicas)
    search = _Search(chosen, instances, budget, episodes, (criterion, tolerance), seed, setting)
    search.progress, search.total = progress, evaluations
    if out is not None:
        search.open(Path(out).with_suffix(".history.jsonl"), settings)
    method, p = search.run(evaluations)
    result = TuneResult(family, method, p, tuple(search.trials), settings)
    if out is not None:
        result.save(out)
    return result


class _Search:
    """One run of the search, with what it has tried; replays a history instead of running where it has one."""

    def __init__(
        self,
        family: Family,
        instances: InstanceSet,
        budget: Budget,
        episodes: int,
        judged: tuple[Criterion, Tolerance],
        seed: int,
        setting: Setting,
    ) -> None:
        self.family, self.instances, self.budget, self.episodes = family, instances, budget, episodes
        (self.criterion, tolerance), self.seed, self.setting = judged, seed, setting
        self.slack = slacks(instances, tolerance)
        self.ground = ground_energies(instances)
        self.yardstick = np.array([model.yardstick for model in instances])
        self.trials: list[Trial] = []
        self.progress: Callable[[int, int], None] | None = None
        self.total = 0
        self._replay: list[Trial] = []
        self._file: Path | None = None

    def open(self, path: Path, settings: Mapping[str, Any]) -> None:
        """Read a history, or begin one."""
        self._file = path
        header = json.dumps({"tune": settings}, sort_keys=True)
        # The last piece is empty, or a line that a killed process left half-written.
        try:
            lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        except (OSError, UnicodeDecodeError):
            raise InputError(f"{path}: it cannot be read as UTF-8 text; remove it to start afresh") from None
        if lines and lines[0] != header:
            raise InputError(f"{path}: it is the history of another search; remove it or write elsewhere")
        try:
            self._replay = [Trial(**json.loads(line)) for line in lines[1:]]
        except (ValueError, TypeError):
            raise InputError(f"{path}: a line is no trial; remove the file to start afresh") from None
        write_text(path, "\n".join([header, *lines[1:]]) + "\n")

    def run(self, evaluations: int) -> tuple[SimulatedMethod, float]:
        """Search, then let the finalists meet; return the winner and its success probability."""
        import cma

        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(_PROPOSALS,)))
        # A fifth is kept for the final: a few finalists, each several times.
        reserve = evaluations // 5
        repeats = max(1, reserve // _FINALISTS)
        finalists = min(_FINALISTS, reserve // repeats)
        left = evaluations - finalists * repeats
        # cma would otherwise seed numpy's global generator.
        options = {"verbose": -9, "verb_log": 0, "seed": np.nan, "randn": lambda *shape: rng.standard_normal(shape)}
        strategy = cma.CMAEvolutionStrategy(list(self.family.start), 0.5, options)
        winners: list[Trial] = []
        generation = 0
        while left > 0:
            candidates = [tuple(float(v) for v in x) for x in strategy.ask()][:left]
            trials = [self._trial(generation, x, (_SEARCH, generation)) for x in candidates]
            winners.append(min(trials, key=lambda trial: trial.objective))
            left -= len(candidates)
            # A generation that the budget cuts short cannot be told, but its best may still be a finalist.
            if len(candidates) == strategy.popsize:
                strategy.tell(candidates, [trial.objective for trial in trials])
            generation += 1
        if finalists == 0:
            return self._build(winners[-1].parameters), winners[-1].p
        centre = [tuple(float(v) for v in strategy.mean)] if strategy.countiter else []
        latest, *earlier = [trial.parameters for trial in winners[::-1]]
        rest = [trial.parameters for trial in sorted(self.trials, key=lambda trial: trial.objective)]
        ranked = dict.fromkeys([*centre, latest, self.family.start, *earlier, *rest])
        best, best_score = latest, (-1.0, 0.0)
        for x in list(ranked)[:finalists]:
            played = [self._trial(-1, x, (_FINAL, repeat)) for repeat in range(repeats)]
            score = (float(np.mean([t.p for t in played])), -float(np.mean([t.objective for t in played])))
            if score > best_score:
                best, best_score = x, score
        return self._build(best), best_score[0]

    def _build(self, x: Sequence[float]) -> SimulatedMethod:
        return self.family.build(np.array(x), self.setting)

    def _trial(self, generation: int, x: tuple[float, ...], stream: tuple[int, int]) -> Trial:
        if len(self.trials) < len(self._replay):
            trial = self._replay[len(self.trials)]
            trial = Trial(trial.generation, tuple(trial.parameters), trial.objective, trial.p)
            if trial.generation != generation or not np.allclose(trial.parameters, x, rtol=1e-12, atol=1e-12):
                raise InputError(f"{self._file}: trial {len(self.trials)} is not this search's; remove the file")
        else:
            trial = Trial(generation, x, *self._measure(self._build(x), stream))
            if self._file is not None:
                with self._file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(trial)) + "\n")
        self.trials.append(trial)
        if self.progress is not None:
            self.progress(len(self.trials), self.total)
        return trial

    def _measure(self, method: SimulatedMethod, stream: tuple[int, int]) -> tuple[float, float]:
        lowest, solved = [], 0
        pairs = [(i, e) for i in range(len(self.instances)) for e in range(self.episodes)]
        for first in range(0, len(pairs), BATCH):
            chunk = pairs[first : first + BATCH]
            at = np.array([i for i, _ in chunk])
            seeds = [np.random.SeedSequence(self.seed, spawn_key=(*stream, *pair)) for pair in chunk]
            simulator = method.anneal([self.instances.models[i] for i in at], self.budget, seeds).simulator
            energies = simulator.best_energies if self.criterion == "best" else simulator.energies
            share = max(1, self.budget.replicas // 8)
            residual = np.partition(energies, share - 1, axis=1)[:, :share] - self.ground[at, None]
            solved += int((residual.min(axis=1) <= self.slack[at]).sum())
            lowest += (residual.mean(axis=1) / self.yardstick[at]).tolist()
        return float(np.mean(lowest)), solved / len(pairs)


def _short(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_short, value)) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
