r"""Landauer transmission of a tight-binding wire in a magnetic field: recursive Green's functions and one-site changes.

Columns x = 0 … X - 1 of W sites between two leads; H has on-site energies and hopping -1, with exp(-2iφy) from column x
to x + 1 (Peierls phase in the Landau gauge, φ = πBa²/φ_0). With G = (E - H - Σ_L - Σ_R)⁻¹,

.. math:: T = \mathrm{Tr}\, Γ_L G_{0,X-1} Γ_R G_{0,X-1}^†.

Hopping from column to column is diagonal, so a step of the recursion is one inversion of a W × W matrix.
D. S. Fisher and P. A. Lee, Phys. Rev. B 23, 6851 (1981); F. Sols et al., J. Appl. Phys. 66, 3892 (1989).
"""

from __future__ import annotations

import contextlib

import numpy as np

from annealrl.errors import InputError
from annealrl.kernels.jit import jit

#: Doublings of the decimation; each doubles the length of lead that is accounted for.
_DOUBLINGS = 100


def peierls_phases(fields: np.ndarray, width: int) -> np.ndarray:
    """exp(-2iφy) for y = 0 … width - 1, complex128, shape (F, width)."""
    phases: np.ndarray = np.exp(-2j * np.asarray(fields, np.float64)[:, None] * np.arange(width))
    return phases


def leads(
    fields: np.ndarray, width: int, energy: float, potential: float = 4.0, broadening: float = 1e-10
) -> tuple[np.ndarray, np.ndarray]:
    """Self-energies of clean semi-infinite leads in the field, for the first and the last column of the wire.

    By decimation: M. P. López Sancho, J. M. López Sancho and J. Rubio, J. Phys. F 15, 851 (1985).

    Parameters
    ----------
    fields : float64, shape (F,)
        φ.
    width : int
    energy, potential : float
        E, and the on-site energy of the leads, in units of the hopping.
    broadening : float
        Imaginary part that is added to E in the leads.

        A field at which the decimation happens on a singular matrix is tried again with up to 300 times as much.

    Returns
    -------
    left, right : complex128, shape (F, width, width)

    Raises
    ------
    InputError
        If the decimation does not converge, as at an energy and a field where a mode of the lead opens.
    """
    with contextlib.suppress(InputError):
        return _leads(fields, width, energy, potential, broadening)
    found = []
    for field in np.asarray(fields, np.float64):
        for factor in (1.0, 3.0, 10.0, 30.0, 100.0, 300.0):
            try:
                found.append(_leads(np.array([field]), width, energy, potential, factor * broadening))
                break
            except InputError:
                if factor == 300.0:
                    raise
    left, right = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return left, right


def _leads(
    fields: np.ndarray, width: int, energy: float, potential: float, broadening: float
) -> tuple[np.ndarray, np.ndarray]:
    phases = peierls_phases(fields, width)
    column = potential * np.eye(width) - np.eye(width, k=1) - np.eye(width, k=-1)
    onward = -phases[:, :, None] * np.eye(width)
    back = onward.conj().swapaxes(1, 2)
    shifted = (energy + 1j * broadening) * np.eye(width)

    def surface(towards: np.ndarray, away: np.ndarray) -> np.ndarray:
        edge = bulk = np.broadcast_to(column.astype(np.complex128), towards.shape)
        for _ in range(_DOUBLINGS):
            inverse = np.linalg.inv(shifted - bulk)
            out, back_again = towards @ inverse @ away, away @ inverse @ towards
            edge, bulk = edge + out, bulk + out + back_again
            towards, away = towards @ inverse @ towards, away @ inverse @ away
            if max(np.abs(towards).max(), np.abs(away).max()) < 1e-14:
                return np.linalg.inv(shifted - edge)
        raise InputError(
            f"leads: no convergence at energy {energy:g}; another energy or a larger broadening is expected"
        )

    # Where a mode opens the decimation overflows before it is seen not to converge.
    with np.errstate(over="ignore", invalid="ignore"):
        left = onward @ surface(onward, back) @ back
        right = back @ surface(back, onward) @ onward
    return np.ascontiguousarray(left), np.ascontiguousarray(right)


