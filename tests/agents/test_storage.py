from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annealrl.agents import catalogue
from annealrl.agents.config import PPOConfig
from annealrl.agents.method import load_agent_method
from annealrl.agents.ppo import RecurrentPPO
from annealrl.agents.storage import env_config, load_agent
from annealrl.baselines.grammar import parse_method
from annealrl.baselines.schedule import ScheduleMethod
from annealrl.errors import InputError
from annealrl.instances.generators import edwards_anderson_2d
from annealrl.ising import IsingModel
from annealrl.method import Budget, Method
from annealrl.schedules import Knots, Table
from annealrl.vector_env import AnnealingVectorEnv

OPTIONS: dict[str, Any] = {"replicas": 8, "steps": 5, "sweeps_per_step": 3, "threads": 1}


def model(policy: str = "features", **options: Any) -> RecurrentPPO:
    chosen = OPTIONS | {
        "length": 4,
        "observation": "features" if policy.startswith("features") else "spins",
        "action": "log_beta_offset",
        "reference": Knots((0.4, 1.5, 8.0)),
    }
    env = AnnealingVectorEnv("EdwardsAnderson2D-v0", 4, **(chosen | options))
    return RecurrentPPO(policy, env, seed=0, n_epochs=1)


def instance(length: int, seed: int) -> IsingModel:
    return edwards_anderson_2d(length, np.random.default_rng(seed))


def seeds(count: int) -> list[np.random.SeedSequence]:
    return [np.random.SeedSequence(7, spawn_key=(e,)) for e in range(count)]


@pytest.mark.parametrize("policy", ["features", "features-lstm", "conv-lstm", "as-released"])
def test_saved_agents_act_the_same(policy: str, tmp_path: Path) -> None:
    trained = model(policy).learn(episodes=8)
    trained.save(tmp_path / "agent")
    files = sorted(path.name for path in (tmp_path / "agent").iterdir())
    assert files == ["config.yml", "policy.safetensors"]
    for path in (tmp_path / "agent").iterdir():
        assert b"pickle" not in path.read_bytes()
    loaded = load_agent(tmp_path / "agent")
    seen = trained.env.reset()
    state = other = None
    for step in range(3):
        start = np.full(4, step == 0)
        actions, state = trained.predict(seen, state, start, deterministic=True)
        again, other = loaded.policy.predict(seen, other, start, deterministic=True)
        np.testing.assert_array_equal(actions, again)
    assert env_config(loaded.config.env.make()) == env_config(trained.env)
    back = RecurrentPPO.load(tmp_path / "agent")
    assert back.learn(episodes=4).episodes == 4


def test_state_dependent_exploration_is_kept(tmp_path: Path) -> None:
    trained = RecurrentPPO("features", model().env, seed=0, n_epochs=1, use_sde=True).learn(episodes=8)
    trained.save(tmp_path / "agent")
    loaded = load_agent(tmp_path / "agent")
    assert loaded.config.ppo.use_sde
    seen = trained.env.reset()
    np.testing.assert_array_equal(
        trained.predict(seen, deterministic=True)[0], loaded.policy.predict(seen, deterministic=True)[0]
    )
    with pytest.raises(InputError, match="use one of the two"):
        PPOConfig(use_sde=True, noise_correlation=0.5)


def test_nothing_is_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    import torch

    model().save(tmp_path / "agent")

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("unpickled")

    for owner, name in ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler"), (torch, "load")):
        monkeypatch.setattr(owner, name, refuse)
    load_agent(tmp_path / "agent")


def test_agents_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown agent 'ea2d-1O'"):
        load_agent("ea2d-1O")
    with pytest.raises(InputError, match=r"no config\.yml in it"):
        load_agent(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="a file; the directory"):
        load_agent(tmp_path / "file")


def test_damaged_agents(tmp_path: Path) -> None:
    model().save(tmp_path / "agent")
    config, weights = tmp_path / "agent" / "config.yml", tmp_path / "agent" / "policy.safetensors"
    text, content = config.read_text(encoding="utf-8"), weights.read_bytes()
    config.write_text(text.replace("policy: features", "policy: features-lstm"), encoding="utf-8")
    with pytest.raises(InputError, match=r"weight .* expected"):
        load_agent(tmp_path / "agent")
    config.write_text(text.replace("length: 4", "length: 4\n  features: [time]"), encoding="utf-8")
    with pytest.raises(InputError, match=r"stands there twice"):
        load_agent(tmp_path / "agent")
    config.write_text(text.replace("policy_options: {}", "policy_options: {widht: 3}"), encoding="utf-8")
    with pytest.raises(InputError, match="widht"):
        load_agent(tmp_path / "agent")
    config.write_text(text, encoding="utf-8")
    weights.write_bytes(content[:100])
    with pytest.raises(InputError, match="a safetensors file is expected"):
        load_agent(tmp_path / "agent")


