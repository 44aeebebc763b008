"""A corpus of hostile files through the command line: exit 2, one line with the place, no output, little memory.

One process with an address space of at most 1 GiB more than it starts with reads them all.
"""

from __future__ import annotations

import io
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

GIB = 1 << 30

WORKER = r"""
import contextlib, io, json, pathlib, resource, sys
from annealrl.cli.app import run
import annealrl.instances

def status(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith(key))

if sys.platform == "linux":
    # the worker itself must not fail where more is used: that shows as a MemoryError, hence as exit 1
    resource.setrlimit(resource.RLIMIT_AS, (status("VmSize") + (1 << 30),) * 2)
results = []
for name, command in json.loads(pathlib.Path(sys.argv[1]).read_text()):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = run(command)
        except BaseException as error:
            code = f"{type(error).__name__}: {error}"[:300]
    results.append([name, command, code, out.getvalue(), err.getvalue()])
peak = status("VmHWM") if sys.platform == "linux" else 0
print(json.dumps({"results": results, "peak": peak}))
"""


def graph(node_id: str) -> bytes:
    return f'{{"nodes": [{{"id": {node_id}}}, {{"id": 1}}], "links": [{{"source": 1, "target": {node_id}}}]}}'.encode()


TEXT: dict[str, bytes] = {
    "empty": b"",
    "only-comments": b"# a\n\n# b\n",
    "truncated-entry": b"3 3\n1 2 1\n2 3\n",
    "truncated-file": b"3 3\n1 2 1\n2 3 1\n",
    "too-many": b"3 1\n1 2 1\n2 3 1\n",
    "huge-counts": b"99999999999 99999999999\n1 2 1\n",
    "huge-entries": b"3 4194304\n1 2 1\n",
    "huge-spins": b"4194305 1\n1 2 1\n",
    "million-digits": b"9" * 1_000_000 + b" 1\n1 2 1\n",
    "huge-index": b"1 9999999999999999999999 1\n",
    "just-too-large-index": b"0 4194304 1\n0 4194305 1\n",
    "words": b"a graph of mine\n1 2 1\n",
    "header-words": b"a b\n1 2 1\n",
    "not-a-number": b"2 1\n1 2 one\n",
    "nan": b"2 1\n1 2 nan\n",
    "infinite": b"0 1 -inf\n",
    "overflow": b"0 1 1e999\n",
    "hexadecimal": b"0 0x1 1\n",
    "other-digits": "٠ ١ ١\n".encode(),
    "negative-index": b"2 1\n-1 2 1\n",
    "negative-count": b"-2 1\n1 2 1\n",
    "out-of-range": b"2 1\n1 3 1\n",
    "loop": b"2 1\n1 1 1\n",
    "repeated": b"0 1 1\n1 0 1\n",
    "repeated-field": b"0 0 1\n0 0 1\n",
    "nul": b"2 1\n1 2 1\0\n",
    "nuls": b"\0" * 5000,
    "binary": bytes(range(256)) * 40,
    "bad-utf8": b"2 1\n1 2 \xff\xfe\n",
    "utf16": "2 1\n1 2 1\n".encode("utf-16"),
    "old-line-ends": b"3 2\r1 2 1\r2 3 1\r",
    "long-line": b"0 1 " + b" " * (1 << 26) + b"1",
    "zero-header": b"0 0\n",
    "vartype": b"# vartype=INTEGER\n0 1 1\n",
    "vartype-nothing": b"# vartype=\n0 1 1\n",
    "vartypes": b"# vartype=SPIN\n# vartype=BINARY\n0 1 1\n",
    "xml": b"<?xml version='1.0'?><graph/>\n",
    "four-columns": b"0 1 1 1\n",
}
BQM = {
    "type": "BinaryQuadraticModel",
    "version": {"bqm_schema": "3.0.0"},
    "variable_type": "SPIN",
    "linear_biases": [0, 0],
    "quadratic_biases": [1],
    "quadratic_head": [0],
    "quadratic_tail": [1],
    "offset": 0,
}
WHOLE = json.dumps(BQM).encode()
JSON: dict[str, bytes] = {
    **{f"truncated-{cut}": WHOLE[:cut] for cut in range(1, len(WHOLE), 23)},
    "deep-lists": b'{"nodes": ' + b"[" * 500_000,
    "deep-objects": b'{"a":' * 300_000,
    "deep-id": graph("[" * 900 + "]" * 900),
    "long-number": graph("9" * 100_000),
    "nan": b'{"nodes": [NaN]}',
    "infinity": b'{"nodes":\n [-Infinity]}',
    "huge-float": b'{"nodes": [{"id": 0, "field": 1e999}], "links": []}',
    "bad-utf8": b'{"nodes": "\xc3\x28"}',
    "nul": b'{"nodes": \0}',
    "utf16": '{"nodes": []}'.encode("utf-16"),
    "list": b"[1, 2]",
    "no-keys": b"{}",
    "two-documents": b'{"nodes": []} {"nodes": []}',
    "negative-head": json.dumps(BQM | {"quadratic_head": [-1]}).encode(),
    "huge-tail": json.dumps(BQM | {"quadratic_tail": [10**30]}).encode(),
    "float-tail": json.dumps(BQM | {"quadratic_tail": [1.0]}).encode(),
    "null-biases": json.dumps(BQM | {"linear_biases": None}).encode(),
    "huge-number-of-variables": json.dumps(BQM | {"num_variables": 10**18}).encode(),
    "labels-twice": json.dumps(BQM | {"variable_labels": ["a", "a"]}).encode(),
    "labels-of-labels": json.dumps(BQM | {"variable_labels": [[[["a"]]]]}).encode(),
    "many-objects": b'{"links": [], "nodes": [' + b"{}," * ((1 << 24) // 3 - 20) + b"{}]}",
    "too-large": b'{"nodes": [' + b" " * (1 << 24) + b"]}",
}


def npy(header: bytes, body: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    width = "<H" if version[0] == 1 else "<I"
    return b"\x93NUMPY" + version + struct.pack(width, len(header)) + header + body


def described(shape: str, descr: str = "'<f8'") -> bytes:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()


def packed(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def saved(**arrays: object) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **({"edges": [[0, 1]], "J": [[1.0]], "n": 2} | arrays))
    return buffer.getvalue()


def bomb(megabytes: int) -> bytes:
    """A member of zeros, a thousandth of its size."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("J.npy", "w", force_zip64=True) as member,
    ):
        member.write(npy(described(f"({megabytes << 17},)")))
        for _ in range(megabytes):
            member.write(bytes(1 << 20))
    return buffer.getvalue()


def lying_bomb() -> bytes:
    """The same with a directory that states 100 bytes."""
    data = bytearray(bomb(40))
    directory = data.rindex(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", 100)
    return bytes(data)


def sets() -> dict[str, bytes]:
    good = saved()
    return {
        "empty": b"",
        "not-a-zip": b"PK\x03\x04 and no more",
        **{f"truncated-{cut}": good[:cut] for cut in range(2, len(good), 97)},
        "bomb": bomb(300),
        "lying-bomb": lying_bomb(),
        "many-members": packed(**{f"a{i}": npy(described("()"), bytes(8)) for i in range(3000)}),
        "gigantic-header": packed(J=npy(b" " * (1 << 26), version=b"\x02\x00")),
        "header-longer-than-file": packed(J=b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'"),
        "huge-shape": packed(J=npy(described("(1000000000000000000,)"))),
        "huge-empty-shape": packed(J=npy(described("(0, 1000000000000000000)"))),
        "thousands-of-digits": packed(J=npy(described(f"({'9' * 4000},)"))),
        "negative-shape": packed(J=npy(described("(-1,)"), bytes(8))),
        "objects": packed(J=npy(described("(1,)", "'|O'"), b"\x80\x04N.")),
        "structure": packed(J=npy(described("(1,)", "[('a', '<f8')]"), bytes(8))),
        "no-array": packed(J=b"hello"),
        "negative-edge": saved(edges=[[0, -1]]),
        "far-edge": saved(edges=[[0, 2**62]]),
        "unsigned-edge": saved(edges=np.array([[0, 2**64 - 1]], dtype=np.uint64)),
        "huge-n": saved(n=2**62),
        "float-n": saved(n=2.0),
        "nan-coupling": saved(J=[[np.nan]]),
        "loop": saved(edges=[[1, 1]]),
        "repeated": saved(edges=[[0, 1], [1, 0]], J=[[1.0, 1.0]]),
        "shape": saved(J=[[1.0, 2.0]]),
        "text": saved(J=np.array([["1.0"]])),
        "no-instance": saved(J=np.zeros((0, 1))),
    }


def shared_bomb() -> bytes:
    """A valid set of 8.3 million couplings of zero in a few kilobytes: almost the most that is read."""
    edges = np.stack([np.arange(2799), np.arange(1, 2800)], axis=1).astype(np.int16)
    return saved(edges=edges, J=np.zeros((2980, 2799), np.int8), n=2800)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Run all commands in one process; return its results and its peak memory."""
    folder = tmp_path_factory.mktemp("corpus")
    out = str(folder / "out.npz")
    commands = []

    def add(kind: str, name: str, data: bytes, suffix: str, *options: str) -> None:
        path = folder / f"{kind}-{name}{suffix}"
        path.write_bytes(data)
        commands.append([f"{kind}/{name}{suffix}", ["instances", "import", str(path), "--out", out, *options]])
        if kind != "valid" and suffix not in (".sparse", ".lat"):
            commands.append([f"{kind}/{name}{suffix}/solve", ["solve", str(path)]])

    for name, data in TEXT.items():
        for suffix in (".txt", ".sparse", ".lat") if len(data) < 10_000 else (".txt",):
            if (name, suffix) not in {("loop", ".sparse"), ("four-columns", ".sparse")}:
                add("text", name, data, suffix)
    for name, data in JSON.items():
        add("json", name, data, ".json")
    for name, data in sets().items():
        add("npz", name, data, ".npz", "--sign", "ising")
    (folder / "folder").mkdir()
    (folder / "dangling").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "fifo")
    for name in ("folder", "dangling", "fifo", "nowhere"):
        path = str(folder / name)
        commands.append([f"path/{name}", ["instances", "import", path, "--out", out]])
        commands.append([f"path/{name}/solve", ["solve", path]])
    add("valid", "bomb", shared_bomb(), ".npz", "--sign", "ising")
    commands[-1][1][4] = str(folder / "valid.npz")
    commands.append(["valid/set", ["instances", "verify", str(folder / "valid.npz"), "--solve", "0"]])
    todo = folder / "todo.json"
    todo.write_text(json.dumps(commands))
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(todo)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout.splitlines()[-1])
    left = {path.name for path in folder.iterdir()}
    assert len(report["results"]) == len(commands)
    return report["results"], report["peak"], left