@jit("(complex128[:,::1], float64[::1], float64, complex128[:,::1])")
def fill_column(out: np.ndarray, potential: np.ndarray, energy: float, self_energy: np.ndarray) -> None:
    """E - H_x - Σ of one column."""
    width = len(potential)
    for y in range(width):
        for z in range(width):
            out[y, z] = -self_energy[y, z]
        out[y, y] += energy - potential[y]
        if y:
            out[y, y - 1] += 1.0
            out[y - 1, y] += 1.0


@jit("(complex128[::1], complex128[:,::1], complex128[:,::1])")
def dress(phase: np.ndarray, block: np.ndarray, out: np.ndarray) -> None:
    """Dress a block, v g v† with v = -diag(phase): what a column adds to the next one's self-energy."""
    for y in range(len(phase)):
        for z in range(len(phase)):
            out[y, z] = phase[y] * block[y, z] * np.conj(phase[z])


@jit("complex128[:,::1](complex128[:,::1])")
def broadening_matrix(self_energy: np.ndarray) -> np.ndarray:
    """Γ = i (Σ - Σ†)."""
    width = len(self_energy)
    out = np.empty((width, width), np.complex128)
    for y in range(width):
        for z in range(width):
            out[y, z] = 1j * (self_energy[y, z] - np.conj(self_energy[z, y]))
    return out


@jit(
    "(float64[:,::1], float64, complex128[:,::1], complex128[:,:,::1], complex128[:,:,::1], int64, int64, float64[::1])"
)
def transmission(
    potential: np.ndarray,
    energy: float,
    phases: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    first: int,
    last: int,
    out: np.ndarray,
) -> None:
    """Transmission at fields first … last - 1.

    Parameters
    ----------
    potential : float64, shape (X, W)
        On-site energies, in units of the hopping.
    energy : float
    phases : complex128, shape (F, W)
        exp(-2iφy).
    left, right : complex128, shape (F, W, W)
        Self-energies of the leads in the first and the last column.
    out : float64, shape (F,)
        Written.
    """
    columns, width = potential.shape
    matrix, added = np.empty((width, width), np.complex128), np.empty((width, width), np.complex128)
    for f in range(first, last):
        phase = phases[f]
        corner: np.ndarray = np.empty((width, width), np.complex128)
        for x in range(columns):
            if x == 0:
                added[:, :] = left[f]
            if x == columns - 1:
                added += right[f]
            fill_column(matrix, potential[x], energy, added)
            block = np.linalg.inv(matrix.T).T
            if x == 0:
                corner = block
            else:
                for y in range(width):
                    for z in range(width):
                        corner[y, z] *= -np.conj(phase[z])
                corner = np.dot(corner, block)
            if x < columns - 1:
                dress(phase, block, added)
        from_left, from_right = broadening_matrix(left[f]), broadening_matrix(right[f])
        total = 0.0
        product = np.dot(np.dot(from_left, corner), from_right)
        for y in range(width):
            for z in range(width):
                total += (product[y, z] * np.conj(corner[y, z])).real
        out[f] = total


