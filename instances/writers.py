"""Writers of single instances in every format that is read; beside and renamed into place."""

from __future__ import annotations

import json
from pathlib import Path

from annealrl.errors import InputError
from annealrl.instances.archive import place, replacing
from annealrl.instances.bqm_json import bqm_document
from annealrl.instances.conventions import check_sign, to_biqmac_qubo, to_spin
from annealrl.ising import IsingModel


def write_rudy(path: str | Path, model: IsingModel, *, sign: str = "maxcut") -> None:
    """Write ``n m``, then ``i j w`` counted from 1. Weights are written with all their digits.

    Raises
    ------
    InputError
        If the model has fields or an offset, which the format cannot hold, or the place cannot be written.
    """
    if model.fields.any():
        raise InputError(f"{place(path)}rudy files have no fields, but the model has some; write COO instead")
    _refuse_offset(path, model)
    weights, _ = to_spin(model, check_sign(sign))
    lines = [f"{model.n} {len(model.edges)}"]
    lines += [f"{i + 1} {j + 1} {_number(w)}" for (i, j), w in zip(model.edges.tolist(), weights.tolist(), strict=True)]
    _write(path, lines)


def write_coo(path: str | Path, model: IsingModel, *, sign: str = "dimod") -> None:
    """Write ``i j w`` and fields ``i i h``, counted from 0; the first and last spin always have a line.

    With the sign "dimod" the first line is ``# vartype=SPIN``, as dimod writes it. Give the same `sign` to the reader.

    Raises
    ------
    InputError
        If the model has an offset, which the format cannot hold, or fields under the sign "maxcut".
    """
    _write(path, (["# vartype=SPIN"] if sign == "dimod" else []) + _entries(path, model, sign))


def write_latfile(path: str | Path, model: IsingModel, *, sign: str = "dimod") -> None:
    """Write ``i j J`` and fields ``i i h``, counted from 0, as lattice files have it; otherwise as :func:`write_coo`.

    The name should end in ``.lat`` or ``.latfile``, by which the reader knows the format.
    """
    _write(path, _entries(path, model, sign))


def write_qubo(path: str | Path, model: IsingModel) -> None:
    """Write Biq Mac's sparse QUBO, ``n m`` and ``i j q`` counted from 1, whose ``x'Qx`` is the model's energy.

    The name should end in ``.sparse``, by which the reader knows the format.

    Raises
    ------
    InputError
        If the energy at x = 0 (all spins down) is not 0, as the format cannot hold an offset, or the place cannot be
        written.
    """
    try:
        diagonal, entries = to_biqmac_qubo(model)
    except InputError as error:
        raise InputError(f"{place(path)}{error}; write BQM JSON instead") from None
    rows = [(i + 1, i + 1, q) for i, q in enumerate(diagonal.tolist()) if q != 0]
    rows += [(i + 1, j + 1, q) for (i, j), q in zip(model.edges.tolist(), entries.tolist(), strict=True)]
    _write(path, [f"{model.n} {len(rows)}", *(f"{i} {j} {_number(q)}" for i, j, q in rows)])


def write_bqm(path: str | Path, model: IsingModel, *, vartype: str = "SPIN") -> None:
    """Write what ``dimod.BinaryQuadraticModel.from_serializable(json.load(file))`` reads, with the same energies.

    Raises
    ------
    InputError
        If `vartype` is neither "SPIN" nor "BINARY", two spins have the same label, or the place cannot be written.
    """
    document = bqm_document(model, vartype)
    if len(set(document["variable_labels"])) != model.n:
        raise InputError(f"{place(path)}two spins of the model have the same label")
    _write(path, [json.dumps(document, allow_nan=False)])


def write_node_link(path: str | Path, model: IsingModel) -> None:
    """Write what networkx reads as a graph: link attribute ``weight`` = J, node attribute ``field`` = h, sign "ising".

    Nodes are called by the model's labels if it has any; graph attributes hold name and offset.

    Raises
    ------
    InputError
        If two spins have the same label, or the place cannot be written.
    """
    ids: list[int] | list[str] = list(range(model.n)) if model.labels is None else list(model.labels)
    if len(set(ids)) != model.n:
        raise InputError(f"{place(path)}two spins of the model have the same label")
    data = {
        "directed": False,
        "multigraph": False,
        "graph": {"name": model.name, "offset": model.offset},
        "nodes": [{"field": h, "id": label} for label, h in zip(ids, model.fields.tolist(), strict=True)],
        "edges": [
            {"weight": J, "source": ids[i], "target": ids[j]}
            for (i, j), J in zip(model.edges.tolist(), model.couplings.tolist(), strict=True)
        ],
    }
    _write(path, [json.dumps(data, allow_nan=False)])


def _entries(path: str | Path, model: IsingModel, sign: str) -> list[str]:
    """Return the lines of fields, with the first and last spin's always, and couplings."""
    _refuse_offset(path, model)
    weights, fields = to_spin(model, check_sign(sign))
    ends = {0, model.n - 1}
    lines = [f"{i} {i} {_number(h)}" for i, h in enumerate(fields.tolist()) if h != 0 or i in ends]
    lines += [f"{i} {j} {_number(w)}" for (i, j), w in zip(model.edges.tolist(), weights.tolist(), strict=True)]
    return lines


def _number(value: float) -> str:
    """Shortest text that reads back as the same float; whole numbers without a point, except 0.

    Zero is "0.0", as a COO file that begins with ``a b 0`` could be taken for one with a header.
    """
    return str(int(value)) if value.is_integer() and value != 0 and abs(value) < 1e15 else repr(value)


def _refuse_offset(path: str | Path, model: IsingModel) -> None:
    if model.offset != 0:
        raise InputError(
            f"{place(path)}the format cannot hold the model's offset {model.offset}; write node-link JSON instead"
        )


def _write(path: str | Path, lines: list[str]) -> None:
    with replacing(path) as handle:
        handle.write(("\n".join(lines) + "\n").encode("ascii"))
