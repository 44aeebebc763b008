"""JSON of dimod's binary quadratic models, in all schemas that dimod wrote, read and written without dimod.

========  =======================================================================================================
schema    keys of the biases
========  ========================================================================================================
3.0.0     lists ``linear_biases``, ``quadratic_biases``, ``quadratic_head``, ``quadratic_tail``; indices from 0
2.0.0     the same; a list may also be wrapped, ``{"type": "array", "data": …, "shape": …}``
1.0.0     sparse: ``linear_terms`` (label, bias), ``quadratic_terms`` (label_head, label_tail, bias)
========  ========================================================================================================

``E = Σ a_i v_i + Σ b_ij v_i v_j + offset`` over ``v = ±1`` (SPIN) or ``v ∈ {0, 1}`` (BINARY), without a sign to choose.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from annealrl.errors import InputError
from annealrl.instances.archive import place
from annealrl.instances.conventions import from_bqm, to_binary, to_spin
from annealrl.instances.json_formats import check_pairs, finite_number, hashable, label_text, shown
from annealrl.ising import FloatArray, IntArray, IsingModel


def read_bqm(path: Path, data: dict[str, Any], name: str) -> tuple[IsingModel, str]:
    """Read what ``json.dump(bqm.to_serializable(), file)`` wrote; return the model and its vartype.

    Raises
    ------
    InputError
        Naming the key that is not as expected.
    """
    where = place(path, 1)
    version = data.get("version")
    schema = version.get("bqm_schema") if isinstance(version, dict) else None
    if not isinstance(schema, str) or schema[:2] not in ("1.", "2.", "3."):
        raise InputError(
            f"{where}bqm_schema {shown(schema)}; '1.0.0', '2.0.0' or '3.0.0' is expected, as dimod writes it"
        )
    if data.get("use_bytes"):
        raise InputError(f"{where}the arrays are bytes; write the model with to_serializable(use_bytes=False)")
    vartype = data.get("variable_type")
    if vartype not in ("SPIN", "BINARY"):
        raise InputError(f"{where}variable_type {shown(vartype)}; 'SPIN' or 'BINARY' is expected")
    read = _sparse if schema[0] == "1" else _vectors
    names, linear, pairs, quadratic, what = read(data, where)
    n = len(linear)
    for key, size in (("num_variables", n), ("num_interactions", len(quadratic))):
        if data.get(key, size) != size:
            raise InputError(f"{where}{key} is {shown(data[key])}, but {size} are there")
    check_pairs(pairs, n, f"{where}{what}")
    labels = None if names == list(range(n)) else tuple(label_text(label) for label in names)
    offset = finite_number(data.get("offset", 0.0), f"{where}offset")
    return from_bqm(vartype, linear, pairs, quadratic, offset=offset, name=name, labels=labels), vartype


def bqm_document(model: IsingModel, vartype: str = "SPIN") -> dict[str, Any]:
    """Return the model as ``dimod.BinaryQuadraticModel.to_serializable`` writes it (schema 3.0.0), energies and all.

    Raises
    ------
    InputError
        If `vartype` is neither "SPIN" nor "BINARY".
    """
    if vartype == "SPIN":
        quadratic, linear = to_spin(model, "dimod")
        offset = model.offset
    elif vartype == "BINARY":
        linear, quadratic, offset = to_binary(model)
    else:
        raise InputError(f"vartype {vartype!r} is neither SPIN nor BINARY")
    return {
        "type": "BinaryQuadraticModel",
        "version": {"bqm_schema": "3.0.0"},
        "use_bytes": False,
        "index_type": "int64",
        "bias_type": "float64",
        "num_variables": model.n,
        "num_interactions": len(model.edges),
        "variable_labels": list(range(model.n)) if model.labels is None else list(model.labels),
        "variable_type": vartype,
        "offset": offset,
        "info": {},
        "linear_biases": linear.tolist(),
        "quadratic_biases": quadratic.tolist(),
        "quadratic_head": model.edges[:, 0].tolist(),
        "quadratic_tail": model.edges[:, 1].tolist(),
    }


_Parts = tuple[list[Any], FloatArray, IntArray, FloatArray, str]


def _vectors(data: dict[str, Any], where: str) -> _Parts:
    """Schemas 2 and 3: parallel lists."""
    linear = _floats(_list(data, "linear_biases", where), f"{where}linear_biases")
    n = len(linear)
    _some(n, where)
    quadratic = _floats(_list(data, "quadratic_biases", where), f"{where}quadratic_biases")
    ends = []
    for key in ("quadratic_head", "quadratic_tail"):
        values = _list(data, key, where)
        if len(values) != len(quadratic):
            raise InputError(
                f"{where}{key}: a list of {len(quadratic)} indices is expected, one for each of quadratic_biases"
            )
        for i, value in enumerate(values):
            if type(value) is not int or not 0 <= value < n:
                raise InputError(f"{where}{key}[{i}] is {shown(value)}; an index from 0 to {n - 1} is expected")
        ends.append(np.array(values, dtype=np.int64))
    names = data.get("variable_labels", list(range(n)))
    if not isinstance(names, list) or len(names) != n:
        raise InputError(f"{where}variable_labels must be a list of {n} labels")
    known: set[object] = set()
    for i, label in enumerate(names):
        if hashable(label) in known:
            raise InputError(f"{where}variable_labels[{i}]: the label {shown(label)} occurs twice")
        known.add(hashable(label))
    return names, linear, np.stack(ends, axis=1), quadratic, "quadratic_head, quadratic_tail"


def _sparse(data: dict[str, Any], where: str) -> _Parts:
    """Schema 1: terms that name their variables; variables without a linear term stand in ``variable_labels``."""
    index: dict[object, int] = {}
    names: list[Any] = []
    biases: dict[int, float] = {}
    stated = data.get("variable_labels", [])
    if not isinstance(stated, list):
        raise InputError(f"{where}variable_labels is {shown(stated)}; a list of labels is expected")
    for i, label in enumerate(stated):
        if index.setdefault(hashable(label), i) != i:
            raise InputError(f"{where}variable_labels[{i}]: the label {shown(label)} occurs twice")
        names.append(label)
    for i, term in enumerate(_list(data, "linear_terms", where)):
        here = f"{where}linear_terms[{i}]"
        label, bias = _term(term, ("label",), here)
        at = index.setdefault(hashable(label[0]), len(index))
        if at == len(names):
            if stated:
                raise InputError(f"{here}.label is {shown(label[0])}, which variable_labels does not have")
            names.append(label[0])
        if at in biases:
            raise InputError(f"{here}: the variable {shown(label[0])} occurs twice; each may be given once")
        biases[at] = bias
    pairs, quadratic = [], []
    for i, term in enumerate(_list(data, "quadratic_terms", where)):
        here = f"{where}quadratic_terms[{i}]"
        ends, bias = _term(term, ("label_head", "label_tail"), here)
        for key, label in zip(("label_head", "label_tail"), ends, strict=True):
            if hashable(label) not in index:
                raise InputError(f"{here}.{key} is {shown(label)}; the label of a variable is expected")
        pairs.append([index[hashable(label)] for label in ends])
        quadratic.append(bias)
    _some(len(names), where)
    linear = np.array([biases.get(i, 0.0) for i in range(len(names))], dtype=np.float64)
    edges = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return names, linear, edges, np.array(quadratic, dtype=np.float64), "quadratic_terms"


def _some(n: int, where: str) -> None:
    if n < 1:
        raise InputError(f"{where}the model has no variables; at least one is expected")


def _term(term: object, keys: tuple[str, ...], what: str) -> tuple[list[Any], float]:
    if not isinstance(term, dict):
        raise InputError(f"{what} is {shown(term)}; an object with {', '.join(keys)} and bias is expected")
    for key in keys:
        if key not in term:
            raise InputError(f"{what} has no {key}")
    return [term[key] for key in keys], finite_number(term.get("bias"), f"{what}.bias")


def _list(data: dict[str, Any], key: str, where: str) -> list[Any]:
    """Return the list under `key`, also where it is wrapped as an array of one axis."""
    values = data.get(key)
    if isinstance(values, dict) and values.get("type") == "array":
        if values.get("use_bytes"):
            raise InputError(f"{where}{key} is bytes; write the model with to_serializable(use_bytes=False)")
        values = values.get("data")
    if not isinstance(values, list):
        raise InputError(f"{where}{key} is {shown(values)}; a list is expected")
    return values


def _floats(values: list[Any], what: str) -> FloatArray:
    return np.array([finite_number(value, f"{what}[{i}]") for i, value in enumerate(values)], dtype=np.float64)
