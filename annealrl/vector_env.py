"""The native, batched environment: one call advances all episodes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any, Literal, cast

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from annealrl.actions import make_action
from annealrl.errors import InputError
from annealrl.hamiltonian import Hamiltonian
from annealrl.instance_set import InstanceSet
from annealrl.ising import FloatArray, IsingModel
from annealrl.observations import Snapshot, make_observation
from annealrl.registry import family, unknown
from annealrl.rewards import REWARDS, EpisodeEnd, Reward
from annealrl.schedules import Geometric, Schedule
from annealrl.simulator import ReplicaSimulator

Info = dict[str, Any]
#: A starting β: fixed, or uniform between two values.
BetaStart = float | tuple[float, float]

#: An energy counts as the ground state's within this fraction of Σ|J| + Σ|h|.
EXACT = 1e-9


class AnnealingVectorEnv(gym.vector.VectorEnv[Any, Any, Any]):
    r"""Anneal `num_envs` instances side by side; every episode has `steps` decisions and then terminates.

    Autoreset is SAME_STEP: the observation returned with ``terminated`` is the next episode's first, the last one
    stands in ``infos["final_obs"]`` and its information in ``infos["final_info"]``.

    Parameters
    ----------
    hamiltonian : str, Hamiltonian class or Hamiltonian
        The family of instances; parameters of the family may be given as further keywords.
    num_envs : int
        Episodes in the batch, B.
    replicas, steps, sweeps_per_step : int
        R replicas of an instance; decisions of an episode; sweeps between two decisions.
    observation : {"spins", "features"}
        Spins: int8, shape (R, n). Features: float32; `features` chooses among the groups of
        :data:`annealrl.observations.FEATURES`.
    action : {"delta_beta", "log_beta_offset"}
        One number in [-1, 1], times `action_scale`, added to β (refused beyond (0, `beta_max`]) or to the logarithm of
        the `reference` schedule.
    refusal_penalty : float
        Subtracted from the reward for each refused action.
    ramp : bool
        Let β move linearly within a step instead of jumping at its start.
    reward : {"soft_minimum", "residual", "minimum_energy"} or callable
        Given with the last step alone, see :mod:`annealrl.rewards`.
    criterion : {"final", "best"}
        Whether reward and success look at the replicas' final or lowest energies.
    beta_start : float or (low, high), optional
        Where `delta_beta` starts, fixed or drawn uniformly; the family's own default, else 0.333.
    initial : {"independent", "shared"}
        Random starts of the replicas, where the family does not fix one.
    instances : InstanceSet, optional
        Draw from this set instead of sampling the family.
    group_size : int
        That many neighbouring environments share an instance in every episode.
    certify : bool, optional
        Solve sampled instances exactly where the family knows no ground energy; by default only if the reward needs it.
    threads : int, optional
        Threads of the simulator; all available cores by default.

    Notes
    -----
    ``reset(options=…)`` takes, for the next episode (``"episodes": k`` makes it k):

    - ``"instance"``: an IsingModel for all environments, or a sequence of `num_envs` of them;
    - ``"initial_spins"``: ±1, shape (n,), (R, n), or a sequence of `num_envs` such arrays;
    - ``"beta"``: the starting β, scalar or shape (B,);
    - ``"seeds"``: `num_envs` SeedSequences for the dynamics, so that a run can be paired with another method's.

    Information, arrays of length B: ``energy`` (lowest now), ``mean_energy``, ``best_energy`` (lowest so far),
    ``beta``, ``acceptance``, ``sweeps``, ``ground_energy`` (NaN if unknown), ``is_success``; at the end also
    ``episode`` with ``r``, ``l`` and ``t``.
    """

    def __init__(
        self,
        hamiltonian: str | type[Hamiltonian] | Hamiltonian,
        num_envs: int = 1,
        *,
        replicas: int = 64,
        steps: int = 40,
        sweeps_per_step: int = 100,
        observation: Literal["spins", "features"] = "spins",
        features: Sequence[str] | None = None,
        action: Literal["delta_beta", "log_beta_offset"] = "delta_beta",
        action_scale: float = 1.0,
        reference: Schedule | None = None,
        beta_max: float = 20.0,
        refusal_penalty: float = 0.0,
        ramp: bool = False,
        reward: str | Reward = "soft_minimum",
        criterion: Literal["final", "best"] = "final",
        beta_start: BetaStart | None = None,
        initial: Literal["independent", "shared"] = "independent",
        instances: InstanceSet | None = None,
        group_size: int = 1,
        certify: bool | None = None,
        threads: int | None = None,
        render_mode: None = None,
        **family_options: Any,
    ) -> None:
        self.hamiltonian = make_hamiltonian(hamiltonian, family_options)
        for key, value in (
            ("num_envs", num_envs),
            ("replicas", replicas),
            ("steps", steps),
            ("sweeps_per_step", sweeps_per_step),
            ("group_size", group_size),
        ):
            if int(value) != value or value < 1:
                raise InputError(f"{key} is {value!r}; a whole number of at least 1 is expected")
        if group_size < 1 or num_envs % group_size:
            raise InputError(f"group_size is {group_size}; a divisor of num_envs = {num_envs} is expected")
        if criterion not in ("final", "best"):
            raise unknown("criterion", criterion, ("final", "best"))
        if not callable(reward) and reward not in REWARDS:
            raise unknown("reward", str(reward), REWARDS)
        if instances is not None and not isinstance(instances, InstanceSet):
            raise InputError(f"instances is a {type(instances).__name__}; an InstanceSet is expected")
        if beta_start is None:
            beta_start = cast(BetaStart, self.hamiltonian.env_defaults.get("beta_start", 0.333))
        ends = (beta_start, beta_start) if isinstance(beta_start, int | float) else tuple(beta_start)
        low, high = ends if len(ends) == 2 else (1.0, 0.0)
        if not 0 <= low <= high < np.inf:
            raise InputError(f"beta_start is {beta_start}; a value ≥ 0 or a pair of rising values is expected")
        self.num_envs = num_envs
        self.replicas, self.steps, self.sweeps_per_step = replicas, steps, sweeps_per_step
        self.criterion, self.initial, self.ramp = criterion, initial, ramp
        self.refusal_penalty, self.group_size, self.threads = refusal_penalty, group_size, threads
        self.beta_range = (float(low), float(high))
        self.instances = instances
        self.reward: Reward = REWARDS[reward] if isinstance(reward, str) else reward
        self.certify = reward == "residual" if certify is None else certify
        self.action = make_action(action, action_scale, reference or Geometric(0.3, 5.0), beta_max)
        self.observation = make_observation(observation, None if features is None else tuple(features))
        self.render_mode = render_mode
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}

        sizes = {model.n for model in instances} if instances else {self._sample(np.random.SeedSequence(0)).n}
        self._capacity = (max(sizes), 0)
        self.single_observation_space = self.observation.space(replicas, max(sizes))
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

        self.simulator: ReplicaSimulator | None = None
        self._roots: list[np.random.SeedSequence] = []
        self._pinned: tuple[int, dict[str, Any]] = (0, {})
        self._episode = 0
        self._step = steps
        self._started = 0.0
        self.beta: FloatArray = np.zeros(num_envs)
        self._returns: FloatArray = np.zeros(num_envs)
        self._acceptance: FloatArray = np.zeros(num_envs)
        self._previous_mean: FloatArray = np.zeros(num_envs)
        self._ground: FloatArray = np.full(num_envs, np.nan)

    # -- the Gymnasium interface ---------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[Any], Info]:
        """Start new episodes in all environments; see the class notes for `options`."""
        if seed is not None or not self._roots:
            self._roots = self._seed_roots(seed)
            self._episode = 0
        chosen = dict(options or {})
        if "reset_mask" in chosen and not np.all(chosen.pop("reset_mask")):
            raise InputError("reset: the episodes of a batch run in step; all of them are reset together")
        count = int(chosen.pop("episodes", 1))
        if count < 1:
            raise InputError(f"reset: option 'episodes' is {count}; at least 1 is expected")
        for key in chosen:
            if key not in ("instance", "initial_spins", "beta", "seeds"):
                raise unknown("reset option", key, ("instance", "initial_spins", "beta", "seeds", "episodes"))
        self._pinned = (count, chosen)
        self._begin()
        return self._observe(), self._info()

    def step(
        self, actions: npt.ArrayLike
    ) -> tuple[npt.NDArray[Any], FloatArray, npt.NDArray[np.bool_], npt.NDArray[np.bool_], Info]:
        """Set β by `actions`, shape (B, 1) or (B,), and run one step of sweeps."""
        simulator = self.simulator
        if simulator is None:
            raise gym.error.ResetNeeded("call reset() before step()")
        values = np.asarray(actions, dtype=np.float64).reshape(self.num_envs)
        if not np.isfinite(values).all():
            raise InputError("step: actions hold a value that is not finite")
        values = np.clip(values, -1.0, 1.0)
        before = self.beta
        self.beta, refused = self.action.beta(self._step, before, values)
        self._previous_mean = simulator.energies.mean(axis=1)
        simulator.advance(self.beta, self.sweeps_per_step, ramp_from=before if self.ramp else None)
        self._acceptance = simulator.acceptance_ratio(self.sweeps_per_step)
        self._step += 1
        rewards = -self.refusal_penalty * refused.astype(np.float64)
        over = self._step == self.steps
        done = np.full(self.num_envs, over)
        observation = self._observe()
        if over:
            rewards = rewards + self.reward(EpisodeEnd(self._judged(), self._ground, simulator.sizes))
        self._returns += rewards
        info = self._info()
        if over:
            info["episode"] = {
                "r": self._returns,
                "l": np.full(self.num_envs, self.steps),
                "t": np.full(self.num_envs, time.perf_counter() - self._started),
            }
            final_observation, final_info = observation, info
            self._begin()
            observation, info = self._observe(), self._info()
            everyone = np.ones(self.num_envs, bool)
            final_info |= {f"_{key}": everyone for key in tuple(final_info)}
            boxed = np.empty(self.num_envs, object)
            for b in range(self.num_envs):
                boxed[b] = final_observation[b]
            info |= {
                "final_obs": boxed,
                "_final_obs": everyone,
                "final_info": final_info,
                "_final_info": everyone,
            }
        return observation, rewards, done, np.zeros(self.num_envs, bool), info

    # -- episodes ------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Draw instances and starts, and put them into the simulator."""
        left, options = self._pinned
        if left <= 0:
            options = {}
        self._pinned = (left - 1, options)
        episode, self._episode = self._episode, self._episode + 1
        models, ground = self._instances(options.get("instance"), episode)
        seeds = options.get("seeds")
        if seeds is None:
            seeds = [_child(root, 1, episode) for root in self._roots]
        elif len(seeds) != self.num_envs:
            raise InputError(f"reset: {len(seeds)} seeds for {self.num_envs} environments")
        spins = self._starts(options.get("initial_spins"), models)
        everyone = range(self.num_envs)
        degree = max(int(model.degrees.max()) for model in models)
        if self.simulator is None or degree > self._capacity[1]:
            self._capacity = (self._capacity[0], max(degree, self._capacity[1]))
            self.simulator = ReplicaSimulator(
                models,
                self.replicas,
                seeds=seeds,
                initial=self.initial,
                threads=self.threads,
                capacity=self._capacity,
            )
            if any(start is not None for start in spins):
                self.simulator.load(everyone, models, seeds, spins)
        else:
            self.simulator.load(everyone, models, seeds, spins)
        self._ground = ground
        drawn = np.array(
            [np.random.default_rng(_child(root, 2, episode)).uniform(*self.beta_range) for root in self._roots]
        )
        if "beta" in options:
            drawn = np.array(np.broadcast_to(np.asarray(options["beta"], dtype=np.float64), (self.num_envs,)))
            if not (drawn >= 0).all():
                raise InputError("reset: option 'beta' must hold inverse temperatures ≥ 0")
        self.beta = self.action.begin(drawn, models, self.steps)
        self._step = 0
        self._previous_mean = self.simulator.energies.mean(axis=1)
        self._acceptance = np.zeros(self.num_envs)
        self._returns = np.zeros(self.num_envs)
        self._started = time.perf_counter()

    def _instances(self, given: object, episode: int) -> tuple[list[IsingModel], FloatArray]:
        if given is not None:
            if not isinstance(given, IsingModel | Sequence):
                raise InputError(f"reset: option 'instance' is a {type(given).__name__}; an IsingModel is expected")
            models = (
                [given] * self.num_envs if isinstance(given, IsingModel) else list(cast(Sequence[IsingModel], given))
            )
            if len(models) != self.num_envs or not all(isinstance(model, IsingModel) for model in models):
                raise InputError(
                    f"reset: option 'instance' must be an IsingModel or a sequence of {self.num_envs} of them"
                )
            largest = max(model.n for model in models)
            if largest > self._capacity[0]:
                raise InputError(f"reset: an instance of {largest} spins; this environment holds {self._capacity[0]}")
            return models, np.array([self._ground_energy(model) for model in models])
        models, ground = [], []
        for b in range(0, self.num_envs, self.group_size):
            seed = _child(self._roots[b], 0, episode)
            if self.instances is not None:
                index = int(np.random.default_rng(seed).integers(len(self.instances)))
                model, energy = self.instances.models[index], float(self.instances.ground_energies[index])
            else:
                model = self._sample(seed)
                energy = self._ground_energy(model)
            models += [model] * self.group_size
            ground += [energy] * self.group_size
        return models, np.array(ground)

    def _sample(self, seed: np.random.SeedSequence) -> IsingModel:
        return self.hamiltonian.sample(np.random.default_rng(seed))

    def _ground_energy(self, model: IsingModel) -> float:
        known = self.hamiltonian.ground_energy(model)
        if known is not None:
            return known
        if not self.certify:
            return float("nan")
        from annealrl.solvers import solve

        return float(solve(model).energy)

    def _starts(self, given: object, models: list[IsingModel]) -> list[Any]:
        if given is None:
            return [self.hamiltonian.initial_spins(model) for model in models]
        if isinstance(given, np.ndarray) and given.ndim <= 2:
            return [given] * self.num_envs
        starts = list(cast(Sequence[Any], given))
        if len(starts) != self.num_envs:
            raise InputError(
                f"reset: option 'initial_spins' holds {len(starts)} starts for {self.num_envs} environments"
            )
        return starts

    # -- what is told --------------------------------------------------------------------------------------------

    def _observe(self) -> npt.NDArray[Any]:
        assert self.simulator is not None
        return self.observation(
            Snapshot(self.simulator, self._step / self.steps, self.beta, self._previous_mean, self._acceptance)
        )

    def _judged(self) -> FloatArray:
        assert self.simulator is not None
        return self.simulator.best_energies if self.criterion == "best" else self.simulator.energies

    def _info(self) -> Info:
        simulator = self.simulator
        assert simulator is not None
        tolerance = EXACT * np.array([model.scale for model in simulator.models])
        return {
            "energy": simulator.energies.min(axis=1),
            "mean_energy": simulator.energies.mean(axis=1),
            "best_energy": simulator.best_energies.min(axis=1),
            "beta": self.beta.copy(),
            "acceptance": self._acceptance.copy(),
            "sweeps": np.full(self.num_envs, self._step * self.sweeps_per_step),
            "ground_energy": self._ground.copy(),
            "is_success": self._judged().min(axis=1) <= self._ground + tolerance,
        }

    def _seed_roots(self, seed: int | Sequence[int | None] | None) -> list[np.random.SeedSequence]:
        if seed is None or isinstance(seed, int | np.integer):
            base = np.random.SeedSequence(None if seed is None else int(seed))
            return [_child(base, b) for b in range(self.num_envs)]
        if len(seed) != self.num_envs:
            raise InputError(f"reset: {len(seed)} seeds for {self.num_envs} environments")
        return [_child(np.random.SeedSequence(s), 0) for s in seed]


def _child(root: np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, *key))


def make_hamiltonian(
    hamiltonian: str | type[Hamiltonian] | Hamiltonian, options: dict[str, Any] | None = None
) -> Hamiltonian:
    """Resolve an id, a class or an instance of a family, with its parameters in `options`."""
    options = options or {}
    if isinstance(hamiltonian, Hamiltonian):
        changed: Hamiltonian = dataclasses.replace(cast(Any, hamiltonian), **_checked(type(hamiltonian), options))
        return changed
    kind = family(hamiltonian) if isinstance(hamiltonian, str) else hamiltonian
    return kind(**_checked(kind, options))


def _checked(kind: type[Hamiltonian], options: dict[str, Any]) -> dict[str, Any]:
    for key in options:
        if key not in kind.options():
            raise unknown(f"option of {kind.__name__}", key, (*kind.options(), *ENV_OPTIONS))
    return options


#: Names of the environment's own options, as against the family's.
ENV_OPTIONS = tuple(
    key
    for key in AnnealingVectorEnv.__init__.__annotations__
    if key not in ("hamiltonian", "num_envs", "family_options", "return")
)
