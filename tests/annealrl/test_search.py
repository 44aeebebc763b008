"""Searches without gradients and bounded least squares, on designs with known optima."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from annealrl.baselines.grammar import parse_method
from annealrl.baselines.polish import polish
from annealrl.envs.potts import Potts
from annealrl.envs.rotor import XYModel
from annealrl.envs.thin_films import BraggMirror, ChirpedMirror, PlantedSpectrum
from annealrl.errors import InputError
from annealrl.method import Budget

BUDGET = Budget(replicas=4, steps=5, sweeps_per_step=20, threads=1)
#: What an episode may spend: proposals and an energy a replica at each step boundary.
SPENT = 4 * (100 * 6 + 6)


def seeds(count: int) -> list[np.random.SeedSequence]:
    return [np.random.SeedSequence(3, spawn_key=(k,)) for k in range(count)]


@pytest.mark.parametrize("kind", ["cma", "de", "random", "cma:size=12:sigma=0.5:growth=1", "de:mutation=0.6"])
def test_searches_spend_their_budget_and_repeat(kind: str) -> None:
    mirror = BraggMirror(layers=6)
    method = parse_method(f"search:{kind}")
    outcome = method.run([mirror, mirror], BUDGET, seeds(2))
    again = method.run([mirror], BUDGET, seeds(2)[1:])
    assert outcome.evaluations == 2 * SPENT
    assert outcome.best_energies[1] == again.best_energies[0]
    for energy, design in zip(outcome.best_energies, outcome.best_spins, strict=True):
        assert mirror.space.contains(design)
        assert energy == mirror.energy_of(design)
    if kind != "random":
        assert outcome.best_energies.min() < mirror.known_optimum * 1.05


def test_searches_never_evaluate_more_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    energy = BraggMirror.energy
    monkeypatch.setattr(BraggMirror, "energy", lambda self, x: calls.append(len(x)) or energy(self, x))
    for kind in ("cma", "de", "random"):
        mirror = BraggMirror(layers=6)
        _ = mirror.known_optimum
        calls.clear()
        parse_method(f"search:{kind}").run([mirror], BUDGET, seeds(1))
        assert sum(calls) == SPENT + 1  # the best one is evaluated anew


def test_least_squares_find_a_planted_spectrum() -> None:
    instance = PlantedSpectrum(layers=2, wavelengths=16).sample(np.random.default_rng(4))
    outcome = parse_method("gradient:lsq:iterations=150").run([instance], BUDGET, seeds(1))
    assert outcome.best_energies[0] < 1e-12
    assert outcome.evaluations == 4 * (150 * instance.gradient_cost + 3)


@pytest.mark.parametrize("model", [BraggMirror(layers=5), ChirpedMirror(layers=4)], ids=lambda model: model.name)
def test_mirrors_have_residuals_whose_mean_square_is_the_energy(model: Any) -> None:
    design = model.space.random(np.random.default_rng(0), 1)[0]
    off, jacobian = model.residuals(design)
    energy, gradient = model.value_and_gradient(design[None])
    assert (off**2).mean() == pytest.approx(energy[0], rel=1e-12)
    np.testing.assert_allclose(2 * (off[:, None] * jacobian).mean(axis=0), gradient[0], rtol=1e-9, atol=1e-15)


def test_tight_descents_reach_the_last_digits_of_a_mirror() -> None:
    mirror = BraggMirror(layers=40)
    near = mirror.quarter_wave + np.random.default_rng(1).normal(0.0, 2.0, 40)
    start = np.clip(near / mirror.space.high, 0.0, 1.0)
    above = [
        polish("lbfgs", mirror, [start], 3000, tight=tight, memory=20).values.min() / mirror.known_optimum - 1
        for tight in (False, True)
    ]
    assert above[0] > mirror.tolerance / mirror.known_optimum  # SciPy's own limits stop short of success
    assert above[1] < 1e-6


def test_what_cannot_be_searched_is_said_in_one_line() -> None:
    with pytest.raises(InputError, match="has no residuals"):
        parse_method("gradient:lsq").run([XYModel(length=3)], BUDGET, seeds(1))
    with pytest.raises(InputError, match="coordinates on levels"):
        parse_method("search:cma").run([Potts(length=3)], BUDGET, seeds(1))
    for text in (
        "search:annealing",
        "search:cma:size=1",
        "search:cma:more",
        "search:cma:sigma=0",
        "search:de:sigma=0.3",
        "search:de:crossover=2",
        "search:random:growth=2",
    ):
        with pytest.raises(InputError):
            parse_method(text)
