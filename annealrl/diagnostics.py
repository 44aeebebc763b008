"""Whether a sample is in equilibrium, and what the glass looks like: overlaps of the replicas of an instance.

All functions read the present configurations of a :class:`~annealrl.simulator.ReplicaSimulator`. The replicas that are
compared must stand at one temperature and, for averages over pairs to be those of independent copies, must have moved
independently: take one rung of a tempering ladder (``replicas=range(k, R, K)``), and mind that a resampled population
holds relatives (:meth:`~annealrl.moves.Population.rho_t`). Diagnostics of populations and ladders stand with them:
:meth:`~annealrl.moves.Population.family_entropy`, :meth:`~annealrl.moves.Population.rho_t`,
:meth:`~annealrl.moves.Population.free_energy`, :attr:`~annealrl.moves.Tempering.round_trips` and
:meth:`~annealrl.moves.Tempering.exchange_rates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from annealrl.errors import InputError
from annealrl.ising import FloatArray, SpinArray
from annealrl.simulator import ReplicaSimulator


class OverlapDistribution(NamedTuple):
    """Distribution of the overlap q = Σ s_i s'_i / n of two replicas.

    Attributes
    ----------
    q : float64 array, shape (n + 1,)
        -1, -1 + 2/n, … 1.
    probability : float64 array, shape (n + 1,)
        Share of the pairs; the sum is 1.
    """

    q: FloatArray
    probability: FloatArray


class LinkOverlapTest(NamedTuple):
    """Both sides of the relation between energy and link overlap, averaged over instances.

    Attributes
    ----------
    from_energy : float
        1 - T |U_J| / (σ² N_b), with the energy U_J of the bonds and their number N_b.
    link_overlap : float
        q_l = Σ_b [⟨s_i s_j⟩²] / N_b.
    difference, error : float
        Mean over instances of the first less the second, and its standard error from their spread.
    """

    from_energy: float
    link_overlap: float
    difference: float
    error: float


def overlap_distribution(
    simulator: ReplicaSimulator, instance: int = 0, replicas: Sequence[int] | None = None
) -> OverlapDistribution:
    """P(q) of one instance, from all pairs of its replicas or of some of them.

    The order parameter function of the Ising spin glass: G. Parisi, Phys. Rev. Lett. 50, 1946 (1983).

    Parameters
    ----------
    replicas : sequence of int, optional
        Which replicas to compare; all by default.

    Raises
    ------
    InputError
        If these are fewer than two or an index is out of range.
    """
    spins = _chosen(simulator, instance, replicas)
    count, n = spins.shape
    values = spins.astype(np.float32)  # sums of at most 2**24 signs are exact
    differing = np.rint((n - values @ values.T) / 2)[np.tril_indices(count, -1)].astype(np.int64)
    pairs = np.bincount(differing, minlength=n + 1)[::-1]
    return OverlapDistribution(1.0 - 2.0 * np.arange(n, -1, -1) / n, pairs / pairs.sum())


def link_overlap(simulator: ReplicaSimulator, instance: int = 0, replicas: Sequence[int] | None = None) -> float:
    """Mean over all pairs of replicas of q_l = Σ_b (s_i s_j)(s'_i s'_j) / N_b over the N_b bonds of one instance.

    Its expectation in equilibrium is Σ_b ⟨s_i s_j⟩² / N_b.
    """
    bonds = _bonds(simulator, instance, replicas)
    count = len(bonds)
    totals = bonds.sum(axis=0, dtype=np.int64)
    # Σ over pairs r ≠ r' of x_r x_r' = (Σ x_r)² - R for x = ±1, so no pair has to be looked at.
    return float(((totals**2 - count) / (count * (count - 1.0))).mean())


def link_overlap_test(
    simulator: ReplicaSimulator, beta: float, sigma: float = 1.0, replicas: Sequence[int] | None = None
) -> LinkOverlapTest:
    r"""Compare energy and link overlap, which belong together in equilibrium for Gaussian couplings.

    Integrating by parts over Gaussian couplings of mean 0 and standard deviation σ gives ``[J⟨s_i s_j⟩] = β σ² (1 -
    [⟨s_i s_j⟩²])`` for every bond, at any size, on any graph and with any fixed fields; [·] is the mean over the
    couplings. So ``[q_l] = 1 - T |[U_J]| / (σ² N_b)``, where U_J = -Σ_b J ⟨s_i s_j⟩. From a random start the left-hand
    side is too small and the right-hand one too large, so the two approach each other from both sides.

    Source: Katzgraber, Palassini, Young, Phys. Rev. B 63, 184422 (2001), section III (for a lattice of coordination
    number z, N_b = z N/2).

    Parameters
    ----------
    simulator : ReplicaSimulator
        Many instances, whose couplings are Gaussian; one sample of the couplings says nothing.
    beta : float
        The inverse temperature at which the replicas stand, > 0.
    sigma : float
        σ, > 0.
    replicas : sequence of int, optional
        Which replicas of every instance to take.

    Raises
    ------
    InputError
        If there are fewer than two instances or replicas, or β or σ is not positive and finite.
    """
    if len(simulator) < 2:
        raise InputError("link overlap test: two instances at least are needed for a mean over couplings")
    if not (0 < beta < np.inf and 0 < sigma < np.inf):
        raise InputError(
            f"link overlap test: beta and sigma are {beta} and {sigma}; finite positive numbers are expected"
        )
    energy_side, overlap_side = np.empty(len(simulator)), np.empty(len(simulator))
    for b, model in enumerate(simulator.models):
        bond_energy = (_bonds(simulator, b, replicas).mean(axis=0) * model.couplings).sum()
        energy_side[b] = 1.0 - bond_energy / (beta * sigma**2 * len(model.couplings))
        overlap_side[b] = link_overlap(simulator, b, replicas)
    difference = energy_side - overlap_side
    return LinkOverlapTest(
        float(energy_side.mean()),
        float(overlap_side.mean()),
        float(difference.mean()),
        float(difference.std(ddof=1) / np.sqrt(len(difference))),
    )


def _chosen(simulator: ReplicaSimulator, instance: int, replicas: Sequence[int] | None) -> SpinArray:
    if not 0 <= instance < len(simulator):
        raise InputError(f"diagnostics: instance {instance} is out of range; there are {len(simulator)}")
    spins = simulator.spins(instance)
    if replicas is not None:
        index = np.asarray(replicas, dtype=np.intp)
        if index.ndim != 1 or ((index < 0) | (index >= len(spins))).any() or len(np.unique(index)) < len(index):
            raise InputError(f"diagnostics: replicas must be different numbers from 0 to {len(spins) - 1}")
        spins = spins[index]
    if len(spins) < 2:
        raise InputError("diagnostics: two replicas at least are needed for a pair")
    return spins


def _bonds(simulator: ReplicaSimulator, instance: int, replicas: Sequence[int] | None) -> npt.NDArray[np.int8]:
    """``s_i s_j`` of every bond, shape (R, N_b)."""
    spins, edges = _chosen(simulator, instance, replicas), simulator.models[instance].edges
    if not len(edges):
        raise InputError(f"diagnostics: instance {instance} has no bonds")
    bonds: npt.NDArray[np.int8] = spins[:, edges[:, 0]] * spins[:, edges[:, 1]]
    return bonds
