"""How good a policy is on instances that it neither trains nor is tested on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from annealrl.agents.config import EnvConfig, ValidationConfig
from annealrl.agents.rollout import play
from annealrl.env_options import make_family
from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.ising import FloatArray
from annealrl.method import Budget
from annealrl.rewards import EpisodeEnd, energy_scales

if TYPE_CHECKING:
    from annealrl.agents.policies import EpisodePolicy
    from annealrl.agents.ppo import RecurrentPPO

#: Entropy of the streams that validation episodes and sampled validation instances run on.
_ENTROPY = 0x76616C69


@dataclass(frozen=True)
class Score:
    """A policy's mean result, one number each.

    Attributes
    ----------
    reward : float
        The training reward of an episode.
    success : float
        Share of episodes that the environment's criterion calls solved; NaN without certified energies.
    residual : float
        (E_min - E_0)/n by that criterion; NaN without certified energies.
    beta_last : float
        Mean β of the last step.
    """

    reward: float
    success: float
    residual: float
    beta_last: float

    def value(self, key: str) -> tuple[float, float]:
        """What the best policy has the most of; of equals in that, the reward decides."""
        return (-self.residual if key == "residual" else float(getattr(self, key))), self.reward


class Validator:
    """Plays a fixed list of instances on fixed streams, so that policies are compared in pairs.

    Parameters
    ----------
    env : EnvConfig
        The training environment.
    config : ValidationConfig
    instances : InstanceSet, optional
        Goes before the set that `config` names. Ground energies that are missing are solved for where the score needs
        them.
    threads : int, optional
    """

    def __init__(
        self,
        env: EnvConfig,
        config: ValidationConfig,
        instances: InstanceSet | None = None,
        threads: int | None = None,
    ) -> None:
        self.env, self.config = env, config
        chosen = instances if instances is not None else _instances(env, config)
        if config.score != "reward":
            chosen = _with_grounds(chosen)
        self.models = [model for model in chosen for _ in range(config.repeats)]
        self.ground: FloatArray = np.repeat(chosen.ground_energies, config.repeats)
        self.scales = energy_scales(self.models)
        self.seeds = [np.random.SeedSequence(_ENTROPY, spawn_key=(1, e)) for e in range(len(self.models))]
        probe = env.make(1)
        o = probe.options
        self.budget = Budget(o.replicas, o.steps, o.sweeps_per_step, threads, o.backend)
        self.reward = probe.reward

    @classmethod
    def for_model(cls, model: RecurrentPPO, instances: str | InstanceSet) -> Validator:
        """A validator for a model's own environment."""
        from annealrl.agents.storage import env_config

        config = ValidationConfig(set=instances if isinstance(instances, str) else None)
        return cls(env_config(model.env), config, None if isinstance(instances, str) else instances)

    def __call__(self, policy: EpisodePolicy) -> Score:
        """Play all episodes with the policy's mean action."""
        played = play(policy, self.env, self.models, self.seeds, self.budget, family_starts=True)
        sizes = np.array([float(model.extent) for model in self.models])
        lowest = played.judged.min(axis=1)
        tolerance = np.array([model.slack for model in self.models])
        known = not np.isnan(self.ground).any()
        return Score(
            reward=float(np.mean(self.reward(EpisodeEnd(played.judged, self.ground, sizes, self.scales)))),
            success=float(np.mean(lowest <= self.ground + tolerance)) if known else float("nan"),
            # Sums in another order may lie a rounding error below the optimum.
            residual=float(np.mean(np.maximum(lowest - self.ground, 0.0) / sizes)) if known else float("nan"),
            beta_last=float(played.betas[-1].mean()),
        )


def _instances(env: EnvConfig, config: ValidationConfig) -> InstanceSet:
    if config.set is not None:
        from annealrl.instances import catalogue

        found = catalogue.load(config.set)
        tested = catalogue.test_instances(found)
        if tested:
            raise InputError(f"validation.set {config.set!r}: it holds test instances ({tested[0]})")
        if re.fullmatch(r"ea2d-\d+-train.*", config.set):
            raise InputError(
                f"validation.set {config.set!r}: a training set; take {config.set.replace('train', 'val')}"
            )
        return found.subset(range(min(config.instances, len(found))), found.name)
    family = make_family(env.id, env.family_options)
    streams = (np.random.SeedSequence(_ENTROPY, spawn_key=(0, i)) for i in range(config.instances))
    models = [family.draw(np.random.default_rng(stream)) for stream in streams]
    known = [family.stated_ground(model) for model in models]
    energies = np.array([np.nan if energy is None else energy for energy in known])
    statuses = tuple("unknown" if np.isnan(energy) else "planted" for energy in energies)
    return InstanceSet("sampled", tuple(models), energies, (None,) * len(models), energies.copy(), statuses)


def _with_grounds(chosen: InstanceSet) -> InstanceSet:
    if not np.isnan(chosen.ground_energies).any():
        return chosen
    from annealrl.instances.certify import certified

    solved = certified(chosen, progress=False)
    if np.isnan(solved.ground_energies).any():
        raise InputError(f"validation set {chosen.name!r}: no certified ground energies; score 'reward' needs none")
    return solved
