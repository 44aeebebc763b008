r"""Designs of a quantum wire whose coordinates are the energies of its sites: compiled moves, and gradients.

The energy of a design is the mean squared difference of its transmissions from a target, over the fields. A replica's
cache holds what :func:`annealrl.kernels.quantum_wire.solve` finds and what
:func:`annealrl.kernels.wire_changes.accept` keeps up to date. After a number of changes, or one near a pole, it is
solved anew, as when two running values of a transmission differ, so that rounding does not grow.

``ints`` holds columns, width, number of fields and changes between two solutions; ``floats`` the electron's energy, the
site energy of coordinate 0 and of coordinate 1 less that of 0, the target, and the arrays of :func:`pack`. Complex
numbers stand as pairs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annealrl.kernels.designs import APPLY, DELTA, INIT
from annealrl.kernels.jit import jit
from annealrl.kernels.quantum_wire import broadening_matrix, dress, fill_column, solve
from annealrl.kernels.wire_changes import accept

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Complex = npt.NDArray[np.complex128]

#: Numbers before the target in ``floats``.
_HEAD = 3
#: A change with |1 - δ G_ii| below this is not made by an update: what is lost grows with the inverse.
_NEAR_POLE = 1e-2
#: Largest difference of two running values of a transmission.
_DRIFT = 1e-9


def pack(
    energy: float, base: float, unit: float, target: Floats, phases: Complex, left: Complex, right: Complex
) -> Floats:
    """The ``floats`` of these functions, from arrays as :func:`annealrl.kernels.quantum_wire.solve` takes them."""
    pairs = [np.ascontiguousarray(array).ravel().view(np.float64) for array in (phases, left, right)]
    return np.concatenate([[energy, base, unit], target, *pairs])


def cache_sizes(columns: int, width: int, fields: int, changes: int) -> tuple[int, int]:
    """Numbers in a replica's cache, and how many of them, at its end, depend on the way to the design."""
    sites, block = columns * width, columns * width * width
    present = fields * (1 + 4 * sites + 2 * sites + 4 * block + 2 * width * width)
    history = 1 + fields * (4 * block + changes * (4 * sites + 2))
    return present + history, history


@jit("complex128[::1](float64[::1], int64, int64)")
def _pairs(numbers: Floats, first: int, count: int) -> Complex:
    """`count` complex numbers from place `first` on, in place."""
    return numbers[first : first + 2 * count].view(np.complex128)


@jit("Tuple((complex128[:,::1], complex128[:,:,::1], complex128[:,:,::1]))(float64[::1], int64[::1])")
def _wire(floats: Floats, ints: Ints) -> tuple[Complex, Complex, Complex]:
    """Phases and self-energies of the leads."""
    width, fields = ints[1], ints[2]
    at = _HEAD + fields
    phases = _pairs(floats, at, fields * width).reshape((fields, width))
    at += 2 * fields * width
    left = _pairs(floats, at, fields * width * width).reshape((fields, width, width))
    at += 2 * fields * width * width
    return phases, left, _pairs(floats, at, fields * width * width).reshape((fields, width, width))


@jit(
    "Tuple((float64[::1], complex128[:,:,::1], float64[:,:,::1], complex128[:,:,:,::1], complex128[:,:,:,::1], "
    "complex128[:,:,::1], int64))(int64[::1], float64[::1])"
)
def _present(ints: Ints, cache: Floats) -> tuple[Floats, Complex, Floats, Complex, Complex, Complex, int]:
    """T, sites, sizes, start, end and corner of :func:`solve`, and where the history begins."""
    columns, width, fields = ints[0], ints[1], ints[2]
    sites, block = columns * width, columns * width * width
    at = fields
    of_sites = _pairs(cache, at, 2 * fields * sites).reshape((fields, 2, sites))
    at += 4 * fields * sites
    sizes = cache[at : at + 2 * fields * sites].reshape((fields, 2, sites))
    at += 2 * fields * sites
    start = _pairs(cache, at, fields * block).reshape((fields, columns, width, width))
    at += 2 * fields * block
    end = _pairs(cache, at, fields * block).reshape((fields, columns, width, width))
    at += 2 * fields * block
    corner = _pairs(cache, at, fields * width * width).reshape((fields, width, width))
    at += 2 * fields * width * width
    return cache[:fields], of_sites, sizes, start, end, corner, at


@jit(
    "Tuple((complex128[:,:,:,::1], complex128[:,:,:,::1], complex128[:,:,:,::1], complex128[:,::1]))"
    "(int64[::1], float64[::1], int64)"
)
def _history(ints: Ints, cache: Floats, at: int) -> tuple[Complex, Complex, Complex, Complex]:
    """Blocks of the last solution, and vectors and factors of the changes since; their number stands at `at`."""
    columns, width, fields, changes = ints[0], ints[1], ints[2], ints[3]
    sites, block = columns * width, columns * width * width
    at += 1
    connected = _pairs(cache, at, fields * block).reshape((fields, columns, width, width))
    at += 2 * fields * block
    diagonal = _pairs(cache, at, fields * block).reshape((fields, columns, width, width))
    at += 2 * fields * block
    vectors = _pairs(cache, at, 2 * fields * changes * sites).reshape((fields, changes, 2, sites))
    at += 4 * fields * changes * sites
    return connected, diagonal, vectors, _pairs(cache, at, fields * changes).reshape((fields, changes))