def test_what_a_file_cannot_hold(tmp_path: Path) -> None:
    env = AnnealingVectorEnv("EdwardsAnderson2D-v0", 4, length=4, reward=lambda end: -end.energies.min(axis=1))
    with pytest.raises(InputError, match="a reward of your own"):
        env_config(env)
    with pytest.raises(InputError, match="a NoneType cannot be described"):
        env_config(None)


def test_method_plays_mixed_sizes_in_pairs_with_schedules(tmp_path: Path) -> None:
    trained = model()
    trained.save(tmp_path / "agent")
    method = load_agent_method(tmp_path / "agent")
    assert isinstance(method, Method)
    assert method.name == f"agent:{tmp_path / 'agent'}"
    models = [instance(4, 0), instance(6, 1)]
    budget = Budget(replicas=16, steps=7, sweeps_per_step=4, threads=1)
    outcome = method.run(models, budget, seeds(2))
    assert outcome.betas is not None
    assert outcome.betas.shape == (7, 2)
    assert outcome.attempted_updates == 7 * 4 * 16 * (16 + 36)
    assert outcome.seconds > 0
    for e, one in enumerate(models):
        assert one.energy(outcome.best_spins[e]) == pytest.approx(outcome.best_energies[e])
        # A static schedule of the same β on the same stream does the same, so agents are paired with schedules.
        table = ScheduleMethod(Table(tuple(outcome.betas[:, e])), "table")
        expected = table.run([one], budget, [seeds(2)[e]])
        assert outcome.final_energies[e] == expected.final_energies[0]
        assert outcome.best_energies[e] == expected.best_energies[0]
    # How episodes are batched does not matter.
    alone = method.run(models[1:], budget, seeds(2)[1:])
    np.testing.assert_allclose(alone.betas[:, 0], outcome.betas[:, 1], rtol=1e-5)


def test_neutral_methods_do_what_the_agents_started_from() -> None:
    method, learned = parse_method("neutral:ea2d-10"), parse_method("agent:ea2d-10")
    reference = load_agent("ea2d-10").config.env.options["reference"]
    schedule = ScheduleMethod(reference, "start")
    run = ([instance(6, 0), instance(6, 1)], Budget(16, 8, 3, 1), seeds(2))
    neutral, static = method.run(*run), schedule.run(*run)
    assert neutral.final_energies.tolist() == static.final_energies.tolist()
    np.testing.assert_allclose(neutral.betas, static.betas)
    assert not np.allclose(learned.run(*run).betas, static.betas, rtol=1e-2)
    assert not method.name.startswith("agent:")
    assert method.fingerprint != learned.fingerprint


def test_delta_beta_agents_start_where_they_were_trained(tmp_path: Path) -> None:
    trained = model(action="delta_beta", action_scale=0.5, beta_start=(0.5, 1.5), reference=None)
    trained.save(tmp_path / "agent")
    method = load_agent_method(tmp_path / "agent")
    outcome = method.run([instance(4, 0)] * 4, Budget(8, 5, 3, 1), seeds(4))
    assert outcome.betas is not None
    assert len(set(outcome.betas[0])) == 4
    assert ((outcome.betas[0] > 0.4) & (outcome.betas[0] < 1.6)).all()


def test_policies_on_spins_need_their_own_shape(tmp_path: Path) -> None:
    model("conv-lstm").save(tmp_path / "agent")
    method = load_agent_method(tmp_path / "agent")
    budget = Budget(8, 5, 3, 1)
    assert method.run([instance(4, 0)], budget, seeds(1)).final_energies.shape == (1,)
    with pytest.raises(InputError, match=r"shape \(8, 16\); these replicas and instances give \(16, 16\)"):
        method.run([instance(4, 0)], Budget(16, 5, 3, 1), seeds(1))
    with pytest.raises(InputError, match=r"give \(8, 36\)"):
        method.run([instance(6, 0)], budget, seeds(1))
    with pytest.raises(InputError, match="instances of 16 spins alone"):
        method.run([instance(4, 0), instance(3, 0)], budget, seeds(2))


@pytest.mark.parametrize("name", catalogue.names())
def test_zoo(name: str) -> None:
    agent = load_agent(name)
    folder = catalogue.ZOO / name
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000
    assert (folder / "README.md").is_file()
    assert name in dict(catalogue.zoo())
    method = load_agent_method(name)
    sampled = agent.config.env.make(1).family.sample(np.random.default_rng(0))
    # A ladder fits its own number of replicas alone.
    options = agent.config.env.options
    outcome = method.run([sampled], Budget(options["replicas"] if "ladder" in options else 8, 4, 2, 1), seeds(1))
    assert np.isfinite(outcome.final_energies).all()
