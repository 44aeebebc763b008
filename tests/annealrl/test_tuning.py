"""The tuner on small frustrated rings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annealrl.baselines.families import Setting, families
from annealrl.baselines.grammar import parse_method
from annealrl.baselines.schedule import ScheduleMethod
from annealrl.baselines.simulated import SimulatedMethod
from annealrl.baselines.tempering import TemperingMethod
from annealrl.controllers import AdaptiveAcceptance
from annealrl.envs.potts import Potts
from annealrl.envs.rotor import XYModel
from annealrl.errors import InputError
from annealrl.evaluation import benchmark, evaluate
from annealrl.instance_set import InstanceSet
from annealrl.ising import IsingModel
from annealrl.kernels import jit
from annealrl.method import Budget, Method
from annealrl.objective import Objective
from annealrl.schedules import Knots, Linear, coupling_scale
from annealrl.tuning import TuneResult, tune

pytestmark = pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")

BUDGET = Budget(replicas=8, steps=6, sweeps_per_step=4)


def chain_set(count: int = 30, n: int = 40, name: str = "train", scale: float = 1.0) -> InstanceSet:
    """Open chains with random couplings: their ground states satisfy every bond."""
    models, spins = [], []
    for seed in range(count):
        couplings = scale * np.random.default_rng(seed).normal(size=n - 1)
        models.append(IsingModel.from_edges([(i, i + 1) for i in range(n - 1)], couplings, name=f"chain-{seed}"))
        spins.append(np.concatenate([[1], np.cumprod(np.sign(couplings))]).astype(np.int8))
    energies = np.array([model.energy(s) for model, s in zip(models, spins, strict=True)])
    return InstanceSet(name, tuple(models), energies, tuple(spins), energies.copy(), ("optimal",) * count)


CHAINS = chain_set()
SIGMA = float(np.median([coupling_scale(model) for model in CHAINS]))


def test_tuning_beats_where_it_starts_on_held_out_streams() -> None:
    found = tune(CHAINS, "linear", evaluations=60, budget=BUDGET, criterion="final", seed=3)
    assert isinstance(found.schedule, Linear)
    # A bad ladder top is what the start, a little below the best, is to be told from.
    tuned = evaluate(found, CHAINS, episodes=40, budget=BUDGET, criterion="final", seed=100)
    hot = evaluate("linear:0:1", CHAINS, episodes=40, budget=BUDGET, criterion="final", seed=100)
    assert tuned.mean_residual_energy_per_spin < 0.8 * hot.mean_residual_energy_per_spin
    assert len(found.history) == 60
    assert found.p == pytest.approx(np.mean([t.p for t in found.history if t.generation == -1]), abs=0.2)


@pytest.mark.parametrize("family", families())
def test_every_family_can_be_tuned_saved_and_read_back(family: str, tmp_path: Path) -> None:
    path = tmp_path / "tuned.json"
    found = tune(CHAINS, family, evaluations=12, budget=BUDGET, knots=3, out=path)
    assert isinstance(found, TuneResult)
    assert isinstance(found, Method)
    assert found.name == family
    read = parse_method(f"schedule:{path}")
    assert isinstance(read, SimulatedMethod)
    assert read.name == f"schedule:{path}"
    assert read.moves == found.moves
    assert read.fingerprint == found.fingerprint
    assert json.loads(path.read_text())["notes"]["evaluations"] == 12
    json.dumps(found.to_json(), allow_nan=False)
    assert family in found.to_text()
    if family == "free":
        assert isinstance(found.schedule, Knots)
        assert len(found.schedule.knots) == 3
    if family == "adaptive":
        assert found.schedule is None
        assert isinstance(found.method, ScheduleMethod)
        assert isinstance(found.method.control, AdaptiveAcceptance)
    if family == "population":
        assert found.moves == {"flip", "resample"}
    if family == "tempering-icm":
        assert found.moves == {"flip", "exchange", "cluster"}


@pytest.mark.parametrize("replicas", [4, 8, 24, 64])
@pytest.mark.parametrize(("family", "fewest"), [("tempering", 1), ("tempering-icm", 2), ("tempering-icm-moving", 2)])
def test_ladders_fill_the_replicas_and_rungs_lie_in_the_units_asked_for(
    replicas: int, family: str, fewest: int
) -> None:
    rng = np.random.default_rng(replicas)
    for x in rng.normal(0.0, 2.0, (20, len(families()[family].start))):
        method = families()[family].build(x, Setting(2.0, False, replicas))
        assert isinstance(method, TemperingMethod)
        assert method.moving == (family == "tempering-icm-moving")
        assert method.copies is not None
        assert method.copies >= fewest
        assert method.copies * method.temperatures == replicas
        units = families()[family].build(x, Setting(1.0, True, replicas))
        assert isinstance(units, TemperingMethod)
        assert units.sigma_units
        assert units.low == pytest.approx(2 * method.low, rel=1e-5)


def test_too_few_replicas_for_two_copies_are_refused() -> None:
    with pytest.raises(InputError, match="2 replicas are no two ladders"):
        tune(CHAINS, "tempering-icm", evaluations=2, budget=Budget(replicas=2, steps=2, sweeps_per_step=2))


def test_a_tuned_method_stands_in_a_benchmark_under_its_family() -> None:
    found = tune(CHAINS, "linear", evaluations=4, budget=BUDGET)
    table = benchmark(CHAINS, ["linear:0:3", found], episodes=2, budget=BUDGET)
    assert table.methods == ["linear:0:3", "linear"]
    assert table.ratio("linear:0:3", "linear").value > 0


def test_tuning_knows_no_energy_scale() -> None:
    one = tune(CHAINS, "linear", evaluations=12, budget=BUDGET)
    other = tune(chain_set(scale=16.0), "linear", evaluations=12, budget=BUDGET)
    units = tune(CHAINS, "linear", evaluations=12, budget=BUDGET, sigma_units=True)
    assert isinstance(one.schedule, Linear)
    assert isinstance(other.schedule, Linear)
    assert isinstance(units.schedule, Linear)
    assert other.schedule.end * 16 == pytest.approx(one.schedule.end)
    assert units.schedule.sigma_units
    assert 0.5 < units.schedule.end / one.schedule.end < 2


@pytest.mark.parametrize("evaluations", [1, 4, 5, 7, 12, 26])
@pytest.mark.parametrize("family", ["linear", "free"])
def test_the_number_of_evaluations_is_kept(evaluations: int, family: str) -> None:
    calls: list[tuple[int, int]] = []
    found = tune(CHAINS, family, evaluations=evaluations, budget=BUDGET, progress=lambda *at: calls.append(at))
    assert len(found.history) == evaluations
    assert calls == [(k, evaluations) for k in range(1, evaluations + 1)]


def test_tuning_is_reproducible_and_leaves_the_global_generator_alone() -> None:
    np.random.seed(987)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    one, other = (tune(CHAINS, "free", evaluations=15, budget=BUDGET, seed=4) for _ in range(2))
    assert one.history == other.history
    assert one.schedule == other.schedule
    assert tune(CHAINS, "free", evaluations=15, budget=BUDGET, seed=5).history != one.history
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002


def test_an_interrupted_search_ends_where_an_undisturbed_one_would(tmp_path: Path) -> None:
    undisturbed = tune(CHAINS, "linear", evaluations=30, budget=BUDGET)

    def stop(done: int, total: int) -> None:
        if done == 17:
            raise KeyboardInterrupt

    out = tmp_path / "linear.json"
    with pytest.raises(KeyboardInterrupt):
        tune(CHAINS, "linear", evaluations=30, budget=BUDGET, out=out, progress=stop)
    assert not out.exists()
    history = tmp_path / "linear.history.jsonl"
    with history.open("a") as file:
        file.write('{"generation": 2, "para')
    resumed = tune(CHAINS, "linear", evaluations=30, budget=BUDGET, out=out)
    assert resumed.history == undisturbed.history
    assert resumed.schedule == undisturbed.schedule
    assert len(history.read_text().splitlines()) == 31
    with pytest.raises(InputError, match=r"linear\.history\.jsonl: it is the history of another search"):
        tune(CHAINS, "linear", evaluations=30, budget=BUDGET, seed=1, out=out)
    lines = history.read_text().splitlines()
    history.write_text("\n".join([lines[0], "{}"]) + "\n")
    with pytest.raises(InputError, match="a line is no trial"):
        tune(CHAINS, "linear", evaluations=30, budget=BUDGET, out=out)
    history.write_bytes(b"\xff\xfe{}\n")
    with pytest.raises(InputError, match=r"linear\.history\.jsonl: it cannot be read as UTF-8 text"):
        tune(CHAINS, "linear", evaluations=30, budget=BUDGET, out=out)
    history.write_text("\n".join([lines[0], lines[2]]) + "\n")
    with pytest.raises(InputError, match="trial 0 is not this search's"):
        tune(CHAINS, "linear", evaluations=30, budget=BUDGET, out=out)


def test_generations_share_streams_and_nothing_sees_those_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[tuple[int, ...], ...]] = []
    anneal = ScheduleMethod.anneal

    def spy(self: ScheduleMethod, models: Any, budget: Budget, seeds: Any) -> Any:
        seen.append(tuple(tuple(seed.spawn_key) for seed in seeds))
        return anneal(self, models, budget, seeds)

    monkeypatch.setattr(ScheduleMethod, "anneal", spy)
    found = tune(CHAINS, "linear", evaluations=50, budget=BUDGET, seed=2)
    by_generation: dict[int, set[object]] = {}
    for trial, keys in zip(found.history, seen, strict=True):
        by_generation.setdefault(trial.generation, set()).add(keys)
    # Forty candidates in generations of six; five finalists meet twice, on two more streams.
    assert {generation: len(keys) for generation, keys in by_generation.items()} == {
        -1: 2,
        **dict.fromkeys(range(7), 1),
    }
    assert len(set.union(*by_generation.values())) == 9
    finals = [trial.parameters for trial in found.history if trial.generation == -1]
    assert len(finals) == 10
    assert len(set(finals)) == 5


def test_the_search_finds_its_way_from_a_bad_start(monkeypatch: pytest.MonkeyPatch) -> None:
    # So hot that nothing happens; the start is a finalist, but no match for what is found.
    hot = replace(families()["linear"], start=(0.0, np.log(0.3)))
    monkeypatch.setattr("annealrl.tuning.families", lambda knots: {"linear": hot})
    found = tune(CHAINS, "linear", evaluations=60, budget=BUDGET, criterion="final")
    assert isinstance(found.schedule, Linear)
    assert found.schedule.end > 2
    # Without a final, the best of the last generation it is.
    few = tune(CHAINS, "linear", evaluations=4, budget=BUDGET, criterion="final")
    best = min(few.history, key=lambda trial: trial.objective)
    assert isinstance(few.schedule, Linear)
    assert few.schedule.start == pytest.approx(best.parameters[0] ** 2 / SIGMA)
    assert few.p == best.p


def test_the_objective_is_the_residual_of_the_lowest_eighth_by_either_criterion() -> None:
    budget = Budget(replicas=16, steps=3, sweeps_per_step=4)
    objectives = {}
    for criterion in ("best", "final"):
        found = tune(CHAINS, "linear", evaluations=1, budget=budget, criterion=criterion, seed=6)
        seeds = [np.random.SeedSequence(6, spawn_key=(1, 0, i, 0)) for i in range(30)]
        simulator = found.method.anneal(CHAINS.models, budget, seeds).simulator
        energies = simulator.best_energies if criterion == "best" else simulator.energies
        lowest = np.sort(energies, axis=1)[:, :2].mean(axis=1)
        scales = [model.scale for model in CHAINS]
        assert found.history[0].objective == pytest.approx(((lowest - CHAINS.ground_energies) / scales).mean())
        objectives[criterion] = found.history[0].objective
    assert objectives["best"] < objectives["final"]


def test_test_instances_are_refused_by_content_unless_asked_for() -> None:
    from annealrl import api

    hidden = api.load_instances("cool-4:2")
    renamed = InstanceSet(
        "mine", hidden.models, hidden.ground_energies, hidden.ground_spins, hidden.bounds, hidden.statuses
    )
    turned = InstanceSet.from_models(
        "signs", [IsingModel.from_edges(m.edges, -m.couplings, n=m.n) for m in hidden.models]
    )
    for disguised in (hidden, renamed, turned):
        with pytest.raises(InputError, match="holds test instances"):
            tune(disguised, "linear", evaluations=1, budget=BUDGET)
    assert tune(renamed, "linear", evaluations=1, budget=BUDGET, allow_test=True).p >= 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"family": "cubic"}, "family 'cubic' is none of linear, geometric"),
        ({"evaluations": 0}, "evaluations 0"),
        ({"knots": 1}, "knots 1"),
        ({"criterion": "worst"}, "criterion is 'worst'"),
    ],
)
def test_bad_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tune(**{"instances": CHAINS, "family": "linear", "budget": BUDGET, **options})  # type: ignore[arg-type]


def test_unknown_ground_states_are_refused() -> None:
    unknown = replace(CHAINS, ground_energies=np.full(30, np.nan), ground_spins=(None,) * 30)
    with pytest.raises(InputError, match="'chain-0' is unknown"):
        tune(unknown, "linear", budget=BUDGET)


def design_set(*models: Objective, name: str = "designs") -> InstanceSet:
    known = np.array([model.known_optimum for model in models], np.float64)
    return InstanceSet(name, models, known, (None,) * len(models), known.copy(), ("optimal",) * len(models))


ROTORS = design_set(XYModel(length=3), XYModel(length=3, J=3.0))
DESIGN_BUDGET = Budget(replicas=8, steps=12, sweeps_per_step=10)


@pytest.mark.parametrize("family", [name for name, member in families().items() if member.designs is not None])
def test_methods_tuned_on_designs_run_in_a_benchmark(family: str, tmp_path: Path) -> None:
    path = tmp_path / "tuned.json"
    found = tune(ROTORS, family, evaluations=12, budget=DESIGN_BUDGET, sigma_units=True, out=path)
    assert 0 < found.history[0].objective < 0.1
    rivals = ["linear:0:0.1:sigma", f"schedule:{path}"]
    table = benchmark(ROTORS, rivals, episodes=4, budget=DESIGN_BUDGET, seed=9, out=tmp_path / "out")
    hot, tuned = (table.get(name).mean_residual_energy_per_spin for name in rivals)
    assert 0 <= tuned < 0.2 * hot
    # Read back from the file it is the same method.
    again = evaluate(found, ROTORS, episodes=4, budget=DESIGN_BUDGET, seed=9)
    assert again.mean_residual_energy_per_spin == pytest.approx(tuned)


def test_units_of_designs_are_those_of_their_energy_scale() -> None:
    for model, strong in ((XYModel(length=3), XYModel(length=3, J=16.0)), (Potts(length=3), Potts(length=3, J=16.0))):
        one, other = (tune(design_set(m), "geometric", evaluations=6, budget=DESIGN_BUDGET) for m in (model, strong))
        units = tune(design_set(model), "geometric", evaluations=6, budget=DESIGN_BUDGET, sigma_units=True)
        assert one.schedule is not None
        assert other.schedule is not None
        assert units.schedule is not None
        assert other.schedule.betas(2) * 16 == pytest.approx(one.schedule.betas(2))
        assert units.schedule.sigma_units
        assert units.schedule.betas(2) / model.energy_scale == pytest.approx(one.schedule.betas(2))
        # The same run: neither the objective nor the success knows the unit of energy.
        assert [t.objective for t in other.history] == pytest.approx([t.objective for t in one.history])


def test_the_objective_of_designs_is_in_units_of_what_they_are() -> None:
    found = tune(ROTORS, "linear", evaluations=1, budget=DESIGN_BUDGET, seed=6)
    seeds = [np.random.SeedSequence(6, spawn_key=(1, 0, i, 0)) for i in range(2)]
    simulator = found.method.anneal(ROTORS.models, DESIGN_BUDGET, seeds).simulator
    spreads = [model.energy_spread * np.sqrt(model.n) for model in ROTORS]
    lowest = simulator.best_energies.min(axis=1)
    assert found.history[0].objective == pytest.approx(((lowest - ROTORS.ground_energies) / spreads).mean())
    assert found.history[0].p == np.mean(lowest <= ROTORS.ground_energies + [model.tolerance for model in ROTORS])


def test_designs_that_cannot_be_tuned_on_are_refused(tmp_path: Path) -> None:
    from annealrl import api

    for family in ("tempering", "tempering-icm", "tempering-icm-moving"):
        with pytest.raises(InputError, match=f"^tune: family '{family}': Ising models are expected, not designs"):
            tune(ROTORS, family, evaluations=1, budget=DESIGN_BUDGET, out=tmp_path / "tuned.json")
    assert not list(tmp_path.iterdir())
    hidden = api.load_instances("env:XYModel-v0,length=3,split=test:1")
    with pytest.raises(InputError, match="holds test instances"):
        tune(hidden, "linear", evaluations=1, budget=DESIGN_BUDGET)
    assert tune(hidden, "linear", evaluations=1, budget=DESIGN_BUDGET, allow_test=True).p >= 0
