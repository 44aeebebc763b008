"""A thin stable-baselines3 face of the batched environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvStepReturn

from annealrl.env import rows
from annealrl.vector_env import AnnealingVectorEnv


class AnnealingVecEnv(VecEnv):
    """Wrap an :class:`AnnealingVectorEnv` for SB3.

    ``seed()`` and ``set_options()`` act at the next ``reset()``, as SB3 expects; options must be the same for all
    environments, because they are handed to the batch.
    """

    def __init__(self, env: AnnealingVectorEnv) -> None:
        self.env = env
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> npt.NDArray[Any]:
        """Start new episodes and return their first observations."""
        seeds: int | list[int | None] | None = None if all(seed is None for seed in self._seeds) else list(self._seeds)
        options = self._options[0] if self._options else None
        observation, info = self.env.reset(seed=seeds, options=options or None)
        self.reset_infos = rows(info)
        self._reset_seeds()
        self._reset_options()
        return observation

    def step_async(self, actions: npt.NDArray[Any]) -> None:
        """Keep the actions for :meth:`step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Run the step; at an episode's end ``infos`` hold its last values and ``terminal_observation``."""
        observation, rewards, terminated, _, info = self.env.step(self._actions)
        over = bool(terminated[0])
        infos = rows(info["final_info"] if over else info)
        if over:
            for b, one in enumerate(infos):
                one["terminal_observation"] = info["final_obs"][b]
                one["TimeLimit.truncated"] = False
            self.reset_infos = rows({key: value for key, value in info.items() if not key.startswith("final_")})
        return observation, rewards.astype(np.float32), terminated.copy(), infos

    def close(self) -> None:
        """Nothing to release."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The batch's attribute, once per environment asked for."""
        return [getattr(self.env, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of the whole batch."""
        setattr(self.env, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any) -> list[Any]:
        """Call a method of the batch once; its result stands for every environment asked for."""
        result = getattr(self.env, method_name)(*args, **kwargs)
        return [result] * len(list(self._get_indices(indices)))

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """No environment of the batch is wrapped; episode statistics come with ``infos`` all the same."""
        return [False] * len(list(self._get_indices(indices)))

    def get_images(self) -> Sequence[npt.NDArray[np.uint8] | None]:
        """No frames."""
        return [None] * self.num_envs
