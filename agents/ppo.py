"""Proximal policy optimisation on whole episodes, with what makes it sample-efficient here."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import sb3_contrib
import torch
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.vec_env import VecEnv

from annealrl.agents.buffers import ADVANTAGES, Advantage, EpisodeBuffer
from annealrl.agents.config import PPOConfig, Seed
from annealrl.agents.policies import EpisodePolicy, policy_class
from annealrl.agents.policy_options import check_policy_options
from annealrl.agents.typed import convert
from annealrl.checks import enough_memory
from annealrl.errors import InputError
from annealrl.privileged import PRIVILEGED, check_source
from annealrl.registry import unknown
from annealrl.sb3 import AnnealingVecEnv
from annealrl.vector_env import AnnealingVectorEnv

if TYPE_CHECKING:
    from annealrl.instance_set import InstanceSet

Anneal = Literal["none", "linear", "cosine"]
#: How the learning rate goes from its first value towards zero, as a function of what is left of the training, 1 to 0.
ANNEALING: dict[str, Callable[[float], float]] = {
    "none": lambda left: 1.0,
    "linear": lambda left: left,
    "cosine": lambda left: 0.5 * (1.0 - math.cos(math.pi * left)),
}


#: What Stable-Baselines3 takes as it is.
_CHECKED = frozenset(field.name for field in dataclasses.fields(PPOConfig))


class RecurrentPPO(sb3_contrib.RecurrentPPO):  # type: ignore[misc]
    """sb3-contrib's RecurrentPPO for episodes of equal length that start together.

    A rollout is `episodes_per_env` whole episodes of every environment and a minibatch is `batch_episodes` of them,
    over which the LSTM runs in one call; see :class:`~annealrl.agents.policies.EpisodePolicy`.

    Parameters
    ----------
    policy : str or subclass of EpisodePolicy
        A name of :data:`annealrl.agents.policies.POLICIES`.
    env : AnnealingVectorEnv or VecEnv
        The native batch environment is wrapped for SB3. Other VecEnvs need `episode_steps`.
    learning_rate : float
    anneal : {"none", "linear", "cosine"}
        How the learning rate goes to zero over a call of :meth:`learn`.
    episodes_per_env, batch_episodes : int
        Size of a rollout, and of a minibatch (all of the rollout by default); the latter divides the rollout.
    advantage : {"gae", "group"}
        ``"group"``: an episode's return less the mean over the `group_size` environments that share its instance, for
        all its steps; no critic is needed, so `vf_coef` may be 0.
    noise_correlation : float
        See :class:`~annealrl.agents.policies.EpisodePolicy`.
    reward_scale : float
        Rewards are multiplied by this.
    privileged_critic : bool
        See :class:`~annealrl.agents.config.PPOConfig`.
    group_size, episode_steps : int, optional
        Taken from the environment where it has them.
    policy_options : dict, optional
        Further arguments of the policy, such as ``width`` or ``log_std_init``, for those with a name as
        :data:`annealrl.agents.policy_options.POLICY_OPTIONS` has them; `policy_kwargs` means the same.
    **kwargs
        As for :class:`sb3_contrib.RecurrentPPO`.

    Examples
    --------
    >>> env = AnnealingVectorEnv(
    ...     "EdwardsAnderson2D-v0", 4, length=4, replicas=8, steps=3, sweeps_per_step=2, observation="features"
    ... )
    >>> agent = RecurrentPPO("features", env, seed=0).learn(episodes=8)
    >>> agent.episodes
    8
    """

    rollout_buffer: EpisodeBuffer
    policy: EpisodePolicy
    env: VecEnv | None
    _last_episode_starts: npt.NDArray[np.bool_]

    def __init__(
        self,
        policy: str | type[EpisodePolicy],
        env: AnnealingVectorEnv | VecEnv,
        *,
        learning_rate: float = 3e-4,
        anneal: Anneal = "none",
        episodes_per_env: int = 1,
        batch_episodes: int | None = None,
        n_epochs: int = 4,
        advantage: Advantage = "gae",
        noise_correlation: float = 0.0,
        reward_scale: float = 1.0,
        privileged_critic: bool = False,
        group_size: int | None = None,
        episode_steps: int | None = None,
        policy_options: dict[str, Any] | None = None,
        policy_kwargs: dict[str, Any] | None = None,
        _init_setup_model: bool = True,
        **kwargs: Any,
    ) -> None:
        if isinstance(env, AnnealingVectorEnv):
            env = AnnealingVecEnv(env)
        if not isinstance(env, VecEnv):
            raise InputError(
                f"RecurrentPPO: env is a {type(env).__name__}; an AnnealingVectorEnv or VecEnv is expected"
            )
        for key in ("n_steps", "batch_size"):
            if key in kwargs:
                raise InputError(f"RecurrentPPO: {key}: give episodes_per_env and batch_episodes instead")
        if advantage not in ADVANTAGES:
            raise unknown("advantage", advantage, ADVANTAGES)
        if anneal not in ANNEALING:
            raise unknown("anneal", anneal, ANNEALING)
        self.policy_name = policy if isinstance(policy, str) else policy.__name__
        self.policy_options = {**(policy_kwargs or {}), **(policy_options or {})}
        if isinstance(policy, str):
            self.policy_options = check_policy_options(policy, self.policy_options)
        self.advantage, self.anneal, self.reward_scale = advantage, anneal, reward_scale
        self.noise_correlation = noise_correlation
        self.episode_steps = episode_steps or int(_attribute(env, "steps", "episode_steps"))
        self.group_size = group_size or (
            int(_attribute(env, "group_size", "group_size")) if advantage == "group" else 1
        )
        self.episodes_per_env = episodes_per_env
        self.batch_episodes = batch_episodes or episodes_per_env * env.num_envs
        self._check_sizes(env.num_envs)
        given = {
            "learning_rate": learning_rate,
            "n_epochs": n_epochs,
            "advantage": advantage,
            "noise_correlation": noise_correlation,
            "reward_scale": reward_scale,
            "privileged_critic": privileged_critic,
            **{key: value for key, value in kwargs.items() if key in _CHECKED and not callable(value)},
        }
        PPOConfig(**given)
        convert(kwargs.get("seed"), Seed | None, "seed")
        self.privileged_critic = privileged_critic
        if privileged_critic:
            source = _attribute(env, "episodes", "an AnnealingVectorEnv")
            check_source(source.family, source.certified)
        shape = ANNEALING[anneal]
        self.base_learning_rate = learning_rate
        super().__init__(
            policy_class(policy) if isinstance(policy, str) else policy,
            env,
            learning_rate=lambda left: learning_rate * shape(left),
            n_steps=episodes_per_env * self.episode_steps,
            batch_size=self.batch_episodes * self.episode_steps,
            n_epochs=n_epochs,
            policy_kwargs={
                "noise_correlation": noise_correlation,
                "privileged": len(PRIVILEGED) if privileged_critic else 0,
                **self.policy_options,
            },
            _init_setup_model=_init_setup_model,
            **kwargs,
        )

    def _check_sizes(self, num_envs: int) -> None:
        if self.episodes_per_env < 1:
            raise InputError(f"episodes_per_env is {self.episodes_per_env}; at least 1 is expected")
        total = self.episodes_per_env * num_envs
        if self.batch_episodes < 1 or total % self.batch_episodes:
            raise InputError(f"batch_episodes is {self.batch_episodes}; a divisor of the rollout's {total} is expected")
        # Advantages are divided by their standard deviation within a minibatch: one number has none.
        if self.batch_episodes * self.episode_steps < 2:
            raise InputError("batch_episodes is 1 with episodes of one step; minibatches of at least 2 are expected")
        if self.advantage == "group":
            if self.group_size < 2 or num_envs % self.group_size:
                raise InputError(
                    f"group_size is {self.group_size}; "
                    f"advantage 'group' expects a divisor ≥ 2 of {num_envs} environments"
                )
            if self.batch_episodes < 2:
                raise InputError("batch_episodes is 1; advantage 'group' needs minibatches of at least 2 episodes")

    def _setup_model(self) -> None:
        size = math.prod(self.observation_space.shape or ()) * self.observation_space.dtype.itemsize
        enough_memory(float(self.n_steps * self.n_envs * size), "episodes_per_env: a rollout's observations")
        super()._setup_model()
        lstm = self.policy.lstm_actor
        self.rollout_buffer = EpisodeBuffer(
            self.n_steps,
            self.observation_space,
            self.action_space,
            (self.n_steps, lstm.num_layers, self.n_envs, lstm.hidden_size),
            self.device,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            n_envs=self.n_envs,
            episode_steps=self.episode_steps,
            advantage=self.advantage,
            group_size=self.group_size,
            reward_scale=self.reward_scale,
            seed=self.seed or 0,
        )

        if self.privileged_critic:
            self.policy.privileged_source = self._privileged

    def _privileged(self) -> torch.Tensor:
        """What the critic sees of the minibatch in training, else of the environment as it is."""
        batch = self.rollout_buffer.batch
        if batch is not None:
            return batch
        assert self.env is not None
        seen = self.rollout_buffer.seen = self.env.get_attr("privileged")[0]
        return torch.as_tensor(seen, device=self.device)

    def set_random_seed(self, seed: int | None = None) -> None:
        """Seed Torch, NumPy, Python and the environment."""
        super().set_random_seed(seed)
        if seed is not None and self.env is not None:
            # VecEnv.seed(s) gives environment i the seed s + i, so that the trainings 0 and 1 would share most of
            # their instances. Hashing the seed first keeps them apart.
            self.env.seed(int(np.random.SeedSequence(seed).generate_state(1)[0]))

    @property
    def episodes(self) -> int:
        """Episodes that were trained on."""
        return int(self.num_timesteps // self.episode_steps)

    @property
    def update_episodes(self) -> int:
        """Episodes of one update."""
        return int(self.episodes_per_env * self.n_envs)

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: EpisodeBuffer, n_rollout_steps: int
    ) -> bool:
        """Play whole episodes; after an interrupted rollout the environment starts afresh."""
        if not np.all(self._last_episode_starts):
            self._last_obs = env.reset()
            self._last_episode_starts = np.ones(env.num_envs, bool)
        done: bool = super().collect_rollouts(env, callback, rollout_buffer, n_rollout_steps)
        return done

    def train(self) -> None:
        """Update the policy by the rollout.

        Raises
        ------
        InputError
            If its weights are no longer finite.
        """
        try:
            super().train()
        except ValueError:  # Torch's, of a distribution with parameters that are no numbers
            if self._finite():
                raise
        if not self._finite():
            raise InputError(
                f"learning_rate is {self.base_learning_rate:g}: after {self.episodes} episodes the policy's weights "
                "are no longer finite; a smaller one is expected"
            )

    def _finite(self) -> bool:
        return all(bool(torch.isfinite(weights).all()) for weights in self.policy.parameters())

    def learn(
        self,
        total_timesteps: int | None = None,
        callback: BaseCallback | list[BaseCallback] | None = None,
        log_interval: int = 1,
        tb_log_name: str = "RecurrentPPO",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
        *,
        episodes: int | None = None,
        validate_on: str | InstanceSet | None = None,
        validate_every: int = 10,
    ) -> RecurrentPPO:
        """Train.

        Parameters
        ----------
        episodes : int
            How many; rounded up to whole updates. ``total_timesteps`` is the same in steps.
        validate_on : str or InstanceSet, optional
            A set that is neither trained nor tested on. The mean-action policy plays it every `validate_every` updates
            and at the end, and the best of these policies is kept.
        """
        if (episodes is None) == (total_timesteps is None):
            raise InputError("learn: one of episodes and total_timesteps is expected")
        steps = episodes * self.episode_steps if episodes is not None else int(total_timesteps or 0)
        callbacks = list(callback) if isinstance(callback, list) else [callback] if callback is not None else []
        validation = None
        if validate_on is not None:
            from annealrl.agents.callbacks import ValidationCallback
            from annealrl.agents.validation import Validator

            validation = ValidationCallback(Validator.for_model(self, validate_on), validate_every)
            callbacks.append(validation)
        super().learn(
            steps, CallbackList(callbacks), log_interval, tb_log_name, reset_num_timesteps, progress_bar=progress_bar
        )
        if validation is not None and validation.best_weights is not None:
            self.policy.load_weights(validation.best_weights)
        return self

    def save(self, path: str | Path, *args: Any, **kwargs: Any) -> None:
        """Write a directory that :func:`annealrl.agents.storage.load_agent` reads: safetensors and YAML, no pickle."""
        from annealrl.agents.storage import save_model

        save_model(self, path)

    @classmethod
    def load(
        cls,
        path: str | Path,
        env: AnnealingVectorEnv | VecEnv | None = None,
        device: torch.device | str = "auto",
        **kwargs: Any,
    ) -> RecurrentPPO:
        """Read what :meth:`save` wrote, for playing or training on; the optimiser starts anew."""
        from annealrl.agents.storage import load_model

        return load_model(path, env=env, device=device, **kwargs)


def _attribute(env: VecEnv, name: str, option: str) -> Any:
    try:
        return env.get_attr(name)[0]
    except AttributeError:
        raise InputError(f"RecurrentPPO: the environment has no attribute {name!r}; give {option}") from None
