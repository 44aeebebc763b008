"""Configurations, agents and calls that cannot be meant: one clear line each, and nothing written or lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from annealrl.agents.catalogue import ZOO, sweeps
from annealrl.agents.config import PPOConfig, TrainConfig, load_config, parse_config
from annealrl.agents.policies import POLICIES
from annealrl.agents.policy_options import POLICY_OPTIONS
from annealrl.agents.ppo import RecurrentPPO
from annealrl.agents.storage import load_agent
from annealrl.agents.typed import MAX_BYTES, parse_yaml
from annealrl.checks import pattern
from annealrl.cli.app import run
from annealrl.errors import InputError
from annealrl.vector_env import AnnealingVectorEnv

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
TINY = """\
env: {id: EdwardsAnderson2D-v0, num_envs: 2, length: 4, replicas: 4, steps: 2, sweeps_per_step: 1,
  observation: features, action: log_beta_offset}
episodes: 2
ppo: {batch_episodes: 2}
validation: null
"""
ONE_TO = "a whole number from 1 to"
HUGE = 10**25

#: Key, values and what each error holds besides the key.
CHANGES: list[tuple[str, Sequence[str], str]] = [
    ("policy_options.width", ("0", "-3", "abc", "1.5", "true", ".nan", "null", "[8]", "99999999"), f"{ONE_TO} 4096"),
    ("policy_options.log_std_init", (".nan", ".inf", "1e9", "true", "[0]", "abc", "null"), "a number from -20 to 2"),
    ("policy_options.net_arch", ("3", "{pi: [8]}"), "a list is expected"),
    ("policy_options.net_arch", ("[0]", "[abc]", "[8, .nan]"), f"{ONE_TO} 4096"),
    ("policy_options.ortho_init", ("3", "maybe"), "true or false is expected"),
    ("policy_options.widht", ("8",), "did you mean width?"),
    ("policy_options.noise_correlation", ("0.5",), "unknown key"),
    ("policy_options", ("3", "[8]", "abc"), "keys with values"),
    ("pool.repeats", ("1", "0", "true", "null"), "a whole number from 2 to"),
    ("pool", ("3", "true"), "keys with values"),
    ("seed", (str(HUGE), "4294967296", "-1", "1.5", "true", "null", ".nan", "abc"), "a whole number from 0 to 4294"),
    ("ppo.target_kl", ("-1", "0", ".nan", ".inf", "true", "abc"), "a number > 0 and < ∞ or null"),
    ("ppo.learning_rate", ("0", "-1", "2", ".nan", ".inf", "true", "abc", f"1{'0' * 400}"), "a number > 0 and ≤ 1"),
    ("ppo.reward_scale", ("0", "-1", ".inf", ".nan", "true"), "a number > 0 and < ∞"),
    *((f"ppo.{key}", ("-0.1", "1.1", ".nan", ".inf"), "a number from 0 to 1") for key in ("gamma", "gae_lambda")),
    *((f"ppo.{key}", ("-1", ".inf", ".nan", "true", "x"), "a number ≥ 0 and < ∞") for key in ("ent_coef", "vf_coef")),
    *((f"ppo.{key}", ("0", "-1", ".nan", "true"), "a number > 0") for key in ("clip_range", "max_grad_norm")),
    ("ppo.noise_correlation", ("1", "-0.1", ".nan", "true"), "a number ≥ 0 and < 1"),
    *((f"ppo.{key}", ("2", "yes please", "null"), "true or false") for key in ("use_sde", "privileged_critic")),
    *(
        (key, ("0", "-1", "1.5", "true", ".nan", ".inf", "many", str(HUGE)), ONE_TO)
        for key in (
            "episodes", "checkpoint_every", "threads", "ppo.n_epochs", "ppo.episodes_per_env", "ppo.batch_episodes",
            "validation.instances", "validation.repeats", "validation.every", "env.num_envs", "pool.instances",
        )
    ),
    ("ppo.n_epochs", ("null",), ONE_TO),
    ("ppo.advantage", ("true", "[gae]"), "one of gae, group"),
    ("ppo", ("3", "[gae]"), "keys with values"),
    ("validation.score", ("3",), "one of reward, success, residual"),
    ("device", ("tpu", "0"), "one of auto, cpu, cuda"),
    ("policy", ("3", "[features]"), "a text is expected"),
    ("interface", ("3",), "keys with values or null"),
    ("notes", ("[1]",), "a text or null"),
    ("env.replicas", ("0",), "train: env: replicas is 0"),
    ("env.reference", ("geometric:0.3:3", "3", "{kind: geometric, start: .nan, end: 3}"), "reference"),
    ("env.beta_max", (".nan", "-1"), "beta_max"),
    ("env.refusal_penalty", (".nan", ".inf", "-1"), "refusal_penalty"),
    ("env.action", ("3", "[1]", "{a: 1}"), "action"),
    ("env", ("null", "[]"), "env"),
    ("env.id", ("null", "3"), "; one of Annealing-v0, "),
    ("notes", ("0x" + "f" * 5000,), "thousands of digits"),
    ("notes", ("2026-13-45", "!!int abc", "!!python/name:os.system", "[" * 2000), "YAML is expected"),
]  # fmt: skip


def one_line(caught: pytest.ExceptionInfo[InputError]) -> str:
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 900
    return text


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yml"
    path.write_text(TINY, encoding="utf-8")
    return path


def changed(key: str, value: str) -> TrainConfig:
    """What ``--set KEY=VALUE`` makes of the tiny configuration."""
    content = target = parse_yaml(TINY, "tiny")
    *parts, last = key.split(".")
    for part in parts:
        target[part] = dict(target.get(part) or {})
        target = target[part]
    target[last] = parse_yaml(value, f"train: {key}")
    return parse_config(content, "train")


@pytest.mark.parametrize(("key", "values", "expected"), CHANGES, ids=[f"{k}-{v[0][:9]}" for k, v, _ in CHANGES])
def test_values_that_cannot_be_meant(key: str, values: Sequence[str], expected: str) -> None:
    for value in values:
        with pytest.raises(InputError) as caught:
            changed(key, value)
        text = one_line(caught)
        assert text.startswith("train: ")
        assert expected in text, value
        assert key.rpartition(".")[2] in text


@pytest.mark.parametrize(
    "words",
    [
        ("--set", "policy_options.width=0"),
        ("--set", f"seed={HUGE}"),
        ("--set", "notes=2026-13-45"),
        ("--seed", str(HUGE)),
        ("--seed", "-1"),
        ("--seed", "1.5"),
    ],
)
def test_the_command_line_says_so_in_one_line(
    tiny: Path, capsys: pytest.CaptureFixture[str], words: Sequence[str]
) -> None:
    assert run(["train", str(tiny), "--out", str(tiny.parent / "run"), *words]) == 2
    captured = capsys.readouterr().err
    assert captured.startswith("annealrl: ")
    assert captured.count("\n") == 1
    assert not (tiny.parent / "run").exists()


FILES: list[tuple[bytes, str]] = [
    (b"", "it holds no mapping"),
    (b"- 1\n- 2\n", "it holds no mapping"),
    (b"3", "it holds no mapping"),
    (b"\xff\xfe\x00e", "it is no UTF-8 text"),
    (b"\x89PNG\r\n\x1a\n", "it is no UTF-8 text"),
    (b"episodes: \x00", "YAML is expected"),
    (b"{" * 3000, "nested too deeply"),
    (b"#" * (MAX_BYTES + 1), "larger than 1 MiB"),
    (b"env: {id: EdwardsAnderson2D-v0, length: 4, length: 5}\nepisodes: 1\n", "'length' stands there twice"),
    (b"? [a, b]\n: 3\n", "line 1: a key is no text"),
    (b"? {a: b}\n: 3\n", "line 1: a key is no text"),
    (b"3: 4\n", "unknown key 3"),
    (b"env: &a [*a]\nepisodes: 1\n", "keys with values are expected"),
    (b"a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nenv: [*c,*c]\n", "unknown key 'a'"),
    (b"env: {id: EdwardsAnderson2D-v0, length: 4}\n", "key 'episodes' is missing"),
    (b"env: {id: EdwardsAnderson2D-v0, length: 4}\nepisodes: null\n", "episodes is None"),
    (b"env: {id: EdwardsAnderson2D-v0, length: null}\nepisodes: 1\n", "env: length is None"),
    (b"env: {id: {id: 3}}\nepisodes: 1\n", "id is {'id': 3}; one of"),
    (b"env: {length: 3}\nepisodes: 1\n", "key 'id' is missing; one of"),
    (b"env: {id: EdwardsAnderson2D-v0, length: 4, instances: x}\nepisodes: 1\n", "unknown key 'instances'"),
    (b"env: !!set {a, b}\nepisodes: 1\n", "keys with values"),
]


@pytest.mark.parametrize(("content", "expected"), FILES, ids=[str(k) for k in range(len(FILES))])
def test_files_that_are_no_configuration(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "some.yml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert str(path) in one_line(caught)
    assert expected in one_line(caught)


def test_sensible_numbers_are_taken() -> None:
    content = {"env": {"id": "EdwardsAnderson2D-v0", "length": 4}, "episodes": 1}
    found = parse_config({**content, "ppo": {"max_grad_norm": float("inf"), "learning_rate": "1e-6", "ent_coef": 0}})
    assert (found.ppo.max_grad_norm, found.ppo.learning_rate, found.ppo.ent_coef) == (float("inf"), 1e-6, 0.0)
    assert parse_config({**content, "seed": 2**32 - 1}).seed == 2**32 - 1
    options = {"width": 3, "log_std_init": -1, "net_arch": [4, 4]}
    assert parse_config({**content, "policy_options": options}).policy_options == {**options, "net_arch": (4, 4)}
    assert isinstance(found, TrainConfig)


def test_every_policy_declares_options_that_it_has() -> None:
    assert tuple(POLICY_OPTIONS) == tuple(POLICIES)
    small = {"width": 3, "tiles": 2, "lstm_hidden_size": 3, "n_lstm_layers": 2, "steps": 2, "net_arch": (3,)}
    for name, kind in POLICY_OPTIONS.items():
        seen = {"size-free": "tiles", "features": "features", "features-lstm": "features"}.get(name, "spins")
        env = AnnealingVectorEnv(
            "EdwardsAnderson2D-v0", 2, length=4, replicas=4, steps=2, sweeps_per_step=1, observation=seen
        )
        declared = {key: small.get(key, value) for key, value in vars(kind()).items() if key != "optimizer_kwargs"}
        model = RecurrentPPO(name, env, policy_options=declared, n_epochs=1, seed=0).learn(episodes=2)
        assert model.episodes == 2
        with pytest.raises(InputError, match="policy_options: log_std_init is nan; a number from -20 to 2"):
            RecurrentPPO(name, env, policy_options={"log_std_init": float("nan")})


def test_numbers_from_python() -> None:
    env = AnnealingVectorEnv("EdwardsAnderson2D-v0", 2, length=4, replicas=4, steps=2, observation="features")
    for options, expected in (
        ({"seed": -1}, "seed is -1"),
        ({"seed": HUGE}, "seed is 1"),
        ({"target_kl": -1.0}, "target_kl is -1.0"),
        ({"gamma": float("nan")}, "gamma is nan"),
        ({"n_epochs": 1.5}, "n_epochs is 1.5"),
        ({"episodes_per_env": 10**12}, "episodes_per_env: a rollout's observations would take more than"),
    ):
        with pytest.raises(InputError, match=expected):
            RecurrentPPO("features", env, **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="target_kl is 0"):
        PPOConfig(target_kl=0)


def test_resume_without_a_checkpoint_says_so(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tiny.parent / "run"
    assert run(["train", str(tiny), "--out", str(out), "--resume"]) == 0
    assert f"annealrl: {out}: no checkpoint in it; the training starts afresh\n" in capsys.readouterr().err
    before = {path.name: path.read_bytes() for path in out.glob("*.*")}
    assert run(["train", str(tiny), "--out", str(out), "--resume", "--seed", str(HUGE)]) == 2
    assert run(["train", str(tiny), "--out", str(out), "--resume", "--set", "policy_options.width=9"]) == 2
    assert run(["train", str(tiny), "--out", str(out)]) == 2
    assert "no checkpoint" not in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in out.glob("*.*")} == before


def copied(directory: Path, name: str = "ea2d-8") -> Path:
    directory.mkdir()
    for file in ("config.yml", "policy.safetensors"):
        (directory / file).write_bytes((ZOO / name / file).read_bytes())
    return directory


def _weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], object]:
    def damage(agent: Path) -> None:
        weights = load_file(agent / "policy.safetensors")
        change(weights)
        save_file(weights, agent / "policy.safetensors")

    return damage


def _text(old: str, new: str) -> Callable[[Path], object]:
    def damage(agent: Path) -> None:
        text = (agent / "config.yml").read_text(encoding="utf-8")
        assert old in text
        (agent / "config.yml").write_text(text.replace(old, new), encoding="utf-8")

    return damage


def _cut(agent: Path, size: int) -> None:
    (agent / "policy.safetensors").write_bytes((agent / "policy.safetensors").read_bytes()[:size])


def _other_weights(agent: Path) -> None:
    (agent / "policy.safetensors").write_bytes((ZOO / "bragg-mirror" / "policy.safetensors").read_bytes())


BIAS = "action_net.bias"
AGENTS: list[tuple[Callable[[Path], object], str]] = [
    (_weights(lambda w: w[BIAS].fill_(float("nan"))), f"policy.safetensors: weight {BIAS} holds values that are not"),
    (_weights(lambda w: w[BIAS].fill_(float("inf"))), f"policy.safetensors: weight {BIAS} holds values that are not"),
    (_weights(lambda w: w.update({BIAS: w[BIAS].double()})), f"weight {BIAS} has shape .* of torch.float64"),
    (_weights(lambda w: w.update({BIAS: w[BIAS].to(torch.complex64)})), f"weight {BIAS} has shape .* of torch.complex"),
    (_weights(lambda w: w.pop(BIAS)), f"policy.safetensors: weight {BIAS} is missing"),
    (_weights(lambda w: w.update(extra=w[BIAS] + 1)), "weight extra .* no weight of this name is expected"),
    (lambda agent: (agent / "policy.safetensors").unlink(), "no policy.safetensors in it"),
    (lambda agent: (agent / "config.yml").unlink(), "no config.yml in it"),
    (lambda agent: _cut(agent, 0), "a safetensors file is expected"),
    (lambda agent: _cut(agent, 100), "a safetensors file is expected"),
    (lambda agent: _cut(agent, -4), "a safetensors file is expected"),
    (lambda agent: (agent / "policy.safetensors").write_bytes(b"\xff" * 64), "a safetensors file is expected"),
    (_other_weights, "policy.safetensors: weight"),
    (_text("width: 64", "width: 32"), "policy.safetensors: weight"),
    (_text("width: 64", "width: 0"), "config.yml: policy_options: width is 0"),
    (_text("width: 64", "optimizer_kwargs: {eps: -1}"), "config.yml: policy_options: optimizer_kwargs: "),
    (_text("policy: features", "policy: size-free"), "observation 'tiles' is expected"),
    (_text("time_left", "time_gone"), "config.yml: interface: the policy was trained with another observation"),
    (_text("episodes: 4800", "episodes: 7200\nversion: 99"), "config.yml: unknown key 'version'"),
    (_text("length: 8", "length: 1"), "config.yml: env: "),
    (_text("replicas: 64", "replicas: .nan"), "config.yml: env: replicas is nan"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "expected"), AGENTS, ids=[str(k) for k in range(len(AGENTS))])
def test_damaged_agents(tmp_path: Path, damage: Callable[[Path], object], expected: str) -> None:
    agent = copied(tmp_path / "agent")
    damage(agent)
    with pytest.raises(InputError, match=expected) as caught:
        load_agent(agent)
    one_line(caught)


def test_sweeps_of_an_agent(tmp_path: Path) -> None:
    agent = copied(tmp_path / "agent")
    assert sweeps(agent) == 4000
    _text("\n  steps: 40", "")(agent)
    assert sweeps(agent) == 4000
    (agent / "config.yml").write_text("env: 3")
    with pytest.raises(InputError, match=r"config.yml: env: 3 given; keys with values"):
        sweeps(agent)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"reference": "geometric:0.3:3"}, "reference is 'geometric:0.3:3'; a schedule such as Geometric"),
        ({"reference": 3}, "reference is 3; a schedule"),
        ({"selection": "hard"}, "selection is 'hard'; a schedule"),
        ({"ladder": 3}, "ladder is 3; a text"),
        ({"ladder": ["tempering"]}, "ladder is "),
        ({"ladder": "nonsense", "action": "spread"}, "ladder is 'nonsense'"),
        ({"action": 3}, "action is 3; a name or several"),
        ({"action": [3]}, r"action is \[3\]; a name or several"),
        ({"action_scale": "x"}, "action_scale is 'x'; a number or several"),
        ({"action_scale": True}, "action_scale is True; a number or several"),
        ({"features": "time"}, "features is 'time'; a list of names"),
        ({"features": 3}, "features is 3; a list of names"),
        ({"beta_start": "x"}, "beta_start is 'x'; a number"),
        ({"beta_start": object}, "beta_start is .*; a number"),
        ({"refusal_penalty": float("nan")}, "refusal_penalty is nan; a finite number"),
        ({"look_cost": float("inf")}, "look_cost is inf; a finite number"),
    ],
)
def test_options_of_environments_of_another_type(options: dict[str, object], expected: str) -> None:
    given = {"action": "log_beta_offset", **options}
    with pytest.raises(InputError, match=expected) as caught:
        AnnealingVectorEnv("EdwardsAnderson2D-v0", 2, length=4, **given)
    one_line(caught)


def test_regular_expressions() -> None:
    assert pattern("a.*b", "--only").search("xaxb")
    for text in ("[", "(", "*", "(?P<a>", "a{2,1}", "\\"):
        with pytest.raises(InputError, match=r"^--only is .*, no regular expression: "):
            pattern(text, "--only")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["results.py", "--only", "["], "results: --only is '[', no regular expression"),
        (["solver_times.py", "--only", "["], "solver_times: --only is '[', no regular expression"),
    ],
)
def test_scripts_refuse_what_they_cannot_read(tmp_path: Path, words: list[str], expected: str) -> None:
    command = [sys.executable, str(SCRIPTS / words[0]), *words[1:]]
    environment = {"PYTHONPATH": ":".join([str(SCRIPTS), *sys.path])}
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert ended.returncode == 2, ended.stderr
    assert expected in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list(tmp_path.iterdir())
