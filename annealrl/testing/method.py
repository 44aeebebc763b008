"""Conformance checks of methods: what the evaluator takes for granted of everything that anneals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from annealrl.baselines.grammar import parse_method
from annealrl.family import Problem
from annealrl.ising import IsingModel
from annealrl.method import Budget, Method, Outcome

#: Moves that a method may name.
MOVES = ("flip", "resample", "exchange", "cluster", "gradient", "search")


def check_baseline(
    method: Method | str,
    *,
    models: Sequence[Problem] | None = None,
    budget: Budget | None = None,
    seed: int = 0,
) -> None:
    """Check that a method keeps the contract of :class:`annealrl.method.Method`.

    - Shapes and dtypes of its :class:`~annealrl.method.Outcome`; one entry an episode.
    - ``best_energies`` are those of ``best_spins`` by the true Hamiltonian; no final energy lies below.
    - An episode depends on its model and its seed alone: in another order, or without its neighbours, it is the same,
      whatever numpy's global generator holds.
    - Running it twice gives the same; other seeds give other episodes.
    - Attempted updates are counted and, for single flips alone, lie within the budget.

    Parameters
    ----------
    method : Method or str
        A text goes through :func:`~annealrl.baselines.grammar.parse_method`.
    models : sequence of IsingModel or Objective, optional
        Two of them at least, none with a trivial energy landscape; by default a glass and a ring with fields of another
        size.
    budget : Budget, optional
        32 replicas, 6 steps of 5 sweeps by default.
    seed : int

    Raises
    ------
    AssertionError
        With what was expected.
    """
    method = parse_method(method) if isinstance(method, str) else method
    models = _models() if models is None else list(models)
    budget = budget or Budget(replicas=32, steps=6, sweeps_per_step=5)
    assert isinstance(method, Method), "a method has a `name`, its `moves` and run(models, budget, seeds)"
    assert method.name and isinstance(method.name, str), "a method's name is a text"  # noqa: PT018
    unknown = set(method.moves) - set(MOVES)
    assert not unknown, f"unknown moves {sorted(unknown)}; some of {', '.join(MOVES)} are expected"

    batch = [model for model in models for _ in range(2)]
    seeds = [np.random.SeedSequence(seed, spawn_key=(e,)) for e in range(len(batch))]
    outcome = method.run(batch, budget, seeds)
    _check_outcome(outcome, batch, budget)
    limit = sum(model.n for model in batch) * budget.replicas * budget.sweeps
    if set(method.moves) == {"flip"}:
        assert outcome.attempted_updates <= limit, (
            f"{outcome.attempted_updates} attempted updates; the budget allows {limit}"
        )

    held = np.random.get_state()  # noqa: NPY002 - it is the global generator that is meant
    try:
        np.random.seed(1)  # noqa: NPY002
        _check_same(outcome, method.run(batch, budget, _fresh(seeds)), range(len(batch)), "run twice")
        order = list(range(len(batch)))[::-1]
        turned = method.run([batch[e] for e in order], budget, [_fresh(seeds)[e] for e in order])
        _check_same(outcome, turned, order, "in another order")
        alone = method.run(batch[1:2], budget, _fresh(seeds)[1:2])
        _check_same(outcome, alone, [1], "run alone")
    finally:
        np.random.set_state(held)  # noqa: NPY002
    others = [np.random.SeedSequence(seed + 1, spawn_key=(e,)) for e in range(len(batch))]
    other = method.run(batch, budget, others)
    same = all(np.array_equal(a, b) for a, b in zip(outcome.best_spins, other.best_spins, strict=True))
    assert not (same and np.array_equal(outcome.final_energies, other.final_energies)), "other seeds change nothing"


def _models() -> list[IsingModel]:
    rng = np.random.default_rng(1)
    # So large that two episodes of a small budget hardly ever end alike.
    pairs = np.stack(np.triu_indices(120, 1), axis=1)
    pairs = pairs[rng.random(len(pairs)) < 0.08]
    ring = [(i, (i + 1) % 81) for i in range(81)]
    return [
        IsingModel.from_edges(pairs, rng.normal(size=len(pairs)), n=120, name="glass"),
        IsingModel.from_edges(ring, rng.normal(size=81), rng.normal(size=81), offset=2.5, name="ring"),
    ]


def _fresh(seeds: Sequence[np.random.SeedSequence]) -> list[np.random.SeedSequence]:
    # Spawning changes a SeedSequence, so that one that was used is not what it was.
    return [np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key) for seed in seeds]


def _check_outcome(outcome: Outcome, models: Sequence[Problem], budget: Budget) -> None:
    count = len(models)
    for name in ("best_energies", "final_energies"):
        values = getattr(outcome, name)
        assert values.shape == (count,), f"{name} has shape {values.shape}; ({count},) is expected"
        assert values.dtype == np.float64, f"{name} has dtype {values.dtype}; float64 is expected"
        assert np.isfinite(values).all(), f"{name} holds a value that is not finite"
    assert len(outcome.best_spins) == count, f"{len(outcome.best_spins)} best_spins for {count} episodes"
    for e, (model, spins) in enumerate(zip(models, outcome.best_spins, strict=True)):
        kind = np.int8 if isinstance(model, IsingModel) else np.float64
        assert spins.dtype == kind, f"best_spins has dtype {spins.dtype}; {np.dtype(kind)} is expected"
        assert spins.shape == (model.n,), f"best_spins has shape {spins.shape}; ({model.n},) is expected"
        slack = model.rounding
        best, true = float(outcome.best_energies[e]), model.energy_of(spins)
        assert abs(best - true) <= slack, f"best_energies says {best!r}, but best_spins has {true!r}"
        final = float(outcome.final_energies[e])
        assert final >= best - slack, f"the final energy {final!r} lies below the best one, {best!r}"
    assert isinstance(outcome.attempted_updates, int | np.integer), "attempted_updates is a whole number"
    assert outcome.attempted_updates > 0, "no attempted updates were counted"
    assert np.isfinite(outcome.seconds), "seconds is not finite"
    assert outcome.seconds > 0, "seconds is not positive"
    if outcome.betas is not None:
        expected = (budget.steps, count)
        assert outcome.betas.shape == expected, f"betas has shape {outcome.betas.shape}; {expected} is expected"
        assert (np.asarray(outcome.betas) >= 0).all(), "betas holds a negative inverse temperature"


def _check_same(expected: Outcome, found: Outcome, episodes: Sequence[int], how: str) -> None:
    for k, e in enumerate(episodes):
        for name in ("best_energies", "final_energies"):
            was, now = getattr(expected, name)[e], getattr(found, name)[k]
            assert was == now, f"{how}, episode {e} has another {name}: {now!r} instead of {was!r}"
        same = np.array_equal(expected.best_spins[e], found.best_spins[k])
        assert same, f"{how}, episode {e} has other best_spins"
