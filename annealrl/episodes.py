"""How episodes of a batch start: which instances, starting configurations, temperatures and random streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from annealrl.env_options import EnvOptions
from annealrl.errors import InputError
from annealrl.family import Family
from annealrl.instance_set import InstanceSet
from annealrl.ising import FloatArray
from annealrl.registry import unknown

# Spawn keys of an environment's streams.
_INSTANCES, _DYNAMICS, _BETAS = 0, 1, 2


@dataclass(frozen=True)
class Start:
    """What a batch of episodes starts from, one entry an episode."""

    models: list[Any]
    ground: FloatArray
    seeds: list[np.random.SeedSequence]
    configurations: list[Any]
    betas: FloatArray


class Episodes:
    """Draws the starts of a batch of episodes; everything follows from the seed and the number of the episode.

    Attributes
    ----------
    number : int
        Of the next episode since the seed was given.
    largest : int
        Number of spins or coordinates that the environment holds.
    """

    def __init__(self, family: Family, num_envs: int, options: EnvOptions, instances: InstanceSet | None) -> None:
        if num_envs % options.group_size:
            raise InputError(f"group_size is {options.group_size}; a divisor of num_envs = {num_envs} is expected")
        if instances is not None and not isinstance(instances, InstanceSet):
            raise InputError(f"instances is a {type(instances).__name__}; an InstanceSet is expected")
        self.family, self.num_envs, self.instances = family, num_envs, instances
        self.group_size, self.beta_range = options.group_size, options.beta_range
        self.certify = options.reward == "residual" if options.certify is None else options.certify
        self.number = 0
        models = list(instances) if instances is not None else [self._sample(np.random.SeedSequence(0))]
        if not isinstance(models[0], family.model_type):
            raise InputError(f"instances holds {type(models[0]).__name__}s; {family.model_type.__name__}s are expected")
        #: Whether every ground energy will be known, so far as one instance tells.
        self.certified = (
            self.certify or self.family.stated_ground(models[0]) is not None
            if instances is None
            else not np.isnan(instances.ground_energies).any()
        )
        self.largest = max(model.n for model in models)
        self._roots: list[np.random.SeedSequence] = []
        self._pinned: tuple[int, dict[str, Any]] = (0, {})

    def reset(self, seed: int | Sequence[int | None] | None, options: dict[str, Any] | None) -> None:
        """Take a seed and the options of ``reset``."""
        if seed is not None or not self._roots:
            self._roots = self._seed_roots(seed)
            self.number = 0
        chosen = dict(options or {})
        if "reset_mask" in chosen and not np.all(chosen.pop("reset_mask")):
            raise InputError("reset: the episodes of a batch run in step; all of them are reset together")
        count = int(chosen.pop("episodes", 1))
        if count < 1:
            raise InputError(f"reset: option 'episodes' is {count}; at least 1 is expected")
        known = ("instance", self.family.start_option, "beta", "seeds")
        for key in chosen:
            if key not in known:
                raise unknown("reset option", key, (*known, "episodes"))
        self._pinned = (count, chosen)

    def next(self) -> Start:
        """Draw the next batch of episodes."""
        left, options = self._pinned
        if left <= 0:
            options = {}
        self._pinned = (left - 1, options)
        episode, self.number = self.number, self.number + 1
        models, ground = self._instances(options.get("instance"), episode)
        seeds = options.get("seeds")
        if seeds is None:
            seeds = [_child(root, _DYNAMICS, episode) for root in self._roots]
        elif len(seeds) != self.num_envs:
            raise InputError(f"reset: {len(seeds)} seeds for {self.num_envs} environments")
        configurations = self._starts(options.get(self.family.start_option), models)
        return Start(models, ground, list(seeds), configurations, self._betas(options.get("beta"), episode))

    def _betas(self, given: Any, episode: int) -> FloatArray:
        if given is None:
            streams = [np.random.default_rng(_child(root, _BETAS, episode)) for root in self._roots]
            return np.array([stream.uniform(*self.beta_range) for stream in streams])
        betas = np.array(np.broadcast_to(np.asarray(given, dtype=np.float64), (self.num_envs,)))
        if not (betas >= 0).all():
            raise InputError("reset: option 'beta' must hold inverse temperatures ≥ 0")
        return betas

    def _instances(self, given: object, episode: int) -> tuple[list[Any], FloatArray]:
        if given is not None:
            models = self._given(given)
            return models, np.array([self.ground_energy(model) for model in models])
        models, ground = [], []
        for b in range(0, self.num_envs, self.group_size):
            seed = _child(self._roots[b], _INSTANCES, episode)
            if self.instances is not None:
                index = int(np.random.default_rng(seed).integers(len(self.instances)))
                model, energy = self.instances.models[index], float(self.instances.ground_energies[index])
            else:
                model = self._sample(seed)
                energy = self.ground_energy(model)
            models += [model] * self.group_size
            ground += [energy] * self.group_size
        return models, np.array(ground)

    def _given(self, given: object) -> list[Any]:
        kind = self.family.model_type
        wanted = f"{'an' if kind.__name__[0] in 'AEIO' else 'a'} {kind.__name__}"
        if not isinstance(given, kind | Sequence):
            raise InputError(f"reset: option 'instance' is a {type(given).__name__}; {wanted} is expected")
        models = [given] * self.num_envs if isinstance(given, kind) else list(cast(Sequence[Any], given))
        if len(models) != self.num_envs or not all(isinstance(model, kind) for model in models):
            raise InputError(f"reset: option 'instance' must be {wanted} or a sequence of {self.num_envs} of them")
        most = max(model.n for model in models)
        if most > self.largest:
            raise InputError(f"reset: an instance of {most} spins; this environment holds {self.largest}")
        return models

    def _sample(self, seed: np.random.SeedSequence) -> Any:
        return self.family.draw(np.random.default_rng(seed))

    def ground_energy(self, model: Any) -> float:
        """What the family states, else what is certified if that is wanted, else NaN."""
        known = self.family.stated_ground(model)
        if known is not None:
            return known
        return self.family.certify(model) if self.certify else float("nan")

    def _starts(self, given: object, models: list[Any]) -> list[Any]:
        if given is None:
            return [self.family.start(model) for model in models]
        if isinstance(given, np.ndarray) and given.ndim <= 2:
            return [given] * self.num_envs
        starts = list(cast(Sequence[Any], given))
        if len(starts) != self.num_envs:
            raise InputError(
                f"reset: option {self.family.start_option!r} holds {len(starts)} starts "
                f"for {self.num_envs} environments"
            )
        return starts

    def _seed_roots(self, seed: int | Sequence[int | None] | None) -> list[np.random.SeedSequence]:
        if seed is None or isinstance(seed, int | np.integer):
            base = np.random.SeedSequence(None if seed is None else int(seed))
            return [_child(base, b) for b in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise InputError(f"reset: {len(seed)} seeds for {self.num_envs} environments")
        return [_child(np.random.SeedSequence(s), 0) for s in seed]


def _child(root: np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, *key))
