"""A named, ordered set of instances with what is known of their optima."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.ising import FloatArray

#: Certificates: proven by the solver, best known without proof, known by construction, or nothing known.
STATUSES = ("optimal", "putative", "planted", "unknown")


@dataclass(frozen=True, eq=False)
class InstanceSet:
    """Instances and their optima; graphs and sizes may differ between instances.

    Attributes
    ----------
    name : str
    models : tuple of IsingModel, or of Objective
    ground_energies : float64 array, shape (k,)
        Total energy of the best known configuration, NaN where nothing is known.
    ground_spins : tuple of (array, shape (n_i,), or None)
    bounds : float64 array, shape (k,)
        Certified lower bounds, NaN where there is none.
    statuses : tuple of str
        One of :data:`STATUSES` for each instance.
    numbers : tuple of int
        What nameless instances are called: by default 0 … k - 1, in a selection their places in the whole set.
    """

    name: str
    models: tuple[Any, ...]
    ground_energies: FloatArray
    ground_spins: tuple[npt.NDArray[Any] | None, ...]
    bounds: FloatArray
    statuses: tuple[str, ...]
    numbers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        k = len(self.models)
        if k == 0:
            raise InputError(f"instance set {self.name!r}: it holds no instance")
        if not self.numbers:
            object.__setattr__(self, "numbers", tuple(range(k)))
        for key in ("ground_energies", "ground_spins", "bounds", "statuses", "numbers"):
            if len(getattr(self, key)) != k:
                raise InputError(f"instance set {self.name!r}: {len(getattr(self, key))} {key} for {k} instances")
        for i, status in enumerate(self.statuses):
            if status not in STATUSES:
                raise InputError(
                    f"instance set {self.name!r}: status {status!r} of instance {i} is none of {', '.join(STATUSES)}"
                )

    @classmethod
    def from_models(cls, name: str, models: Sequence[Any]) -> InstanceSet:
        """Make a set of which no optimum is known yet."""
        k = len(models)
        nan = np.full(k, np.nan)
        return cls(name, tuple(models), nan, (None,) * k, nan.copy(), ("unknown",) * k)

    def __len__(self) -> int:
        return len(self.models)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.models)

    def subset(self, indices: Sequence[int], name: str | None = None) -> InstanceSet:
        """Return the instances at `indices`, in that order."""
        chosen = [int(i) for i in indices]
        return InstanceSet(
            name if name is not None else f"{self.name}[{len(chosen)}]",
            tuple(self.models[i] for i in chosen),
            self.ground_energies[chosen],
            tuple(self.ground_spins[i] for i in chosen),
            self.bounds[chosen],
            tuple(self.statuses[i] for i in chosen),
            tuple(self.numbers[i] for i in chosen),
        )

    @cached_property
    def instance_names(self) -> tuple[str, ...]:
        """The instances' own names, or their numbers where they have none."""
        return tuple(model.name or str(i) for i, model in zip(self.numbers, self.models, strict=True))

    @cached_property
    def hash(self) -> str:
        """First 16 hex digits of the SHA-256 of the instances' content: what a result was measured on."""
        digest = hashlib.sha256()
        for model in self.models:
            for part in model.content:
                digest.update(part)
        return digest.hexdigest()[:16]
