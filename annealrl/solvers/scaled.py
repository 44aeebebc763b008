"""Integer image of an Ising model, so that bounds are proven in exact arithmetic.

Couplings and fields are multiplied by a power of two and rounded to integers small enough that every sum the solver
forms fits into int64 (and every energy into float64) exactly. Integer data survive unchanged; for other data the
rounding errors are summed and subtracted from the final bound, about 1e-13 of the model's scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray, IsingModel, SpinArray

_BITS = 50
"""Binary digits kept of ``Σ|J| + Σ|h|``."""


@dataclass(frozen=True, eq=False)
class ScaledModel:
    """Pure-coupling integer model; a field becomes a coupling to one more spin, the ghost, of index ``model.n``.

    Attributes
    ----------
    n : int
        Number of spins, the ghost included.
    edges, weights : int64 arrays, shapes (m, 2) and (m,)
        ``H = -Σ weights s s`` in units of ``2**-exponent``; no weight is zero.
    exponent : int
        Power of two that the model was multiplied by.
    slack : Fraction
        Upper limit of ``|true energy - scaled energy|`` of any configuration, in scaled units.
    ghost : bool
        Whether the last spin stands for the fields.
    """

    n: int
    edges: IntArray
    weights: IntArray
    exponent: int
    slack: Fraction
    ghost: bool

    @classmethod
    def from_model(cls, model: IsingModel) -> ScaledModel:
        """Scale `model` to integers.

        Raises
        ------
        InputError
            If ``Σ|J| + Σ|h|`` overflows.
        """
        with np.errstate(over="ignore"):
            total = model.scale
        if not math.isfinite(total):
            raise InputError(f"model {model.name!r}: the sum of all |J| and |h| overflows; scale the data down")
        sites = np.flatnonzero(model.fields)
        ghost = bool(len(sites))
        edges = np.concatenate([model.edges, np.stack([sites, np.full(len(sites), model.n)], axis=1)])
        values = np.concatenate([model.couplings, model.fields[sites]])
        exponent = _BITS - math.frexp(total)[1] if total > 0 else 0
        with np.errstate(under="ignore"):
            scaled = np.ldexp(values, exponent)
        weights = np.rint(scaled).astype(np.int64)
        kept = weights != 0
        return cls(
            model.n + ghost,
            edges[kept].astype(np.int64),
            weights[kept],
            exponent,
            _rounding_slack(values, scaled, weights, exponent),
            ghost,
        )

    def model_spins(self, spins: SpinArray) -> SpinArray:
        """Spins of the original model: the ghost is turned to +1 and left out."""
        return (spins[:-1] * spins[-1]).astype(np.int8) if self.ghost else spins

    def model_bound(self, bound: int, offset: float) -> float:
        """Turn a lower bound on the scaled energies into one on the true energies, rounded down to a float64."""
        exact = Fraction(offset) + (Fraction(bound) - self.slack) * Fraction(2) ** -self.exponent
        rounded = float(exact)
        return rounded if Fraction(rounded) <= exact else math.nextafter(rounded, -math.inf)


def _rounding_slack(values: FloatArray, scaled: FloatArray, weights: IntArray, exponent: int) -> Fraction:
    errors = np.abs(scaled - weights)  # exact: both lie on the grid of the float64 `scaled`
    # Scaling down can underflow; such an entry is charged far more than it can have lost.
    lost = np.ldexp(scaled, -exponent) != values
    errors[lost] += 2.0**-1000
    total = math.fsum(errors)
    return Fraction(math.nextafter(total, math.inf)) if total else Fraction(0)
