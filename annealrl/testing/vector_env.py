"""Conformance checks of batched environments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from gymnasium.vector import AutoresetMode

from annealrl.vector_env import AnnealingVectorEnv


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
