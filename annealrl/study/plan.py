"""Which methods are measured on which sets with which budgets, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from annealrl.evaluation import with_sweeps
from annealrl.method import Budget

#: The paper's budget, that of all tables.
PAPER = Budget(replicas=64, steps=40, sweeps_per_step=100)
#: Stream of the test episodes.
SEED = 1
SIDES = (4, 6, 8, 10, 12, 14, 16)
#: n99 as published, by side (Mills, Ronagh and Tamblyn, Nat. Mach. Intell. 2, 509 (2020), Fig. 4d); None is infinity.
PUBLISHED_SA: dict[int, float | None] = {4: 0.826, 6: 1.68, 8: 5.01, 10: 24.96, 12: 265.0, 14: 7673.0, 16: None}
PUBLISHED_RL: dict[int, float | None] = {4: 0.0, 6: 1.04, 8: 1.85, 10: 6.68, 12: 15.7, 14: 93.6, 16: 304.7}
SWEEPS = (500, 1000, 2000, 4000, 8000, 16000)


@dataclass(frozen=True)
class Problem:
    """A test set and what belongs to it.

    Attributes
    ----------
    test, train : str
        Names of the sets.
    key : str
        What the files of schedules tuned for it end in.
    stem : str
        What names of agents trained for it begin with.
    """

    test: str
    train: str
    key: str
    stem: str


def _cool(side: int) -> Problem:
    return Problem(f"cool-{side}", f"ea2d-{side}-train", str(side), f"ea2d-{side}")


def _own(name: str) -> Problem:
    return Problem(name, f"{name}-train", name, name)


PROBLEMS = {
    problem.test: problem
    for problem in (
        *map(_cool, SIDES),
        *map(_own, ("ea2d-24", "ea2d-32", "ea3d-6", "ea3d-8", "sk-100")),
        Problem("ea2d-mixed-scale-10", "ea2d-mixed-scale-10-train", "mixed-scale-10", "ea2d-mixed-scale"),
    )
}


@dataclass(frozen=True)
class Row:
    """A method of a table, the same for all sets.

    Attributes
    ----------
    label : str
    source : str
        A text of the method grammar, or ``tuned:FAMILY[:sigma|:scaled|:SET[@SWEEPS]]``: the tuned member of a family;
        with ``sigma`` tuned in units of 1/σ, with ``scaled`` the one tuned in β, times the median σ of its training
        instances, with the name of a test set the one that was tuned for that. Tuned with the budget of the tables,
        with so many sweeps, or with its own where the row is one of :data:`FEW`.
    """

    label: str
    source: str

    @property
    def family(self) -> str | None:
        """The tuned family, if it is one."""
        return self.source.split(":")[1] if self.source.startswith("tuned:") else None


_STATIC = tuple(Row(f"tuned {family}", f"tuned:{family}") for family in ("linear", "geometric", "free"))
_ADAPTIVE = (
    Row("adaptive, acceptance", "tuned:adaptive"),
    Row("adaptive, speed", "tuned:adaptive-speed"),
)
SINGLE_FLIP = (
    Row("cool-published", "cool-published"),
    *_STATIC,
    # Searches of the same size find less where fewer episodes succeed; a neighbour's schedule may be the better rival.
    Row("free tuned at side 14", "tuned:free:cool-14"),
    *(Row(f"{row.label} in β·σ", f"{row.source}:scaled") for row in _STATIC),
    *_ADAPTIVE,
)
SELECTING = "population annealing, selection tuned"
POPULATION = (Row("population annealing", "tuned:population"), Row(SELECTING, "tuned:population-select"))
INTERACTING = (
    *POPULATION,
    Row("tempering", "tuned:tempering"),
    Row("tempering, isoenergetic", "tuned:tempering-icm"),
)
#: What the agents of unknown scales start from: nothing learned, but β in a unit that is measured at the start.
MEASURED = "tuned free in the measured unit"


def _mixed(agent: str) -> tuple[Row, ...]:
    """Single flips on scales that differ by up to a hundred: what is tuned in β·σ knows J, which nothing else does."""
    return (*_STATIC, *_ADAPTIVE, Row("tuned free in β·σ", "tuned:free:sigma"), Row(MEASURED, f"neutral:{agent}"))


MOVING = "tempering, isoenergetic, moving ladder"
EXCHANGING = (*INTERACTING, Row(MOVING, "tuned:tempering-icm-moving"))
#: Further ladders on cubes of side 8, which leave something to win with the budget of the tables: an agent of side 6
#: learned from what was tuned there with 500 sweeps, at an eighth of the price, so these have to stand beside it.
LADDERS = (
    EXCHANGING[-1],
    Row("tempering, isoenergetic, tuned at side 6", "tuned:tempering-icm:ea3d-6@500"),
    Row(f"{MOVING}, tuned at side 6", "tuned:tempering-icm-moving:ea3d-6@500"),
)
#: Tables at fewer sweeps, where what is easy with the tables' budget is not: everything is tuned with that few.
FEW: Mapping[tuple[str, int], tuple[Row, ...]] = {
    ("ea2d-24", 500): EXCHANGING,
    ("ea3d-6", 500): EXCHANGING,
    ("sk-100", 500): EXCHANGING,
    ("ea2d-mixed-scale-10", 1000): _mixed("ea2d-mixed-scale-1000"),
    ("ea2d-mixed-scale-10", 500): (*_mixed("ea2d-mixed-scale-500"), *EXCHANGING),
}
#: The best of each kind, for the curves over sweeps; single flips solve next to nothing at side 24.
CURVES = {"cool-14": (_STATIC[2], *_ADAPTIVE[1:], *INTERACTING), "ea2d-24": INTERACTING}
#: Agents of these curves: what follows the stem of the set.
LEARNED = ("", "-population", "-all")

SINGLE_FLIP_SETS = tuple(f"cool-{side}" for side in SIDES)
#: Where population annealing alone stands beside the population agent; the other rivals solve all.
POPULATION_SETS = ("cool-8", "cool-10", "cool-12")
INTERACTING_SETS = ("cool-14", "cool-16", "ea2d-24", "ea2d-32", "ea3d-6", "ea3d-8", "sk-100", "ea2d-mixed-scale-10")
MIXED_SET = "ea2d-mixed-scale-10"
#: Agents by name beside those whose name begins with the set's.
ANY_SIDE = "ea2d-sizefree"
#: Sets on which agents are measured with the tables' budget though they learned with fewer sweeps or on another set.
ELSEWHERE = {
    "ea2d-10": ("cool-4", "cool-6"),
    "ea2d-10-time": ("cool-4", "cool-6", "cool-8"),
    "ea2d-24-all": ("cool-14", "cool-16", "ea2d-24", "ea2d-32"),
    "ea3d-6-all": ("ea3d-6", "ea3d-8"),
    "sk-100-all": ("sk-100",),
    "ea2d-mixed-scale-all": (MIXED_SET,),
    "ea2d-16-population": ("ea2d-24", "ea2d-32"),
    "ea3d-6-population": ("ea3d-8",),
}


@dataclass(frozen=True)
class Job:
    """A row on a set with a budget."""

    row: Row
    problem: Problem
    budget: Budget


#: Sets in the order of their weight.
_ORDER = (
    "cool-14",
    "cool-10",
    "cool-16",
    "ea3d-6",
    "ea2d-mixed-scale-10",
    "cool-12",
    "cool-8",
    "ea2d-24",
    "cool-6",
    "cool-4",
    "ea3d-8",
    "sk-100",
    "ea2d-32",
)


@dataclass(frozen=True)
class Trained:
    """An agent: its name, for a further training of it the seed and the directory, and the sweeps it learned with."""

    name: str
    seed: int | None = None
    path: str | None = None
    sweeps: int = PAPER.sweeps

    @property
    def row(self) -> Row:
        """The row of the agent."""
        label = f"agent {self.name}" if self.seed is None else f"agent {self.name}, seed {self.seed}"
        return Row(label, f"agent:{self.path or self.name}")


def agent_rows(problem: Problem, agents: Sequence[Trained]) -> list[Row]:
    """The agents that are measured on a set: those named after it, and those of any side."""
    flat = problem.test.startswith(("cool-", "ea2d-24", "ea2d-32"))
    stems = [problem.stem, *([ANY_SIDE] if flat else [])]
    return [
        agent.row for agent in agents if any(agent.name == stem or agent.name.startswith(f"{stem}-") for stem in stems)
    ]


def rows(problem: Problem) -> tuple[Row, ...]:
    """All rivals that are measured on a set with the paper's budget."""
    found: tuple[Row, ...] = ()
    if problem.test == MIXED_SET:
        found += _mixed(problem.stem)
    if problem.test in SINGLE_FLIP_SETS:
        # At its own side it is the same row.
        found += tuple(row for row in SINGLE_FLIP if not row.source.endswith(f":{problem.test}"))
    if problem.test in POPULATION_SETS:
        found += POPULATION
    if problem.test in INTERACTING_SETS:
        found += INTERACTING
    if problem.test == "ea3d-8":
        found += LADDERS
    return found


