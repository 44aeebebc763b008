"""The scalar Gymnasium environment: a view of the batched one with a single episode."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt

from annealrl.family import Family
from annealrl.rendering import RENDER_FPS, RENDER_MODES, Frame
from annealrl.vector_env import AnnealingVectorEnv


class AnnealingEnv(gym.Env[Any, Any]):
    """One episode at a time of :class:`annealrl.vector_env.AnnealingVectorEnv`, which documents them with its options.

    Parameters
    ----------
    episode_info : bool
        Put ``info["episode"]`` (return, length, seconds) into the last step's information. Off by default, because
        Gymnasium's ``RecordEpisodeStatistics`` adds the same key and refuses to find it there.
    """

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": RENDER_FPS}  # noqa: RUF012 - Gymnasium declares it as an instance attribute

    def __init__(
        self,
        family: str | type[Family] | Family,
        *,
        episode_info: bool = False,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        self.batch = AnnealingVectorEnv(family, num_envs=1, render_mode=render_mode, **options)
        self.episode_info = episode_info
        self.render_mode = render_mode
        self._over = False
        self.observation_space = self.batch.single_observation_space
        self.action_space = self.batch.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[Any], dict[str, Any]]:
        """Start an episode; `options` as for the batched environment."""
        super().reset(seed=seed)
        self._over = False
        observation, info = self.batch.reset(seed=seed, options=options)
        return observation[0], rows(info)[0]

    def step(self, action: Any) -> tuple[npt.NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Act by one action, numbers in [-1, 1], and run one step of sweeps.

        Raises
        ------
        gymnasium.error.ResetNeeded
            Before the first reset, and after an episode's last step.
        """
        # The batch has begun its next episode by itself, which nobody has asked for here.
        if self._over:
            raise gym.error.ResetNeeded("the episode is over; call reset() before step()")
        observation, reward, terminated, _, info = self.batch.step(np.asarray(action)[None])
        self._over = bool(terminated[0])
        if self._over:
            last = rows(info["final_info"])[0]
            if not self.episode_info:
                del last["episode"]
            return info["final_obs"][0], float(reward[0]), True, False, last
        return observation[0], float(reward[0]), False, False, rows(info)[0]

    def render(self) -> Frame | None:
        """A picture of the episode, uint8, shape (height, width, 3), in mode ``rgb_array``; see the batch's method."""
        frames = self.batch.render()
        return None if frames is None else frames[0]

    def close(self) -> None:
        """Close the window of mode ``human``."""
        self.batch.close()


def rows(info: dict[str, Any]) -> list[dict[str, Any]]:
    """A batch's information as one dictionary an environment, of Python scalars; None stands for the batch's NaN."""
    columns: dict[str, list[Any]] = {}
    for key, value in info.items():
        if key.startswith("_"):
            continue
        if isinstance(value, dict):
            columns[key] = rows(value)
        else:
            known = value.tolist()
            if value.dtype.kind == "f" and np.isnan(value).any():
                known = [None if math.isnan(entry) else entry for entry in known]
            columns[key] = known
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
