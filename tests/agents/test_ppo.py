from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from sb3_contrib.common.recurrent.buffers import RecurrentRolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback, EvalCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import VecMonitor, VecNormalize

from annealrl.agents.buffers import EpisodeBuffer
from annealrl.agents.ppo import RecurrentPPO
from annealrl.errors import InputError
from annealrl.sb3 import AnnealingVecEnv
from annealrl.vector_env import AnnealingVectorEnv


def small(num_envs: int = 8, **options: Any) -> AnnealingVectorEnv:
    chosen = {
        "length": 4,
        "replicas": 8,
        "steps": 5,
        "sweeps_per_step": 2,
        "observation": "features",
        "action": "log_beta_offset",
        "threads": 1,
    } | options
    return AnnealingVectorEnv("EdwardsAnderson2D-v0", num_envs, **chosen)


class _Padded:
    """Reads an episode buffer's rollout out of sb3-contrib's own padded buffer, cut where episodes begin."""

    def __init__(self, source: EpisodeBuffer, split: int) -> None:
        self.source, self.split = source, split

    def get(self, batch_size: int | None) -> Iterator[Any]:
        source = self.source
        shape = (source.buffer_size, 1, source.n_envs, 64)
        padded = RecurrentRolloutBuffer(
            source.buffer_size, source.observation_space, source.action_space, shape, "cpu", 0.95, 0.99, source.n_envs
        )
        for key in ("observations", "actions", "values", "log_probs", "advantages", "returns", "episode_starts"):
            setattr(padded, key, getattr(source, key).copy())
        padded.full = True
        original = np.random.randint
        np.random.randint = lambda _: self.split
        try:
            yield from padded.get(batch_size)
        finally:
            np.random.randint = original


@pytest.mark.parametrize(("advantage", "noise", "split"), [("gae", 0.0, 0), ("group", 0.9, 0), ("gae", 0.0, 10)])
def test_loss_equals_the_padded_path_of_sb3(advantage: str, noise: float, split: int) -> None:
    env = small(8, observation="spins", group_size=4)
    model = RecurrentPPO("conv-lstm", env, seed=3, advantage=advantage, noise_correlation=noise, n_epochs=1)
    collected: list[Any] = []

    class Stop(BaseCallback):
        def _on_step(self) -> bool:
            return True

        def _on_rollout_end(self) -> None:
            buffer = self.model.rollout_buffer
            losses = []
            for samples in (*_Padded(buffer, split).get(None), *buffer.get(None)):
                mask = samples.mask > 0
                values, log_prob, entropy = self.model.policy.evaluate_actions(
                    samples.observations, samples.actions, samples.lstm_states, samples.episode_starts
                )
                advantages = samples.advantages
                advantages = (advantages - advantages[mask].mean()) / (advantages[mask].std() + 1e-8)
                ratio = torch.exp(log_prob - samples.old_log_prob)
                surrogate = torch.min(advantages * ratio, advantages * ratio.clamp(0.8, 1.2))
                losses.append(
                    [
                        -surrogate[mask].mean().item(),
                        ((samples.returns - values.flatten()) ** 2)[mask].mean().item(),
                        -entropy[mask].mean().item(),
                        ratio[mask].sub(1).abs().max().item(),
                    ]
                )
            collected.append(losses)

    model.learn(episodes=8, callback=Stop())
    padded, whole = collected[0]
    np.testing.assert_allclose(whole, padded, atol=2e-6, rtol=1e-5)
    # Nothing was learned yet, so the probabilities are those of the rollout.
    assert whole[3] < 1e-4


def test_group_relative_advantages_by_hand() -> None:
    env = AnnealingVecEnv(small(4))
    buffer = EpisodeBuffer(
        4,
        env.observation_space,
        env.action_space,
        (4, 1, 4, 1),
        n_envs=4,
        episode_steps=2,
        advantage="group",
        group_size=2,
        reward_scale=10.0,
    )
    rewards = np.array([[0, 0, 0, 0], [1, 3, 5, 5], [0, 1, 0, 0], [2, 3, -1, 1]], np.float32)
    for t in range(4):
        starts = np.full(4, t % 2 == 0)
        zeros = np.zeros((4, env.observation_space.shape[0]), np.float32)
        buffer.add(zeros, np.zeros((4, 1)), rewards[t], starts, torch.zeros(4), torch.zeros(4))
    buffer.compute_returns_and_advantage(torch.zeros(4), np.ones(4, bool))
    np.testing.assert_allclose(buffer.returns[1], [10, 30, 50, 50])
    np.testing.assert_allclose(buffer.returns[2], [20, 40, -10, 10])
    np.testing.assert_allclose(buffer.advantages, [[-10, 10, 0, 0]] * 2 + [[-10, 10, -10, 10]] * 2)
    seen = [tuple(samples.advantages.tolist()) for samples in buffer.get(2 * 2)]
    assert len(seen) == 4
    assert sorted(value for batch in seen for value in batch[::2]) == [-10, -10, -10, 0, 0, 10, 10, 10]
    assert all(batch[0] == batch[1] for batch in seen)


