"""Replicas of designs, moved by Metropolis steps whose size is controlled beside the temperature."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from annealrl.batched_moves import advance_batched
from annealrl.checks import reals, whole, whole_each
from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray
from annealrl.kernels import designs as kernels
from annealrl.kernels.streams import seed_words
from annealrl.objective import Objective
from annealrl.objective_population import DesignPopulation
from annealrl.parallel import at_most, available_cores, run_slices
from annealrl.registry import unknown
from annealrl.simulator import Seed, instance_seeds

#: Replicas that one compiled call moves; Ctrl-C is heard in between.
_BLOCK = 8
MOVES = ("step", "redraw", "swap")


class ObjectiveSimulator:
    """Metropolis dynamics of B objectives × R independent replicas.

    A sweep is n proposals, each of one random coordinate (a pair for swaps). The random numbers of a replica depend on
    (instance's seed, replica) alone, so results depend neither on threads nor on the batch. Temperature and step size
    are common to the replicas of an instance. Energies are recomputed from the designs by the true objective in float64
    at every step boundary, whatever energy drives the moves.

    Parameters
    ----------
    models : sequence of Objective
        The B instances; spaces may differ.
    replicas : int
    seed, seeds, initial, threads
        As :class:`~annealrl.simulator.ReplicaSimulator` takes them; without compiled moves there is one thread.
    largest : int
        Room for later :meth:`load` calls: largest number of coordinates.

    Attributes
    ----------
    energies, best_energies : float64 array, shape (B, R)
        By the true objective at the last step boundary, and their minimum since the start.
    step_size : float64 array, shape (B,)
        Of the last step, as a fraction of a coordinate's range.
    accepted : int64 array, shape (B,)
        Accepted proposals of the last :meth:`advance`.
    attempted : int
        Proposals so far, over all instances.
    evaluations, surrogate_evaluations : float
        Evaluations of whole true energies so far, proposals of compiled moves by their declared cost; and of energies
        that merely drive the moves.

    Examples
    --------
    >>> from annealrl.envs.rotor import XYModel
    >>> simulator = ObjectiveSimulator([XYModel(length=3)], replicas=4, seed=1)
    >>> simulator.advance(beta=2.0, sweeps=10, step_size=0.2)
    >>> simulator.designs(0).shape
    (4, 9)
    """

    def __init__(
        self,
        models: Sequence[Objective],
        replicas: int = 64,
        *,
        seed: Seed = 0,
        seeds: Sequence[np.random.SeedSequence] | None = None,
        initial: str = "independent",
        threads: int | None = None,
        largest: int = 0,
    ) -> None:
        if not models:
            raise InputError("simulator: at least one instance is needed")
        replicas = whole(replicas, "simulator: replicas", 1)
        threads = available_cores() if threads is None else whole(threads, "simulator: threads", 1)
        if initial not in ("independent", "shared"):
            raise unknown("initial", initial, ("independent", "shared"))
        streams = list(seeds) if seeds is not None else instance_seeds(seed, len(models))
        if len(streams) != len(models):
            raise InputError(f"simulator: {len(streams)} seeds for {len(models)} instances")
        self.replicas, self.initial = replicas, initial
        self.threads = threads
        b, n = len(models), max(largest, *(model.parts.space.n for model in models), 1)
        self.models: list[Objective] = list(models)
        self.sizes: IntArray = np.zeros(b, np.int64)
        self._designs: FloatArray = np.zeros((b, replicas, n))
        self._best_designs: FloatArray = np.zeros((b, replicas, n))
        self._streams = np.zeros((b, 2, replicas), np.uint64)
        self._move_rngs: list[np.random.Generator] = [np.random.default_rng(0)] * b
        self._moves: FloatArray = np.zeros((b, 3))
        self.energies: FloatArray = np.zeros((b, replicas))
        self.best_energies: FloatArray = np.zeros((b, replicas))
        #: Energies that the moves saw last, shape (B, R).
        self.driven: FloatArray = np.zeros((b, replicas))
        self.step_size: FloatArray = np.zeros(b)
        self.accepted: IntArray = np.zeros(b, np.int64)
        self.attempted = 0
        self.evaluations = 0.0
        self.surrogate_evaluations = 0.0
        self.load(range(b), models, streams)

    def __len__(self) -> int:
        return len(self.models)

    @property
    def extents(self) -> FloatArray:
        """What energies are divided by to compare instances, shape (B,)."""
        return np.array([float(model.extent) for model in self.models])

    def fits(self, models: Sequence[Objective]) -> bool:
        """Whether :meth:`load` has room for these instances."""
        return all(model.parts.space.n <= self._designs.shape[2] for model in models)

    def load(
        self,
        indices: Sequence[int],
        models: Sequence[Objective],
        seeds: Sequence[np.random.SeedSequence],
        starts: Sequence[npt.ArrayLike | None] | None = None,
    ) -> None:
        """Put new instances in the places `indices` and start them afresh.

        Parameters
        ----------
        starts : sequence, optional
            Starting designs, each of shape (n,) for all replicas or (R, n), or None for random ones.
        """
        given = starts if starts is not None else [None] * len(models)
        for b, model, seed, start in zip(indices, models, seeds, given, strict=True):
            n = model.parts.space.n
            if n > self._designs.shape[2]:
                raise InputError(
                    f"simulator: an objective of {n} coordinates does not fit; the capacity is {self._designs.shape[2]}"
                )
            key = seed.generate_state(3, np.uint64)
            seed_words(key[0], self._streams[b])
            self._move_rngs[b] = np.random.default_rng(int(key[2]))
            self.models[b], self.sizes[b] = model, n
            self._moves[b] = _probabilities(model)
            self.step_size[b] = model.default_step
            self._designs[b] = 0.0
            if start is None:
                count = 1 if self.initial == "shared" else self.replicas
                self._designs[b, :, :n] = model.parts.space.random(np.random.default_rng(int(key[1])), count)
            else:
                self._designs[b, :, :n] = _start(start, self.replicas, model)
            self._recompute(b)
            self.best_energies[b] = self.energies[b]
            self._best_designs[b] = self._designs[b]
            self.accepted[b] = 0
        if "population" in self.__dict__:
            self.population.reset(np.asarray(indices, dtype=np.intp))

    def advance(
        self,
        beta: npt.ArrayLike,
        sweeps: int | IntArray,
        *,
        ramp_from: npt.ArrayLike | None = None,
        step_size: npt.ArrayLike | None = None,
    ) -> None:
        """Run `sweeps` sweeps at inverse temperature `beta` ≥ 0.

        With `ramp_from`, β goes linearly from there to `beta`, sweep by sweep.

        Parameters
        ----------
        beta, ramp_from : array_like
            A scalar, one for each instance, shape (B,), or one for each replica, shape (B, R).
        sweeps : int or int array, shape (B,)
            For all instances or each.
        step_size : array_like, optional
            In (0, 1], a scalar or shape (B,): standard deviation of a continuous step, or reach of a step between
            levels, as a fraction of the range. The last one by default.
        """
        end = self._betas(beta, "beta")
        start = end if ramp_from is None else self._betas(ramp_from, "ramp_from")
        counts = whole_each(sweeps, "simulator: sweeps", len(self))
        if step_size is not None:
            sizes = np.array(np.broadcast_to(np.asarray(step_size, np.float64), (len(self),)))
            if not ((sizes > 0) & (sizes <= 1)).all():
                raise InputError(
                    f"simulator: step_size holds {sizes.min():g}; fractions of the range in (0, 1] expected"
                )
            self.step_size = sizes
        self._advance_compiled(start, end, counts)
        for b, model in enumerate(self.models):
            if model.parts.kernel is None and counts[b]:
                moves = (self._designs[b], self._streams[b], self._moves[b], float(self.step_size[b]))
                with at_most(self.threads):
                    self.accepted[b] = advance_batched(model.parts, *moves, start[b], end[b], int(counts[b]))
        proposals = counts * self.sizes * self.replicas
        self.attempted += int(proposals.sum())
        for b, model in enumerate(self.models):
            parts = model.parts
            spent = float(proposals[b]) * (parts.driving.move_cost if parts.kernel is None else parts.kernel.cost)
            if parts.driving is model:
                self.evaluations += spent
            else:
                self.surrogate_evaluations += spent
            self._recompute(b)
            self.track_best(b)

    def _advance_compiled(self, start: FloatArray, end: FloatArray, sweeps: IntArray) -> None:
        blocks = range(0, self.replicas, _BLOCK)
        compiled = [(b, model.parts) for b, model in enumerate(self.models) if model.parts.kernel is not None]
        units = [(b, parts, r) for b, parts in compiled for r in blocks]
        counts = np.zeros((len(self), self.replicas), np.int64)
        stopped = threading.Event()

        def work(first: int, last: int) -> None:
            for b, parts, r in units[first:last]:
                if stopped.is_set():
                    return
                kernel = parts.kernel
                assert kernel is not None
                kernels.anneal(
                    kernel.init,
                    kernel.delta,
                    kernel.apply,
                    kernel.floats,
                    kernel.ints,
                    *parts.space.arrays,
                    self._moves[b],
                    kernel.cache,
                    self._designs[b],
                    start[b],
                    end[b],
                    self.step_size[b],
                    int(sweeps[b]),
                    self._streams[b],
                    counts[b],
                    r,
                    min(r + _BLOCK, self.replicas),
                )

        if units:
            try:
                run_slices(work, len(units), self.threads)
            finally:
                stopped.set()
        self.accepted = counts.sum(axis=1)

    def _recompute(self, b: int) -> None:
        """Write the true energies of an instance's designs."""
        model = self.models[b]
        x = self._designs[b, :, : self.sizes[b]]
        with at_most(self.threads):
            self.energies[b] = model.energies(x)
        self.evaluations += self.replicas
        driving = model.parts.driving
        if driving is model:
            self.driven[b] = self.energies[b]
        else:
            self.driven[b] = driving.energies(x)
            self.surrogate_evaluations += self.replicas

    def track_best(self, b: int) -> None:
        """Keep what is better than the replicas' best so far."""
        better = self.energies[b] < self.best_energies[b]
        self.best_energies[b][better] = self.energies[b][better]
        self._best_designs[b][better] = self._designs[b][better]

    @cached_property
    def population(self) -> DesignPopulation:
        """The replicas as populations that can be resampled; made when first asked for."""
        return DesignPopulation(self)

    def acceptance_ratio(self, sweeps: int | IntArray) -> FloatArray:
        """Accepted over proposed moves of a last step of `sweeps` sweeps, shape (B,); 0 after an empty step."""
        return np.asarray(self.accepted / np.maximum(1, sweeps * self.sizes * self.replicas))

    def designs(self, instance: int) -> FloatArray:
        """Designs of all replicas of one instance, shape (R, n)."""
        return self._designs[instance, :, : self.sizes[instance]].copy()

    def best_designs(self, instance: int) -> FloatArray:
        """Each replica's design of lowest energy at a step boundary so far, shape (R, n)."""
        return self._best_designs[instance, :, : self.sizes[instance]].copy()

    def lowest(self, instance: int) -> tuple[float, FloatArray]:
        """Lowest energy that any replica of an instance has had at a step boundary, and its design, shape (n,)."""
        r = int(self.best_energies[instance].argmin())
        return float(self.best_energies[instance, r]), self.best_designs(instance)[r]

    def info(self) -> dict[str, npt.NDArray[Any]]:
        """What environments tell beyond energies: the lowest replica's ``uncertainty``, where objectives have one.

        ``distrusted`` says whether it exceeds the objective's ``distrust``, if that has such a number.
        """
        if not all(model.uncertainty is not None for model in self.models):
            return {}
        rows = [self.designs(b)[self.energies[b].argmin()][None] for b in range(len(self))]
        found = [np.asarray(m.uncertainty(row))[0] for m, row in zip(self.models, rows, strict=True)]
        uncertainty = np.array(found, np.float64)
        limits = np.array([getattr(model, "distrust", np.inf) for model in self.models])
        return {"uncertainty": uncertainty, "distrusted": uncertainty > limits}

    def scaled_designs(self) -> FloatArray:
        """All designs, ranges mapped to [-1, 1], shape (B, R, n_max); 0 beyond an instance's own size."""
        out = np.zeros_like(self._designs)
        for b, model in enumerate(self.models):
            out[b, :, : model.parts.space.n] = model.parts.space.scaled(self._designs[b, :, : model.parts.space.n])
        return out

    def spreads(self) -> FloatArray:
        """How far the replicas' coordinates lie apart, shape (B, n_max); NaN beyond an instance's own size.

        Standard deviation as a fraction of the range; 1 - |mean e^{iθ}| of a periodic one.
        """
        out = np.full((len(self), self._designs.shape[2]), np.nan)
        for b, model in enumerate(self.models):
            x = (self._designs[b, :, : model.parts.space.n] - model.parts.space.low) / (
                model.parts.space.high - model.parts.space.low
            )
            turned = 1 - np.abs(np.exp(2j * np.pi * x).mean(axis=0))
            out[b, : model.parts.space.n] = np.where(model.parts.space.periodic, turned, x.std(axis=0))
        return out

    def _betas(self, beta: npt.ArrayLike, what: str) -> FloatArray:
        values, shape = np.asarray(beta, dtype=np.float64), (len(self), self.replicas)
        try:
            values = np.array(np.broadcast_to(values[:, None] if values.ndim == 1 else values, shape), order="C")
        except ValueError:
            raise InputError(f"simulator: {what} has shape {values.shape}, which does not fit {shape}") from None
        if not np.isfinite(values).all() or (values < 0).any():
            raise InputError(f"simulator: {what} holds {values.min()}; finite inverse temperatures ≥ 0 are expected")
        return values


def _probabilities(model: Objective) -> FloatArray:
    for key in model.moves:
        if key not in MOVES:
            raise unknown("move", key, MOVES)
    shares = np.array([float(model.moves.get(key, 0.0)) for key in MOVES])
    if not (shares >= 0).all() or not np.isfinite(shares).all() or shares.sum() == 0:
        raise InputError(f"objective {model.name!r}: moves are {dict(model.moves)}; shares ≥ 0 are expected")
    return np.asarray(np.cumsum(shares) / shares.sum())


def _start(start: npt.ArrayLike, replicas: int, model: Objective) -> FloatArray:
    values = reals(start, "initial designs", truth=model.parts.space.truth)
    if values.shape not in ((model.n,), (replicas, model.n)):
        raise InputError(
            f"initial designs have shape {values.shape}; ({model.n},) or ({replicas}, {model.n}) is expected"
        )
    space = model.parts.space
    space.batch(np.atleast_2d(values), "initial designs")
    if not space.contains(values).all():
        raise InputError("initial designs lie outside the space: between levels, or beyond one turn of an angle")
    return np.array(np.broadcast_to(values, (replicas, model.n)))
