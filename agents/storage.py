"""Agents on disk: weights as safetensors, everything else as YAML; reading them runs no code from the files."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from stable_baselines3.common.utils import get_device
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper, VecNormalize, unwrap_vec_wrapper

from annealrl.agents.catalogue import CONFIG, WEIGHTS
from annealrl.agents.catalogue import directory as directory_of
from annealrl.agents.config import EnvConfig, PPOConfig, TrainConfig, dump_config, load_config
from annealrl.agents.policies import EpisodePolicy, policy_class
from annealrl.errors import InputError, said
from annealrl.family import Family
from annealrl.observations import FeatureObservation
from annealrl.privileged import PRIVILEGED
from annealrl.registry import env_ids, family
from annealrl.results import write_text
from annealrl.rewards import REWARDS
from annealrl.sb3 import AnnealingVecEnv
from annealrl.vector_env import AnnealingVectorEnv

if TYPE_CHECKING:
    from annealrl.agents.ppo import RecurrentPPO


@dataclass(frozen=True)
class Agent:
    """A trained policy and the configuration that it came from.

    Attributes
    ----------
    name : str
        Of the zoo entry or directory.
    config : TrainConfig
    policy : EpisodePolicy
    """

    name: str
    config: TrainConfig
    policy: EpisodePolicy

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of the SHA-256 of weights and environment: all that decides what the agent does."""
        plays = TrainConfig(env=self.config.env, episodes=1, policy=self.config.policy)
        digest = hashlib.sha256(dump_config(plays).encode())
        for key, value in sorted(self.policy.weights().items()):
            digest.update(key.encode())
            digest.update(value.numpy().tobytes())
        return digest.hexdigest()[:16]


def load_agent(name_or_dir: str | Path, device: torch.device | str = "cpu") -> Agent:
    """Read an agent by the name of a shipped one or by its directory."""
    path = directory_of(name_or_dir)
    config = load_config(path / CONFIG)
    try:
        env = config.env.make(1)
    except InputError as error:
        raise InputError(f"{path / CONFIG}: env: {error}") from None
    _check_interface(config, env, path / CONFIG)
    try:
        policy = policy_class(config.policy)(
            env.single_observation_space,
            env.single_action_space,
            _no_schedule,
            noise_correlation=config.ppo.noise_correlation,
            privileged=len(PRIVILEGED) if config.ppo.privileged_critic else 0,
            use_sde=config.ppo.use_sde,
            **config.policy_options,
        )
    except (TypeError, ValueError) as error:  # of the optimiser's options, which are its own
        raise InputError(f"{path / CONFIG}: {blamed_options(error)}") from None
    read_weights(path / WEIGHTS, policy)
    policy.set_training_mode(False)
    return Agent(path.name, config, policy.to(get_device(device)))


def blamed_options(error: Exception) -> str:
    """What a policy or its optimiser did not take, in one line."""
    return str(error) if isinstance(error, InputError) else f"policy_options: optimizer_kwargs: {said(error)}"


def read_weights(path: Path, policy: EpisodePolicy) -> None:
    """Put the weights of a file into a policy."""
    try:
        policy.load_weights(load_file(path))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; a readable safetensors file is expected") from None
    except SafetensorError as error:
        raise InputError(f"{path}: {error}; a safetensors file is expected") from None
    except InputError as error:
        raise InputError(f"{path}: {error} by the policy of {CONFIG}") from None


def save_agent(directory: str | Path, config: TrainConfig, policy: EpisodePolicy) -> None:
    """Write a directory that :func:`load_agent` reads; each file is written beside and renamed."""
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    env = config.env.make(1)
    described = replace(config, interface=interface(env))
    write_text(directory / CONFIG, dump_config(described))
    write_tensors(directory / WEIGHTS, policy.weights(), {"format": "pt", "policy": config.policy})


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file beside its place and rename it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file({key: value.contiguous() for key, value in tensors.items()}, beside, metadata)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def interface(env: AnnealingVectorEnv) -> dict[str, Any]:
    """What a policy of this environment sees and does."""
    space = env.single_observation_space
    seen: dict[str, Any] = {"shape": list(space.shape or ()), "dtype": str(space.dtype)}
    if isinstance(env.observation, FeatureObservation):  # tiles too
        seen["names"] = list(env.observation.names)
    done = {"shape": [len(env.action.components)], "low": -1.0, "high": 1.0, "meaning": env.action.meaning}
    return {"observation": seen, "action": done}


