"""What environments and methods know of a problem: its family, and the simulator that moves replicas of it."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from annealrl.backends import Backend
from annealrl.checks import reals
from annealrl.errors import InputError, blamed
from annealrl.ising import FloatArray, IntArray


class Problem(Protocol):
    """One instance: an :class:`~annealrl.ising.IsingModel` or an :class:`~annealrl.objective.Objective`."""

    @property
    def n(self) -> int:
        """Number of spins or coordinates."""
        ...

    @property
    def name(self) -> str:
        """What to call the instance in results."""
        ...

    @property
    def extent(self) -> float:
        """What energies are divided by to compare instances: n where they grow with n."""
        ...

    @property
    def energy_scale(self) -> float:
        """σ, the unit of temperature that anyone who knows the problem can use."""
        ...

    @property
    def energy_spread(self) -> float:
        """Standard deviation of the energy over random configurations."""
        ...

    @property
    def yardstick(self) -> float:
        """What residual energies are divided by before they are averaged over instances of different scales."""
        ...

    @property
    def slack(self) -> float:
        """An energy this far above the optimum counts as the optimum's."""
        ...

    @property
    def rounding(self) -> float:
        """How much energies of one configuration, summed in different orders, may differ."""
        ...

    @property
    def content(self) -> Sequence[bytes]:
        """All that makes the instance, for hashes."""
        ...

    def energy_of(self, configuration: npt.ArrayLike) -> float:
        """The energy of one configuration, shape (n,)."""
        ...


class Resampling(Protocol):
    """Population annealing on the replicas; see :class:`annealrl.moves.Population`."""

    weighed: int

    def resample(self, delta_beta: npt.ArrayLike, alpha: npt.ArrayLike = 1.0) -> FloatArray:
        """Replace the replicas by copies in proportion to exp(-alpha·Δβ·E)."""
        ...


class Simulator(Protocol):
    """Replicas of a batch of instances and their dynamics.

    :class:`~annealrl.simulator.ReplicaSimulator` documents what the members mean.
    """

    replicas: int
    models: list[Any]
    sizes: IntArray
    energies: FloatArray
    best_energies: FloatArray
    accepted: IntArray
    attempted: int

    def __len__(self) -> int: ...
    @property
    def extents(self) -> FloatArray:
        """What energies are divided by to compare instances, shape (B,)."""
        ...

    @property
    def population(self) -> Resampling:
        """The replicas as populations that can be resampled."""
        ...

    def info(self) -> dict[str, npt.NDArray[Any]]:
        """What environments tell beyond energies, arrays of shape (B,)."""
        ...

    def fits(self, models: Sequence[Any]) -> bool:
        """Whether :meth:`load` can take these instances."""
        ...

    def load(
        self,
        indices: Sequence[int],
        models: Sequence[Any],
        seeds: Sequence[np.random.SeedSequence],
        starts: Sequence[npt.ArrayLike | None] | None = None,
        /,
    ) -> None:
        """Put new instances in the places `indices` and start them afresh."""
        ...

    def advance(self, beta: npt.ArrayLike, sweeps: int | IntArray, *, ramp_from: npt.ArrayLike | None = None) -> None:
        """Run sweeps at inverse temperature β ≥ 0."""
        ...

    def acceptance_ratio(self, sweeps: int | IntArray) -> FloatArray:
        """Accepted over proposed moves of a last step of `sweeps` sweeps, shape (B,)."""
        ...

    def lowest(self, instance: int) -> tuple[float, npt.NDArray[Any]]:
        """Lowest energy that any replica of an instance has seen, and its configuration, shape (n,)."""
        ...


class Family(ABC):
    """A family of instances with its parameters as dataclass fields.

    :class:`~annealrl.hamiltonian.Hamiltonian` and :class:`~annealrl.objective.Objective` are the two kinds.

    Attributes
    ----------
    env_defaults : mapping
        Environment options whose default this family changes, such as ``{"beta_start": (0.2, 5.0)}``.
    example : mapping
        Parameters of a small member, such as ``{"length": 4}``: what conformance tests are run on; the default member
        unless there is something here.
    model_type : type
        What :meth:`sample` returns.
    observations : tuple of str
        The observations of raw configurations and of statistics; the first is the default.
    feature_groups : tuple of str
        The default groups of statistics.
    start_option : str
        How ``reset(options=…)`` calls starting configurations.
    step_size, exchange : bool
        Whether proposals have a size that can be set; whether the simulator has replica exchange and cluster moves.
    """

    env_defaults: ClassVar[Mapping[str, Any]] = {}
    example: ClassVar[Mapping[str, Any]] = {}
    model_type: ClassVar[type[Any]]
    observations: ClassVar[tuple[str, ...]]
    feature_groups: ClassVar[tuple[str, ...]]
    start_option: ClassVar[str]
    step_size: ClassVar[bool] = False
    exchange: ClassVar[bool] = False

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> Any:
        """Draw one instance; all randomness comes from `rng`."""

    def draw(self, rng: np.random.Generator) -> Any:
        """What :meth:`sample` gives.

        Raises
        ------
        InputError
            If it fails, or gives something else than an instance; names the class.
        """
        what = f"{type(self).__name__}.sample()"
        with blamed(what):
            model = self.sample(rng)
        if not isinstance(model, self.model_type):
            given = "None" if model is None else f"a {type(model).__name__}"
            kind = self.model_type.__name__
            raise InputError(f"{what} returned {given}; {'an' if kind[0] in 'AEIO' else 'a'} {kind} is expected")
        return model

    def stated_ground(self, model: Any) -> float | None:
        """What :meth:`ground_energy` says; an InputError that names the class if it fails."""
        with blamed(f"{type(self).__name__}.ground_energy()"):
            known = self.ground_energy(model)
            return None if known is None else float(known)

    def start(self, model: Any) -> npt.NDArray[Any] | None:
        """The configuration, shape (n,), in which all replicas start, or None for independent random starts."""
        return None

    def ground_energy(self, model: Any) -> float | None:
        """The lowest energy where it is known."""
        return None

    def certify(self, model: Any) -> float:
        """The proven lowest energy, by whatever takes the time; NaN where there is no such thing."""
        return float("nan")

    def lattice_shape(self, model: Any) -> tuple[int, ...] | None:
        """Sides of the lattice whose sites, in row-major order, the coordinates are; None where there is none.

        By default that of a family with a parameter ``length`` whose instances have ``length``² or ``length``³ of
        them.
        """
        length = getattr(self, "length", None)
        sides = [(length,) * d for d in (2, 3) if isinstance(length, int) and length**d == model.n]
        return sides[0] if sides else None

    def defaults(self) -> Mapping[str, Any]:
        """Environment options that stand in for what the user leaves open."""
        return self.env_defaults

    @abstractmethod
    def simulator(
        self,
        models: Sequence[Any],
        replicas: int,
        *,
        seeds: Sequence[np.random.SeedSequence],
        initial: str,
        threads: int | None,
        largest: int,
        backend: Backend = "cpu",
    ) -> Simulator:
        """A simulator of these instances, with room for others of up to `largest` coordinates."""

    @classmethod
    def options(cls) -> tuple[str, ...]:
        """Names of the family's parameters."""
        return tuple(field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]


def check_positive(name: str, value: float) -> None:
    """Raise an InputError that names the parameter unless it is a positive number."""
    number = reals(value, name, truth=True)  # refused below, in the words of all else
    if number.ndim or isinstance(value, bool) or not number > 0:
        raise InputError(f"{name} is {value}; a positive number is expected")