def jobs(agents: Sequence[Trained]) -> Iterator[Job]:
    """Everything, the most important first: tables, then the curves over sweeps."""
    usual = [agent for agent in agents if agent.sweeps == PAPER.sweeps]
    for name in _ORDER:
        problem = PROBLEMS[name]
        others = [agent.row for agent in agents if agent.seed is None and name in ELSEWHERE.get(agent.name, ())]
        for row in (*rows(problem), *agent_rows(problem, usual), *others):
            yield Job(row, problem, PAPER)
    for (name, sweeps), chosen in FEW.items():
        problem = PROBLEMS[name]
        for row in (*chosen, *agent_rows(problem, [agent for agent in agents if agent.sweeps == sweeps])):
            yield Job(row, problem, with_sweeps(PAPER, sweeps))
    for name, kinds in CURVES.items():
        problem = PROBLEMS[name]
        learned = [agent for agent in agents if agent.seed is None and agent.name.removeprefix(problem.stem) in LEARNED]
        for sweeps in SWEEPS:
            if sweeps == PAPER.sweeps:
                continue
            there = {row.label for row in FEW.get((name, sweeps), ())}
            # With the sweeps that it learned with, an agent has its row above.
            for row in (*kinds, *(agent.row for agent in learned if agent.sweeps != sweeps)):
                if row.label not in there:
                    yield Job(row, problem, with_sweeps(PAPER, sweeps))


