"""Conformance checks for problem families and batched environments; the package's own tests use them too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode

from annealrl.hamiltonian import Hamiltonian
from annealrl.ising import IsingModel
from annealrl.simulator import ReplicaSimulator
from annealrl.vector_env import AnnealingVectorEnv


def check_hamiltonian(hamiltonian: Hamiltonian, seed: int = 0) -> None:
    """Check a family: seeds reproduce, the simulator's energies are right, known ground energies are lower bounds.

    Raises
    ------
    AssertionError
        With what was expected.
    """
    model = hamiltonian.sample(np.random.default_rng(seed))
    again = hamiltonian.sample(np.random.default_rng(seed))
    assert isinstance(model, IsingModel), f"sample() returned {type(model).__name__}; an IsingModel is expected"
    for key in ("edges", "couplings", "fields"):
        same = np.array_equal(getattr(model, key), getattr(again, key))
        assert same, f"sample() gave other {key} for the same seed; all randomness must come from `rng`"
    assert type(hamiltonian).__doc__, "the class has no docstring; it should state H and its source"

    start = hamiltonian.initial_spins(model)
    if start is not None:
        assert start.shape == (model.n,), f"initial_spins() has shape {start.shape}; ({model.n},) is expected"
        assert np.isin(start, (-1, 1)).all(), "initial_spins() must be ±1"

    simulator = ReplicaSimulator([model], 64, seed=seed)
    for beta in (0.0, 0.5, 5.0):
        simulator.advance(beta, 20)
        direct = [_energy(model, spins) for spins in simulator.spins(0)]
        np.testing.assert_allclose(simulator.energies[0], direct, atol=1e-9 * max(1.0, model.scale))
    ground = hamiltonian.ground_energy(model)
    if ground is not None:
        lowest = float(simulator.best_energies.min())
        slack = 1e-9 * max(1.0, model.scale)
        assert lowest >= ground - slack, f"ground_energy() is {ground}, but {lowest} was found"


def _energy(model: IsingModel, spins: Any) -> float:
    """The definition, term by term."""
    bonds = sum(J * int(spins[i]) * int(spins[j]) for (i, j), J in zip(model.edges, model.couplings, strict=True))
    return float(model.offset - bonds - sum(h * int(s) for h, s in zip(model.fields, spins, strict=True)))


def check_vector_env(make: Callable[[int], AnnealingVectorEnv], seed: int = 0) -> None:
    """Check a batched environment: spaces, dtypes, fresh arrays, seeds, autoreset, independence of the batch.

    Parameters
    ----------
    make : callable
        ``make(num_envs)`` returns the environment with that many episodes; at most a few dozen steps long.

    Raises
    ------
    AssertionError
        With what was expected.
    """
    env, twin, pair = make(3), make(3), make(2)
    assert env.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP, "SAME_STEP autoreset is expected"
    seeds = [seed, seed + 1, seed + 2]
    observation, info = env.reset(seed=seeds)
    other, _ = twin.reset(seed=seeds)
    part, _ = pair.reset(seed=seeds[:2])
    env.action_space.seed(seed)
    episode_step = 0
    for _ in range(2 * env.steps + 1):
        assert observation.shape == env.observation_space.shape, "observations have a wrong shape"
        assert observation.dtype == env.single_observation_space.dtype, "observations have a wrong dtype"
        for b in range(3):
            assert env.single_observation_space.contains(observation[b]), "an observation lies outside its space"
        np.testing.assert_array_equal(observation, other, "the same seeds must give the same episode")
        np.testing.assert_array_equal(observation[:2], part, "an episode must not depend on its batch")
        actions = env.action_space.sample()
        kept = observation.copy()
        previous = observation
        observation, rewards, terminated, truncated, info = env.step(actions)
        np.testing.assert_array_equal(previous, kept, "a returned observation was written to later")
        other = twin.step(actions)[0]
        part = pair.step(actions[:2])[0]
        episode_step += 1
        over = episode_step == env.steps
        assert rewards.shape == terminated.shape == truncated.shape == (3,), (
            "one reward and flag an episode is expected"
        )
        assert np.isfinite(rewards).all(), "a reward is not finite"
        assert terminated.all() == terminated.any() == over, "episodes end together after `steps` steps"
        assert not truncated.any(), "episodes terminate, they are not truncated"
        assert ("final_obs" in info) == over, "final_obs belongs to the last step alone"
        if over:
            assert info["_final_obs"].all()
            assert info["_final_info"].all()
            assert info["final_obs"][0].shape == env.single_observation_space.shape
            assert {"is_success", "episode"} <= set(info["final_info"])
            episode_step = 0
        for value in (info["energy"], info["beta"], info["acceptance"]):
            assert value.shape == (3,), "information holds one entry an episode"
    assert (info["best_energy"] <= info["energy"]).all(), "the best energy lies above the current one"
