"""Families of designs: every registered one keeps the contract, and the lattice models have their exact energies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import i0, i1

from annealrl.envs.pairs import PairLattice
from annealrl.envs.potts import Clock, Potts
from annealrl.envs.rotor import PlanarRotor, XYModel
from annealrl.errors import InputError
from annealrl.evaluation import evaluate
from annealrl.instance_set import InstanceSet
from annealrl.method import Budget
from annealrl.objective import Objective
from annealrl.objective_simulator import ObjectiveSimulator
from annealrl.registry import env_ids, family
from annealrl.testing import check_objective
from annealrl.vector_env import AnnealingVectorEnv

OBJECTIVES = [env_id for env_id in env_ids() if issubclass(family(env_id), Objective)]
SHORT: dict[str, Any] = {"steps": 4, "sweeps_per_step": 3, "replicas": 10}


@pytest.mark.parametrize("env_id", OBJECTIVES)
def test_objective_check(env_id: str) -> None:
    made = family(env_id)(**family(env_id).example)
    assert isinstance(made, Objective)
    check_objective(made)


def mean_energy(objective: Objective, beta: float, *, sweeps: int, step_size: float = 0.3) -> tuple[float, float]:
    """Mean energy of independent replicas at the end, and its standard error."""
    simulator = ObjectiveSimulator([objective], 1000, seed=4)
    simulator.advance(beta, sweeps, step_size=step_size)
    energies = simulator.energies[0]
    return float(energies.mean()), float(energies.std() / np.sqrt(len(energies)))


@pytest.mark.parametrize("beta", [0.5, 2.0])
def test_open_chain_of_rotors(beta: float) -> None:
    chain = XYModel(length=8, dimension=1, periodic=False, J=1.5)
    mean, error = mean_energy(chain, beta, sweeps=80)
    assert abs(mean / 7 + 1.5 * i1(1.5 * beta) / i0(1.5 * beta)) < 4.5 * error / 7


def test_pair_of_rotors_on_half_a_circle() -> None:
    pair = PlanarRotor(length=2, dimension=1, periodic=False)
    grid = (np.arange(400) + 0.5) * np.pi / 400
    bond = np.cos(grid[:, None] - grid)
    weights = np.exp(-2.0 * bond)
    mean, error = mean_energy(pair, 2.0, sweeps=80, step_size=0.5)
    assert abs(mean - (weights * bond).sum() / weights.sum()) < 4.5 * error


@pytest.mark.parametrize("model", [Potts(length=3, q=3), Clock(length=3, q=3, J=0.5), Potts(length=3, disorder="pm1")])
def test_small_lattices_of_states(model: PairLattice) -> None:
    states = np.stack(np.meshgrid(*[np.arange(3.0)] * 9, indexing="ij"), axis=-1).reshape(-1, 9)
    energies = model.energy(states)
    if model.known_optimum is not None:
        assert energies.min() == pytest.approx(model.known_optimum)
    weights = np.exp(-0.7 * (energies - energies.min()))
    mean, error = mean_energy(model, 0.7, sweeps=60)
    assert abs(mean - (weights * energies).sum() / weights.sum()) < 4.5 * error


def test_potts_of_two_states_is_ising() -> None:
    model = Potts(length=4, q=2, disorder="gaussian").sample(np.random.default_rng(1))
    bits = np.random.default_rng(2).integers(0, 2, (20, 16)).astype(float)
    spins = (2 * bits - 1).astype(np.int8)
    expected = model.lattice.energy(spins) / 2 - model.lattice.couplings.sum() / 2
    np.testing.assert_allclose(model.energy(bits), expected)


def test_critical_potts_lattice() -> None:
    mean, error = mean_energy(Potts(length=12, q=2), np.log(1 + np.sqrt(2)), sweeps=150)
    # Finite-size corrections of the periodic q = 2 lattice are Δu = -0.31/L a bond pair (Ferdinand and Fisher, 1969).
    assert mean / 144 == pytest.approx(-(1 + 1 / np.sqrt(2)), abs=0.06 + 5 * error / 144)


def test_rotors_anneal_to_their_ground_states() -> None:
    for model in (XYModel(length=4), PlanarRotor(length=4)):
        known = np.array([model.known_optimum])
        one = InstanceSet("one", (model,), known, (None,), np.array([np.nan]), ("putative",))
        budget = Budget(16, 30, 20)
        cold = evaluate("geometric:1:3000:sigma:accept=0.44", one, episodes=4, budget=budget)
        assert cold.p > 0.7
        fixed = evaluate("geometric:1:3000:sigma:step=0.5", one, episodes=4, budget=budget)
        assert fixed.mean_residual_energy_per_spin > cold.mean_residual_energy_per_spin, "long steps freeze early"
        assert 0 <= evaluate("population:geometric:1:3000:sigma", one, episodes=4, budget=budget).p <= 1
        with pytest.raises(InputError, match="Ising models are expected, not designs such as"):
            evaluate("tempering:1:3:16", one, episodes=1, budget=budget)


@pytest.mark.parametrize("action", ["delta_log_step", ("delta_log_temperature", "delta_log_step", "resample")])
def test_the_step_size_is_an_action(action: Any) -> None:
    env = AnnealingVectorEnv("XYModel-v0", 2, length=3, action=action, step_start=0.2, **SHORT)
    _, info = env.reset(seed=1)
    assert info["step_size"].tolist() == [0.2, 0.2]
    width = len(env.action.components)
    *_, info = env.step(np.tile([[1.0], [-1.0]], width))
    assert info["step_size"] == pytest.approx([0.2 * np.exp(0.5), 0.2 * np.exp(-0.5)])
    assert info["acceptance"][0] != info["acceptance"][1]


def test_an_action_sets_the_acceptance_that_the_step_size_keeps() -> None:
    options = {**SHORT, "sweeps_per_step": 30, "steps": 40}
    action = ("log_beta_offset", "log_acceptance_target")
    env = AnnealingVectorEnv("XYModel-v0", 2, length=3, action=action, step_start=0.2, **options)
    env.reset(seed=1)
    *_, info = env.step([[0.0, 0.0], [0.0, -1.0]])
    assert info["step_size"].tolist() == [0.2, 0.2], "nothing is known of the acceptance yet"
    size = 0.2 * np.exp(2 * (info["acceptance"] - 0.44 * np.exp([0.0, -1.0])))
    *_, info = env.step([[0.0, 0.0], [0.0, -1.0]])
    np.testing.assert_allclose(info["step_size"], np.clip(size, 0.0, 1.0))
    for _ in range(36):
        *_, info = env.step([[-0.7, 0.0], [-0.7, -1.0]])
    assert info["acceptance"] == pytest.approx([0.44, 0.44 * np.exp(-1)], abs=0.12)


def test_temperatures_are_in_units_of_the_energy_scale() -> None:
    small, large = (AnnealingVectorEnv("XYModel-v0", 1, length=3, J=J, **SHORT) for J in (1.0, 1000.0))
    beta = [env.reset(seed=1)[1]["beta"][0] for env in (small, large)]
    assert beta[0] == pytest.approx(1000 * beta[1])
    first, second = (env.step([[-1.0]])[4]["energy"][0] for env in (small, large))
    assert second == pytest.approx(1000 * first)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimension": 4}, "dimension is 4"),
        ({"J": -1.0}, "J is -1"),
        ({"disorder": "some"}, "disorder is 'some'"),
        ({"observation": "spins"}, "unknown observation 'spins'"),
        ({"observation": "features", "features": ("overlap",)}, "means nothing for XYModel"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AnnealingVectorEnv("XYModel-v0", 1, **options)


def test_an_odd_torus_frustrates_planar_rotors() -> None:
    with pytest.raises(InputError, match="even side"):
        PlanarRotor(length=5)
