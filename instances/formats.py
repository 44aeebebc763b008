"""Files of one instance: which format a file has, and in whose convention its energies are.

=============  ==========================================================  ==================  ===============
format         what                                                        default sign        convention
=============  ==========================================================  ==================  ===============
``rudy``       ``n m``, then ``i j w`` counted from 1 (Gset, Biq Mac)      maxcut              the sign
``coo``        ``i j w`` and fields ``i i h``, no header                   dimod               the sign
``latfile``    ``i j J`` and fields ``i i h``, counted from 0              dimod               the sign
``qubo``       ``n m``, then ``i j q``: Biq Mac's ``.sparse`` files        –                   qubo
``bqm``        JSON of a dimod BinaryQuadraticModel                        –                   dimod or qubo
``node-link``  JSON of a networkx graph                                    ising               the sign
=============  ==========================================================  ==================  ===============

A model's ``energy`` is the file's own energy, offset included: that of :mod:`annealrl.instances.conventions` for a
sign, and x'Qx or the BQM's energy over x = (1 + s) / 2 for ``qubo``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from annealrl.errors import InputError
from annealrl.instances.archive import place, regular_file
from annealrl.instances.bqm_json import read_bqm
from annealrl.instances.conventions import IndexBase, Sign, check_index_base, check_sign
from annealrl.instances.json_formats import read_json, read_node_link
from annealrl.instances.text_formats import read_coo, read_qubo, read_rudy, read_table
from annealrl.ising import IsingModel

#: Formats that :func:`read_instance` knows, with the sign that each has when none is given (None: it has its own).
FORMATS: dict[str, Sign | None] = {
    "rudy": "maxcut",
    "coo": "dimod",
    "latfile": "dimod",
    "qubo": None,
    "bqm": None,
    "node-link": "ising",
}

_LATTICE = (".lat", ".latfile")
_SUFFIXES = (*_LATTICE, ".txt", ".dat", ".sparse", ".qh", ".coo", ".json", ".rud", ".rudy", ".mc")


@dataclass(frozen=True)
class Loaded:
    """A model and how its file was understood.

    Attributes
    ----------
    model : IsingModel
    convention : str
        "ising", "dimod", "maxcut" or "qubo": what the model's energies mean in the file's terms.
    format : str
        One of :data:`FORMATS`.
    """

    model: IsingModel
    convention: str
    format: str


def read_model(
    path: str | Path, *, fmt: str = "auto", sign: str | None = None, index_base: str | int = "auto"
) -> IsingModel:
    """Return the model alone of :func:`read_instance`."""
    return read_instance(path, fmt=fmt, sign=sign, index_base=index_base).model


def read_instance(
    path: str | Path, *, fmt: str = "auto", sign: str | None = None, index_base: str | int = "auto"
) -> Loaded:
    """Read a file of one instance; the model is named after the file.

    Parameters
    ----------
    path : path
    fmt : str
        One of :data:`FORMATS`, or "auto": JSON by its first character and keys, ``.sparse`` by its name as QUBO,
        ``.lat`` and ``.latfile`` as lattice files, other text by its first line (``n m`` is rudy, an entry is COO).
    sign : {"ising", "dimod", "maxcut"}, optional
        What weights and fields mean, where the format leaves that open; by default what is usual in the format.
    index_base : {"auto", 0, 1}
        For text: what the first spin is called. "auto" is 0 if the index 0 occurs and 1 otherwise; for lattice files 0.

    Raises
    ------
    InputError
        If the file cannot be understood: one line with the file, the line, and what was expected.
    """
    if fmt != "auto" and fmt not in FORMATS:
        raise InputError(f"format {fmt!r} is none of auto, {', '.join(FORMATS)}")
    base = check_index_base(index_base)
    given = None if sign is None else check_sign(sign)
    source = regular_file(path)
    try:
        return _read(source, fmt, given, base)
    except RecursionError:
        raise InputError(f"{place(source, 1)}JSON nested too deeply") from None
    except InputError as error:
        message = str(error)
        shown = place(source)[:-2]
        raise InputError(message if message.startswith(shown) else f"{shown}: {message}") from None


def _read(source: Path, fmt: str, given: Sign | None, base: IndexBase) -> Loaded:
    name = source.stem if source.suffix.lower() in _SUFFIXES else source.name
    if fmt in ("bqm", "node-link") or (fmt == "auto" and _looks_like_json(source)):
        data = read_json(source)
        if fmt == "auto":
            fmt = _json_format(source, data)
        if fmt == "bqm":
            model, vartype = read_bqm(source, data, name)
            convention = "dimod" if vartype == "SPIN" else "qubo"
            return Loaded(model, _own(source, fmt, given, convention), fmt)
        meant = given or "ising"
        return Loaded(read_node_link(source, data, meant, name), meant, fmt)
    if fmt == "auto" and source.suffix.lower() in _LATTICE:
        fmt = "latfile"
    if fmt == "latfile" and base == "auto":
        base = 0
    table = read_table(source, commas=fmt == "latfile")
    if fmt == "auto":
        fmt = "qubo" if source.suffix.lower() == ".sparse" else "rudy" if table.has_header else "coo"
    if fmt == "qubo":
        convention = _own(source, fmt, given, "qubo")
        return Loaded(read_qubo(table, base, name), convention, fmt)
    if fmt == "rudy":
        meant = given or "maxcut"
        return Loaded(read_rudy(table, meant, base, name), meant, fmt)
    meant = given or "dimod"
    convention = "qubo" if table.vartype == "BINARY" else meant
    return Loaded(read_coo(table, meant, base, name), convention, fmt)


def _own(path: Path, fmt: str, given: Sign | None, convention: str) -> str:
    """Return the convention that the format itself fixes, after checking that no other was asked for."""
    if given is not None and given != convention:
        raise InputError(
            f"{place(path)}the format {fmt} says itself what its numbers mean ({convention}); leave out the sign"
        )
    return convention


def _looks_like_json(path: Path) -> bool:
    try:
        with path.open("rb") as handle:
            start = handle.read(4096)
    except OSError as error:
        raise InputError(f"{place(path)}cannot be read: {error.strerror or error}") from None
    return start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _json_format(path: Path, data: dict[str, object]) -> str:
    if "variable_type" in data or data.get("type") == "BinaryQuadraticModel":
        return "bqm"
    if "nodes" in data:
        return "node-link"
    keys = ", ".join(map(ascii, list(data)[:6]))[:100] or "none"
    raise InputError(
        f"{place(path, 1)}JSON with the keys {keys}; "
        "a dimod BinaryQuadraticModel or a networkx node-link graph is expected"
    )