@jit(
    "(float64[:,::1], float64, complex128[:,::1], complex128[:,:,::1], complex128[:,:,::1], int64, int64, "
    "complex128[:,:,:,::1], complex128[:,:,:,::1], complex128[:,:,:,::1], complex128[:,:,:,::1], "
    "complex128[:,:,::1], complex128[:,:,::1], float64[:,:,::1], float64[::1])"
)
def solve(
    potential: np.ndarray,
    energy: float,
    phases: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    first: int,
    last: int,
    connected: np.ndarray,
    diagonal: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    corner: np.ndarray,
    sites: np.ndarray,
    sizes: np.ndarray,
    out: np.ndarray,
) -> None:
    """Everything that proposals and changes of one site need, at fields first … last - 1.

    Parameters
    ----------
    potential, energy, phases, left, right
        As for :func:`transmission`.
    connected, diagonal : complex128, shape (F, X, W, W)
        Written: columns' own blocks of the Green's function with nothing to their right, and of G.
    start, end : complex128, shape (F, X, W, W)
        Written: a_i and b_i; the site stands before the vector's index.
    corner : complex128, shape (F, W, W)
        Written: G from the first to the last column.
    sites, sizes : complex128 and float64, shape (F, 2, X·W)
        Written: G_ii and s_i; p_i and q_i.
    out : float64, shape (F,)
        Written: T.
    """
    columns, width = potential.shape
    matrix, added = np.empty((width, width), np.complex128), np.empty((width, width), np.complex128)
    for f in range(first, last):
        phase = phases[f]
        back = np.conj(phase)
        for x in range(columns):
            if x == 0:
                added[:, :] = left[f]
            if x == columns - 1:
                added += right[f]
            fill_column(matrix, potential[x], energy, added)
            connected[f, x] = np.linalg.inv(matrix.T).T
            if x < columns - 1:
                dress(phase, connected[f, x], added)
        # G_{x,X-1} and G_xx backwards; what stands to the right enters column x through the dressed block of x + 1.
        diagonal[f, columns - 1] = connected[f, columns - 1]
        end[f, columns - 1] = connected[f, columns - 1]
        for x in range(columns - 2, -1, -1):
            block = connected[f, x]
            for y in range(width):
                for z in range(width):
                    matrix[y, z] = -back[y] * end[f, x + 1, y, z]
                    added[y, z] = back[y] * diagonal[f, x + 1, y, z] * phase[z]
            end[f, x] = np.dot(block, matrix)
            diagonal[f, x] = block + np.dot(np.dot(block, added), block)
        # G_{0,x} forwards: left-connected first, then what returns from the right.
        moving = connected[f, 0].copy()
        for x in range(columns):
            if x:
                for y in range(width):
                    for z in range(width):
                        matrix[y, z] = -moving[y, z] * back[z]
                moving = np.dot(matrix, connected[f, x])
            whole = moving.copy()
            if x < columns - 1:
                for y in range(width):
                    for z in range(width):
                        added[y, z] = back[y] * diagonal[f, x + 1, y, z] * phase[z]
                whole += np.dot(np.dot(moving, added), connected[f, x])
            for y in range(width):
                for z in range(width):
                    start[f, x, z, y] = whole[y, z]
        corner[f] = end[f, 0]
        from_left, from_right = broadening_matrix(left[f]), broadening_matrix(right[f])
        between = np.dot(np.dot(from_right, np.ascontiguousarray(corner[f].conj().T)), from_left)
        for x in range(columns):
            by_left = np.dot(start[f, x].conj(), from_left)
            by_right = np.dot(end[f, x], from_right)
            by_both = np.dot(end[f, x], between)
            for y in range(width):
                p, q, s = 0.0, 0.0, complex(0.0, 0.0)
                for z in range(width):
                    p += (by_left[y, z] * start[f, x, y, z]).real
                    q += (by_right[y, z] * np.conj(end[f, x, y, z])).real
                    s += by_both[y, z] * start[f, x, y, z]
                sites[f, 0, x * width + y] = diagonal[f, x, y, y]
                sites[f, 1, x * width + y] = s
                sizes[f, 0, x * width + y], sizes[f, 1, x * width + y] = p, q
        total = 0.0
        product = np.dot(np.dot(from_left, corner[f]), from_right)
        for y in range(width):
            for z in range(width):
                total += (product[y, z] * np.conj(corner[f, y, z])).real
        out[f] = total