@jit(INIT)
def wire_init(floats: Floats, ints: Ints, x: Floats, cache: Floats) -> float:
    """Solve the wire."""
    columns, width, fields = ints[0], ints[1], ints[2]
    potential = (floats[1] + floats[2] * x).reshape((columns, width))
    phases, left, right = _wire(floats, ints)
    known, sites, sizes, start, end, corner, at = _present(ints, cache)
    connected, diagonal, _, _ = _history(ints, cache, at)
    solve(
        potential, floats[0], phases, left, right, 0, fields,
        connected, diagonal, start, end, corner, sites, sizes, known,
    )  # fmt: skip
    cache[at] = 0.0
    energy = 0.0
    for f in range(fields):
        energy += (known[f] - floats[_HEAD + f]) ** 2
    return float(energy / fields)


@jit(DELTA)
def wire_delta(floats: Floats, ints: Ints, x: Floats, cache: Floats, i: int, value: float) -> float:
    """A few multiplications a field, as :func:`annealrl.kernels.wire_changes.propose`."""
    fields = ints[2]
    known, sites, sizes, _, _, _, _ = _present(ints, cache)
    delta = floats[2] * (value - x[i])
    change = 0.0
    for f in range(fields):
        c = delta / (1.0 - delta * sites[f, 0, i])
        size = c.real * c.real + c.imag * c.imag
        more = 2.0 * (c * sites[f, 1, i]).real + size * sizes[f, 0, i] * sizes[f, 1, i]
        change += more * (more + 2.0 * (known[f] - floats[_HEAD + f]))
    return float(change / fields)


@jit(APPLY)
def wire_apply(floats: Floats, ints: Ints, x: Floats, cache: Floats, i: int, value: float) -> None:
    """Update by the column and row of the Green's function at the site, or solve anew."""
    fields, changes = ints[2], ints[3]
    known, sites, sizes, start, end, corner, at = _present(ints, cache)
    made = int(cache[at])
    delta = floats[2] * (value - x[i])
    nearest = np.inf
    for f in range(fields):
        nearest = min(nearest, abs(1.0 - delta * sites[f, 0, i]))
    if made == changes or nearest < _NEAR_POLE:
        moved = x.copy()
        moved[i] = value
        wire_init(floats, ints, moved, cache)
        return
    phases, left, right = _wire(floats, ints)
    connected, diagonal, vectors, factors = _history(ints, cache, at)
    accept(
        i, delta, made, phases, left, right, 0, fields,
        connected, diagonal, start, end, corner, sites, sizes, known, vectors, factors,
    )  # fmt: skip
    cache[at] = made + 1.0
    # T from the corner of the Green's function, which is updated beside it, tells how far the running T has drifted.
    for f in range(fields):
        through = np.dot(np.dot(broadening_matrix(left[f]), corner[f]), broadening_matrix(right[f]))
        total = 0.0
        for y in range(ints[1]):
            for z in range(ints[1]):
                total += (through[y, z] * np.conj(corner[f, y, z])).real
        if not abs(total - known[f]) < _DRIFT:
            moved = x.copy()
            moved[i] = value
            wire_init(floats, ints, moved, cache)
            return


@jit(
    "(float64[:,::1], float64, complex128[:,::1], complex128[:,:,::1], complex128[:,:,::1], int64, int64, "
    "float64[::1], float64[:,::1])"
)
def sensitivity(
    potential: Floats,
    energy: float,
    phases: Complex,
    left: Complex,
    right: Complex,
    first: int,
    last: int,
    out: Floats,
    slopes: Floats,
) -> None:
    """Transmission and its derivatives by all site energies at fields first … last - 1: three products a column more.

    With M = Γ_R G_{0,X-1}† Γ_L, derivatives are 2 Re (G_{x,X-1} M G_{0,x})_yy. G_{x,X-1} M comes from the right by the
    left-connected blocks, and so does G_{0,x}, which is its left-connected self and what returns from x + 1.

    Parameters
    ----------
    out : float64, shape (F,)
        Written: T.
    slopes : float64, shape (F, X·W)
        Written: ∂T/∂h_i = 2 Re s_i.
    """
    columns, width = potential.shape
    matrix, added = np.empty((width, width), np.complex128), np.empty((width, width), np.complex128)
    blocks, moving = np.empty((columns, width, width), np.complex128), np.empty((columns, width, width), np.complex128)
    for f in range(first, last):
        phase = phases[f]
        back = np.conj(phase)
        for x in range(columns):
            if x == 0:
                added[:, :] = left[f]
            if x == columns - 1:
                added += right[f]
            fill_column(matrix, potential[x], energy, added)
            blocks[x] = np.linalg.inv(matrix.T).T
            if x == 0:
                moving[x] = blocks[x]
            else:
                for y in range(width):
                    for z in range(width):
                        matrix[y, z] = -moving[x - 1, y, z] * back[z]
                moving[x] = np.dot(matrix, blocks[x])
            if x < columns - 1:
                dress(phase, blocks[x], added)
        corner = moving[columns - 1]
        from_left, from_right = broadening_matrix(left[f]), broadening_matrix(right[f])
        between = np.dot(np.dot(from_right, np.ascontiguousarray(corner.conj().T)), from_left)
        total = 0.0
        for y in range(width):
            for z in range(width):
                total += (between[y, z] * corner[z, y]).real
        out[f] = total
        onward, whole = np.dot(blocks[columns - 1], between), corner.copy()
        for x in range(columns - 1, -1, -1):
            if x < columns - 1:
                for y in range(width):
                    for z in range(width):
                        matrix[y, z] = -back[y] * onward[y, z]
                        added[y, z] = -whole[y, z] * phase[z]
                onward = np.dot(blocks[x], matrix)
                whole = moving[x] + np.dot(added, blocks[x])
            for y in range(width):
                s = 0.0
                for z in range(width):
                    s += (onward[y, z] * whole[z, y]).real
                slopes[f, x * width + y] = 2.0 * s
