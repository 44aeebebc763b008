"""A lens under a reduced model: fields at focal points, their gradients, tables, and moves that touch nine cells."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl.ising import FloatArray, IntArray
from annealrl.metalens.beam import PILLARS, SAMPLES, ComplexArray
from annealrl.metalens.forward import centres
from annealrl.metalens.goals import Goal
from annealrl.metalens.propagation import impulse
from annealrl.metalens.reduced import CellModel, OneBody

#: Windows that a network is shown at a time.
_BLOCK = 8192


class Optics:
    """side × side pillars, a goal, and a model for each of its wavelengths.

    Beyond the edge of the lens its outermost pillars count again, and a stop lets nothing pass there. Intensities are
    in units of what a field of amplitude 1, of the best phase everywhere, would have at the first point of the longest
    wavelength: a lens that is perfect and lossless has 1 there.

    Attributes
    ----------
    windows : int64 array, shape (N, 9)
        Pillars of every cell's window, row by row.
    touched : int64 array, shape (N, 9)
        Cells whose windows hold a pillar; the first of them again where there are fewer than nine.
    """

    def __init__(self, side: int, goal: Goal, models: Sequence[CellModel]) -> None:
        self.side, self.goal = side, goal
        places = np.arange(side * side).reshape(side, side)
        around = np.pad(places, 1, mode="edge")
        shifts = [(up, across) for up in range(3) for across in range(3)]
        self.windows: IntArray = np.stack(
            [around[up : up + side, across : across + side].ravel() for up, across in shifts], axis=1
        ).astype(np.int64)
        self.touched: IntArray = np.zeros((side * side, 9), np.int64)
        edge = np.pad(places, 1, constant_values=-1)
        near = np.stack([edge[up : up + side, across : across + side].ravel() for up, across in shifts], axis=1)
        self.touched[:] = np.where(near < 0, places.ravel()[:, None], near)
        #: Whether an entry of `touched` is there for the first time.
        self.real: npt.NDArray[np.bool_] = near >= 0
        self.colours = np.unique(goal.wavelengths)
        self.models = list(models)
        self._slices = [np.flatnonzero(goal.wavelengths == colour) for colour in self.colours]
        self._responses = [self._response(k) for k in range(len(self.colours))]

    @property
    def n(self) -> int:
        """Number of pillars."""
        return self.side**2

    @cached_property
    def unit(self) -> float:
        """Amplitude at the first point of the longest wavelength if all phases were the best, in units of the field."""
        x = centres(self.side * SAMPLES, PILLARS.period / SAMPLES)
        first = int(np.flatnonzero(self.goal.wavelengths == self.goal.wavelengths.max())[0])
        found = np.abs(impulse(x, x, self.goal.points[first], float(self.goal.wavelengths[first])))
        return float(found.sum() * (PILLARS.period / SAMPLES) ** 2)

    def _response(self, k: int) -> ComplexArray:
        """What a unit of each mode of each cell gives at the points of a wavelength, shape (P, N, q)."""
        basis, spacing = self.models[k].basis, PILLARS.period / SAMPLES
        x = centres(self.side * SAMPLES, spacing)
        out = np.zeros((len(self._slices[k]), self.n, basis.shape[1]), np.complex128)
        for row, p in enumerate(self._slices[k]):
            seen = impulse(x, x, self.goal.points[p], float(self.colours[k])) * (spacing**2 / self.unit)
            cells = seen.reshape(self.side, SAMPLES, self.side, SAMPLES).swapaxes(1, 2)
            out[row] = cells.reshape(self.n, -1) @ basis
        return out

    def weights(self, k: int, radii: FloatArray) -> ComplexArray:
        """Mode weights of windows, shape (..., 9) → (..., q), at wavelength number k."""
        import torch

        from annealrl.surrogate import one_thread

        flat = np.ascontiguousarray(radii, np.float64).reshape(-1, 9)
        out = np.empty((len(flat), self.models[k].basis.shape[1]), np.complex128)
        with torch.no_grad(), one_thread():
            for first in range(0, len(flat), _BLOCK):
                out[first : first + _BLOCK] = self.models[k].weights(torch.from_numpy(flat[first : first + _BLOCK]))
        return out.reshape(*radii.shape[:-1], -1)

    def fields(self, designs: FloatArray) -> ComplexArray:
        """Fields at the points, shape (R, N) → (R, P)."""
        out = np.zeros((len(designs), len(self.goal.weights)), np.complex128)
        for k, chosen in enumerate(self._slices):
            for r, design in enumerate(designs):
                out[r, chosen] = self._at_points(k, self.weights(k, design[self.windows]))
        return out

    def energies(self, fields: ComplexArray) -> FloatArray:
        """Energies of fields at the points, shape (R, P) → (R,)."""
        return self.goal.energy(np.abs(fields) ** 2)

    def value_and_gradient(self, designs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Energies and their gradients by radii, shapes (R,) and (R, N); one design after the other saves memory."""
        from annealrl.surrogate import one_thread

        with one_thread():
            found = [self._value_and_gradient(design) for design in designs]
        energies, gradients = zip(*found, strict=True)
        return np.array(energies), np.stack(gradients)

    def _value_and_gradient(self, design: FloatArray) -> tuple[float, FloatArray]:
        import torch

        fields = np.zeros((1, len(self.goal.weights)), np.complex128)
        passed: list[tuple[Any, Any]] = []
        for k, chosen in enumerate(self._slices):
            seen = torch.tensor(design[self.windows], requires_grad=True)
            weights: Any = self.models[k].weights(seen)
            fields[0, chosen] = self._at_points(k, weights.detach().numpy())
            passed.append((seen, weights))
        # dE = Σ ∂E/∂I · 2 Re(F* dF), and dF is linear in the weights; Torch wants the complex conjugate of that.
        pull = 2 * self.goal.slopes(np.abs(fields) ** 2)[0] * fields[0]
        gradient = np.zeros(self.n)
        for (seen, weights), chosen, response in zip(passed, self._slices, self._responses, strict=True):
            by_weight = (pull[chosen] @ response.conj().reshape(len(chosen), -1)).reshape(weights.shape)
            (by_window,) = torch.autograd.grad(weights, seen, torch.from_numpy(by_weight))
            gradient += np.bincount(self.windows.ravel(), by_window.numpy().ravel(), minlength=self.n)
        return float(self.energies(fields)[0]), gradient

    def _at_points(self, k: int, weights: ComplexArray) -> ComplexArray:
        """Fields at the points of a wavelength from the weights of one lens, shape (N, q) → (P,)."""
        response = self._responses[k]
        return np.asarray(response.reshape(len(response), -1) @ weights.ravel())

    def table(self, radii: FloatArray) -> tuple[ComplexArray, ComplexArray]:
        """F0, shape (P,), and what each pillar adds at each of K radii, shape (N, K, P), under one-body models."""
        points = len(self.goal.weights)
        constant = np.zeros(points, np.complex128)
        out = np.zeros((self.n, len(radii), points), np.complex128)
        for k, chosen in enumerate(self._slices):
            model, response = self.models[k], self._responses[k]
            assert isinstance(model, OneBody)
            constant[chosen] = response.sum(axis=1) @ model.constant
            for place, term in enumerate(model.terms(radii)):
                if term.any():
                    gathered = np.zeros((self.n, len(chosen), len(model.constant)), np.complex128)
                    np.add.at(gathered, self.windows[:, place], response.swapaxes(0, 1))
                    out[:, :, chosen] += np.moveaxis(gathered @ term.T, 1, 2)
        return constant, out

    def walk(self, designs: FloatArray) -> NineCells:
        """What makes moves from these designs cheap."""
        return NineCells(self, designs)


