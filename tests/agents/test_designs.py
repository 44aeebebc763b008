"""Agents that set the temperature and the step size of designs are trained, stored and played as any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import annealrl as arl
from annealrl.agents.card import write_card
from annealrl.agents.config import CONFIGS, config_for_env, load_config, parse_config
from annealrl.agents.method import load_agent_method
from annealrl.agents.training import train
from annealrl.errors import InputError
from annealrl.method import Budget
from annealrl.sb3 import AnnealingVecEnv
from annealrl.testing import check_baseline
from annealrl.vector_env import AnnealingVectorEnv

ENV = {"id": "XYModel-v0", "num_envs": 8, "length": 3, "replicas": 8, "steps": 4, "sweeps_per_step": 2, "group_size": 4}
CONFIG = {
    "env": {**ENV, "observation": "features", "action": ["delta_log_temperature", "delta_log_step", "resample"]},
    "policy": "features",
    "episodes": 16,
    "ppo": {"advantage": "group", "vf_coef": 0.0},
    "validation": {"instances": 1, "repeats": 2, "every": 1},
}


def test_train_store_play(tmp_path: Path) -> None:
    folder = train(parse_config(CONFIG), tmp_path / "agent", progress=False)
    method = load_agent_method(folder)
    assert method.moves == {"flip", "resample"}
    instances = arl.load_instances("env:XYModel-v0,length=3:2", certify=True)
    assert instances.ground_energies.tolist() == [-18.0, -18.0]
    outcome = method.run(list(instances), Budget(8, 4, 2), [np.random.SeedSequence(i) for i in range(2)])
    assert outcome.evaluations is not None
    assert outcome.attempted_updates == 2 * 8 * 4 * 2 * 9 + 3 * 2 * 8, "proposals, and replicas weighed three times"
    table = arl.benchmark(instances, [method, "geometric:1:300:sigma:step=0.1"], episodes=2, budget=Budget(8, 4, 2))
    assert len(table.results) == 2
    check_baseline("geometric:1:30:sigma:accept=0.3", models=list(instances), budget=Budget(8, 4, 2))
    check_baseline("population:geometric:1:30:sigma:step=0.2", models=list(instances), budget=Budget(8, 4, 2))
    # A network's float32 sums depend on the batch in their last bits, and with them angles; spins would not notice.
    alone = method.run([instances.models[1]], Budget(8, 4, 2), [np.random.SeedSequence(1)])
    np.testing.assert_allclose(alone.final_energies, outcome.final_energies[1:], rtol=1e-5)


def test_every_family_of_designs_has_a_recipe() -> None:
    config = config_for_env("PlanarRotor-v0")
    env = config.env.make(2, replicas=4, steps=2, sweeps_per_step=1)
    assert env.action.names == ("log_beta_offset", "delta_log_step")
    env.reset(seed=0)
    assert env.step(np.zeros((2, 2)))[0].shape == (2, len(env.observation.names))  # type: ignore[union-attr]


def test_stable_baselines_face() -> None:
    env = AnnealingVecEnv(AnnealingVectorEnv("Potts-v0", 2, length=3, steps=2, replicas=4, sweeps_per_step=1))
    assert env.reset().shape == (2, 4, 9)
    for _ in range(2):
        _, _, done, infos = env.step(np.zeros((2, 1), np.float32))
    assert done.all()
    assert infos[0]["terminal_observation"].shape == (4, 9)


def test_ising_models_have_no_step_size() -> None:
    with pytest.raises(InputError, match="moves of one size"):
        arl.evaluate("cool-4:1", "linear:0:1:step=0.1", episodes=1)
    with pytest.raises(InputError, match="both step and accept"):
        arl.evaluate("cool-4:1", "linear:0:1:step=0.1:accept=0.3", episodes=1)


def test_cards_of_designs_say_how_designs_move(tmp_path: Path) -> None:
    for recipe, moves in (("bragg_mirror", "changes of one coordinate alone"), ("temperature", "single flips alone")):
        folder = tmp_path / recipe
        folder.mkdir()
        write_card(folder, load_config(CONFIGS / f"{recipe}.yml"))
        assert f"moves by {moves}." in (folder / "README.md").read_text(encoding="utf-8")