def test_every_file_is_refused_in_one_line(ran):
    results, _, _ = ran
    wrong = []
    for name, command, code, out, err in results:
        path = command[2] if command[0] == "instances" else command[1]
        kind = name.partition("/")[0]
        if kind == "valid":
            good = code == 0 and err == ""
        else:
            shown = path if path.isprintable() else repr(path)
            good = code == 2 and out == "" and err.count("\n") == 1 and shown in err and len(err) < 1000
            if kind in ("text", "json") and "too-large" not in name:
                good = good and re.search(r", line \d+: ", err) is not None
        if not good:
            wrong.append((name, code, out[:200], err[:300]))
    assert wrong == []
    assert len(results) > 250


def test_no_output_is_left(ran):
    _, _, left = ran
    assert "out.npz" not in left
    assert [name for name in left if name.endswith(".part")] == []
    assert "valid.npz" in left


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_memory_stays_below_a_gibibyte(ran):
    _, peak, _ = ran
    assert 0 < peak < GIB


def test_an_earlier_output_outlives_a_refusal(tmp_path):
    from annealrl.cli.app import run

    (tmp_path / "bad.txt").write_bytes(TEXT["repeated"])
    (tmp_path / "out.npz").write_bytes(b"earlier")
    assert run(["instances", "import", str(tmp_path / "bad.txt"), "--out", str(tmp_path / "out.npz")]) == 2
    assert (tmp_path / "out.npz").read_bytes() == b"earlier"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["bad.txt", "out.npz"]
    assert run(["instances", "import", str(tmp_path / "bad.txt"), "--out", str(Path(tmp_path, "no", "out.npz"))]) == 2
    assert not (tmp_path / "no").exists()
