r"""Another energy at one site of a wire: what it would do to the transmission, and making it so.

With the names of :mod:`annealrl.kernels.quantum_wire`, an energy at site i that is larger by δ is a change of rank one,
G' = G + c G|i⟩⟨i|G with c = δ / (1 - δ G_ii). With a_i = G_{0,i} and b_i = G_{i,X-1}, vectors over the first and the
last column,

.. math:: T' = T + 2 \mathrm{Re}(c\, s_i) + |c|^2 p_i q_i, \quad s_i = b_i Γ_R G_{0,X-1}^† Γ_L a_i, \quad
          p_i = a_i^† Γ_L a_i, \quad q_i = b_i Γ_R b_i^*,

so a proposal costs a few multiplications a field, and ∂T/∂h_i = 2 Re s_i. A change that is made needs the column and
the row of G at i: by the blocks of the last full solution, and the changes made since.
"""

from __future__ import annotations

import numpy as np

from annealrl.kernels.jit import jit
from annealrl.kernels.quantum_wire import broadening_matrix


@jit("(int64, float64, complex128[:,:,::1], float64[:,:,::1], float64[::1], float64[::1])")
def propose(site: int, change: float, sites: np.ndarray, sizes: np.ndarray, known: np.ndarray, out: np.ndarray) -> None:
    """Transmission at all fields if the energy of one site were larger by `change`; `known` is what it is now.

    Parameters
    ----------
    site : int
        x·W + y.
    known, out : float64, shape (F,)
        Read and written.
    """
    for f in range(len(out)):
        c = change / (1.0 - change * sites[f, 0, site])
        size = c.real * c.real + c.imag * c.imag
        first_order = (c * sites[f, 1, site]).real
        out[f] = known[f] + 2.0 * first_order + size * sizes[f, 0, site] * sizes[f, 1, site]


@jit(
    "(int64, int64, complex128[::1], complex128[:,:,::1], complex128[:,:,::1], complex128[::1], complex128[::1], "
    "complex128[::1], complex128[::1])"
)
def _at_site(
    x0: int,
    y0: int,
    phase: np.ndarray,
    connected: np.ndarray,
    diagonal: np.ndarray,
    column: np.ndarray,
    row: np.ndarray,
    passing: np.ndarray,
    moved: np.ndarray,
) -> None:
    """Column and row of G at a site, shape (X·W,), from the blocks of the last full solution."""
    columns, width = diagonal.shape[0], diagonal.shape[1]
    for y in range(width):
        column[x0 * width + y], row[x0 * width + y] = diagonal[x0, y, y0], diagonal[x0, y0, y]
    # To the left: G_{x,x0} = g_x v† G_{x+1,x0} and G_{x0,x} = G_{x0,x+1} v g_x, g left-connected.
    for x in range(x0 - 1, -1, -1):
        at, beyond = x * width, (x + 1) * width
        for y in range(width):
            column[at + y] = row[at + y] = 0.0
        for y in range(width):
            for z in range(width):
                column[at + y] -= connected[x, y, z] * np.conj(phase[z]) * column[beyond + z]
                row[at + z] -= row[beyond + y] * phase[y] * connected[x, y, z]
    # To the right: G_{x,x0} = G_{x,x} v g_{x-1} v … g_{x0}, and the same from behind for the row.
    for which in range(2):
        for y in range(width):
            passing[y] = connected[x0, y, y0] if which == 0 else connected[x0, y0, y]
        for x in range(x0 + 1, columns):
            for y in range(width):
                passing[y] *= -phase[y] if which == 0 else -np.conj(phase[y])
            target = column if which == 0 else row
            for y in range(width):
                total, further = complex(0.0, 0.0), complex(0.0, 0.0)
                for z in range(width):
                    if which == 0:
                        total += diagonal[x, y, z] * passing[z]
                        further += connected[x, y, z] * passing[z]
                    else:
                        total += passing[z] * diagonal[x, z, y]
                        further += passing[z] * connected[x, z, y]
                target[x * width + y] = total
                moved[y] = further
            for y in range(width):
                passing[y] = moved[y]


