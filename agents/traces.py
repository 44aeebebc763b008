"""Where episodes of an agent went: energies and overlaps of every replica at every step, beside what the agent did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from sb3_contrib.common.recurrent.type_aliases import RNNStates

from annealrl.agents.extractors import Memoryless, StepCounter
from annealrl.agents.rollout import play
from annealrl.agents.storage import Agent
from annealrl.ising import FloatArray
from annealrl.method import Budget
from annealrl.vector_env import AnnealingVectorEnv


@dataclass(frozen=True)
class Judgement:
    """What a policy makes of states, T steps of E episodes.

    Attributes
    ----------
    actions : float32 array, shape (T, E, d)
        Mean actions.
    values : float32 array, shape (T, E), or None
        Of a critic that was trained on what the actor sees; None where there is none.
    """

    actions: npt.NDArray[np.float32]
    values: npt.NDArray[np.float32] | None


@dataclass(frozen=True)
class Trace:
    """E episodes of T steps, R replicas each.

    Attributes
    ----------
    betas, acceptances : float64 array, shape (T, E)
        At which the steps ran, and the share of proposals that they accepted.
    energies : float64 array, shape (T + 1, E, R)
        Before each decision and at the end.
    overlaps : float64 array, shape (T + 1, E, R), or None
        With the reference configuration, in [-1, 1]; of a reference of ones it is the magnetisation per spin.
    judged : Judgement
        Of the states that the decisions were taken in, the memory being what it was.
    forgetful : Judgement or None
        Of the same observations with the memory at zero; None for a policy without a memory.
    """

    betas: FloatArray
    acceptances: FloatArray
    energies: FloatArray
    overlaps: FloatArray | None
    judged: Judgement
    forgetful: Judgement | None


def has_critic(agent: Agent) -> bool:
    """Whether the policy's value means something: it was trained, and on what the actor sees too."""
    ppo = agent.config.ppo
    return ppo.vf_coef > 0 and not ppo.privileged_critic


def has_memory(agent: Agent) -> bool:
    """Whether the policy carries a state from step to step."""
    return not isinstance(agent.policy.lstm_actor, Memoryless | StepCounter)


def trace(
    agent: Agent,
    models: Sequence[Any],
    seeds: Sequence[np.random.SeedSequence],
    *,
    reference: npt.NDArray[Any] | None = None,
    beta_start: FloatArray | float | None = None,
    budget: Budget | None = None,
) -> Trace:
    """Play an episode on each model as the agent was trained to, by its mean actions, and keep all that happens.

    Parameters
    ----------
    reference : array of ±1, shape (n,), optional
        What overlaps are taken with; without one, or for designs, there are none.
    beta_start : float or array, shape (E,), optional
        See :func:`annealrl.agents.rollout.play`.
    budget : Budget, optional
        Replicas, steps and sweeps other than those of training.
    """
    options = agent.config.env.make(1).options
    spent = budget or Budget(options.replicas, options.steps, options.sweeps_per_step, options.threads)
    seen: list[npt.NDArray[Any]] = []
    energies: list[FloatArray] = []
    overlaps: list[FloatArray] = []
    acceptances: list[FloatArray] = []

    def veil(step: int, observation: npt.NDArray[Any]) -> npt.NDArray[Any]:
        seen.append(np.array(observation))
        return observation

    def watch(step: int, env: AnnealingVectorEnv) -> None:
        simulator = cast(Any, env.simulator)
        energies.append(simulator.energies.copy())
        acceptances.append(env.acceptance.copy())
        if reference is not None:
            along = [simulator.spins(e) @ np.asarray(reference, np.float64) for e in range(len(models))]
            overlaps.append(np.stack(along) / len(reference))

    played = play(
        agent.policy,
        agent.config.env,
        models,
        seeds,
        spent,
        family_starts=True,
        beta_start=beta_start,
        veil=veil,
        watch=watch,
    )
    observations = np.stack(seen)
    return Trace(
        betas=played.betas,
        acceptances=np.stack(acceptances[1:]),
        energies=np.stack(energies),
        overlaps=np.stack(overlaps) if overlaps else None,
        judged=judge(agent, observations),
        forgetful=judge(agent, observations, forget=True) if has_memory(agent) else None,
    )


def judge(agent: Agent, observations: npt.NDArray[Any], *, forget: bool = False) -> Judgement:
    """Mean actions and values of episodes' observations, shape (T, E, …).

    Parameters
    ----------
    forget : bool
        Put the memory back to zero before every step, instead of at the episodes' start alone.
    """
    policy, critic = agent.policy, has_critic(agent)
    count = observations.shape[1]
    layers, _, hidden = policy.lstm_hidden_state_shape
    zero = torch.zeros((layers, count, hidden))
    states = RNNStates((zero, zero), (zero, zero))
    actions, values = [], []
    policy.set_training_mode(False)
    with torch.no_grad():
        for step, observation in enumerate(observations):
            starts = torch.full((count,), float(forget or step == 0))
            actor, judged, states = policy._latents(torch.as_tensor(observation), states, starts)
            actions.append(policy.action_net(actor).numpy().clip(-1.0, 1.0))
            if critic:
                values.append(policy._values(judged).numpy()[:, 0])
    return Judgement(np.stack(actions), np.stack(values) if critic else None)
