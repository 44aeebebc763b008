"""Ablations of agents, and episodes of agents under ways of looking."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from annealrl.agents.ablation import ablate, averaging, shuffling
from annealrl.agents.config import EnvConfig, TrainConfig, parse_config
from annealrl.agents.policies import policy_class
from annealrl.agents.storage import Agent, load_agent, save_agent
from annealrl.agents.training import train
from annealrl.agents.trials import run_trials
from annealrl.cli.app import run
from annealrl.errors import InputError
from annealrl.evaluation import evaluate
from annealrl.instance_set import InstanceSet
from annealrl.instances import catalogue
from annealrl.instances.certify import certified
from annealrl.instances.setfile import write_set
from annealrl.method import Budget

ENV: dict[str, Any] = {
    "id": "EdwardsAnderson2D-v0",
    "num_envs": 8,
    "length": 4,
    "replicas": 2,
    "steps": 4,
    "sweeps_per_step": 3,
    "observation": "features",
    "action": "log_beta_offset",
}
BUDGET = Budget(2, 4, 3, threads=1)


def config(**options: Any) -> TrainConfig:
    env = {**ENV, **options}
    ppo = {"batch_episodes": 8, "advantage": "group"} if env.get("group_size", 1) > 1 else {"batch_episodes": 8}
    return parse_config({"env": env, "episodes": 16, "ppo": ppo, "validation": None, "threads": 1})


@pytest.fixture(scope="module")
def instances() -> InstanceSet:
    family = config().env.make(1).family
    models = [family.sample(np.random.default_rng([7, i])) for i in range(8)]
    return certified(InstanceSet.from_models("eight", models), progress=False)


def agent(folder: Path, **options: Any) -> Agent:
    """One that nobody has trained, with weights large enough to act on what it sees."""
    made = config(**options)
    env = made.env.make(1)
    torch.manual_seed(3)
    policy = policy_class("features")(env.single_observation_space, env.single_action_space, lambda _: 0.0)
    with torch.no_grad():
        policy.action_net.weight.normal_(0.0, 0.1)
    save_agent(folder, made, policy)
    return load_agent(folder)


def test_a_policy_of_time_alone_loses_nothing(tmp_path: Path, instances: InstanceSet) -> None:
    blind = agent(tmp_path / "blind", features=["time"])
    found = ablate(blind, instances, average_over=instances, episodes=5, budget={"threads": 1})
    rows = found["variants"]
    assert 0 < rows["agent"]["p"] < 1
    # What it sees is the same in all episodes, and its mean schedule is its schedule.
    for name in ("shuffled", "mean observation", "mean schedule (all)", "mean schedule (easy)", "mean actions"):
        assert rows[name] == rows["agent"], name
    assert np.ptp(found["schedules"]["agent"]["easy"]["beta"]["std"]) < 1e-6
    for part in found["splits"].values():
        assert len(part["difficult"]) == 1
        assert part["variants"]["difficult"]["agent"]["instances"] == 1
    json.dumps(found, allow_nan=False)


def test_other_observations_are_other_actions(tmp_path: Path, instances: InstanceSet) -> None:
    seeing = agent(tmp_path / "seeing")
    given: dict[str, Any] = {"episodes": 2, "seed": 4, "budget": BUDGET}
    plain, again = (run_trials(seeing.policy, seeing.config.env, instances, **given) for _ in range(2))
    shuffled, mean = (
        run_trials(seeing.policy, seeing.config.env, instances, **given, veil=veil) for veil in (shuffling, averaging)
    )
    np.testing.assert_array_equal(plain.betas, again.betas)
    assert (plain.betas[1:] != shuffled.betas[1:]).mean() > 0.9
    flat = mean.betas.reshape(4, -1)
    np.testing.assert_allclose(flat, np.repeat(flat[:, :1], 16, axis=1), rtol=1e-5)
    assert np.ptp(plain.betas[2]) > 1e-3
    assert (plain.looks == 3).all()


def test_shuffling_takes_another_instance() -> None:
    rows = np.array([0, 0, 1, 1, 2, 2])
    assert (shuffling(rows)(0, rows) != rows).all()
    with pytest.raises(InputError, match="one instance"):
        shuffling(np.array([0, 0, 1]))


def test_trials_are_what_evaluate_measures(tmp_path: Path, instances: InstanceSet) -> None:
    agent(tmp_path / "seeing")
    found = evaluate(f"agent:{tmp_path / 'seeing'}", instances, episodes=3, budget=BUDGET, criterion="final", seed=6)
    loaded = load_agent(tmp_path / "seeing")
    trials = run_trials(loaded.policy, loaded.config.env, instances, episodes=3, seed=6, budget=BUDGET)
    assert [row.final_successes for row in found.per_instance] == trials.successes.tolist()
    assert found.attempted_updates == trials.attempted_updates == 24 * 12 * 16 * 2


def test_agents_that_destroy_or_choose_are_trained_and_evaluated(tmp_path: Path, instances: InstanceSet) -> None:
    ways: dict[str, dict[str, Any]] = {
        "destructive": {"observing": "destructive", "group_size": 4},
        "looks": {"action": ["log_beta_offset", "look"], "look_cost": 0.001, "group_size": 4},
    }
    for name, options in ways.items():
        folder = train(config(**options), tmp_path / name, progress=False)
        found = evaluate(f"agent:{folder}", instances, episodes=3, budget=BUDGET, seed=6)
        assert found.final_only
        assert found.p == found.p_final == found.p_best
        updates = 24 * 12 * 16 * 2
        assert found.attempted_updates == (updates * 10 // 4 if name == "destructive" else updates)
        again = load_agent(folder)
        assert again.config.env.make(1).options.watched is False


def test_ablate_at_the_command_line(tmp_path: Path, instances: InstanceSet, capsys: pytest.CaptureFixture[str]) -> None:
    agent(tmp_path / "seeing")
    agent(tmp_path / "blind", features=["time"])
    write_set(tmp_path / "eight.npz", instances)
    arguments = ["ablate", str(tmp_path / "seeing"), str(tmp_path / "eight.npz"), "--episodes", "2", "--threads", "1"]
    assert run(arguments) == 2
    assert "say what to average over" in capsys.readouterr().err
    arguments += ["--average-over", str(tmp_path / "eight.npz"), "--beside", f"time={tmp_path / 'blind'}"]
    assert run([*arguments, "--json", str(tmp_path / "out.json")]) == 0
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "out.json").read_text())
    assert set(found["variants"]) == {line[:28].strip() for line in printed.splitlines()[1:]}
    assert found["beside"].keys() == {"time"}
    assert run([*arguments, "--difficult", "1"]) == 2
    assert run([*arguments, "--beside", "nothing"]) == 2
    assert run([*arguments, "--beside", f"shuffled={tmp_path / 'blind'}"]) == 2
    assert "another name" in capsys.readouterr().err


def test_mean_schedules_are_not_made_of_test_instances(tmp_path: Path, instances: InstanceSet) -> None:
    tested = catalogue.load("cool-4").subset(range(2), "two")
    with pytest.raises(InputError, match="test instances"):
        ablate(agent(tmp_path / "seeing"), instances, average_over=tested)


def test_a_recording_environment_is_described_with_its_way_of_looking() -> None:
    made = config(observing="destructive", look_every=2)
    env = made.env.make()
    spelled = env.options.spelled()
    assert spelled["observing"] == "destructive"
    assert spelled["look_every"] == 2
    assert spelled["features"][-1] == "age"
    kept = replace(made.env, options=spelled | {"length": 4})
    assert isinstance(kept, EnvConfig)
    assert kept.make(2).options.spelled() == EnvConfig(made.env.id, 2, kept.options).make(2).options.spelled()
