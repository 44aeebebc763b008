from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from annealrl.agents import RecurrentPPO, load_agent
from annealrl.agents.config import PPOConfig
from annealrl.agents.rollout import play
from annealrl.errors import InputError
from annealrl.instances.lattices import edwards_anderson_2d
from annealrl.method import Budget
from annealrl.privileged import PRIVILEGED
from annealrl.solvers import solve
from annealrl.vector_env import AnnealingVectorEnv

OPTIONS = {
    "length": 4,
    "replicas": 8,
    "steps": 3,
    "sweeps_per_step": 2,
    "observation": "features",
    "action": "log_beta_offset",
}


def make_env(**options: object) -> AnnealingVectorEnv:
    return AnnealingVectorEnv("EdwardsAnderson2D-v0", 4, **{**OPTIONS, "certify": True, "group_size": 2, **options})


def test_columns_against_the_solver_and_the_definition() -> None:
    env = make_env()
    env.reset(seed=3)
    env.step(np.zeros((4, 1)))
    seen = dict(zip(PRIVILEGED, env.privileged.T, strict=True))
    simulator = env.drive.simulator
    for b, model in enumerate(simulator.models):
        optimum = solve(model)
        unit = model.n * model.energy_scale
        broken = model.edges[np.sign(model.couplings) * np.prod(optimum.spins[model.edges], axis=1) < 0]
        weights = {tuple(edge): abs(j) for edge, j in zip(model.edges, model.couplings, strict=True)}
        share = sum(weights[tuple(edge)] for edge in broken) / np.abs(model.couplings).sum()
        assert seen["frustration"][b] == pytest.approx(share, abs=1e-6)
        assert seen["optimum_per_spin"][b] == pytest.approx(optimum.energy / unit, rel=1e-6)
        mean = (model.energy(simulator.spins(b)).mean() - optimum.energy) / unit
        assert seen["log_mean_above_optimum"][b] == pytest.approx(np.log(mean + 1e-4), rel=1e-5)
        median = np.median(np.abs(model.couplings)) / model.energy_scale
        assert seen["coupling_quantile_0.5"][b] == pytest.approx(median, rel=1e-6)


def trained() -> RecurrentPPO:
    return RecurrentPPO("features", make_env(), seed=0, privileged_critic=True, n_epochs=2).learn(episodes=16)


def test_the_critic_learns_from_what_it_alone_sees() -> None:
    model = trained()
    first = model.policy.value_net[0]
    untrained = RecurrentPPO("features", make_env(), seed=0, privileged_critic=True).policy.value_net[0]
    moved = (first.weight - untrained.weight)[:, -len(PRIVILEGED) :].abs().max()
    assert moved > 0
    # Minibatches hold the columns of their own steps: the values of the rollout are met again before the first update.
    model.collect_rollouts(model.env, *_quiet(model))
    batch = next(model.rollout_buffer.get())
    values, _, _ = model.policy.evaluate_actions(
        batch.observations, batch.actions, batch.lstm_states, batch.episode_starts
    )
    torch.testing.assert_close(values.flatten(), batch.old_values, atol=1e-5, rtol=1e-5)


def _quiet(model: RecurrentPPO) -> tuple[object, object, int]:
    from stable_baselines3.common.callbacks import CallbackList

    callback = CallbackList([])
    callback.init_callback(model)
    callback.on_training_start({}, {})
    return callback, model.rollout_buffer, model.n_steps


def test_neither_actor_nor_saved_policy_depend_on_it(tmp_path: Path) -> None:
    model = trained()
    model.save(tmp_path / "agent")
    agent = load_agent(tmp_path / "agent")
    assert agent.config.ppo.privileged_critic
    instances = [edwards_anderson_2d(5, np.random.default_rng(i)) for i in range(3)]
    seeds = [np.random.SeedSequence(i) for i in range(3)]
    before = play(agent.policy, agent.config.env, instances, seeds, Budget(8, 3, 2))
    with torch.no_grad():
        for weights in agent.policy.value_net.parameters():
            weights.fill_(float("nan"))

    def never() -> torch.Tensor:
        raise AssertionError("the actor asked for what the critic sees")

    agent.policy.privileged_source = never
    after = play(agent.policy, agent.config.env, instances, seeds, Budget(8, 3, 2))
    np.testing.assert_array_equal(before.betas, after.betas)
    np.testing.assert_array_equal(before.energies, after.energies)
    # The means of actions are those of the training's own policy, whatever its critic is told.
    seen = torch.randn(5, *model.policy.observation_space.shape)
    model.policy.privileged_source = never
    with torch.no_grad():
        torch.testing.assert_close(model.policy.act(seen)[0], agent.policy.act(seen)[0])
    with pytest.raises(InputError, match="while training alone"):
        load_agent(tmp_path / "agent").policy.predict_values(
            seen, (torch.zeros(1, 5, 1), torch.zeros(1, 5, 1)), torch.ones(5)
        )


def test_refusals() -> None:
    with pytest.raises(InputError, match="where nothing learns values"):
        PPOConfig(advantage="group", privileged_critic=True)
    with pytest.raises(InputError, match="where nothing learns values"):
        RecurrentPPO("features", make_env(), advantage="group", privileged_critic=True)
    with pytest.raises(InputError, match="certify=True is expected"):
        RecurrentPPO("features", make_env(certify=None), privileged_critic=True)
    rotors = AnnealingVectorEnv("PlanarRotor-v0", 2, length=4, steps=2, sweeps_per_step=1, observation="features")
    with pytest.raises(InputError, match="an Ising family is expected"):
        RecurrentPPO("features", rotors, privileged_critic=True)
