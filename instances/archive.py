"""Reading and writing ``.npz`` files without trusting them: no pickles, no allocation that the file does not pay for.

numpy's own reader allocates what a header asks for and may unpickle. This one reads plain number and text arrays only,
checks a header's shape against the bytes that are there, and has an upper limit; the writer gives the same bytes for
the same arrays on every run.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError

AnyArray: TypeAlias = npt.NDArray[Any]

#: Largest sum of uncompressed array bytes, and of array entries, that is read from one file.
MAX_BYTES = 1 << 28
MAX_ENTRIES = 1 << 23
MAX_ARRAYS = 64

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 4096
_DTYPE = re.compile(r"[<>|=]?[iufU](\d{1,6})")
_HEADER = (
    re.compile(r"""['"]descr['"]: *['"]([^'"]+)['"]"""),
    re.compile(r"""['"]fortran_order['"]: *(True|False)"""),
    # Commas between the numbers leave only one way to match: long runs of digits would be split in countless ways.
    re.compile(r"""['"]shape['"]: *\(((?:\d{1,18}(?:, ?\d{1,18}){0,31},?)?)\)"""),
)


def place(path: str | Path, line: int | None = None) -> str:
    """Return how an error names a place: ``path: `` or ``path, line 3: ``, on one line whatever the name holds."""
    shown = str(path)
    shown = shown if shown.isprintable() else repr(shown)
    return f"{shown}: " if line is None else f"{shown}, line {line}: "


def regular_file(path: str | Path) -> Path:
    """Return `path` if it is a regular file (or a link to one).

    Raises
    ------
    InputError
        If it does not exist or is something else, such as a folder or a device.
    """
    target = Path(path)
    try:
        if target.is_file():
            return target
        kind = "a directory" if target.is_dir() else "not a regular file" if target.exists() else ""
    except (OSError, ValueError) as error:
        raise InputError(f"{place(path)}{getattr(error, 'strerror', None) or error}") from None
    raise InputError(f"{place(path)}{f'{kind}; a file is expected' if kind else 'no such file'}")


def is_npz(path: str | Path) -> bool:
    """Whether a file is packed like an ``.npz``, or called so.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    source = regular_file(path)
    try:
        with source.open("rb") as handle:
            return handle.read(2) == b"PK" or source.suffix == ".npz"
    except OSError as error:
        raise InputError(f"{place(path)}cannot be read: {error.strerror or error}") from None


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a new file beside `path` for writing and rename it into place at the end; on an error no file is left.

    Folders on the way to it are made, as everywhere.

    Raises
    ------
    InputError
        If the place cannot be written.
    """
    target = Path(path).resolve()
    if target.exists() and not target.is_file():
        kind = "a directory" if target.is_dir() else "not a regular file"
        raise InputError(f"{place(path)}cannot be written: {kind}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed below, before the rename
            dir=target.parent, prefix=f".{target.name}.", suffix=".part", delete=False
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{place(path)}cannot be written: {reason}") from None
    beside = Path(handle.name)
    try:
        with handle:
            yield handle  # type: ignore[misc]
            handle.flush()
            os.fsync(handle.fileno())
        mask = os.umask(0)
        os.umask(mask)
        beside.chmod(0o666 & ~mask)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InputError(f"{place(path)}cannot be written: {error.strerror or error}") from None
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_npz(path: str | Path, arrays: Mapping[str, AnyArray]) -> None:
    """Write arrays as a compressed ``.npz``, beside and renamed into place; equal arrays give equal bytes.

    Raises
    ------
    InputError
        If the place cannot be written.
    """
    with replacing(path) as handle, zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, array in arrays.items():
            member = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            member.create_system = 3
            data = io.BytesIO()
            np.lib.format.write_array(data, np.asarray(array, order="C"), version=(1, 0), allow_pickle=False)
            packed = data.getvalue()
            # Level 9 takes twenty times as long as 6 on large arrays of few values.
            archive.writestr(member, packed, compresslevel=9 if len(packed) < 1 << 22 else 6)


def read_npz(path: str | Path) -> dict[str, AnyArray]:
    """Read all arrays of an ``.npz`` whose entries are integers, floats or text.

    Raises
    ------
    InputError
        If the file is missing, damaged, not an ``.npz``, holds pickles, or is larger than :data:`MAX_BYTES` or
        :data:`MAX_ENTRIES` allow; the message names file and key.
    """
    source = regular_file(path)
    where = place(path)
    arrays: dict[str, AnyArray] = {}
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            total = sum(member.file_size for member in members)
            if len(members) > MAX_ARRAYS:
                raise InputError(f"{where}it holds {len(members)} arrays; at most {MAX_ARRAYS} are read")
            if total > MAX_BYTES:
                raise InputError(f"{where}its arrays take {total} bytes; at most {MAX_BYTES} are read")
            entries = 0
            for member in members:
                key = member.filename.removesuffix(".npy")
                if key == member.filename or key in arrays or not key.isprintable():
                    raise InputError(f"{where}entry {member.filename!r} is not one array of an .npz file")
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
                    raise InputError(f"{where}key {key!r} is encrypted or compressed in an unknown way")
                with archive.open(member) as handle:
                    data = handle.read(MAX_BYTES)
                arrays[key] = _array(data, f"{where}key {key!r}: ")
                entries += arrays[key].size
                if entries > MAX_ENTRIES:
                    raise InputError(f"{where}its arrays have more than {MAX_ENTRIES} entries")
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{where}cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError, IndexError):
        raise InputError(f"{where}not a whole .npz file: it is damaged, truncated or something else") from None
    except Exception as error:  # zipfile meets hostile bytes with many kinds (struct.error, KeyError, OverflowError, …)
        raise InputError(f"{where}not a whole .npz file ({type(error).__name__})") from None
    return arrays


def _array(data: bytes, where: str) -> AnyArray:
    """Decode one ``.npy`` (numpy's format 1.0 to 3.0) of which all bytes are there."""
    if len(data) < 10 or data[:6] != _MAGIC:
        raise InputError(f"{where}it does not start like an array")
    width = 2 if data[6] == 1 else 4
    start = 8 + width
    length = int.from_bytes(data[8:start], "little")
    if data[6] not in (1, 2, 3) or length > _LONGEST_HEADER or start + length > len(data):
        raise InputError(f"{where}its array header is damaged")
    header = data[start : start + length].decode("latin-1")
    descr, fortran, axes = (pattern.search(header) for pattern in _HEADER)
    if descr is None or fortran is None or axes is None:
        raise InputError(f"{where}its array header is damaged, or it is not an array of numbers or text")
    match = _DTYPE.fullmatch(descr[1])
    try:
        dtype = np.dtype(descr[1]) if match and int(match[1]) > 0 else None
    except TypeError:
        dtype = None
    if dtype is None:
        raise InputError(f"{where}entries of type {descr[1][:40]!r}; integers, floats or text are expected, no pickles")
    shape = tuple(int(size) for size in re.findall(r"\d+", axes[1]))
    body = memoryview(data)[start + length :]
    expected = math.prod(shape) * dtype.itemsize
    if expected != len(body):
        raise InputError(f"{where}its header asks for {expected} bytes, but {len(body)} are there")
    if max(shape, default=0) > MAX_ENTRIES:
        raise InputError(f"{where}an axis of its shape is longer than {MAX_ENTRIES}")
    array = np.frombuffer(body, dtype=dtype)
    native: AnyArray = array.astype(dtype.newbyteorder("="), copy=False)
    return native.reshape(shape, order="F" if fortran[1] == "True" else "C")
