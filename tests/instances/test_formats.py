"""Readers: every format and sign on a triangle, errors with file and line, files of others with known optima."""

from __future__ import annotations

import csv
import itertools
import json
import os

import dimod
import networkx as nx
import numpy as np
import pytest
from dimod.serialization import coo

from annealrl.errors import InputError
from annealrl.instances import formats, text_formats
from annealrl.instances.formats import read_instance, read_model
from annealrl.simulator import ReplicaSimulator
from annealrl.solvers import solve

STATES = np.array(list(itertools.product([-1, 1], repeat=3)))
RUDY = "3 3\n1 2 {w}\n2 3 {w}\n1 3 {w}\n"
COO = "0 1 {w}\n1 2 {w}\n0 2 {w}\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="problem.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def node_link(w):
    graph = nx.complete_graph(3)
    nx.set_edge_attributes(graph, w, "weight")
    return json.dumps(nx.node_link_data(graph))


def bqm_json(w, vartype="SPIN"):
    return json.dumps(dimod.BinaryQuadraticModel({}, {(0, 1): w, (1, 2): w, (0, 2): w}, vartype).to_serializable())


def lowest(model):
    return model.energy(STATES).min()


@pytest.mark.parametrize("sign", ["ising", "dimod", "maxcut"])
@pytest.mark.parametrize(("fmt", "text"), [("rudy", RUDY.format), ("coo", COO.format), ("node-link", node_link)])
def test_signs_on_a_triangle(write, fmt, text, sign):
    antiferromagnet = -1 if sign == "ising" else 1
    for w, energy in ((antiferromagnet, -1), (-antiferromagnet, -3)):
        loaded = read_instance(write(text(w=w)), sign=sign)
        assert (loaded.format, loaded.convention) == (fmt, sign)
        assert lowest(loaded.model) == energy


@pytest.mark.parametrize(
    ("text", "fmt", "convention", "energy"),
    [
        (RUDY.format(w=1), "rudy", "maxcut", -1),
        (RUDY.format(w=-1), "rudy", "maxcut", -3),
        (COO.format(w=1), "coo", "dimod", -1),
        (COO.format(w=-1), "coo", "dimod", -3),
        (COO.format(w=1), "latfile", "dimod", -1),
        (COO.format(w=-1), "latfile", "dimod", -3),
        (node_link(-1), "node-link", "ising", -1),
        (node_link(1), "node-link", "ising", -3),
        (bqm_json(1), "bqm", "dimod", -1),
        (bqm_json(-1), "bqm", "dimod", -3),
        (bqm_json(-1, "BINARY"), "bqm", "qubo", -3),
    ],
)
def test_default_signs_on_a_triangle(write, text, fmt, convention, energy):
    loaded = read_instance(write(text, "tri.lat" if fmt == "latfile" else "problem.txt"))
    assert (loaded.format, loaded.convention) == (fmt, convention)
    assert lowest(loaded.model) == energy


def test_qubo_on_a_triangle(write):
    loaded = read_instance(write("3 4\n1 1 -5\n1 2 1\n2 3 1\n1 3 1\n", "tri.sparse"))
    assert (loaded.format, loaded.convention, loaded.model.name) == ("qubo", "qubo", "tri")
    assert loaded.model.energy(STATES).tolist() == [0, 0, 0, 2, -5, -3, -3, 1]


@pytest.mark.parametrize("header", ["3 3", "3 3 ", "3 3 0", "3 3 J", "# a comment\n\n3 3"])
def test_headers_of_rudy_files(write, header):
    path = write(f"{header}\n1 2 1\r\n2\t3 1.5e0\n1 3 -1")
    loaded = read_instance(path)
    assert (loaded.format, loaded.model.n, loaded.model.name) == ("rudy", 3, "problem")
    assert loaded.model.couplings.tolist() == [-1, 1, -1.5]


