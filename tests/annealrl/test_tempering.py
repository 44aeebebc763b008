"""Parallel tempering as a method."""

from __future__ import annotations

import numpy as np
import pytest

from annealrl.baselines.grammar import known_methods, parse_method
from annealrl.baselines.simulated import make_simulator
from annealrl.baselines.tempering import TemperingMethod
from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.method import Budget, Method
from annealrl.schedules import coupling_scale
from annealrl.simulator import ReplicaSimulator, instance_seeds

rng = np.random.default_rng(5)
SITE = np.arange(16).reshape(4, 4)
TORUS = np.concatenate([np.stack([SITE.ravel(), np.roll(SITE, -1, axis).ravel()], 1) for axis in (0, 1)])
MODELS = [IsingModel.from_edges(TORUS, rng.normal(size=32)) for _ in range(3)]
BUDGET = Budget(replicas=24, steps=4, sweeps_per_step=5, threads=1)
SEEDS = instance_seeds(3, 3)
PLAIN, CLUSTERS = "tempering:0.3:3:8", "tempering:0.3:3:8:copies=3:icm:every=2"


def test_texts() -> None:
    plain, clusters = parse_method(PLAIN), parse_method(CLUSTERS)
    assert plain == TemperingMethod(0.3, 3.0, 8, PLAIN)
    assert clusters == TemperingMethod(0.3, 3.0, 8, CLUSTERS, copies=3, clusters=True, every=2)
    assert isinstance(plain, Method)
    assert plain.moves == {"flip", "exchange"}
    assert clusters.moves == {"flip", "exchange", "cluster"}
    assert any(form.startswith("tempering:") for form, _ in known_methods())


def test_an_annealed_ladder_goes_geometrically_from_its_first_ends_to_its_last() -> None:
    method = parse_method("tempering:1:16:5:copies=2:icm:low_from=0.25:high_from=4")
    assert isinstance(method, TemperingMethod)
    assert method.moving
    np.testing.assert_allclose(method.ladder(MODELS[:1], 0.0)[0], np.geomspace(0.25, 4, 5))
    np.testing.assert_allclose(method.ladder(MODELS[:1], 0.5)[0], np.geomspace(0.5, 8, 5))
    np.testing.assert_allclose(method.ladder(MODELS[:1])[0], np.geomspace(1, 16, 5))
    simulator = make_simulator(MODELS, BUDGET, SEEDS)
    assert isinstance(simulator, ReplicaSimulator)
    moving = parse_method("tempering:1:16:8:low_from=0.25")
    assert isinstance(moving, TemperingMethod)
    tempering = simulator.tempering(np.geomspace(0.25, 16, 8), 3)
    for low in (0.25, 0.25 * 4 ** (1 / 3), 0.25 * 4 ** (2 / 3), 1.0):
        tempering.betas = np.geomspace(low, 16, 8)
        tempering.advance(BUDGET.sweeps_per_step)
    np.testing.assert_array_equal(moving.anneal(MODELS, BUDGET, SEEDS).simulator.energies, simulator.energies)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tempering", "malformed"),
        ("tempering:1:2", "malformed"),
        ("tempering:1:2:x", "malformed"),
        ("tempering:1:2:3:4", "malformed"),
        ("tempering:1:2:3:houdayer", "malformed"),
        ("tempering:1:2:3:speed=4", "unknown option"),
        ("tempering:1:2:3:copies=two", "no number"),
        ("tempering:1:2:3:copies=1.5", "whole number"),
        ("tempering:1:2:3:copies=0", "copies 0"),
        ("tempering:1:2:3:copies=1:icm", "2 copies"),
        ("tempering:1:2:3:every=0", "every is 0"),
        ("tempering:1:2:1", "1 temperatures"),
        ("tempering:2:1:3", "from 2 to 1"),
        ("tempering:0:1:3", "from 0 to 1"),
        ("tempering:1:inf:3", "to inf"),
        ("tempering:1:2:3:low_from=3", "first ladder goes from 3 to 2"),
        ("tempering:1:2:3:high_from=0", "first ladder goes from 1 to 0"),
        ("tempering:1:2:3:low_from=nan", "first ladder"),
    ],
)
def test_bad_texts(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_method(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tempering:0.3:3:8:copies=2", "8 temperatures × 2 copies are not the budget's 24 replicas"),
        ("tempering:0.3:3:7", "7 temperatures × 3 copies"),
        ("tempering:0.3:3:24:icm", "leaves room for one"),
    ],
)
def test_the_budget_must_fit(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_method(text).run(MODELS, BUDGET, SEEDS)


@pytest.mark.parametrize("text", [PLAIN, CLUSTERS])
def test_outcome(text: str) -> None:
    method = parse_method(text)
    outcome = method.run(MODELS, BUDGET, SEEDS)
    for model, spins, energy in zip(MODELS, outcome.best_spins, outcome.best_energies, strict=True):
        assert model.energy(spins) == pytest.approx(energy, abs=1e-12)
    assert (outcome.best_energies <= outcome.final_energies).all()
    flips = 3 * 24 * 20 * 16
    exchanges = 3 * 3 * (10 * 4 + 10 * 3 if text == PLAIN else 5 * 4 + 5 * 3)
    if text == PLAIN:
        assert outcome.attempted_updates == flips + exchanges
    else:
        assert flips + exchanges < outcome.attempted_updates < flips + exchanges + 3 * 10 * 24 * 16
    alone = method.run(MODELS[1:2], BUDGET, SEEDS[1:2])
    assert alone.best_energies[0] == outcome.best_energies[1]
    threaded = method.run(MODELS, Budget(replicas=24, steps=4, sweeps_per_step=5, threads=2), SEEDS)
    np.testing.assert_array_equal(threaded.final_energies, outcome.final_energies)


def test_ladders() -> None:
    method = TemperingMethod(0.5, 2.0, 3, "t")
    np.testing.assert_allclose(method.ladder(MODELS), np.tile([0.5, 1.0, 2.0], (3, 1)))
    scaled = parse_method("tempering:0.5:2:3:sigma")
    assert isinstance(scaled, TemperingMethod)
    np.testing.assert_allclose(
        scaled.ladder(MODELS) * np.array([[coupling_scale(model)] for model in MODELS]), method.ladder(MODELS)
    )


def test_rounds_do_not_depend_on_the_length_of_steps() -> None:
    method = parse_method("tempering:0.3:3:8:every=3")
    short = method.run(MODELS, Budget(replicas=24, steps=20, sweeps_per_step=1, threads=1), SEEDS)
    long = method.run(MODELS, Budget(replicas=24, steps=1, sweeps_per_step=20, threads=1), SEEDS)
    np.testing.assert_array_equal(short.final_energies, long.final_energies)


def test_fingerprints_tell_methods_apart() -> None:
    texts = [PLAIN, CLUSTERS, "tempering:0.3:3:8:every=2", "tempering:0.3:3:8:sigma", "tempering:0.3:4:8"]
    assert len({getattr(parse_method(text), "fingerprint") for text in texts}) == 5  # noqa: B009
