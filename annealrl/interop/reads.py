"""What the samplers share: reads in groups of 64 replicas, their starts, seeds, timings and sample set."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from annealrl.errors import InputError
from annealrl.extras import require
from annealrl.ising import IsingModel, SpinArray
from annealrl.parallel import available_cores
from annealrl.registry import load_object

if TYPE_CHECKING:
    import dimod
else:
    dimod = require("dimod", "interop")

_FROM_DIMOD = "annealrl.instances.conventions:from_dimod"


@dataclass
class Clock:
    """Nanoseconds spent in each phase of a call, which may come round more than once."""

    spent: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("preprocessing", "sampling", "postprocessing"), 0)
    )

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Count what runs inside as `phase`."""
        began = time.perf_counter_ns()
        try:
            yield
        finally:
            self.spent[phase] += time.perf_counter_ns() - began

    def to_info(self) -> dict[str, int]:
        """As the ``info`` of D-Wave's samplers has it."""
        return {f"{phase}_ns": spent for phase, spent in self.spent.items()}


class Group(NamedTuple):
    """Reads that run together.

    Attributes
    ----------
    starts : int8 array, shape (R, n)
        Where the reads leave room, they are repeated.
    seed : SeedSequence
        Of the dynamics; depends on the sampler's seed and the group's place alone.
    """

    starts: SpinArray
    seed: np.random.SeedSequence


#: Anneals groups of reads and returns their configurations, shape (R, n) each, and whether it was told to stop.
Anneal = Callable[[IsingModel, list[Group], Clock], tuple[list[SpinArray], bool]]


class GroupedSampler(dimod.Sampler, dimod.Initialized):  # type: ignore[misc]
    """Base of the samplers: everything about a call but the annealing itself.

    Reads go in groups of replicas, and as many groups at a time as there are threads. A group's random numbers depend
    on seed and place alone, so that results depend neither on threads nor on how many further reads there are.
    """

    parameters: ClassVar[Mapping[str, Any]] = {}
    properties: ClassVar[Mapping[str, Any]] = {}

    def _sample(
        self,
        bqm: Any,
        prepare: Callable[[IsingModel], tuple[Anneal, dict[str, Any]]],
        *,
        num_reads: int | None,
        initial_states: Any,
        initial_states_generator: str,
        interrupt_function: Callable[[], bool] | None,
        seed: int | None,
        group_size: int,
        threads: int | None,
    ) -> Any:
        clock = Clock()
        with clock("preprocessing"):
            if interrupt_function is not None and not callable(interrupt_function):
                raise TypeError("interrupt_function: a function without arguments is expected")
            seed = _seed(seed)
            parsed = self.parse_initial_states(
                bqm.spin if hasattr(bqm, "spin") else bqm,
                num_reads=num_reads,
                initial_states=initial_states,
                initial_states_generator=initial_states_generator,
                seed=seed,
            )
            variables = list(bqm.variables)
            starts = _in_order(parsed.initial_states, variables)
            # A model has at least one spin; without variables there is nothing to anneal, but options are checked.
            model = load_object(_FROM_DIMOD)(bqm) if variables else IsingModel.from_edges([], n=1)
            anneal, info = prepare(model)
            groups = list(_groups(starts, seed, group_size))
        samples, interrupted = [], False
        wave = available_cores() if threads is None else max(1, threads)
        for first in range(0, len(groups) if variables else 0, wave):
            spins, interrupted = anneal(model, groups[first : first + wave], clock)
            samples += spins
            if interrupted:
                break
        with clock("postprocessing"):
            found = np.concatenate(samples)[: parsed.num_reads] if samples else starts
            values = found if bqm.vartype is dimod.SPIN else (found + 1) // 2
            sampleset = dimod.SampleSet.from_samples_bqm((values, variables), bqm)
        sampleset.info.update(info, seed=seed, interrupted=interrupted, timing=clock.to_info())
        return sampleset


def _seed(seed: int | None) -> int:
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise TypeError(f"seed is {seed!r}; a whole number from 0 to 2**32 - 1 is expected")
    if not 0 <= seed < 2**32:
        raise InputError(f"seed is {seed}; a whole number from 0 to 2**32 - 1 is expected")
    return int(seed)


def _in_order(states: Any, variables: list[Any]) -> SpinArray:
    """Configurations of a spin-valued sample set, with its columns in the order of `variables`, int8, shape (R, n)."""
    columns = [states.variables.index(variable) for variable in variables]
    return np.ascontiguousarray(states.record.sample[:, columns], dtype=np.int8)


def _groups(starts: SpinArray, seed: int, group_size: int) -> Iterator[Group]:
    for place, first in enumerate(range(0, len(starts), group_size)):
        own = starts[first : first + group_size]
        filled = np.resize(own, (group_size, own.shape[1]))
        yield Group(filled, np.random.SeedSequence(seed, spawn_key=(place,)))
