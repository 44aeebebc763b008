"""At what the coming step of a batch runs: the one thing that the components of an action write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from annealrl.family import Simulator
from annealrl.ising import FloatArray, IntArray

if TYPE_CHECKING:
    from annealrl.rounds import Rounds


def _plain(drive: Drive) -> None:
    simulator: Any = drive.simulator  # which controls there are is its own affair
    simulator.advance(drive.beta, drive.sweeps, ramp_from=drive.previous if drive.ramp else None, **drive.controls)


@dataclass
class Drive:
    """The controls of a batch of B episodes in one simulator.

    Attributes
    ----------
    simulator : Simulator
    steps, sweeps_per_step : int
        Steps of the episode, and sweeps of each where no component shares them out otherwise.
    beta, previous : float64 array, shape (B,)
        Inverse temperature of the coming step, and of the one before (at the first step: the start). On a ladder of
        temperatures, of its coldest rung.
    ramp : bool
        Let β move linearly within a step instead of jumping at its start.
    controls : dict of float64 array, shape (B,)
        What :meth:`Simulator.advance` takes further, such as ``step_size``.
    looks : bool array, shape (B,), optional
        Where the replicas are looked at before the next decision, if a component decides that.
    advance : callable
        Runs the step; what moves replicas otherwise (a ladder of temperatures, say) puts its own here.
    rounds : Rounds, optional
        Exchanges and cluster moves between sweeps, where components make them.
    sweeps, spent : int64 array, shape (B,)
        Sweeps of the coming step, and what all steps so far have taken of the budget.
    """

    simulator: Simulator
    steps: int
    sweeps_per_step: int
    beta: FloatArray
    ramp: bool = False
    controls: dict[str, FloatArray] = field(default_factory=dict)
    looks: npt.NDArray[np.bool_] | None = None
    advance: Callable[[Drive], None] = _plain
    rounds: Rounds | None = None
    previous: FloatArray = field(init=False)
    sweeps: IntArray = field(init=False)
    spent: IntArray = field(init=False)

    def __post_init__(self) -> None:
        self.previous = self.beta
        self.sweeps = np.full(len(self.simulator), self.sweeps_per_step)
        self.spent = np.zeros(len(self.simulator), np.int64)

    @property
    def budget(self) -> int:
        """Sweeps of the whole episode."""
        return self.steps * self.sweeps_per_step

    def info(self) -> dict[str, npt.NDArray[np.float64]]:
        """What the environment tells of it: ``beta``, the further controls, and what there is of rounds."""
        told = {"beta": self.beta.copy(), **{key: value.copy() for key, value in self.controls.items()}}
        return told | (self.rounds.info() if self.rounds is not None else {})
