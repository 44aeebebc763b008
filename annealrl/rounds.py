"""Exchanges and cluster moves between the sweeps of an environment's step: a ladder of temperatures under control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from annealrl.errors import InputError
from annealrl.ising import FloatArray

if TYPE_CHECKING:
    from annealrl.baselines.tempering import TemperingMethod
    from annealrl.drive import Drive
    from annealrl.moves import Tempering


class Rounds:
    """Moves between replicas, a round after every so many sweeps.

    On a ladder the replicas are temperatures × copies, as in :class:`~annealrl.baselines.tempering.TemperingMethod`.
    With d_k = ln(β_cold/β_k) of the reference ladder, D the largest d_k, rung k stands at
    ``drive.beta · exp(-width · D · (d_k/D)^bend)``. So the drive's β is the coldest, and width and bend 1 are the
    reference ladder to the bit where the drive is at its cold end. Without a ladder all replicas are copies at the
    drive's β, which cluster moves join.

    Parameters
    ----------
    ladder : TemperingMethod, optional
        The reference.
    every : int
        Sweeps between two rounds, where no ladder says so.
    beta_max : float
        The ladder's cold end may not lie beyond.

    Attributes
    ----------
    width, bend : float64 array, shape (B,)
    share : float64 array, shape (B,)
        Of the rounds that have a cluster move: it is made in every m-th one, m the whole number next to 1/share.
    neutral_share : float
        That of the reference ladder; 1 without a ladder.
    """

    def __init__(self, ladder: TemperingMethod | None, every: int, beta_max: float) -> None:
        self.ladder, self.beta_max = ladder, beta_max
        self.every = every if ladder is None else ladder.every
        self.neutral_share = 1.0 if ladder is None or ladder.clusters else 0.0
        self._spent = 0
        self._simulator: Any = None
        self._tempering: Tempering | None = None

    @property
    def moves(self) -> frozenset[str]:
        """What the reference does beyond single flips."""
        return self.ladder.moves - {"flip"} if self.ladder is not None else frozenset()

    @property
    def tempering(self) -> Tempering:
        """The ladder of this episode."""
        assert self._tempering is not None
        return self._tempering

    @property
    def attempted(self) -> int:
        """Exchanges proposed and spins turned in clusters since the simulator was made."""
        return self._spent + (0 if self._tempering is None else self._tempering.attempted)

    def begin(self, drive: Drive) -> None:
        """Start a batch of episodes at the reference ladder.

        Raises
        ------
        InputError
            If the reference ladder goes beyond `beta_max`.
        """
        simulator: Any = drive.simulator  # a family without exchange has been refused before
        self._spent = self.attempted if simulator is self._simulator else 0
        self._simulator = simulator
        count = len(simulator)
        self._reference = np.ones((count, 1))
        if self.ladder is not None:
            self._reference = self.ladder.ladder(simulator.models)
        rungs = self._reference.shape[1]
        self._depths = np.log(self._reference[:, -1:] / self._reference)
        self._fractions = np.where(self._depths > 0, self._depths / np.maximum(self._depths[:, :1], 1e-300), 1.0)
        coldest = float(self._reference.max())
        if self.ladder is not None and coldest > self.beta_max:
            raise InputError(f"ladder: its cold end β = {coldest:.4g} lies above beta_max = {self.beta_max:g}")
        self._tempering = simulator.tempering(self._reference, simulator.replicas // rungs, every=self.every)
        self.width, self.bend = np.ones(count), np.ones(count)
        self.share = np.full(count, self.neutral_share)
        self._rates = np.zeros((count, max(1, rungs - 1)))

    def betas(self, beta: FloatArray) -> FloatArray:
        """The ladders whose coldest rungs are `beta`, shape (B, K)."""
        # All factors are exactly 1 at the reference, so that its bits are those of the method.
        bent = self._depths * self._fractions ** (self.bend[:, None] - 1.0)
        factors = np.exp(self._depths - self.width[:, None] * bent)
        return np.asarray(self._reference * (beta / self._reference[:, -1])[:, None] * factors)

    def advance(self, drive: Drive) -> None:
        """Run the coming step of the drive."""
        tempering = self.tempering
        tempering.betas = self.betas(drive.beta)
        tried, swapped = tempering.tried.copy(), tempering.swapped.copy()
        with np.errstate(divide="ignore"):
            interval = np.where(self.share > 0, np.rint(1.0 / self.share), 0.0)
        tempering.advance(drive.sweeps, np.minimum(interval, 1 << 31).astype(np.int64))
        if tried.shape[1]:
            self._rates = (tempering.swapped - swapped) / np.maximum(1, tempering.tried - tried)

    def rates(self) -> FloatArray:
        """Accepted over proposed exchanges of the last step between neighbouring rungs, shape (B, K - 1)."""
        return self._rates

    def cold_energies(self) -> FloatArray:
        """Energies at the coldest rung, shape (B, C)."""
        rungs = self._reference.shape[1]
        energies: FloatArray = self._simulator.energies
        return energies.reshape(len(energies), -1, rungs)[:, :, -1]

    def log_width(self) -> FloatArray:
        """ln(coldest β / hottest β), shape (B,)."""
        return np.asarray(self.width * self._depths[:, 0])

    def info(self) -> dict[str, FloatArray]:
        """What the environment tells of it."""
        told = {"cluster_share": self.share.copy()}
        if self.ladder is not None:
            told |= {"exchange_rate": self._rates.mean(axis=1), "log_width": self.log_width()}
        return told
