from __future__ import annotations

from pathlib import Path

import pytest

from annealrl.agents.config import CONFIGS, config_for_env, dump_config, load_config
from annealrl.errors import InputError
from annealrl.schedules import Knots

SMALL = """\
env: {id: EdwardsAnderson2D-v0, num_envs: 8, length: 4, steps: 5}
episodes: 16
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "some.yml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yml")), ids=lambda path: path.stem)
def test_shipped_configurations_load_and_go_round(path: Path, tmp_path: Path) -> None:
    config = load_config(path)
    assert load_config(write(tmp_path, dump_config(config))) == config
    env = config.env.make(2)
    assert env.num_envs == 2


def test_papers_setting() -> None:
    config = load_config(CONFIGS / "paper.yml")
    env = config.env.make()
    assert (config.policy, config.episodes, config.ppo.learning_rate) == ("conv-lstm", 25_000, 1e-6)
    assert (config.ppo.clip_range, config.ppo.vf_coef, config.ppo.ent_coef) == (0.05, 0.5, 0.001)
    assert config.ppo.episodes_per_env * config.env.num_envs == 8
    assert (env.replicas, env.steps, env.options.sweeps_per_step) == (64, 40, 100)
    assert env.single_observation_space.shape == (64, 100)


@pytest.mark.parametrize("env_id", ["EdwardsAnderson2D-v0", "WeakStrongClusters-v0", "Ferromagnet2D-v0"])
def test_every_family_has_a_configuration(env_id: str) -> None:
    config = config_for_env(env_id)
    assert config.env.id == env_id
    assert config in [load_config(path) for path in CONFIGS.glob("*.yml")]


def test_any_registered_family_has_a_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    from annealrl.agents import config as module
    from annealrl.envs.edwards_anderson import EdwardsAnderson2D

    class Other(EdwardsAnderson2D):
        __module__ = "somewhere.else"

    monkeypatch.setattr(module, "family", lambda _: Other)
    config = config_for_env("Other-v0")
    assert config.env.id == "Other-v0"
    assert config.env.family_options == {}
    assert config.validation is not None
    assert config.validation.set is None
    monkeypatch.undo()
    with pytest.raises(InputError, match="unknown environment"):
        config_for_env("Other-v0")


def test_values_are_converted(tmp_path: Path) -> None:
    text = SMALL + "ppo: {learning_rate: 1e-6, gamma: 1}\npolicy_options: {log_std_init: -1}\n"
    text = text.replace("steps: 5", "steps: 5, beta_start: [0.5, 2], reference: {kind: knots, knots: [0.5, 2, 9]}")
    config = load_config(write(tmp_path, text))
    assert config.ppo.learning_rate == 1e-6
    assert config.ppo.gamma == 1.0
    assert config.env.options["beta_start"] == (0.5, 2.0)
    assert config.env.options["reference"] == Knots((0.5, 2.0, 9.0))
    assert load_config(write(tmp_path, dump_config(config))) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("episodes: 16", "epsiodes: 16"), "unknown key 'epsiodes'; did you mean episodes?"),
        (("episodes: 16", "episodes: many"), "episodes is 'many'; a whole number from 1 to"),
        (("episodes: 16", "episodes: true"), "episodes is True; a whole number from 1 to"),
        (("episodes: 16", "episodes: 0"), "episodes is 0; a whole number from 1 to"),
        (("episodes: 16", ""), "key 'episodes' is missing"),
        (("env:", "environment:"), "unknown key 'environment'"),
        (("length: 4", "lenght: 4"), "env: unknown key 'lenght'; did you mean length?"),
        (("length: 4", "length: four"), "env: length is 'four'; a whole number is expected"),
        (("EdwardsAnderson2D-v0", "EdwardsAnderson-v0"), "EdwardsAnderson2D-v0"),
        (("id: EdwardsAnderson2D-v0, ", ""), "env: key 'id' is missing"),
        (
            ("length: 4", "observation: spin"),
            "observation is 'spin'; one of spins, designs, features, tiles or null is expected",
        ),
        (("length: 4", "reference: {kind: linar, start: 0, end: 5}"), "kind is 'linar'; one of linear"),
        (("length: 4", "reference: fast"), "reference is 'fast'; a schedule such as"),
        (("length: 4", "beta_start: [1, 2, 3]"), "a list of 2 values"),
        (("episodes: 16", "episodes: 16\nppo: {clip: 0.1}"), "ppo: unknown key 'clip'; did you mean clip_range?"),
        (("episodes: 16", "episodes: 16\nppo: {clip_range: 0}"), "ppo: clip_range is 0; a number > 0 is expected"),
        (
            ("episodes: 16", "episodes: 16\nppo: {learning_rate: 1e30}"),
            "ppo: learning_rate is '1e30'; a number > 0 and ≤ 1",
        ),
        (
            ("episodes: 16", "episodes: 16\nppo: {learning_rate: .nan}"),
            "ppo: learning_rate is nan; a number > 0 and ≤ 1",
        ),
        (("episodes: 16", "episodes: 16\nppo: {reward_scale: .inf}"), "ppo: reward_scale is inf; a number > 0 and < ∞"),
        (("episodes: 16", "episodes: 16\nppo: {ent_coef: .nan}"), "ppo: ent_coef is nan; a number ≥ 0 and < ∞"),
        (("episodes: 16", "episodes: 16\nppo: {advantage: groups}"), "one of gae, group is expected"),
        (("episodes: 16", "episodes: 16\npolicy: mlp"), "unknown policy 'mlp'"),
        (("episodes: 16", "episodes: 16\nvalidation: 3"), "validation: 3 given; keys with values are expected"),
        (("episodes: 16", "episodes: 16\nepisodes: 17"), "line 3: key 'episodes' stands there twice"),
        (("episodes: 16", "episodes: [16"), "YAML is expected"),
        (("episodes: 16", "episodes: !!python/object:os.system {}"), "YAML is expected"),
    ],
)
def test_mistakes_are_named_in_one_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = write(tmp_path, SMALL.replace(*change))
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        load_config(tmp_path / "none.yml")
    with pytest.raises(InputError, match="it holds no mapping"):
        load_config(write(tmp_path, ""))
