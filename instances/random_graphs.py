"""Instances on random and complete graphs: Sherrington–Kirkpatrick, random regular, Viana–Bray, max-cut on G(n, p)."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np

from annealrl.errors import InputError
from annealrl.instances.conventions import from_spin
from annealrl.instances.couplings import MAX_EDGES, MAX_SITES, CouplingKind, check_integer, check_number, draw_couplings
from annealrl.ising import IntArray, IsingModel

CutWeights: TypeAlias = Literal["unit", "pm1"]


def sherrington_kirkpatrick(
    n: int, rng: np.random.Generator, *, couplings: Literal["gaussian", "pm1"] = "gaussian", name: str = ""
) -> IsingModel:
    """Draw a Sherrington–Kirkpatrick glass ``H = -Σ_{i<j} J_ij s_i s_j``: all pairs, J of mean 0 and variance 1/n.

    The ground energy per spin tends to -0.76317, with a correction that falls as n^(-2/3).

    Parameters
    ----------
    n : int
        Spins, at least 2.
    rng : numpy.random.Generator
    couplings : {"gaussian", "pm1"}
        N(0, 1/n), or ±1/√n with equal odds.

    Raises
    ------
    InputError
        If n is no such integer, the model would have more than :data:`MAX_EDGES` couplings, or `couplings` is neither.

    References
    ----------
    D. Sherrington and S. Kirkpatrick, Phys. Rev. Lett. 35, 1792 (1975).
    """
    n = check_integer(n, "number of spins", 2, MAX_SITES)
    if couplings not in ("gaussian", "pm1"):
        raise InputError(f"couplings {couplings!r} are none of gaussian, pm1")
    edges = complete_edges(n)
    return IsingModel.from_edges(edges, draw_couplings(couplings, len(edges), rng) / math.sqrt(n), n=n, name=name)


def random_regular(
    n: int, degree: int, rng: np.random.Generator, *, couplings: CouplingKind = "pm1", name: str = ""
) -> IsingModel:
    """Draw a glass ``H = -Σ J_ij s_i s_j`` on a random graph in which every spin has `degree` neighbours.

    Parameters
    ----------
    n : int
        Spins, more than `degree`; n · degree must be even.
    degree : int
        At least 1.
    rng : numpy.random.Generator
        One draw seeds ``networkx.random_regular_graph``; the couplings follow.
    couplings : {"gaussian", "pm1", "uniform"}
        See :func:`~annealrl.instances.couplings.draw_couplings`.

    Raises
    ------
    InputError
        If there is no such graph or the couplings' name is unknown.

    References
    ----------
    A. Steger and N. Wormald, Combin. Probab. Comput. 8, 377 (1999) for the graph, asymptotically uniform;
    M. Mézard and G. Parisi, Eur. Phys. J. B 20, 217 (2001) for the glass.
    """
    import networkx as nx

    n = check_integer(n, "number of spins", 2, MAX_SITES)
    degree = check_integer(degree, "degree", 1, n - 1)
    if n * degree % 2:
        raise InputError(f"degree {degree} on {n} spins: n · degree must be even")
    _check_edges(n * degree // 2)
    graph = nx.random_regular_graph(degree, n, seed=int(rng.integers(1 << 32)))
    edges = np.array(sorted(sorted(pair) for pair in graph.edges), dtype=np.int64)
    return IsingModel.from_edges(edges, draw_couplings(couplings, len(edges), rng), n=n, name=name)


def viana_bray(
    n: int, connectivity: float, rng: np.random.Generator, *, couplings: CouplingKind = "pm1", name: str = ""
) -> IsingModel:
    """Draw a Viana–Bray glass ``H = -Σ J_ij s_i s_j``: each pair is bound with probability connectivity/(n - 1).

    Degrees are Poisson-distributed for large n, with the mean `connectivity`; some spins may have no neighbour.

    Parameters
    ----------
    n : int
        Spins, at least 2.
    connectivity : float
        Mean number of neighbours, from 0 to n - 1.
    rng : numpy.random.Generator
    couplings : {"gaussian", "pm1", "uniform"}
        See :func:`~annealrl.instances.couplings.draw_couplings`.

    Raises
    ------
    InputError
        If a parameter is out of range or the couplings' name is unknown.

    References
    ----------
    L. Viana and A. J. Bray, J. Phys. C 18, 3037 (1985).
    """
    n = check_integer(n, "number of spins", 2, MAX_SITES)
    edges = gnp_edges(n, check_number(connectivity, "connectivity", 0.0, n - 1) / (n - 1), rng)
    return IsingModel.from_edges(edges, draw_couplings(couplings, len(edges), rng), n=n, name=name)


def max_cut_gnp(
    n: int, p: float, rng: np.random.Generator, *, weights: CutWeights = "unit", name: str = ""
) -> IsingModel:
    """Draw a max-cut problem on an Erdős–Rényi graph G(n, p): ``H = Σ w_ij s_i s_j`` = total weight - 2 cut.

    Parameters
    ----------
    n : int
        Nodes, at least 2.
    p : float
        Probability of each edge.
    rng : numpy.random.Generator
    weights : {"unit", "pm1"}
        All w = 1, or ±1 with equal odds, as rudy makes both.

    Raises
    ------
    InputError
        If a parameter is out of range or `weights` is neither.

    References
    ----------
    G. Rinaldi, rudy, a graph generator (1998); C. Helmberg and F. Rendl, SIAM J. Optim. 10, 673 (2000), whose G1 to G10
    are of this kind.
    """
    n = check_integer(n, "number of nodes", 2, MAX_SITES)
    edges = gnp_edges(n, p, rng)
    if weights not in ("unit", "pm1"):
        raise InputError(f"weights {weights!r} are none of unit, pm1")
    w = np.ones(len(edges)) if weights == "unit" else draw_couplings("pm1", len(edges), rng)
    return from_spin(n, edges, w, sign="maxcut", name=name)


def complete_edges(n: int) -> IntArray:
    """All pairs i < j of n sites, in order; int64, shape (n·(n - 1)/2, 2)."""
    _check_edges(n * (n - 1) // 2)
    return np.stack(np.triu_indices(n, 1), axis=1).astype(np.int64, copy=False)


def gnp_edges(n: int, p: float, rng: np.random.Generator) -> IntArray:
    """Draw each of the pairs i < j with probability p, independently; int64, shape (m, 2), in order.

    The gaps between drawn pairs are geometric, so the time is that of the edges drawn, not of all pairs.

    Raises
    ------
    InputError
        If p is no probability or more than :data:`MAX_EDGES` edges are to be expected.

    References
    ----------
    V. Batagelj and U. Brandes, Phys. Rev. E 71, 036113 (2005).
    """
    p = check_number(p, "probability p", 0.0, 1.0)
    total = n * (n - 1) // 2
    expected = total * p
    _check_edges(math.ceil(expected))
    chunk = math.ceil(expected + 6 * math.sqrt(expected)) + 16
    found, last = [np.zeros(0, dtype=np.int64)], -1
    while p > 0 and last < total:
        gaps = np.minimum(rng.geometric(p, chunk), total + 1)
        found.append(last + np.cumsum(gaps))
        last = int(found[-1][-1])
    ranks = np.concatenate(found)
    ranks = ranks[ranks < total]
    starts = np.cumsum(np.arange(n - 1, -1, -1)) - np.arange(n - 1, -1, -1)  # rank of the first pair of each row
    rows = np.searchsorted(starts[: n - 1], ranks, side="right") - 1
    return np.stack([rows, ranks - starts[rows] + rows + 1], axis=1)


def _check_edges(count: int) -> None:
    if count > MAX_EDGES:
        raise InputError(f"{count} couplings; at most {MAX_EDGES} are made")
