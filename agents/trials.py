"""A policy's episodes on the instances of a set, with what it saw and did: what studies of policies are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl import statistics
from annealrl.agents.config import EnvConfig
from annealrl.agents.policies import EpisodePolicy
from annealrl.agents.rollout import Veil, play
from annealrl.instance_set import InstanceSet
from annealrl.ising import FloatArray, IntArray
from annealrl.judging import ground_energies, slacks
from annealrl.method import Budget

#: Episodes that are played together.
BATCH = 500


@dataclass(frozen=True)
class Trials:
    """E episodes on each of k instances, success judged by the energies at the end.

    Attributes
    ----------
    solved : bool array, shape (k, E)
    betas : float64 array, shape (steps, k, E)
    actions : float32 array, shape (steps, k, E, d)
    looked : bool array, shape (steps, k, E)
        Whether the replicas were looked at before each decision.
    attempted_updates : int
        Of all episodes, replicas that were used up by looking included.
    seconds : float
    """

    solved: npt.NDArray[np.bool_]
    betas: FloatArray
    actions: npt.NDArray[np.float32]
    looked: npt.NDArray[np.bool_]
    attempted_updates: int
    seconds: float

    @property
    def successes(self) -> IntArray:
        """Of each instance."""
        return np.asarray(self.solved.sum(axis=1))

    @property
    def looks(self) -> IntArray:
        """Looks of each episode, shape (k, E), without the one at the start, which is free and the same for all."""
        return np.asarray(self.looked[1:].sum(axis=0))

    def to_json(self) -> dict[str, Any]:
        """Success probability and n99 with 95 % intervals, looks and cost."""
        k, episodes = self.solved.shape
        return {
            **pooled(self.successes, np.full(k, episodes)),
            "looks_per_episode": float(self.looks.mean()),
            "attempted_updates_per_episode": self.attempted_updates / (k * episodes),
            "seconds_per_episode": self.seconds / (k * episodes),
        }


def pooled(successes: IntArray, episodes: IntArray) -> dict[str, Any]:
    """JSON of p and n99 over a set, with 95 % intervals; null where n99 is infinite."""
    p = float(successes.sum() / episodes.sum())
    low, high = statistics.pooled_interval(successes, episodes)
    n99 = [float(value) if np.isfinite(value) else None for value in statistics.n99([p, high, low])]
    return {"p": p, "p_ci": [low, high], "n99": n99[0], "n99_ci": n99[1:]}


def run_trials(
    policy: EpisodePolicy,
    config: EnvConfig,
    instances: InstanceSet,
    *,
    episodes: int,
    seed: int,
    budget: Budget,
    veil: Callable[[IntArray], Veil] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trials:
    """Play `episodes` episodes on each instance, on the streams that :func:`annealrl.evaluation.evaluate` uses.

    Parameters
    ----------
    veil : callable, optional
        Instances of a batch's episodes, shape (B,) → what is put between the environment and the policy.
    """
    k = len(instances)
    ground, slack = ground_energies(instances), slacks(instances, "exact")
    # Episodes of different instances stand side by side, so that a batch holds as many instances as it can.
    pairs = [(i, e) for e in range(episodes) for i in range(k)]
    solved = np.zeros((k, episodes), bool)
    betas = np.zeros((budget.steps, k, episodes))
    looked = np.zeros((budget.steps, k, episodes), bool)
    actions: npt.NDArray[np.float32] | None = None
    attempted, seconds = 0, 0.0
    for first in range(0, len(pairs), BATCH):
        batch = pairs[first : first + BATCH]
        at = tuple(np.array(batch).T)
        played = play(
            policy,
            config,
            [instances.models[i] for i, _ in batch],
            [np.random.SeedSequence(seed, spawn_key=pair) for pair in batch],
            budget,
            veil=None if veil is None else veil(at[0]),
        )
        solved[at] = played.energies.min(axis=1) <= (ground + slack)[at[0]]
        betas[:, *at] = played.betas
        assert played.actions is not None
        assert played.looked is not None
        looked[:, *at] = played.looked
        if actions is None:
            actions = np.zeros((budget.steps, k, episodes, played.actions.shape[2]), np.float32)
        actions[:, *at] = played.actions
        attempted += played.attempted_updates
        seconds += played.seconds
        if progress is not None:
            progress(first + len(batch), len(pairs))
    assert actions is not None
    return Trials(solved, betas, actions, looked, attempted, seconds)
