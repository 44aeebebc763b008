"""Screened Coulomb glasses on a square torus, plain and sinusoidal: long-range, without disorder."""

from __future__ import annotations

import numpy as np

from annealrl.errors import InputError
from annealrl.instances.couplings import check_integer, check_number
from annealrl.instances.random_graphs import complete_edges
from annealrl.ising import FloatArray, IsingModel

#: Largest side, and largest cut-off in lattice units.
MAX_SIDE = 64
MAX_CUTOFF = 1024.0


def coulomb_table(length: int, screening: float, *, cutoff: float = 64.0, sinusoidal: bool = False) -> FloatArray:
    """Sum the pair interaction over all periodic images, once for each displacement.

    Parameters
    ----------
    length : int
        Side L of the torus, from 2 to :data:`MAX_SIDE`.
    screening : float
        k ≥ 0, in inverse lattice units.
    cutoff : float
        Images at distance r ≤ `cutoff` (lattice units) count; from 1 to :data:`MAX_CUTOFF`.
    sinusoidal : bool
        Multiply by sin(r).

    Returns
    -------
    float64 array, shape (L, L)
        ``V(Δ) = Σ_R f(|Δ + R|)`` over ``R ∈ L·ℤ²``, ``f(r) = exp(-k r)/r`` (times ``sin r``), r = 0 left out.
        Symmetric in both axes and their exchange, bit by bit.

    Raises
    ------
    InputError
        If a parameter is out of range.
    """
    side = check_integer(length, "lattice side", 2, MAX_SIDE)
    k = check_number(screening, "screening k", 0.0)
    reach = check_number(cutoff, "cut-off", 1.0, MAX_CUTOFF)
    images = np.arange(-int(reach // side) - 1, int(reach // side) + 2, dtype=np.int64) * side
    table = np.zeros((side, side))
    for a in range(side // 2 + 1):
        for b in range(a + 1):
            squared = (a + images)[:, None] ** 2 + (b + images) ** 2
            near = np.sort(squared[(squared > 0) & (squared <= reach**2)])
            r = np.sqrt(near.astype(np.float64))
            values = np.exp(-k * r) / r * (np.sin(r) if sinusoidal else 1.0)
            total = float(values.sum())
            for x in {a, -a % side}:
                for y in {b, -b % side}:
                    table[x, y] = table[y, x] = total
    return table


def screened_coulomb(
    length: int, screening: float = 1.0, *, J: float = 1.0, cutoff: float = 64.0, name: str = ""
) -> IsingModel:
    """Return the screened Coulomb model ``H = J Σ_{i<j} s_i s_j Σ_R exp(-k r)/r`` on a `length` × `length` torus.

    r is the distance of site i to image R of site j, in lattice units; images count up to `cutoff`. J > 0 is
    antiferromagnetic, and on even sides the checkerboard is the ground state. There is nothing random in it. A spin's
    interaction with its own images is a constant and left out.

    Parameters
    ----------
    length : int
        Side of the torus; sites are numbered in row-major order.
    screening : float
        k; the thesis does not state it, 1 is this package's choice.
    J : float
        Strength and sign.
    cutoff : float
        64 lattice units in the thesis.

    Raises
    ------
    InputError
        If a parameter is out of range.

    References
    ----------
    K. Mills and I. Tamblyn, Phys. Rev. E 97, 032119 (2018).
    """
    return _coulomb(length, screening, J, cutoff, sinusoidal=False, name=name)


def sinusoidal_coulomb(
    length: int, screening: float = 1.0, *, J: float = 1.0, cutoff: float = 64.0, name: str = ""
) -> IsingModel:
    """Return ``H = J Σ_{i<j} s_i s_j Σ_R exp(-k r) sin(r)/r`` on a torus; otherwise as :func:`screened_coulomb`.

    The interaction changes its sign at every multiple of π, so near pairs and far ones compete.

    References
    ----------
    K. Mills and I. Tamblyn, Phys. Rev. E 97, 032119 (2018), equation (1).
    """
    return _coulomb(length, screening, J, cutoff, sinusoidal=True, name=name)


def _coulomb(length: int, screening: float, J: float, cutoff: float, *, sinusoidal: bool, name: str) -> IsingModel:
    table = coulomb_table(length, screening, cutoff=cutoff, sinusoidal=sinusoidal)
    if not np.isfinite(J):
        raise InputError(f"strength J {J!r}; a finite number is expected")
    side = len(table)
    edges = complete_edges(side * side)
    x, y = np.divmod(edges, side)
    values = table[(x[:, 0] - x[:, 1]) % side, (y[:, 0] - y[:, 1]) % side]
    return IsingModel.from_edges(edges, -float(J) * values + 0.0, n=side * side, name=name)
