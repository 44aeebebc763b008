"""A bound for dense graphs, where cycles prove little: the dual of the semidefinite relaxation, exact all the same.

For any y with ``Diag(y) - W`` positive semidefinite, ``-½ sᵀWs = ½ sᵀ(Diag(y) - W)s - ½ Σ y ≥ -½ Σ y`` for every
configuration (Delorme and Poljak, Math. Prog. 62, 557 (1993); Goemans and Williamson, J. ACM 42, 1115 (1995)). A good y
comes from a low-rank solution of the primal; that ``Diag(y) - W`` is semidefinite is then proven by a Cholesky
factorisation whose rounding errors are bounded (Rump, BIT 46, 433 (2006)).
"""

from __future__ import annotations

import math
import time

import numpy as np

from annealrl.ising import FloatArray, IntArray
from annealrl.solvers.graph import SignedGraph

MAX_SPINS = 1000
"""Larger graphs are not tried: the work grows as the cube of the spins."""
_BITS = 50
"""Weights are multiplied until their sum has this many binary digits, so that integer multipliers are fine enough."""
_SWEEPS, _CONVERGED = 3000, 1e-8
_ATTEMPTS = 6


def semidefinite_bound(graph: SignedGraph, rng: np.random.Generator, deadline: float) -> int:
    """Lower bound on the cost of every configuration; 0 without time or proof, or for too many spins."""
    if graph.n > MAX_SPINS or time.perf_counter() > deadline:
        return 0
    scale = int(np.abs(graph.weights).sum())
    fine = 1 << max(0, _BITS - scale.bit_length())
    i, j = graph.edges.T
    matrix = np.zeros((graph.n, graph.n))
    matrix[i, j] = matrix[j, i] = graph.weights * float(fine)
    total = _proven_total(matrix, _multipliers(matrix, rng, deadline))
    if total is None:
        return 0
    return max(0, scale - total // (2 * fine))


def _multipliers(matrix: FloatArray, rng: np.random.Generator, deadline: float) -> FloatArray:
    """Maximise ``Σ W_ij v_i·v_j`` over unit vectors, one at a time; the lengths before normalising are the multipliers.

    The mixing method: Wang, Chang and Kolter, arXiv:1706.00476.
    """
    n = len(matrix)
    rank = math.isqrt(2 * n) + 1
    v = rng.normal(size=(n, rank))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    previous = -math.inf
    for _ in range(_SWEEPS):
        for i in range(n):
            pull = matrix[i] @ v
            length = math.sqrt(float(pull @ pull))
            if length > 0:
                v[i] = pull / length
        value = float((v * (matrix @ v)).sum())
        if value - previous <= _CONVERGED * abs(value) or time.perf_counter() > deadline:
            break
        previous = value
    lengths: FloatArray = np.linalg.norm(matrix @ v, axis=1)
    return lengths


def _proven_total(matrix: FloatArray, y: FloatArray) -> int | None:
    """``Σ y`` of integers near `y` (or slightly above) for which ``Diag(y) - W`` is proven to be semidefinite."""
    n = len(matrix)
    unit = float(y.max(initial=1.0))
    lift = max(0.0, -float(np.linalg.eigvalsh(np.diag(y) - matrix)[0])) + 1e-12 * unit
    for _ in range(_ATTEMPTS):
        if not float(y.max(initial=0.0)) + lift < 2.0**52:
            return None
        integers: IntArray = np.ceil(y + lift).astype(np.int64)
        # All entries are integers below 2**53, so this matrix is exact.
        try:
            np.linalg.cholesky(np.diag(integers.astype(float)) - matrix)
        except np.linalg.LinAlgError:
            lift *= 4.0
            continue
        # RᵀR = A + E with ‖E‖ ≤ γ/(1 - γ) tr A, γ = (n + 1) u / (1 - (n + 1) u); twice that covers everything.
        trace = int(integers.sum())
        slack = 2 * (n + 2) * trace // 2**53 + 1
        return trace + n * slack
    return None
