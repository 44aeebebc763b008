"""The packed state of many instances × many replicas: configurations, energies, random streams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from annealrl.checks import enough_memory, whole
from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray, IsingModel, SpinArray
from annealrl.kernels import configurations, observables, packed
from annealrl.kernels.aligned import LINE_WORDS, aligned
from annealrl.kernels.lanes import LANES
from annealrl.layouts import COARSE, LAYOUTS, Kernel, Layout, State, coarseness, coldest, make_kernel
from annealrl.parallel import available_cores, run_slices
from annealrl.registry import unknown

Start = Literal["independent", "shared"]


class ReplicaStore:
    """What :class:`~annealrl.simulator.ReplicaSimulator` holds; it documents the parameters and attributes.

    The spins of 64 replicas at a site are the bits of a word, ``_spins[instance, site, word]``.
    """

    def __init__(
        self,
        models: Sequence[IsingModel],
        replicas: int,
        seeds: Sequence[np.random.SeedSequence],
        initial: Start,
        threads: int | None,
        capacity: tuple[int, int] | None,
        layout: Layout,
    ) -> None:
        if not models:
            raise InputError("simulator: at least one instance is needed")
        replicas = whole(replicas, "simulator: replicas", 1)
        threads = available_cores() if threads is None else whole(threads, "simulator: threads", 1)
        if initial not in ("independent", "shared"):
            raise InputError(f"simulator: initial is {initial!r}; one of independent, shared is expected")
        if layout not in LAYOUTS:
            raise unknown("layout", layout, LAYOUTS)
        if len(seeds) != len(models):
            raise InputError(f"simulator: {len(seeds)} seeds for {len(models)} instances")
        self.replicas = replicas
        self.initial: Start = initial
        self.layout = layout
        self.threads = threads
        self.models: list[IsingModel] = list(models)
        self.attempted = 0
        #: What rounded couplings cost replicas at their own β, by instance; worked out when first needed.
        self._coarse: dict[int, float] = {}
        sites, degree = capacity or (0, 0)
        sites = max([sites, *(model.n for model in models)])
        # Energies, random streams and two configurations of a bit a spin; of one instance a byte a spin, once read.
        needed = replicas * (len(models) * (24 + sites / 4) + sites)
        enough_memory(needed, f"simulator: {len(models)} × {replicas} replicas of {sites} spins")
        self._allocate(sites, max([degree, *(int(model.degrees.max()) for model in models)]))
        self.load(range(len(models)), models, seeds)

    def _allocate(self, sites: int, degree: int) -> None:
        """Make room for instances of up to `sites` spins of up to `degree` neighbours."""
        b, words = len(self.models), -(-self.replicas // LANES)
        degree = max(degree, packed.TABLE_WIDTH)
        self._kernels: list[Kernel | None] = [None] * b
        self.sizes: IntArray = np.zeros(b, np.int64)
        self._neighbours = aligned((b, sites, degree), np.int32)
        self._couplings = aligned((b, sites, degree), np.float64)
        self._fields = np.zeros((b, sites))
        self._degrees = np.zeros((b, sites), np.int32)
        self._offsets = np.zeros(b)
        self._spins = aligned((b, sites, words), np.uint64)
        self._best_spins = aligned((b, sites, words), np.uint64)
        self._lanes = aligned((b, words, 2, LANES), np.uint32)
        self._site_states = aligned((b, LINE_WORDS), np.uint64)  # a line each: threads write to them
        self._move_states = aligned((b, LINE_WORDS), np.uint64)
        self.energies: FloatArray = np.zeros((b, self.replicas))
        self.best_energies: FloatArray = np.zeros((b, self.replicas))
        self.accepted: IntArray = np.zeros(b, np.int64)

    def __len__(self) -> int:
        return len(self.models)

    @property
    def extents(self) -> FloatArray:
        """What energies are divided by to compare instances, shape (B,): their numbers of spins."""
        return self.sizes.astype(np.float64)

    def info(self) -> dict[str, FloatArray]:
        """What environments tell beyond energies: nothing."""
        return {}

    def fits(self, models: Sequence[IsingModel]) -> bool:
        """Whether :meth:`load` has room for these instances."""
        sites, degree = self._neighbours.shape[1:]
        return all(model.n <= sites and int(model.degrees.max()) <= degree for model in models)

    def load(
        self,
        indices: Sequence[int],
        models: Sequence[IsingModel],
        seeds: Sequence[np.random.SeedSequence],
        spins: Sequence[npt.ArrayLike | None] | None = None,
    ) -> None:
        """Put new instances in the places `indices` and start them afresh.

        Parameters
        ----------
        spins : sequence, optional
            Starting configurations, each ±1 of shape (n,) for all replicas or (R, n), or None for the random start.
        """
        self._load(indices, models, seeds, spins if spins is not None else [None] * len(models))

    def _load(
        self,
        indices: Sequence[int],
        models: Sequence[IsingModel],
        seeds: Sequence[np.random.SeedSequence],
        starts: Sequence[npt.ArrayLike | None],
    ) -> None:
        for b, model, seed, start in zip(indices, models, seeds, starts, strict=True):
            self._place(b, model)
            key = seed.generate_state(3, np.uint64)
            configurations.seed_lanes(key[0], self._lanes[b])
            self._site_states[b, 0], self._move_states[b, 0] = key[1:]
            self._kernels[b] = make_kernel(self.layout, model, self.replicas, key[0])
            if start is None:
                configurations.random_spins(self._spins[b], self._lanes[b], model.n, self.initial == "shared")
            else:
                configurations.pack(checked_start(start, self.replicas, model), self._spins[b])
        chosen = np.asarray(indices, dtype=np.intp)
        for b in chosen:
            self.recompute(self._spins, self.energies, int(b), int(b) + 1)
        self.best_energies[chosen] = self.energies[chosen]
        self._best_spins[chosen] = self._spins[chosen]
        self.accepted[chosen] = 0

    def _place(self, b: int, model: IsingModel) -> None:
        degree = int(model.degrees.max())
        check_room(model, self._fields.shape[1], self._neighbours.shape[2])
        neighbours, couplings = model.padded
        self.models[b] = model
        self._coarse.pop(b, None)
        self.sizes[b] = model.n
        self._neighbours[b, : model.n] = np.arange(model.n, dtype=np.int32)[:, None]
        self._neighbours[b, : model.n, :degree] = neighbours
        self._couplings[b] = 0.0
        self._couplings[b, : model.n, :degree] = couplings
        self._fields[b] = 0.0
        self._fields[b, : model.n] = model.fields
        self._degrees[b] = 0
        self._degrees[b, : model.n] = model.degrees
        self._offsets[b] = model.offset
        self._spins[b] = 0

    def spins(self, instance: int) -> SpinArray:
        """Configurations of all replicas of one instance, int8 ±1, shape (R, n)."""
        return self._unpacked(self._spins[instance], int(self.sizes[instance]))

    def all_spins(self) -> SpinArray:
        """Configurations of all replicas of all instances, int8 ±1, shape (B, R, n_max); 0 beyond a model's size."""
        out = np.empty((len(self), self.replicas, self._fields.shape[1]), np.int8)

        def work(first: int, last: int) -> None:
            for b in range(first, last):
                configurations.unpack(self._spins[b], out[b])
                out[b, :, self.sizes[b] :] = 0

        self._parallel(work)
        return out

    def best_spins(self, instance: int) -> SpinArray:
        """Each replica's configuration of lowest energy so far, int8 ±1, shape (R, n)."""
        return self._unpacked(self._best_spins[instance], int(self.sizes[instance]))

    def lowest(self, instance: int) -> tuple[float, SpinArray]:
        """Lowest energy that any replica of an instance has seen, and its configuration, shape (n,)."""
        r = int(self.best_energies[instance].argmin())
        return float(self.best_energies[instance, r]), self.best_spins(instance)[r]

    def overlap_histogram(self) -> IntArray:
        """Pairs of replicas by the number d of sites at which they differ, shape (B, n_max + 1); q = 1 - 2d/n."""
        counts = np.zeros((len(self), self._fields.shape[1] + 1), np.int64)
        self._parallel(
            lambda first, last: observables.overlap_counts(self._spins, self.sizes, self.replicas, counts, first, last)
        )
        return counts

    def stars(self) -> npt.NDArray[np.float32]:
        """What the replicas do around each site, shape (B, 5, n_max); 0 beyond a model's size.

        Rows: see :func:`annealrl.kernels.tiles.stars`.
        """
        from annealrl.kernels import tiles  # compiled when first needed

        out = np.zeros((len(self), 5, self._fields.shape[1]), np.float32)
        model = (self._neighbours, self._couplings, self._fields, self._degrees, self.sizes)
        self._parallel(lambda first, last: tiles.stars(*model, self._spins, self.replicas, out, first, last))
        return out

    def _unpacked(self, words: npt.NDArray[np.uint64], n: int) -> SpinArray:
        out = np.empty((self.replicas, n), np.int8)
        configurations.unpack(words, out)
        return out

    def recompute(self, spins: npt.NDArray[np.uint64], out: FloatArray, first: int, last: int) -> None:
        """Write the true energies of packed configurations of instances first … last - 1 into `out`."""
        observables.energies(
            self._neighbours,
            self._couplings,
            self._fields,
            self._degrees,
            self.sizes,
            self._offsets,
            spins,
            out,
            first,
            last,
        )

    def check_rounding(self, betas: FloatArray, own: bool) -> None:
        """Refuse inverse temperatures at which the rounding of couplings would show, see :data:`COARSE`.

        Parameters
        ----------
        betas : float64 array, shape (B,) or (B, R)
        own : bool
            Whether replicas at their own β are moved, in whatever layout.

        Raises
        ------
        InputError
            If an instance's couplings span too many decades.
        """
        for b, beta in enumerate(betas.reshape(len(self), -1).max(axis=1)):
            kernel = self._kernels[b]
            if own and b not in self._coarse:
                from annealrl.kernels.own_beta import energy_scale

                parts = (self._couplings[b], self._fields[b], self._degrees[b], int(self.sizes[b]))
                self._coarse[b] = coarseness(self.models[b], 1.0 / energy_scale(*parts))
            off = self._coarse[b] if own else kernel.coarseness if kernel is not None else 0.0
            if beta * off > COARSE and min(beta, coldest(self.models[b])) * off > COARSE:
                raise InputError(
                    f"simulator: instance {self.models[b].name or b}: its couplings span too many decades for 32-bit "
                    f"integers, energies would be off by {off:.2g} at β = {beta:.3g}; replicas at a common β in the "
                    "layout 'packed', or a smaller β, are expected"
                )

    def _advance_by_layout(
        self, start: FloatArray, end: FloatArray, sweeps: int, rule: int, order: int, first: int, last: int
    ) -> None:
        """Advance instances first … last - 1, runs of packed ones in one call and the others by their own kernels."""
        b = first
        while b < last:
            kernel, stop = self._kernels[b], b + 1
            if kernel is not None:
                state = State(
                    self._spins[b:stop], self._lanes[b:stop], self._site_states[b:stop], self.accepted[b:stop]
                )
                kernel.advance(state, start[b:stop], end[b:stop], sweeps, rule, order)
            else:
                while stop < last and self._kernels[stop] is None:
                    stop += 1
                self._advance_packed(start, end, sweeps, rule, order, b, stop)
            b = stop

    def _advance_packed(
        self, start: FloatArray, end: FloatArray, sweeps: int, rule: int, order: int, first: int, last: int
    ) -> None:
        kernel = packed.advance
        if start.ndim == 2:  # replicas at their own β
            from annealrl.kernels import own_beta  # compiled when first needed, like all kernels of moves

            kernel = own_beta.advance_own
        kernel(
            self._neighbours,
            self._couplings,
            self._fields,
            self._degrees,
            self.sizes,
            start,
            end,
            sweeps,
            rule,
            order,
            self._spins,
            self._lanes,
            self._site_states,
            self.accepted,
            first,
            last,
        )

    def _parallel(self, work: Callable[[int, int], None]) -> None:
        run_slices(work, len(self), self.threads)


def check_room(model: IsingModel, sites: int, degree: int) -> None:
    """Refuse a model beyond the capacity of a simulator."""
    largest = int(model.degrees.max())
    if model.n > sites or largest > degree:
        raise InputError(
            f"simulator: an instance of {model.n} spins and degree {largest} does not fit; "
            f"the capacity is {sites} spins and degree {degree}"
        )


def checked_start(start: npt.ArrayLike, replicas: int, model: IsingModel) -> SpinArray:
    """A start as ±1 of shape (R, n), whatever of (n,) and (R, n) was given."""
    values = np.asarray(start)
    if values.shape not in ((model.n,), (replicas, model.n)):
        raise InputError(
            f"initial spins have shape {values.shape}; ({model.n},) or ({replicas}, {model.n}) is expected"
        )
    if not (np.abs(values) == 1).all():
        raise InputError("initial spins: every value must be +1 or -1")
    return np.array(np.broadcast_to(values, (replicas, model.n)), dtype=np.int8, order="C")