def test_training_from_scripts_improves_a_toy_problem() -> None:
    # From a reference that is far too hot the only way up is to cool: a reward that a few updates must find.
    from annealrl.schedules import Linear

    env = small(32, group_size=8, reference=Linear(0.2, 0.6), sweeps_per_step=5, action_scale=2.0)
    model = RecurrentPPO(
        "features",
        env,
        seed=0,
        learning_rate=3e-3,
        anneal="cosine",
        advantage="group",
        vf_coef=0.0,
        noise_correlation=0.9,
        batch_episodes=16,
        policy_options={"log_std_init": -1.0, "width": 16},
    )
    before, _ = evaluate_policy(
        model,
        AnnealingVecEnv(small(8, reference=Linear(0.2, 0.6), sweeps_per_step=5, action_scale=2.0)),
        32,
        warn=False,
    )
    model.learn(episodes=32 * 12)
    after, _ = evaluate_policy(
        model,
        AnnealingVecEnv(small(8, reference=Linear(0.2, 0.6), sweeps_per_step=5, action_scale=2.0)),
        32,
        warn=False,
    )
    assert model.episodes == 384
    assert after > before + 0.05, (before, after)


def test_sb3_tools_around_the_environment() -> None:
    monitored = VecMonitor(VecNormalize(AnnealingVecEnv(small(4)), norm_obs=False, gamma=1.0))
    evaluation = VecMonitor(VecNormalize(AnnealingVecEnv(small(4)), norm_obs=False, norm_reward=False, training=False))
    model = RecurrentPPO("features-lstm", monitored, seed=0, n_epochs=1)
    callback = EvalCallback(evaluation, n_eval_episodes=4, eval_freq=5, verbose=0, warn=False)
    model.learn(episodes=8, callback=callback)
    assert model.episode_steps == 5
    assert np.isfinite(callback.last_mean_reward)
    assert len(model.ep_info_buffer) == 8
    mean, spread = evaluate_policy(model, evaluation, n_eval_episodes=8)
    assert np.isfinite(mean)
    assert np.isfinite(spread)
    normalised = VecNormalize(AnnealingVecEnv(small(4, observation="spins")))
    RecurrentPPO("conv-lstm", normalised, seed=0, n_epochs=1).learn(episodes=4)


def test_training_is_reproducible_and_depends_on_the_seed() -> None:
    def weights(seed: int) -> dict[str, torch.Tensor]:
        return RecurrentPPO("features", small(4), seed=seed, n_epochs=1).learn(episodes=8).policy.weights()

    first, again, other = weights(0), weights(0), weights(1)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_a_second_call_goes_on() -> None:
    model = RecurrentPPO("features", small(4), seed=0, n_epochs=1)
    model.learn(episodes=4).learn(episodes=4, reset_num_timesteps=False)
    assert model.episodes == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_episodes": 3}, "batch_episodes is 3; a divisor of the rollout's 4"),
        ({"episodes_per_env": 0}, "episodes_per_env is 0"),
        ({"advantage": "group"}, "group_size is 1; advantage 'group' expects"),
        ({"advantage": "group", "group_size": 2, "batch_episodes": 1}, "minibatches of at least 2 episodes"),
        ({"advantage": "gea"}, "unknown advantage 'gea'; did you mean gae"),
        ({"anneal": "cos"}, "unknown anneal 'cos'"),
        ({"n_steps": 5}, "n_steps: give episodes_per_env"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RecurrentPPO("features", small(4), **options)


def test_wrong_environments_and_calls() -> None:
    with pytest.raises(InputError, match="env is a str"):
        RecurrentPPO("features", "EdwardsAnderson2D-v0")
    with pytest.raises(InputError, match="batch_episodes is 1 with episodes of one step"):
        RecurrentPPO("features", small(4, steps=1), batch_episodes=1)
    with pytest.raises(InputError, match="one of episodes and total_timesteps"):
        RecurrentPPO("features", small(4)).learn()
    model = RecurrentPPO("features", small(4), episode_steps=10)
    with pytest.raises(InputError, match="all episodes must start together and have 10 steps"):
        model.learn(episodes=4)


def test_weights_that_are_no_numbers_end_the_training_in_one_line() -> None:
    with pytest.raises(InputError, match=r"learning_rate is 1e\+30; a number > 0 and ≤ 1 is expected"):
        RecurrentPPO("features", small(), learning_rate=1e30)
    model = RecurrentPPO("features", small(), learning_rate=0.5)
    # What a rate that is far too large does to them, in the midst of an update.
    model.policy.optimizer.register_step_post_hook(lambda *_: model.policy.log_std.data.fill_(float("nan")))
    with pytest.raises(InputError, match=r"learning_rate is 0\.5: after 8 episodes the policy's weights are no longer"):
        model.learn(episodes=16)