class NineCells:
    """Keeps the mode weights of all cells of R lenses, so that a move computes those of nine cells anew.

    Parameters
    ----------
    designs : float64 array, shape (R, N)
        Looked at again at every proposal: whoever takes a move changes it.
    """

    def __init__(self, optics: Optics, designs: FloatArray) -> None:
        self._optics, self._designs = optics, designs
        self._weights = [optics.weights(k, designs[:, optics.windows]) for k in range(len(optics.models))]
        self._fields = np.zeros((len(designs), len(optics.goal.weights)), np.complex128)
        for k, chosen in enumerate(optics._slices):
            self._fields[:, chosen] = np.tensordot(self._weights[k], optics._responses[k], ((1, 2), (1, 2)))
        self._energies = optics.energies(self._fields)
        self._proposed: tuple[IntArray, list[ComplexArray], ComplexArray, FloatArray] | None = None

    def change(self, at: IntArray, values: FloatArray) -> FloatArray:
        """Energy changes if coordinate ``at[r]`` of design r took ``values[r]``, shape (R,)."""
        optics, rows = self._optics, np.arange(len(at))
        cells = optics.touched[at]
        seen = optics.windows[cells]
        radii = np.where(seen == at[:, None, None], values[:, None, None], self._designs[rows[:, None, None], seen])
        fields, found = self._fields.copy(), []
        for k, chosen in enumerate(optics._slices):
            after = optics.weights(k, radii)
            difference = (after - self._weights[k][rows[:, None], cells]) * optics.real[at][..., None]
            fields[:, chosen] += np.einsum("rcq,prcq->rp", difference, optics._responses[k][:, cells])
            found.append(after)
        energies = optics.energies(fields)
        self._proposed = cells, found, fields, energies
        return np.asarray(energies - self._energies)

    def take(self, rows: npt.NDArray[np.bool_]) -> None:
        """Take the moves proposed last in the designs where `rows` is true."""
        assert self._proposed is not None
        cells, found, fields, energies = self._proposed
        for weights, after in zip(self._weights, found, strict=True):
            weights[np.flatnonzero(rows)[:, None], cells[rows]] = after[rows]
        self._fields[rows], self._energies[rows] = fields[rows], energies[rows]
