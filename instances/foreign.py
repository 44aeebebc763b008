"""Instances of others made a set: ``.npz`` files, where signs and keys are said and never guessed, and single files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from annealrl.errors import InputError
from annealrl.instance_set import STATUSES, InstanceSet
from annealrl.instances.archive import is_npz, place, read_npz
from annealrl.instances.checked import Checked
from annealrl.instances.conventions import check_sign, from_spin
from annealrl.instances.formats import read_instance
from annealrl.instances.setfile import check_scale, check_size, unpack_spins
from annealrl.ising import IsingModel, SpinArray


def import_npz(
    path: str | Path,
    *,
    sign: str,
    energy_key: str | None = None,
    per_spin: bool = False,
    edges_key: str = "edges",
    couplings_key: str = "J",
    fields_key: str = "h",
    n_key: str = "n",
    spins_key: str | None = None,
    status: str = "putative",
    name: str | None = None,
) -> InstanceSet:
    """Read a foreign ``.npz`` of k instances on one graph.

    Parameters
    ----------
    path : path
    sign : {"ising", "dimod", "maxcut"}
        What couplings and fields mean; see :mod:`annealrl.instances.conventions`.
    energy_key : str, optional
        Key of the ground energies, shape (k,) or (), in the file's own convention.
    per_spin : bool
        Whether those are energies per spin.
    edges_key : str
        0-based pairs, int [m, 2].
    couplings_key : str
        Shape (k, m), or (m,) for a single instance.
    fields_key : str
        Shape (k, n) or (n,); ignored when the file has no such key.
    n_key : str
        Number of spins; when the file has no such key it follows from fields, spins or the largest index.
    spins_key : str, optional
        Key of the ground states, ±1, shape (k, n). Their recomputed energy replaces the stored one.
    status : str
        What the energies are; nothing is proven by reading them.
    name : str, optional
        Name of the set, by default that of the file.

    Raises
    ------
    InputError
        If a named key is missing or the data are not as described; if an energy is out of reach for its couplings or
        differs from that of the stored spins by more than 1e-5 per spin, which a wrong `sign` or `per_spin` shows as.
    """
    where = place(path)
    convention = check_sign(sign)
    if status not in STATUSES or status == "unknown":
        raise InputError(f"status {status!r} is none of {', '.join(s for s in STATUSES if s != 'unknown')}")
    data = Checked(read_npz(path), where)
    for key in (couplings_key, fields_key, spins_key, energy_key):
        if key is not None and key in data and data.arrays[key].ndim == (0 if key == energy_key else 1):
            data.arrays[key] = data.arrays[key][None]  # one instance without its leading axis
    J = data.floats(couplings_key, (None, None))
    k = len(J)
    n = _spin_count(data, (n_key, fields_key, spins_key or "", edges_key))
    check_size(k, n, k * n, where)
    edges = data.edges(n, edges_key)
    data.shaped(couplings_key, (k, len(edges)))
    fields = data.floats(fields_key, (k, n)) if fields_key in data else np.zeros((k, n))
    energies = np.full(k, np.nan)
    if energy_key is not None:
        energies = data.floats(energy_key, (k,), nan=True) * (n if per_spin else 1)
    states = data.integers(spins_key, (k, n)) if spins_key is not None else np.zeros((k, n), dtype=np.int64)
    models, spins = [], list[SpinArray | None]()
    for i in range(k):
        here = f"{where}instance {i}: "
        try:
            model = from_spin(n, edges, J[i], fields[i], sign=convention)
        except InputError as error:
            raise InputError(f"{here}{error}") from None
        check_scale(model, here[:-2])
        state = unpack_spins(states[i], f"{here}{spins_key}")
        if state is not None:
            energy = model.energy(state)
            if abs(energy - energies[i]) > 1e-5 * n + 1e-9 * model.scale:
                raise InputError(
                    f"{here}{energy_key} gives {energies[i]:.12g}, but its spins have the energy {energy:.12g}; "
                    f"is {sign} the sign, {'and' if per_spin else 'and not'} per spin?"
                )
            energies[i] = energy
        else:
            hint = f"is it {'not ' if per_spin else ''}an energy per spin?"
            _check_reach(energies[i], model, f"{here}{energy_key} gives", hint)
        models.append(model)
        spins.append(state)
    statuses = tuple(status if known else "unknown" for known in np.isfinite(energies))
    bounds = np.full(k, np.nan)
    return InstanceSet(name or Path(path).stem, tuple(models), energies, tuple(spins), bounds, statuses)


def import_files(
    paths: Sequence[str | Path],
    *,
    fmt: str = "auto",
    sign: str | None = None,
    index_base: str | int = "auto",
    energies: Sequence[float] | None = None,
    name: str | None = None,
) -> InstanceSet:
    """Read files of one instance each, of any format that is read, as one set; energies are those of the files.

    Parameters
    ----------
    paths : sequence of paths
        At least one.
    fmt, sign, index_base
        As :func:`~annealrl.instances.formats.read_instance` takes them, the same for all files.
    energies : sequence of float, optional
        Best known energy of each file in its own convention; they make the status "putative".
    name : str, optional
        Name of the set, by default that of the first file.

    Raises
    ------
    InputError
        If a file cannot be understood, there are not as many energies as files, or one is NaN or out of reach.
    """
    if not paths:
        raise InputError("no files; at least one is expected")
    if energies is not None and len(energies) != len(paths):
        raise InputError(f"{len(energies)} energies for {len(paths)} files; one for each is expected")
    models = [read_instance(path, fmt=fmt, sign=sign, index_base=index_base).model for path in paths]
    for path, model in zip(paths, models, strict=True):
        check_scale(model, place(path)[:-2])
    loaded = InstanceSet.from_models(name or Path(paths[0]).stem, models)
    if energies is None:
        return loaded
    known = np.array([float(energy) for energy in energies])
    for path, model, energy in zip(paths, models, known, strict=True):
        if np.isnan(energy):
            raise InputError(f"{place(path)}the energy given is nan; a number is expected")
        _check_reach(energy, model, f"{place(path)}the energy given is", "is it that of another sign or a cut?")
    return InstanceSet(
        loaded.name, loaded.models, known, loaded.ground_spins, loaded.bounds, ("putative",) * len(known)
    )


def import_any(
    paths: Sequence[str | Path],
    *,
    fmt: str = "auto",
    sign: str | None = None,
    index_base: str | int = "auto",
    energies: Sequence[float] | None = None,
    energy_key: str | None = None,
    per_spin: bool = False,
    spins_key: str | None = None,
) -> InstanceSet:
    """Read one ``.npz`` by :func:`import_npz`, or single files by :func:`import_files`, whichever the files are.

    Raises
    ------
    InputError
        If an option is given that the kind of file has not, a ``.npz`` stands among several files or has no `sign`, or
        as those functions do.
    """
    packed = [path for path in paths if is_npz(path)]
    if not packed:
        for option, value in (("--energy-key", energy_key), ("--per-spin", per_spin), ("--spins-key", spins_key)):
            if value:
                raise InputError(f"{place(paths[0])}{option} is for .npz files; use --energy for a single instance")
        return import_files(paths, fmt=fmt, sign=sign, index_base=index_base, energies=energies)
    if len(paths) > 1:
        raise InputError(f"{place(packed[0])}a .npz is imported alone, not among {len(paths)} files")
    if sign is None:
        raise InputError(f"{place(packed[0])}several .npz look alike; --sign ising, dimod or maxcut must be said")
    if fmt != "auto" or index_base != "auto" or energies:
        raise InputError(f"{place(packed[0])}--format, --index-base and --energy are for single files, not for .npz")
    return import_npz(packed[0], sign=sign, energy_key=energy_key, per_spin=per_spin, spins_key=spins_key)


def _check_reach(energy: float, model: IsingModel, what: str, hint: str) -> None:
    """Refuse an energy that no configuration can have; NaN stands for unknown."""
    if np.isinf(energy) or abs(energy - model.offset) > model.scale * (1 + 1e-9) + 1e-5 * model.n:
        around = f" around the offset {model.offset:.12g}" if model.offset else ""
        raise InputError(f"{what} {energy:.12g}, out of reach with Σ|J| + Σ|h| = {model.scale:.12g}{around}; {hint}")


def _spin_count(data: Checked, keys: tuple[str, str, str, str]) -> int:
    n_key, fields_key, spins_key, edges_key = keys
    if n_key in data:
        return int(data.integers(n_key, ()))
    for key in (fields_key, spins_key):
        if key in data:
            return int(data.shaped(key, (None, None)).shape[1])
    return int(data.integers(edges_key, (None, 2)).max(initial=-1)) + 1
