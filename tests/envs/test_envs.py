"""Every registered environment: Gymnasium's checks and the batch's own. New families appear by themselves."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import RecordEpisodeStatistics
from gymnasium.wrappers.vector import RecordEpisodeStatistics as RecordVectorEpisodeStatistics

from annealrl.errors import InputError
from annealrl.hamiltonian import Hamiltonian
from annealrl.instance_set import InstanceSet
from annealrl.ising import IsingModel
from annealrl.registry import env_ids, family
from annealrl.schedules import Linear
from annealrl.testing import check_hamiltonian, check_vector_env
from annealrl.vector_env import AnnealingVectorEnv

SHORT: dict[str, Any] = {"steps": 4, "sweeps_per_step": 3, "replicas": 10}
GLASS = "EdwardsAnderson2D-v0"
ISING = [env_id for env_id in env_ids() if issubclass(family(env_id), Hamiltonian)]
OBSERVED = [(env_id, observation) for env_id in env_ids() for observation in family(env_id).observations]


def batch(env_id: str = GLASS, num_envs: int = 3, **options: Any) -> AnnealingVectorEnv:
    env = gym.make_vec(env_id, num_envs=num_envs, **{**SHORT, **family(env_id).example, **options})
    assert isinstance(env, AnnealingVectorEnv)
    return env


@pytest.mark.parametrize("action", ["default", "log_beta_offset"])
@pytest.mark.parametrize(("env_id", "observation"), OBSERVED)
def test_gymnasium_check(env_id: str, observation: str, action: str) -> None:
    chosen = {} if action == "default" else {"action": action}
    env = gym.make(env_id, observation=observation, **chosen, **{**SHORT, **family(env_id).example})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped, skip_render_check=True)


@pytest.mark.parametrize(("env_id", "observation"), OBSERVED)
def test_batch_check(env_id: str, observation: str) -> None:
    check_vector_env(lambda num_envs: batch(env_id, num_envs, observation=observation))


@pytest.mark.parametrize("env_id", ISING)
def test_hamiltonian_check(env_id: str) -> None:
    made = family(env_id)(**family(env_id).example)
    assert isinstance(made, Hamiltonian)
    check_hamiltonian(made)


def test_scalar_and_batch_tell_the_same_story() -> None:
    many, one = batch(num_envs=3), gym.make(GLASS, length=4, **SHORT)
    seeds = [5, 6, 7]
    observations, _ = many.reset(seed=seeds)
    actions = np.random.default_rng(0).uniform(-1, 1, (4, 3, 1)).astype(np.float32)
    stories = []
    for b, seed in enumerate(seeds):
        first, _ = one.reset(seed=seed)
        np.testing.assert_array_equal(first, observations[b])
        stories.append([one.step(action[b]) for action in actions])
    for k, action in enumerate(actions):
        observation, reward, terminated, truncated, info = many.step(action)
        last = k == 3
        assert terminated.all() == last
        assert not truncated.any()
        for b, story in enumerate(stories):
            expected = story[k]
            seen = info["final_obs"][b] if last else observation[b]
            np.testing.assert_array_equal(seen, expected[0])
            assert reward[b] == pytest.approx(expected[1])
            found = (info["final_info"] if last else info)["energy"][b]
            assert found == expected[4]["energy"]
    assert (info["sweeps"] == 0).all(), "the same step already shows the next episode"
    assert (info["final_info"]["sweeps"] == 12).all()


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    runs = []
    for threads in (1, 2):
        env = batch(num_envs=5, threads=threads)
        env.reset(seed=3)
        runs.append([env.step(np.full((5, 1), 0.3))[0] for _ in range(6)])
    np.testing.assert_array_equal(runs[0], runs[1])


def test_delta_beta_is_added_and_refused_beyond_the_range() -> None:
    env = batch(num_envs=3, beta_start=1.0, action_scale=1.5, beta_max=2.0, refusal_penalty=0.25)
    _, info = env.reset(seed=1)
    assert info["beta"].tolist() == [1.0] * 3
    _, reward, _, _, info = env.step(np.array([[0.5], [-1.0], [1.0]]))
    np.testing.assert_allclose(info["beta"], [1.75, 1.0, 1.0])
    np.testing.assert_allclose(reward, [0.0, -0.25, -0.25])


def test_log_beta_offset_scales_the_reference() -> None:
    env = batch(num_envs=2, action="log_beta_offset", reference=Linear(0.5, 2.0), action_scale=0.7)
    env.reset(seed=1)
    env.step(np.zeros((2, 1)))
    _, _, _, _, info = env.step(np.array([[0.0], [1.0]]))
    np.testing.assert_allclose(info["beta"], [1.0, np.exp(0.7)])


def test_starting_beta_is_drawn_from_its_range() -> None:
    env = batch("WeakStrongClusters-v0", num_envs=200)
    _, info = env.reset(seed=1)
    assert info["beta"].min() >= 0.2
    assert info["beta"].max() <= 5.0
    assert info["beta"].std() > 1.0


def test_weak_strong_clusters_start_in_the_local_minimum() -> None:
    observation, info = batch("WeakStrongClusters-v0", num_envs=1).reset(seed=0)
    assert info["energy"][0] == pytest.approx(-39.52)
    assert info["ground_energy"][0] == pytest.approx(-40.48)
    assert (observation == observation[0, 0]).all()


def test_rewards_are_what_they_say() -> None:
    given = {}
    for name in ("minimum_energy", "residual", "log_residual", "soft_minimum"):
        env = batch(num_envs=2, replicas=20, reward=name, length=3, certify=True)
        env.reset(seed=4)
        for _ in range(4):
            _, reward, _, _, info = env.step(np.zeros((2, 1)))
        given[name] = reward
    final = info["final_info"]
    np.testing.assert_allclose(given["minimum_energy"], -final["energy"])
    np.testing.assert_allclose(given["residual"], (final["ground_energy"] - final["energy"]) / 9)
    np.testing.assert_allclose(given["log_residual"], -np.log(np.maximum(-given["residual"], 1e-9)))
    assert (given["soft_minimum"] <= -final["energy"] / 9 + 1e-12).all()
    np.testing.assert_allclose(final["episode"]["r"], given["soft_minimum"])
    assert (final["episode"]["l"] == 4).all()


def test_criterion_best_judges_the_lowest_energy_seen() -> None:
    env = batch(num_envs=40, length=3, criterion="best", certify=True, replicas=4, beta_start=1.0)
    env.reset(seed=2)
    env.step(np.ones((40, 1)))
    for action in (-1.0, -0.9, 0.0):  # heat up again, so that the final energies are worse than the best
        _, _, _, _, info = env.step(np.full((40, 1), action))
    final = info["final_info"]
    assert (final["energy"] > final["best_energy"] + 1e-9).any()
    np.testing.assert_array_equal(final["is_success"], final["best_energy"] <= final["ground_energy"] + 1e-6)
    assert final["is_success"].any()


def test_reset_options() -> None:
    model = IsingModel.from_edges([(i, i + 1) for i in range(35)], 1.0)
    env = batch(num_envs=2, length=6)
    up = np.ones(36, np.int8)
    observation, info = env.reset(seed=1, options={"instance": model, "initial_spins": up, "beta": 2.5, "episodes": 2})
    assert (observation == 1).all()
    assert info["beta"].tolist() == [2.5, 2.5]
    assert info["energy"].tolist() == [-35.0, -35.0]
    for _ in range(4):
        _, _, _, _, info = env.step(np.zeros((2, 1)))
    assert info["energy"].tolist() == [-35.0, -35.0], "pinned for two episodes"
    for _ in range(4):
        _, _, _, _, info = env.step(np.zeros((2, 1)))
    assert info["energy"].tolist() != [-35.0, -35.0], "and no longer"


def test_dynamics_can_be_paired_by_seeds() -> None:
    seeds = [np.random.SeedSequence(9), np.random.SeedSequence(9)]
    model = IsingModel.from_edges([(i, i + 1) for i in range(35)], 1.0)
    env = batch(num_envs=2, length=6)
    env.reset(seed=1, options={"instance": model, "seeds": seeds})
    observation = env.step(np.zeros((2, 1)))[0]
    np.testing.assert_array_equal(observation[0], observation[1])


def test_a_group_shares_its_instance_and_nothing_else() -> None:
    env = batch(num_envs=6, group_size=3)
    observation, _ = env.reset(seed=1)
    assert env.simulator is not None
    hashes = [model.couplings.tobytes() for model in env.simulator.models]
    assert hashes[0] == hashes[1] == hashes[2] != hashes[3]
    assert (observation[0] != observation[1]).any()


def test_instances_can_be_drawn_from_a_set() -> None:
    models = [IsingModel.from_edges([(i, i + 1) for i in range(8)], J) for J in (1.0, 2.0)]
    env = batch(num_envs=30, instances=InstanceSet.from_models("chains", models))
    env.reset(seed=1)
    assert env.simulator is not None
    assert {model.couplings[0] for model in env.simulator.models} == {1.0, 2.0}


def test_features_can_be_switched_off() -> None:
    assert batch(observation="features", features=["time"]).single_observation_space.shape == (1,)
    env = batch(observation="features", features=["time", "beta"])
    observation, _ = env.reset(seed=1)
    np.testing.assert_allclose(observation[:, 0], 1.0)
    np.testing.assert_allclose(observation[:, 1], np.log(0.333 + 0.01), rtol=1e-6)


def test_gymnasium_wrappers() -> None:
    one = RecordEpisodeStatistics(gym.make(GLASS, **SHORT))
    one.reset(seed=0)
    for _ in range(4):
        _, reward, done, _, info = one.step(np.zeros(1, np.float32))
    assert done
    assert info["episode"]["l"] == 4
    assert info["episode"]["r"] == pytest.approx(float(reward))
    many = RecordVectorEpisodeStatistics(batch(num_envs=2))
    many.reset(seed=0)
    for _ in range(4):
        _, _, _, _, info = many.step(np.zeros((2, 1), np.float32))
    assert info["episode"]["l"].tolist() == [4, 4]
    own = gym.make(GLASS, episode_info=True, **SHORT)
    own.reset(seed=0)
    for _ in range(4):
        _, _, _, _, last = own.step(np.zeros(1, np.float32))
    assert last["episode"]["l"] == 4


def test_module_prefix_registers_on_the_fly() -> None:
    assert gym.make(f"annealrl:{GLASS}", length=3).observation_space.shape == (64, 9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lenght": 8}, "unknown option of EdwardsAnderson2D 'lenght'; did you mean length"),
        ({"steps": 0}, "steps is 0"),
        ({"observation": "image"}, "unknown observation 'image'"),
        ({"action": "temperature"}, "unknown action 'temperature'"),
        ({"reward": "sparse"}, "unknown reward 'sparse'"),
        ({"criterion": "last"}, "unknown criterion 'last'"),
        ({"observation": "features", "features": ["tme"]}, "unknown feature group 'tme'; did you mean time"),
        ({"observation": "features", "features": []}, "at least one group"),
        ({"beta_start": (2.0, 1.0)}, "beta_start is"),
        ({"action_scale": 0.0}, "action_scale is 0"),
        ({"group_size": 2}, "group_size is 2"),
        ({"length": 2}, "at least 3"),
    ],
)
def test_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        batch(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"instances": 3}, "unknown reset option 'instances'; did you mean instance"),
        ({"instance": "cool-4"}, "must be an IsingModel"),
        ({"instance": IsingModel.from_edges([(0, 200)])}, "this environment holds 16"),
        ({"initial_spins": np.ones((3, 7))}, "initial spins"),
        ({"beta": -1.0}, "inverse temperatures"),
        ({"seeds": []}, "0 seeds"),
    ],
)
def test_bad_reset_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        batch().reset(seed=0, options=options)


def test_bad_actions_and_order_of_calls() -> None:
    env = batch()
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.zeros((3, 1)))
    env.reset(seed=0)
    with pytest.raises(InputError, match="not finite"):
        env.step(np.full((3, 1), np.nan))


def test_a_scalar_episode_that_is_over_needs_a_reset() -> None:
    env = gym.make(GLASS, length=4, **SHORT)
    for _ in range(2):
        env.reset(seed=0)
        ends = [env.step(np.zeros(1, np.float32))[2] for _ in range(4)]
        assert ends == [False] * 3 + [True]
        with pytest.raises(gym.error.ResetNeeded, match="the episode is over"):
            env.step(np.zeros(1, np.float32))


def test_unknown_environment() -> None:
    with pytest.raises(InputError, match=r"did you mean .*EdwardsAnderson2D-v0"):
        family("EdwardsAnderson-v0")
