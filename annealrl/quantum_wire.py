"""The magneto-conductance of a quantum wire: transmissions of many potentials and their derivatives, the leads once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from annealrl.checks import whole
from annealrl.errors import InputError
from annealrl.ising import FloatArray
from annealrl.kernels import quantum_wire as kernels
from annealrl.kernels.wire_designs import sensitivity
from annealrl.parallel import allowed_threads, run_slices

#: On-site energy of the leads, and of the wire where there is nothing, in units of the hopping.
LEAD = 4.0
#: Work, in columns × width³ × fields × potentials, from which threads are worth starting.
_PARALLEL = 2e5


class Wire:
    """A wire of a given width in some magnetic fields, between clean leads of the same width.

    Parameters
    ----------
    width : int
        Sites across.
    fields : array_like, shape (F,)
        φ = πBa²/φ_0: hopping from column x to x + 1 at height y has the phase exp(-2iφy).
    energy : float
        Of the electrons, in units of the hopping; 4 is the centre of the band.

    Attributes
    ----------
    phases, left, right : complex128 arrays, shapes (F, W), (F, W, W), (F, W, W)
        As :func:`annealrl.kernels.quantum_wire.transmission` takes them.

    Raises
    ------
    InputError
        If fields or energy are not finite, or if the surface Green's functions of the leads do not converge, as where
        a mode opens.
    """

    def __init__(self, width: int, fields: npt.ArrayLike, energy: float = 1.2) -> None:
        self.width, self.energy = whole(width, "wire: width", 1), float(energy)
        self.fields: FloatArray = np.array(fields, np.float64)
        if self.fields.ndim != 1 or not self.fields.size or not np.isfinite([self.energy, *self.fields]).all():
            raise InputError(
                f"wire: fields of shape {self.fields.shape} at energy {self.energy:g}; "
                "a list of finite fields and a finite energy are expected"
            )
        self.phases = kernels.peierls_phases(self.fields, width)
        self.left, self.right = kernels.leads(self.fields, width, self.energy)

    def transmissions(self, potentials: FloatArray, threads: int | None = None) -> FloatArray:
        """T = G/(e²/h) of R potentials, parallel over them and the fields; the same bits for any number of threads.

        Parameters
        ----------
        potentials : float64 array, shape (R, X, W)
            On-site energies; R slices of X columns.

        Returns
        -------
        float64 array, shape (R, F)
        """
        h = self._checked(potentials)
        out = np.empty((len(h), len(self.fields)))

        def work(first: int, last: int) -> None:
            for r, begin, end in _rows(first, last, len(self.fields)):
                kernels.transmission(h[r], self.energy, self.phases, self.left, self.right, begin, end, out[r])

        run_slices(work, out.size, self._threads(h, threads))
        return out

    def sensitivities(self, potentials: FloatArray, threads: int | None = None) -> tuple[FloatArray, FloatArray]:
        """T as :meth:`transmissions`, and ∂T/∂h of every site, shapes (R, F) and (R, F, X, W)."""
        h = self._checked(potentials)
        out, slopes = np.empty((len(h), len(self.fields))), np.empty((len(h), len(self.fields), h[0].size))

        def work(first: int, last: int) -> None:
            for r, begin, end in _rows(first, last, len(self.fields)):
                sensitivity(h[r], self.energy, self.phases, self.left, self.right, begin, end, out[r], slopes[r])

        run_slices(work, out.size, self._threads(h, threads))
        return out, slopes.reshape(*out.shape, *h.shape[1:])

    def _checked(self, potentials: FloatArray) -> FloatArray:
        h = np.ascontiguousarray(potentials, np.float64)
        if h.ndim != 3 or h.shape[2] != self.width or not h.shape[1]:
            raise InputError(f"wire: potentials have shape {h.shape}; (R, columns, {self.width}) is expected")
        if not np.isfinite(h).all():
            raise InputError("wire: a potential is not finite; finite on-site energies are expected")
        return h

    def _threads(self, h: FloatArray, threads: int | None) -> int:
        wanted = allowed_threads() if threads is None else threads
        return wanted if h.size * self.width**2 * len(self.fields) > _PARALLEL else 1


@lru_cache(maxsize=16)
def shared_wire(width: int, fields: int, field_max: float, energy: float) -> Wire:
    """The wire in evenly spaced fields from 0 to `field_max`, with its leads solved once in a process."""
    return Wire(width, np.linspace(0.0, field_max, fields), energy)


def _rows(first: int, last: int, fields: int) -> list[tuple[int, int, int]]:
    """Potential, and first and last + 1 of its fields, that cover entries first … last - 1 of an array (R, fields)."""
    rows = range(first // fields, -(-last // fields))
    return [(r, max(first - r * fields, 0), min(last - r * fields, fields)) for r in rows]
