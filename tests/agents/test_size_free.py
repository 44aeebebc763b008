from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from annealrl.agents import RecurrentPPO, load_agent
from annealrl.agents.method import AgentMethod
from annealrl.agents.rollout import play
from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.instances.lattices import edwards_anderson_2d, edwards_anderson_3d
from annealrl.ising import IsingModel
from annealrl.method import Budget
from annealrl.observations import TILES
from annealrl.simulator import ReplicaSimulator
from annealrl.vector_env import AnnealingVectorEnv

BUDGET = Budget(8, 3, 2)
OPTIONS = {
    "replicas": 8,
    "steps": 3,
    "sweeps_per_step": 2,
    "observation": "tiles",
    "action": "log_beta_offset",
    "group_size": 2,
}


def make_env(**options: object) -> AnnealingVectorEnv:
    return AnnealingVectorEnv("EdwardsAnderson2D-v0", 4, **{"length": 4, **OPTIONS, **options})


def glass(side: int, seed: int) -> IsingModel:
    return edwards_anderson_2d(side, np.random.default_rng(seed))


@pytest.mark.parametrize("replicas", [1, 5, 70])
def test_statistics_of_stars_are_those_of_the_definition(replicas: int) -> None:
    rng = np.random.default_rng(0)
    ring = IsingModel.from_edges([(0, 1), (1, 2), (2, 0), (2, 3)], [0.5, -1.5, 2.0, 1.0], [0.0, 0.3, -0.2, 0.0, 0.0])
    models = [ring, edwards_anderson_2d(3, rng)]
    simulator = ReplicaSimulator(models, replicas, seed=1)
    simulator.advance(0.7, 3)
    found = simulator.stars()
    assert found.shape == (2, len(TILES), 9)
    assert not found[0, :, ring.n :].any()
    for b, model in enumerate(models):
        spins = simulator.spins(b).astype(float)
        matrix = np.zeros((model.n, model.n))
        matrix[model.edges[:, 0], model.edges[:, 1]] = model.couplings
        matrix += matrix.T
        strength = np.abs(matrix).sum(axis=1) + np.abs(model.fields)
        u = spins * (spins @ matrix + model.fields) / np.where(strength > 0, strength, 1.0)
        for i in range(model.n):
            bonds = [spins[:, i] * spins[:, k] for k in np.flatnonzero(matrix[i])]
            pairs = [x[r] * x[t] for x in bonds for r in range(replicas) for t in range(r)]
            link = np.mean(pairs) if pairs else 0.0
            expected = [1.0, u[:, i].mean(), u[:, i].std(), link, strength[i]]
            np.testing.assert_allclose(found[b, :, i], expected, atol=2e-6)


def test_gauge_and_order_of_replicas_do_not_matter() -> None:
    rng = np.random.default_rng(2)
    model = glass(4, 5)
    turned = rng.choice([-1, 1], size=model.n)
    other = IsingModel.from_edges(model.edges, model.couplings * turned[model.edges].prod(axis=1))
    start = rng.choice([-1, 1], size=(8, model.n)).astype(np.int8)
    seen = []
    for instance, spins in ((model, start), (other, start * turned), (model, start[::-1])):
        env = make_env()
        seen.append(env.reset(seed=0, options={"instance": instance, "initial_spins": spins})[0][0])
    np.testing.assert_allclose(seen[1], seen[0], atol=1e-6)
    np.testing.assert_allclose(seen[2], seen[0], atol=1e-6)


def trained() -> RecurrentPPO:
    mixed = InstanceSet.from_models("mixed", [glass(side, i) for i, side in enumerate((3, 4, 5, 4))])
    env = make_env(instances=mixed)
    return RecurrentPPO("size-free", env, seed=0, advantage="group", vf_coef=0.0).learn(episodes=16)


def test_weights_from_mixed_sides_run_on_every_side(tmp_path: Path) -> None:
    before = RecurrentPPO("size-free", make_env(), seed=0).policy.weights()
    model = trained()
    assert any((value != before[key]).any() for key, value in model.policy.weights().items() if "tile" in key)
    one_side = RecurrentPPO("size-free", make_env(), seed=0)
    one_side.policy.load_weights(model.policy.weights())
    one_side.save(tmp_path / "agent")
    agent = load_agent(tmp_path / "agent")
    models = [glass(8, 1), glass(4, 2), glass(6, 3), edwards_anderson_3d(3, np.random.default_rng(4))]
    seeds = [np.random.SeedSequence(i) for i in range(4)]
    together = play(agent.policy, agent.config.env, models, seeds, BUDGET)
    assert together.energies.shape == (4, 8)
    # Sites that are not there (the batch is padded to the largest) change nothing but last digits.
    for e, (one, seed) in enumerate(zip(models, seeds, strict=True)):
        alone = play(agent.policy, agent.config.env, [one], [seed], BUDGET)
        np.testing.assert_allclose(alone.betas[:, 0], together.betas[:, e], rtol=1e-5)
    run = AgentMethod(agent, "agent:x").run(models, BUDGET, seeds)
    np.testing.assert_array_equal(run.betas, together.betas)


def test_sites_have_no_order_and_every_one_counts() -> None:
    policy = RecurrentPPO("size-free", make_env(), seed=0).policy
    seen = torch.rand(3, policy.observation_space.shape[0], 7)
    seen[:, 0] = 1.0
    padded = torch.cat([seen, torch.zeros(3, seen.shape[1], 4)], dim=2)
    moved = seen.clone()
    moved[:, 1, 3] += 0.5
    with torch.no_grad():
        actions = policy.act(seen)[0]
        torch.testing.assert_close(policy.act(seen[:, :, torch.randperm(7)])[0], actions)
        torch.testing.assert_close(policy.act(padded)[0], actions)
        torch.testing.assert_close(policy.act(torch.cat([seen, seen], dim=2))[0], actions)
        assert (policy.act(moved)[0] != actions).all()
    np.testing.assert_allclose(policy.predict(padded.numpy(), deterministic=True)[0], actions, atol=1e-6)
    assert policy.predict(padded[0].numpy(), deterministic=True)[0].shape == (1,)
    with pytest.raises(InputError, match=r"\(…, 13, N\) is expected"):
        policy.predict(np.zeros((2, 5, 7), np.float32))


def test_features_per_spin_do_not_grow_with_the_size() -> None:
    # The same 3×3 instance four times over, unconnected, in the same state: what is intensive stays as it is.
    rng = np.random.default_rng(3)
    small, spins = glass(3, 1), rng.choice([-1, 1], size=(8, 9)).astype(np.int8)
    edges = np.concatenate([small.edges + 9 * k for k in range(4)])
    large = IsingModel.from_edges(edges, np.tile(small.couplings, 4))
    options = {"observation": "features", "features": ("links", "per_spin"), "group_size": 1}
    rows = []
    for model, start in ((small, spins), (large, np.tile(spins, 4))):
        env = make_env(instances=InstanceSet.from_models("one", [model]), **options)
        rows.append(
            dict(zip(env.observation.names, env.reset(seed=0, options={"initial_spins": start})[0][0], strict=True))
        )
    for name in ("mean_energy_per_spin", "mean_link_overlap", "spread_of_link_overlap", "drop_of_mean_per_spin"):
        assert rows[1][name] == pytest.approx(rows[0][name], abs=1e-6)
    # The copies fluctuate together here, so that the spread grows by √4 more than that of independent ones.
    assert rows[1]["log_energy_spread"] == pytest.approx(rows[0]["log_energy_spread"] + np.log(2.0), abs=1e-4)
