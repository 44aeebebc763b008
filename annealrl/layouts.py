"""Which kernel an instance is advanced by, chosen from its own couplings alone.

All layouts keep configurations in the same words (64 replicas of a site), so that everything else serves them all:

- ``packed``: acceptance tables by site, see :mod:`annealrl.kernels.packed`; degrees up to six.
- ``multispin``: couplings all ±J, fields 0 or ±J, at most seven bonds; see :mod:`annealrl.kernels.multispin`.
- ``summed``: higher degrees; the local field is summed at every proposal, see :mod:`annealrl.kernels.summed`.
- ``dense``: cached local fields, O(1) for a rejected proposal; see :mod:`annealrl.kernels.dense`.

``summed`` and ``dense`` run the same trajectories bit by bit. The choice depends on the instance and nothing else, so
results depend neither on the batch nor on the number of replicas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from annealrl.ising import FloatArray, IntArray, IsingModel
from annealrl.kernels.aligned import aligned
from annealrl.kernels.lanes import LANES
from annealrl.registry import unknown

Layout = Literal["auto", "packed", "multispin", "summed", "dense"]
LAYOUTS: tuple[Layout, ...] = ("auto", "packed", "multispin", "summed", "dense")

#: Mean degree beyond which a row of a dense matrix is cheaper than a list of neighbours, measured: a proposal costs
#: 0.02 ns a neighbour when summed, and 2.2 ns + 0.009 ns a spin with cached fields.
_DENSE_OFFSET, _DENSE_SLOPE = 100.0, 0.5


class State(NamedTuple):
    """One instance's part of the simulator's arrays, each with a leading axis of length 1."""

    spins: npt.NDArray[np.uint64]
    lanes: npt.NDArray[np.uint32]
    site_states: npt.NDArray[np.uint64]
    accepted: IntArray


#: Rounded couplings are refused where what energies are off by exceeds this many units of temperature. Below a tenth of
#: the median strength a temperature counts as that: a quench asks for no more than energies in their right order.
COARSE = 0.05


def coarseness(model: IsingModel, unit: float) -> float:
    """Root of the summed squares of what couplings and fields lose when they are rounded to multiples of `unit`.

    That is the standard deviation of the error of a random configuration's energy.
    """
    values = np.concatenate([model.couplings, model.fields]) / unit
    # In units of what is rounded to: squares of very large couplings leave the range of float64.
    return float(unit * np.sqrt(np.square(values - np.rint(values)).sum()))


def coldest(model: IsingModel) -> float:
    """The inverse temperature beyond which rounding matters no more than there, see :data:`COARSE`."""
    strengths = np.abs(np.concatenate([model.couplings, model.fields]))
    return 10.0 / float(np.median(strengths[strengths > 0])) if strengths.any() else np.inf


class Kernel(Protocol):
    """Advances one instance.

    Attributes
    ----------
    coarseness : float
        See :func:`coarseness`; 0 where couplings are not rounded.
    """

    coarseness: float

    def advance(self, state: State, start: FloatArray, end: FloatArray, sweeps: int, rule: int, order: int) -> None:
        """As :func:`annealrl.kernels.packed.advance`; `start` and `end` have shape (1,)."""
        ...


def choose(model: IsingModel) -> Layout:
    """The fastest layout of a model."""
    largest = int(model.degrees.max())
    strengths = np.unique(np.abs(model.couplings))
    if len(strengths) == 1 and strengths[0] > 0 and largest + 1 <= 7 and _equal_fields(model, float(strengths[0])):
        return "multispin"
    mean = float(model.degrees.mean())
    if largest <= 6 or mean <= 6:
        return "packed"
    return "dense" if mean > _DENSE_OFFSET + _DENSE_SLOPE * model.n else "summed"


def _equal_fields(model: IsingModel, strength: float) -> bool:
    return bool(np.isin(np.abs(model.fields), (0.0, strength)).all())


def make_kernel(layout: Layout, model: IsingModel, replicas: int, key: np.uint64) -> Kernel | None:
    """The kernel of one instance, or None for ``packed``, whose arrays the simulator holds for all instances.

    Parameters
    ----------
    layout : str
        ``auto`` leaves it to :func:`choose`.
    key : uint64
        Seed of the streams that belong to the layout alone.

    Raises
    ------
    InputError
        If the layout is unknown, or ``multispin`` is asked of a model that is not ±J with at most seven bonds.
    """
    chosen = choose(model) if layout == "auto" else layout
    if chosen == "packed":
        return None
    if chosen == "multispin":
        return _Multispin(model, replicas, key)
    if chosen == "summed":
        return _Summed(model)
    if chosen == "dense":
        return _Dense(model, replicas)
    raise unknown("layout", chosen, LAYOUTS)


class _Multispin:
    def __init__(self, model: IsingModel, replicas: int, key: np.uint64) -> None:
        # Compiled when first needed, like all kernels but those of the packed layout.
        from annealrl.errors import InputError
        from annealrl.kernels import multispin
        from annealrl.kernels.streams import seed_words

        bonds = multispin.encode(model)
        if bonds is None:
            raise InputError("layout 'multispin': couplings ±J, fields 0 or ±J and at most seven bonds are expected")
        self._bonds = (bonds.neighbours[None], bonds.degrees[None], bonds.signs[None], bonds.fields[None])
        self.coarseness = 0.0
        self._unit, self._size = np.array([bonds.unit]), np.array([model.n])
        self._streams = aligned((1, 2, -(-replicas // LANES)), np.uint64)
        seed_words(key, self._streams[0])
        self._kernel: Callable[..., None] = multispin.advance

    def advance(self, state: State, start: FloatArray, end: FloatArray, sweeps: int, rule: int, order: int) -> None:
        """Advance."""
        how, rest = (start, end, sweeps, rule, order), (self._streams, state.site_states, state.accepted, 0, 1)
        self._kernel(*self._bonds, self._unit, self._size, *how, state.spins, *rest)


class _Summed:
    def __init__(self, model: IsingModel) -> None:
        from annealrl.kernels import dense, summed

        unit = dense.unit(model)
        self.coarseness = coarseness(model, unit)
        doubled, bases = summed.encode(model, unit)
        degrees = model.degrees.astype(np.int32)
        self._model = (model.padded[0][None], doubled[None], bases[None], degrees[None])
        self._unit, self._size = np.array([unit]), np.array([model.n])
        self._kernel: Callable[..., None] = summed.advance

    def advance(self, state: State, start: FloatArray, end: FloatArray, sweeps: int, rule: int, order: int) -> None:
        """Advance."""
        how, rest = (start, end, sweeps, rule, order), (state.lanes, state.site_states, state.accepted, 0, 1)
        self._kernel(*self._model, self._unit, self._size, *how, state.spins, *rest)


class _Dense:
    def __init__(self, model: IsingModel, replicas: int) -> None:
        from annealrl.kernels import dense

        unit, width = dense.unit(model), dense.stride(model.n)
        self.coarseness = coarseness(model, unit)
        self._matrix = aligned((1, model.n, width), np.int32)
        self._fields = np.zeros(model.n, np.int32)
        dense.encode(model, unit, self._matrix[0], self._fields)
        self._local = aligned((1, -(-replicas // LANES) * LANES, width), np.int32)
        self._unit, self._size = np.array([unit]), np.array([model.n])
        self._kernel: Callable[..., None] = dense.advance
        self._local_fields = dense.local_fields

    def advance(self, state: State, start: FloatArray, end: FloatArray, sweeps: int, rule: int, order: int) -> None:
        """Advance; the local fields are made anew, because moves between replicas may have changed the spins."""
        self._local_fields(self._matrix[0], self._fields, int(self._size[0]), state.spins[0], self._local[0])
        how, rest = (start, end, sweeps, rule, order), (state.lanes, state.site_states, state.accepted, 0, 1)
        self._kernel(self._matrix, self._unit, self._size, *how, state.spins, self._local, *rest)
