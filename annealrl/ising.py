"""Ising models: the data that every simulator, solver and reader shares.

Sign convention everywhere inside the package, with ``s_i = ±1``:
``H(s) = -Σ_{i<j} J_ij s_i s_j - Σ_i h_i s_i + offset``.
Conventions of the outside world are converted in :mod:`annealrl.instances.conventions` alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError

if TYPE_CHECKING:
    import networkx as nx
    import scipy.sparse as sp

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
SpinArray = npt.NDArray[np.int8]

#: An energy counts as the ground state's within this fraction of Σ|J| + Σ|h|.
EXACT = 1e-9


@dataclass(frozen=True, eq=False)
class IsingModel:
    """One Ising instance, validated when it is made; the arrays are read-only.

    Attributes
    ----------
    n : int
        Number of spins, at least 1.
    edges : int64 array, shape (m, 2)
        Pairs ``i < j``, 0-based, each at most once, sorted.
    couplings : float64 array, shape (m,)
        ``J_ij`` of each edge; a positive coupling is ferromagnetic.
    fields : float64 array, shape (n,)
        ``h_i``.
    offset : float
        Constant added to every energy, so that a converted problem keeps its own energies.
    name : str
        What to call the instance in results.
    labels : tuple of str, optional
        The names that the source gave to the spins, in order; None means 0 … n - 1.
    ground_spins : int8 array, shape (n,), optional
        A ground state, where the construction of the instance plants one.

    Examples
    --------
    >>> triangle = IsingModel.from_edges([(0, 1), (1, 2), (0, 2)], couplings=-1.0)
    >>> triangle.energy(np.array([1, 1, -1]))
    -1.0
    """

    n: int
    edges: IntArray
    couplings: FloatArray
    fields: FloatArray
    offset: float = 0.0
    name: str = ""
    labels: tuple[str, ...] | None = field(default=None, repr=False)
    ground_spins: SpinArray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        where = f"model {self.name!r}: " if self.name else "Ising model: "
        if self.n < 1:
            raise InputError(f"{where}it has no spins; at least one is needed")
        edges = _integer_pairs(self.edges, where)
        couplings = _finite(self.couplings, (len(edges),), f"{where}couplings")
        fields = _finite(self.fields, (self.n,), f"{where}fields")
        if not np.isfinite(self.offset):
            raise InputError(f"{where}offset is {self.offset}; a finite number is expected")
        if len(edges):
            if edges.min() < 0 or edges.max() >= self.n:
                outside = np.flatnonzero((edges < 0).any(1) | (edges >= self.n).any(1))
                raise InputError(f"{where}edge {_pair(edges, outside)} leaves the range 0 … {self.n - 1}")
            loops = np.flatnonzero(edges[:, 0] == edges[:, 1])
            if len(loops):
                raise InputError(f"{where}edge {_pair(edges, loops)} is a self-loop; a field belongs into `fields`")
            low, high = np.minimum(*edges.T), np.maximum(*edges.T)
            order = np.lexsort((high, low))
            edges, couplings = np.stack([low[order], high[order]], axis=1), couplings[order]
            twice = np.flatnonzero((np.diff(edges[:, 0]) == 0) & (np.diff(edges[:, 1]) == 0))
            if len(twice):
                raise InputError(f"{where}edge {_pair(edges, twice)} occurs twice; each pair may be given once")
        if self.labels is not None and len(self.labels) != self.n:
            raise InputError(f"{where}{len(self.labels)} labels for {self.n} spins")
        if self.ground_spins is not None:
            planted = np.array(self.ground_spins, dtype=np.int8)
            if planted.shape != (self.n,) or not (np.abs(planted) == 1).all():
                raise InputError(f"{where}ground_spins must be ±1, one for each of the {self.n} spins")
            planted.setflags(write=False)
            object.__setattr__(self, "ground_spins", planted)
        for key, value in (("edges", edges), ("couplings", couplings), ("fields", fields)):
            value.setflags(write=False)
            object.__setattr__(self, key, value)

    @classmethod
    def from_edges(
        cls,
        edges: npt.ArrayLike,
        couplings: npt.ArrayLike = 1.0,
        fields: npt.ArrayLike = 0.0,
        *,
        n: int | None = None,
        offset: float = 0.0,
        name: str = "",
    ) -> IsingModel:
        """Build a model from an edge list; scalars are spread over all edges or spins.

        Parameters
        ----------
        edges : array_like of int, shape (m, 2)
        couplings, fields : array_like
            ``J`` (scalar or shape (m,)) and ``h`` (scalar or shape (n,)).
        n : int, optional
            Number of spins; by default one more than the largest index (or the length of `fields`).
        """
        pairs = np.asarray(edges)
        pairs = pairs.reshape(-1, 2) if pairs.size == 0 else pairs
        if n is None:
            field_count = np.size(fields) if np.ndim(fields) else 0
            n = max(int(pairs.max()) + 1 if pairs.size else 0, field_count)
        J, h = np.asarray(couplings), np.asarray(fields)
        return cls(
            n,
            pairs,
            np.full(len(pairs), J) if J.ndim == 0 else J,
            np.full(n, h) if h.ndim == 0 else h,
            offset,
            name,
        )

    @classmethod
    def from_matrix(
        cls, J: npt.ArrayLike | sp.sparray | sp.spmatrix, fields: npt.ArrayLike = 0.0, *, name: str = ""
    ) -> IsingModel:
        """Build a model from a symmetric matrix (dense or scipy sparse) with ``J[i, j]`` the coupling of a pair.

        Raises
        ------
        InputError
            If the matrix is not square, not symmetric or has a non-zero diagonal.
        """
        import scipy.sparse as sp

        if not sp.issparse(J):
            dense = np.asarray(J, dtype=float)
            if dense.ndim != 2 or not np.isfinite(dense).all():
                raise InputError("coupling matrix: a two-dimensional array of finite numbers is expected")
            J = dense
        matrix = sp.coo_array(J)
        if matrix.shape[0] != matrix.shape[1]:
            raise InputError(f"coupling matrix: shape {matrix.shape} is not square")
        matrix.sum_duplicates()
        difference = abs(matrix - matrix.T)
        if difference.nnz and difference.max() > 0:
            raise InputError("coupling matrix: it is not symmetric")
        if np.any(matrix.diagonal()):
            raise InputError("coupling matrix: its diagonal must be zero; a field belongs into `fields`")
        upper = (matrix.row < matrix.col) & (matrix.data != 0)
        pairs = np.stack([matrix.row[upper], matrix.col[upper]], axis=1)
        return cls.from_edges(pairs, matrix.data[upper], fields, n=int(matrix.shape[0]), name=name)

    @classmethod
    def from_networkx(
        cls, graph: nx.Graph, *, weight: str = "weight", field: str = "field", sign: float = 1.0
    ) -> IsingModel:
        """Build a model from an undirected graph: edge attribute `weight` (default 1) and node attribute `field` (0).

        Parameters
        ----------
        sign : float
            ``+1`` reads the attributes as J and h of this package's convention, ``-1`` as those of
            ``H = +Σ w s s + Σ h s``.
        """
        if graph.is_directed() or graph.is_multigraph():
            raise InputError("networkx graph: an undirected graph without parallel edges is expected")
        index = {node: i for i, node in enumerate(graph.nodes)}
        pairs, weights = [], []
        for u, v, data in graph.edges(data=True):
            pairs.append((index[u], index[v]))
            weights.append(_number(data.get(weight, 1.0), f"networkx graph: edge ({u}, {v}), attribute {weight!r}"))
        fields = [
            _number(data.get(field, 0.0), f"networkx graph: node {node}, attribute {field!r}")
            for node, data in graph.nodes(data=True)
        ]
        return cls(
            len(index),
            np.array(pairs, dtype=np.int64).reshape(-1, 2),
            sign * np.array(weights, dtype=float),
            sign * np.array(fields, dtype=float),
            name=str(graph.name or ""),
            labels=tuple(str(node) for node in graph.nodes),
        )

    def to_networkx(self) -> nx.Graph:
        """Return the graph: edge attribute ``weight`` = J, node attribute ``field`` = h, graph attribute ``offset``.

        Nodes are called 0 … n - 1. What takes networkx graphs as problems reads all of it back.
        """
        import networkx as nx

        graph = nx.Graph(name=self.name, offset=self.offset)
        graph.add_nodes_from((i, {"field": float(h)}) for i, h in enumerate(self.fields))
        graph.add_weighted_edges_from(
            (int(i), int(j), float(J)) for (i, j), J in zip(self.edges, self.couplings, strict=True)
        )
        return graph

    def energy(self, spins: npt.ArrayLike) -> Any:
        """Energy of one configuration, shape (n,), or of many, shape (…, n); float64.

        Raises
        ------
        InputError
            If the last axis is not n or a value is not ±1.
        """
        s = np.asarray(spins)
        if s.shape[-1:] != (self.n,):
            raise InputError(f"spins: last axis of shape {s.shape} is not the model's {self.n} spins")
        if not (np.abs(s) == 1).all():
            raise InputError("spins: every value must be +1 or -1")
        s = s.astype(np.float64)
        bonds = (s[..., self.edges[:, 0]] * s[..., self.edges[:, 1]]) @ self.couplings
        energies = self.offset - bonds - s @ self.fields
        return float(energies) if energies.ndim == 0 else energies

    def named(self, name: str) -> IsingModel:
        """The same model under another name."""
        return replace(self, name=name)

    def energy_of(self, configuration: npt.ArrayLike) -> float:
        """Energy of one configuration, shape (n,)."""
        return float(self.energy(configuration))

    @cached_property
    def scale(self) -> float:
        """``Σ|J| + Σ|h|``, the yardstick of energy tolerances."""
        return float(np.abs(self.couplings).sum() + np.abs(self.fields).sum())

    @property
    def yardstick(self) -> float:
        """What residual energies are divided by before they are averaged over instances: :attr:`scale`."""
        return self.scale

    @property
    def slack(self) -> float:
        """An energy this far above the ground state's counts as the ground state's."""
        return EXACT * self.scale

    @property
    def rounding(self) -> float:
        """How much energies of one configuration, summed in different orders, may differ."""
        return EXACT * (self.scale + abs(self.offset))

    @property
    def extent(self) -> float:
        """What energies are divided by to compare instances: n."""
        return self.n

    @cached_property
    def energy_scale(self) -> float:
        """σ = √(Σ J²/n), the energy scale of an instance that anyone who knows its couplings can use.

        Raises
        ------
        InputError
            If there is no coupling.
        """
        largest = float(np.abs(self.couplings).max(initial=0.0))
        # Divided first: squares of very large or small couplings leave the range of float64.
        sigma = largest * float(np.sqrt(((self.couplings / largest) ** 2).sum() / self.n)) if largest else 0.0
        if sigma == 0:
            raise InputError(f"instance {self.name!r}: it has no coupling, so β in units of 1/σ means nothing")
        return sigma

    @cached_property
    def energy_spread(self) -> float:
        """√(Σ J² + Σ h²), the standard deviation of the energy over all configurations."""
        return float(np.sqrt((self.couplings**2).sum() + (self.fields**2).sum()))

    @property
    def content(self) -> tuple[bytes, ...]:
        """All that makes the instance, for hashes."""
        arrays = (np.int64(self.n), self.edges, self.couplings, self.fields)
        return tuple(np.ascontiguousarray(array).tobytes() for array in arrays)

    @cached_property
    def degrees(self) -> IntArray:
        """Number of neighbours of every spin, shape (n,)."""
        return np.bincount(self.edges.ravel(), minlength=self.n).astype(np.int64)

    @cached_property
    def padded(self) -> tuple[npt.NDArray[np.int32], FloatArray]:
        """Neighbour table of the kernels: ``neighbours[n, k]`` (padded with the site itself), ``couplings[n, k]`` (0).

        The first ``degrees[i]`` entries of row i are real; k is the largest degree.
        """
        width = int(self.degrees.max(initial=0))
        neighbours = np.tile(np.arange(self.n, dtype=np.int32)[:, None], (1, width))
        couplings = np.zeros((self.n, width))
        ends = np.concatenate([self.edges, self.edges[:, ::-1]])
        values = np.concatenate([self.couplings, self.couplings])
        order = np.argsort(ends[:, 0], kind="stable")
        ends, values = ends[order], values[order]
        starts = np.concatenate([[0], np.cumsum(self.degrees)])[:-1]
        slot = np.arange(len(ends)) - starts[ends[:, 0]]
        neighbours[ends[:, 0], slot] = ends[:, 1]
        couplings[ends[:, 0], slot] = values
        return neighbours, couplings


def _pair(edges: IntArray, rows: npt.NDArray[np.intp]) -> str:
    return f"({edges[rows[0], 0]}, {edges[rows[0], 1]})"


def _integer_pairs(edges: npt.ArrayLike, where: str) -> IntArray:
    array = np.asarray(edges)
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError(f"{where}edges have shape {array.shape}; (m, 2) is expected")
    if array.size and array.dtype.kind not in "iu":
        raise InputError(f"{where}edges have dtype {array.dtype}; integers are expected")
    return np.array(array, dtype=np.int64)


def _finite(values: npt.ArrayLike, shape: tuple[int, ...], what: str) -> FloatArray:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{what} are not numbers") from None
    if array.shape != shape:
        raise InputError(f"{what} have shape {array.shape}; {shape} is expected")
    bad = np.flatnonzero(~np.isfinite(array))
    if len(bad):
        raise InputError(f"{what}: entry {bad[0]} is {array.ravel()[bad[0]]}; finite numbers are expected")
    return array


def _number(value: object, what: str) -> float:
    try:
        if not isinstance(value, (str, bytes)):  # float would read them
            return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        pass
    raise InputError(f"{what} is {value!r}; a number is expected")


def ising_models(models: Iterable[Any], what: str) -> list[IsingModel]:
    """The models, for that which works on couplings and spins alone.

    Parameters
    ----------
    models : iterable of IsingModel or Objective
    what : str
        Who asks, as the message opens with.

    Raises
    ------
    InputError
        If one is no Ising model; names it.
    """
    found = []
    for model in models:
        if not isinstance(model, IsingModel):
            raise InputError(f"{what}: Ising models are expected, not designs such as {model.name!r}")
        found.append(model)
    return found
