"""Instances with a planted ground state: plaquette tiles, the Wishart ensemble, 3-regular 3-XORSAT."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.instances.couplings import Planted, check_integer, check_number, draw_spins
from annealrl.instances.random_graphs import complete_edges
from annealrl.ising import FloatArray, IntArray, IsingModel

#: Largest side of a tiling, most spins of the Wishart ensemble, and most bits of an XORSAT instance.
MAX_TILE_SIDE = 2048
MAX_WISHART = 4096
MAX_BITS = 1 << 20

_ATTEMPTS = 10_000


def tile_plaquettes(length: int) -> IntArray:
    """Corners of the plaquettes that tile an L × L torus: (r, c) with even r + c, one colour of a chessboard.

    Every bond belongs to just one of them.

    Returns
    -------
    int64 array, shape (L²/2, 4)
        Row-major site numbers (r, c), (r, c+1), (r+1, c+1), (r+1, c), so that successive ones are bound.

    Raises
    ------
    InputError
        If L is no even integer from 4 to :data:`MAX_TILE_SIDE`.
    """
    side = check_integer(length, "side of a tiled lattice", 4, MAX_TILE_SIDE)
    if side % 2:
        raise InputError(f"side of a tiled lattice {side}; an even integer is expected, as its colours alternate")
    sites = np.arange(side * side, dtype=np.int64).reshape(side, side)
    right = np.roll(sites, -1, axis=1)
    corners = np.stack([sites, right, np.roll(right, -1, axis=0), np.roll(sites, -1, axis=0)], axis=-1)
    even = (np.arange(side)[:, None] + np.arange(side)) % 2 == 0
    chosen: IntArray = corners[even]
    return chosen


def planted_tiles(
    length: int,
    rng: np.random.Generator,
    *,
    probabilities: Sequence[float] = (0.2, 0.5, 0.1, 0.2),
    name: str = "",
) -> Planted:
    """Plant a ground state in a 2D glass ``H = -Σ J_ij s_i s_j`` on a torus made of frustrated plaquettes.

    In a plaquette of class C_k, k = 1 … 4, k of the four bonds have ``|J| = 1`` and the others 2; all are
    ferromagnetic but one of the weak ones. The uniform state satisfies three bonds of each, which is the most that a
    frustrated plaquette allows, so it is a ground state of the sum; a random gauge hides it. C_k has 2k ground states
    by itself.

    Parameters
    ----------
    length : int
        Side L, even, at least 4.
    rng : numpy.random.Generator
    probabilities : sequence of 4 floats
        Of the classes C_1 … C_4; they must sum to 1.

    Returns
    -------
    Planted
        Its energy is ``-Σ_plaquettes (Σ|J| - 2)``: -5, -4, -3 and -2 for the four classes.

    Raises
    ------
    InputError
        If the side is odd or out of range, or the probabilities are not such.

    References
    ----------
    F. Hamze, D. C. Jacob, A. J. Ochoa, D. Perera, W. Wang and H. G. Katzgraber, Phys. Rev. E 97, 043303 (2018);
    D. Perera, F. Hamze, J. Raymond, M. Weigel and H. G. Katzgraber, Phys. Rev. E 101, 023316 (2020).
    """
    corners = tile_plaquettes(length)
    p = np.asarray(probabilities, dtype=np.float64)
    if p.shape != (4,) or not (p >= 0).all() or abs(p.sum() - 1) > 1e-9:
        raise InputError(f"tile probabilities {tuple(probabilities)}; four that sum to 1 are expected, of C_1 … C_4")
    tiles = len(corners)
    weak = 1 + rng.choice(4, tiles, p=p / p.sum())
    rank = rng.permuted(np.tile(np.arange(4), (tiles, 1)), axis=1)  # bond of rank 0 is the antiferromagnetic one
    J = np.where(rank < weak[:, None], 1.0, 2.0)
    J[rank == 0] = -1.0
    edges = np.stack([corners, np.roll(corners, -1, axis=1)], axis=-1).reshape(-1, 2)
    spins = draw_spins(int(length) ** 2, rng)
    gauged = J.ravel() * spins[edges[:, 0]] * spins[edges[:, 1]]
    energy = -float((np.abs(J).sum(axis=1) - 2).sum())
    return Planted(IsingModel.from_edges(edges, gauged, n=len(spins), name=name), energy, spins)


def planted_wishart(n: int, alpha: float, rng: np.random.Generator, *, name: str = "") -> Planted:
    """Plant a ground state t in a dense glass ``H = -Σ_{i<j} J_ij s_i s_j`` of the Wishart ensemble.

    ``J_ij = -(1/n) Σ_μ w_iμ w_jμ`` with m = round(α n) Gaussian vectors w_μ of covariance
    ``n/(n - 1) · (1 - t tᵀ/n)``, which are orthogonal to t. Then ``H(s) = Σ_μ (w_μ·s)²/2n - Σ w²/2n``, and t reaches
    the lower bound. Small and large α are easy, some α between them is hardest.

    Parameters
    ----------
    n : int
        Spins, from 2 to :data:`MAX_WISHART`.
    alpha : float
        m/n, positive, at most 64; at least one vector is drawn.
    rng : numpy.random.Generator

    Returns
    -------
    Planted
        Its energy ``-Σ w²/2n`` is on average -m/2. The value is the recomputed energy of the planted state.

    Raises
    ------
    InputError
        If a parameter is out of range.

    References
    ----------
    F. Hamze, J. Raymond, C. A. Pattison, K. Biswas and H. G. Katzgraber, Phys. Rev. E 101, 052102 (2020).
    """
    n = check_integer(n, "number of spins", 2, MAX_WISHART)
    m = max(1, round(check_number(alpha, "ratio alpha", 0.0, 64.0, open_below=True) * n))
    spins = draw_spins(n, rng)
    t = spins.astype(np.float64)
    z = rng.normal(size=(n, m))
    # 1 - ttᵀ/n is a projector, hence its own square root
    w: FloatArray = math.sqrt(n / (n - 1)) * (z - np.outer(t, t @ z) / n)
    edges = complete_edges(n)
    # Sums of products in a fixed order: matrix products differ in their last bits between machines.
    overlap = np.zeros(len(edges))
    for column in w.T:
        overlap += column[edges[:, 0]] * column[edges[:, 1]]
    model = IsingModel.from_edges(edges, -overlap / n, n=n, name=name)
    return Planted(model, float(model.energy(spins)), spins)


def planted_xorsat(bits: int, rng: np.random.Generator, *, name: str = "") -> Planted:
    """Plant a solution in 3-regular 3-XORSAT, written with pairs and fields: n = 2·bits spins, ground energy -4·bits.

    There are as many equations ``s_a s_b s_c = c`` as bits; each takes three bits and each bit is in three, otherwise
    at random. An equation becomes the energy, with an auxiliary spin z,
    ``s_a s_b + s_b s_c + s_a s_c - c (s_a + s_b + s_c) + 2 z (s_a + s_b + s_c - c)``,
    whose minimum over z is -4 where it holds and -2 where it does not; a random gauge of z hides c. Spins 0 … bits - 1
    are the bits, the others the auxiliary ones. Solving is easy by elimination, hard by annealing.

    Parameters
    ----------
    bits : int
        From 4 to :data:`MAX_BITS`.
    rng : numpy.random.Generator

    Raises
    ------
    InputError
        If `bits` is no such integer.

    References
    ----------
    I. Hen, Phys. Rev. Applied 12, 011003 (2019).
    """
    bits = check_integer(bits, "number of bits", 4, MAX_BITS)
    clauses = _regular_clauses(bits, rng)
    solution = draw_spins(bits, rng).astype(np.int64)
    gauge = draw_spins(bits, rng).astype(np.int64)
    parity = solution[clauses].prod(axis=1)
    auxiliary = bits + np.arange(bits)
    a, b, c = clauses.T
    edges = np.concatenate(
        [np.stack(pair, axis=1) for pair in ((a, b), (b, c), (a, c), (a, auxiliary), (b, auxiliary), (c, auxiliary))]
    )
    w = np.concatenate([np.ones(3 * bits, dtype=np.int64), np.tile(2 * gauge, 3)])
    fields = np.zeros(2 * bits, dtype=np.int64)
    np.add.at(fields, clauses.ravel(), np.repeat(-parity, 3))
    fields[auxiliary] = -2 * parity * gauge
    pairs, where = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    weights = np.zeros(len(pairs), dtype=np.int64)
    np.add.at(weights, where.ravel(), w)  # two equations may share a pair
    z = -np.sign(gauge * (solution[clauses].sum(axis=1) - parity))
    spins = np.concatenate([solution, z]).astype(np.int8)
    model = IsingModel.from_edges(pairs, 0.0 - weights, 0.0 - fields, n=2 * bits, name=name)
    return Planted(model, -4.0 * bits, spins)


def _regular_clauses(bits: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw `bits` different triples of different bits, each bit in three, by shuffling until it is so (1 in e²)."""
    stubs = np.repeat(np.arange(bits, dtype=np.int64), 3)
    for _ in range(_ATTEMPTS):
        clauses = np.sort(rng.permutation(stubs).reshape(bits, 3), axis=1)
        distinct = (clauses[:, 0] < clauses[:, 1]).all() and (clauses[:, 1] < clauses[:, 2]).all()
        if distinct and len(np.unique(clauses, axis=0)) == bits:
            return clauses
    raise InputError(f"number of bits {bits}: no 3-regular set of equations was found")
