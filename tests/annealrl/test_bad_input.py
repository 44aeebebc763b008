"""Arguments of the simulators and their moves that cannot be meant: one clear line each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from annealrl.api import sample
from annealrl.diagnostics import link_overlap_test
from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.objective_simulator import ObjectiveSimulator
from annealrl.simulator import ReplicaSimulator, instance_seeds

RING = IsingModel.from_edges([(i, (i + 1) % 5) for i in range(5)])
NAN, INF = float("nan"), float("inf")


def simulator(**options: object) -> ReplicaSimulator:
    return ReplicaSimulator([RING, RING], 3, **options)  # type: ignore[arg-type]


CALLS: list[tuple[Callable[[], object], str]] = [
    *(
        (lambda n=n: simulator().advance(1.0, n), f"simulator: sweeps is {n!r}; a whole number of at least 0")
        for n in (-1, 1.5, 2.0, NAN, None, "3")
    ),
    *(
        (lambda n=n: ReplicaSimulator([RING], n), f"simulator: replicas is {n!r}; a whole number of at least 1")
        for n in (0, 1.5, 2.0, "3", None)
    ),
    (lambda: ReplicaSimulator([RING], 10**13), "replicas of 5 spins would take more than .* GiB of memory"),
    (lambda: sample(IsingModel.from_edges([(0, 1)], 5e-324)), "β for a typical coupling or field, 4.94e-324, exceeds"),
    (lambda: simulator(threads=1.5), "simulator: threads is 1.5; a whole number of at least 1"),
    (lambda: simulator(threads=0), "simulator: threads is 0; a whole number of at least 1"),
    (lambda: simulator(seed=-1), "seed is -1; a whole number of at least 0 or a SeedSequence"),
    (lambda: simulator(seed=1.5), "seed is 1.5; a whole number of at least 0 or a SeedSequence"),
    (lambda: ReplicaSimulator(RING, 4), "models is one IsingModel; a list of them"),  # type: ignore[arg-type]
    (lambda: simulator().tempering([1, 2, 3], every=1.5), "tempering: every is 1.5; a whole number of at least 1"),  # type: ignore[arg-type]
    (lambda: simulator().tempering([1, 2, 3], 1.0), "tempering: copies is 1.0; a whole number of at least 1"),  # type: ignore[arg-type]
    (lambda: simulator().tempering([1, 2, 3]).advance(1.5), "tempering: sweeps is 1.5; a whole number"),  # type: ignore[arg-type]
    *(
        (lambda beta=beta: simulator().population.free_energy(beta), f"free energy: beta is {beta}; finite")
        for beta in (0.0, -1.0, NAN, INF)
    ),
    (lambda: simulator().population.free_energy([1.0, -1.0]), r"free energy: beta is \[1.0, -1.0\]; finite"),
    (lambda: simulator().population.free_energy([1, 2, 3]), r"free energy: beta has shape \(3,\); one or 2 numbers"),
    (lambda: simulator().population.free_energy(1.0, [1, 2, 3]), r"free energy: log_states has shape \(3,\)"),
    *(
        (lambda pair=pair: link_overlap_test(simulator(), *pair), "finite positive numbers")
        for pair in ((NAN, 1.0), (INF, 1.0), (1.0, NAN), (1.0, INF), (-1.0, 1.0), (1.0, 0.0))
    ),
    (lambda: sample(RING, sweeps=1.5), "sweeps is 1.5; a whole number of at least 0"),  # type: ignore[arg-type]
    (lambda: sample(RING, seed=-1), "seed is -1; a whole number"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"), CALLS, ids=[f"{k}: {message[:30]}" for k, (_, message) in enumerate(CALLS)]
)
def test_bad_input(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("option", "value"), [("replicas", 2.0), ("threads", 1.5), ("seed", -1)])
def test_bad_input_of_objectives(option: str, value: object) -> None:
    # Refused before the objective is looked at.
    with pytest.raises(InputError, match=rf"{option} is {value!r}; a whole number"):
        ObjectiveSimulator([None], **{option: value})  # type: ignore[arg-type, list-item]


def test_whole_numbers_of_numpy_are_taken() -> None:
    taken = ReplicaSimulator([RING], np.int32(4), seed=np.int64(3), threads=np.int64(1))  # type: ignore[arg-type]
    plain = ReplicaSimulator([RING], 4, seed=3, threads=1)
    taken.advance(1.0, np.int64(7))  # type: ignore[arg-type]
    plain.advance(1.0, 7)
    np.testing.assert_array_equal(taken.energies, plain.energies)
    assert len(instance_seeds(np.random.SeedSequence(3), 2)) == 2
