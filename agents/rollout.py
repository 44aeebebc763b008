"""Playing given instances with a trained policy, one episode each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch

from annealrl.agents.config import EnvConfig
from annealrl.agents.policies import EpisodePolicy
from annealrl.agents.threads import torch_threads
from annealrl.errors import InputError
from annealrl.family import Simulator
from annealrl.instance_set import InstanceSet
from annealrl.ising import FloatArray, IntArray, IsingModel, SpinArray
from annealrl.method import Budget
from annealrl.rewards import EpisodeEnd
from annealrl.simulator import ReplicaSimulator
from annealrl.vector_env import AnnealingVectorEnv


@dataclass(frozen=True)
class Played:
    """What came of E episodes.

    Attributes
    ----------
    energies : float64 array, shape (E, R)
        Every replica's final energy.
    judged : float64 array, shape (E, R)
        What the environment's criterion looks at: final energies, or each replica's lowest.
    best_energies : float64 array, shape (E,)
        The lowest at any step boundary.
    best_spins : tuple of int8 array, shape (n,)
    betas : float64 array, shape (steps, E)
    attempted_updates : int
    evaluations : float or None
        Of whole true energies, for objectives.
    sweeps : int64 array, shape (steps, E)
        Of each step.
    seconds : float
        From making the environment to the last step's end.
    spins : tuple of int8 array, shape (R, n), optional
        Every replica's final configuration, where it was asked for.
    actions : float32 array, shape (steps, E, d)
    looked : bool array, shape (steps, E)
        Whether the replicas were looked at before each decision.
    """

    energies: FloatArray
    judged: FloatArray
    best_energies: FloatArray
    best_spins: tuple[SpinArray, ...]
    betas: FloatArray
    sweeps: IntArray
    attempted_updates: int
    evaluations: float | None
    seconds: float
    spins: tuple[SpinArray, ...] | None = None
    actions: npt.NDArray[np.float32] | None = None
    looked: npt.NDArray[np.bool_] | None = None


#: What is put between an environment and a policy: (step, observations) → observations, all of shape (E, …).
Veil = Callable[[int, npt.NDArray[Any]], npt.NDArray[Any]]
#: Looks on: called with the step and the environment before each decision, and once at the end.
Watch = Callable[[int, AnnealingVectorEnv], None]


def play(
    policy: EpisodePolicy,
    config: EnvConfig,
    models: Sequence[IsingModel],
    seeds: Sequence[np.random.SeedSequence],
    budget: Budget,
    *,
    family_starts: bool = False,
    beta_start: FloatArray | float | None = None,
    deterministic: bool = True,
    starts: Sequence[SpinArray] | None = None,
    keep_spins: bool = False,
    veil: Veil | None = None,
    watch: Watch | None = None,
) -> Played:
    """Play one episode on each of `models`, episode e with the dynamics of ``seeds[e]``.

    The same seeds give the replicas the same starts and random numbers as any other user of
    :class:`~annealrl.simulator.ReplicaSimulator` gets, so that methods can be compared in pairs.

    Parameters
    ----------
    config : EnvConfig
        The environment that the policy was trained in; `budget` goes before its replicas, steps and sweeps.
    family_starts : bool
        Start in the configuration that the family fixes, where it does; else at random as all other methods do.
    beta_start : float or array, shape (E,), optional
        Where a policy of changes in β starts; by default from the environment's distribution, a draw an episode.
    deterministic : bool
        The policy's mean action.
    starts : sequence of int8 array, shape (R, n), optional
        Where the replicas of each episode start, instead of the above.
    keep_spins : bool
        Whether the final configurations are returned too.
    veil : callable, optional
        Changes what the policy sees.
    watch : callable, optional
        Looks on, see :data:`Watch`.

    Where replicas are used up by looking, or are not looked at before every decision, nobody has seen the energies in
    between: the best energies are then those of the end.
    """
    began = time.perf_counter()
    env = config.make(
        len(models),
        replicas=budget.replicas,
        steps=budget.steps,
        sweeps_per_step=budget.sweeps_per_step,
        threads=budget.threads,
        backend=budget.backend,
        instances=InstanceSet.from_models("batch", models),
        certify=False,
    )
    _check_fit(policy, env, models)
    kept: list[Played] = []
    betas = np.empty((budget.steps, len(models)))
    sweeps = np.empty((budget.steps, len(models)), np.int64)
    looked = np.ones((budget.steps, len(models)), bool)
    taken = np.empty((budget.steps, len(models), *(env.single_action_space.shape or ())), np.float32)

    def at_end(end: EpisodeEnd) -> FloatArray:
        # The environment starts the next episode within the last step: this is the moment to look at the replicas.
        simulator = env.simulator
        assert simulator is not None
        lowest = [simulator.lowest(e) if env.options.watched else _final(simulator, e) for e in range(len(models))]
        betas[-1], sweeps[-1] = env.drive.beta, env.drive.sweeps
        if watch is not None:
            watch(budget.steps, env)
        kept.append(
            Played(
                energies=simulator.energies.copy(),
                judged=end.energies.copy(),
                best_energies=np.array([energy for energy, _ in lowest]),
                best_spins=tuple(spins for _, spins in lowest),
                betas=betas,
                sweeps=sweeps,
                attempted_updates=env.attempted_updates,
                evaluations=getattr(simulator, "evaluations", None),
                seconds=time.perf_counter() - began,
                spins=_spins(simulator) if keep_spins else None,
                actions=taken,
                looked=looked,
            )
        )
        return np.zeros(len(models))

    env.reward = at_end
    # Pinned for the episode after as well, so that beginning it draws nothing new.
    options: dict[str, Any] = {"instance": list(models), "seeds": list(seeds), "episodes": 2}
    if starts is not None or not family_starts:
        options[env.family.start_option] = [None] * len(models) if starts is None else list(starts)
    low, high = env.options.beta_range
    if beta_start is not None:
        options["beta"] = beta_start
    elif low < high:
        options["beta"] = [np.random.default_rng(_child(seed)).uniform(low, high) for seed in seeds]
    else:
        options["beta"] = low
    observation, _ = env.reset(seed=0, options=options)
    states = None
    policy.set_training_mode(False)
    with torch.no_grad(), torch_threads(type(policy), budget.threads):
        for step in range(budget.steps):
            looked[step] = env.sight.looked
            if watch is not None:
                watch(step, env)
            seen = observation if veil is None else veil(step, observation)
            actions, states = policy.act(
                torch.as_tensor(seen, device=policy.device), states, deterministic=deterministic
            )
            taken[step] = actions.cpu().numpy().clip(-1.0, 1.0)
            observation = env.step(taken[step])[0]
            if step < budget.steps - 1:
                betas[step], sweeps[step] = env.drive.beta, env.drive.sweeps
    return kept[0]


def _final(simulator: Simulator, episode: int) -> tuple[float, SpinArray]:
    replicas = cast(ReplicaSimulator, simulator)  # only spins are looked at in ways of their own
    lowest = int(replicas.energies[episode].argmin())
    return float(replicas.energies[episode, lowest]), replicas.spins(episode)[lowest]


def _spins(simulator: Simulator) -> tuple[SpinArray, ...]:
    replicas = cast(ReplicaSimulator, simulator)  # who asks for spins plays on models of spins
    return tuple(replicas.spins(e) for e in range(len(replicas)))


def _check_fit(policy: EpisodePolicy, env: AnnealingVectorEnv, models: Sequence[IsingModel]) -> None:
    want, have = policy.observation_space.shape, env.single_observation_space.shape
    if policy.any_size and want and have and len(want) == len(have) and want[:-1] == have[:-1]:
        return
    if want != have:
        raise InputError(f"the agent observes arrays of shape {want}; these replicas and instances give {have}")
    if len(have or ()) == 2 and any(model.n != models[0].n for model in models):
        raise InputError(f"the agent observes spins; instances of {want[1]} spins alone are expected")


def _child(seed: np.random.SeedSequence) -> np.random.SeedSequence:
    # A stream of its own: the simulator takes its numbers from the seed itself, other methods from child 1.
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 2))