@pytest.mark.parametrize(
    ("text", "n", "couplings"),
    [
        ("0 1 0\n1 2 1\n0 2 1\n", 3, [0, -1, -1]),
        ("0 1 0\n1 2 1\n", 3, [0, -1]),
        ("0 1 0\n0 2 1\n", 3, [0, -1]),
        ("0 1 0\n", 2, [0]),
        ("1 0 0\n", 2, [0]),
        ("1 2 0\n2 3 1\n1 3 1\n", 3, [0, -1, -1]),
        ("2 1 0\n3 4 1\n", 4, [0, -1]),
    ],
)
def test_a_coupling_of_zero_is_no_header(write, text, n, couplings):
    loaded = read_instance(write(text))
    assert (loaded.format, loaded.model.n) == ("coo", n)
    assert loaded.model.couplings.tolist() == couplings


def test_torus_headers_are_told_from_couplings_of_zero(write):
    assert read_instance(write("3 2 0\n1 2 1\n2 3 1\n")).format == "rudy"
    assert read_instance(write("4 1 0\n0 3 1\n")).format == "rudy"
    with pytest.raises(InputError, match="says 1536"):
        read_instance(write("512 1536 0\n1 2 1\n511 512 1\n"))


@pytest.mark.parametrize(
    ("text", "base", "n", "edge"),
    [
        ("1 2 1\n", "auto", 2, [0, 1]),
        ("1 2 1\n", 0, 3, [1, 2]),
        ("1 2 1\n", "1", 2, [0, 1]),
        ("0 2 1\n", "auto", 3, [0, 2]),
        ("4 1\n1 2 1\n", "auto", 4, [0, 1]),
        ("4 1\n1 2 1\n", 0, 4, [1, 2]),
        ("4 1\n0 3 1\n", "auto", 4, [0, 3]),
    ],
)
def test_index_base(write, text, base, n, edge):
    model = read_model(write(text), index_base=base)
    assert model.n == n
    assert model.edges.tolist() == [edge]


