"""Learned energies drive the moves; the true one judges."""

from __future__ import annotations

import numpy as np
import pytest

from annealrl.env import AnnealingEnv
from annealrl.envs.surrogate import SurrogateIsing
from annealrl.errors import InputError
from annealrl.objective_simulator import ObjectiveSimulator
from annealrl.surrogate import TileNetwork, Tiles, fit
from annealrl.testing import check_objective
from annealrl.vector_env import AnnealingVectorEnv


@pytest.mark.parametrize(("length", "tile", "context"), [(4, 1, 1), (6, 3, 1), (6, 2, 2)])
def test_exact_tiles_are_the_true_energy(length: int, tile: int, context: int) -> None:
    objective = SurrogateIsing(length=length, tile=tile, context=context).sample(np.random.default_rng(3))
    designs = objective.space.random(np.random.default_rng(1), 10)
    np.testing.assert_allclose(objective.driving.energies(designs), objective.energies(designs), atol=1e-9)


def test_a_site_is_seen_by_the_tiles_around_it() -> None:
    tiles = Tiles(6, 2, 1)
    assert tiles.patches.shape == (9, 16)
    assert tiles.touched.shape == (36, 4)
    for site in (0, 7, 35):
        seen = {t for t in range(9) if site in tiles.patches[t]}
        assert set(tiles.touched[site].tolist()) - {9} == seen


def test_a_trained_network_anneals_and_the_truth_judges() -> None:
    network = TileNetwork(tile=1, context=1, channels=3, width=24, seed=1)
    family = SurrogateIsing(length=4, couplings="ferromagnet", tile=1, module=network)
    objective = family.sample(np.random.default_rng(5))
    designs = objective.space.random(np.random.default_rng(2), 460)
    energies = objective.energies(designs)
    error = fit(network, objective.driving, designs[:400], energies[:400], epochs=60)
    held_out = float(np.sqrt(((objective.driving.energies(designs[400:]) - energies[400:]) ** 2).mean()))
    assert max(error, held_out) < 0.25 * energies.std()
    check_objective(objective, proposals=20)
    simulator = ObjectiveSimulator([objective], 8, seed=1)
    for beta in np.geomspace(0.2, 3, 12):
        simulator.advance(beta, 4)
    np.testing.assert_array_equal(simulator.energies[0], objective.energies(simulator.designs(0)))
    assert (simulator.driven != simulator.energies).all()
    assert simulator.energies.mean() < energies.mean() - 2 * energies.std()
    # The truth was asked at step boundaries alone, the network for every proposal.
    assert simulator.evaluations == 8 * 13
    assert simulator.surrogate_evaluations == 8 * 12 * 4 * 16 + 8 * 13
    assert simulator.best_energies.min() >= objective.certify(objective) - objective.slack


def test_an_ensemble_says_how_unsure_it_is() -> None:
    networks = tuple(TileNetwork(tile=1, context=1, channels=3, width=4, seed=seed) for seed in (1, 2))
    options = {"length": 4, "tile": 1, "replicas": 4, "steps": 2, "sweeps_per_step": 1}
    env = AnnealingVectorEnv(SurrogateIsing(module=networks), 2, **options)
    _, info = env.reset(seed=1)
    assert (info["uncertainty"] > 0).all()
    exact = AnnealingVectorEnv("SurrogateIsing-v0", 2, **options)
    assert (exact.reset(seed=1)[1]["uncertainty"] == 0).all()


def test_what_is_unsure_is_distrusted() -> None:
    networks = tuple(TileNetwork(tile=1, context=1, channels=3, width=4, seed=seed) for seed in (1, 2))
    options = {"length": 4, "tile": 1, "replicas": 4, "steps": 2, "sweeps_per_step": 1}
    unsure = AnnealingVectorEnv(SurrogateIsing(module=networks), 2, **options).reset(seed=1)[1]
    assert unsure["distrusted"].tolist() == [False, False], "there is no limit by default"
    limit = float(unsure["uncertainty"].mean())
    assert unsure["uncertainty"].min() < limit < unsure["uncertainty"].max()
    env = AnnealingVectorEnv(SurrogateIsing(module=networks), 2, distrust=limit, **options)
    info = env.reset(seed=1)[1]
    assert info["distrusted"].dtype == bool
    for _ in range(3):
        assert info["distrusted"].tolist() == (info["uncertainty"] > limit).tolist()
        info = env.step(np.zeros((2, 1)))[4]
    one = AnnealingEnv(SurrogateIsing(module=networks), distrust=0.0, **options)
    assert one.reset(seed=1)[1]["distrusted"] is True


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tile": 3, "length": 8}, "a divisor of 8"),
        ({"tile": 2, "length": 4, "context": 2}, "see more than"),
        ({"context": 0}, "context is 0"),
        ({"distrust": -1.0}, "distrust is -1"),
        ({"couplings": "some"}, "couplings is 'some'; one of ferromagnet"),
    ],
)
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        AnnealingVectorEnv("SurrogateIsing-v0", 1, **options)
