"""An environment of one given instance, so that no family is needed for a problem that is there already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from annealrl import register
from annealrl.errors import InputError
from annealrl.hamiltonian import Hamiltonian
from annealrl.ising import IsingModel


@register("Annealing-v0")
@dataclass(frozen=True)
class Annealing(Hamiltonian):
    r"""A problem of your own, the same in every episode: `model` is an Ising model, a graph, a BQM or a file.

    .. math:: H = -\sum_{i<j} J_{ij} s_i s_j - \sum_i h_i s_i + \mathrm{const}

    ``gym.make("Annealing-v0", model=…)`` takes an :class:`~annealrl.ising.IsingModel`, a networkx graph, a dimod BQM or
    the path of an instance file; `sign` says what its weights mean where that is open, as in :func:`annealrl.sample`.
    Energies are those of the problem, its constant included. To draw from many instances, give any environment a set
    (``instances=annealrl.load_instances(…)``).
    """

    model: Any = None
    sign: str | None = None

    example: ClassVar[Mapping[str, Any]] = {
        "model": IsingModel.from_edges([(i, (i + 1) % 9) for i in range(9)], -1.0, 0.25, name="ring")
    }

    def __post_init__(self) -> None:
        if self.model is None:
            raise InputError("model is missing; an IsingModel, a networkx graph, a dimod BQM or a path is expected")
        self._read  # noqa: B018 - what cannot be read is refused at once

    @cached_property
    def _read(self) -> tuple[IsingModel, float | None]:
        from annealrl.api import read_problem

        model, _, known = read_problem(self.model, sign=self.sign)
        return model, known

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Return the given instance."""
        return self._read[0]

    def ground_energy(self, model: IsingModel) -> float | None:
        """What the source states, if this is the given instance."""
        return self._read[1] if model is self._read[0] else super().ground_energy(model)
