"""Set files: instances and their optima in one ``.npz`` without pickles.

Two forms, in the package's own convention ``H = -Σ J s s - Σ h s + offset``, indices 0-based in each instance:

==================  =====================================  ==============================================
key                 one graph for all k instances          graphs differ (ragged form)
==================  =====================================  ==============================================
``edges``           int [m, 2]                             int [M, 2], instance after instance
``J``               float [k, m]                           float [M]
``n``               int, the number of spins               not needed
``edge_ptr``        –                                      int [k+1]: instance i owns ``edges[ptr[i]:ptr[i+1]]``
``node_ptr``        –                                      int [k+1]: the same for spins, as in ``h``
``h``               float [k, n], optional                 float [Σn], optional
``offset``          float [k], optional: constant of each instance's energy, 0 without it
``ground_spins``    int8 [k, n], optional                  int8 [Σn], optional
``ground_energy``   float [k], optional: total energy, NaN where nothing is known
``bound``           float [k], optional: certified lower bound of the energy, NaN where there is none
``status``          str [k], optional: optimal, putative, planted or unknown
``names``           str [k], optional
==================  =====================================  ==============================================

The spins of an instance without a known configuration are all 0. A file without ``status`` claims no proof: what it
gives an energy for is ``putative``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from annealrl.errors import InputError
from annealrl.instance_set import STATUSES, InstanceSet
from annealrl.instances.archive import MAX_ENTRIES, AnyArray, place, read_npz, write_npz
from annealrl.instances.checked import Checked
from annealrl.ising import IntArray, IsingModel, SpinArray, ising_models

#: Every key that a set file may have.
KEYS = (
    "edges",
    "J",
    "n",
    "edge_ptr",
    "node_ptr",
    "h",
    "offset",
    "ground_energy",
    "ground_spins",
    "bound",
    "status",
    "names",
)

#: Most instances that one file may hold.
MAX_INSTANCES = 100_000


def write_set(path: str | Path, instance_set: InstanceSet) -> None:
    """Write a set; the same set gives the same bytes. The ragged form is used only when the graphs differ.

    Raises
    ------
    InputError
        If the set contradicts itself (:func:`check_optima`), is larger than what is read back, or the place cannot be
        written.
    """
    models = ising_models(instance_set.models, f"{place(path)}a set file")
    check_optima(instance_set, place(path))
    first = models[0]
    shared = all(model.n == first.n and np.array_equal(model.edges, first.edges) for model in models)
    arrays: dict[str, AnyArray] = {}
    if shared:
        arrays["edges"] = _smallest(first.edges)
        arrays["J"] = np.stack([model.couplings for model in models])
        arrays["n"] = np.array(first.n, dtype=np.int64)
    else:
        arrays["edges"] = _smallest(np.concatenate([model.edges for model in models]))
        arrays["J"] = np.concatenate([model.couplings for model in models])
        arrays["edge_ptr"] = _pointer([len(model.edges) for model in models])
        arrays["node_ptr"] = _pointer([model.n for model in models])
    join = np.stack if shared else np.concatenate
    if any(model.fields.any() for model in models):
        arrays["h"] = join([model.fields for model in models])
    if any(model.offset for model in models):
        arrays["offset"] = np.array([model.offset for model in models], dtype=np.float64)
    if np.isfinite(instance_set.ground_energies).any():
        arrays["ground_energy"] = np.asarray(instance_set.ground_energies, dtype=np.float64)
    spins = instance_set.ground_spins
    if any(s is not None for s in spins):
        none = [np.zeros(model.n, dtype=np.int8) for model in models]
        arrays["ground_spins"] = join(
            [np.asarray(s, dtype=np.int8) if s is not None else z for s, z in zip(spins, none, strict=True)]
        )
    if np.isfinite(instance_set.bounds).any():
        arrays["bound"] = np.asarray(instance_set.bounds, dtype=np.float64)
    arrays["status"] = np.array(instance_set.statuses)
    if any(model.name for model in models):
        arrays["names"] = np.array([model.name for model in models])
    entries = sum(array.size for array in arrays.values())
    if len(models) > MAX_INSTANCES or entries > MAX_ENTRIES:
        raise InputError(
            f"{place(path)}a set of {len(models)} instances and {entries} numbers; at most {MAX_INSTANCES} and "
            f"{MAX_ENTRIES} go into one file"
        )
    write_npz(path, arrays)


def read_set(path: str | Path) -> InstanceSet:
    """Read a set file of either form; the set is named after the file.

    Raises
    ------
    InputError
        If the file is not one, in one line that names file and key: unknown or missing keys, wrong shapes or dtypes,
        values that no model may have, an energy that is not that of the stored spins or lies below its bound.
    """
    where = place(path)
    data = Checked(read_npz(path), where)
    unknown = sorted(set(data.arrays) - set(KEYS))
    if unknown:
        raise InputError(
            f"{where}unknown key {', '.join(map(repr, unknown))[:200]}; a file of another make is read by "
            "`annealrl instances import --sign … --energy-key …`"
        )
    ragged = "edge_ptr" in data or "node_ptr" in data
    models = _ragged_models(data) if ragged else _shared_models(data)
    k = len(models)
    if "offset" in data:
        offsets = data.floats("offset", (k,)).tolist()
        models = [replace(model, offset=offset) for model, offset in zip(models, offsets, strict=True)]
    spins = _spins(data, models, ragged)
    energies = data.floats("ground_energy", (k,), nan=True) if "ground_energy" in data else np.full(k, np.nan)
    for i, s in enumerate(spins):
        if s is not None and np.isnan(energies[i]):
            energies[i] = models[i].energy(s)
    bounds = data.floats("bound", (k,), nan=True) if "bound" in data else np.full(k, np.nan)
    if "status" in data:
        statuses = tuple(data.texts("status", k))
        wrong = next((i for i, status in enumerate(statuses) if status not in STATUSES), None)
        if wrong is not None:
            raise InputError(f"{where}status[{wrong}] is {statuses[wrong][:40]!r}, none of {', '.join(STATUSES)}")
    else:
        statuses = tuple("putative" if known else "unknown" for known in np.isfinite(energies))
    instance_set = InstanceSet(Path(path).stem, tuple(models), energies, spins, bounds, statuses)
    check_optima(instance_set, where)
    return instance_set


def check_optima(instance_set: InstanceSet, where: str) -> None:
    """Check that what a set says of its optima agrees with itself, to 1e-9 · (Σ|J| + Σ|h|).

    Raises
    ------
    InputError
        In one line that begins with `where`: Σ|J| + Σ|h| overflows, stored spins have another energy than the stored
        one, no configuration can have such an energy, a bound lies above the energy, a status claims an optimum for
        which there is no energy, or a proof that the bound does not give.
    """
    for i, model in enumerate(instance_set.models):
        stored, bound, status = instance_set.ground_energies[i], instance_set.bounds[i], instance_set.statuses[i]
        spins = instance_set.ground_spins[i]
        which = f"instance {i} ({model.name})" if model.name else f"instance {i}"
        check_scale(model, f"{where}{which}")
        tolerance = 1e-9 * model.scale
        if abs(stored - model.offset) > model.scale + tolerance + rounding(status, model.n):
            raise InputError(
                f"{where}ground_energy of {which} is {stored:.12g}, which no configuration has: energies lie between "
                f"{model.offset - model.scale:.12g} and {model.offset + model.scale:.12g}"
            )
        if status != "unknown" and np.isnan(stored):
            raise InputError(f"{where}status of {which} is {status!r}, but there is no ground_energy")
        if spins is not None:
            energy = model.energy(spins)
            if abs(energy - stored) > tolerance:
                raise InputError(
                    f"{where}ground_energy of {which} is {stored:.12g}, but its ground_spins have the energy "
                    f"{energy:.12g} under H = -Σ J s s - Σ h s"
                )
        if status == "optimal" and not stored - bound <= tolerance:
            raise InputError(
                f"{where}status of {which} is 'optimal', but its bound is {bound:.12g} beside a ground_energy of "
                f"{stored:.12g}; a bound that meets it to 1e-9 Σ|J|, or another status, is expected"
            )
        if bound > stored + tolerance:
            raise InputError(f"{where}bound of {which}, {bound:.12g}, lies above its ground_energy {stored:.12g}")


def check_scale(model: IsingModel, what: str) -> None:
    """Refuse a model whose energies are no float64 numbers; `what` begins the message."""
    with np.errstate(over="ignore"):
        if not np.isfinite(model.scale):
            raise InputError(f"{what}: the sum of all |J| and |h| overflows; scale the data down")
        if not np.isfinite(model.scale + abs(model.offset)):
            raise InputError(f"{what}: the sum of all |J| and |h| and the offset overflows; scale the data down")


def rounding(status: str, n: int) -> float:
    """By how much an energy may be rounded, other than in its last digits: those of others are often given per spin."""
    return 0.0 if status in ("optimal", "planted") else 1e-5 * n


def check_size(k: int, n: int, total: int, where: str) -> None:
    """Check the numbers of instances and spins before anything of that size is made."""
    if k < 1 or n < 1:
        raise InputError(f"{where}{k} instances of {n} spins; at least one of each is expected")
    if k > MAX_INSTANCES or total > MAX_ENTRIES:
        raise InputError(
            f"{where}{k} instances, {total} spins in all; at most {MAX_INSTANCES} and {MAX_ENTRIES} are read"
        )


def _shared_models(data: Checked) -> list[IsingModel]:
    n = int(data.integers("n", ()))
    m = len(data.shaped("edges", (None, 2)))
    J = data.floats("J", (None, m))
    k = len(J)
    check_size(k, n, k * n, data.where)
    edges = data.edges(n)
    fields = data.floats("h", (k, n)) if "h" in data else np.zeros((k, n))
    names = data.texts("names", k) if "names" in data else [""] * k
    return [data.model(n, edges, J[i], fields[i], names[i], i) for i in range(k)]


def _ragged_models(data: Checked) -> list[IsingModel]:
    edge_ptr = data.integers("edge_ptr", (None,))
    node_ptr = data.integers("node_ptr", (len(edge_ptr),))
    k = len(edge_ptr) - 1
    for key, pointer, least in (("edge_ptr", edge_ptr, 0), ("node_ptr", node_ptr, 1)):
        if k < 1 or pointer[0] != 0 or (pointer[1:] - pointer[:-1] < least).any() or pointer.max() != pointer[-1]:
            raise InputError(f"{data.where}{key} must start at 0 and rise by at least {least} for every instance")
    total = int(node_ptr[-1])
    check_size(k, 1, total, data.where)
    if edge_ptr[-1] != len(data.shaped("edges", (None, 2))):
        raise InputError(
            f"{data.where}edge_ptr ends at {edge_ptr[-1]}, but there are {len(data.arrays['edges'])} edges"
        )
    sizes = np.diff(node_ptr)
    if "n" in data and not np.array_equal(data.integers("n", (k,)), sizes):
        raise InputError(f"{data.where}n contradicts node_ptr; the ragged form needs no n")
    edges = data.edges(np.repeat(sizes, np.diff(edge_ptr)))
    J = data.floats("J", (len(edges),))
    fields = data.floats("h", (total,)) if "h" in data else np.zeros(total)
    names = data.texts("names", k) if "names" in data else [""] * k
    models = []
    for i in range(k):
        own, nodes = slice(edge_ptr[i], edge_ptr[i + 1]), slice(node_ptr[i], node_ptr[i + 1])
        models.append(data.model(int(sizes[i]), edges[own], J[own], fields[nodes], names[i], i))
    return models


def _spins(data: Checked, models: Sequence[IsingModel], ragged: bool) -> tuple[SpinArray | None, ...]:
    k = len(models)
    if "ground_spins" not in data:
        return (None,) * k
    sizes = [model.n for model in models]
    flat = data.integers("ground_spins", (sum(sizes),) if ragged else (k, sizes[0])).ravel()
    return tuple(
        unpack_spins(own, f"{data.where}ground_spins of instance {i}")
        for i, own in enumerate(np.split(flat, np.cumsum(sizes)[:-1]))
    )


def unpack_spins(values: IntArray, what: str) -> SpinArray | None:
    """Return ±1 as int8, or None where all are 0; `what` begins the error of anything else."""
    if not values.any():
        return None
    wrong = np.flatnonzero(np.abs(values) != 1)
    if len(wrong):
        raise InputError(f"{what}: entry {wrong[0]} is {values[wrong[0]]}; +1 or -1 is expected, or 0 for all")
    return values.astype(np.int8)


def _pointer(counts: Sequence[int]) -> IntArray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _smallest(edges: IntArray) -> AnyArray:
    """Store indices in as few bytes as they need; readers take any integer type."""
    largest = int(edges.max(initial=0))
    return edges.astype(np.int16 if largest < 1 << 15 else np.int32 if largest < 1 << 31 else np.int64)
