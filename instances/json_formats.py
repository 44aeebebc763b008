"""JSON files of one instance: dimod's binary quadratic models and networkx' node-link graphs, read without either."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from annealrl.errors import InputError
from annealrl.instances.archive import place, regular_file
from annealrl.instances.conventions import Sign, from_bqm, from_spin
from annealrl.ising import FloatArray, IntArray, IsingModel

#: Largest JSON file that is read, in bytes: parsed, it takes up to thirty times as much memory.
MAX_JSON = 1 << 24


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Raises
    ------
    InputError
        If the file is missing, larger than :data:`MAX_JSON`, or not such; with the line where JSON ends to be JSON.
    """
    source = regular_file(path)
    try:
        with source.open("rb") as handle:
            data = handle.read(MAX_JSON + 1)
    except OSError as error:
        raise InputError(f"{place(source)}cannot be read: {error.strerror or error}") from None
    if len(data) > MAX_JSON:
        raise InputError(f"{place(source)}larger than {MAX_JSON} bytes, the most that is read of a JSON file")

    def refuse(constant: str) -> NoReturn:
        line = 1 + data[: max(data.find(constant.encode()), 0)].count(b"\n")
        raise InputError(f"{place(source, line)}{constant}; finite numbers are expected")

    try:
        value = json.loads(data.decode("utf-8-sig"), parse_constant=refuse)
    except UnicodeDecodeError as error:
        line = 1 + data[: error.start].count(b"\n")
        raise InputError(f"{place(source, line)}not UTF-8 text; JSON is expected") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{place(source, error.lineno)}not JSON: {error.msg} (column {error.colno})") from None
    except RecursionError:
        raise InputError(f"{place(source, 1)}JSON nested too deeply") from None
    except InputError:
        raise
    except ValueError:  # an integer of thousands of digits
        raise InputError(f"{place(source, 1)}JSON with a number too long to read") from None
    if not isinstance(value, dict):
        raise InputError(f"{place(source, 1)}a JSON {type(value).__name__}; an object {{…}} is expected")
    return value


def read_bqm(path: Path, data: dict[str, Any], name: str) -> tuple[IsingModel, str]:
    """Read what ``json.dump(bqm.to_serializable(), file)`` wrote (schema 3); return the model and its vartype.

    Raises
    ------
    InputError
        Naming the key that is not as expected.
    """
    where = place(path, 1)
    version = data.get("version")
    schema = version.get("bqm_schema") if isinstance(version, dict) else None
    if not str(schema).startswith("3."):
        raise InputError(f"{where}bqm_schema {_shown(schema)}; '3.0.0' is expected, as dimod ≥ 0.9 writes it")
    if data.get("use_bytes"):
        raise InputError(f"{where}the arrays are bytes; write the model with to_serializable(use_bytes=False)")
    vartype = data.get("variable_type")
    if vartype not in ("SPIN", "BINARY"):
        raise InputError(f"{where}variable_type {_shown(vartype)}; 'SPIN' or 'BINARY' is expected")
    linear = _floats(data.get("linear_biases"), f"{where}linear_biases")
    n = len(linear)
    if n < 1:
        raise InputError(f"{where}the model has no variables; at least one is expected")
    quadratic = _floats(data.get("quadratic_biases"), f"{where}quadratic_biases")
    ends = [_indices(data.get(key), n, len(quadratic), f"{where}{key}") for key in ("quadratic_head", "quadratic_tail")]
    pairs = np.stack(ends, axis=1)
    for key, size in (("num_variables", n), ("num_interactions", len(quadratic))):
        if data.get(key, size) != size:
            raise InputError(f"{where}{key} is {_shown(data[key])}, but {size} are there")
    _check_pairs(pairs, n, f"{where}quadratic_head, quadratic_tail")
    names = data.get("variable_labels", list(range(n)))
    if not isinstance(names, list) or len(names) != n:
        raise InputError(f"{where}variable_labels must be a list of {n} labels")
    labels = None if names == list(range(n)) else tuple(_label(label) for label in names)
    offset = _number(data.get("offset", 0.0), f"{where}offset")
    return from_bqm(vartype, linear, pairs, quadratic, offset=offset, name=name, labels=labels), vartype


