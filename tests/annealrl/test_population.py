"""Population annealing as a method."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from annealrl.baselines.grammar import known_methods, parse_method
from annealrl.baselines.population import PopulationMethod
from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.kernels import jit
from annealrl.method import Budget, Method
from annealrl.schedules import Linear
from annealrl.simulator import instance_seeds

small = pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")

rng = np.random.default_rng(5)
SITE = np.arange(25).reshape(5, 5)
TORUS = np.concatenate([np.stack([SITE.ravel(), np.roll(SITE, -1, axis).ravel()], 1) for axis in (0, 1)])
MODELS = [IsingModel.from_edges(TORUS, rng.normal(size=50)) for _ in range(3)]
BUDGET = Budget(replicas=20, steps=6, sweeps_per_step=3, threads=1)
SEEDS = instance_seeds(3, 3)


@pytest.mark.parametrize(
    ("text", "alpha"),
    [("population:linear:0:3", 1.0), ("population:knots:0.5:1:4:sigma:alpha=1.9", 1.9), ("population:adaptive", 1.0)],
)
def test_texts(text: str, alpha: float) -> None:
    method = parse_method(text)
    assert isinstance(method, PopulationMethod)
    assert isinstance(method, Method)
    assert (method.name, method.alpha, method.moves) == (text, alpha, {"flip", "resample"})
    assert any(form.startswith("population:") for form, _ in known_methods())


def test_a_schedule_file_may_be_named(tmp_path: Path) -> None:
    Linear(0.1, 2.0).save(tmp_path / "slow.json")
    method = parse_method(f"population:schedule:{tmp_path / 'slow.json'}:alpha=2")
    assert isinstance(method, PopulationMethod)
    assert (method.base.control, method.alpha) == (Linear(0.1, 2.0), 2.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("population", "no schedule given"),
        ("population:alpha=2", "no schedule given"),
        ("population:linear:0:3:alpha=two", "no number"),
        ("population:linear:0:3:select=0.1,two", "no numbers"),
        ("population:linear:0:3:select=0.1", "select: knots schedule: 1 knot given"),
        ("population:linear:0:3:select=0.1,-1", "select: knots schedule"),
        ("population:linear:0:3:alpha=-1", "alpha is -1"),
        ("population:linear:0", "1 β given"),
        ("population:tempering:1:2:3", "is no schedule"),
        ("population:linear:0:3:beta=2", "unknown option"),
    ],
)
def test_bad_texts(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_method(text)


def test_without_selection_it_is_its_schedule() -> None:
    plain, none = (
        parse_method(text).run(MODELS, BUDGET, SEEDS) for text in ("linear:0:3", "population:linear:0:3:alpha=0")
    )
    np.testing.assert_array_equal(plain.best_energies, none.best_energies)
    np.testing.assert_array_equal(plain.final_energies, none.final_energies)
    assert plain.attempted_updates == none.attempted_updates


def test_outcome() -> None:
    method = parse_method("population:linear:0:3")
    outcome = method.run(MODELS, BUDGET, SEEDS)
    for model, spins, energy in zip(MODELS, outcome.best_spins, outcome.best_energies, strict=True):
        assert model.energy(spins) == pytest.approx(energy, abs=1e-12)
    assert (outcome.best_energies <= outcome.final_energies).all()
    assert outcome.attempted_updates == 3 * 20 * (6 * 3 * 25 + 5), "flips, and five weighings of every replica"
    assert outcome.betas is not None
    assert outcome.betas.shape == (6, 3)
    alone = method.run(MODELS[1:2], BUDGET, SEEDS[1:2])
    assert alone.best_energies[0] == outcome.best_energies[1]
    threaded = method.run(MODELS, Budget(replicas=20, steps=6, sweeps_per_step=3, threads=2), SEEDS)
    np.testing.assert_array_equal(threaded.final_energies, outcome.final_energies)


@small
def test_selection_lowers_the_energy() -> None:
    # Far from the ground state, where the lowest of 64 replicas says something; one seed, fixed.
    site = np.arange(144).reshape(12, 12)
    torus = np.concatenate([np.stack([site.ravel(), np.roll(site, -1, axis).ravel()], 1) for axis in (0, 1)])
    models = [IsingModel.from_edges(torus, np.random.default_rng(k).normal(size=288)) for k in range(20)]
    budget = Budget(replicas=64, steps=20, sweeps_per_step=5)
    plain, selected = (
        parse_method(text).run(models, budget, instance_seeds(1, 20)).final_energies
        for text in ("linear:0:3", "population:linear:0:3")
    )
    assert (selected - plain).mean() < 0
    assert (selected < plain).mean() > 0.7


def test_fingerprints_tell_methods_apart() -> None:
    texts = ["linear:0:3", "population:linear:0:3", "population:linear:0:3:alpha=2", "population:linear:0:4"]
    assert len({getattr(parse_method(text), "fingerprint") for text in texts}) == 4  # noqa: B009
