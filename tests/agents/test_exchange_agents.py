"""Agents that control ladders, cluster moves and sweeps: trained, resumed, compared and exported as any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import annealrl as arl
from annealrl.agents import load_agent, train
from annealrl.agents.config import parse_config
from annealrl.agents.method import AgentMethod
from annealrl.agents.ppo import RecurrentPPO
from annealrl.agents.storage import save_agent
from annealrl.baselines.grammar import parse_method
from annealrl.errors import InputError
from annealrl.mean_schedule import mean_schedule
from annealrl.method import Budget
from annealrl.testing import check_baseline

LADDER = "tempering:0.3:3:4:icm:every=2"
ENV = {
    "id": "EdwardsAnderson2D-v0",
    "num_envs": 8,
    "group_size": 4,
    "length": 4,
    "replicas": 8,
    "steps": 4,
    "sweeps_per_step": 3,
    "observation": "features",
    "criterion": "best",
}
TRAINING: dict[str, Any] = {
    "policy": "features",
    "policy_options": {"width": 8},
    "ppo": {"advantage": "group", "vf_coef": 0.0, "noise_correlation": 0.9},
    "episodes": 24,
    "checkpoint_every": 1,
    "validation": {"set": "ea2d-4-val", "instances": 3, "repeats": 1, "every": 2, "score": "success"},
    "threads": 1,
}
ALL = {"action": ["log_beta_offset", "spread", "bend", "cluster", "sweeps"], "ladder": LADDER}


def test_an_agent_that_does_nothing_is_the_reference_under_any_budget(tmp_path: Path) -> None:
    config = parse_config({"env": {**ENV, **ALL}, **TRAINING})
    agent = load_agent(train(config, tmp_path / "trained", progress=False))
    with torch.no_grad():
        for parameter in agent.policy.parameters():
            parameter.zero_()
    save_agent(tmp_path / "neutral", config, agent.policy)
    method, reference = parse_method(f"agent:{tmp_path / 'neutral'}"), parse_method(LADDER)
    assert isinstance(method, AgentMethod)
    assert method.moves == reference.moves == {"flip", "exchange", "cluster"}
    models = list(arl.load_instances("ea2d-4-val:5"))
    seeds = [np.random.SeedSequence(i) for i in range(5)]
    for budget in (Budget(8, 4, 3, 1), Budget(12, 6, 5, 2)):
        played, wanted = method.run(models, budget, seeds), reference.run(models, budget, seeds)
        np.testing.assert_array_equal(played.best_energies, wanted.best_energies)
        np.testing.assert_array_equal(played.final_energies, wanted.final_energies)
        assert played.attempted_updates == wanted.attempted_updates
    with pytest.raises(InputError, match="4 temperatures × 2 copies are 8 replicas, but there are 9"):
        method.run(models, Budget(9, 4, 3), seeds)
    table = arl.benchmark("ea2d-4-val:4", [method, LADDER, "linear:0:3"], episodes=2, budget=Budget(8, 4, 3))
    assert table.results[0].moves == table.results[1].moves
    assert table.results[0].p == table.results[1].p


@pytest.mark.parametrize(
    ("options", "moves"),
    [
        ({"action": "spread", "ladder": "tempering:0.3:3:4", "criterion": "final"}, {"exchange"}),
        ({"action": ["log_beta_offset", "sweeps"]}, set()),
        ({"action": ["log_beta_offset", "resample", "cluster"], "exchange_every": 2}, {"resample", "cluster"}),
        (ALL, {"exchange", "cluster"}),
    ],
)
def test_train_resume_compare_and_export(
    options: dict[str, Any], moves: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = parse_config({"env": {**ENV, **options}, **TRAINING})
    out = train(config, tmp_path / "agent", progress=False)
    original, calls = RecurrentPPO.train, []

    def interrupted(self: RecurrentPPO) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("killed")
        original(self)

    with monkeypatch.context() as patch:
        patch.setattr(RecurrentPPO, "train", interrupted)
        with pytest.raises(RuntimeError, match="killed"):
            train(config, tmp_path / "cut", progress=False)
    agent, resumed = load_agent(out), load_agent(train(config, tmp_path / "cut", progress=False, resume=True))
    for key, value in agent.policy.weights().items():
        np.testing.assert_array_equal(value, resumed.policy.weights()[key])
    method = AgentMethod(agent, f"agent:{out}")
    assert method.moves == {"flip"} | moves
    assert agent.config.interface is not None
    assert len(agent.config.interface["action"]["meaning"].split("; ")) == len(np.atleast_1d(options["action"]))
    check_baseline(method, models=list(arl.load_instances("ea2d-4-val:3")), budget=Budget(8, 4, 3))
    with pytest.raises(InputError, match="which a schedule of β cannot say"):
        mean_schedule(agent)