def test_coo_fields_and_dimods_header(write):
    model = read_model(write("1 1 2\n1 2 -1\n2 2 0.5\n"))
    assert (model.fields.tolist(), model.couplings.tolist()) == ([-2, -0.5], [1])
    bqm = dimod.BinaryQuadraticModel({0: 1.0, 1: -1.0, 2: 0}, {(0, 1): 2.0, (1, 2): 0.5}, 0, "BINARY")
    loaded = read_instance(write(coo.dumps(bqm, vartype_header=True)))
    assert (loaded.format, loaded.convention) == ("coo", "qubo")
    for s in STATES:
        assert loaded.model.energy(s) == bqm.energy((s + 1) // 2)
    with pytest.raises(InputError, match="vartype=SPIN, so sign 'ising' cannot be meant"):
        read_model(write("# vartype=SPIN\n0 1 1\n"), sign="ising")
    with pytest.raises(InputError, match="line 2: the comment before says vartype 'DISCRETE'"):
        read_model(write("# vartype=DISCRETE\n0 1 1\n"))


def test_lattice_files(write):
    text = "# i, j, J\n0,1,-1.5\n1, 3 , 2\n3 3 0.5\n"
    model = read_model(write(text, "a.lat"))
    assert (model.n, model.name, model.edges.tolist()) == (4, "a", [[0, 1], [1, 3]])
    assert (model.couplings.tolist(), model.fields.tolist()) == ([1.5, -2], [0, 0, 0, -0.5])
    assert read_model(write("1 2 1\n", "a.latfile")).n == 3  # counted from 0, whatever occurs
    assert read_model(write("1 2 1\n", "a.lat"), index_base=1).n == 2
    assert read_instance(write(text), fmt="latfile").format == "latfile"
    for wrong, message in (
        ("0,1,2,3\n", "4 words"),
        ("0,1\n", "2 words"),
        ("0,,1\n", "index ''"),
        ("0 1,2\n", "2 words"),
    ):
        with pytest.raises(InputError, match=rf"line 2: {message}"):
            read_model(write("5 4 1\n" + wrong, "a.lat"))
    with pytest.raises(InputError, match=r"line 1: index '0,1,2'|line 1: 1 words"):
        read_model(write("0,1,2\n"))


SPARSE = {
    "type": "BinaryQuadraticModel",
    "version": {"bqm_schema": "1.0.0"},
    "variable_type": "SPIN",
    "variable_labels": ["b", "a", ["c", 1]],
    "linear_terms": [{"label": "a", "bias": 1.0}],
    "quadratic_terms": [
        {"label_head": "a", "label_tail": "b", "bias": 2},
        {"label_head": ["c", 1], "label_tail": "a", "bias": -1},
    ],
    "offset": 0.5,
}


def test_sparse_bqms(write):
    loaded = read_instance(write(json.dumps(SPARSE)))
    assert (loaded.format, loaded.convention, loaded.model.labels) == ("bqm", "dimod", ("b", "a", "('c', 1)"))
    for b, a, c in STATES:
        assert loaded.model.energy([b, a, c]) == 0.5 + a + 2 * a * b - a * c
    unlabelled = {key: value for key, value in SPARSE.items() if key != "variable_labels"}
    unlabelled["linear_terms"] = [{"label": v, "bias": 0} for v in ("a", "b", ["c", 1])]
    assert read_model(write(json.dumps(unlabelled))).labels == ("a", "b", "('c', 1)")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"linear_terms": 3}, "linear_terms is 3; a list"),
        ({"linear_terms": [3]}, r"linear_terms\[0\] is 3; an object"),
        ({"linear_terms": [{"bias": 1}]}, r"linear_terms\[0\] has no label"),
        ({"linear_terms": [{"label": "a"}]}, r"linear_terms\[0\].bias is None"),
        ({"linear_terms": [{"label": "z", "bias": 1}]}, r"linear_terms\[0\].label is 'z', which variable_labels"),
        ({"linear_terms": [{"label": "a", "bias": 1}] * 2}, r"linear_terms\[1\]: the variable 'a' occurs twice"),
        ({"quadratic_terms": [{"label_head": "a", "label_tail": "z", "bias": 1}]}, "label_tail is 'z'; the label"),
        ({"quadratic_terms": [{"label_head": "a", "label_tail": "a", "bias": 1}]}, "entry 0 is a self-loop"),
        ({"quadratic_terms": SPARSE["quadratic_terms"][:1] * 2}, "entry 1 repeats the pair of entry 0"),
        ({"variable_labels": "ab"}, "variable_labels is 'ab'"),
        ({"variable_labels": ["a", "a"]}, r"variable_labels\[1\]: the label 'a' occurs twice"),
        ({"variable_labels": [], "linear_terms": [], "quadratic_terms": []}, "the model has no variables"),
    ],
)
def test_errors_of_sparse_bqms(write, change, message):
    with pytest.raises(InputError, match=message):
        read_model(write(json.dumps(SPARSE | change)))


