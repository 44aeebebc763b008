"""Where the sites of an instance lie: tori and open lattices in 2D and 3D, Chimera cells, other graphs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from annealrl.instances.hardware_graphs import chimera_edges
from annealrl.instances.lattices import lattice_edges
from annealrl.ising import FloatArray, IntArray, IsingModel

Kind = Literal["square", "cubic", "chimera", "graph"]

#: Shortest side of a recognised lattice, and the part of its bonds that must be there.
_LEAST_SIDE = 3
_LEAST_FILLED = 0.5
_SHORE = 4
#: Sites up to which a graph is laid out by its distances; larger and denser ones stand on a circle.
_LARGEST_LAYOUT = 400
_DENSE_DEGREE = 12


@dataclass(frozen=True, eq=False)
class Layout:
    """Places of the sites.

    Attributes
    ----------
    kind : {"square", "cubic", "chimera", "graph"}
    shape : tuple of int
        Sites along each axis of a lattice (row-major numbers), rows and columns of cells of a Chimera graph, else ().
    periodic : bool
        Whether bonds of a lattice wrap around.
    positions : float64 array, shape (n, 2)
        Coordinates to draw at, y downwards in lattices as their rows are; layers of a cubic lattice stand side by side.
    """

    kind: Kind
    shape: tuple[int, ...]
    periodic: bool
    positions: FloatArray


def layout_of(model: IsingModel) -> Layout:
    """Recognise the graph of a model by its bonds; a lattice may lack some of them (dilution).

    What is no lattice is laid out by graph distances (Kamada and Kawai, Inf. Process. Lett. 31, 7 (1989)), by springs
    where it falls apart, or on a circle where it is dense or large.
    """
    return _lattice(model) or _chimera(model) or _graph(model)


def plaquettes(shape: tuple[int, ...], periodic: bool) -> IntArray:
    """Corners of the elementary squares of a lattice in order around them; those of every plane for three dimensions.

    Returns
    -------
    int64 array, shape (p, 4)
        Row-major numbers of (i, i + e_a, i + e_a + e_b, i + e_b) for axes a < b; p = n·d·(d - 1)/2 when periodic.
    """
    sites = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
    squares = []
    for b in range(len(shape)):
        for a in range(b):
            corners = [sites, np.roll(sites, -1, a), np.roll(sites, (-1, -1), (a, b)), np.roll(sites, -1, b)]
            if not periodic:
                inner = tuple(slice(0, -1) if axis in (a, b) else slice(None) for axis in range(len(shape)))
                corners = [corner[inner] for corner in corners]
            squares.append(np.stack([corner.ravel() for corner in corners], axis=-1))
    return np.concatenate(squares)


def frustrated(model: IsingModel, corners: IntArray) -> IntArray:
    """Return those cycles, rows of `corners`, whose product of couplings is negative: no state satisfies all bonds.

    A cycle that lacks a bond, or has one of strength 0, is not frustrated.

    References
    ----------
    G. Toulouse, Commun. Phys. 2, 115 (1977).
    """
    n = model.n
    keys = model.edges[:, 0] * n + model.edges[:, 1]  # sorted, as the model's edges are
    a, b = corners, np.roll(corners, -1, axis=1)
    wanted = np.minimum(a, b) * n + np.maximum(a, b)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    signs = np.where(keys[place] == wanted, np.sign(model.couplings[place]), 0.0)
    chosen: IntArray = corners[signs.prod(axis=1) < 0]
    return chosen


def _has_edges(model: IsingModel, edges: IntArray) -> bool:
    """Whether the model's bonds are among these, and enough of these are there."""
    low, high = np.sort(edges, axis=1).T
    inside = np.isin(model.edges[:, 0] * model.n + model.edges[:, 1], low * model.n + high)
    return bool(inside.all()) and len(model.edges) >= _LEAST_FILLED * len(edges)


def _shapes(n: int) -> list[tuple[int, ...]]:
    """Candidate sides: squares and cubes first."""
    two = [(a, n // a) for a in range(_LEAST_SIDE, n // _LEAST_SIDE + 1) if n % a == 0]
    cube = round(n ** (1 / 3))
    three = [(cube,) * 3] if cube >= _LEAST_SIDE and cube**3 == n else []
    return [*sorted(two, key=lambda sides: abs(sides[0] - sides[1])), *three]


def _lattice(model: IsingModel) -> Layout | None:
    if model.degrees.max(initial=0) > 6 or len(model.edges) == 0:
        return None
    for shape in _shapes(model.n):
        for periodic in (False, True):
            if _has_edges(model, lattice_edges(shape, periodic=periodic)):
                places = np.indices(shape).reshape(len(shape), -1).astype(np.float64)
                if len(shape) == 2:
                    return Layout("square", shape, periodic, np.stack([places[1], places[0]], axis=1))
                columns = int(np.ceil(np.sqrt(shape[0])))
                across, down = places[0] % columns, places[0] // columns
                x, y = places[2] + across * (shape[2] + 1.5), places[1] + down * (shape[1] + 1.5)
                return Layout("cubic", shape, periodic, np.stack([x, y], axis=1))
    return None


def _chimera(model: IsingModel) -> Layout | None:
    cells, rest = divmod(model.n, 2 * _SHORE)
    if rest or cells == 0:
        return None
    divisors = [(rows, cells // rows) for rows in range(1, cells + 1) if cells % rows == 0]
    for rows, columns in sorted(divisors, key=lambda sides: abs(sides[0] - sides[1])):
        if _has_edges(model, chimera_edges(rows, columns, _SHORE)):
            i, j, u, k = np.indices((rows, columns, 2, _SHORE)).reshape(4, -1)
            # Shore 0 along the top of its cell, shore 1 down its left: bonds between cells are parallel, none overlap.
            x = 6.0 * j + np.where(u == 0, k + 1.0, 0.0)
            y = 6.0 * i + np.where(u == 0, 0.0, k + 1.0)
            return Layout("chimera", (rows, columns), False, np.stack([x, y], axis=1))
    return None


def _graph(model: IsingModel) -> Layout:
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(model.n))
    graph.add_edges_from(model.edges.tolist())
    if model.n > _LARGEST_LAYOUT or 2 * len(model.edges) > _DENSE_DEGREE * model.n:
        places = nx.circular_layout(graph)
    elif nx.is_connected(graph):
        places = nx.kamada_kawai_layout(graph)
    else:
        places = nx.spring_layout(graph, k=1.5 / np.sqrt(model.n), seed=0)
    return Layout("graph", (), False, np.array([places[i] for i in range(model.n)], dtype=np.float64))