#: Families whose replicas interact.
_EXCHANGING = {row.family for row in (*INTERACTING, *(row for rows in FEW.values() for row in rows))} - {
    row.family for row in (*_STATIC, *_ADAPTIVE)
}


@dataclass(frozen=True)
class Tuning:
    """A search that the rows need: a family on the training instances of a problem.

    The `criterion` is the end of the anneal for single flips, as in the paper, and the best of any step for replicas
    that interact.
    """

    family: str
    problem: Problem
    sigma: bool = False
    budget: Budget = PAPER

    @property
    def criterion(self) -> str:
        """Which energies decide."""
        return "best" if self.family in _EXCHANGING else "final"

    @property
    def file(self) -> str:
        """Where the result is kept."""
        few = "" if self.budget == PAPER else f"-{self.budget.sweeps}"
        return f"tuned-{self.family}{'-sigma' * self.sigma}-{self.problem.key}{few}.json"


def tuning_of(job: Job) -> Tuning | None:
    """The search that the row of a job needs, if any."""
    row = job.row
    if row.family is None:
        return None
    where, _, sweeps = row.source.rpartition(":")[2].partition("@")
    few = FEW.get((job.problem.test, job.budget.sweeps), ())
    budget = with_sweeps(PAPER, int(sweeps)) if sweeps else job.budget if row in few else PAPER
    return Tuning(row.family, PROBLEMS.get(where, job.problem), where == "sigma", budget)


def tunings() -> list[Tuning]:
    """All searches, in the order of the tables."""
    needed = map(tuning_of, jobs(()))
    return list(dict.fromkeys(found for found in needed if found is not None))