def test_older_and_wrapped_bqms(write):
    bqm = dimod.BinaryQuadraticModel({"a": 1, "b": -2}, {("a", "b"): 3}, 0.25, "BINARY")
    data = bqm.to_serializable()
    data["version"] = {"bqm_schema": "2.0.0", "dimod": "0.8.0"}
    data["type"] = "AdjVectorBQM"
    for key in ("linear_biases", "quadratic_biases", "quadratic_head", "quadratic_tail"):
        data[key] = {"type": "array", "data": data[key], "data_type": "float64", "shape": [1], "use_bytes": False}
    loaded = read_instance(write(json.dumps(data)))
    assert (loaded.format, loaded.convention) == ("bqm", "qubo")
    for s in itertools.product([-1, 1], repeat=2):
        assert loaded.model.energy(s) == bqm.energy({"a": (s[0] + 1) // 2, "b": (s[1] + 1) // 2})
    data["linear_biases"]["use_bytes"] = True
    with pytest.raises(InputError, match="linear_biases is bytes"):
        read_model(write(json.dumps(data)))


def test_bqm_energies_are_dimods(write):
    for vartype in ("SPIN", "BINARY"):
        bqm = dimod.BinaryQuadraticModel({"a": 1, ("b", 2): -2}, {("a", ("b", 2)): 3, ("c", "a"): 0.5}, 0.25, vartype)
        model = read_model(write(json.dumps(bqm.to_serializable())))
        assert model.labels == ("a", "('b', 2)", "c")
        for s in STATES:
            values = s if vartype == "SPIN" else (s + 1) // 2
            assert model.energy(s) == bqm.energy(dict(zip(bqm.variables, values, strict=True)))


def test_node_link_from_networkx(write):
    graph = nx.grid_2d_graph(2, 2)
    graph.graph.update(name="square", offset=1.5)
    graph.nodes[0, 1]["field"] = 0.5
    graph.edges[(0, 0), (0, 1)]["weight"] = -2
    for key in ("links", "edges"):
        model = read_model(write(json.dumps(nx.node_link_data(graph, edges=key))))
        assert (model.name, model.offset, model.labels[1]) == ("square", 1.5, "(0, 1)")
        assert (model.fields.tolist(), sorted(model.couplings)) == ([0, 0.5, 0, 0], [-2, 1, 1, 1])


ERRORS = [
    ("", "line 1: the file is empty"),
    ("\n# nothing\n", "line 1: the file is empty"),
    ("3 3\n1 2 1\n2 3 1\n", "line 3: the file ends after 2 entries; the header (line 1) says 3"),
    ("3 1\n1 2 1\n2 3 1\n", "line 3: one entry more than the 1 that the header (line 1) says"),
    ("3 2\n1 2 1\n2 3\n", "line 3: 2 words; 'i j w' is expected"),
    ("3 2\n1 2 1\n2 3 1 4 5\n", "line 3: more than 4 words; 'i j w' is expected"),
    ("3 2\n1 2 1\n2 x 1\n", "line 3: index 'x'; an integer is expected"),
    ("3 2\n1 2 1\n2 2.0 1\n", "line 3: index '2.0'; an integer is expected"),
    ("3 2\n1 2 1\n2 -3 1\n", "line 3: index '-3'; an integer from 0"),
    ("3 2\n1 2 1\n2 1_0 1\n", "line 3: index '1_0'; an integer from 0"),
    ("3 2\n1 2 1\n2 4 1\n", "line 3: edge 2 4 leaves the range 1 … 3"),
    ("3 2\n0 2 1\n2 3 1\n", "line 3: edge 2 3 leaves the range 0 … 2"),
    ("3 2\n1 2 1\n2 3 nan\n", "line 3: weight 'nan'; a finite number is expected"),
    ("3 2\n1 2 1\n2 3 -inf\n", "line 3: weight '-inf'"),
    ("3 2\n1 2 1\n2 3 1e999\n", "line 3: weight '1e999'"),
    ("3 2\n1 2 1\n2 3 1_0\n", "line 3: weight '1_0'"),
    ("3 2\n1 2 1\n2 3 one\n", "line 3: weight 'one'"),
    ("3 2\n1 2 1\n2 2 1\n", "line 3: edge 2 2 is a self-loop"),
    ("3 3\n1 2 1\n2 3 1\n2 1 1\n", "line 4: the pair of line 2 once more"),
    ("0 0\n", "line 1: the header says 0 spins"),
    ("-3 2\n1 2 1\n", "line 1: the header says '-3' spins"),
    ("3 99999999999999999999\n1 2 1\n", "line 1: the header says '99999999999999999999' entries"),
    ("99999999999999999999 1\n1 2 1\n", "line 1: the header says '99999999999999999999' spins"),
    ("a b\n1 2 1\n", "line 1: 'a' where the header says the number of spins"),
    ("1 2 3 4\n1 2 1\n", "line 1: 4 words; a header 'n m' is expected"),
    ("1\n", "line 1: 1 words; a header 'n m' is expected"),
    ("1 2 1\n2 1 1\n", "line 2: the pair of line 1 once more"),
    ("1 1 1\n1 1 1\n", "line 2: the pair of line 1 once more"),
    ("0 99999999999 1\n", "line 1: index '99999999999'; an integer from 0"),
    (b"3 2\n1 2 1\n2 3\0 1\n", "line 3: a NUL byte"),
    (b"3 2\n1 2 1\n2 \xff\xfe 1\n", "line 3: index 'ÿþ'"),
    (b"\x7fELF\x02\x01\x01" + b"\0" * 20, "line 1: a NUL byte"),
    ("3 1\n" + "1" * 5000 + " 2 1\n", "line 2: longer than 4096 bytes"),
]


@pytest.mark.parametrize(("text", "message"), ERRORS, ids=range(len(ERRORS)))
def test_errors_of_text_files(write, text, message):
    path = write(text)
    with pytest.raises(InputError) as error:
        read_model(path)
    assert str(error.value).startswith(f"{path}, {message}")
    assert "\n" not in str(error.value)


def test_maxcut_refuses_a_field(write):
    path = write("1 2 1\n2 2 0\n1 1 3\n")
    with pytest.raises(InputError, match="line 3: a field, but sign maxcut has none"):
        read_model(path, sign="maxcut")


def broken(change, vartype="SPIN"):
    data = json.loads(bqm_json(1.0, vartype))
    change(data)
    return json.dumps(data)


def broken_graph(change):
    data = json.loads(node_link(1.0))
    change(data)
    return json.dumps(data)


JSON_ERRORS = [
    ("{", "line 1: not JSON"),
    ('{\n"type": }', "line 2: not JSON"),
    ("[]", "line 1: a JSON list"),
    ("{}", "line 1: JSON with the keys none"),
    ('{"a": 1}', "line 1: JSON with the keys 'a'"),
    (b'{"a":\n "\xff"}', "line 2: not UTF-8"),
    ('{"x": ' + "[" * 100_000, "line 1: JSON nested too deeply"),
    ('{"links": [], "nodes": [{"id": ' + "[" * 700 + "]" * 700 + "}]}", "line 1: JSON nested too deeply"),
    ('{"x": ' + "9" * 5000 + "}", "line 1: JSON with a number too long"),
    ('{"nodes": [],\n "x": NaN}', "line 2: NaN; finite numbers are expected"),
    (broken(lambda d: d.update(version={"bqm_schema": "4.0.0"})), "line 1: bqm_schema '4.0.0'"),
    (broken(lambda d: d.update(version=None)), "line 1: bqm_schema None"),
    (broken(lambda d: d.update(use_bytes=True)), "line 1: the arrays are bytes"),
    (broken(lambda d: d.update(variable_type="REAL")), "line 1: variable_type 'REAL'"),
    (broken(lambda d: d.update(linear_biases=[])), "line 1: the model has no variables"),
    (broken(lambda d: d.update(linear_biases=7)), "line 1: linear_biases is 7; a list"),
    (broken(lambda d: d["linear_biases"].__setitem__(1, "x")), "line 1: linear_biases[1] is 'x'"),
    (broken(lambda d: d["quadratic_biases"].__setitem__(1, True)), "line 1: quadratic_biases[1] is True"),
    (broken(lambda d: d["quadratic_biases"].__setitem__(1, 10**400)), "line 1: quadratic_biases[1] is 1000"),
    (broken(lambda d: d["quadratic_head"].__setitem__(0, 3)), "line 1: quadratic_head[0] is 3"),
    (broken(lambda d: d["quadratic_head"].__setitem__(0, -1)), "line 1: quadratic_head[0] is -1"),
    (broken(lambda d: d["quadratic_head"].append(0)), "line 1: quadratic_head: a list of 3 indices"),
    (
        broken(lambda d: d["quadratic_head"].__setitem__(0, d["quadratic_tail"][0])),
        "line 1: quadratic_head, quadratic_tail",
    ),
    (broken(lambda d: d.update(num_variables=10**12)), "line 1: num_variables is 1000000000000, but 3"),
    (broken(lambda d: d.update(num_interactions=2)), "line 1: num_interactions is 2, but 3"),
    (broken(lambda d: d.update(variable_labels=[1])), "line 1: variable_labels must be a list of 3"),
    (broken(lambda d: d.update(offset=[0])), "line 1: offset is a list of 1"),
    (broken_graph(lambda d: d.update(directed=True)), "line 1: directed is true"),
    (broken_graph(lambda d: d.update(multigraph=True)), "line 1: multigraph is true"),
    (broken_graph(lambda d: d.update(nodes=[])), "line 1: the graph has no nodes"),
    (broken_graph(lambda d: d.update(edges=3)), "line 1: lists 'nodes' and 'edges'"),
    (broken_graph(lambda d: d["nodes"].append({})), "line 1: nodes[3] is not an object with an 'id'"),
    (broken_graph(lambda d: d["nodes"].append({"id": 0})), "line 1: nodes[3]: the id 0 occurs twice"),
    (broken_graph(lambda d: d["nodes"][0].update(field="x")), "line 1: nodes[0].field is 'x'"),
    (broken_graph(lambda d: d["edges"].append(1)), "line 1: edges[3] is not an object"),
    (broken_graph(lambda d: d["edges"][0].update(source=9)), "line 1: edges[0].source is 9; the id of a node"),
    (broken_graph(lambda d: d["edges"][0].pop("source")), "line 1: edges[0].source is None"),
    (broken_graph(lambda d: d["edges"][1].update(weight=None)), "line 1: edges[1].weight is None"),
    (
        broken_graph(lambda d: d["edges"][0].update(target=d["edges"][0]["source"])),
        "line 1: edges: entry 0 is a self-loop",
    ),
    (broken_graph(lambda d: d["edges"].append(d["edges"][0])), "line 1: edges: entry 3 repeats the pair of entry 0"),
    (broken_graph(lambda d: d.update(graph={"offset": "x"})), "line 1: graph.offset is 'x'"),
]


@pytest.mark.parametrize(("text", "message"), JSON_ERRORS, ids=range(len(JSON_ERRORS)))
def test_errors_of_json_files(write, text, message):
    path = write(text, "problem.json")
    with pytest.raises(InputError) as error:
        read_model(path, fmt="auto" if str(text)[:3] != "[]" else "bqm")
    assert str(error.value).startswith(f"{path}, {message}")
    assert "\n" not in str(error.value)


def test_fields_of_a_graph_under_maxcut(write):
    with pytest.raises(InputError, match=r"nodes\[1\] has a field, but sign maxcut has none"):
        read_model(write(broken_graph(lambda d: d["nodes"][1].update(field=1))), sign="maxcut")


def test_formats_with_their_own_sign_take_no_other(write):
    assert read_instance(write(bqm_json(1)), sign="dimod").convention == "dimod"
    with pytest.raises(InputError, match="leave out the sign"):
        read_model(write(bqm_json(1)), sign="ising")
    with pytest.raises(InputError, match="leave out the sign"):
        read_model(write("1 1\n1 1 1\n", "x.sparse"), sign="maxcut")


def test_paths_that_are_no_files(tmp_path):
    with pytest.raises(InputError, match="nowhere: no such file"):
        read_model(tmp_path / "nowhere")
    with pytest.raises(InputError, match="a directory; a file is expected"):
        read_model(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        read_model("a\0b")
    if os.path.exists("/dev/zero"):  # noqa: PTH110 - a device, not a path of this project
        with pytest.raises(InputError, match="not a regular file"):
            read_model("/dev/zero")
    with pytest.raises(InputError, match="format 'xml' is none of"):
        read_model(tmp_path, fmt="xml")
    odd = tmp_path / "new\nline"
    odd.write_text("x y\n")
    with pytest.raises(InputError) as error:
        read_model(odd)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["x.sparse", "x.rud", "x.txt", "x.csv"])
def test_weights_whose_sum_could_overflow_name_the_line(write, name):
    with pytest.raises(InputError, match=rf"{name}, line 3: the moduli up to here add up to more than 1e\+300"):
        read_model(write("3 2\n1 2 9e299\n2 3 -2e299\n", name))


def test_entries_are_limited(write, monkeypatch):
    monkeypatch.setattr(text_formats, "MAX_ENTRIES", 2)
    with pytest.raises(InputError, match="line 5: more than 2 entries"):
        read_model(write("5 3\n1 2 1\n2 3 1\n\n3 4 1\n"))


def test_size_of_json_is_limited(write, monkeypatch):
    monkeypatch.setattr("annealrl.instances.json_formats.MAX_JSON", 50)
    with pytest.raises(InputError, match="larger than 50 bytes"):
        read_model(write(bqm_json(1)))


# Known optima of files that others made -------------------------------------------------------------------------------

PROVEN = [
    ("biqmac_ising/t2g10_5555", -12933724),
    ("biqmac_ising/t3g5_5555", -21430078),  # odd side: it is not bipartite and shows a wrong sign
    ("biqmac_rudy/pm1s_80.0", -166),
    ("biqmac_qubo/bqp50-1.sparse", -2098),
    ("biqmac_qubo/gka1a.sparse", -3414),
    ("biqmac_qubo/bqp100-1.sparse", -7970),
    ("xorsat/instance_3r3x_n16_s901.qh", -32),
    ("xorsat/instance_3r3x_n16_s904.qh", -32),
    ("gset/G11.txt", -1094),
    ("gset/G48.txt", -6000),
]


@pytest.mark.parametrize(("file", "energy"), PROVEN)
def test_proven_optima(external, file, energy):
    solution = solve(read_model(external / file))
    assert (solution.status, solution.energy) == ("optimal", energy)


def test_every_table_names_a_file_that_reads(external):
    count = 0
    for table in external.glob("*/*.csv"):
        for row in csv.DictReader(table.read_text().splitlines()):
            name = row.get("name") or row["file"]
            path = next(p for p in table.parent.iterdir() if name in (p.name, p.stem))
            loaded = read_instance(path)
            count += 1
            if "n" in row:
                assert loaded.model.n == int(row["n"])
            cut = row.get("opt_cut") or row.get("best_cut")
            if cut:
                energy = int(row.get("E_ising_min") or row["E_ising"])
                assert loaded.model.energy(np.ones(loaded.model.n)) - 2 * int(cut) == energy
    assert count == 55


ANNEALED = [
    ("biqmac_ising/ising2.5-100_5555", -5078525),
    ("biqmac_rudy/g05_60.0", -187),
    ("biqmac_rudy/w09_100.0", -4247),
    ("dimacs_torus/torusg3-8.dat", -85974756),
    ("gset/G14.txt", -1434),
]


@pytest.mark.parametrize(("file", "energy"), ANNEALED)
def test_annealing_comes_close_to_best_known_and_never_beats_it(external, file, energy):
    model = read_model(external / file)
    simulator = ReplicaSimulator([model], replicas=64, seed=1, threads=1)
    beta = 1 / np.sqrt(2 * (model.couplings**2).sum() / model.n)
    for step in np.linspace(0.1, 8.0, 40):
        simulator.advance(step * beta, 5)
    found = float(simulator.best_energies.min())
    assert energy <= found <= 0.97 * energy


def test_formats_are_the_documented_ones():
    assert all(f"``{fmt}``" in (formats.__doc__ or "") for fmt in formats.FORMATS)


def test_comments_behind_entries_and_byte_order_marks(write):
    plain = read_model(write(RUDY.format(w=1), "plain.rud"))
    text = "# a triangle\n3 3 # n m\n1 2 1# x\n2 3 1 # y # z\n  # nothing\n1 3 1\n"
    for start in ("", "\ufeff"):
        model = read_model(write(start + text, "commented.rud"))
        assert model.content == plain.content
    assert read_model(write("\ufeff0,1,-1 # a, b\n", "marked.lat")).couplings.tolist() == [1]
