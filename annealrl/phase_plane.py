"""The plane of energy and overlap with a reference configuration, in which states of Ising models are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl.density_of_states import DensityOfStates
from annealrl.errors import InputError
from annealrl.ising import IsingModel


def gauged(model: IsingModel, reference: npt.ArrayLike) -> IsingModel:
    """The model in spins that are 1 where they agree with a reference: its Σs is N times the overlap with it.

    Parameters
    ----------
    reference : array of ±1, shape (n,)

    Raises
    ------
    InputError
        If `reference` is no configuration of the model.
    """
    signs = np.asarray(reference, np.float64)
    if signs.shape != (model.n,) or not (np.abs(signs) == 1).all():
        raise InputError(f"reference: an array of shape {signs.shape}; {model.n} spins of ±1 are expected")
    couplings = model.couplings * signs[model.edges[:, 0]] * signs[model.edges[:, 1]]
    return IsingModel.from_edges(model.edges, couplings, model.fields * signs, n=model.n, offset=model.offset)


def plane_json(found: DensityOfStates, *, symmetric: bool) -> dict[str, Any]:
    """JSON of ln g over magnetisation and energy, to two decimals.

    Parameters
    ----------
    symmetric : bool
        Whether g(-M, E) = g(M, E): then M ≥ 0 alone is kept, with the mean of both.

    Returns
    -------
    dict
        ``energies``; ``columns``, each ``m`` and ln g from the energy numbered ``first`` on, null where there is no
        state or none was found; ``symmetric``.

    Raises
    ------
    InputError
        If the density of states is one of the energy alone.
    """
    if found.magnetisations is None:
        raise InputError("density of states: magnetisation=True is expected")
    spins = int(found.magnetisations.max())
    columns = []
    for k, m in enumerate(found.magnetisations):
        if symmetric and m < 0:
            continue
        log_g = found.log_g[:, k]
        if symmetric:
            other = np.flatnonzero(found.magnetisations == -m)
            if len(other):
                log_g = np.logaddexp(log_g, found.log_g[:, other[0]]) - np.log(2.0)
        seen = np.flatnonzero(np.isfinite(log_g))
        inside = log_g[seen[0] : seen[-1] + 1]
        values = [round(float(value), 2) if np.isfinite(value) else None for value in inside]
        columns.append({"m": int(m), "first": int(seen[0]), "log_g": values})
    return {
        "spins": spins,
        "symmetric": symmetric,
        "energies": [round(float(energy), 6) for energy in found.energies],
        "columns": columns,
    }
