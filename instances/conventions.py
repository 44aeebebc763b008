r"""Signs, offsets, variable types and index bases: the only module that converts them.

Inside the package ``H(s) = -Σ_{i<j} J_ij s_i s_j - Σ_i h_i s_i + offset`` with ``s_i = ±1``. Every function here
returns a model whose :meth:`~annealrl.ising.IsingModel.energy` is the energy *in the source's own convention*:

=========  ==============================================  =========================================
sign       energy of the source                            usual in
=========  ==============================================  =========================================
``ising``  ``H = -Σ w_ij s_i s_j - Σ h_i s_i``             physics; networkx graphs of this package
``dimod``  ``H = +Σ w_ij s_i s_j + Σ h_i s_i``             dimod, D-Wave, COO files
``maxcut`` ``H = +Σ w_ij s_i s_j`` = total weight - 2 cut  rudy/Gset, Biq Mac
=========  ==============================================  =========================================

Binary problems ``E(x) = Σ a_i x_i + Σ_{i<j} b_ij x_i x_j + offset`` use ``x_i = (1 + s_i) / 2``. Offsets are kept: no
function here shifts an energy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray, IsingModel

if TYPE_CHECKING:
    import dimod
    import networkx as nx

Sign: TypeAlias = Literal["ising", "dimod", "maxcut"]
IndexBase: TypeAlias = Literal["auto", 0, 1]

#: What ``--sign`` may say.
SIGNS: tuple[Sign, ...] = get_args(Sign)


def check_sign(sign: str) -> Sign:
    """Return `sign` if it is one of :data:`SIGNS`.

    Raises
    ------
    InputError
        If it is not.
    """
    if sign not in SIGNS:
        raise InputError(f"sign {sign!r} is none of {', '.join(SIGNS)}")
    return sign


def check_index_base(index_base: str | int) -> IndexBase:
    """Return `index_base` as "auto", 0 or 1; the strings "0" and "1" are taken too.

    Raises
    ------
    InputError
        If it is none of them.
    """
    bases: dict[str, IndexBase] = {"auto": "auto", "0": 0, "1": 1}
    if str(index_base) not in bases or isinstance(index_base, bool):
        raise InputError(f"index base {index_base!r} is none of auto, 0, 1")
    return bases[str(index_base)]


def resolve_index_base(smallest: int, index_base: IndexBase) -> int:
    """Return 0 or 1: `index_base` itself, or for "auto" 0 when index 0 occurs in the source and 1 when it does not."""
    if index_base == "auto":
        return 0 if smallest == 0 else 1
    return index_base


def from_spin(
    n: int,
    edges: npt.ArrayLike,
    weights: npt.ArrayLike,
    fields: npt.ArrayLike = 0.0,
    *,
    sign: Sign,
    offset: float = 0.0,
    name: str = "",
    labels: tuple[str, ...] | None = None,
) -> IsingModel:
    """Make a model from spin data in a convention of the outside world.

    Parameters
    ----------
    n : int
        Number of spins.
    edges : array_like of int, shape (m, 2)
        0-based.
    weights : array_like, shape (m,)
    fields : array_like, scalar or shape (n,)
        Must be zero for ``maxcut``, which has no fields.
    sign : {"ising", "dimod", "maxcut"}
        What `weights` and `fields` mean; see the table of this module.
    offset : float
        Constant of the source's energy.

    Raises
    ------
    InputError
        If there are fields under ``maxcut``, or the model is not valid.
    """
    w = np.asarray(weights, dtype=np.float64)
    h = np.broadcast_to(np.asarray(fields, dtype=np.float64), (n,)) if np.ndim(fields) == 0 else np.asarray(fields)
    if sign == "maxcut" and np.any(h):
        raise InputError(f"{name or 'max-cut problem'}: sign maxcut has no fields, but a field is not zero")
    factor = 1.0 if sign == "ising" else -1.0
    # "+ 0.0" turns the -0.0 that a sign change makes of 0 back into 0: equal problems then have equal hashes.
    return IsingModel(
        n, np.asarray(edges).reshape(-1, 2), factor * w + 0.0, factor * h + 0.0, offset=offset, name=name, labels=labels
    )


def to_spin(model: IsingModel, sign: Sign) -> tuple[FloatArray, FloatArray]:
    """Return weights, shape (m,), and fields, shape (n,), of `model` as convention `sign` writes them.

    Raises
    ------
    InputError
        If `sign` is ``maxcut`` and the model has fields.
    """
    if sign == "maxcut" and np.any(model.fields):
        raise InputError(f"model {model.name!r}: sign maxcut has no fields, but the model has some")
    factor = 1.0 if sign == "ising" else -1.0
    return factor * model.couplings + 0.0, factor * model.fields + 0.0


def from_binary(
    linear: npt.ArrayLike,
    edges: npt.ArrayLike,
    quadratic: npt.ArrayLike,
    *,
    offset: float = 0.0,
    name: str = "",
    labels: tuple[str, ...] | None = None,
) -> IsingModel:
    """Make a model of ``E(x) = Σ a_i x_i + Σ b_ij x_i x_j + offset`` over ``x = (1 + s) / 2``; energies stay E(x).

    Parameters
    ----------
    linear : array_like, shape (n,)
        ``a``.
    edges : array_like of int, shape (m, 2)
        0-based, each pair once.
    quadratic : array_like, shape (m,)
        ``b``.
    """
    a = np.asarray(linear, dtype=np.float64)
    pairs: IntArray = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
    b = np.asarray(quadratic, dtype=np.float64)
    fields = a / 2
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large for a float is refused by the model
        np.add.at(fields, pairs.ravel(), np.repeat(b / 4, 2))
        constant = float(offset + a.sum() / 2 + b.sum() / 4)
    return IsingModel(len(a), pairs, 0.0 - b / 4, 0.0 - fields, offset=constant, name=name, labels=labels)


def from_biqmac_qubo(
    diagonal: npt.ArrayLike, edges: npt.ArrayLike, entries: npt.ArrayLike, *, name: str = ""
) -> IsingModel:
    """Make a model of ``min x'Qx = Σ q_ii x_i + 2 Σ_{i<j} q_ij x_i x_j``, as Biq Mac's sparse files mean it.

    References
    ----------
    A. Wiegele, Biq Mac Library: a collection of Max-Cut and quadratic 0-1 programming instances of medium size (2007).
    """
    with np.errstate(over="ignore"):
        twice = 2 * np.asarray(entries, dtype=np.float64)
    return from_binary(diagonal, edges, twice, name=name)


def from_bqm(
    vartype: str,
    linear: npt.ArrayLike,
    edges: npt.ArrayLike,
    quadratic: npt.ArrayLike,
    *,
    offset: float = 0.0,
    name: str = "",
    labels: tuple[str, ...] | None = None,
) -> IsingModel:
    """Make a model of a binary quadratic model with `vartype` "SPIN" or "BINARY"; arguments as :func:`from_binary`.

    Raises
    ------
    InputError
        If the vartype is another.
    """
    if vartype == "BINARY":
        return from_binary(linear, edges, quadratic, offset=offset, name=name, labels=labels)
    if vartype != "SPIN":
        raise InputError(f"{name or 'binary quadratic model'}: vartype {vartype!r} is neither SPIN nor BINARY")
    n = len(np.asarray(linear))
    return from_spin(n, edges, quadratic, linear, sign="dimod", offset=offset, name=name, labels=labels)


def from_dimod(bqm: dimod.BinaryQuadraticModel, *, name: str = "") -> IsingModel:
    """Make a model of a ``dimod.BinaryQuadraticModel``, or of anything with its linear, quadratic, vartype and offset.

    The variables keep their order; ``labels`` holds their names.
    """
    linear: Mapping[Any, Any] = bqm.linear
    index = {variable: i for i, variable in enumerate(linear)}
    pairs = np.array([(index[u], index[v]) for u, v in bqm.quadratic], dtype=np.int64).reshape(-1, 2)
    return from_bqm(
        bqm.vartype.name,
        np.array([float(bias) for bias in linear.values()]),
        pairs,
        np.array([float(bias) for bias in bqm.quadratic.values()]),
        offset=float(bqm.offset),
        name=name,
        labels=tuple(str(variable) for variable in linear),
    )


def from_networkx(graph: nx.Graph, *, sign: Sign = "ising") -> IsingModel:
    """Make a model of a networkx graph: edges' ``weight`` (default 1) and nodes' ``field`` (0) as `sign` means them.

    The graph attributes ``name`` and ``offset`` are taken over, as node-link files have them.

    Raises
    ------
    InputError
        If the graph is directed or has parallel edges, a number is none, or there are fields under ``maxcut``.
    """
    model = IsingModel.from_networkx(graph)
    try:
        offset = float(graph.graph.get("offset", 0.0))
    except (TypeError, ValueError):
        raise InputError(f"networkx graph: offset {graph.graph['offset']!r} is not a number") from None
    return from_spin(
        model.n,
        model.edges,
        model.couplings,
        model.fields,
        sign=check_sign(sign),
        offset=offset,
        name=model.name,
        labels=model.labels,
    )


def to_binary(model: IsingModel) -> tuple[FloatArray, FloatArray, float]:
    """Return ``a``, shape (n,), ``b``, shape (m,), and the offset of ``E(x) = Σ a x + Σ b x x + offset``.

    Energies stay the same: the inverse of :func:`from_binary`, up to rounding.
    """
    linear = -2 * model.fields
    np.add.at(linear, model.edges.ravel(), np.repeat(2 * model.couplings, 2))
    constant = model.offset - model.couplings.sum() + model.fields.sum()
    return linear + 0.0, -4 * model.couplings + 0.0, float(constant)


def to_biqmac_qubo(model: IsingModel) -> tuple[FloatArray, FloatArray]:
    """Return the diagonal, shape (n,), and the entries q_ij, shape (m,), of ``x'Qx``; inverse of `from_biqmac_qubo`.

    Raises
    ------
    InputError
        If ``x'Qx`` cannot be the model's energy, since that is not 0 at x = 0.
    """
    linear, quadratic, constant = to_binary(model)
    if abs(constant) > 1e-12 * (model.scale + abs(model.offset)):
        raise InputError(f"model {model.name!r}: x'Qx has no offset, but the model would need {constant:.12g}")
    return linear, quadratic / 2


def to_dimod(model: IsingModel) -> dimod.BinaryQuadraticModel:
    """Return the model as a spin-valued ``dimod.BinaryQuadraticModel`` with variables 0 … n - 1 and the same energies.

    Raises
    ------
    InputError
        If dimod is not installed.
    """
    try:
        import dimod
    except ImportError:
        raise InputError("dimod is not installed; it comes with pip install 'annealrl[interop]'") from None
    weights, fields = to_spin(model, "dimod")
    # By vectors: from mappings, dimod puts the variables into the order in which the couplings name them.
    rows, columns = model.edges.T
    return dimod.BinaryQuadraticModel.from_numpy_vectors(fields, (rows, columns, weights), model.offset, "SPIN")
