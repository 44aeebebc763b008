from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annealrl.agents import load_agent, train
from annealrl.agents.config import TrainConfig, parse_config
from annealrl.agents.storage import read_weights
from annealrl.agents.training import CHECKPOINT
from annealrl.agents.validation import Validator
from annealrl.errors import InputError


def config(**changes: Any) -> TrainConfig:
    content: dict[str, Any] = {
        "env": {
            "id": "EdwardsAnderson2D-v0",
            "num_envs": 8,
            "group_size": 4,
            "length": 4,
            "replicas": 8,
            "steps": 4,
            "sweeps_per_step": 2,
            "observation": "features",
            "action": "log_beta_offset",
        },
        "policy": "features",
        "policy_options": {"width": 8},
        "ppo": {"advantage": "group", "noise_correlation": 0.9, "anneal": "cosine", "batch_episodes": 4},
        "episodes": 64,
        "validation": {"set": "ea2d-4-val", "instances": 5, "repeats": 2, "every": 3, "score": "success"},
        "checkpoint_every": 2,
        "threads": 1,
    }
    return parse_config(content | changes)


def weights(directory: Path) -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in load_agent(directory).policy.weights().items()}


def test_a_training_leaves_an_agent_with_its_papers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = train(config(), tmp_path / "run")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "64/64 episodes" in captured.err
    history = json.loads((out / "history.json").read_text(encoding="utf-8"))
    assert [row["episodes"] for row in history] == [0, 24, 48, 64]
    assert all(0 <= row["success"] <= 1 for row in history)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "64 episodes, 8 side by side, seed 0" in card
    assert (out / "curve.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert list((out / "tensorboard").iterdir())
    agent = load_agent(out)
    assert replace(agent.config, interface=None) == config()
    assert agent.config.interface is not None
    # The best policy by the score is the one that was kept.
    validator = Validator(agent.config.env, agent.config.validation, threads=1)
    assert validator(agent.policy).success == max(row["success"] for row in history)


def test_a_resumed_run_ends_as_an_undisturbed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(config(), tmp_path / "whole", progress=False)

    from annealrl.agents.ppo import RecurrentPPO

    original = RecurrentPPO.train
    calls = 0

    def interrupted(self: RecurrentPPO) -> None:
        nonlocal calls
        calls += 1
        if calls == 6:
            raise RuntimeError("killed")
        original(self)

    with monkeypatch.context() as patch:
        patch.setattr(RecurrentPPO, "train", interrupted)
        with pytest.raises(RuntimeError, match="killed"):
            train(config(), tmp_path / "cut", progress=False)
    with pytest.raises(InputError, match="holds a training already"):
        train(config(), tmp_path / "cut", progress=False)
    with pytest.raises(InputError, match="another configuration"):
        train(config(episodes=72), tmp_path / "cut", progress=False, resume=True)
    resumed = train(config(), tmp_path / "cut", progress=False, resume=True)
    for key, value in weights(whole).items():
        np.testing.assert_array_equal(value, weights(resumed)[key])
    for name in ("episodes", "reward", "success"):
        rows = [json.loads((out / "history.json").read_text(encoding="utf-8")) for out in (whole, resumed)]
        assert [row[name] for row in rows[0]] == [row[name] for row in rows[1]]
    last = [_policy_of_checkpoint(out) for out in (whole, resumed)]
    for key in last[0]:
        np.testing.assert_array_equal(last[0][key], last[1][key])
    # Taking up what is finished changes nothing.
    train(config(), tmp_path / "cut", progress=False, resume=True)


def _policy_of_checkpoint(out: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return {key: value for key, value in load_file(out / CHECKPOINT).items() if not key.startswith("random")}


def test_ctrl_c_leaves_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from annealrl.agents.ppo import RecurrentPPO

    original = RecurrentPPO.train

    def press(self: RecurrentPPO) -> None:
        if self.episodes == 24:
            os.kill(os.getpid(), signal.SIGINT)
        original(self)

    with monkeypatch.context() as patch:
        patch.setattr(RecurrentPPO, "train", press)
        with pytest.raises(KeyboardInterrupt):
            train(config(), tmp_path / "run", progress=False)
    resumed = train(config(), tmp_path / "run", progress=False, resume=True)
    whole = train(config(), tmp_path / "whole", progress=False)
    for key, value in _policy_of_checkpoint(whole).items():
        np.testing.assert_array_equal(value, _policy_of_checkpoint(resumed)[key])


def test_without_validation_the_last_policy_is_kept(tmp_path: Path) -> None:
    out = train(config(validation=None, episodes=20), tmp_path / "run", progress=False, seed=5)
    agent = load_agent(out)
    assert agent.config.seed == 5
    last = _policy_of_checkpoint(out)
    for key, value in weights(out).items():
        np.testing.assert_array_equal(value, last[f"policy.{key}"])
    assert not (out / "history.json").exists()


def test_sampled_validation_instances_and_closed_forms(tmp_path: Path) -> None:
    content = config()
    env = replace(content.env, id="Ferromagnet2D-v0", options={**content.env.options, "steps": 3})
    chosen = replace(content, env=env, validation=replace(content.validation, set=None, instances=3), episodes=8)
    out = train(chosen, tmp_path / "run", progress=False)
    history = json.loads((out / "history.json").read_text(encoding="utf-8"))
    assert set(history[0]) >= {"reward", "success", "residual"}


def test_an_agent_is_not_trained_over(tmp_path: Path) -> None:
    out = train(config(episodes=8), tmp_path / "run", progress=False)
    (out / "evaluation.json").write_text("{}")
    (out / CHECKPOINT).unlink()  # as in the zoo
    kept = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    for resume in (False, True):
        with pytest.raises(InputError, match="it holds an agent without a checkpoint; choose another directory"):
            train(config(episodes=8), out, progress=False, resume=resume)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == kept
    # Killed before its first checkpoint, a training has neither that nor a card.
    (out / "README.md").unlink()
    with pytest.raises(InputError, match="it holds a training already; resume it or choose another"):
        train(config(episodes=8), out, progress=False)
    with pytest.raises(InputError, match="another configuration than this training's"):
        train(config(episodes=16), out, progress=False, resume=True)
    train(config(episodes=8), out, progress=False, resume=True)
    assert not (out / "evaluation.json").exists()


def test_damaged_checkpoints(tmp_path: Path) -> None:
    out = train(config(episodes=8), tmp_path / "run", progress=False)
    (out / CHECKPOINT).write_bytes(b"nothing")
    with pytest.raises(InputError, match="a checkpoint of this training is expected"):
        train(config(episodes=8), out, resume=True, progress=False)
    with pytest.raises(InputError, match="safetensors file is expected"):
        read_weights(out / CHECKPOINT, load_agent(out).policy)
