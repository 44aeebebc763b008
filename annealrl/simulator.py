"""Many instances × many replicas, advanced together by one compiled call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from annealrl.backends import BACKENDS, Backend
from annealrl.checks import whole_each
from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray, IsingModel
from annealrl.kernels import dynamics, observables
from annealrl.kernels.lanes import LANES
from annealrl.layouts import Layout
from annealrl.parallel import equal_runs
from annealrl.registry import unknown
from annealrl.replicas import ReplicaStore, Start

if TYPE_CHECKING:
    from annealrl.moves import Population, Tempering

__all__ = ["Order", "ReplicaSimulator", "Rule", "Seed", "Start", "instance_seeds"]

Rule = Literal["metropolis", "gibbs"]
Order = Literal["random", "sequential"]
Seed = int | np.random.SeedSequence

_RULES = {"metropolis": dynamics.METROPOLIS, "gibbs": dynamics.GIBBS}
_ORDERS = {"random": dynamics.RANDOM, "sequential": dynamics.SEQUENTIAL}


def instance_seeds(seed: Seed, count: int) -> list[np.random.SeedSequence]:
    """Independent streams for instances 0 … count - 1; a longer list extends a shorter one."""
    try:
        root = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    except (TypeError, ValueError):
        raise InputError(f"seed is {seed!r}; a whole number of at least 0 or a SeedSequence is expected") from None
    return [np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, i)) for i in range(count)]


class ReplicaSimulator(ReplicaStore):
    """Metropolis or heat-bath dynamics of B instances × R replicas, independent unless moves join them.

    A sweep is ``n`` proposals. Random order draws sites uniformly with replacement, the same sites for all replicas of
    an instance, which accept independently. The random numbers of a replica depend on (instance's seed, replica) alone
    and the sites on the instance's seed alone, so results do not depend on threads, on how instances are batched, or
    on how many further replicas there are.

    Parameters
    ----------
    models : sequence of IsingModel
        The B instances; sizes and graphs may differ.
    replicas : int
        R ≥ 1. The cost is that of the next multiple of 64.
    seed : int or SeedSequence
        Instance i uses child i of it; ignored where `seeds` is given.
    seeds : sequence of SeedSequence, optional
        One stream per instance.
    rule, order : str
        ``"metropolis"`` or ``"gibbs"``; ``"random"`` or ``"sequential"``. Sequential Metropolis is refused: at β = 0
        it flips every spin in every sweep for ever. A common β = 0 is always run by heat bath: Metropolis accepts
        everything there, and replicas, which share their sites, would stay as alike as they were. For the same reason
        it parts them slowly at small β, each by itself being right; heat bath parts them at once.
    initial : {"independent", "shared"}
        Every replica starts from its own draw (up-probability itself uniform on [0, 1]), or all from that of the first.
    threads : int, optional
        Threads over instances; all available cores by default.
    capacity : (int, int), optional
        Room for later :meth:`load` calls: largest number of spins and largest degree.
    layout : {"auto", "packed", "multispin", "summed", "dense"}
        The kernel, see :mod:`annealrl.layouts`; by default the fastest for each instance. Layouts draw their random
        numbers differently, so they run different trajectories with the same statistics.
    backend : {"cpu", "cuda"}
        Where the replicas are and move; ``"cuda"`` makes a :class:`~annealrl.cuda.CudaSimulator`, for which the cost is
        that of the next multiple of 32 and which leaves `layout` and `threads` aside.

    Attributes
    ----------
    energies, best_energies : float64 array, shape (B, R)
        Recomputed from the configurations at every step boundary, and their minimum since the start (the start
        included).
    accepted : int64 array, shape (B,)
        Accepted flips of the last :meth:`advance`, summed over the replicas in whole words of 64.
    attempted : int
        Proposals so far: Σ over instances of sweeps × n × R.

    Examples
    --------
    >>> ring = IsingModel.from_edges([(i, (i + 1) % 8) for i in range(8)])
    >>> simulator = ReplicaSimulator([ring], replicas=4, seed=1)
    >>> simulator.advance(beta=3.0, sweeps=200)
    >>> simulator.best_energies.min()
    np.float64(-8.0)
    """

    def __new__(cls, *_args: object, backend: Backend = "cpu", **_options: object) -> ReplicaSimulator:
        """Make the simulator of a backend; the interface is the same."""
        if backend not in BACKENDS:
            raise unknown("backend", backend, BACKENDS)
        if backend == "cuda" and cls is ReplicaSimulator:
            from annealrl.cuda import CudaSimulator

            return super().__new__(CudaSimulator)
        return super().__new__(cls)

    def __init__(
        self,
        models: Sequence[IsingModel],
        replicas: int = 64,
        *,
        seed: Seed = 0,
        seeds: Sequence[np.random.SeedSequence] | None = None,
        rule: Rule = "metropolis",
        order: Order = "random",
        initial: Start = "independent",
        threads: int | None = None,
        capacity: tuple[int, int] | None = None,
        layout: Layout = "auto",
        backend: Backend = "cpu",
    ) -> None:
        for key, value, known in (("rule", rule, tuple(_RULES)), ("order", order, tuple(_ORDERS))):
            if value not in known:
                raise InputError(f"simulator: {key} is {value!r}; one of {', '.join(known)} is expected")
        if rule == "metropolis" and order == "sequential":
            raise InputError(
                "simulator: sequential Metropolis sweeps lock at β = 0; use rule='gibbs' or order='random'"
            )
        if isinstance(models, IsingModel):
            raise InputError("simulator: models is one IsingModel; a list of them is expected, such as [model]")
        self.rule, self.order = rule, order
        streams = list(seeds) if seeds is not None else instance_seeds(seed, len(models))
        super().__init__(models, replicas, streams, initial, threads, capacity, layout)

    def load(
        self,
        indices: Sequence[int],
        models: Sequence[IsingModel],
        seeds: Sequence[np.random.SeedSequence],
        spins: Sequence[npt.ArrayLike | None] | None = None,
    ) -> None:
        """Put new instances in the places `indices` and start them afresh, families of the population included.

        Parameters
        ----------
        spins : sequence, optional
            Starting configurations, each ±1 of shape (n,) for all replicas or (R, n), or None for the random start.
        """
        super().load(indices, models, seeds, spins)
        if "population" in self.__dict__:
            self.population.reset(np.asarray(indices, dtype=np.intp))

    def advance(self, beta: npt.ArrayLike, sweeps: int | IntArray, *, ramp_from: npt.ArrayLike | None = None) -> None:
        """Run `sweeps` sweeps at inverse temperature `beta` ≥ 0.

        With `ramp_from`, β goes linearly from there to `beta`, sweep by sweep. Energies, best energies and accepted
        counts are up to date afterwards.

        Parameters
        ----------
        beta, ramp_from : array_like
            A scalar, one for each instance, shape (B,), or one for each replica, shape (B, R) or (1, R).
        sweeps : int or int array, shape (B,)
            For all instances or each.
        """
        own = 2 in (np.ndim(beta), 0 if ramp_from is None else np.ndim(ramp_from))
        end = self._betas(beta, "beta", own)
        start = end if ramp_from is None else self._betas(ramp_from, "ramp_from", own)
        counts = whole_each(sweeps, "simulator: sweeps", len(self))
        if (counts == counts[0]).all():
            self._run(start, end, int(counts[0]))
        else:
            self._run_each(start, end, counts)

    def _run(self, start: FloatArray, end: FloatArray, sweeps: int) -> None:
        """Run sweeps at checked temperatures, one for each instance or each replica, and do the books."""
        rule, order = self.kernel_codes
        own = start.ndim == 2
        self.check_rounding(np.maximum(start, end), own)
        # Replicas at their own β have a kernel of their own, whatever the layout.
        advance = self._advance_packed if own else self._advance_by_layout
        self.run_moves(lambda first, last: advance(start, end, sweeps, rule, order, first, last), sweeps=sweeps)

    def _run_each(self, start: FloatArray, end: FloatArray, sweeps: IntArray) -> None:
        """As :meth:`_run`, with a number of sweeps for each instance."""
        rule, order = self.kernel_codes
        own = start.ndim == 2
        self.check_rounding(np.maximum(start, end), own)
        advance = self._advance_packed if own else self._advance_by_layout

        def work(first: int, last: int) -> None:
            for b, stop in equal_runs(sweeps[:, None], first, last):
                advance(start, end, int(sweeps[b]), rule, order, b, stop)

        self.run_moves(work, sweeps=sweeps)

    @cached_property
    def population(self) -> Population:
        """The replicas as populations that can be resampled, with their families; made when first asked for."""
        from annealrl.moves import Population

        return Population(self)

    def tempering(self, betas: npt.ArrayLike, copies: int = 1, *, every: int = 1, clusters: bool = False) -> Tempering:
        """The replicas as `copies` ladders of temperatures with exchange; see :class:`~annealrl.moves.Tempering`."""
        from annealrl.moves import Tempering

        return Tempering(self, betas, copies, every=every, clusters=clusters)

    def resample(self, exponents: FloatArray, families: IntArray) -> FloatArray:
        """Replace replicas by copies in proportion to exp(-exponent·E), as :meth:`Population.resample` says.

        Parameters
        ----------
        exponents : float64 array, shape (B,)
            Nothing happens where it is 0.
        families : int64 array, shape (B, R)
            Goes along with the configurations.

        Returns
        -------
        float64 array, shape (B,)
            Log of the mean weight.
        """
        from annealrl.kernels import moves

        logs = np.zeros(len(self))
        self.run_moves(
            lambda first, last: moves.resample(
                self.energies, exponents, self.sizes, self._spins, families, self._move_states, logs, first, last
            ),
            energies=False,
        )
        return logs

    @property
    def kernel_codes(self) -> tuple[int, int]:
        """Rule and order as the kernels take them."""
        return _RULES[self.rule], _ORDERS[self.order]

    def run_moves(self, work: Callable[[int, int], None], *, sweeps: int | IntArray = 0, energies: bool = True) -> None:
        """Call ``work(first, last)`` on slices of the instances, in threads, and bring energies and bests up to date.

        Parameters
        ----------
        work : callable
            Changes configurations of instances first … last - 1; it must let go of the interpreter to gain from
            threads, and depend on nothing but the instance.
        sweeps : int or int array, shape (B,)
            Sweeps that it runs, for :attr:`attempted`.
        energies : bool
            Whether energies have to be recomputed.
        """

        def whole(first: int, last: int) -> None:
            work(first, last)
            if energies:
                self.recompute(self._spins, self.energies, first, last)
            observables.track_best(self.energies, self.best_energies, self._spins, self._best_spins, first, last)

        self._parallel(whole)
        self.attempted += int((sweeps * self.sizes).sum()) * self.replicas

    def acceptance_ratio(self, sweeps: int | IntArray) -> FloatArray:
        """Accepted over proposed flips of a last step of `sweeps` sweeps, shape (B,); 0 after an empty step."""
        lanes = self._spins.shape[2] * LANES
        return np.asarray(self.accepted / np.maximum(1, sweeps * self.sizes * lanes))

    def _betas(self, beta: npt.ArrayLike, what: str, own: bool) -> FloatArray:
        values = np.asarray(beta, dtype=np.float64)
        shape = (len(self), self.replicas) if own else (len(self),)
        try:
            values = np.array(
                np.broadcast_to(values[:, None] if own and values.ndim == 1 else values, shape), order="C"
            )
        except ValueError:
            raise InputError(f"simulator: {what} has shape {values.shape}, which does not fit {shape}") from None
        if not np.isfinite(values).all() or (values < 0).any():
            raise InputError(f"simulator: {what} holds {values.min()}; finite inverse temperatures ≥ 0 are expected")
        return values
