from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from torch.nn import functional

from annealrl.agents.extractors import LayerNormLSTM, ReplicaConvolutions
from annealrl.agents.policies import POLICIES, EpisodePolicy, policy_class
from annealrl.agents.policy_options import POLICY_NAMES
from annealrl.errors import InputError

R, N = 6, 9
SPINS = gym.spaces.Box(-1, 1, (R, N), np.int8)
FEATURES = gym.spaces.Box(-1e6, 1e6, (5,), np.float32)
TILES = gym.spaces.Box(-1e6, 1e6, (4, N), np.float32)
ACTION = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)


def make(name: str, **options: object) -> EpisodePolicy:
    torch.manual_seed(0)
    space = FEATURES if name.startswith("features") else TILES if name == "size-free" else SPINS
    return policy_class(name)(space, ACTION, lambda _: 1e-3, **options)


def observations(policy: EpisodePolicy, count: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    shape = (count, *policy.observation_space.shape)
    if policy.observation_space.dtype == np.int8:
        return rng.choice([-1, 1], size=shape).astype(np.int8)
    seen = rng.normal(size=shape).astype(np.float32)
    if len(shape) == 3:
        seen[:, 0] = 1.0  # every site is there
    return seen


def zero_states(policy: EpisodePolicy, count: int) -> RNNStates:
    layers, _, hidden = policy.lstm_hidden_state_shape
    zeros = torch.zeros((layers, count, hidden))
    return RNNStates((zeros, zeros), (zeros, zeros))


def test_names_agree() -> None:
    assert tuple(POLICIES) == POLICY_NAMES


@pytest.mark.parametrize("name", POLICY_NAMES)
def test_shapes_of_prediction(name: str) -> None:
    policy = make(name)
    seen = observations(policy, 4)
    actions, states = policy.predict(seen, deterministic=True)
    assert actions.shape == (4, 1)
    assert actions.dtype == np.float32
    core = policy.lstm_actor
    assert states[0].shape == states[1].shape == (core.num_layers, 4, core.hidden_size)
    assert core.input_size == policy.features_dim
    one, _ = policy.predict(seen[0], deterministic=True)
    assert one.shape == (1,)
    np.testing.assert_allclose(one, actions[0], rtol=1e-5, atol=1e-7)
    # The optimiser holds the replaced cores' parameters.
    held = {id(p) for group in policy.optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in policy.parameters()}


@pytest.mark.parametrize("name", POLICY_NAMES)
def test_one_call_over_a_sequence_equals_steps(name: str) -> None:
    policy = make(name)
    count, steps = 3, 5
    seen = observations(policy, count * steps)
    by_time = seen.reshape(count, steps, *seen.shape[1:])
    states, walked = None, []
    for t in range(steps):
        start = np.full(count, t == 0)
        actions, states = policy.predict(by_time[:, t], states, start, deterministic=True)
        walked.append(actions[:, 0])
    starts = torch.zeros(count, steps)
    starts[:, 0] = 1
    distribution, _ = policy.get_distribution(torch.as_tensor(seen), zero_states(policy, count).pi, starts.flatten())
    whole = distribution.get_actions(deterministic=True).detach().numpy().reshape(count, steps)
    np.testing.assert_allclose(whole, np.stack(walked, axis=1), atol=1e-6)


def test_sequences_with_inner_starts_equal_the_loop_of_sb3() -> None:
    policy = make("conv-lstm")
    features = torch.randn(2 * 4, policy.features_dim)
    starts = torch.tensor([[1.0, 0, 0, 0], [0, 0, 1.0, 0]]).flatten()
    states = (torch.randn(1, 2, 64), torch.randn(1, 2, 64))
    expected, _ = RecurrentActorCriticPolicy._process_sequence(features, states, starts, policy.lstm_actor)
    found, _ = policy._process_sequence(features, states, starts, policy.lstm_actor)
    torch.testing.assert_close(found, expected)
    # Only initial states to mask: one call, the same numbers.
    starts = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0]]).flatten()
    expected, last = RecurrentActorCriticPolicy._process_sequence(features, states, starts, policy.lstm_actor)
    found, found_last = policy._process_sequence(features, states, starts, policy.lstm_actor)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found_last[1], last[1])


def test_convolutions_are_those_of_the_paper() -> None:
    torch.manual_seed(0)
    extractor = ReplicaConvolutions(SPINS, kernels=7, width=4)
    image = torch.randn(2, R, N)
    rows = functional.conv2d(
        image[:, None], extractor.across_spins.weight[:, None, None, :], extractor.across_spins.bias
    )  # (2, 7, R, 1)
    columns = functional.conv2d(
        image[:, None], extractor.across_replicas.weight[:, None, :, None], extractor.across_replicas.bias
    )  # (2, 7, 1, N)
    flat = torch.cat([rows[..., 0].swapaxes(1, 2).flatten(1), columns[:, :, 0].flatten(1)], dim=1)
    torch.testing.assert_close(extractor(image), torch.tanh(extractor.dense(torch.tanh(flat))))
    assert sum(p.numel() for p in extractor.dense.parameters()) == 7 * (R + N) * 4 + 4


