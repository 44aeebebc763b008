"""Policies, training and the zoo of trained agents.

What stands here is loaded on first use, so that importing the package, or listing what there is, does not load Torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annealrl.registry import load_object

if TYPE_CHECKING:
    from annealrl.agents.config import TrainConfig, load_config
    from annealrl.agents.method import load_agent_method
    from annealrl.agents.ppo import RecurrentPPO
    from annealrl.agents.storage import Agent, load_agent
    from annealrl.agents.training import train

_LAZY = {
    "Agent": "annealrl.agents.storage:Agent",
    "RecurrentPPO": "annealrl.agents.ppo:RecurrentPPO",
    "TrainConfig": "annealrl.agents.config:TrainConfig",
    "load_agent": "annealrl.agents.storage:load_agent",
    "load_agent_method": "annealrl.agents.method:load_agent_method",
    "load_config": "annealrl.agents.config:load_config",
    "train": "annealrl.agents.training:train",
}

__all__ = ["Agent", "RecurrentPPO", "TrainConfig", "load_agent", "load_agent_method", "load_config", "train"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = globals()[name] = load_object(_LAZY[name])
        return value
    raise AttributeError(f"module 'annealrl.agents' has no attribute {name!r}")
