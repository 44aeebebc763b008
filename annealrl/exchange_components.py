"""Components that make exchanges and cluster moves between replicas: tempering under control."""

from __future__ import annotations

import numpy as np

from annealrl.component import BEND, CLUSTERS, WIDTH, Component
from annealrl.drive import Drive
from annealrl.ising import FloatArray
from annealrl.rounds import Rounds


class _OfRounds(Component):
    rounds = True
    cuda = False

    def write(self, value: FloatArray, rounds: Rounds) -> None:
        """Set what it sets."""
        raise NotImplementedError

    def apply(self, step: int, action: FloatArray, drive: Drive) -> None:
        """Write to the drive's rounds."""
        assert drive.rounds is not None
        self.write(self.scale * action, drive.rounds)


class Spread(_OfRounds):
    """Tempering under control: the ladder's ln(β_cold/β_hot) is that of the reference times ``exp(scale · action)``.

    The coldest rung stands at the drive's β, which by default starts at the reference ladder's cold end.
    """

    name = "spread"
    meaning = "spread: log(beta_cold / beta_hot) = that of the reference ladder * exp(scale * action)"
    sets = WIDTH
    uses = frozenset({"ladder", "reference"})
    moves = frozenset({"exchange"})
    features = ("ladder",)
    ladder = True

    def write(self, value: FloatArray, rounds: Rounds) -> None:
        """Set the width."""
        rounds.width = np.exp(value)


class Bend(_OfRounds):
    """Where the rungs lie between the ends of the ladder: rung k as deep as ``d_k`` to the power exp(scale · action).

    d_k ∈ [0, 1] is its distance in log β from the coldest over that of the hottest, in the reference ladder.
    """

    name = "bend"
    meaning = "bend: log(beta_cold / beta_k) / log(beta_cold / beta_hot) = that of the ladder ** exp(scale * action)"
    sets = BEND
    uses = frozenset({"ladder", "reference"})
    moves = frozenset({"exchange"})
    features = ("ladder",)
    ladder = True

    def write(self, value: FloatArray, rounds: Rounds) -> None:
        """Set the bend."""
        rounds.bend = np.exp(value)


class Cluster(_OfRounds):
    """Isoenergetic cluster moves in a share ``neutral + scale · action`` of the rounds, cut to [0, 1].

    Neutral is 1, or 0 where there is a reference ladder without cluster moves.
    """

    name = "cluster"
    meaning = "cluster: share of the rounds with cluster moves = that of the reference + scale * action, in [0, 1]"
    sets = CLUSTERS
    uses = frozenset({"exchange_every"})
    moves = frozenset({"cluster"})

    def write(self, value: FloatArray, rounds: Rounds) -> None:
        """Set the share."""
        rounds.share = np.clip(rounds.neutral_share + value, 0.0, 1.0)
