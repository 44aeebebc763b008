"""The native, batched environment: one call advances all episodes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from annealrl import privileged
from annealrl.drive import Drive
from annealrl.ensembles import Ensemble, Stage
from annealrl.env_options import ENV_OPTIONS, EnvOptions, make_family
from annealrl.episodes import Episodes
from annealrl.errors import InputError
from annealrl.family import Family, Simulator
from annealrl.instance_set import InstanceSet
from annealrl.ising import FloatArray
from annealrl.observations import make_observation
from annealrl.rendering import RENDER_FPS, RENDER_MODES, Frame, make_recorder
from annealrl.rewards import REWARDS, EpisodeEnd, Reward, energy_scales
from annealrl.sight import Sight

Info = dict[str, Any]


class AnnealingVectorEnv(gym.vector.VectorEnv[Any, Any, Any]):
    r"""Anneal `num_envs` instances side by side; every episode has `steps` decisions and then terminates.

    Autoreset is SAME_STEP: the observation returned with ``terminated`` is the next episode's first, the last one
    stands in ``infos["final_obs"]`` and its information in ``infos["final_info"]``.

    Parameters
    ----------
    family : str, Family class or Family
        What is annealed: a :class:`~annealrl.hamiltonian.Hamiltonian` or an :class:`~annealrl.objective.Objective`.
    num_envs : int
        Episodes in the batch, B.
    instances : InstanceSet, optional
        Draw from this set instead of sampling the family.
    **options
        Those of :class:`~annealrl.env_options.EnvOptions`, and the family's own parameters.

    Notes
    -----
    ``reset(options=…)`` takes, for the next episode (``"episodes": k`` makes it k):

    - ``"instance"``: an instance for all environments, or a sequence of `num_envs` of them;
    - ``"initial_spins"`` (of an objective: ``"initial_designs"``): starting configurations, shape (n,), (R, n), or a
      sequence of `num_envs` such arrays;
    - ``"beta"``: the starting β, scalar or shape (B,), where the action starts at one;
    - ``"seeds"``: `num_envs` SeedSequences for the dynamics, so that a run can be paired with another method's.

    Information, arrays of length B: ``energy`` (lowest now), ``mean_energy``, ``best_energy`` (lowest so far),
    ``beta``, ``acceptance``, ``sweeps``, ``ground_energy`` (NaN if unknown), ``is_success``, ``step_size`` where the
    action sets it, ``exchange_rate`` (mean of the last step), ``log_width`` and ``cluster_share`` where it makes such
    moves, ``uncertainty`` (of the lowest replica) and ``distrusted`` (whether that is more than the objective puts up
    with) where the objective has one; at the end also ``episode`` with ``r``, ``l`` and ``t``. Where looks are
    destructive or are not taken before every decision, also ``looks`` and ``attempted_updates`` of the episode so far,
    ensembles that were used up by looking included; the rest tells of the replicas that are judged in the end.
    """

    def __init__(
        self,
        family: str | type[Family] | Family,
        num_envs: int = 1,
        *,
        instances: InstanceSet | None = None,
        render_mode: str | None = None,
        **options: Any,
    ) -> None:
        own = {key: value for key, value in options.items() if key in ENV_OPTIONS}
        self.family = make_family(family, {key: options[key] for key in options if key not in own})
        if int(num_envs) != num_envs or num_envs < 1:
            raise InputError(f"num_envs is {num_envs!r}; a whole number of at least 1 is expected")
        #: Complete: what was left open stands there as the family's default.
        self.options = EnvOptions(**own).for_family(self.family)
        o = self.options
        self.num_envs, self.render_mode = int(num_envs), render_mode
        self.metadata = {
            "autoreset_mode": AutoresetMode.SAME_STEP,
            "render_modes": list(RENDER_MODES),
            "render_fps": RENDER_FPS,
        }
        self.recorder = make_recorder(self, render_mode)
        self.reward: Reward = REWARDS[o.reward] if isinstance(o.reward, str) else o.reward
        self.episodes = Episodes(self.family, self.num_envs, o, instances)
        largest = self.episodes.largest
        stage = Stage(self.family, o, largest)
        self._main = Ensemble(stage)
        self.action = self._main.action
        self.observation = make_observation(str(o.observation), o.features, largest)
        self.single_observation_space = self.observation.space(o.replicas, largest)
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (len(self.action.components),), np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

        self.sight = Sight(stage, self.observation, self.num_envs)
        self._step = o.steps
        self._started = 0.0
        self._returns: FloatArray = np.zeros(self.num_envs)
        self._ground: FloatArray = np.full(self.num_envs, np.nan)
        self._known: npt.NDArray[np.float32] | None = None

    @property
    def replicas(self) -> int:
        """R."""
        return self.options.replicas

    @property
    def steps(self) -> int:
        """Decisions of an episode."""
        return self.options.steps

    @property
    def group_size(self) -> int:
        """That many neighbouring environments share an instance."""
        return self.options.group_size

    @property
    def privileged(self) -> npt.NDArray[np.float32]:
        """What a critic may see while training, see :data:`annealrl.privileged.PRIVILEGED`, shape (B, 11)."""
        simulator = self.drive.simulator
        if self._known is None:
            self._known = privileged.of_instances(simulator.models, self._ground)
        return privileged.columns(simulator, self._ground, self._known)

    @property
    def drive(self) -> Drive:
        """At what the coming step runs."""
        if self._main.simulator is None:
            raise gym.error.ResetNeeded("call reset() before step()")
        return self._main.drive

    @property
    def simulator(self) -> Simulator | None:
        """The replicas that are judged in the end."""
        return self._main.simulator

    @property
    def acceptance(self) -> FloatArray:
        """Share of the last step's proposals that were accepted, shape (B,); 0 before the first."""
        return self._main.acceptance

    @property
    def attempted_updates(self) -> int:
        """Updates attempted since the simulator was made, by all moves and on replicas used up by looking."""
        return self.action.attempted(self.drive) + self.sight.attempted

    @property
    def episode(self) -> int:
        """Number of the next episode since the seed was given; setting it goes on from there."""
        return self.episodes.number

    @episode.setter
    def episode(self, number: int) -> None:
        self.episodes.number = number

    # -- the Gymnasium interface ---------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[Any], Info]:
        """Start new episodes in all environments; see the class notes for `options`."""
        self.episodes.reset(seed, options)
        self._begin()
        info = self._info()
        if self.recorder is not None:
            self.recorder.begin(info)
        return self._observe(), info

    def step(
        self, actions: npt.ArrayLike
    ) -> tuple[npt.NDArray[Any], FloatArray, npt.NDArray[np.bool_], npt.NDArray[np.bool_], Info]:
        """Act by `actions`, shape (B, d) (or (B,) for d = 1), and run one step of sweeps."""
        drive = self.drive
        simulator = drive.simulator
        values = np.asarray(actions, dtype=np.float64).reshape(self.action_space.shape or ())
        if not np.isfinite(values).all():
            raise InputError("step: actions hold a value that is not finite")
        actions = np.clip(values, -1.0, 1.0)
        refused = self._main.step(self._step, actions, self.sight.toll(self._step))
        rewards = -self.options.refusal_penalty * refused - self.sight.act(self._step, actions, drive)
        self._step += 1
        over = self._step == self.steps
        done = np.full(self.num_envs, over)
        observation = self._observe()
        if over:
            rewards = rewards + self.reward(EpisodeEnd(self._judged(), self._ground, simulator.extents, self._scales()))
        self._returns += rewards
        info = self._info()
        if self.recorder is not None:
            self.recorder.record(info)
        if over:
            info["episode"] = {
                "r": self._returns,
                "l": np.full(self.num_envs, self.steps),
                "t": np.full(self.num_envs, time.perf_counter() - self._started),
            }
            final_observation, final_info = observation, info
            self._begin()
            observation, info = self._observe(), self._info()
            if self.recorder is not None:
                self.recorder.begin(info, after_end=True)
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

    def render(self) -> tuple[Frame, ...] | None:
        """Pictures of all episodes, uint8, shape (height, width, 3); after a last step, of the finished episodes.

        None without a render mode, and in mode ``human``, which shows every step by itself.
        """
        return None if self.recorder is None or self.render_mode == "human" else self.recorder.frames()

    def close_extras(self, **kwargs: Any) -> None:
        """Close the window of mode ``human``."""
        if self.recorder is not None:
            self.recorder.close()

    def _begin(self) -> None:
        """Draw instances and starts, and put them into the simulator."""
        start = self.episodes.next()
        self._main.begin(start)
        self.sight.begin(start)
        self._ground, self._known = start.ground, None
        self._step = 0
        self._returns = np.zeros(self.num_envs)
        self._started = time.perf_counter()

    # -- what is told --------------------------------------------------------------------------------------------

    def _observe(self) -> npt.NDArray[Any]:
        return self.sight.observe(self._step, self._main.drive, self._main.acceptance)

    def _judged(self) -> FloatArray:
        simulator = self.drive.simulator
        return simulator.best_energies if self.options.criterion == "best" else simulator.energies

    def _scales(self) -> FloatArray:
        return energy_scales(self.drive.simulator.models)

    def _info(self) -> Info:
        simulator = self.drive.simulator
        slack = np.array([model.slack for model in simulator.models])
        return {
            "energy": simulator.energies.min(axis=1),
            "mean_energy": simulator.energies.mean(axis=1),
            "best_energy": simulator.best_energies.min(axis=1),
            **self.drive.info(),
            **simulator.info(),
            **self.sight.info(simulator.sizes, self._main.sweeps),
            "acceptance": self._main.acceptance.copy(),
            "sweeps": self._main.sweeps.copy(),
            "ground_energy": self._ground.copy(),
            "is_success": self._judged().min(axis=1) <= self._ground + slack,
        }
