"""Sets of replicas that are annealed alike: the one that is judged, and those that are used up by looking at them.

Where looking is destructive (Mills, Ronagh and Tamblyn, Nat. Mach. Intell. 2, 509 (2020), "Destructive observation"),
every look takes an ensemble of fresh replicas that has followed the same actions and has never been looked at.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from annealrl.actions import Action, make_action
from annealrl.component import BoolArray
from annealrl.drive import Drive
from annealrl.env_options import EnvOptions
from annealrl.episodes import Start
from annealrl.family import Family, Simulator
from annealrl.ising import FloatArray, IntArray

# Spawn key, below an episode's own, of the streams of the ensembles that are used up.
_ENSEMBLES = 3


@dataclass(frozen=True)
class Stage:
    """How an ensemble of replicas is set up.

    Attributes
    ----------
    family : Family
    options : EnvOptions
        Complete.
    largest : int
        Number of spins or coordinates that there must be room for.
    """

    family: Family
    options: EnvOptions
    largest: int

    def simulator(self, start: Start, before: Simulator | None) -> Simulator:
        """Replicas at their start, in the simulator `before` if they fit into it."""
        everyone = range(len(start.models))
        if before is not None and len(before) == len(start.models) and before.fits(start.models):
            before.load(everyone, start.models, start.seeds, start.configurations)
            return before
        o = self.options
        made = self.family.simulator(
            start.models,
            o.replicas,
            seeds=start.seeds,
            initial=o.initial,
            threads=o.threads,
            largest=self.largest,
            backend=o.backend,
        )
        if any(each is not None for each in start.configurations):
            made.load(everyone, start.models, start.seeds, start.configurations)
        return made

    def action(self) -> Action:
        """The action's components, which keep what they need of an episode."""
        o = self.options
        assert o.action is not None
        assert o.reference is not None
        assert o.beta_max is not None
        assert o.step_start is not None
        return make_action(o.action, o.action_scale, o.reference, o.beta_max, o.step_start, o.rounds(), o.selection)

    def drive(self, simulator: Simulator, start: Start) -> Drive:
        """The controls at the start."""
        return Drive(simulator, self.options.steps, self.options.sweeps_per_step, start.betas, self.options.ramp)


class Ensemble:
    """Replicas of some episodes of a batch with controls of their own.

    Attributes
    ----------
    drive : Drive
    acceptance : float64 array, shape (B,)
        Of the last step.
    sweeps : int64 array, shape (B,)
        Since the start.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage, self.action = stage, stage.action()
        self.simulator: Simulator | None = None
        self.drive: Drive
        self.acceptance: FloatArray
        self.sweeps: IntArray

    def begin(self, start: Start) -> None:
        """Start afresh."""
        self.simulator = self.stage.simulator(start, self.simulator)
        self.drive = self.stage.drive(self.simulator, start)
        self.action.begin(self.drive)
        self.acceptance = np.zeros(len(start.models))
        self.sweeps = np.zeros(len(start.models), np.int64)

    def step(self, step: int, actions: FloatArray, toll: IntArray | None = None) -> BoolArray:
        """Act by `actions`, shape (B, d), and run the step, less `toll` sweeps; returns which were refused."""
        drive = self.drive
        refused = self.action.apply(step, actions, drive)
        sweeps = drive.sweeps
        if toll is not None:
            drive.sweeps = np.maximum(0, sweeps - toll)
        drive.advance(drive)
        self.acceptance = drive.simulator.acceptance_ratio(drive.sweeps)
        self.sweeps += drive.sweeps
        drive.sweeps = sweeps
        drive.spent = drive.spent + sweeps
        return refused

    @property
    def attempted(self) -> int:
        """Updates attempted since it was made."""
        return 0 if self.simulator is None else self.action.attempted(self.drive)


class Stock(ABC):
    """Where the ensembles come from that are looked at and thereby used up.

    Ensemble t has streams of its own and is the one for the look before decision t, wherever it comes from.

    Attributes
    ----------
    spent : int64 array, shape (B,)
        Sweeps of this batch of episodes that went into the ensembles.
    attempted : int
        Updates attempted on them since the stock was made.
    """

    spent: IntArray

    def begin(self, start: Start) -> None:
        """Start a batch of episodes."""
        self.start = start
        self.spent = np.zeros(len(start.models), np.int64)

    @property
    @abstractmethod
    def attempted(self) -> int:
        """Updates attempted on all ensembles."""

    @abstractmethod
    def act(self, step: int, actions: FloatArray) -> None:
        """Take notice of the actions of a step, shape (B, d)."""

    @abstractmethod
    def take(self, step: int, rows: IntArray) -> Ensemble:
        """The ensemble of the episodes `rows` that has followed all actions before decision `step`."""

    def _part(self, rows: IntArray, number: int) -> Start:
        whole = self.start
        seeds = [
            np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, _ENSEMBLES, number))
            for seed in (whole.seeds[b] for b in rows)
        ]
        models, configurations = [whole.models[b] for b in rows], [whole.configurations[b] for b in rows]
        return Start(models, whole.ground[rows], seeds, configurations, whole.betas[rows])


class LiteralReplay(Stock):
    """Fresh replicas replay the actions that are held in a buffer, at every look: what the paper's text says."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._whole = Ensemble(stage)
        self._attempted = 0

    def begin(self, start: Start) -> None:
        """Start a batch of episodes with an empty buffer."""
        super().begin(start)
        self._buffer: list[FloatArray] = []

    @property
    def attempted(self) -> int:
        """Of all replays."""
        return self._attempted

    def act(self, step: int, actions: FloatArray) -> None:
        """Put the actions into the buffer."""
        self._buffer.append(actions.copy())

    def take(self, step: int, rows: IntArray) -> Ensemble:
        """Replay."""
        # A simulator of the whole batch is kept and filled again; parts of it differ from look to look.
        ensemble = self._whole if len(rows) == len(self.spent) else Ensemble(self.stage)
        before = ensemble.attempted
        ensemble.begin(self._part(rows, step))
        for k, actions in enumerate(self._buffer):
            ensemble.step(k, actions[rows])
        self._attempted += ensemble.attempted - before
        self.spent[rows] += ensemble.sweeps
        return ensemble


class ParallelEnsembles(Stock):
    """An ensemble for each look that there will be, all advanced together and used up one by one.

    Parameters
    ----------
    looks : iterable of int
        The decisions before which there will be a look.
    """

    def __init__(self, stage: Stage, looks: Iterable[int]) -> None:
        self.ensembles = {step: Ensemble(stage) for step in looks}

    def begin(self, start: Start) -> None:
        """Start all ensembles."""
        super().begin(start)
        everyone = np.arange(len(start.models))
        for number, ensemble in self.ensembles.items():
            ensemble.begin(self._part(everyone, number))

    @property
    def attempted(self) -> int:
        """On all ensembles."""
        return sum(ensemble.attempted for ensemble in self.ensembles.values())

    def act(self, step: int, actions: FloatArray) -> None:
        """Advance the ensembles that are left."""
        for number, ensemble in self.ensembles.items():
            if number > step:
                before = ensemble.sweeps.copy()
                ensemble.step(step, actions)
                self.spent += ensemble.sweeps - before

    def take(self, step: int, rows: IntArray) -> Ensemble:
        """The one that was kept for this look."""
        assert len(rows) == len(self.spent), "looks at fixed steps are looks in all episodes"
        return self.ensembles[step]
