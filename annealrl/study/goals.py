"""The comparisons that the agents are judged by, each with what was wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from annealrl.registry import load_object
from annealrl.statistics import Ratio, n99, pooled_interval
from annealrl.study import plan
from annealrl.study.collection import Results
from annealrl.study.record import Record


class Goal(NamedTuple):
    """A ratio of n99 that is wanted at or below `limit`, and its upper end below `upper`; with `beside`, no verdict."""

    claim: str
    test: str
    rule: str
    agent: Record | None
    rival: Record | None
    limit: float
    upper: float
    wanted: str
    beside: str = ""


def goals(results: Results) -> Iterator[Goal]:
    """All of them, those without records included."""
    free = []
    for side in (10, 14, 16):
        test = f"cool-{side}"
        statics = (results.get(test, row.label) for row in plan.SINGLE_FLIP if row.family == "free")
        best = _best((static for static in statics if static is not None), "final")
        pair = results.get(test, f"agent ea2d-{side}"), best
        goal = Goal("temperature agent to tuned free static", test, "final", *pair, 1.0, 1.15, "≤ 1, upper end ≤ 1.15")
        free.append(goal)
        yield goal
    measured = [goal for goal in free if goal.agent is not None and goal.rival is not None]
    # Wanted at one side at least: the one where the interval ends lowest.
    lowest = min(measured, key=lambda goal: _ratio(goal).interval[1], default=free[0])
    yield lowest._replace(claim="the same, at one side at least", limit=0.9, upper=1.0, wanted="≤ 0.9, upper end < 1")
    for side in (10, 14, 16):
        test = f"cool-{side}"
        pair = results.get(test, f"agent ea2d-{side}"), results.get(test, f"agent ea2d-{side}-time")
        yield Goal("observing agent to time-only agent", test, "final", *pair, 1.0, 1.0, "upper end < 1")
    for test in ("cool-14", "cool-16", "ea3d-6"):
        agent = results.get(test, f"agent {plan.PROBLEMS[test].stem}-population")
        for rival in plan.POPULATION:
            claim, pair = f"population agent to {rival.label}", (agent, results.get(test, rival.label))
            yield Goal(claim, test, "best", *pair, 0.9, 1.0, "≤ 0.9, upper end < 1")
    for test in ("ea3d-8", "sk-100", "ea2d-24", "ea2d-32"):
        for (name, _, sweeps), record in results.table.items():
            # With other sweeps the rivals of the curves are those of the usual ones, stretched: not tuned there.
            tuned = sweeps == plan.PAPER.sweeps or (name, sweeps) in plan.FEW
            if (
                name == test
                and tuned
                and record.is_agent
                and ", seed " not in record.label
                and {"exchange", "cluster"} & set(record.moves)
            ):
                ladders = [r for r in results.of(name, sweeps) if r.label.startswith("tempering, isoenergetic")]
                for moving in (False, True):
                    known = [r for r in ladders if r.label.startswith(plan.MOVING) == moving]
                    ladder = _best(known, "best")
                    if ladder is None and moving:
                        continue  # not tuned there
                    claim = f"{record.label} to a tuned ladder that {'moves' if moving else 'rests'}, {sweeps} sweeps"
                    p = 0.0 if ladder is None else ladder.summary("best").p
                    beside = f"nothing to win: the ladder solves {p:.3f}" if p > 0.95 else ""
                    yield Goal(claim, test, "best", record, ladder, 0.9, 1.0, "≤ 0.9, upper end < 1", beside)
    yield from _mixed(results)
    for side in (14, 16):
        test = f"cool-{side}"
        pair = results.get(test, f"agent {plan.ANY_SIDE}"), results.get(test, f"agent ea2d-{side}")
        yield Goal("size-free agent to that of the side", test, "final", *pair, 1.3, float("inf"), "≤ 1.3")


def _mixed(results: Results) -> Iterator[Goal]:
    """Agents that see no couplings against methods that see none either, with the usual sweeps and with few."""
    test = plan.MIXED_SET
    for sweeps in (plan.PAPER.sweeps, *(count for name, count in plan.FEW if name == test)):
        name = plan.PROBLEMS[test].stem + (f"-{sweeps}" if sweeps != plan.PAPER.sweeps else "")
        agent = results.get(test, f"agent {name}", sweeps)
        statics = [f"tuned {family}" for family in ("linear", "geometric", "free")]
        adaptives = [row.label for row in plan.SINGLE_FLIP if row.label.startswith("adaptive")]
        for rivals, labels, limit in (
            ("best static schedule", statics, 0.5),
            ("best adaptive heuristic", adaptives, 1),
        ):
            found = (results.get(test, label, sweeps) for label in labels)
            best = _best((rival for rival in found if rival is not None), "final")
            claim = f"observing agent to {rivals}, {sweeps} sweeps"
            yield Goal(claim, test, "final", agent, best, limit, float("inf"), f"≤ {limit:g}")
        start = results.get(test, plan.MEASURED, sweeps)
        claim = f"observing agent to what it started from, {sweeps} sweeps"
        yield Goal(claim, test, "final", agent, start, 1.0, 1.0, "upper end < 1")


def _best(records: Iterable[Record], rule: str) -> Record | None:
    return max(records, key=lambda record: record.summary(rule).p, default=None)


def _ratio(goal: Goal) -> Ratio:
    assert goal.agent is not None
    assert goal.rival is not None
    return goal.agent.ratio(goal.rival, goal.rule)


def goal_rows(results: Results) -> list[list[str]]:
    """Cells of the table: claim, set, rule, ratio, wanted, verdict."""
    rows = [_row(goal) for goal in goals(results)]
    rows.insert(4, _published(results.get("cool-14", "agent ea2d-14")))
    return [*rows, *_trainings()]


def _trainings() -> Iterator[list[str]]:
    """Seconds of the trainings whose time is limited, as their histories have them."""
    history: Callable[[str], list[dict[str, Any]]] = load_object("annealrl.agents.catalogue:history")
    for names, limit, where in ((("ea2d-8", "ea2d-10"), 1800, "two cores"), (("ea2d-14",), 600, "16 cores, a GPU")):
        seconds = [history(name)[-1]["seconds"] for name in names]
        claim = f"seconds of training of {' and '.join(names)}"
        here = "two shared cores: " + ", ".join(f"{value:.0f}" for value in seconds)
        verdict = ("reached" if max(seconds) <= limit else "missed") if where == "two cores" else "not measured there"
        yield [claim, "–", "–", here, f"≤ {limit}, {where}", verdict]


def _row(goal: Goal) -> list[str]:
    cells = [goal.claim, goal.test, goal.rule]
    if goal.agent is None or goal.rival is None:
        return [*cells, "–", goal.wanted, "not measured yet"]
    found = _ratio(goal)
    said = goal.beside or verdict(found, goal.limit, goal.upper)
    return [*cells, _shown(found, goal.rival.label), goal.wanted, said]


def verdict(ratio: Ratio, limit: float, upper: float) -> str:
    """``reached`` or ``missed``; said to be lost where the interval lies above 1."""
    reached = ratio.value <= limit and (ratio.interval[1] < upper or (upper > 1 and ratio.interval[1] <= upper))
    if reached:
        return "reached"
    return "missed, lost" if ratio.interval[0] > 1 else "missed"


def _shown(ratio: Ratio, rival: str) -> str:
    return f"{ratio} to {rival}"


def _published(agent: Record | None) -> list[str]:
    cells = ["temperature agent to published agent", "cool-14", "final"]
    published = plan.PUBLISHED_RL[14]
    assert published is not None
    if agent is None:
        return [*cells, "–", "≤ 0.2", "not measured yet"]
    # Published as a single number: the interval is this agent's alone.
    low, high = pooled_interval(agent.solved["final"], agent.trials)
    found = Ratio(
        float(n99(agent.summary("final").p)) / published, (float(n99(high)) / published, float(n99(low)) / published)
    )
    return [*cells, _shown(found, f"{published:g}"), "≤ 0.2", verdict(found, 0.2, float("inf"))]
