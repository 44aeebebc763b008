"""What makes a training, read from YAML: environment, policy, PPO, validation, seed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_type_hints

import yaml

from annealrl.agents.typed import build, check_keys, convert, read_yaml
from annealrl.env_options import ENV_OPTIONS, EnvOptions, make_family
from annealrl.errors import InputError
from annealrl.registry import env_ids, family, unknown
from annealrl.schedules import Geometric, Schedule
from annealrl.vector_env import AnnealingVectorEnv

#: Folder of the shipped configurations.
CONFIGS = Path(__file__).resolve().parent / "configs"


@dataclass(frozen=True)
class EnvConfig:
    """The training environment.

    Attributes
    ----------
    id : str
        Registered environment, such as ``EdwardsAnderson2D-v0``.
    num_envs : int
        Episodes that are played side by side.
    options : mapping
        The environment's and its family's options, as their documentation has them. In a file they stand beside `id`.
    """

    id: str
    num_envs: int = 64
    options: Mapping[str, Any] = field(default_factory=dict)

    def make(self, num_envs: int | None = None, **overrides: Any) -> AnnealingVectorEnv:
        """Make the environment, or one like it of another size (which then forms no groups).

        `overrides` go before the file's options.
        """
        if num_envs is None:
            return AnnealingVectorEnv(self.id, self.num_envs, **{**self.options, **overrides})
        return AnnealingVectorEnv(self.id, num_envs, **{**self.options, "group_size": 1, **overrides})

    @property
    def family_options(self) -> dict[str, Any]:
        """Those of the options that belong to the family of instances."""
        return {key: value for key, value in self.options.items() if key not in ENV_OPTIONS}


def check_learning_rate(learning_rate: float) -> None:
    """Refuse what is no learning rate of Adam, whose steps are about as long as the rate.

    Raises
    ------
    InputError
        If it is not positive or above 1.
    """
    if not 0 < learning_rate <= 1:
        raise InputError(f"learning_rate is {learning_rate:g}; a number > 0 and ≤ 1 is expected")


def check_privileged(privileged_critic: bool, advantage: str, vf_coef: float) -> None:
    """Refuse a privileged critic where there is no critic.

    Raises
    ------
    InputError
        If the advantages are relative to groups, or the value loss weighs nothing.
    """
    if privileged_critic and (advantage != "gae" or vf_coef <= 0):
        raise InputError(
            "privileged_critic is true where nothing learns values; advantage 'gae' and a positive vf_coef are expected"
        )


@dataclass(frozen=True)
class PPOConfig:
    """Proximal policy optimisation; see :class:`annealrl.agents.ppo.RecurrentPPO`.

    Attributes
    ----------
    learning_rate : float
        Of Adam, at the start.
    anneal : {"none", "linear", "cosine"}
        How it goes to zero over the training.
    episodes_per_env : int
        Episodes of each environment in one update.
    batch_episodes : int, optional
        Episodes of a minibatch; all of the update's by default.
    n_epochs : int
        Passes over an update's episodes.
    advantage : {"gae", "group"}
        With a critic, or relative to the episodes of the same instance (environment option `group_size`).
    gamma, gae_lambda : float
        Discount, and GAE's λ; ``group`` uses neither.
    clip_range : float
        Of the probability ratio.
    ent_coef, vf_coef : float
        Weights of entropy bonus and value loss.
    max_grad_norm : float
        Gradients are scaled down to this norm.
    noise_correlation : float
        ρ of autoregressive exploration, in [0, 1).
    use_sde : bool
        Generalised state-dependent exploration, drawn anew for each rollout, instead of `noise_correlation`.
    reward_scale : float
        Rewards are multiplied by this.
    privileged_critic : bool
        The critic, and it alone, also sees true energies, couplings and certified optima
        (:data:`annealrl.privileged.PRIVILEGED`) while training. Wants advantage ``gae`` and the environment's option
        `certify` where a family does not know its optima.
    target_kl : float, optional
        An update ends early when the policy has moved by 1.5 times this.
    """

    learning_rate: float = 3e-4
    anneal: Literal["none", "linear", "cosine"] = "none"
    episodes_per_env: int = 1
    batch_episodes: int | None = None
    n_epochs: int = 4
    advantage: Literal["gae", "group"] = "gae"
    gamma: float = 0.99
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    ent_coef: float = 0.0
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    noise_correlation: float = 0.0
    use_sde: bool = False
    reward_scale: float = 1.0
    privileged_critic: bool = False
    target_kl: float | None = None

    def __post_init__(self) -> None:
        check_learning_rate(self.learning_rate)
        for key in ("clip_range", "max_grad_norm", "reward_scale"):
            if not getattr(self, key) > 0:
                raise InputError(f"{key} is {getattr(self, key)}; a positive number is expected")
        for key in ("reward_scale", "ent_coef", "vf_coef"):
            if not math.isfinite(getattr(self, key)):
                raise InputError(f"{key} is {getattr(self, key)}; a finite number is expected")
        for key in ("gamma", "gae_lambda"):
            if not 0 <= getattr(self, key) <= 1:
                raise InputError(f"{key} is {getattr(self, key)}; a number from 0 to 1 is expected")
        if self.use_sde and self.noise_correlation:
            raise InputError("noise_correlation: it replaces gSDE; use one of the two")
        check_privileged(self.privileged_critic, self.advantage, self.vf_coef)
        if self.n_epochs < 1:
            raise InputError(f"n_epochs is {self.n_epochs}; at least 1 is expected")


@dataclass(frozen=True)
class ValidationConfig:
    """Which checkpoint is kept.

    Attributes
    ----------
    set : str, optional
        Name of an instance set that is neither trained nor tested on, such as ``ea2d-10-val``; without one, instances
        are sampled from the environment by a seed of its own.
    instances, repeats : int
        How many of its instances, and episodes on each.
    every : int
        Updates between two validations.
    score : {"reward", "success", "residual"}
        What the best checkpoint has the most of: mean reward, share of episodes that end in the ground state, or
        least residual energy per spin. The last two need certified energies.
    """

    set: str | None = None
    instances: int = 100
    repeats: int = 2
    every: int = 10
    score: Literal["reward", "success", "residual"] = "reward"

    def __post_init__(self) -> None:
        for key in ("instances", "repeats", "every"):
            if getattr(self, key) < 1:
                raise InputError(f"{key} is {getattr(self, key)}; at least 1 is expected")


@dataclass(frozen=True)
class TrainConfig:
    """A whole training.

    Attributes
    ----------
    env : EnvConfig
    episodes : int
        Episodes to train on, rounded up to whole updates.
    policy : str
        A name of :data:`annealrl.agents.policies.POLICIES`.
    policy_options : mapping
        Further arguments of the policy: ``log_std_init``, and ``width`` of those that have one.
    ppo : PPOConfig
    validation : ValidationConfig, optional
        None: the last policy is kept.
    checkpoint_every : int
        Updates between two checkpoints.
    seed : int
        Of everything: weights, instances, dynamics, exploration.
    device : {"auto", "cpu", "cuda"}
        ``auto`` takes a GPU if there is one.
    threads : int, optional
        Threads of the simulator, and of Torch for policies that observe spins; by default all cores and one.
    notes : str, optional
        Said in the model card.
    interface : mapping, optional
        What the trained policy sees and does, written beside its weights and checked when they are loaded.
    """

    env: EnvConfig
    episodes: int
    policy: str = "features"
    policy_options: Mapping[str, Any] = field(default_factory=dict)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    validation: ValidationConfig | None = field(default_factory=ValidationConfig)
    checkpoint_every: int = 10
    seed: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = None
    notes: str | None = None
    interface: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for key in ("episodes", "checkpoint_every"):
            if getattr(self, key) < 1:
                raise InputError(f"{key} is {getattr(self, key)}; at least 1 is expected")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}; a whole number ≥ 0 is expected")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"threads is {self.threads}; at least 1 is expected")
        if self.policy not in POLICY_NAMES:
            raise unknown("policy", self.policy, POLICY_NAMES)


#: Kept apart from the policies themselves, so that a configuration is read without loading Torch.
POLICY_NAMES = ("conv-lstm", "conv-step", "as-released", "features", "features-lstm", "size-free")


def load_config(path: str | Path | TrainConfig) -> TrainConfig:
    """Read a configuration; one that is read already is returned as it is.

    Raises
    ------
    InputError
        If the file cannot be read, or a key or value is wrong; one line with file, key and what was expected.
    """
    return path if isinstance(path, TrainConfig) else parse_config(read_yaml(path), str(path))


def parse_config(content: Mapping[str, Any], where: str = "config") -> TrainConfig:
    """Make a configuration from a mapping; `where` opens the errors."""
    content = dict(content)
    known = tuple(entry.name for entry in dataclasses.fields(TrainConfig))
    check_keys(content, known, where)
    if "env" not in content:
        raise InputError(f"{where}: key 'env' is missing")
    env = _env(content.pop("env"), f"{where}: env")
    parts: dict[str, Any] = {"env": env}
    for key, kind in (("ppo", PPOConfig), ("validation", ValidationConfig)):
        if content.get(key) is not None:
            parts[key] = build(kind, content.pop(key), f"{where}: {key}")
    hints = get_type_hints(TrainConfig)
    for key, value in content.items():
        parts[key] = convert(value, hints[key], f"{where}: {key}")
    if "episodes" not in parts:
        raise InputError(f"{where}: key 'episodes' is missing")
    try:
        return TrainConfig(**parts)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _env(content: Any, where: str) -> EnvConfig:
    if isinstance(content, EnvConfig):
        return content
    if not isinstance(content, Mapping):
        raise InputError(f"{where}: {content!r} given; keys with values are expected")
    options = dict(content)
    if not isinstance(options.get("id"), str):
        raise InputError(f"{where}: key 'id' is missing; one of {', '.join(env_ids())} is expected")
    env_id = options.pop("id")
    try:
        kind = family(env_id)
    except InputError as error:
        raise InputError(f"{where}: id: {error}") from None
    num_envs = convert(options.pop("num_envs", EnvConfig.num_envs), int, f"{where}: num_envs")
    hints = _env_hints() | {key: hint for key, hint in get_type_hints(kind).items() if key in kind.options()}
    check_keys(options, ("id", "num_envs", *hints), where)
    checked = {key: convert(value, hints[key], f"{where}: {key}") for key, value in options.items()}
    try:
        make_family(env_id, {key: checked[key] for key in checked if key in kind.options()})
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return EnvConfig(env_id, num_envs, checked)


@cache
def _env_hints() -> dict[str, Any]:
    return get_type_hints(EnvOptions)


def dump_config(config: TrainConfig) -> str:
    """Spell a configuration as YAML that :func:`load_config` reads back as an equal one.

    Raises
    ------
    InputError
        If it holds what a file cannot, such as a model in memory.
    """
    content = _plain(config)
    env = content["env"]
    content["env"] = {"id": env["id"], "num_envs": env["num_envs"], **env["options"]}
    for key in ("privileged_critic", "use_sde"):
        if not content["ppo"][key]:
            # Left out, so that fingerprints of agents are what they were before there were these.
            del content["ppo"][key]
    for key in ("interface", "notes", "threads"):
        if content[key] is None:
            del content[key]
    try:
        return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
    except yaml.representer.RepresenterError as error:
        kind = type(error.args[-1]).__name__
        raise InputError(f"environment: a {kind} cannot be kept in a file; give it as the path of one") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Schedule):
        return {
            key: _plain(entry) for key, entry in value.to_json().items() if entry is not None and entry is not False
        }
    if dataclasses.is_dataclass(value):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value


def config_for_env(env_id: str) -> TrainConfig:
    """The default training for an environment.

    The shipped configuration if there is one, named like the module of the family; else the recipe of
    ``edwards_anderson_2d.yml`` with a reference schedule in units of the instances' own couplings, and validation on
    instances sampled for it; for designs the step size is learned beside the temperature.
    """
    module = family(env_id).__module__.rpartition(".")[2]
    for path in sorted(CONFIGS.glob(f"{module}*.yml")):
        shipped = load_config(path)
        if shipped.env.id == env_id:
            return shipped
    recipe = load_config(CONFIGS / "edwards_anderson_2d.yml")
    options = {key: value for key, value in recipe.env.options.items() if key in ENV_OPTIONS}
    if family(env_id).step_size:
        # Designs have temperatures of their own, and moves whose size is learned as well.
        del options["reference"]
        options |= {"action": ("log_beta_offset", "delta_log_step"), "action_scale": (1.0, 0.5)}
    else:
        options["reference"] = Geometric(0.5, 7.0, sigma_units=True)
    env = EnvConfig(env_id, recipe.env.num_envs, options)
    return dataclasses.replace(recipe, env=env, validation=ValidationConfig(repeats=2))
