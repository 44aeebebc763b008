"""Trained agents behind the interface of everything that anneals."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from annealrl.agents.rollout import play
from annealrl.agents.storage import Agent, load_agent
from annealrl.method import Budget, Outcome


@dataclass
class AgentMethod:
    """Anneal by a trained policy's mean action, in the environment that it was trained in.

    The budget's replicas, steps and sweeps go before those of the training; replicas start at random as for all other
    methods. A policy that observes spins takes the numbers of replicas and spins that it was trained on alone, one that
    observes statistics takes any, instances of different size in a batch included.

    Attributes
    ----------
    agent : Agent
    name : str
        How the method grammar spells it.
    """

    agent: Agent
    name: str

    @cached_property
    def moves(self) -> frozenset[str]:
        """Single flips, and what the components of its action and its reference ladder do."""
        return self.agent.config.env.make(1).action.moves

    @property
    def final_only(self) -> bool:
        """Whether energies before the end are not for it to know, because nobody looks or looking destroys."""
        return not self.agent.config.env.make(1).options.watched

    @property
    def fingerprint(self) -> str:
        """All that decides what the method does; two methods with the same one are the same."""
        return f"agent {self.agent.fingerprint}"

    def run(self, models: Sequence[Any], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        """Run one episode on each model; the seconds are those of environment and policy together."""
        played = play(self.agent.policy, self.agent.config.env, models, seeds, budget)
        return Outcome(
            best_energies=played.best_energies,
            final_energies=played.energies.min(axis=1),
            best_spins=played.best_spins,
            attempted_updates=played.attempted_updates,
            seconds=played.seconds,
            betas=played.betas,
            evaluations=played.evaluations,
        )


def neutral(agent: Agent) -> Agent:
    """The agent with all weights at zero: its action is the neutral one, so it does what it started from.

    What an agent is worth is seen beside it, above all where the environment measures something by itself, such as the
    unit of β.
    """
    policy = copy.deepcopy(agent.policy)
    with torch.no_grad():
        for weights in policy.parameters():
            weights.zero_()
    return replace(agent, policy=policy)


def load_neutral_method(name_or_dir: str | Path) -> AgentMethod:
    """Make the method ``neutral:NAME_OR_DIR``."""
    return AgentMethod(neutral(load_agent(name_or_dir)), f"neutral:{name_or_dir}")


def load_agent_method(name_or_dir: str | Path) -> AgentMethod:
    """Make the method ``agent:NAME_OR_DIR``."""
    return AgentMethod(load_agent(name_or_dir), f"agent:{name_or_dir}")
