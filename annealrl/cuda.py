"""The simulator on a CUDA device: spins stay there, energies and counts of accepted flips come back."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from annealrl.cuda_records import BITS, Records, encode, pack, unpack
from annealrl.errors import InputError
from annealrl.ising import FloatArray, IntArray, IsingModel, SpinArray
from annealrl.replicas import check_room, checked_start
from annealrl.simulator import ReplicaSimulator

if TYPE_CHECKING:
    from annealrl.moves import Tempering

#: Dynamic shared memory that every device gives to a block unasked, bytes.
SHARED_MEMORY = 48 * 1024


def require_device() -> None:
    """Check that kernels can run.

    Raises
    ------
    InputError
        If numba-cuda is not installed, there is no device, or its compiler is incomplete.
    """
    if importlib.util.find_spec("numba_cuda") is None:
        raise InputError("backend 'cuda': numba-cuda is not installed; annealrl[cuda] brings it")
    from annealrl.kernels.cuda_tools import cuda

    if not cuda.is_available():
        raise InputError("backend 'cuda': no CUDA device was found; use backend 'cpu' on this machine")
    try:
        from annealrl.kernels import cuda_state

        cuda_state.clear[1, 32, 0, 0](cuda.device_array((1, 1), np.int32))
        cuda.synchronize()
    except Exception as error:
        raise InputError(
            f"backend 'cuda': there is a CUDA device, but its kernels do not compile ({type(error).__name__}: "
            f"{str(error).strip().splitlines()[0] if str(error).strip() else 'no reason given'}); a CUDA toolkit, or "
            "numba-cuda[cu12] or numba-cuda[cu13] after the driver's version, brings what they need"
        ) from None


def block_size(replicas: int) -> int:
    """Replicas of a block, a multiple of 32; results do not depend on it."""
    return 32 if replicas <= 32 else 64 if replicas <= 64 else 128


class CudaSimulator(ReplicaSimulator):
    """Many instances × many replicas on a CUDA device; see :class:`~annealrl.simulator.ReplicaSimulator`.

    Get it as ``ReplicaSimulator(…, backend="cuda")``. Same dynamics, rules and promises about seeds and batches, other
    random numbers: runs agree with the processor's in distribution, not bit by bit. Energy changes are summed in
    float32 and exponentials are right to about 1e-6; energies that are reported are recomputed in float64. Every
    replica has its own β at no cost. Tempering is left to the processor.
    """

    def _allocate(self, sites: int, degree: int) -> None:
        require_device()
        from annealrl.kernels import cuda_sweeps
        from annealrl.kernels.cuda_tools import cuda

        if self.layout != "auto":
            raise InputError(f"simulator: layout is {self.layout!r}; the CUDA backend has but one, 'auto' is expected")
        b, threads = len(self.models), block_size(self.replicas)
        parts, words = -(-self.replicas // threads), -(-sites // BITS)
        fitting = [width for width in cuda_sweeps.WIDTHS if degree <= width]
        self._threads, self._parts, self._sites = threads, parts, sites
        self._slots, width = (fitting[0], fitting[0]) if fitting else (degree, 0)
        memory = next(
            kind
            for kind in (cuda_sweeps.ALL, cuda_sweeps.SPINS, cuda_sweeps.GLOBAL)
            if kind == cuda_sweeps.GLOBAL
            or cuda_sweeps.shared_bytes(sites, self._slots, threads, kind) <= SHARED_MEMORY
        )
        self._shared_bytes = cuda_sweeps.shared_bytes(sites, self._slots, threads, memory)
        self._advance_kernel = cuda_sweeps.advance_kernel(width, memory)

        array = cuda.device_array
        self._records = array((b, sites * (self._slots + 1)), np.uint64)
        self._degrees_there = array((b, sites), np.int32)
        terms = sites + sites * self._slots // 2
        self._ends, self._values = array((b, terms, 2), np.int32), array((b, terms), np.float64)
        self._spins_there = array((b, parts, words * threads), np.uint32)
        self._spare_spins = array((b, parts, words * threads), np.uint32)
        self._best_spins_there = array((b, parts, words * threads), np.uint32)
        self._streams = array((b, parts, 2, threads), np.uint32)
        self._energies_there = array((b, parts * threads), np.float64)
        self._best_there = array((b, parts * threads), np.float64)
        self._accepted_there = array(b, np.int64)
        self._counts_there = array((b, sites + 1), np.int32)
        self._betas_there = {columns: (array((b, columns), np.float64), array((b, columns), np.float64))
                             for columns in {1, self.replicas}}  # fmt: skip
        # Small things of an instance, kept here and copied when they change.
        self._small: dict[str, tuple[npt.NDArray[Any], Any]] = {}
        for name, kind in (
            ("sizes", np.int64),
            ("terms", np.int64),
            ("units", np.float64),
            ("offsets", np.float64),
            ("lane_keys", np.uint64),
            ("site_keys", np.uint64),
            ("drawn", np.uint64),
        ):
            self._small[name] = (np.zeros(b, kind), array(b, kind))
        self.sizes = self._small["sizes"][0]
        self._move_states = np.zeros((b, 1), np.uint64)
        self.energies = np.zeros((b, self.replicas))
        self.best_energies = np.zeros((b, self.replicas))
        self.accepted = np.zeros(b, np.int64)

    def fits(self, models: Sequence[IsingModel]) -> bool:
        """Whether :meth:`load` has room for these instances."""
        return all(model.n <= self._sites and int(model.degrees.max()) <= self._slots for model in models)

    def _load(
        self,
        indices: Sequence[int],
        models: Sequence[IsingModel],
        seeds: Sequence[np.random.SeedSequence],
        starts: Sequence[npt.ArrayLike | None],
    ) -> None:
        for model in models:
            check_room(model, self._sites, self._slots)
        packed = [None if start is None else self._packed(start, m) for start, m in zip(starts, models, strict=True)]
        encoded: dict[int, Records] = {}  # environments of a group share an instance
        sites = np.zeros((len(models), *self._records.shape[1:]), np.uint64)
        degrees = np.zeros((len(models), self._sites), np.int32)
        ends = np.zeros((len(models), *self._ends.shape[1:]), np.int32)
        values = np.zeros((len(models), *self._values.shape[1:]))
        small = {name: here for name, (here, _) in self._small.items()}
        for k, (b, model, seed) in enumerate(zip(indices, models, seeds, strict=True)):
            if id(model) not in encoded:
                encoded[id(model)] = encode(model, self._slots, self._threads)
            records = encoded[id(model)]
            self.models[b] = model
            sites[k, : records.sites.size] = records.sites.ravel()
            degrees[k, : model.n] = model.degrees
            ends[k, : len(records.ends)], values[k, : len(records.values)] = records.ends, records.values
            key = seed.generate_state(3, np.uint64)
            small["sizes"][b], small["terms"][b] = model.n, len(records.values)
            small["units"][b], small["offsets"][b] = records.unit, model.offset
            small["lane_keys"][b], small["site_keys"][b], self._move_states[b, 0] = key
            small["drawn"][b] = 0
        for there, here in (
            (self._records, sites),
            (self._degrees_there, degrees),
            (self._ends, ends),
            (self._values, values),
        ):
            self._put(there, indices, here)
        for here, there in self._small.values():
            there.copy_to_device(here)
        self._start(np.asarray(indices, dtype=np.int64), packed)

    def _packed(self, start: npt.ArrayLike, model: IsingModel) -> npt.NDArray[np.uint32]:
        words = self._spins_there.shape[2] // self._threads
        return pack(checked_start(start, self.replicas, model), self._parts, words, self._threads)

    def _put(self, there: Any, indices: Sequence[int], here: npt.NDArray[Any]) -> None:
        """Copy rows to the places `indices` of an array on the device, in one piece where they are all of it."""
        if list(indices) == list(range(len(self))):
            there.copy_to_device(here)
            return
        for k, b in enumerate(indices):
            there[b].copy_to_device(here[k])

    def _start(self, chosen: IntArray, packed: Sequence[npt.NDArray[np.uint32] | None]) -> None:
        from annealrl.kernels import cuda_state
        from annealrl.kernels.cuda_tools import cuda

        there = cuda.to_device(chosen)
        small = {name: array for name, (_, array) in self._small.items()}
        cuda_state.begin[self._shape(len(chosen))](
            there, small["sizes"], small["lane_keys"], int(self.initial == "shared"), self._streams, self._spins_there
        )
        given = [k for k, words in enumerate(packed) if words is not None]
        if given:
            rows = np.stack([words for words in packed if words is not None])
            self._put(self._spins_there, [int(chosen[k]) for k in given], rows)
        self._settle(there, chosen, fresh=True)
        self.accepted[chosen] = 0

    def _shape(self, instances: int) -> tuple[Any, ...]:
        return (instances, self._parts), self._threads, 0, 0

    def _settle(self, there: Any, chosen: IntArray, *, fresh: bool) -> None:
        """Bring energies and bests up to date, there and here."""
        from annealrl.kernels import cuda_state

        small = {name: array for name, (_, array) in self._small.items()}
        cuda_state.settle[self._shape(len(chosen))](
            there,
            int(fresh),
            small["sizes"],
            small["offsets"],
            self._ends,
            self._values,
            small["terms"],
            self._spins_there,
            self._energies_there,
            self._best_there,
            self._best_spins_there,
        )
        energies = self._energies_there.copy_to_host()[chosen, : self.replicas]
        self.energies[chosen] = energies
        self.best_energies[chosen] = energies if fresh else np.minimum(energies, self.best_energies[chosen])

    def _run(self, start: FloatArray, end: FloatArray, sweeps: int) -> None:
        columns = start.size // len(self)
        betas = self._betas_there[columns]
        for there, here in zip(betas, (start, end), strict=True):
            there.copy_to_device(here.reshape(len(self), columns))
        small = {name: array for name, (_, array) in self._small.items()}
        self._accepted_there.copy_to_device(np.zeros(len(self), np.int64))
        self._advance_kernel[(len(self), self._parts), self._threads, 0, self._shared_bytes](
            self._records,
            self._slots,
            self._degrees_there,
            small["sizes"],
            small["units"],
            *betas,
            sweeps,
            int((start != end).any()),
            int(self.rule == "gibbs"),
            int(self.order == "sequential"),
            small["site_keys"],
            small["drawn"],
            self._streams,
            self._spins_there,
            self._accepted_there,
            self.replicas,
        )
        drawn, there = self._small["drawn"]
        drawn += (sweeps * self.sizes).astype(np.uint64)
        there.copy_to_device(drawn)
        self._settle_all()
        self.accepted[:] = self._accepted_there.copy_to_host()
        self.attempted += sweeps * int(self.sizes.sum()) * self.replicas

    def _settle_all(self) -> None:
        everyone = np.arange(len(self), dtype=np.int64)
        if self._everyone is None:
            from annealrl.kernels.cuda_tools import cuda

            self._everyone = cuda.to_device(everyone)
        self._settle(self._everyone, everyone, fresh=False)

    _everyone: Any = None

    def resample(self, exponents: FloatArray, families: IntArray) -> FloatArray:
        """As the processor does: energies decide here who survives, and configurations are copied there."""
        from annealrl.kernels import cuda_state, moves
        from annealrl.kernels.cuda_tools import cuda

        b, lanes = self._energies_there.shape
        log_means = np.zeros(b)
        # The processor's kernel moves nothing but the numbers of the replicas.
        nothing = np.zeros((b, 1, -(-self.replicas // 64)), np.uint64)
        sources = np.tile(np.arange(self.replicas), (b, 1))
        none = np.zeros(b, np.int64)
        moves.resample(self.energies, exponents, none, nothing, sources, self._move_states, log_means, 0, b)
        families[:] = np.take_along_axis(families, sources, axis=1)
        whole = np.tile(np.arange(lanes), (b, 1))
        whole[:, : self.replicas] = sources
        cuda_state.gather[self._shape(b)](
            cuda.to_device(whole), self._small["sizes"][1], self._spins_there, self._spare_spins
        )
        self._spins_there, self._spare_spins = self._spare_spins, self._spins_there
        self._settle_all()
        return log_means

    def _run_each(self, start: FloatArray, end: FloatArray, sweeps: IntArray) -> None:
        """Refused: one launch serves all instances."""
        raise InputError("simulator: sweeps of each instance's own on the CUDA backend; backend 'cpu' is expected")

    def tempering(self, betas: npt.ArrayLike, copies: int = 1, *, every: int = 1, clusters: bool = False) -> Tempering:
        """Refused: exchanges after every sweep are a matter of the processor."""
        raise InputError("tempering: the CUDA backend has no exchange moves; backend 'cpu' is expected")

    def acceptance_ratio(self, sweeps: int | IntArray) -> FloatArray:
        """Accepted over proposed flips of a last step of `sweeps` sweeps, shape (B,); 0 after an empty step."""
        return np.asarray(self.accepted / np.maximum(1, sweeps * self.sizes * self.replicas))

    def spins(self, instance: int) -> SpinArray:
        """Configurations of all replicas of one instance, int8 ±1, shape (R, n)."""
        return self._fetched(self._spins_there, instance)

    def best_spins(self, instance: int) -> SpinArray:
        """Each replica's configuration of lowest energy so far, int8 ±1, shape (R, n)."""
        return self._fetched(self._best_spins_there, instance)

    def _fetched(self, spins: Any, instance: int) -> SpinArray:
        words = spins[range(len(self))[instance]].copy_to_host()
        return unpack(words, self.replicas, int(self.sizes[instance]), self._threads)

    def all_spins(self) -> SpinArray:
        """Configurations of all replicas of all instances, int8 ±1, shape (B, R, n_max); 0 beyond a model's size."""
        out = unpack(self._spins_there.copy_to_host(), self.replicas, self._sites, self._threads)
        for b in np.flatnonzero(self.sizes < self._sites):
            out[b, :, self.sizes[b] :] = 0
        return out

    def stars(self) -> npt.NDArray[np.float32]:
        """Refused: a matter of the processor."""
        raise InputError("observation 'tiles': the CUDA backend has no such statistics; backend 'cpu' is expected")

    def overlap_histogram(self) -> IntArray:
        """Pairs of replicas by the number d of sites at which they differ, shape (B, n_max + 1); q = 1 - 2d/n."""
        from annealrl.kernels import cuda_state

        cuda_state.clear[len(self), 128, 0, 0](self._counts_there)
        cuda_state.count_overlaps[self._shape(len(self))](
            self._small["sizes"][1], self.replicas, self._spins_there, self._counts_there
        )
        return np.asarray(self._counts_there.copy_to_host(), np.int64)