def read_node_link(path: Path, data: dict[str, Any], sign: Sign, name: str) -> IsingModel:
    """Read an undirected graph as ``networkx.node_link_data`` gives it, its links under "edges" or "links".

    Link attribute ``weight`` (default 1) and node attribute ``field`` (default 0) are meant as `sign` says; graph
    attributes ``name`` and ``offset`` are taken over.

    Raises
    ------
    InputError
        Naming the node or link that is not as expected.
    """
    where = place(path, 1)
    for key in ("directed", "multigraph"):
        if data.get(key):
            raise InputError(f"{where}{key} is true; an undirected graph without parallel edges is expected")
    nodes = data.get("nodes")
    key = "links" if "links" in data else "edges"
    links = data.get(key)
    if not isinstance(nodes, list) or not isinstance(links, list):
        raise InputError(f"{where}lists 'nodes' and 'edges' (or 'links') are expected")
    if not nodes:
        raise InputError(f"{where}the graph has no nodes; at least one is expected")
    index: dict[Any, int] = {}
    fields = np.zeros(len(nodes))
    for i, node in enumerate(nodes):
        if not isinstance(node, dict) or "id" not in node:
            raise InputError(f"{where}nodes[{i}] is not an object with an 'id'")
        if index.setdefault(_key(node["id"]), i) != i:
            raise InputError(f"{where}nodes[{i}]: the id {_shown(node['id'])} occurs twice")
        fields[i] = _number(node.get("field", 0.0), f"{where}nodes[{i}].field")
    weights = np.zeros(len(links))
    pairs = np.zeros((len(links), 2), dtype=np.int64)
    for i, link in enumerate(links):
        if not isinstance(link, dict):
            raise InputError(f"{where}{key}[{i}] is not an object")
        for side, end in enumerate(("source", "target")):
            node = index.get(_key(link.get(end))) if end in link else None
            if node is None:
                raise InputError(f"{where}{key}[{i}].{end} is {_shown(link.get(end))}; the id of a node is expected")
            pairs[i, side] = node
        weights[i] = _number(link.get("weight", 1.0), f"{where}{key}[{i}].weight")
    _check_pairs(pairs, len(nodes), f"{where}{key}")
    if sign == "maxcut" and fields.any():
        raise InputError(f"{where}nodes[{np.flatnonzero(fields)[0]}] has a field, but sign maxcut has none")
    graph = data.get("graph", {})
    attributes = graph if isinstance(graph, dict) else {}
    ids = [node["id"] for node in nodes]
    return from_spin(
        len(nodes),
        pairs,
        weights,
        fields,
        sign=sign,
        offset=_number(attributes.get("offset", 0.0), f"{where}graph.offset"),
        name=_label(attributes.get("name") or name),
        labels=None if ids == list(range(len(nodes))) else tuple(_label(label) for label in ids),
    )


def _check_pairs(pairs: IntArray, n: int, where: str) -> None:
    loops = np.flatnonzero(pairs[:, 0] == pairs[:, 1])
    if len(loops):
        raise InputError(f"{where}: entry {loops[0]} is a self-loop; two different nodes are expected")
    keys = pairs.min(axis=1) * n + pairs.max(axis=1)
    order = np.argsort(keys, kind="stable")
    twice = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    if len(twice):
        row = int(twice[0])
        raise InputError(f"{where}: entry {order[row + 1]} repeats the pair of entry {order[row]}")


def _number(value: object, what: str) -> float:
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass
    raise InputError(f"{what} is {_shown(value)}; a finite number is expected")


def _floats(values: object, what: str) -> FloatArray:
    if not isinstance(values, list):
        raise InputError(f"{what} is {_shown(values)}; a list of numbers is expected")
    return np.array([_number(value, f"{what}[{i}]") for i, value in enumerate(values)], dtype=np.float64)


def _indices(values: object, n: int, count: int, what: str) -> IntArray:
    if not isinstance(values, list) or len(values) != count:
        raise InputError(f"{what}: a list of {count} indices is expected, one for each of quadratic_biases")
    for i, value in enumerate(values):
        if type(value) is not int or not 0 <= value < n:
            raise InputError(f"{what}[{i}] is {_shown(value)}; an index from 0 to {n - 1} is expected")
    return np.array(values, dtype=np.int64)


def _key(label: object) -> object:
    """Make a JSON value hashable; lists are tuples, as networkx takes them."""
    if isinstance(label, list):
        return tuple(_key(part) for part in label)
    return json.dumps(label, sort_keys=True) if isinstance(label, dict) else label


def _label(label: object) -> str:
    return str(_key(label))


def _shown(value: object) -> str:
    """Show a value of any size in a few characters of one line."""
    if isinstance(value, (list, dict)):
        return f"a {type(value).__name__} of {len(value)}"
    try:
        shown = ascii(value)
    except ValueError:  # an integer of thousands of digits
        return "a number too long to show"
    return shown if len(shown) <= 40 else shown[:37] + "…"
