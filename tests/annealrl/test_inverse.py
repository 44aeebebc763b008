"""Learned inverse design: training sets, surrogates, inverse networks, and polishing by the true simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annealrl import api
from annealrl.baselines.families import design_families
from annealrl.baselines.grammar import parse_method
from annealrl.baselines.polish import polish
from annealrl.baselines.search import SearchMethod
from annealrl.errors import InputError
from annealrl.inverse import forward, inverse, judge
from annealrl.inverse.dataset import Designs, simulate
from annealrl.inverse.nearest import NearestMethod
from annealrl.inverse.networks import Sizes
from annealrl.inverse.stages import joined, judged, played
from annealrl.inverse.tasks import CALLS, TASKS, contenders
from annealrl.method import Budget
from annealrl.tuning import tune

SMALL = Sizes((48, 48), (48, 48), latent=3, components=3, designs=1500, epochs=25, batch=128, rate=5e-3)


@pytest.fixture(scope="module")
def stacks() -> list[Any]:
    """Hidden graphene stacks of two units."""
    return list(api.load_instances("env:GrapheneStack-v0,units=2:6").models)


@pytest.fixture(scope="module")
def data(stacks: list[Any]) -> Designs:
    return simulate(stacks[0], SMALL.designs, seed=3)


@pytest.fixture(scope="module")
def surrogate(data: Designs) -> forward.Surrogate:
    return forward.fit_forward(data, SMALL)


def scale(data: Designs, stacks: list[Any]) -> float:
    """Error of the mean spectrum."""
    return float(np.mean([((data.spectra.mean(axis=0) - model.target) ** 2).mean() for model in stacks]))


def test_training_sets_are_true_spectra_and_longer_ones_go_on_from_a_file(stacks: list[Any], tmp_path: Path) -> None:
    file = tmp_path / "designs.npz"
    simulate(stacks[0], 30, seed=3, file=file)
    whole = simulate(stacks[0], 70, seed=3, file=file)
    space = stacks[0].space
    true = stacks[0].spectra(space.low + whole.points * (space.high - space.low))
    np.testing.assert_allclose(whole.spectra, true, atol=1e-6)
    assert np.array_equal(simulate(stacks[0], 70, seed=3).points, whole.points)
    assert len(simulate(stacks[0], 20, seed=3, file=file)) == 20
    with pytest.raises(InputError, match="another problem or seed"):
        simulate(stacks[0], 70, seed=4, file=file)
    with pytest.raises(InputError, match="inverse: designs"):
        simulate(stacks[0], 0)
    with pytest.raises(InputError, match="as many as memory holds"):
        simulate(stacks[0], 10**30)
    file.write_bytes(b"no archive")
    with pytest.raises(InputError, match="cannot be read"):
        simulate(stacks[0], 70, seed=3, file=file)


def test_a_surrogate_learns_and_what_searches_it_proposes_is_good_by_the_true_simulator(
    stacks: list[Any], data: Designs, surrogate: forward.Surrogate
) -> None:
    rng = np.random.default_rng(9)
    held_out, space = rng.random((200, 2)), stacks[0].space
    true = stacks[0].spectra(space.low + held_out * (space.high - space.low))
    assert ((surrogate.spectra(held_out) - true) ** 2).mean() < 0.05 * true.var(axis=0).mean()
    limit = 0.2 * scale(data, stacks)
    for search, options in (
        (forward.neural_adjoint, {"starts": 32, "steps": 60, "rate": 0.05}),
        (forward.genetic, {"population": 64, "generations": 12, "elite": 16}),
    ):
        found = [search(surrogate, model.target, proposals=20, **options) for model in stacks]  # type: ignore[operator]
        assert all(f.points.min() >= 0 and f.points.max() <= 1 and len(f.points) <= 20 for f in found)
        traces = [judge.resimulate(model, f.points) for model, f in zip(stacks, found, strict=True)]
        assert judge.r_curve(traces, 20)[-1] < limit
        assert found[0].surrogate_calls == (32 * 61 if search is forward.neural_adjoint else 64 + 12 * 48)


@pytest.mark.parametrize("kind", ["direct", "tandem", "mixture", "autoencoder"])
def test_inverse_networks_beat_the_mean_spectrum(
    kind: str, stacks: list[Any], data: Designs, surrogate: forward.Surrogate
) -> None:
    if kind == "tandem":
        network = inverse.fit_tandem(data, SMALL, surrogate)
    else:
        fit = {"direct": inverse.fit_direct, "mixture": inverse.fit_mixture, "autoencoder": inverse.fit_autoencoder}
        network = fit[kind](data, SMALL)  # type: ignore[operator]
    proposed = [network.propose(model.target, proposals=10, seed=1) for model in stacks]
    assert {len(p.points) for p in proposed} == {10 if kind in ("mixture", "autoencoder") else 1}
    assert np.array_equal(proposed[0].points, network.propose(stacks[0].target, proposals=10, seed=1).points)
    traces = [judge.resimulate(model, p.points) for model, p in zip(stacks, proposed, strict=True)]
    assert judge.r_curve(traces, 10)[-1] < 0.2 * scale(data, stacks)


def test_nearest_designs_are_nearest_and_least_squares_from_them_find_the_hidden_one(
    stacks: list[Any], data: Designs
) -> None:
    for model in stacks:
        points = judge.nearest(data, model.target, 5)
        first = judge.resimulate(model, points).energies
        assert (np.diff(first) >= -1e-9).all()
        trace = judge.descend_from(model, points, 60)
        assert trace.energies[0] == pytest.approx(first[0], rel=1e-4, abs=1e-9)
        assert trace.energies.min() <= 1e-9 < first[0]
        assert len(trace.energies) <= 60
        assert len(trace.best(60)) == 60
        rounds = judge.in_rounds(model, points, 60, first=3)
        assert np.array_equal(rounds.values[:3], trace.energies[:3])
        assert rounds.values.min() <= 1e-9
        lowest = model.space.low + rounds.best * (model.space.high - model.space.low)
        assert model.energy_of(lowest) == pytest.approx(rounds.values.min(), rel=1e-6)
        assert len(judge.in_rounds(model, points, 16, first=3, goal=-1.0).values) == 16
        blocks = judge.descend_in_rounds(model, points, 300, block=2, goal=-1.0).energies
        both = judge.in_rounds(model, points[:2], 300, goal=-1.0).values
        assert np.array_equal(blocks[: len(both)], both)
        assert len(both) < len(blocks) <= 300
    with pytest.raises(InputError, match="shape"):
        judge.nearest(data, np.zeros(3), 5)


def test_polishing_spends_no_more_than_it_may_and_counts_every_call(stacks: list[Any]) -> None:
    model, calls = stacks[0], []

    class Counted:
        space = model.space

        @staticmethod
        def value_and_gradient(x: Any) -> Any:
            calls.append(len(x))
            return model.value_and_gradient(x)

        @staticmethod
        def residuals(x: Any) -> Any:
            calls.append(1)
            return model.residuals(x)

    starts = np.random.default_rng(0).random((50, 2))
    for kind in ("lbfgs", "lsq"):
        calls.clear()
        counted: Any = Counted()
        found = polish(kind, counted, starts, 37, each=9)
        assert len(found.values) == sum(calls) == 37
        space = model.space
        assert model.energy_of(space.low + found.best * (space.high - space.low)) == pytest.approx(found.values.min())
        calls.clear()
        assert len(polish(kind, counted, starts[:1], 500).values) == sum(calls) < 500


def test_hybrids_polish_what_was_annealed_within_one_budget() -> None:
    model = api.load_instances("env:BraggMirror-v0,layers=6:1").models[0]
    seeds = [np.random.SeedSequence(1, spawn_key=(e,)) for e in range(20)]
    budget = Budget(2, 20, 10, threads=1)
    schedule = "geometric:3:3000:sigma"
    plain = parse_method(schedule).run([model] * 20, budget, seeds)
    both = parse_method(f"hybrid:{schedule}:share=0.3").run([model] * 20, budget, seeds)
    assert both.evaluations is not None
    assert plain.evaluations is not None
    assert both.evaluations <= plain.evaluations
    assert both.best_energies.min() < model.known_optimum + 1e-9 < plain.best_energies.min()
    for text, words in (
        ("hybrid", "SCHEDULE"),
        ("hybrid:geometric:1:5:share=2", "share"),
        ("hybrid:geometric:1:5:share=x", "no number"),
        ("hybrid:gradient:lbfgs:adam", "no schedule|flag"),
        ("hybrid:search:cma", "no schedule"),
    ):
        with pytest.raises(InputError, match=words):
            parse_method(text)
    least = parse_method("hybrid:geometric:1:5:lsq")
    with pytest.raises(InputError, match="residuals"):
        least.run([api.load_instances("env:XYModel-v0,length=3:1").models[0]], budget, seeds[:1])


def test_episodes_from_nearest_designs_differ_and_count_their_calls(stacks: list[Any], data: Designs) -> None:
    budget, seeds = Budget(1, 4, 2, threads=1), np.random.SeedSequence(3).spawn(2)
    outcomes = [NearestMethod(lambda: data, starts=5).run(stacks[:1], budget, [seed]) for seed in (*seeds, seeds[0])]
    for outcome in outcomes:
        assert outcome.evaluations == outcome.gradients <= 8 * stacks[0].n
        assert outcome.best_energies[0] == pytest.approx(stacks[0].energy_of(outcome.best_spins[0]), rel=1e-6)
    assert outcomes[0].best_energies == outcomes[2].best_energies != outcomes[1].best_energies


def test_searches_tell_every_energy_that_they_spend(stacks: list[Any]) -> None:
    budget, seed = Budget(1, 5, 4, threads=1), np.random.SeedSequence(2)
    for kind in ("cma", "de", "random"):
        method = SearchMethod(kind, kind)
        outcome = method.run(stacks[:1], budget, [seed])
        energies = method.energies(stacks[0], int(outcome.evaluations or 0), seed)
        assert len(energies) == outcome.evaluations
        assert energies.min() == pytest.approx(outcome.best_energies[0], rel=1e-12)


def test_one_measurement_is_judged_by_several_goals(stacks: list[Any]) -> None:
    budget = Budget(1, 4, 2, threads=1)
    found = played(parse_method("search:random"), stacks[:3], budget, 2, 1)
    middle = float(np.median(found["energies"]))
    rows = [judged(found, [goal] * 3) for goal in (0.0, middle, 1.0)]
    assert [sum(row["successes"]) for row in rows] == [0, 3, 6]
    assert rows[0]["n99"] is None
    assert rows[1]["n99"] > rows[2]["n99"] == rows[2]["calls"] == found["calls"]
    parts = [played(parse_method("search:random"), stacks[:3], budget, 1, 1, first=e) for e in (0, 1)]
    assert joined(parts)["energies"] == found["energies"]
    again = judged(played(parse_method("search:random"), stacks[:3], budget, 2, 1), [1e-6] * 3)
    assert again["best"] == rows[0]["best"]


@pytest.mark.parametrize("task", TASKS)
def test_rows_without_gradients_use_the_calls_that_they_are_compared_by(task: str, tmp_path: Path) -> None:
    model = api.load_instances(f"{TASKS[task].source}:1").models[0]
    rows = {row.name: row for row in contenders(task, tmp_path)}
    for name in ("annealing, one replica, tuned", "random"):
        trace, surrogate = rows[name].run(model, 0)
        assert surrogate == 0
        assert 0.95 * CALLS <= len(trace.energies) <= CALLS, name


def test_temperature_and_step_size_are_tuned_together_on_designs_alone(tmp_path: Path) -> None:
    path = tmp_path / "tuned.json"
    instances = api.load_instances("env:BraggMirror-v0,layers=4,split=train:1")
    found = tune(instances, "geometric-step", evaluations=8, budget=Budget(4, 10, 4), sigma_units=True, out=path)
    again = parse_method(f"schedule:{path}")
    assert found.method.name.startswith("geometric:")
    assert ":step=" in found.method.name
    assert getattr(again, "fingerprint", None) == found.fingerprint
    family = design_families()["geometric-step"]
    assert family.designs == family.start
    with pytest.raises(InputError, match="is for designs"):
        tune(api.load_instances("ea2d-6-train:2"), "geometric-step", evaluations=8)


def test_true_calls_of_sampled_sets_are_counted_as_such() -> None:
    models = list(api.load_instances("env:BraggMirror-v0,layers=4:2").models)
    for model in models:
        outcome = parse_method("geometric:1:10").run([model], Budget(2, 3, 5, threads=1), [np.random.SeedSequence(1)])
        assert outcome.evaluations == 2 * (3 * 5 * 4 + 3 + 1)
