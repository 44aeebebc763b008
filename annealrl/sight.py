"""What an agent gets to see of its replicas, when, and what looking costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl.drive import Drive
from annealrl.ensembles import LiteralReplay, ParallelEnsembles, Stage, Stock
from annealrl.env_options import EnvOptions
from annealrl.episodes import Start
from annealrl.ising import FloatArray, IntArray
from annealrl.observations import FeatureObservation, Observation, Snapshot


class Sight:
    """Looks at the replicas of a batch of episodes, or at other ones in their place.

    The look before decision 0, at the replicas as they start, is always taken and costs nothing, and so is that after
    the last step, which reads the result. In between there is a look before every decision, before every
    ``look_every``-th, or where the action's component ``look`` has asked for it. Without a look the last observation is
    repeated, but for what is known without looking (time, β, step size, the age of the observation).

    Attributes
    ----------
    looks : int64 array, shape (B,)
        Looks of this episode so far that cost something.
    looked : bool array, shape (B,)
        Where there is a look before the coming decision.
    """

    def __init__(self, stage: Stage, observation: Observation, num_envs: int) -> None:
        o = stage.options
        self.options, self.observation, self.num_envs = o, observation, num_envs
        self.stock = _stock(stage)
        self.looks: IntArray = np.zeros(num_envs, np.int64)
        self.looked = np.ones(num_envs, bool)
        self._age = np.zeros(num_envs)
        self._mean: FloatArray = np.zeros(num_envs)
        self._best: FloatArray = np.zeros(num_envs)
        self._last: npt.NDArray[Any] | None = None

    @property
    def attempted(self) -> int:
        """Updates attempted on ensembles that were used up by looking."""
        return 0 if self.stock is None else self.stock.attempted

    def begin(self, start: Start) -> None:
        """Start a batch of episodes."""
        everyone = self.num_envs
        self.looks, self._age = np.zeros(everyone, np.int64), np.zeros(everyone)
        self.looked = np.ones(everyone, bool)
        self._best = np.full(everyone, np.inf)
        if self.stock is not None:
            self.stock.begin(start)

    def toll(self, step: int) -> IntArray | None:
        """Sweeps of the coming step that the look before it has cost, shape (B,); None where nothing is paid so."""
        o = self.options
        if o.look_paid_in != "sweeps" or not o.look_cost or not step:
            return None
        return int(o.look_cost) * self.looked.astype(np.int64)

    def act(self, step: int, actions: FloatArray, drive: Drive) -> FloatArray:
        """Take notice of the actions of a step, shape (B, d), which the replicas that are judged have followed.

        Returns
        -------
        float64 array, shape (B,)
            What the look that is to come costs in reward.
        """
        if self.stock is not None:
            self.stock.act(step, actions)
        o, coming = self.options, step + 1
        if o.look_every is not None:
            self.looked = np.full(self.num_envs, coming % o.look_every == 0)
        elif drive.looks is not None:
            self.looked = drive.looks.copy()
        if coming == o.steps:
            self.looked = np.ones(self.num_envs, bool)
            return np.zeros(self.num_envs)
        self.looks += self.looked
        if o.look_paid_in == "sweeps":
            return np.zeros(self.num_envs)
        return o.look_cost * (coming / o.steps if o.look_paid_in == "ensemble" else 1.0) * self.looked

    def observe(self, step: int, main: Drive, acceptance: FloatArray) -> npt.NDArray[Any]:
        """What the agent sees before decision `step`, or after the last one.

        Parameters
        ----------
        main, acceptance
            Of the replicas that are judged.
        """
        looked = self.looked
        rows = np.flatnonzero(looked)
        self._age = np.where(looked, 0.0, self._age + 1.0)
        seen, seen_acceptance = main, acceptance
        if self.stock is not None and step < self.options.steps and len(rows):
            ensemble = self.stock.take(step, rows)
            seen, seen_acceptance = ensemble.drive, ensemble.acceptance
        whole = len(seen.simulator) == self.num_envs
        picked = slice(None) if whole else rows
        if looked.any():
            energies = seen.simulator.energies
            mean = energies.mean(axis=1)
            if step == 0:
                self._mean = mean.copy()
            best = self._lowest(seen, rows, whole)
            now = Snapshot(
                seen, step / self.options.steps, self._mean[picked], seen_acceptance, best, self._age[picked]
            )
            fresh = self.observation(now)
            self._mean = self._mean.copy()
            self._mean[rows] = mean[rows] if whole else mean
        else:
            fresh = None
        if looked.all():
            assert fresh is not None
            if not self.options.always:
                self._last = fresh.copy()
            return fresh
        # Parts of observations are repeated: that is for statistics alone.
        assert isinstance(self.observation, FeatureObservation)
        assert self._last is not None
        known = self.observation.known(
            Snapshot(main, step / self.options.steps, self._mean, acceptance, self._best, self._age)
        )
        measured = self.observation.measured
        result = np.where(measured, self._last, known)
        if fresh is not None:
            result[rows] = fresh[rows] if whole else fresh
        self._last = result
        return result.copy()

    def _lowest(self, seen: Drive, rows: IntArray, whole: bool) -> FloatArray:
        """The lowest energy that was ever seen in an episode, for the episodes of `seen`."""
        o = self.options
        if self.stock is None and o.always:
            # Simulators look at more boundaries than steps where replicas exchange temperatures.
            return np.asarray(seen.simulator.best_energies.min(axis=1))
        lowest = seen.simulator.energies.min(axis=1)
        if whole:
            self._best = np.where(self.looked, np.minimum(self._best, lowest), self._best)
            return self._best
        self._best[rows] = np.minimum(self._best[rows], lowest)
        return self._best[rows]

    def info(self, sizes: IntArray, sweeps: IntArray) -> dict[str, npt.NDArray[Any]]:
        """What the environment tells of looking, where there is something to tell.

        Parameters
        ----------
        sizes, sweeps : int64 array, shape (B,)
            Spins of each episode's instance; sweeps of the replicas that are judged.
        """
        if self.stock is None and self.options.always:
            return {}
        spent = sweeps if self.stock is None else sweeps + self.stock.spent
        return {"looks": self.looks.copy(), "attempted_updates": spent * sizes * self.options.replicas}


def _stock(stage: Stage) -> Stock | None:
    o: EnvOptions = stage.options
    if o.observing == "free":
        return None
    if o.ensembles == "literal":
        return LiteralReplay(stage)
    return ParallelEnsembles(stage, range(0, o.steps, o.look_every or 1))
