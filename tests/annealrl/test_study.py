"""The tables of results: measured in blocks, compared by the same moves, made from the records alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annealrl.api import load_instances
from annealrl.baselines.grammar import parse_method
from annealrl.errors import InputError
from annealrl.evaluation import evaluate
from annealrl.instances.catalogue import test_instances as find_test_instances
from annealrl.kernels import jit
from annealrl.method import Budget, Method, Outcome
from annealrl.statistics import summarize
from annealrl.study import plan
from annealrl.study.collection import Results, compared, rival
from annealrl.study.figures import draw_all
from annealrl.study.goals import goal_rows
from annealrl.study.measure import drop_stale, measure, method_of, record_path, tune
from annealrl.study.record import RECORDS, Record
from annealrl.study.report import BEGIN, END, write_page

SMALL = Budget(replicas=4, steps=4, sweeps_per_step=3, threads=1)
compiled = pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")


@dataclass
class Counting:
    """Runs another method and keeps how many episodes it was asked for, warming up included."""

    method: Method
    asked: int = 0

    @property
    def name(self) -> str:
        return self.method.name

    @property
    def moves(self) -> frozenset[str]:
        return self.method.moves

    def run(self, models: Sequence[Any], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        self.asked += len(models)
        return self.method.run(models, budget, seeds)


def job(source: str = "linear:0:3", test: str = "cool-6") -> plan.Job:
    return plan.Job(plan.Row(source, source), plan.PROBLEMS[test], SMALL)


def made(
    label: str, solved: Sequence[int], test: str = "cool-14", moves: Sequence[str] = ("flip",), **more: Any
) -> Record:
    """A record that nobody measured."""
    counts = list(solved)
    record = Record(
        label=label,
        method="agent:x" if label.startswith("agent") else "y",
        fingerprint=label,
        moves=tuple(moves),
        instances={"name": test, "hash": "0", "grounds": "0"},
        certified=len(counts),
        replicas=64,
        steps=40,
        sweeps_per_step=100,
        seed=1,
        threads=1,
        episodes=20,
        solved={"best": counts, "final": counts},
        residual_per_spin={"best": 0.1, "final": 0.2},
        seconds=10.0,
        processor_seconds=8.0,
        attempted_updates=1000,
    )
    return replace(record, **more)


def keep(folder: Path, *records: Record) -> None:
    for k, record in enumerate(records):
        record.save(folder / RECORDS / f"{k}.json")


@compiled
def test_blocks_of_episodes_are_the_whole_and_are_run_once(tmp_path: Path) -> None:
    instances = load_instances("cool-6:4")
    counting = Counting(parse_method("linear:0:3"))
    first = measure(job(), counting, tmp_path, episodes=3, instances=instances)
    assert (first.episodes, counting.asked) == (3, 12 + 1)
    whole = measure(job(), counting, tmp_path, episodes=12, instances=instances)
    assert (whole.episodes, counting.asked) == (12, 48 + 2)
    once = evaluate("linear:0:3", instances, episodes=12, budget=SMALL, seed=plan.SEED)
    assert whole.solved["best"] == [row.best_successes for row in once.per_instance]
    assert whole.solved["final"] == [row.final_successes for row in once.per_instance]
    assert whole.residual_per_spin["best"] == pytest.approx(once.mean_residual_energy_per_spin)
    assert whole.attempted_updates == once.attempted_updates
    assert 0 < sum(whole.solved["best"]) < 48
    again = measure(job(), counting, tmp_path, episodes=10, instances=instances)
    assert (again, counting.asked) == (whole, 48 + 2)
    assert Record.load(record_path(tmp_path, job())) == whole
    # The same method by another label is not run again either.
    other = replace(job(), row=plan.Row("other", "linear:0:3"))
    assert measure(other, counting, tmp_path, episodes=12, instances=instances) == replace(whole, label="other")
    assert Record.load(record_path(tmp_path, other)).label == "other"
    assert counting.asked == 48 + 2


@compiled
def test_what_has_changed_is_measured_anew(tmp_path: Path) -> None:
    instances = load_instances("cool-6:3")
    measure(job(), parse_method("linear:0:3"), tmp_path, episodes=2, instances=instances)
    retrained = Counting(parse_method("linear:0:2"))
    record = measure(job(), retrained, tmp_path, episodes=2, instances=instances)
    assert (retrained.asked, record.method) == (6 + 1, "linear:0:2")
    mended = replace(
        instances, ground_energies=instances.ground_energies - 1, ground_spins=(None,) * 3, statuses=("putative",) * 3
    )
    assert measure(job(), retrained, tmp_path, episodes=2, instances=mended).solved["best"] == [0, 0, 0]
    assert retrained.asked == 12 + 2


@compiled
def test_searches_are_done_once_and_feed_their_rows(tmp_path: Path) -> None:
    problem = plan.PROBLEMS["cool-4"]
    rows = {row.label: row for row in plan.SINGLE_FLIP}
    free, scaled = (plan.Job(rows[label], problem, SMALL) for label in ("tuned free", "tuned free in β·σ"))
    assert method_of(free, tmp_path) is None
    task = plan.tuning_of(free)
    assert task is not None
    ticks: list[int] = []
    for _ in range(2):
        tune(
            task,
            tmp_path,
            tmp_path / "work",
            candidates=3,
            training=2,
            threads=1,
            progress=lambda done, total: ticks.append(done),
        )
    assert ticks == [1, 2, 3]
    in_beta, in_sigma = method_of(free, tmp_path), method_of(scaled, tmp_path)
    assert in_beta is not None
    assert in_sigma is not None
    # On an instance with the median σ of the training instances the two are the same schedule.
    training = load_instances("ea2d-4-train:2")
    sigma = float(np.median([model.energy_scale for model in training]))
    model = training.models[0]
    seeds = [np.random.SeedSequence(0)]
    betas = [m.run([model], Budget(1, 5, 1, 1), seeds).betas for m in (in_beta, in_sigma)]
    assert betas[0] is not None
    assert betas[1] is not None
    np.testing.assert_allclose(betas[1], betas[0] * sigma / model.energy_scale, rtol=1e-4)


def test_the_plan_tunes_on_training_instances_alone() -> None:
    for task in plan.tunings():
        assert task.problem.train.endswith("-train")
        assert not find_test_instances(load_instances(f"{task.problem.train}:3"))
    agents = [
        "ea2d-10",
        "ea2d-10-time",
        "ea2d-14-population",
        "ea2d-sizefree",
        "ea2d-mixed-scale",
        "wsc",
    ]
    jobs = list(plan.jobs([*map(plan.Trained, agents), plan.Trained("ea3d-6-all", sweeps=500)]))
    paths = [record_path(Path(), one) for one in jobs]
    assert len(set(paths)) == len(paths)
    measured = {(one.problem.test, one.row.label) for one in jobs if one.row.label.startswith("agent")}
    assert {test for test, label in measured if label == "agent ea2d-10-time"} == {
        "cool-10",
        "cool-4",
        "cool-6",
        "cool-8",
    }
    assert {test for test, label in measured if label == "agent ea2d-mixed-scale"} == {plan.MIXED_SET}
    assert {test for test, label in measured if label == "agent ea2d-sizefree"} == {
        *plan.SINGLE_FLIP_SETS,
        "ea2d-24",
        "ea2d-32",
    }
    assert not any(label == "agent wsc" for _, label in measured)


def test_rivals_move_as_the_method_may_and_know_no_more() -> None:
    flips = made("tuned free", [5] * 12)
    resampling = made("population annealing", [15] * 12, moves=("flip", "resample"))
    agent = made("agent ea2d-14", [10, 11] * 6)
    together = [flips, resampling, agent, made("agent other", [20] * 12)]
    assert rival(agent, together, "best") is flips
    assert compared(agent, together, "best").startswith("won: ")
    assert compared(flips, [flips, resampling], "best") == "–"
    wide = made("agent population", [9] * 12, moves=("flip", "resample"))
    assert rival(wide, [*together, wide], "best") is resampling
    assert compared(wide, [*together, wide], "best").startswith("lost: ")
    blind = [replace(r, instances={**r.instances, "name": plan.MIXED_SET}) for r in (agent, flips)]
    known = made("tuned free in β·σ", [18] * 12, test=plan.MIXED_SET)
    assert rival(blind[0], [*blind, known], "best") is blind[1]


def test_estimates_are_those_of_the_statistics() -> None:
    record = made("x", [0, 3, 20, 7, 7, 1, 12, 18, 4, 9, 2, 5])
    short, whole = record.summary("best"), summarize(record.solved["best"], record.trials)
    assert all(value == getattr(whole, key) for key, value in short._asdict().items())


def test_page_and_figures_come_from_the_records_alone(tmp_path: Path) -> None:
    out = tmp_path / "results"
    page = tmp_path / "results.md"
    counts = [3, 5, 8, 2, 9, 4, 6, 7, 1, 5, 12, 10]
    more = [k + 6 for k in counts]
    sweeps = {"steps": 40, "sweeps_per_step": 50}
    keep(
        out,
        made("tuned free", more),
        made("agent ea2d-14", counts),
        made("population annealing", more, moves=("flip", "resample")),
        made("population annealing", counts, moves=("flip", "resample"), **sweeps),
        made("agent ea2d-14-population", [20] * 12, moves=("flip", "resample")),
        made("agent ea2d-14, seed 1", more),
        made("tempering, isoenergetic", [20] * 12, moves=("cluster", "exchange", "flip"), test="sk-100"),
        made("agent sk-100-all", [20] * 12, moves=("cluster", "exchange", "flip"), test="sk-100"),
        made("agent sk-100-all", [20] * 12, moves=("cluster", "exchange", "flip"), test="sk-100", **sweeps),
    )
    (out / "exact-seconds.json").write_text(
        json.dumps({"cool-14": {"instances": 2, "proven": 2, "processor_seconds": [0.1, 0.3]}})
    )
    jobs = list(plan.jobs([plan.Trained("ea2d-14")]))
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert [path.name for path in draw_all(out)] == ["n99-by-side.png", "sweeps-cool-14.png"]
    write_page(page, out, jobs)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    row = next(line for line in text.splitlines() if line.startswith("| agent ea2d-14 |"))
    assert "| lost: " in row
    assert "to tuned free" in row
    assert "the exact solver takes 0.2 s" in text
    assert "results/sweeps-cool-14.png" in text
    assert "- cool-14, 4000 sweeps: cool-published, tuned linear" in text
    write_page(page, out, jobs)
    assert page.read_text() == text
    goals = {(row[0], row[1]): row for row in goal_rows(Results(out))}
    assert goals["temperature agent to tuned free static", "cool-14"][-1] == "missed, lost"
    assert goals["temperature agent to tuned free static", "cool-16"][-1] == "not measured yet"
    assert goals["population agent to population annealing", "cool-14"][-1] == "reached"
    assert goals["the same, at one side at least", "cool-14"][-1] == "missed, lost"
    nothing = goals["agent sk-100-all to a tuned ladder that rests, 4000 sweeps", "sk-100"]
    assert nothing[-1] == "nothing to win: the ladder solves 1.000"
    # Rivals that were tuned with other sweeps make no goal.
    assert not any("2000 sweeps" in claim for claim, _ in goals)
    assert goals["seconds of training of ea2d-14", "–"][-2:] == ["≤ 600, 16 cores, a GPU", "not measured there"]
    seeds = next(line for line in text.splitlines() if line.startswith("| agent ea2d-14, 4000 sweeps | cool-14 |"))
    assert seeds.count("1: ") == 2
    assert "1: open: 1 [1, 1] to tuned free" in seeds
    page.write_text("no markers\n")
    with pytest.raises(InputError, match="one line"):
        write_page(page, out, jobs)


def test_records_that_are_none_are_refused_and_stale_ones_dropped(tmp_path: Path) -> None:
    one = job()
    path = record_path(tmp_path, one)
    made("agent x", [1]).save(path)
    stale = path.with_name("cool-6--gone--4000.json")
    made("agent gone", [1]).save(stale)
    assert drop_stale(tmp_path, [one]) == [stale]
    assert path.is_file()
    path.write_text('{"version": 0}')
    with pytest.raises(InputError, match="version 1"):
        Record.load(path)
