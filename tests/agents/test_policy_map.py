"""Traces of episodes and maps of policies, on agents that the tests make themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annealrl.agents.config import parse_config
from annealrl.agents.policies import policy_class
from annealrl.agents.policy_map import policy_map
from annealrl.agents.storage import Agent
from annealrl.agents.traces import has_critic, has_memory, judge, trace
from annealrl.errors import InputError
from annealrl.plots_policy import figure_3, figure_4_schedules, figure_6


def made(policy: str, **ppo: Any) -> Agent:
    """An agent that has learned nothing, on ferromagnets of 16 spins."""
    env = {"id": "Ferromagnet2D-v0", "num_envs": 2, "length": 4, "replicas": 5, "steps": 6, "sweeps_per_step": 2}
    env |= {"observation": "features", "features": ["time", "overlap", "acceptance"], "action": "delta_beta"}
    content = {"env": {**env, "action_scale": 0.3}, "episodes": 8, "policy": policy, "ppo": ppo}
    config = parse_config(content)
    space = config.env.make(1)
    network = policy_class(policy)(space.single_observation_space, space.single_action_space, lambda _: 0.0)
    network.set_training_mode(False)
    return Agent("untrained", config, network)


def seeds(count: int) -> list[np.random.SeedSequence]:
    return [np.random.SeedSequence(4, spawn_key=(k,)) for k in range(count)]


def ferromagnet(agent: Agent) -> Any:
    return agent.config.env.make(1).family.sample(np.random.default_rng(0))


def test_traces_say_what_happened() -> None:
    agent = made("features-lstm")
    model = ferromagnet(agent)
    found = trace(agent, [model] * 3, seeds(3), reference=np.ones(16), beta_start=np.array([0.1, 0.5, 1.5]))
    assert found.energies.shape == (7, 3, 5)
    assert found.overlaps is not None
    assert found.overlaps.shape == (7, 3, 5)
    # On this torus an energy of -32 is all up or all down, and nothing else.
    aligned = np.abs(found.overlaps) == 1.0
    assert (found.energies == -32.0).tolist() == aligned.tolist()
    assert found.acceptances.shape == (6, 3)
    assert ((found.acceptances >= 0) & (found.acceptances <= 1)).all()
    assert found.acceptances.max() > 0
    # β is what the actions made of the start.
    expected = np.array([0.1, 0.5, 1.5]) + 0.3 * np.cumsum(found.judged.actions[..., 0], axis=0)
    assert (expected > 0).all()
    np.testing.assert_allclose(found.betas, expected, atol=1e-5)


def test_memory_and_critic_are_what_the_configuration_says() -> None:
    assert has_memory(made("features-lstm"))
    assert not has_memory(made("features"))
    assert has_critic(made("features", vf_coef=0.5))
    assert not has_critic(made("features", vf_coef=0.0, advantage="group"))
    agent = made("features-lstm", vf_coef=0.5)
    observations = np.random.default_rng(2).normal(size=(4, 3, 5)).astype(np.float32)
    kept, forgotten = judge(agent, observations), judge(agent, observations, forget=True)
    assert kept.values is not None
    assert forgotten.values is not None
    np.testing.assert_array_equal(kept.actions[0], forgotten.actions[0])
    assert np.abs(kept.actions[1:] - forgotten.actions[1:]).max() > 1e-6
    assert np.abs(kept.values[1:] - forgotten.values[1:]).max() > 1e-6
    # Without a memory an observation has one answer, wherever it stands.
    alone = judge(agent, observations[2:3])
    np.testing.assert_allclose(alone.actions[0], forgotten.actions[2], atol=1e-6)


def test_a_map_counts_every_replica_of_every_decision_once(tmp_path: Path) -> None:
    agent = made("features-lstm", vf_coef=0.5)
    model = ferromagnet(agent)
    found = policy_map(agent, model, reference=np.ones(16), ground_energy=-32.0, episodes=7)
    rows = np.array(found["cells"])
    columns = found["columns"]
    assert rows[:, 2].sum() == 7 * 6 * 5
    assert columns[:6] == ["x", "y", "count", "action 0", "standard deviation of action 0", "value"]
    assert columns[6].endswith("memory at zero")
    # The mean over all cells is the mean over all decisions.
    way = trace(agent, [model] * 7, [np.random.SeedSequence(0, spawn_key=(k,)) for k in range(7)])
    mean = (rows[:, 2] * rows[:, 3]).sum() / rows[:, 2].sum()
    assert mean == pytest.approx(float(way.judged.actions.mean()), abs=1e-4)
    assert found["y_centres"][0] == -2.0
    assert len(found["trajectories"]) == 3
    assert len(found["trajectories"][0]["energy"]) == 7
    figure_6({**found, "instance": "Ferromagnet2D-v0", "density": None}, tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 10_000


def test_a_map_without_critic_or_reference_says_so(tmp_path: Path) -> None:
    agent = made("features", vf_coef=0.0, advantage="group")
    found = policy_map(agent, ferromagnet(agent), episodes=2, cells=9)
    assert found["critic"].startswith("none")
    assert found["memory"].startswith("none")
    assert found["x"] is None
    assert found["columns"] == ["x", "y", "count", "action 0", "standard deviation of action 0"]
    assert {row[0] for row in found["cells"]} == {0}
    figure_6({**found, "instance": "Ferromagnet2D-v0", "density": None}, tmp_path / "map.svg")
    assert (tmp_path / "map.svg").is_file()
    with pytest.raises(InputError, match="0 episodes"):
        policy_map(agent, ferromagnet(agent), episodes=0)


def test_figures_of_schedules_are_drawn_from_their_json(tmp_path: Path) -> None:
    steps = np.linspace(0.1, 1.0, 6)
    band = {"mean": steps.tolist(), "std": (0.1 * steps).tolist(), "example": steps.tolist()}
    ways = {"beta": band, "acceptance": band}
    entry = {"p": 0.5, "p_ci": [0.4, 0.6], "replicas_solved": 0.1}
    content = {
        "model": "WeakStrongClusters",
        "episodes": 10,
        "replicas": 5,
        "steps": 6,
        "sweeps_per_step": 2,
        "starts": [0.1, 1.0],
        "methods": {
            "rate 0.1": {"kind": "rate", "rate": 0.1, "starts": [entry, entry]},
            "mine": {"kind": "agent", "knows_beta": False, "starts": [entry, entry]},
        },
        "examples": {"agent": "mine", "hot": {"start": 0.1, **ways}, "cold": {"start": 1.0, **ways}},
        "scales": {"mine": [{"scale": 1.0, "p": 0.5}, {"scale": 10.0, "p": 0.5}]},
    }
    figure_3(content, tmp_path / "3.png")
    agents = [{"agent": "mine", "instances": "a set", **ways, "examples": [steps.tolist()]}]
    figure_4_schedules({"agents": agents}, tmp_path / "4.png")
    assert all((tmp_path / name).stat().st_size > 10_000 for name in ("3.png", "4.png"))