def test_layer_norm_lstm_forgets_nothing_when_gates_say_so() -> None:
    core = LayerNormLSTM(2, 3)
    with torch.no_grad():
        core.norm_input.weight.zero_()
        core.norm_hidden.weight.zero_()
        core.bias[:3] = -50.0  # nothing enters
        core.bias[3:6] = 50.0  # nothing is forgotten
    cell = torch.randn(1, 4, 3)
    _, (_, last) = core(torch.randn(6, 4, 2), (torch.zeros(1, 4, 3), cell))
    torch.testing.assert_close(last, cell)


@pytest.mark.parametrize("name", ["features", "conv-lstm"])
def test_correlated_noise_has_the_density_of_the_whole_episode(name: str) -> None:
    rho, steps, count = 0.9, 6, 3
    policy = make(name, noise_correlation=rho, log_std_init=-0.5)
    seen = torch.as_tensor(observations(policy, count * steps))
    starts = torch.zeros(count, steps)
    starts[:, 0] = 1
    actions = torch.randn(count * steps, 1)
    with torch.no_grad():
        mean = policy.get_distribution(seen, zero_states(policy, count).pi, starts.flatten())[0].mode()
        _, log_prob, entropy = policy.evaluate_actions(seen, actions, zero_states(policy, count), starts.flatten())
    lag = np.abs(np.subtract.outer(np.arange(steps), np.arange(steps)))
    covariance = torch.as_tensor(np.exp(-0.5) ** 2 * rho**lag, dtype=torch.float32)
    whole = torch.distributions.MultivariateNormal(mean.view(count, steps), covariance)
    torch.testing.assert_close(
        log_prob.view(count, steps).sum(1), whole.log_prob(actions.view(count, steps)), atol=1e-3, rtol=1e-4
    )
    torch.testing.assert_close(entropy.view(count, steps).sum(1), whole.entropy(), atol=1e-4, rtol=1e-4)


def test_rollout_noise_is_correlated_and_has_the_density_it_says() -> None:
    rho, steps, count = 0.9, 30, 400
    policy = make("features", noise_correlation=rho, log_std_init=0.0)
    seen = torch.as_tensor(observations(policy, count * steps)).view(count, steps, -1)
    starts = torch.zeros(count, steps)
    starts[:, 0] = 1
    states, actions, log_probs = zero_states(policy, count), [], []
    with torch.no_grad():
        for t in range(steps):
            action, _, log_prob, states = policy(seen[:, t], states, starts[:, t])
            actions.append(action)
            log_probs.append(log_prob)
        flat = torch.stack(actions, dim=1).flatten(0, 1)
        _, again, _ = policy.evaluate_actions(seen.flatten(0, 1), flat, zero_states(policy, count), starts.flatten())
        mean = policy.get_distribution(seen.flatten(0, 1), zero_states(policy, count).pi, starts.flatten())[0].mode()
    torch.testing.assert_close(again.view(count, steps), torch.stack(log_probs, dim=1), atol=1e-4, rtol=1e-4)
    noise = (flat - mean).view(count, steps).numpy()
    # 12 000 correlated numbers, about 600 independent ones: five standard errors are 0.15 and 0.05.
    assert abs(noise.var() - 1.0) < 0.3
    assert abs(np.mean(noise[:, 1:] * noise[:, :-1]) / noise.var() - rho) < 0.05
    assert abs(noise[:, 0].var() - 1.0) < 0.4


def test_wrong_inputs() -> None:
    with pytest.raises(InputError, match=r"did you mean.*conv-lstm"):
        policy_class("conv_lstm")
    with pytest.raises(InputError, match=r"noise_correlation is 1\.0"):
        make("features", noise_correlation=1.0)
    with pytest.raises(InputError, match="observation 'spins' is expected"):
        policy_class("conv-lstm")(FEATURES, ACTION, lambda _: 1e-3)
    with pytest.raises(InputError, match="observation 'features' is expected"):
        policy_class("features")(SPINS, ACTION, lambda _: 1e-3)
    for space in (SPINS, FEATURES):
        with pytest.raises(InputError, match="observation 'tiles' is expected"):
            policy_class("size-free")(space, ACTION, lambda _: 1e-3)
    policy = make("features")
    weights = policy.weights()
    del weights["log_std"]
    with pytest.raises(InputError, match="log_std is missing"):
        policy.load_weights(weights)
