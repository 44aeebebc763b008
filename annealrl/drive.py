"""At what the coming step of a batch runs: the one thing that the components of an action write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl.family import Simulator
from annealrl.ising import FloatArray


def _plain(drive: Drive) -> None:
    simulator: Any = drive.simulator  # which controls there are is its own affair
    simulator.advance(drive.beta, drive.sweeps, ramp_from=drive.previous if drive.ramp else None, **drive.controls)


@dataclass
class Drive:
    """The controls of a batch of B episodes in one simulator.

    Attributes
    ----------
    simulator : Simulator
    steps, sweeps : int
        Steps of the episode; sweeps of the coming step.
    beta, previous : float64 array, shape (B,)
        Inverse temperature of the coming step, and of the one before (at the first step: the start).
    ramp : bool
        Let β move linearly within a step instead of jumping at its start.
    controls : dict of float64 array, shape (B,)
        What :meth:`Simulator.advance` takes further, such as ``step_size``.
    looks : bool array, shape (B,), optional
        Where the replicas are looked at before the next decision, if a component decides that.
    advance : callable
        Runs the step; a component that moves replicas otherwise (a ladder of temperatures, say) puts its own here.
    """

    simulator: Simulator
    steps: int
    sweeps: int
    beta: FloatArray
    ramp: bool = False
    controls: dict[str, FloatArray] = field(default_factory=dict)
    looks: npt.NDArray[np.bool_] | None = None
    advance: Callable[[Drive], None] = _plain
    previous: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        self.previous = self.beta

    def info(self) -> dict[str, npt.NDArray[np.float64]]:
        """What the environment tells of it: ``beta`` and the further controls."""
        return {"beta": self.beta.copy(), **{key: value.copy() for key, value in self.controls.items()}}
