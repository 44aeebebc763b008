"""What makes a training, read from YAML: environment, policy, PPO, validation, seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import yaml

from annealrl.agents.policy_options import check_policy_options
from annealrl.agents.typed import Range, build, check_fields, check_keys, convert, read_yaml, shown
from annealrl.env_options import ENV_OPTIONS, EnvOptions, make_family
from annealrl.errors import InputError
from annealrl.registry import env_ids, family
from annealrl.schedules import Geometric, Schedule
from annealrl.vector_env import AnnealingVectorEnv

#: Folder of the shipped configurations.
CONFIGS = Path(__file__).resolve().parent / "configs"

#: Of something that is counted; nobody lives to see more of it.
Count = Annotated[int, Range(1, 10**12)]
Weight = Annotated[float, Range(least=0, below=inf)]
#: What NumPy takes and Torch and Stable-Baselines3 hand on to it.
Seed = Annotated[int, Range(0, 2**32 - 1)]


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
    num_envs: Annotated[int, Range(1, 10**6)] = 64
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_fields(self)

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

    learning_rate: Annotated[float, Range(above=0, most=1)] = 3e-4
    anneal: Literal["none", "linear", "cosine"] = "none"
    episodes_per_env: Count = 1
    batch_episodes: Count | None = None
    n_epochs: Count = 4
    advantage: Literal["gae", "group"] = "gae"
    gamma: Annotated[float, Range(0, 1)] = 0.99
    gae_lambda: Annotated[float, Range(0, 1)] = 0.95
    clip_range: Annotated[float, Range(above=0)] = 0.2
    ent_coef: Weight = 0.0
    vf_coef: Weight = 0.5
    max_grad_norm: Annotated[float, Range(above=0)] = 0.5
    noise_correlation: Annotated[float, Range(least=0, below=1)] = 0.0
    use_sde: bool = False
    reward_scale: Annotated[float, Range(above=0, below=inf)] = 1.0
    privileged_critic: bool = False
    target_kl: Annotated[float, Range(above=0, below=inf)] | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if self.use_sde and self.noise_correlation:
            raise InputError("noise_correlation: it replaces gSDE; use one of the two")
        check_privileged(self.privileged_critic, self.advantage, self.vf_coef)


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
    instances: Annotated[int, Range(1, 10**6)] = 100
    repeats: Annotated[int, Range(1, 10**6)] = 2
    every: Count = 10
    score: Literal["reward", "success", "residual"] = "reward"

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class PoolConfig:
    """Which instances are trained on, see :mod:`annealrl.agents.pool`.

    Attributes
    ----------
    instances : int
        How many are drawn from the family.
    repeats : int
        Episodes of the untrained policy on each; instances on which the lowest energies of these differ are the pool.
    """

    instances: Annotated[int, Range(1, 10**6)] = 1000
    repeats: Annotated[int, Range(2, 10**6)] = 8

    def __post_init__(self) -> None:
        check_fields(self)


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
        Further arguments of the policy, see :data:`annealrl.agents.policy_options.POLICY_OPTIONS`.
    ppo : PPOConfig
    validation : ValidationConfig, optional
        None: the last policy is kept.
    pool : PoolConfig, optional
        None: every group of episodes has a freshly drawn instance.
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
    episodes: Count
    policy: str = "features"
    policy_options: Mapping[str, Any] = field(default_factory=dict)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    validation: ValidationConfig | None = field(default_factory=ValidationConfig)
    pool: PoolConfig | None = None
    checkpoint_every: Count = 10
    seed: Seed = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Range(1, 4096)] | None = None
    notes: str | None = None
    interface: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "policy_options", check_policy_options(self.policy, self.policy_options))


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
    for key, kind in (("ppo", PPOConfig), ("validation", ValidationConfig), ("pool", PoolConfig)):
        if content.get(key) is not None and not isinstance(content[key], kind):
            content[key] = build(kind, content[key], f"{where}: {key}")
    return build(TrainConfig, {"env": env, **content}, where)


def _env(content: Any, where: str) -> EnvConfig:
    if isinstance(content, EnvConfig):
        return content
    if not isinstance(content, Mapping):
        raise InputError(f"{where}: {shown(content)} given; keys with values are expected")
    options = dict(content)
    if not isinstance(options.get("id"), str):
        found = f"id is {shown(options['id'])}" if "id" in options else "key 'id' is missing"
        raise InputError(f"{where}: {found}; one of {', '.join(env_ids())} is expected")
    env_id = options.pop("id")
    try:
        kind = family(env_id)
    except InputError as error:
        raise InputError(f"{where}: id: {error}") from None
    num_envs = options.pop("num_envs", EnvConfig.num_envs)
    hints = _env_hints() | {key: hint for key, hint in get_type_hints(kind).items() if key in kind.options()}
    check_keys(options, ("id", "num_envs", *hints), where)
    checked = {key: convert(value, hints[key], f"{where}: {key}") for key, value in options.items()}
    try:
        make_family(env_id, {key: checked[key] for key in checked if key in kind.options()})
        EnvOptions(**{key: checked[key] for key in checked if key not in kind.options()})
        return EnvConfig(env_id, num_envs, checked)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


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
    for key in ("interface", "notes", "pool", "threads"):
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
