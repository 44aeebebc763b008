"""The base class of problem families: a frozen dataclass that samples Ising instances."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from annealrl.errors import InputError
from annealrl.ising import IsingModel, SpinArray


class Hamiltonian(ABC):
    """What is disordered: a family of instances with its parameters as dataclass fields.

    Subclasses are frozen dataclasses with a docstring that states H and its source, decorated with
    :func:`annealrl.register`; they need :meth:`sample` alone.

    Attributes
    ----------
    env_defaults : mapping
        Environment options whose default this family changes, such as ``{"beta_start": (0.2, 5.0)}``.
    """

    env_defaults: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw one instance; all randomness comes from `rng`."""

    def initial_spins(self, model: IsingModel) -> SpinArray | None:
        """The configuration, shape (n,), in which all replicas start, or None for independent random starts."""
        return None

    def ground_energy(self, model: IsingModel) -> float | None:
        """The ground energy where it is known in closed form; None sends whoever needs it to the exact solver."""
        return None

    @classmethod
    def options(cls) -> tuple[str, ...]:
        """Names of the family's parameters."""
        return tuple(field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]


def check_positive(name: str, value: float) -> None:
    """Raise an InputError that names the parameter unless it is a positive number."""
    if not value > 0:
        raise InputError(f"{name} is {value}; a positive number is expected")
