"""A range of inverse temperatures from an instance's own couplings, for whoever gives none."""

from __future__ import annotations

import math

import numpy as np

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IsingModel

#: Acceptance of the hardest flip at the hot end, and of the typical spin's weakest frustration at the cold end.
_HOT, _COLD = 0.5, 0.01


def default_beta_range(model: IsingModel) -> tuple[float, float]:
    """Hot and cold end of an anneal.

    At the hot end the dearest flip that can occur, ΔE = 2 max_i (|h_i| + Σ_j |J_ij|), is accepted with probability ½.
    At the cold end breaking a spin's weakest bond (or field), ΔE = 2 min |J_ij|, with probability 0.01; the median over
    spins is taken, because the least coupling of all may be smaller than anything that matters by orders of magnitude.
    Energies of an SPIN and a BINARY form of one problem are the same, so its range is.

    Returns
    -------
    tuple of float
        (hot, cold) with 0 < hot ≤ cold, in units of 1/energy; (0.1, 1) where all energies are equal.

    Raises
    ------
    InputError
        If the couplings are so small that β exceeds float64.

    Examples
    --------
    >>> ring = IsingModel.from_edges([(i, (i + 1) % 8) for i in range(8)])
    >>> [round(beta, 4) for beta in default_beta_range(ring)]
    [0.1733, 2.3026]
    """
    # In units of the largest first: sums of very large couplings leave the range of float64.
    unit = float(np.abs(np.concatenate([model.couplings, model.fields])).max()) or 1.0
    strongest = np.abs(model.fields) / unit
    weakest = _or_infinite(strongest)
    couplings = np.repeat(np.abs(model.couplings) / unit, 2)
    np.add.at(strongest, model.edges.ravel(), couplings)
    np.minimum.at(weakest, model.edges.ravel(), _or_infinite(couplings))
    felt = weakest[np.isfinite(weakest)]
    if not len(felt):
        return 0.1, 1.0
    hot = math.log(1 / _HOT) / (2 * float(strongest.max())) / unit
    cold = max(hot, math.log(1 / _COLD) / (2 * float(np.median(felt))) / unit)
    if not math.isfinite(cold):
        raise InputError(
            f"instance {model.name!r}: β for a typical coupling or field, {float(np.median(felt)) * unit:.3g}, exceeds "
            "float64; values of at least 1e-300 are expected (multiply all of them by one factor)"
        )
    return hot, cold


def _or_infinite(values: FloatArray) -> FloatArray:
    return np.where(values > 0, values, np.inf)
