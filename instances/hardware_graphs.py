"""Instances on the graphs of annealing hardware: Chimera and Pegasus glasses, the weak–strong clusters."""

from __future__ import annotations

import warnings

import numpy as np

from annealrl.errors import InputError
from annealrl.instances.couplings import MAX_SITES, CouplingKind, check_integer, draw_couplings
from annealrl.ising import IntArray, IsingModel, SpinArray


def chimera_edges(m: int, n: int | None = None, t: int = 4) -> IntArray:
    """Bonds of the Chimera graph C(m, n, t): an m × n grid of complete bipartite cells K(t, t), sites in linear order.

    Site ``((i·n + j)·2 + u)·t + k`` is the k-th of shore u in the cell of row i and column j; shore 0 is bound to the
    same k in the cell below, shore 1 to that in the cell to the right. This is the linear index of D-Wave's tools.

    Parameters
    ----------
    m, n : int
        Rows and columns of cells; n = m when it is not given.
    t : int
        Sites of a shore.

    Returns
    -------
    int64 array, shape (m·n·t² + (m - 1)·n·t + m·(n - 1)·t, 2)
        Pairs i < j: cell bonds, then vertical, then horizontal ones.

    Raises
    ------
    InputError
        If a parameter is no integer of at least 1, or there are more than :data:`MAX_SITES` sites.

    References
    ----------
    P. I. Bunyk et al., IEEE Trans. Appl. Supercond. 24, 1700110 (2014).
    """
    rows = check_integer(m, "Chimera rows m", 1, MAX_SITES)
    columns = check_integer(m if n is None else n, "Chimera columns n", 1, MAX_SITES)
    shore = check_integer(t, "Chimera shore t", 1, 1024)
    if 2 * rows * columns * shore > MAX_SITES:
        raise InputError(f"Chimera graph C({rows}, {columns}, {shore}): at most {MAX_SITES} sites are made")
    sites = np.arange(2 * rows * columns * shore, dtype=np.int64).reshape(rows, columns, 2, shore)
    left, right = np.broadcast_arrays(sites[:, :, 0, :, None], sites[:, :, 1, None, :])
    bonds = ((left, right), (sites[:-1, :, 0], sites[1:, :, 0]), (sites[:, :-1, 1], sites[:, 1:, 1]))
    return np.concatenate([np.stack([a.ravel(), b.ravel()], axis=1) for a, b in bonds])


def chimera_glass(
    m: int,
    rng: np.random.Generator,
    *,
    columns: int | None = None,
    shore: int = 4,
    couplings: CouplingKind = "pm1",
    fields: CouplingKind | None = None,
    name: str = "",
) -> IsingModel:
    """Draw a spin glass ``H = -Σ J_ij s_i s_j - Σ h_i s_i`` on a Chimera graph.

    Parameters
    ----------
    m : int
        Rows of cells; C(m, m, 4) has 8 m² spins.
    rng : numpy.random.Generator
    columns, shore : int
        See :func:`chimera_edges`.
    couplings : {"gaussian", "pm1", "uniform"}
        Of J; see :func:`~annealrl.instances.couplings.draw_couplings`.
    fields : {"gaussian", "pm1", "uniform"}, optional
        Of h, drawn after J; without it h = 0.

    Raises
    ------
    InputError
        If the graph cannot be made or a distribution's name is unknown.

    References
    ----------
    H. G. Katzgraber, F. Hamze and R. S. Andrist, Phys. Rev. X 4, 021008 (2014).
    """
    edges = chimera_edges(m, columns, shore)
    cells = int(m) * int(m if columns is None else columns)
    return _glass(edges, 2 * cells * int(shore), rng, couplings, fields, name)


def pegasus_edges(m: int) -> tuple[int, IntArray, tuple[str, ...]]:
    """Return sites, bonds and linear labels of the Pegasus graph P(m), as dwave-networkx builds it (extra ``interop``).

    Sites that the fabric leaves out have no number here: the others are 0 … n - 1 in the order of their labels.

    Raises
    ------
    InputError
        If dwave-networkx is not installed, or m is no integer from 2 to 64.

    References
    ----------
    K. Boothby, P. Bunyk, J. Raymond and A. Roy, arXiv:2003.00133 (2020).
    """
    size = check_integer(m, "Pegasus size m", 2, 64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it will move to another name
            import dwave_networkx as dnx
    except ImportError:
        raise InputError("Pegasus graphs need dwave-networkx; it comes with pip install 'annealrl[interop]'") from None
    graph = dnx.pegasus_graph(size)
    nodes = sorted(graph.nodes)
    index = {node: i for i, node in enumerate(nodes)}
    pairs = sorted(sorted((index[a], index[b])) for a, b in graph.edges)
    return len(nodes), np.array(pairs, dtype=np.int64).reshape(-1, 2), tuple(map(str, nodes))


def pegasus_glass(
    m: int,
    rng: np.random.Generator,
    *,
    couplings: CouplingKind = "pm1",
    fields: CouplingKind | None = None,
    name: str = "",
) -> IsingModel:
    """Draw a spin glass ``H = -Σ J_ij s_i s_j - Σ h_i s_i`` on a Pegasus graph; as :func:`chimera_glass`.

    Raises
    ------
    InputError
        As :func:`pegasus_edges`, or if a distribution's name is unknown.
    """
    n, edges, _ = pegasus_edges(m)
    return _glass(edges, n, rng, couplings, fields, name)


def _glass(
    edges: IntArray, n: int, rng: np.random.Generator, couplings: str, fields: str | None, name: str
) -> IsingModel:
    J = draw_couplings(couplings, len(edges), rng)
    h = 0.0 if fields is None else draw_couplings(fields, n, rng)
    return IsingModel.from_edges(edges, J, h, n=n, name=name)


def weak_strong_clusters(strong_field: float = 1.0, weak_field: float = -0.44, J: float = 1.0) -> IsingModel:
    """Return the weak–strong cluster problem: two Chimera cells K₄,₄ of opposite bias, 16 spins and 36 bonds.

    Spins 0 … 7 are the strong cluster (field `strong_field`), 8 … 15 the weak one (`weak_field`). In each the first
    four are bound to the last four, and the last four of the strong cluster to the last four of the weak one, by J.
    With the defaults all spins up is the ground state, at -40.48; each cluster along its own field is a deep local
    minimum, at
    -39.52 (:func:`weak_strong_local_minimum`).

    References
    ----------
    V. S. Denchev et al., Phys. Rev. X 6, 031015 (2016).
    """
    cell = [(a, b) for a in range(4) for b in range(4, 8)]
    edges = cell + [(a + 8, b + 8) for a, b in cell] + [(k, k + 8) for k in range(4, 8)]
    return IsingModel.from_edges(edges, J, np.repeat([strong_field, weak_field], 8), name="weak-strong-clusters")


def weak_strong_local_minimum() -> SpinArray:
    """Local minimum of :func:`weak_strong_clusters`: strong cluster up, weak one down; int8, shape (16,)."""
    return np.repeat(np.array([1, -1], dtype=np.int8), 8)
