"""Which instance it is, whatever it is called: a key that renaming, relabelling and changes of sign leave alone.

Splits and the refusal of test instances go by it, so copies in another guise are recognised.
"""

from __future__ import annotations

import hashlib
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from annealrl.ising import IntArray, IsingModel

Words: TypeAlias = npt.NDArray[np.uint64]

#: Digits after the point to which strengths are compared.
_DIGITS = 9
#: Rounds in which sites take up the colours of their neighbours.
_ROUNDS = 12
#: Most terms that a product of sparse matrices may have; models beyond it are told apart by fewer walks.
_MOST_TERMS = 20_000_000
_LARGEST_CODE = 251


def content_key(model: IsingModel) -> bytes:
    """Return 32 bytes that are the same for an instance under names, relabelling, gauges, and J → -J, h → -h.

    Where most strengths |J|, |h| differ (Gaussian couplings), they are the key: sorted, and rounded to 1e-9. Where they
    repeat (±J, max-cut, tiles), the key comes from the graph: sites are coloured by the strengths and the products of
    couplings along the triangles and squares at their bonds, which no gauge changes, then by the colours of their
    neighbours, and so on; the sorted colours are the key. Different instances have different keys unless they differ
    in nothing that this sees.

    References
    ----------
    B. Weisfeiler and A. Leman, Nauchno-Technicheskaya Informatsiya 2, 12 (1968).
    """
    strengths = np.round(np.abs(np.concatenate([model.couplings, model.fields])), _DIGITS)
    present, codes = np.unique(strengths, return_inverse=True)
    if 2 * (len(present) - 1) > np.count_nonzero(strengths):
        return hashlib.sha256(np.sort(strengths).tobytes()).digest()
    codes = np.where(strengths == 0, 0, codes % _LARGEST_CODE + 1)
    m = len(model.edges)
    J = codes[:m] * np.sign(model.couplings).astype(np.int64)
    h = codes[m:] * np.sign(model.fields).astype(np.int64)
    bound = J != 0
    even, odd = _edge_labels(model.n, model.edges[bound], J[bound], h)
    return min(_colours(model.n, model.edges[bound], np.abs(h), even, sign * odd) for sign in (1, -1))


def _edge_labels(n: int, edges: IntArray, J: IntArray, h: IntArray) -> tuple[Words, IntArray]:
    """Return what no gauge changes at each bond: its part that J → -J keeps, mixed, and the one that it turns."""
    from scipy import sparse

    i, j = edges.T
    squares, triangles = np.zeros(len(J), dtype=np.int64), np.zeros(len(J), dtype=np.int64)
    degrees = np.bincount(edges.ravel(), minlength=n)
    W: Any = sparse.csr_array((np.tile(J, 2), (np.concatenate([i, j]), np.concatenate([j, i]))), shape=(n, n))
    if len(J) == 0:
        pass
    elif 16 * len(J) > n * n:
        dense = W.toarray().astype(np.float64)  # whole numbers below 2^53: exact in any order
        walks = dense @ dense
        triangles = J * walks[i, j].astype(np.int64)
        squares = J * (walks @ dense)[i, j].astype(np.int64)
    elif int((degrees.astype(np.int64) ** 2).sum()) <= _MOST_TERMS:
        walks = W @ W
        triangles = J * _entries(walks, i, j)
        if int(np.diff(walks.indptr) @ degrees) <= _MOST_TERMS:
            squares = J * _entries(walks @ W, i, j)
    turned = triangles + _LARGEST_CODE * J * h[i] * h[j]
    return _mix(np.abs(J).astype(np.uint64) + _mix(squares.astype(np.uint64))), turned


def _entries(matrix: Any, i: IntArray, j: IntArray) -> IntArray:
    return np.asarray(matrix[i, j], dtype=np.int64).ravel()


def _colours(n: int, edges: IntArray, nodes: IntArray, even: Words, odd: IntArray) -> bytes:
    i, j = edges.T
    labels = _mix(even + _mix(odd.astype(np.uint64)))
    colours = _mix(nodes.astype(np.uint64))
    ends, others, bonds = np.concatenate([i, j]), np.concatenate([j, i]), np.concatenate([labels, labels])
    order = np.argsort(ends, kind="stable")
    ends, others, bonds = ends[order], others[order], bonds[order]
    first = np.flatnonzero(np.diff(ends, prepend=-1))
    for _ in range(_ROUNDS if len(ends) else 0):
        heard = np.zeros(n, dtype=np.uint64)
        heard[ends[first]] = np.add.reduceat(_mix(colours[others] + bonds), first)
        colours = _mix(colours + _mix(heard))
    return hashlib.sha256(np.sort(colours).tobytes()).digest()


def _mix(words: Words) -> Words:
    """Scramble 64-bit words (the finaliser of SplitMix64); sums of scrambled words stand for multisets."""
    words = (words + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
