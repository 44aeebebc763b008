"""Instance sets that others made as ``.npz`` files: several look alike, so signs and keys are said, never guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from annealrl.errors import InputError
from annealrl.instance_set import STATUSES, InstanceSet
from annealrl.instances.archive import place, read_npz
from annealrl.instances.checked import Checked
from annealrl.instances.conventions import check_sign, from_spin
from annealrl.instances.setfile import check_size, unpack_spins
from annealrl.ising import SpinArray


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
        state = unpack_spins(states[i], f"{here}{spins_key}")
        if state is not None:
            energy = model.energy(state)
            if abs(energy - energies[i]) > 1e-5 * n + 1e-9 * model.scale:
                raise InputError(
                    f"{here}{energy_key} gives {energies[i]:.12g}, but its spins have the energy {energy:.12g}; "
                    f"is {sign} the sign, {'and' if per_spin else 'and not'} per spin?"
                )
            energies[i] = energy
        elif abs(energies[i]) > model.scale * (1 + 1e-9) + 1e-5 * n:
            raise InputError(
                f"{here}{energy_key} gives {energies[i]:.12g}, out of reach with Σ|J| + Σ|h| = {model.scale:.12g}; "
                f"is it {'not ' if per_spin else ''}an energy per spin?"
            )
        models.append(model)
        spins.append(state)
    statuses = tuple(status if known else "unknown" for known in np.isfinite(energies))
    bounds = np.full(k, np.nan)
    return InstanceSet(name or Path(path).stem, tuple(models), energies, tuple(spins), bounds, statuses)


def _spin_count(data: Checked, keys: tuple[str, str, str, str]) -> int:
    n_key, fields_key, spins_key, edges_key = keys
    if n_key in data:
        return int(data.integers(n_key, ()))
    for key in (fields_key, spins_key):
        if key in data:
            return int(data.shaped(key, (None, None)).shape[1])
    return int(data.integers(edges_key, (None, 2)).max(initial=-1)) + 1
