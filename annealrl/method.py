"""The one face of everything that anneals: schedules, heuristics, agents, outside samplers.

The evaluator never asks which it has; results, tables and plots read :class:`Outcome` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from annealrl.backends import Backend
from annealrl.errors import InputError
from annealrl.ising import FloatArray


@dataclass(frozen=True)
class Budget:
    """What one episode may spend; the same for all methods of a table.

    Attributes
    ----------
    replicas : int
        Replicas of one episode.
    steps : int
        Decisions of one episode.
    sweeps_per_step : int
        Sweeps between two decisions; a sweep is n proposals per replica.
    threads : int, optional
        Threads of the simulator; all available cores by default.
    backend : {"cpu", "cuda"}
        Where the simulator's replicas are.
    """

    replicas: int = 64
    steps: int = 40
    sweeps_per_step: int = 100
    threads: int | None = None
    backend: Backend = field(default="cpu", repr=False)

    def __post_init__(self) -> None:
        for key in ("replicas", "steps", "sweeps_per_step"):
            if getattr(self, key) < 1:
                raise InputError(f"budget: {key} is {getattr(self, key)}; at least 1 is expected")

    @property
    def sweeps(self) -> int:
        """Sweeps per replica in one episode."""
        return self.steps * self.sweeps_per_step


@dataclass(frozen=True)
class Outcome:
    """What came of a batch of episodes, one entry an episode.

    Attributes
    ----------
    best_energies, final_energies : float64 array, shape (E,)
        Lowest energy of any replica, at any step boundary (the start included) and at the end; recomputed in float64
        from configurations by the true Hamiltonian.
    best_spins : tuple of array, shape (n,)
        A configuration that has the best energy: spins as int8 ±1, a design as float64.
    attempted_updates : int
        Proposed single-spin updates of the whole batch, all moves included.
    seconds : float
        Wall time of the whole batch, decisions (inference) included.
    betas : float64 array, shape (steps, E), optional
        The inverse temperature at which each step ran.
    evaluations : float, optional
        Of objectives: evaluations of whole true energies in the whole batch, cheaper proposals by their cost.
    gradients : float
        How often a gradient came with an evaluation.
    """

    best_energies: FloatArray
    final_energies: FloatArray
    best_spins: tuple[npt.NDArray[Any], ...]
    attempted_updates: int
    seconds: float
    betas: FloatArray | None = None
    evaluations: float | None = None
    gradients: float = 0.0


@runtime_checkable
class Method(Protocol):
    """A way to anneal.

    Attributes
    ----------
    name : str
        How the method grammar spells it.
    moves : frozenset of str
        What it may do: ``flip``, ``resample``, ``exchange``, ``cluster``, ``gradient``, ``search``.

    A method may also have ``fingerprint`` (str: all that decides what it does; its name by default) and ``final_only``
    (bool: whether it knows configurations of the end alone, which tables then say; false by default).
    """

    name: str
    moves: frozenset[str]

    def run(self, models: Sequence[Any], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        """Run one episode on each of `models` (which may repeat), episode e with the randomness of ``seeds[e]``."""
        ...
