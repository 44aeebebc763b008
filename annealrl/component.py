"""What a component of an action is: one number in [-1, 1] an episode that sets or does one thing."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from annealrl.drive import Drive
from annealrl.ising import FloatArray
from annealrl.schedules import Schedule

BoolArray = npt.NDArray[np.bool_]

#: What a component writes; of two that write the same the later would win, so they are refused.
BETA, SIZE, RESAMPLING, SWEEPS, LOOKING = "β", "the step size", "resampling", "the sweeps", "looking"
WIDTH, BEND, CLUSTERS = "the ladder's width", "the ladder's bend", "the cluster moves"


class Component(ABC):
    """One number of an action.

    Attributes
    ----------
    name : str
    meaning : str
        A line of formula for model cards.
    sets : str
        What it writes: no two components of an action may write the same.
    uses : frozenset of str
        Those of :data:`annealrl.env_options.FOR_COMPONENTS` that mean something to it.
    moves : frozenset of str
        Moves beyond single flips that it makes, as in :class:`annealrl.method.Method`.
    measures : bool
        Whether it looks at the replicas without moving them.
    features : tuple of str
        Groups of features that are observed by default where it is there.
    late : bool
        Whether it acts after the others, on what they have set.
    rounds, ladder : bool
        Whether it writes to :attr:`annealrl.drive.Drive.rounds`, and whether for replicas at different temperatures.
    common : bool
        Whether it wants all replicas at one temperature.
    cuda : bool
        Whether the CUDA backend can do it.
    default_scale : float
        What an action of 1 means where the user leaves it open.
    """

    name: ClassVar[str]
    meaning: ClassVar[str]
    sets: ClassVar[str]
    uses: ClassVar[frozenset[str]] = frozenset()
    moves: ClassVar[frozenset[str]] = frozenset()
    measures: ClassVar[bool] = False
    features: ClassVar[tuple[str, ...]] = ()
    late: ClassVar[bool] = False
    rounds: ClassVar[bool] = False
    ladder: ClassVar[bool] = False
    common: ClassVar[bool] = False
    cuda: ClassVar[bool] = True
    default_scale: ClassVar[float] = 1.0

    def __init__(
        self,
        scale: float,
        beta_max: float,
        reference: Schedule,
        step_start: float,
        selection: Schedule | None = None,
    ) -> None:
        self.scale, self.beta_max, self.reference, self.step_start = scale, beta_max, reference, step_start
        self.selection = selection

    def begin(self, drive: Drive) -> None:  # noqa: B027 - most have nothing to begin
        """Start a batch of episodes; ``drive.beta`` holds draws of the starting-β distribution."""

    def apply(self, step: int, action: FloatArray, drive: Drive) -> BoolArray | None:
        """Act before step `step`, on actions of shape (B,); returns which were refused, or None."""
        raise NotImplementedError

    def attempted(self, drive: Drive) -> int:
        """Updates that it has attempted beyond those of the simulator and of rounds."""
        return 0
