"""A pool of training instances: those on which luck still decides, as only there is something to learn.

Where all episodes of an instance end alike, their returns less the mean of the group are zero, and the episodes were
played for nothing. Drawing from instances on which a few episodes ended differently spares most of them; compare the
"learnability" of levels, p (1 - p), in Rutherford et al., arXiv:2408.15099 (2024).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from annealrl.agents.config import EnvConfig, PoolConfig
from annealrl.agents.policies import EpisodePolicy
from annealrl.agents.rollout import play
from annealrl.env_options import make_family
from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.method import Budget
from annealrl.results import read_json, write_text
from annealrl.vector_env import AnnealingVectorEnv

#: The file that keeps which of the drawn instances were chosen.
POOL = "pool.json"
#: Entropy of the streams of instances and episodes; training and validation have others.
_ENTROPY = 0x706F6F6C


def drawn(env: EnvConfig, pool: PoolConfig, seed: int) -> list[Any]:
    """The instances to choose from, which hang on the training's seed."""
    family = make_family(env.id, env.family_options)
    streams = (np.random.SeedSequence(_ENTROPY, spawn_key=(seed, 0, i)) for i in range(pool.instances))
    return [family.draw(np.random.default_rng(stream)) for stream in streams]


def contested(
    policy: EpisodePolicy,
    env: EnvConfig,
    pool: PoolConfig,
    models: list[Any],
    seed: int,
    threads: int | None = None,
    bar: bool = False,
    stop: Callable[[], bool] | None = None,
) -> list[int]:
    """Numbers of those instances on which the lowest energies of a policy's episodes differ.

    Parameters
    ----------
    policy : EpisodePolicy
        Plays its mean action.
    env : EnvConfig
        The training environment; its criterion says which energies.
    pool : PoolConfig
    models : list
        What :func:`drawn` gave.
    seed : int
        Of the training.
    threads : int, optional
    bar : bool
        Show progress on standard error, and in the end how many there are.
    stop : callable, optional
        Asked between two batches of episodes.

    Raises
    ------
    InputError
        If there are fewer than a batch of the training has groups.
    KeyboardInterrupt
        Once `stop` says so.
    """
    o = env.make(1).options
    budget = Budget(o.replicas, o.steps, o.sweeps_per_step, threads, o.backend)
    chunk = max(1, env.num_envs // pool.repeats)
    kept: list[int] = []
    console = Console(stderr=True)
    for first in track(
        range(0, len(models), chunk), "choosing instances", console=console, transient=True, disable=not bar
    ):
        _check(stop)
        numbers = range(first, min(first + chunk, len(models)))
        episodes = [(i, k) for i in numbers for k in range(pool.repeats)]
        seeds = [np.random.SeedSequence(_ENTROPY, spawn_key=(seed, 1, *episode)) for episode in episodes]
        played = play(policy, env, [models[i] for i, _ in episodes], seeds, budget, family_starts=True)
        lowest = played.judged.min(axis=1).reshape(len(numbers), pool.repeats)
        slack = np.array([models[i].slack for i in numbers])
        kept += [i for i, differ in zip(numbers, np.ptp(lowest, axis=1) > slack, strict=True) if differ]
    groups = env.num_envs // int(env.options.get("group_size", 1))
    if len(kept) < groups:
        raise InputError(
            f"pool: on {len(kept)} of {len(models)} instances the untrained policy's episodes do not end alike, and a "
            f"batch has {groups} groups; more or harder instances, or more repeats, are expected"
        )
    if bar:
        console.print(f"pool: {len(kept)} of {len(models)} instances", highlight=False)
    return kept


def fill(env: AnnealingVectorEnv, models: list[Any], stop: Callable[[], bool] | None = None) -> None:
    """Let an environment draw its episodes' instances from a pool; certifies them first if it certifies at all."""
    energies = np.empty(len(models))
    for i, model in enumerate(models):
        _check(stop)
        energies[i] = env.episodes.ground_energy(model)
    statuses = tuple("unknown" if np.isnan(energy) else "putative" for energy in energies)
    nothing = np.full(len(models), np.nan)
    env.episodes.instances = InstanceSet("pool", tuple(models), energies, (None,) * len(models), nothing, statuses)


def _check(stop: Callable[[], bool] | None) -> None:
    if stop is not None and stop():
        raise KeyboardInterrupt


def save(path: Path, pool: PoolConfig, kept: list[int]) -> None:
    """Keep the choice."""
    write_text(path, json.dumps({"instances": pool.instances, "repeats": pool.repeats, "kept": kept}) + "\n")


def load(path: Path, pool: PoolConfig) -> list[int]:
    """Read a choice that was kept.

    Raises
    ------
    InputError
        If the file cannot be read or is none of these.
    """
    content = read_json(path)
    wanted = {"instances": pool.instances, "repeats": pool.repeats}
    kept = content.get("kept") if isinstance(content, dict) else None
    if (
        not isinstance(kept, list)
        or {key: content.get(key) for key in wanted} != wanted
        or not all(type(i) is int and 0 <= i < pool.instances for i in kept)
        or not kept
        or kept != sorted(set(kept))
    ):
        raise InputError(
            f"{path}: the choice for {wanted} is expected, ascending numbers below {pool.instances} under 'kept'; "
            "without the file it is made again"
        )
    return kept
