"""The rollout buffer of episodes that have equal length and start together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from sb3_contrib.common.recurrent.buffers import RecurrentRolloutBuffer
from sb3_contrib.common.recurrent.type_aliases import RecurrentRolloutBufferSamples, RNNStates
from stable_baselines3.common.buffers import RolloutBuffer

from annealrl.errors import InputError

Advantage = Literal["gae", "group"]
#: How advantages are estimated.
ADVANTAGES: tuple[Advantage, ...] = ("gae", "group")


class EpisodeBuffer(RecurrentRolloutBuffer):  # type: ignore[misc]
    """Holds k whole episodes of every environment, and hands out minibatches of whole episodes.

    Every sequence starts with its episode, so no recurrent state is stored, nothing is padded, no state is stale and
    backpropagation through time is never cut.

    Parameters
    ----------
    *args, **kwargs
        As for :class:`sb3_contrib.common.recurrent.buffers.RecurrentRolloutBuffer`.
    episode_steps : int
        T, the length of an episode; the buffer's size is a multiple of it.
    advantage : {"gae", "group"}
        Generalised advantage estimation with the critic, or :meth:`group_relative`.
    group_size : int
        g neighbouring environments play the same instance.
    reward_scale : float
        Rewards are multiplied by this when they come in.
    seed : int
        Of the order of episodes in minibatches.
    """

    generator_ready: bool

    def __init__(
        self,
        *args: Any,
        episode_steps: int,
        advantage: Advantage = "gae",
        group_size: int = 1,
        reward_scale: float = 1.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        self.episode_steps, self.advantage, self.group_size = episode_steps, advantage, group_size
        self.reward_scale = reward_scale
        self.rng = np.random.default_rng(seed)
        #: What the critic alone saw in each step, or None: of the coming :meth:`add`, of all, and of the minibatch that
        #: :meth:`get` gave last.
        self.seen: npt.NDArray[np.float32] | None = None
        self.privileged: list[npt.NDArray[np.float32]] = []
        self.batch: torch.Tensor | None = None
        super().__init__(*args, **kwargs)

    def reset(self) -> None:
        """Empty the buffer."""
        self.seen, self.privileged, self.batch = None, [], None
        RolloutBuffer.reset(self)

    def add(
        self,
        obs: npt.NDArray[Any],
        action: npt.NDArray[Any],
        reward: npt.NDArray[Any],
        *args: Any,
        lstm_states: object = None,
        **kwargs: Any,
    ) -> None:
        """Keep one step of all environments; `lstm_states` are not needed."""
        if self.seen is not None:
            self.privileged.append(self.seen)
        RolloutBuffer.add(self, obs, action, self.reward_scale * np.asarray(reward), *args, **kwargs)

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: npt.NDArray[Any]) -> None:
        """Fill ``returns`` and ``advantages`` by GAE or relative to the groups."""
        self._check_episodes()
        if self.advantage == "gae":
            super().compute_returns_and_advantage(last_values, dones)
            return
        totals = self.rewards.reshape(-1, self.episode_steps, self.n_envs).sum(axis=1)
        self.returns = np.repeat(totals, self.episode_steps, axis=0).astype(np.float32)
        self.advantages = np.repeat(self.group_relative(totals), self.episode_steps, axis=0).astype(np.float32)

    def group_relative(self, totals: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Episodes' returns less the mean of their group: what an instance is worth by itself drops out.

        Parameters
        ----------
        totals : array, shape (k, environments)
            Undiscounted returns.
        """
        groups = totals.reshape(len(totals), -1, self.group_size)
        return np.asarray((groups - groups.mean(axis=2, keepdims=True)).reshape(totals.shape))

    def get(self, batch_size: int | None = None) -> Iterator[RecurrentRolloutBufferSamples]:
        """Yield minibatches of ``batch_size // T`` episodes in random order, each flattened as (episodes · T, …)."""
        if not self.generator_ready:
            for key in ("observations", "actions", "values", "log_probs", "advantages", "returns", "episode_starts"):
                setattr(self, key, self.swap_and_flatten(getattr(self, key)))
            self.generator_ready = True
        steps = self.episode_steps
        count = self.buffer_size * self.n_envs // steps
        per_batch = count if batch_size is None else batch_size // steps
        order = self.rng.permutation(count) if per_batch < count else np.arange(count)
        for first in range(0, count, per_batch):
            yield self._episodes(order[first : first + per_batch])

    def _episodes(self, chosen: npt.NDArray[np.intp]) -> RecurrentRolloutBufferSamples:
        steps, count = self.episode_steps, len(chosen)

        def take(values: npt.NDArray[Any]) -> torch.Tensor:
            whole = values.reshape(-1, steps, *values.shape[1:])
            return torch.as_tensor(whole[chosen].reshape(count * steps, *values.shape[1:]), device=self.device)

        # The policy multiplies these zeros by 1 - episode_start; what matters to it is how many sequences there are.
        layers, _, hidden = self.hidden_state_shape[1:]
        if self.privileged:
            self.batch = take(self.swap_and_flatten(np.stack(self.privileged)))
        zeros = torch.zeros((layers, count, hidden), device=self.device)
        return RecurrentRolloutBufferSamples(
            observations=take(self.observations),
            actions=take(self.actions),
            old_values=take(self.values).flatten(),
            old_log_prob=take(self.log_probs).flatten(),
            advantages=take(self.advantages).flatten(),
            returns=take(self.returns).flatten(),
            lstm_states=RNNStates((zeros, zeros), (zeros, zeros)),
            episode_starts=take(self.episode_starts).flatten(),
            mask=torch.ones(count * steps, device=self.device),
        )

    def _check_episodes(self) -> None:
        starts = self.episode_starts.reshape(-1, self.episode_steps, self.n_envs)
        if not starts[:, 0].all() or starts[:, 1:].any():
            raise InputError(f"environment: all episodes must start together and have {self.episode_steps} steps")
