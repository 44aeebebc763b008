from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from annealrl.agents import load_agent, pool, train
from annealrl.agents.config import PoolConfig, TrainConfig, dump_config, parse_config
from annealrl.agents.ppo import RecurrentPPO
from annealrl.errors import InputError
from annealrl.vector_env import AnnealingVectorEnv

CHOICE = PoolConfig(instances=12, repeats=3)


#: What cannot stand in pool.json for CHOICE.
WRONG: list[dict[str, Any]] = [
    {"instances": 13}, {"repeats": 2}, {"kept": [12]}, {"kept": []}, {"kept": [3, 1]}, {"kept": [0, 0]},
    {"kept": [True]},
]  # fmt: skip


def config(**env: Any) -> TrainConfig:
    options = {
        "id": "EdwardsAnderson2D-v0", "num_envs": 8, "group_size": 4, "length": 4, "replicas": 4, "steps": 4,
        "sweeps_per_step": 4, "observation": "features", "action": "log_beta_offset",
        "reference": {"kind": "geometric", "start": 0.5, "end": 3.0},
    }  # fmt: skip
    content: dict[str, Any] = {
        "env": options | env,
        "policy_options": {"width": 8},
        "ppo": {"advantage": "group", "noise_correlation": 0.9, "batch_episodes": 4},
        "episodes": 32,
        "validation": {"set": "ea2d-4-val", "instances": 3, "repeats": 1, "every": 2},
        "pool": {"instances": 12, "repeats": 3},
        "checkpoint_every": 1,
        "threads": 1,
    }
    return parse_config(content)


def played(policy: Any, made: TrainConfig, models: list[Any]) -> list[float]:
    """Lowest final energies, by the plain environment."""
    env = AnnealingVectorEnv(made.env.id, len(models), **{**made.env.options, "group_size": 1})
    observation = env.reset(seed=0, options={"instance": models, "seeds": streams(models)})[0]
    info: dict[str, Any] = {}
    for _ in range(env.steps):
        observation, _, _, _, info = env.step(policy.predict(observation, deterministic=True)[0])
    return [float(energy) for energy in info["final_info"]["energy"]]


def streams(models: list[Any]) -> list[np.random.SeedSequence]:
    return [np.random.SeedSequence(0x706F6F6C, spawn_key=(5, 1, i // 3, i % 3)) for i in range(len(models))]


def test_the_pool_holds_the_instances_whose_episodes_differ() -> None:
    made = config()
    policy = RecurrentPPO("features", made.env.make(), batch_episodes=4, policy_options={"width": 8}, seed=1).policy
    drawn = pool.drawn(made.env, CHOICE, seed=5)
    kept = pool.contested(policy, made.env, CHOICE, drawn, seed=5, threads=1)
    models = [model for model in drawn for _ in range(3)]
    energies = np.array(played(policy, made, models)).reshape(12, 3)
    assert kept == [i for i in range(12) if len(set(energies[i])) > 1]
    assert 0 < len(kept) < 12
    # Batches and threads change nothing; another seed draws other instances.
    other = replace(made.env, num_envs=20)
    assert pool.contested(policy, other, CHOICE, drawn, seed=5, threads=2) == kept
    first = [pool.drawn(made.env, CHOICE, seed)[0].couplings for seed in (5, 6)]
    assert not np.array_equal(*first)


def test_choosing_can_be_interrupted() -> None:
    made = config()
    policy = RecurrentPPO("features", made.env.make(), batch_episodes=4, policy_options={"width": 8}, seed=1).policy
    asked = iter([False, True])
    with pytest.raises(KeyboardInterrupt):
        pool.contested(policy, made.env, CHOICE, pool.drawn(made.env, CHOICE, 5), seed=5, stop=lambda: next(asked))


def test_where_all_episodes_end_alike_there_is_no_pool() -> None:
    made = config(replicas=64, sweeps_per_step=20)
    policy = RecurrentPPO("features", made.env.make(), batch_episodes=4, seed=1).policy
    with pytest.raises(InputError, match=r"^pool: on 0 of 12 instances .*, and a batch has 2 groups; more or harder"):
        pool.contested(policy, made.env, CHOICE, pool.drawn(made.env, CHOICE, 5), seed=5)


def test_training_draws_from_the_pool_and_resumes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[bytes] = []
    begin = AnnealingVectorEnv._begin

    def watched(self: AnnealingVectorEnv) -> None:
        begin(self)
        if self.num_envs == 8 and self.group_size == 4:
            drawn.extend(model.couplings.tobytes() for model in self.drive.simulator.models)

    monkeypatch.setattr(AnnealingVectorEnv, "_begin", watched)
    out = train(config(), tmp_path / "whole", progress=False)
    kept = json.loads((out / pool.POOL).read_text(encoding="utf-8"))["kept"]
    chosen = pool.drawn(config().env, CHOICE, seed=0)
    assert set(drawn) <= {chosen[i].couplings.tobytes() for i in kept}
    assert len(set(drawn)) > 1
    card = (out / "README.md").read_text(encoding="utf-8")
    assert f"trained on {len(kept)} of 12 instances, those on which 3 episodes of the untrained policy" in card
    assert replace(load_agent(out).config, interface=None) == config()

    original, updates = RecurrentPPO.train, iter(range(9))

    def killed(self: RecurrentPPO) -> None:
        if next(updates) == 2:
            raise RuntimeError
        original(self)

    with monkeypatch.context() as patch:
        patch.setattr(RecurrentPPO, "train", killed)
        with pytest.raises(RuntimeError):
            train(config(), tmp_path / "cut", progress=False)
    choice = tmp_path / "cut" / pool.POOL
    text = choice.read_text()
    held = json.loads(text)
    for wrong in (text[:-4], "[]", *(json.dumps(held | change) for change in WRONG)):
        choice.write_text(wrong)
        with pytest.raises(InputError, match=r"pool\.json"):
            train(config(), tmp_path / "cut", progress=False, resume=True)
    choice.unlink()  # it follows from the configuration
    train(config(), tmp_path / "cut", progress=False, resume=True)
    assert choice.read_text() == text
    weights = [load_agent(tmp_path / name).policy.weights() for name in ("whole", "cut")]
    assert all(np.array_equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_without_a_pool_configurations_are_spelled_as_before() -> None:
    assert "pool" not in dump_config(replace(config(), pool=None))
    assert parse_config(yaml.safe_load(dump_config(config()))) == config()
