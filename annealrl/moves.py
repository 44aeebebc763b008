"""Moves between the replicas of an instance: resampling (population annealing) and tempering.

Both work on a :class:`~annealrl.simulator.ReplicaSimulator`, whose energies, best energies and configurations they keep
up to date, and draw from a stream of the instance that nothing else draws from. So results depend on the instance's
seed alone, not on threads or on how instances are batched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from annealrl.checks import whole, whole_each
from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray
from annealrl.parallel import equal_runs

if TYPE_CHECKING:
    from annealrl.simulator import ReplicaSimulator


_TWO_COPIES = "tempering: cluster moves need two copies of the ladder at least"


class Population:
    r"""The replicas of each instance as a population that is resampled from one temperature to the next.

    Population annealing: Hukushima and Iba, AIP Conf. Proc. 690, 200 (2003); Machta, Phys. Rev. E 82, 026704 (2010).
    Get it as ``simulator.population``.

    Attributes
    ----------
    families : int64 array, shape (B, R)
        Which replica of the start each one descends from.
    log_weight : float64 array, shape (B,)
        Sum over the resamplings of the log of the mean weight. If the population was in equilibrium at β₀ and all
        weights were exp(-Δβ E), this estimates ln Z(β) - ln Z(β₀), Z(β) = Σ exp(-β E) (Machta, eqs. 8 to 10).
    weighed : int
        Replicas weighed so far, over all instances.
    """

    def __init__(self, simulator: ReplicaSimulator) -> None:
        self._simulator = simulator
        shape = (len(simulator), simulator.replicas)
        self.families: IntArray = np.zeros(shape, np.int64)
        self.log_weight: FloatArray = np.zeros(shape[0])
        self.weighed = 0
        self.reset()

    def reset(self, instances: npt.ArrayLike | None = None) -> None:
        """Make every replica the founder of its own family again and forget the weights, of all or some instances."""
        chosen = slice(None) if instances is None else np.asarray(instances, dtype=np.intp)
        self.families[chosen] = np.arange(self._simulator.replicas)
        self.log_weight[chosen] = 0.0

    def resample(self, delta_beta: npt.ArrayLike, alpha: npt.ArrayLike = 1.0) -> FloatArray:
        """Replace the replicas by copies in proportion to exp(-alpha·Δβ·E), systematically.

        Parameters
        ----------
        delta_beta, alpha : array_like
            Scalars or one for each instance, shape (B,). With alpha = 1 a population in equilibrium at β is one at
            β + Δβ afterwards. Where the product is 0 nothing happens.

        Returns
        -------
        float64 array, shape (B,)
            Log of the mean weight, 0 where nothing happened.

        Notes
        -----
        The number of a replica's copies differs from its expectation by less than 1. A survivor keeps its place and so
        its random numbers; further copies go where no replica survived.
        """
        s = self._simulator
        exponents = np.asarray(delta_beta, dtype=np.float64) * np.asarray(alpha, dtype=np.float64)
        if exponents.shape not in ((), (1,), (len(s),)) or not np.isfinite(exponents).all():
            raise InputError(
                f"resample: alpha·Δβ has shape {exponents.shape} and values like {exponents.flat[0]}; finite numbers, "
                f"one or {len(s)}, are expected"
            )
        exponents = np.array(np.broadcast_to(exponents, (len(s),)))
        log_means = s.resample(exponents, self.families)
        self.log_weight += log_means
        self.weighed += s.replicas * int(np.count_nonzero(exponents))
        return log_means

    def family_entropy(self) -> FloatArray:
        """S_f = -Σ ν ln ν over the fractions ν of the families, shape (B,); ln R at the start, 0 for one family."""
        shares = self._shares()
        return np.asarray(-(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1))

    def rho_t(self) -> FloatArray:
        """ρ_t = R Σ ν², shape (B,): mean square family size, 1 at the start and R for one family.

        Small against R in a population that is large enough (Wang, Machta, Katzgraber, Phys. Rev. E 92, 063307 (2015)).
        """
        return np.asarray(self._simulator.replicas * (self._shares() ** 2).sum(axis=1))

    def free_energy(self, beta: npt.ArrayLike, log_states: npt.ArrayLike | None = None) -> FloatArray:
        """Estimate F = -ln Z(β)/β, shape (B,), after annealing from β₀ to β > 0 with weights exp(-Δβ E).

        Both arguments are scalars or of shape (B,).

        `log_states` is ln Z(β₀); by default n ln 2, which is right for β₀ = 0. The replicas must have been in
        equilibrium at β₀: some sweeps at β = 0 before the first resampling make them so, the random start of a
        simulator alone does not (every replica draws its own share of spins that point up).
        """
        count = len(self._simulator)
        betas = np.asarray(beta, dtype=np.float64)
        start = np.asarray(self._simulator.sizes * np.log(2.0) if log_states is None else log_states, dtype=np.float64)
        for what, values in (("beta", betas), ("log_states", start)):
            if values.shape not in ((), (1,), (count,)):
                raise InputError(f"free energy: {what} has shape {values.shape}; one or {count} numbers are expected")
        if not np.isfinite(betas).all() or (betas <= 0).any():
            raise InputError(f"free energy: beta is {betas.tolist()}; finite inverse temperatures > 0 are expected")
        return np.asarray(-(start + self.log_weight) / betas)

    def _shares(self) -> FloatArray:
        replicas = self._simulator.replicas
        offset = replicas * np.arange(len(self.families))[:, None]
        counts = np.bincount((self.families + offset).ravel(), minlength=self.families.size)
        return np.asarray(counts.reshape(self.families.shape) / replicas)


class Tempering:
    r"""Replica exchange on a ladder of K temperatures, in C copies, with R = K·C replicas.

    Replica ``c·K + k`` always stands at rung k of copy c; configurations move. Exchange: Hukushima and Nemoto, J. Phys.
    Soc. Jpn. 65, 1604 (1996), even and odd pairs in turn. Cluster moves between copies at one temperature: Zhu, Ochoa,
    Katzgraber, Phys. Rev. Lett. 115, 077201 (2015).

    Parameters
    ----------
    simulator : ReplicaSimulator
    betas : array_like, shape (K,) or (B, K)
        The ladder, for all instances or for each.
    copies : int
        C.
    every : int
        Sweeps between two rounds of moves.
    clusters : bool
        Whether a round has an isoenergetic cluster move (in random pairs of copies) before its exchanges; C ≥ 2.

    Attributes
    ----------
    walkers : int64 array, shape (B, R)
        Which configuration stands where; they start as 0 … R - 1.
    round_trips : int64 array, shape (B, R)
        Journeys of each walker from the first rung to the last and back.
    tried, swapped : int64 array, shape (B, K - 1)
        Exchanges between rungs k and k + 1, over all copies.
    """

    def __init__(
        self,
        simulator: ReplicaSimulator,
        betas: npt.ArrayLike,
        copies: int = 1,
        *,
        every: int = 1,
        clusters: bool = False,
    ) -> None:
        every, copies = whole(every, "tempering: every", 1), whole(copies, "tempering: copies", 1)
        if clusters and copies < 2:
            raise InputError(_TWO_COPIES)
        self._simulator = simulator
        self.copies, self.every, self.clusters = copies, every, clusters
        shape = (len(simulator), simulator.replicas)
        self.betas = betas
        rungs = self._betas.shape[1]
        self.walkers: IntArray = np.zeros(shape, np.int64)
        self.round_trips: IntArray = np.zeros(shape, np.int64)
        self._ends: IntArray = np.zeros(shape, np.int64)
        self.tried: IntArray = np.zeros((shape[0], rungs - 1), np.int64)
        self.swapped: IntArray = np.zeros((shape[0], rungs - 1), np.int64)
        self._rounds: IntArray = np.zeros((shape[0], 2), np.int64)
        self._since: IntArray = np.zeros(shape[0], np.int64)
        self.reset()

    @property
    def betas(self) -> FloatArray:
        """The ladders, shape (B, K); may be set anew between two calls, K staying the same."""
        return self._betas

    @betas.setter
    def betas(self, betas: npt.ArrayLike) -> None:
        s = self._simulator
        values = np.asarray(betas, dtype=np.float64)
        if values.ndim not in (1, 2) or (values.ndim == 2 and values.shape[0] not in (1, len(s))):
            raise InputError(f"tempering: the ladder has shape {values.shape}; (K,) or ({len(s)}, K) is expected")
        if not np.isfinite(values).all() or (values < 0).any():
            raise InputError("tempering: the ladder holds values that are no finite inverse temperatures ≥ 0")
        rungs = values.shape[-1]
        if rungs * self.copies != s.replicas:
            raise InputError(
                f"tempering: {rungs} temperatures × {self.copies} copies are {rungs * self.copies} replicas, "
                f"but there are {s.replicas}"
            )
        self._betas: FloatArray = np.array(np.broadcast_to(values, (len(s), rungs)), order="C")

    def reset(self, instances: npt.ArrayLike | None = None) -> None:
        """Forget all diagnostics of all or some instances, as after :meth:`ReplicaSimulator.load`."""
        chosen = slice(None) if instances is None else np.asarray(instances, dtype=np.intp)
        self.walkers[chosen] = np.arange(self._simulator.replicas)
        for counts in (self.round_trips, self._ends, self.tried, self.swapped, self._rounds):
            counts[chosen] = 0

    def advance(self, sweeps: int | IntArray, cluster_every: int | IntArray | None = None) -> None:
        """Run `sweeps` sweeps with a round of moves after every ``every`` of them (also across calls).

        The lowest energies include those right before and after every round.

        Parameters
        ----------
        sweeps : int or int array, shape (B,)
            For all instances or each.
        cluster_every : int or int array, shape (B,), optional
            Make a cluster move in every so-many-th round, counted from the start; 0: in none. By default in every one
            if there are ``clusters``.
        """
        s = self._simulator
        counts = whole_each(sweeps, "tempering: sweeps", len(s))
        chosen = int(self.clusters) if cluster_every is None else cluster_every
        clusters = whole_each(chosen, "tempering: cluster_every", len(s))
        if self.copies < 2 and clusters.any():
            raise InputError(_TWO_COPIES)
        self._run(counts, self.every, self._since, exchanges=True, clusters=clusters)
        self._since = (self._since + counts) % self.every

    def exchange(self) -> None:
        """Propose the exchanges of one round, and nothing else."""
        none = np.zeros(len(self._simulator), np.int64)
        self._run(none, 0, none, exchanges=True, clusters=none)

    def cluster(self) -> None:
        """Turn one isoenergetic cluster in each of random pairs of copies at each rung, and nothing else."""
        if self.copies < 2:
            raise InputError(_TWO_COPIES)
        none = np.zeros(len(self._simulator), np.int64)
        self._run(none, 0, none, exchanges=False, clusters=none + 1)

    def exchange_rates(self) -> FloatArray:
        """Accepted over proposed exchanges, shape (B, K - 1); 0 where none was proposed."""
        return np.asarray(self.swapped / np.maximum(1, self.tried))

    @property
    def attempted(self) -> int:
        """Exchanges proposed and spins turned in clusters so far, over all instances."""
        return int(self.tried.sum() + self._rounds[:, 1].sum())

    def _run(self, sweeps: IntArray, every: int, since: IntArray, *, exchanges: bool, clusters: IntArray) -> None:
        s = self._simulator
        rule, order = s.kernel_codes
        s.check_rounding(self._betas, own=True)
        # Compiled when first needed: resampling alone does without.
        from annealrl.kernels import ladder

        keys = np.stack([sweeps, since, clusters], axis=1)

        def work(first: int, last: int) -> None:
            for b, stop in equal_runs(keys, first, last):
                ladder.temper(
                    s._neighbours,
                    s._couplings,
                    s._fields,
                    s._degrees,
                    s.sizes,
                    self._betas,
                    self.copies,
                    int(sweeps[b]),
                    every,
                    int(since[b]),
                    int(exchanges),
                    int(clusters[b]),
                    rule,
                    order,
                    s._spins,
                    s._best_spins,
                    s._lanes,
                    s._site_states,
                    s._move_states,
                    self.walkers,
                    self._ends,
                    self.round_trips,
                    self.tried,
                    self.swapped,
                    self._rounds,
                    s.accepted,
                    b,
                    stop,
                )
            s.recompute(s._best_spins, s.best_energies, first, last)

        s.run_moves(work, sweeps=sweeps)
