"""The base class of families of Ising instances: a frozen dataclass that samples them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import numpy as np

from annealrl.backends import Backend
from annealrl.family import Family, Simulator, check_positive
from annealrl.ising import IsingModel, SpinArray

__all__ = ["SYMMETRIES", "Hamiltonian", "check_positive"]

#: What a family may claim in :attr:`Hamiltonian.symmetries`.
SYMMETRIES = ("spin-flip", "translation")


class Hamiltonian(Family):
    """What is disordered: a family of instances with its parameters as dataclass fields.

    Subclasses are frozen dataclasses with a docstring that states H and its source, decorated with
    :func:`annealrl.register`; they need :meth:`sample` alone. The docstring's first line says what the family is, with
    its source in brackets at the end; listings show it.

    Attributes
    ----------
    env_defaults : mapping
        Environment options whose default this family changes, such as ``{"beta_start": (0.2, 5.0)}``.
    symmetries : tuple of str
        Claims that conformance tests hold the family to: ``"spin-flip"`` (E(s) = E(-s)), ``"translation"`` (along every
        axis of :meth:`~annealrl.family.Family.lattice_shape`).
    """

    symmetries: ClassVar[tuple[str, ...]] = ()

    model_type: ClassVar[type[Any]] = IsingModel
    observations: ClassVar[tuple[str, ...]] = ("spins", "features", "tiles")
    feature_groups: ClassVar[tuple[str, ...]] = ("time", "beta", "energy", "overlap", "acceptance")
    start_option: ClassVar[str] = "initial_spins"
    exchange: ClassVar[bool] = True

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw one instance; all randomness comes from `rng`."""

    def initial_spins(self, model: IsingModel) -> SpinArray | None:
        """The configuration, shape (n,), in which all replicas start, or None for independent random starts."""
        return None

    def ground_energy(self, model: IsingModel) -> float | None:
        """The ground energy where it is planted or known in closed form; None leaves it to the exact solver."""
        return None if model.ground_spins is None else float(model.energy(model.ground_spins))

    def start(self, model: IsingModel) -> SpinArray | None:
        """What :meth:`initial_spins` says."""
        return self.initial_spins(model)

    def certify(self, model: IsingModel) -> float:
        """The ground energy by the exact solver."""
        from annealrl.solvers import solve

        return float(solve(model).energy)

    def simulator(
        self,
        models: Sequence[IsingModel],
        replicas: int,
        *,
        seeds: Sequence[np.random.SeedSequence],
        initial: str,
        threads: int | None,
        largest: int,
        backend: Backend = "cpu",
    ) -> Simulator:
        """A :class:`~annealrl.simulator.ReplicaSimulator`."""
        from annealrl.simulator import ReplicaSimulator, Start

        return ReplicaSimulator(
            models,
            replicas,
            seeds=seeds,
            initial=cast(Start, initial),
            threads=threads,
            capacity=(largest, 0),
            backend=backend,
        )
