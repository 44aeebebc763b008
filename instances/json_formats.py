"""JSON files of one instance: what all have in common, and networkx' node-link graphs, read without networkx."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from annealrl.errors import InputError
from annealrl.instances.archive import place, regular_file
from annealrl.instances.conventions import Sign, from_spin
from annealrl.ising import IntArray, IsingModel

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
        if index.setdefault(hashable(node["id"]), i) != i:
            raise InputError(f"{where}nodes[{i}]: the id {shown(node['id'])} occurs twice")
        fields[i] = finite_number(node.get("field", 0.0), f"{where}nodes[{i}].field")
    weights = np.zeros(len(links))
    pairs = np.zeros((len(links), 2), dtype=np.int64)
    for i, link in enumerate(links):
        if not isinstance(link, dict):
            raise InputError(f"{where}{key}[{i}] is not an object")
        for side, end in enumerate(("source", "target")):
            node = index.get(hashable(link.get(end))) if end in link else None
            if node is None:
                raise InputError(f"{where}{key}[{i}].{end} is {shown(link.get(end))}; the id of a node is expected")
            pairs[i, side] = node
        weights[i] = finite_number(link.get("weight", 1.0), f"{where}{key}[{i}].weight")
    check_pairs(pairs, len(nodes), f"{where}{key}")
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
        offset=finite_number(attributes.get("offset", 0.0), f"{where}graph.offset"),
        name=label_text(attributes.get("name") or name),
        labels=None if ids == list(range(len(nodes))) else tuple(label_text(label) for label in ids),
    )


def check_pairs(pairs: IntArray, n: int, where: str) -> None:
    """Refuse self-loops and repeated pairs; no JSON format says that repeated ones are summed."""
    loops = np.flatnonzero(pairs[:, 0] == pairs[:, 1])
    if len(loops):
        raise InputError(f"{where}: entry {loops[0]} is a self-loop; two different nodes are expected")
    keys = pairs.min(axis=1) * n + pairs.max(axis=1)
    order = np.argsort(keys, kind="stable")
    twice = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    if len(twice):
        row = int(twice[0])
        raise InputError(f"{where}: entry {order[row + 1]} repeats the pair of entry {order[row]}")


def finite_number(value: object, what: str) -> float:
    """Return a JSON number as float, or refuse `value`; `what` begins the message."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass
    raise InputError(f"{what} is {shown(value)}; a finite number is expected")


def hashable(label: object) -> object:
    """Make a JSON value hashable; lists are tuples, as networkx and dimod take them."""
    if isinstance(label, list):
        return tuple(hashable(part) for part in label)
    return json.dumps(label, sort_keys=True) if isinstance(label, dict) else label


def label_text(label: object) -> str:
    """Return a JSON value as the text of a label; lists look like tuples.

    Half a surrogate pair, which JSON can write but no output can, becomes its escape.
    """
    return str(hashable(label)).encode("utf-8", "backslashreplace").decode("utf-8")


def shown(value: object) -> str:
    """Show a value of any size in a few characters of one line."""
    if isinstance(value, (list, dict)):
        return f"a {type(value).__name__} of {len(value)}"
    try:
        text = ascii(value)
    except ValueError:  # an integer of thousands of digits
        return "a number too long to show"
    return text if len(text) <= 40 else text[:37] + "…"
