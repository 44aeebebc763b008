"""What a critic may see while training and no policy ever does: couplings, true energies, the certified optimum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.family import Family, Simulator
from annealrl.ising import FloatArray, IsingModel

_LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
_TINY = 1e-4

#: Columns: logarithms of how far mean, lowest and lowest energy so far lie above the optimum, per spin in units of σ;
#: the optimum in these units; the share of Σ|J| + Σ|h| that the optimum leaves unsatisfied; log σ; quantiles of |J|/σ.
PRIVILEGED = (
    "log_mean_above_optimum",
    "log_lowest_above_optimum",
    "log_best_above_optimum",
    "optimum_per_spin",
    "frustration",
    "log_scale",
    *(f"coupling_quantile_{level}" for level in _LEVELS),
)


def check_source(family: Family, certified: bool) -> None:
    """Check that a family's instances have couplings, and optima that are known.

    Raises
    ------
    InputError
        If they have not.
    """
    if family.model_type is not IsingModel:
        raise InputError(f"privileged_critic: {type(family).__name__} has no couplings; an Ising family is expected")
    if not certified:
        raise InputError(
            "privileged_critic: ground energies are unknown; the environment's option certify=True is expected"
        )


def of_instances(models: Sequence[IsingModel], ground: FloatArray) -> npt.NDArray[np.float32]:
    """What holds for a whole episode, the columns from ``optimum_per_spin`` on, shape (B, 8).

    Raises
    ------
    InputError
        If an optimum is unknown.
    """
    if np.isnan(ground).any():
        raise InputError("privileged_critic: ground energies are unknown; environment option certify=True is expected")
    rows: dict[tuple[int, float], list[float]] = {}
    for model, energy in zip(models, ground, strict=True):
        key = (id(model), float(energy))
        if key not in rows:  # environments of a group share their instance
            strengths, sigma = np.abs(model.couplings), model.energy_scale
            total = float(strengths.sum() + np.abs(model.fields).sum())
            frustration = (energy - model.offset + total) / (2 * total)
            rows[key] = [
                energy / (model.n * sigma),
                frustration,
                np.log(sigma),
                *np.quantile(strengths / sigma, _LEVELS),
            ]
    return np.array([rows[id(model), float(energy)] for model, energy in zip(models, ground, strict=True)], np.float32)


def columns(simulator: Simulator, ground: FloatArray, instances: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """All columns of :data:`PRIVILEGED`, shape (B, 11); `instances` is what :func:`of_instances` gave."""
    units = simulator.extents * [model.energy_scale for model in simulator.models]
    seen = (simulator.energies.mean(axis=1), simulator.energies.min(axis=1), simulator.best_energies.min(axis=1))
    above = [np.log(np.maximum((energies - ground) / units, 0.0) + _TINY) for energies in seen]
    return np.concatenate([np.stack(above, axis=1).astype(np.float32), instances], axis=1)