def _check_interface(config: TrainConfig, env: AnnealingVectorEnv, where: Path) -> None:
    if config.interface is None:
        return
    for part, have in interface(env).items():
        if config.interface.get(part) != have:
            raise InputError(f"{where}: interface: the policy was trained with another {part}; {have} is expected")


def _no_schedule(_: float) -> float:
    return 0.0


# -- models that a script trained ------------------------------------------------------------------------------------


def save_model(model: RecurrentPPO, directory: str | Path) -> None:
    """Write a model as an agent's directory; its configuration is read off the model and its environment."""
    save_agent(directory, model_config(model), model.policy)


def load_model(
    directory: str | Path,
    *,
    env: AnnealingVectorEnv | VecEnv | None = None,
    device: torch.device | str = "auto",
    **kwargs: Any,
) -> RecurrentPPO:
    """Read a model; its environment is made anew from the configuration unless given."""
    from annealrl.agents.ppo import RecurrentPPO

    path = directory_of(directory)
    config = load_config(path / CONFIG)
    if env is None:
        env = config.env.make()
    options = vars(config.ppo) | {"seed": config.seed} | kwargs
    model = RecurrentPPO(config.policy, env, policy_options=dict(config.policy_options), device=device, **options)
    read_weights(path / WEIGHTS, model.policy)
    return model


def model_config(model: RecurrentPPO) -> TrainConfig:
    """The configuration that would train a model like this one."""
    ppo = PPOConfig(
        learning_rate=model.base_learning_rate,
        clip_range=float(model.clip_range(1.0)),
        **{
            entry.name: getattr(model, entry.name)
            for entry in dataclasses.fields(PPOConfig)
            if entry.name not in ("learning_rate", "clip_range")
        },
    )
    return TrainConfig(
        env=env_config(model.env),
        episodes=max(1, model.episodes),
        policy=model.policy_name,
        policy_options=model.policy_options,
        ppo=ppo,
        validation=None,
        seed=model.seed or 0,
    )


def env_config(env: VecEnv | AnnealingVectorEnv | None) -> EnvConfig:
    """Read the configuration off an environment, through whatever VecEnv wrappers stand around it.

    Raises
    ------
    InputError
        If it is no annealing environment, or has what a file cannot hold: normalised observations, a reward that is
        not one of the registered ones, a family that is not registered.
    """
    if isinstance(env, VecEnv):
        normalised = unwrap_vec_wrapper(env, VecNormalize)
        if isinstance(normalised, VecNormalize) and normalised.norm_obs:
            raise InputError("environment: VecNormalize's statistics of observations are not kept; use norm_obs=False")
        while isinstance(env, VecEnvWrapper):
            env = env.venv
        if isinstance(env, AnnealingVecEnv):
            env = env.env
    if not isinstance(env, AnnealingVectorEnv):
        raise InputError(f"environment: a {type(env).__name__} cannot be described; an AnnealingVectorEnv is expected")
    reward = next((name for name, known in REWARDS.items() if known is env.reward), None)
    if reward is None:
        raise InputError(f"environment: a reward of your own cannot be kept in a file; one of {', '.join(REWARDS)}")
    own = {entry: getattr(env.family, entry) for entry in env.family.options()}
    options = own | env.options.spelled() | {"reward": reward}
    return EnvConfig(_registered(env.family), env.num_envs, options)


def _registered(member: Family) -> str:
    # Named after its class as a rule, so that the other families' modules need not be imported.
    ids = sorted(env_ids(), key=lambda env_id: not env_id.startswith(type(member).__name__))
    for env_id in ids:
        if family(env_id) is type(member):
            return env_id
    raise InputError(f"environment: the family {type(member).__name__} is not registered; decorate it with @register")