@jit(
    "(int64, float64, int64, complex128[:,::1], complex128[:,:,::1], complex128[:,:,::1], int64, int64, "
    "complex128[:,:,:,::1], complex128[:,:,:,::1], complex128[:,:,:,::1], complex128[:,:,:,::1], "
    "complex128[:,:,::1], complex128[:,:,::1], float64[:,:,::1], float64[::1], "
    "complex128[:,:,:,::1], complex128[:,::1])"
)
def accept(
    site: int,
    change: float,
    made: int,
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
    known: np.ndarray,
    vectors: np.ndarray,
    factors: np.ndarray,
) -> None:
    """Make the energy of one site larger by `change`, at fields first … last - 1.

    Parameters
    ----------
    made : int
        Changes since the last :func:`annealrl.kernels.quantum_wire.solve`; this one is remembered in that place.
    connected, diagonal
        As :func:`annealrl.kernels.quantum_wire.solve` left them.
    start, end, corner, sites, sizes, known
        Of :func:`annealrl.kernels.quantum_wire.solve` and later changes; brought up to date.
    vectors : complex128, shape (F, changes, 2, X·W)
        Column and row of G at the site of every change so far; written at `made`.
    factors : complex128, shape (F, changes)
        Its c; written at `made`.
    """
    columns, width = diagonal.shape[1], diagonal.shape[2]
    x0, y0 = site // width, site % width
    passing, moved = np.empty(width, np.complex128), np.empty(width, np.complex128)
    for f in range(first, last):
        phase = phases[f]
        column, row = vectors[f, made, 0], vectors[f, made, 1]
        _at_site(x0, y0, phase, connected[f], diagonal[f], column, row, passing, moved)
        for k in range(made):
            by_column = factors[f, k] * vectors[f, k, 1, site]
            by_row = factors[f, k] * vectors[f, k, 0, site]
            for j in range(columns * width):
                column[j] += by_column * vectors[f, k, 0, j]
                row[j] += by_row * vectors[f, k, 1, j]
        c = change / (1.0 - change * sites[f, 0, site])
        factors[f, made] = c
        p, q, s = sizes[f, 0, site], sizes[f, 1, site], sites[f, 1, site]
        known[f] += 2.0 * (c * s).real + (c.real * c.real + c.imag * c.imag) * p * q
        from_left, from_right = broadening_matrix(left[f]), broadening_matrix(right[f])
        a, b = start[f, x0, y0].copy(), end[f, x0, y0].copy()
        back = corner[f].conj()  # G† by its transpose
        left_a, right_b = np.dot(from_left, a), np.dot(from_right, b.conj())
        between_a = np.dot(from_right, np.dot(back.T, left_a))
        b_between = np.dot(np.dot(np.dot(b, from_right), back.T), from_left)
        for x in range(columns):
            for y in range(width):
                j = x * width + y
                by_a, by_b = c * row[j], c * column[j]
                on_left = on_right = on_a = on_b = complex(0.0, 0.0)
                for z in range(width):
                    on_left += np.conj(left_a[z]) * start[f, x, y, z]
                    on_right += end[f, x, y, z] * right_b[z]
                    on_a += end[f, x, y, z] * between_a[z]
                    on_b += b_between[z] * start[f, x, y, z]
                    start[f, x, y, z] += by_a * a[z]
                    end[f, x, y, z] += by_b * b[z]
                sites[f, 1, j] += (
                    by_a * on_a
                    + by_b * on_b
                    + by_a * by_b * s
                    + np.conj(c) * (on_right + by_b * q) * (on_left + by_a * p)
                )
                sizes[f, 0, j] += 2.0 * (np.conj(by_a) * on_left).real + (by_a * np.conj(by_a)).real * p
                sizes[f, 1, j] += 2.0 * (by_b * np.conj(on_right)).real + (by_b * np.conj(by_b)).real * q
                sites[f, 0, j] += c * column[j] * row[j]
        for y in range(width):
            for z in range(width):
                corner[f, y, z] += c * a[y] * b[z]
