"""Schedules by their formulas, and controllers on small tori."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annealrl.baselines.schedule import ScheduleMethod
from annealrl.controllers import AdaptiveAcceptance, AdaptiveSpeed, Controller, CoolPublished, Kirkpatrick, Static
from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.method import Budget
from annealrl.schedules import (
    Geometric,
    Knots,
    Linear,
    Reciprocal,
    Schedule,
    Table,
    coupling_scale,
    from_json,
    load,
)
from annealrl.simulator import ReplicaSimulator

ALL: list[Schedule] = [
    Linear(0, 5),
    Geometric(0.5, 8, sigma_units=True),
    Reciprocal(0.25, 4),
    Knots((0.4, 1.6, 0.9), (0, 0.25, 1)),
    Table((0.0, 2.0, 1.0)),
]
CONTROLLERS: list[Controller] = [
    Static(Linear(0, 5)),
    Kirkpatrick(),
    AdaptiveSpeed(),
    AdaptiveAcceptance(),
    CoolPublished(),
]


def torus(side: int, seed: int, scale: float = 1.0) -> IsingModel:
    site = np.arange(side * side).reshape(side, side)
    edges = np.concatenate([np.stack([site.ravel(), np.roll(site, 1, axis).ravel()], 1) for axis in (0, 1)])
    return IsingModel.from_edges(edges, scale * np.random.default_rng(seed).normal(size=len(edges)))


def streams(count: int, first: int = 0) -> list[np.random.SeedSequence]:
    return [np.random.SeedSequence(1, spawn_key=(first + e,)) for e in range(count)]


def test_linear_is_the_formula_of_the_method_grammar() -> None:
    assert Linear(0.5, 4.4).betas(40) == pytest.approx([0.5 + 3.9 * k / 39 for k in range(40)])
    assert Linear(0.5, 4.4).betas(1).tolist() == [0.5]


def test_geometric_has_a_constant_ratio_and_reciprocal_a_linear_temperature() -> None:
    betas = Geometric(0.5, 8).betas(5)
    assert betas == pytest.approx([0.5, 1, 2, 4, 8])
    assert 1 / Reciprocal(0.5, 2).betas(4) == pytest.approx([2, 1.5, 1, 0.5])


def test_knots_are_interpolated_in_log_beta() -> None:
    assert Knots((1, 4, 1)).betas(5) == pytest.approx([1, 2, 4, 2, 1])
    assert Knots((1, 16, 1), (0, 0.8, 1)).betas(11)[[0, 4, 8, 9, 10]] == pytest.approx([1, 4, 16, 4, 1])
    assert Knots((3, 4)).betas(1) == pytest.approx([3])


def test_a_table_holds_for_its_own_number_of_steps_alone() -> None:
    assert Table((0, 2, 1)).betas(3).tolist() == [0, 2, 1]
    with pytest.raises(InputError, match=r"3 steps, the budget 4"):
        Table((0, 2, 1)).betas(4)


def test_sigma_units_divide_by_each_instances_scale() -> None:
    models = [torus(4, 0), torus(4, 0, scale=10.0)]
    sigma = np.sqrt((models[0].couplings ** 2).sum() / 16)
    assert coupling_scale(models[0]) == pytest.approx(sigma)
    table = Linear(1, 2, sigma_units=True).table(models, 3)
    assert table[:, 0] == pytest.approx(np.array([1, 1.5, 2]) / sigma)
    assert table[:, 1] == pytest.approx(table[:, 0] / 10)
    assert Linear(1, 2).table(models, 2).tolist() == [[1, 1], [2, 2]]
    with pytest.raises(InputError, match="no coupling"):
        Linear(1, 2, sigma_units=True).table([IsingModel.from_edges([], n=2)], 3)


@pytest.mark.parametrize("schedule", ALL, ids=lambda schedule: str(schedule.kind))
def test_json_and_files_round_trip(schedule: Schedule, tmp_path: Path) -> None:
    assert from_json(json.loads(json.dumps(schedule.to_json()))) == schedule
    path = tmp_path / "deep" / "schedule.json"
    schedule.save(path, family="free", p=0.5)
    assert load(path) == schedule
    assert json.loads(path.read_text())["notes"] == {"family": "free", "p": 0.5}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"kind": "cubic"}, "kind is 'cubic'; one of linear, geometric"),
        ({"start": 1}, "kind is None"),
        ({"kind": "linear", "start": 0}, "key 'end' of a linear schedule is missing"),
        ({"kind": "linear", "start": 0, "end": 1, "stop": 2}, "unknown key 'stop'"),
        ({"kind": "linear", "start": -1, "end": 1}, "start is -1; a finite number ≥ 0"),
        ({"kind": "linear", "start": 0, "end": float("nan")}, "end is nan"),
        ({"kind": "linear", "start": 0, "end": float("inf")}, "end is inf"),
        ({"kind": "linear", "start": "0", "end": 1}, "start is '0'; a number"),
        ({"kind": "linear", "start": True, "end": 1}, "start is True; a number"),
        ({"kind": "linear", "start": 0, "end": 1, "sigma_units": 1}, "sigma_units is 1"),
        ({"kind": "geometric", "start": 0, "end": 1}, "start is 0; a finite number > 0"),
        ({"kind": "knots", "knots": [1]}, "1 knot given"),
        ({"kind": "knots", "knots": 3}, "knots is 3; a list"),
        ({"kind": "knots", "knots": [1, 0]}, r"knots\[1\] is 0"),
        ({"kind": "knots", "knots": [1, 2, 3], "fractions": [0, 0.5, 0.5]}, "increasing from 0 to 1"),
        ({"kind": "knots", "knots": [1, 2, 3], "fractions": [0, 1]}, "3 numbers increasing"),
        ({"kind": "table", "values": []}, "values are empty"),
    ],
)
def test_bad_schedules_are_refused_with_the_place(content: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=rf"^here: .*{message}"):
        from_json(content, "here")


def test_unreadable_files_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "schedule.json"
    with pytest.raises(InputError, match=r"schedule\.json: No such file"):
        load(path)
    path.write_text('{"kind":\n oops}')
    with pytest.raises(InputError, match=r"schedule\.json, line 2"):
        load(path)
    path.write_text("[1]")
    with pytest.raises(InputError, match=r"schedule\.json: a JSON object"):
        load(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"schedule\.json: it is no UTF-8"):
        load(path)


@pytest.mark.parametrize("control", CONTROLLERS, ids=lambda control: type(control).__name__)
def test_an_episode_does_not_depend_on_its_batch(control: Controller) -> None:
    models = [torus(4, 0), torus(6, 1), torus(4, 2, scale=5.0)]
    budget = Budget(replicas=64, steps=6, sweeps_per_step=10)
    method = ScheduleMethod(control, "m")
    together = method.run(models, budget, streams(3))
    assert together.betas is not None
    assert together.betas.shape == (6, 3)
    for i, model in enumerate(models):
        alone = method.run([model], budget, streams(1, i))
        assert alone.betas is not None
        assert alone.betas[:, 0].tolist() == together.betas[:, i].tolist()
        assert alone.final_energies[0] == together.final_energies[i]


@pytest.mark.parametrize("control", CONTROLLERS, ids=lambda control: type(control).__name__)
@pytest.mark.parametrize(("steps", "sweeps"), [(1, 1), (5, 1), (40, 1), (20, 2), (5, 10)])
def test_no_controller_exceeds_the_budget_or_keeps_a_state(control: Controller, steps: int, sweeps: int) -> None:
    budget = Budget(replicas=64, steps=steps, sweeps_per_step=sweeps)
    before = dict(vars(control))
    outcome = ScheduleMethod(control, "m").run([torus(4, 0), torus(6, 0)], budget, streams(2))
    assert outcome.attempted_updates == 64 * (16 + 36) * steps * sweeps
    assert vars(control) == before


@pytest.mark.parametrize("control", [Kirkpatrick(), AdaptiveSpeed(), AdaptiveAcceptance()], ids=str)
def test_heuristics_know_no_energy_scale(control: Controller) -> None:
    # A power of two is exact in floating point, so both runs are the same flips.
    budget = Budget(replicas=64, steps=8, sweeps_per_step=20)
    method = ScheduleMethod(control, "m")
    one, other = (method.run([torus(6, 3, scale=scale)], budget, streams(1)) for scale in (1.0, 8.0))
    assert one.betas is not None
    assert other.betas is not None
    assert other.betas * 8 == pytest.approx(one.betas, rel=1e-9)
    assert other.final_energies == pytest.approx(8 * one.final_energies)


def test_kirkpatrick_starts_at_its_acceptance_and_cools_by_a_constant_ratio() -> None:
    models = [torus(8, 1), torus(8, 2, scale=20.0)]
    budget = Budget(replicas=64, steps=40, sweeps_per_step=50)
    betas = ScheduleMethod(Kirkpatrick(), "kirkpatrick").run(models, budget, streams(2)).betas
    assert betas is not None
    assert betas[1:] / betas[:-1] == pytest.approx(np.full((39, 2), 1 / 0.9))
    simulator = ReplicaSimulator(models, 64, seed=5)
    simulator.advance(betas[0], 50)
    simulator.advance(betas[0], 50)
    # 64 replicas × 64 spins × 50 sweeps: the standard error is below .002; the bisection is good to about .02.
    assert simulator.acceptance_ratio(50) == pytest.approx([0.8, 0.8], abs=0.03)
    shorter = ScheduleMethod(Kirkpatrick(ratio=0.5), "k").run(models, budget, streams(2)).betas
    assert shorter is not None
    assert shorter[1] == pytest.approx(2 * shorter[0])


def test_adaptive_follows_its_acceptance_curve() -> None:
    control = AdaptiveAcceptance(start=0.6, plateau=0.3, end=0.05)
    budget = Budget(replicas=64, steps=20, sweeps_per_step=50)
    models, targets = [torus(8, 1)], []
    simulator = ReplicaSimulator(models, 64, seeds=streams(1))
    control.begin(simulator, budget, streams(1))
    for step in range(20):
        simulator.advance(control.beta(step, simulator), 50)
        targets.append(float(simulator.acceptance_ratio(50)[0]))
    assert targets[3:13] == pytest.approx([0.3] * 10, abs=0.03)
    assert targets[-1] == pytest.approx(0.05, rel=0.25)


def test_adaptive_speed_steps_by_the_inverse_spread() -> None:
    control = AdaptiveSpeed(speed=2.0, start=0.5)
    simulator = ReplicaSimulator([torus(8, 1)], 64, seeds=streams(1))
    spread = simulator.energies.std()
    control.begin(simulator, Budget(), streams(1))
    first = control.beta(0, simulator).copy()
    assert first == pytest.approx([0.5 * 8 / spread])
    simulator.advance(first, 20)
    assert control.beta(1, simulator) == pytest.approx(first + 2.0 * 8 / 40 / simulator.energies.std())


def test_cool_published_is_a_quench_from_its_own_stream() -> None:
    models = [torus(4, 0)] * 200
    budget = Budget(replicas=1, steps=3, sweeps_per_step=1)
    betas = ScheduleMethod(CoolPublished(), "cool-published").run(models, budget, streams(200)).betas
    assert betas is not None
    assert np.diff(betas, axis=0) == pytest.approx(np.full((2, 200), 0.01))
    assert 2 <= betas[0].min() < 2.1
    assert 3.9 < betas[0].max() <= 4
    assert betas[0].mean() == pytest.approx(3, abs=0.2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Kirkpatrick(acceptance=1.0), "acceptance is 1"),
        (lambda: Kirkpatrick(ratio=0.0), "ratio is 0"),
        (lambda: AdaptiveSpeed(speed=-1), "speed is -1"),
        (lambda: AdaptiveSpeed(start=float("nan")), "start is nan"),
        (lambda: AdaptiveAcceptance(plateau=2), "plateau is 2"),
    ],
)
def test_bad_parameters_are_refused(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
