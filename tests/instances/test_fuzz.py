"""Whatever the bytes, a reader gives a model or InputError with one line."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annealrl.errors import InputError
from annealrl.instances import import_npz, load, read_set
from annealrl.instances.formats import FORMATS, read_instance

QUICK = settings(max_examples=150, deadline=None)
RUDY = b"4 4\n1 2 1\n2 3 -1\n3 4 5\n1 4 2.5\n"
COO = b"# vartype=BINARY\n0 0 1\n0 1 -2\n1 2 0.5\n"
BQM = json.dumps(
    {
        "type": "BinaryQuadraticModel",
        "version": {"bqm_schema": "3.0.0"},
        "variable_type": "SPIN",
        "variable_labels": ["a", "b"],
        "num_variables": 2,
        "num_interactions": 1,
        "offset": 0.5,
        "linear_biases": [1, -1],
        "quadratic_biases": [2],
        "quadratic_head": [0],
        "quadratic_tail": [1],
    }
).encode()
GRAPH = json.dumps(
    {
        "directed": False,
        "multigraph": False,
        "graph": {},
        "nodes": [{"id": [0, 0], "field": 1}, {"id": "x"}],
        "links": [{"source": [0, 0], "target": "x", "weight": -1}],
    }
).encode()
SPARSE = json.dumps(
    {
        "type": "BinaryQuadraticModel",
        "version": {"bqm_schema": "1.0.0"},
        "variable_type": "BINARY",
        "variable_labels": ["b", "a"],
        "linear_terms": [{"label": "a", "bias": 1.0}],
        "quadratic_terms": [{"label_head": "a", "label_tail": "b", "bias": 2}],
        "offset": 0.5,
    }
).encode()
LATTICE = b"# i,j,J\n0,1,-0.5\n1,2,2\n2,2,1\n"
GOOD = (RUDY, COO, BQM, GRAPH, SPARSE, LATTICE)

word = st.one_of(
    st.integers(-2, 6).map(str),
    st.sampled_from(
        ["nan", "-inf", "1e400", "1e308", "0", "J", "#", "99999999999999999999", "1_0", "٣", "0x1", "-0.0"]
    ),
    st.floats().map(repr),
)
lines = st.lists(st.lists(word, max_size=5).map(" ".join), max_size=8).map("\n".join).map(str.encode)
scalar = st.one_of(st.none(), st.booleans(), st.integers(-2, 4), st.floats(), st.text(max_size=3))
values = st.recursive(
    scalar,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=5,
)


def reads_or_says_why(read, data: bytes, name: str, **options) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            read(path, **options)
        except InputError as error:
            message = str(error)
            assert message.startswith(str(path))
            assert "\n" not in message
            assert len(message) < 600


@st.composite
def mutated(draw, originals=GOOD):
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        how = draw(st.sampled_from(["flip", "cut", "insert", "drop"]))
        if how == "cut":
            del data[at:]
        elif how == "drop":
            del data[at : at + draw(st.integers(1, 9))]
        elif how == "insert":
            data[at:at] = draw(st.one_of(st.binary(max_size=4), word.map(str.encode)))
        elif data:
            data[at] = draw(st.integers(0, 255))
    return bytes(data)


@QUICK
@given(
    data=st.one_of(st.binary(max_size=200), lines, mutated()),
    fmt=st.sampled_from(["auto", *FORMATS]),
    sign=st.sampled_from([None, "ising", "dimod", "maxcut"]),
    base=st.sampled_from(["auto", 0, 1]),
    name=st.sampled_from(["x", "x.sparse", "x.lat"]),
)
def test_single_files(data, fmt, sign, base, name):
    reads_or_says_why(read_instance, data, name, fmt=fmt, sign=sign, index_base=base)


@QUICK
@given(data=st.data(), original=st.sampled_from([BQM, GRAPH, SPARSE]))
def test_json_with_a_value_replaced(data, original):
    tree = json.loads(original)
    key = data.draw(st.sampled_from(sorted(tree)))
    inner = tree[key]
    value = data.draw(values)
    if isinstance(inner, list) and inner and data.draw(st.booleans()):
        inner[data.draw(st.integers(0, len(inner) - 1))] = value
    else:
        tree[key] = value
    reads_or_says_why(read_instance, json.dumps(tree).encode(), "x.json")


@QUICK
@given(data=st.one_of(st.binary(max_size=200), st.binary(max_size=50).map(lambda tail: b"PK\x03\x04" + tail)))
def test_junk_as_a_set(data):
    for read in (read_set, load):
        reads_or_says_why(read, data, "x.npz")
    reads_or_says_why(import_npz, data, "x.npz", sign="ising")


SETS = {
    "shared": {
        "edges": np.array([[0, 1], [1, 2]]),
        "J": np.ones((2, 2)),
        "n": np.array(3),
        "h": np.zeros((2, 3)),
        "ground_energy": np.full(2, -2.0),
        "ground_spins": np.ones((2, 3), np.int8),
        "bound": np.full(2, -2.0),
        "status": np.array(["optimal", "putative"]),
        "names": np.array(["a", "b"]),
    },
    "ragged": {
        "edges": np.array([[0, 1], [0, 1], [1, 2]]),
        "J": np.ones(3),
        "edge_ptr": np.array([0, 1, 3]),
        "node_ptr": np.array([0, 2, 5]),
        "ground_spins": np.ones(5, np.int8),
    },
}
array = st.tuples(
    st.sampled_from(["<f8", "<f4", "<i8", "|i1", "<u8", "|u1", "<U2", "<f2"]),
    st.lists(st.integers(0, 3), max_size=3),
    st.integers(0, 2**32),
)


def some_array(kind: str, shape: list[int], seed: int) -> np.ndarray:
    dtype = np.dtype(kind)
    count = int(np.prod(shape))
    rng = np.random.default_rng(seed)
    small = rng.integers(-2, 4, count).astype("i8")
    if kind == "<U2":
        return small.astype(dtype).reshape(shape)
    raw = np.frombuffer(rng.bytes(count * dtype.itemsize), dtype)
    with np.errstate(all="ignore"):
        return np.where(rng.random(count) < 0.8, small.astype(dtype), raw).astype(dtype).reshape(shape)


@pytest.mark.parametrize("form", SETS)
@QUICK
@given(data=st.data())
def test_sets_with_an_array_replaced(form, data):
    arrays = dict(SETS[form])
    for _ in range(data.draw(st.integers(1, 2))):
        key = data.draw(st.sampled_from([*arrays, "edge_ptr", "h", "other"]))
        if data.draw(st.booleans()):
            arrays[key] = some_array(*data.draw(array))
        elif key in arrays:
            changed = np.array(arrays[key])
            if changed.dtype.kind in "if" and changed.size:
                extremes = [0, -1, 3, np.iinfo(np.int64).max, np.iinfo(np.int64).min]
                value = data.draw(st.sampled_from(extremes if changed.dtype == np.int64 else [0, -1, 3]))
                changed.ravel()[data.draw(st.integers(0, changed.size - 1))] = value
            arrays[key] = changed
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    packed = buffer.getvalue()
    reads_or_says_why(read_set, packed, "x.npz")
    reads_or_says_why(import_npz, packed, "x.npz", sign="maxcut", energy_key="ground_energy", spins_key="ground_spins")
