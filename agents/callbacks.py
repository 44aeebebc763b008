"""What happens between two updates: validation, checkpoints, a progress bar."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from stable_baselines3.common.callbacks import BaseCallback

from annealrl.agents.ppo import RecurrentPPO
from annealrl.agents.validation import Score, Validator


class UpdateCallback(BaseCallback):
    """Does something between two updates, when every episode is over and no gradient is under way."""

    model: RecurrentPPO

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        self.between_updates()

    def between_updates(self) -> None:
        """Before the first update, and after each that is followed by another."""

    @property
    def updates(self) -> int:
        """Updates that were made."""
        return self.model.episodes // self.model.update_episodes


class ValidationCallback(UpdateCallback):
    """Validates every so many updates and at the end, and keeps the best policy.

    Parameters
    ----------
    validator : Validator
    every : int
        Updates.
    improved : callable, optional
        Called after each validation that beats all before it.
    validated : callable, optional
        Called with each score.

    Attributes
    ----------
    history : list of dict
        ``episodes``, ``seconds`` since the training began (validation not counted) and those numbers of
        :class:`~annealrl.agents.validation.Score` that are known.
    best_value : (float, float)
    best_weights : dict of Tensor, or None
    """

    def __init__(
        self,
        validator: Validator,
        every: int,
        improved: Callable[[], None] | None = None,
        validated: Callable[[Score], None] | None = None,
    ) -> None:
        super().__init__()
        self.validator, self.every = validator, every
        self.improved, self.validated = improved, validated
        self.history: list[dict[str, Any]] = []
        self.best_value = (-math.inf, -math.inf)
        self.best_weights: dict[str, torch.Tensor] | None = None
        self.seconds = 0.0
        self._since = time.perf_counter()

    def _on_training_start(self) -> None:
        self._since = time.perf_counter()

    def between_updates(self) -> None:
        """Validate when it is time."""
        if self.updates % self.every == 0:
            self.validate()

    def _on_training_end(self) -> None:
        # A training that was stopped within a rollout has validated this policy already.
        if self.model.num_timesteps % (self.model.n_steps * self.model.n_envs) == 0:
            self.validate()

    def validate(self) -> None:
        """Score the policy as it is, once for each update."""
        if self.history and self.history[-1]["episodes"] == self.model.episodes:
            return
        self.clock()
        score = self.validator(self.model.policy)
        value = score.value(self.validator.config.score)
        known = {key: number for key, number in dataclasses.asdict(score).items() if not math.isnan(number)}
        self.history.append({"episodes": self.model.episodes, "seconds": round(self.seconds, 3), **known})
        for key, number in known.items():
            self.logger.record(f"validation/{key}", number)
        if value > self.best_value:
            self.best_value = value
            self.best_weights = self.model.policy.weights()
            if self.improved is not None:
                self.improved()
        if self.validated is not None:
            self.validated(score)
        self._since = time.perf_counter()

    def clock(self) -> float:
        """Add what has passed since the last call to ``seconds``, and return the sum."""
        now = time.perf_counter()
        self.seconds, self._since = self.seconds + now - self._since, now
        return self.seconds


class CheckpointCallback(UpdateCallback):
    """Calls `save` every so many updates, at the end, and when `stop` says so, which then ends the training."""

    def __init__(self, save: Callable[[], None], every: int, stop: Callable[[], bool]) -> None:
        super().__init__()
        self.save, self.every, self.stop = save, every, stop
        self._stopping = False

    def between_updates(self) -> None:
        """Save when it is time."""
        self._stopping = self.stop()
        if self._stopping or (self.updates and self.updates % self.every == 0):
            self.save()

    def _on_step(self) -> bool:
        return not self._stopping

    def _on_training_end(self) -> None:
        if not self._stopping:
            self.save()


class ProgressCallback(UpdateCallback):
    """A progress bar on standard error."""

    def __init__(self, episodes: int) -> None:
        super().__init__()
        self.episodes = episodes
        self.bar = Progress(
            TextColumn("training"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} episodes  {task.fields[score]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task: TaskID | None = None

    def _on_training_start(self) -> None:
        self._task = self.bar.add_task("", total=self.episodes, score="", completed=self.model.episodes)
        self.bar.start()

    def between_updates(self) -> None:
        """Move the bar."""
        if self._task is not None:
            self.bar.update(self._task, completed=min(self.episodes, self.model.episodes))

    def show(self, score: Score) -> None:
        """Show a validation's result beside the bar."""
        if self._task is not None:
            solved = f", solved {score.success:.3f}" if not math.isnan(score.success) else ""
            self.bar.update(self._task, score=f"validation: reward {score.reward:.5g}{solved}")

    def _on_training_end(self) -> None:
        self.between_updates()
        self.close()

    def close(self) -> None:
        """Leave the terminal as it was; may be called twice."""
        self.bar.stop()
