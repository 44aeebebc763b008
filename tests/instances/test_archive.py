"""The ``.npz`` reader against files that are damaged, hostile, or hold pickles."""

from __future__ import annotations

import contextlib
import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instances.archive import read_npz, replacing, write_npz


def npy(header: bytes, body: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


def header(descr="'<f8'", shape="(3,)"):
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()


@pytest.fixture
def pack(tmp_path):
    def pack(members, name="set.npz", kind=zipfile.ZIP_DEFLATED):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", kind) as archive:
            for key, data in members.items():
                archive.writestr(key, data)
        return path

    return pack


def test_reads_what_numpy_writes(tmp_path):
    arrays = {
        "a": np.arange(6, dtype=np.int16).reshape(2, 3),
        "b": np.asfortranarray(np.random.default_rng(0).normal(size=(3, 4))),
        "c": np.array(7),
        "d": np.array(["x", "äöü"]),
        "e": np.arange(3, dtype=">i4"),
        "f": np.zeros((0, 2)),
        "g": np.array([1.5], dtype=np.float32),
    }
    np.savez_compressed(tmp_path / "x.npz", **arrays)
    np.savez(tmp_path / "y.npz", **arrays)
    for name in ("x.npz", "y.npz"):
        found = read_npz(tmp_path / name)
        assert list(found) == list(arrays)
        for key, array in arrays.items():
            np.testing.assert_array_equal(found[key], array)
            assert found[key].dtype == array.dtype.newbyteorder("=")


def test_numpy_reads_what_is_written_and_bytes_are_the_same(tmp_path):
    arrays = {"a": np.array(3), "b": np.ones((2, 3)), "t": np.array(["x"])}
    write_npz(tmp_path / "a.npz", arrays)
    write_npz(tmp_path / "b.npz", arrays)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        assert found["a"].shape == ()
        np.testing.assert_array_equal(found["b"], arrays["b"])


def test_pickles_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match=r"x\.npz: key 'a': entries of type '\|O'.*no pickles"):
        read_npz(tmp_path / "x.npz")
    np.save(tmp_path / "x.npy", np.ones(3))
    with pytest.raises(InputError, match="not a whole"):
        read_npz(tmp_path / "x.npy")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (npy(header(shape="(1000000000000000,)")), "asks for 8000000000000000 bytes, but 0 are there"),
        (npy(header(shape="(99999999999999999, 0)")), "an axis of its shape is longer"),
        (npy(header(shape="(4,)"), b"x" * 24), "asks for 32 bytes, but 24 are there"),
        (npy(header(shape="(2,)"), b"x" * 24), "asks for 16 bytes, but 24 are there"),
        (npy(header(shape="(-2,)"), b"x" * 24), "array header is damaged"),
        (npy(header(shape="__import__('os')")), "array header is damaged"),
        (npy(header(shape="(" * 3000)), "array header is damaged"),
        (npy(header("[('a', '<f8')]")), "array header is damaged, or it is not"),
        (npy(header("'<f0'")), "entries of type '<f0'"),
        (npy(header("'<f3'")), "entries of type '<f3'"),
        (npy(header("'<c16'")), "entries of type '<c16'"),
        (npy(b" " * 60_000), "array header is damaged"),
        (npy(header())[:-20], "array header is damaged"),
        (b"\x93NUMPY\x09\x00" + npy(header())[8:], "array header is damaged"),
        (b"junk", "does not start like an array"),
    ],
)
def test_array_headers(pack, data, message):
    path = pack({"a.npy": data})
    with pytest.raises(InputError) as error:
        read_npz(path)
    assert message in str(error.value)
    assert str(error.value).startswith(f"{path}: key 'a': ")


def test_members_that_are_no_arrays(pack):
    for members in ({"a.txt": b"x"}, {"../a\n.npy": b"x"}):
        with pytest.raises(InputError, match="is not one array"):
            read_npz(pack(members))
    with pytest.raises(InputError, match="holds 100 arrays"):
        read_npz(pack({f"{i}.npy": b"" for i in range(100)}))
    with pytest.raises(InputError, match="compressed in an unknown way"):
        read_npz(pack({"a.npy": npy(header(), b"x" * 24)}, kind=zipfile.ZIP_BZIP2))


def test_bombs_are_not_unpacked(pack, monkeypatch):
    monkeypatch.setattr("annealrl.instances.archive.MAX_BYTES", 1 << 20)
    path = pack({"a.npy": b"\0" * (64 << 20)})
    assert path.stat().st_size < 1 << 17
    lying = bytearray(path.read_bytes())
    for at in range(len(lying) - 4):  # the same with a directory that says 1000 bytes
        if lying[at : at + 4] == (64 << 20).to_bytes(4, "little"):
            lying[at : at + 4] = (1000).to_bytes(4, "little")
    liar = path.with_name("liar.npz")
    liar.write_bytes(lying)
    tracemalloc.start()
    with pytest.raises(InputError, match="take 67108864 bytes"):
        read_npz(path)
    with pytest.raises(InputError):
        read_npz(liar)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_entries_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr("annealrl.instances.archive.MAX_ENTRIES", 10)
    write_npz(tmp_path / "x.npz", {"a": np.zeros(6), "b": np.zeros(6)})
    with pytest.raises(InputError, match="more than 10 entries"):
        read_npz(tmp_path / "x.npz")


def test_every_truncation_is_noticed(tmp_path):
    data = io.BytesIO()
    np.savez_compressed(data, edges=np.arange(20).reshape(10, 2), J=np.random.default_rng(1).normal(size=(2, 10)))
    whole = data.getvalue()
    path = tmp_path / "x.npz"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"not a whole \.npz file"):
            read_npz(path)


def test_flipped_bytes_never_raise_anything_else(tmp_path):
    data = io.BytesIO()
    np.savez_compressed(data, edges=np.arange(20).reshape(10, 2), J=np.ones((2, 10)), names=np.array(["a", "b"]))
    whole = data.getvalue()
    path = tmp_path / "x.npz"
    rng = np.random.default_rng(5)
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] = rng.integers(256)
        path.write_bytes(changed)
        with contextlib.suppress(InputError):
            read_npz(path)


def test_a_failed_write_leaves_nothing(tmp_path):
    (tmp_path / "x").write_text("old")

    def break_off():
        with replacing(tmp_path / "x") as handle:
            handle.write(b"new")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        break_off()
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("x", "old")]
    with replacing(tmp_path / "x") as handle:
        handle.write(b"new")
    assert (tmp_path / "x").read_text() == "new"
