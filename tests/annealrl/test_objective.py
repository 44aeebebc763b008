"""Objectives: every kind of move samples the Boltzmann distribution; results depend on seeds alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numba
import numpy as np
import numpy.typing as npt
import pytest
from scipy import integrate, stats

from annealrl.errors import InputError
from annealrl.evaluation import benchmark
from annealrl.instance_set import InstanceSet
from annealrl.kernels import designs as kernels
from annealrl.kernels.jit import jit
from annealrl.method import Budget
from annealrl.objective import Kernel, Objective
from annealrl.objective_simulator import ObjectiveSimulator
from annealrl.space import Angles, Binary, Box, Colours, Levels, Mixed, Space
from annealrl.testing import check_objective, check_vector_env
from annealrl.vector_env import AnnealingVectorEnv

#: The false alarm rate of each statistical test.
ALARM = 1e-5
SEEDS = [np.random.SeedSequence(1)]
Floats = npt.NDArray[np.float64]


@jit(kernels.INIT)
def _init(floats: Floats, ints: Any, x: Floats, cache: Floats) -> float:
    cache[0] = 0.0
    energy = 0.0
    for i in range(len(x)):
        cache[0] += floats[i] * x[i]
        energy += np.cos(1.3 * x[i] + i)
    return energy + cache[0] ** 2


@jit(kernels.DELTA)
def _delta(floats: Floats, ints: Any, x: Floats, cache: Floats, i: int, value: float) -> float:
    total = cache[0] + floats[i] * (value - x[i])
    return np.cos(1.3 * value + i) - np.cos(1.3 * x[i] + i) + total**2 - cache[0] ** 2


@jit(kernels.APPLY)
def _apply(floats: Floats, ints: Any, x: Floats, cache: Floats, i: int, value: float) -> None:
    cache[0] += floats[i] * (value - x[i])


@dataclass(frozen=True)
class Toy(Objective):
    """E = Σ cos(1.3 x_i + i) + (Σ w_i x_i)², with a compiled cache, a batched change, or the whole energy alone."""

    where: Space = dataclasses.field(default_factory=lambda: Box(-1.0, 2.0, 3))
    shares: Mapping[str, float] = dataclasses.field(default_factory=lambda: {"step": 1.0})
    how: str = "compiled"

    space: ClassVar[Any] = property(lambda self: self.where)
    moves: ClassVar[Any] = property(lambda self: self.shares)

    @property
    def weights(self) -> Floats:
        return np.linspace(0.2, -0.3, self.where.n)

    def energy(self, design: Floats) -> Floats:
        total = (design * self.weights).sum(axis=-1)
        return np.cos(1.3 * design + np.arange(self.where.n)).sum(axis=-1) + total**2

    def gradient(self, design: Floats) -> Floats:
        total = (design * self.weights).sum(axis=-1, keepdims=True)
        return -1.3 * np.sin(1.3 * design + np.arange(self.where.n)) + 2 * total * self.weights

    @property
    def kernel(self) -> Kernel | None:
        floats = self.weights
        return Kernel(_init, _delta, _apply, cache=1, floats=floats, cost=0.25) if self.how == "compiled" else None

    @property
    def delta(self) -> Any:  # type: ignore[override]
        if self.how != "change":
            return None

        def change(x: Floats, at: Any, values: Floats) -> Floats:
            moved = x.copy()
            moved[np.arange(len(x)), at] = values
            return self.energy(moved) - self.energy(x)

        return change


SPACES = {
    "ladder": (Levels(5, 2, -1.0, 1.0), {"step": 1.0}, 0.5),
    "shortest steps": (Levels(4, 2), {"step": 1.0}, 1e-6),
    "clock": (Levels(5, 2, periodic=True), {"step": 1.0}, 0.3),
    "longest clock steps": (Levels(4, 2, periodic=True), {"step": 1.0}, 1.0),
    "colours": (Colours(4, 2), {"step": 1.0}, 0.1),
    "bits": (Binary(4), {"step": 1.0}, 0.1),
    "redraw": (Levels(5, 2), {"redraw": 1.0}, 0.1),
    "swap and step": (Levels(4, 3), {"swap": 0.5, "step": 0.5}, 0.3),
    "swap and redraw": (Mixed(Levels(3, 2), Binary(2)), {"swap": 0.7, "redraw": 0.3}, 0.3),
}


@pytest.mark.parametrize("name", SPACES)
def test_discrete_moves_sample_the_boltzmann_distribution(name: str) -> None:
    space, shares, size = SPACES[name]
    beta, replicas = 0.8, 4000
    for how in ("compiled", "whole"):
        toy = Toy(space, shares, how)
        simulator = ObjectiveSimulator([toy], replicas, seed=7)
        simulator.advance(beta, 60, step_size=size)
        values = [low + gap * np.arange(k) for low, gap, k in zip(space.low, space.spacing, space.levels, strict=True)]
        states = np.stack(np.meshgrid(*values, indexing="ij"), axis=-1).reshape(-1, space.n)
        weights = np.exp(-beta * toy.energy(states))
        index = np.round((simulator.designs(0) - space.low) / space.spacing).astype(int)
        counts = np.bincount(np.ravel_multi_index(tuple(index.T), tuple(space.levels)), minlength=len(states))
        assert stats.chisquare(counts, replicas * weights / weights.sum()).pvalue > ALARM


@pytest.mark.parametrize(("shares", "size"), [({"step": 1.0}, 0.4), ({"redraw": 1.0}, 0.1), ({"step": 1.0}, 1.0)])
@pytest.mark.parametrize("space", [Box(-1.0, 2.0, 1), Angles(1)])
def test_continuous_moves_sample_the_boltzmann_distribution(space: Space, shares: Any, size: float) -> None:
    beta = 2.0
    for how in ("compiled", "whole"):
        toy = Toy(space, shares, how)
        simulator = ObjectiveSimulator([toy], 3000, seed=3)
        simulator.advance(beta, 80, step_size=size)
        grid = np.linspace(space.low[0], space.high[0], 4001)
        distribution = integrate.cumulative_simpson(np.exp(-beta * toy.energy(grid[:, None])), x=grid, initial=0.0)
        found = stats.kstest(simulator.designs(0)[:, 0], lambda x, g=grid, d=distribution: np.interp(x, g, d / d[-1]))
        assert found.pvalue > ALARM


@pytest.mark.parametrize("how", ["compiled", "change", "whole"])
def test_the_toy_keeps_the_contract(how: str) -> None:
    check_objective(Toy(how=how))


@pytest.mark.parametrize("shares", [{"step": 1.0}, {"step": 0.4, "swap": 0.4, "redraw": 0.2}])
def test_compiled_and_batched_moves_are_the_same(shares: Any) -> None:
    runs = {}
    for how in ("compiled", "change", "whole"):
        simulator = ObjectiveSimulator([Toy(Box(-1.0, 2.0, 4), shares, how)], 12, seed=2)
        simulator.advance(1.5, 20, ramp_from=0.1, step_size=0.2)
        runs[how] = (simulator.designs(0), simulator.accepted[0])
    np.testing.assert_allclose(runs["compiled"][0], runs["whole"][0], rtol=1e-12)
    np.testing.assert_allclose(runs["change"][0], runs["whole"][0], rtol=1e-12)
    assert runs["compiled"][1] == runs["whole"][1] == runs["change"][1]


def test_more_replicas_extend_fewer() -> None:
    few, many = (ObjectiveSimulator([Toy()], r, seed=1) for r in (3, 20))
    for simulator in (few, many):
        simulator.advance(1.0, 5)
    np.testing.assert_array_equal(few.designs(0), many.designs(0)[:3])


def test_limits_of_temperature_and_time() -> None:
    simulator = ObjectiveSimulator([Toy()], 50, seed=1)
    before = simulator.designs(0)
    simulator.advance(1.0, 0)
    np.testing.assert_array_equal(simulator.designs(0), before)
    simulator.advance(0.0, 3, step_size=0.5)
    assert simulator.acceptance_ratio(3)[0] == 1.0
    energies = simulator.energies.copy()
    simulator.advance(1e12, 5)
    assert (simulator.energies <= energies + 1e-9).all()
    lowest, design = simulator.lowest(0)
    assert lowest == simulator.best_energies.min() == Toy().energy_of(design)


def test_evaluations_are_counted() -> None:
    compiled, whole = (ObjectiveSimulator([Toy(how=how)], 10, seed=1) for how in ("compiled", "whole"))
    for simulator in (compiled, whole):
        simulator.advance(1.0, 4)
    assert (compiled.attempted, compiled.evaluations) == (120, 10 + 0.25 * 120 + 10)
    assert (whole.attempted, whole.evaluations) == (120, 10 + 120 + 10)


def test_resampling_keeps_the_distribution() -> None:
    toy = Toy(Levels(5, 2))
    simulator = ObjectiveSimulator([toy], 20_000, seed=5)  # at β = 0 from the start
    mean = float(np.exp(-0.9 * simulator.energies).mean())
    assert np.exp(simulator.population.resample(0.9)) == pytest.approx(mean)
    states = np.stack(np.meshgrid(np.arange(5), np.arange(5), indexing="ij"), -1).reshape(-1, 2).astype(float)
    weights = np.exp(-0.9 * toy.energy(states))
    counts = np.bincount((simulator.designs(0) @ [5, 1]).astype(int), minlength=25)
    # Counts of founders vary as those of independent draws do at most.
    expected = 20_000 * weights / weights.sum()
    assert (np.abs(counts - expected) < 6 * np.sqrt(expected * weights.max() / weights.mean())).all()
    np.testing.assert_array_equal(simulator.energies[0], toy.energies(simulator.designs(0)))
    assert simulator.population.weighed == 20_000
    families = simulator.population.families.copy()
    simulator.population.resample(0.0)
    np.testing.assert_array_equal(simulator.population.families, families)


def test_starts_can_be_given_and_shared() -> None:
    start = np.array([0.1, 0.2, 0.3])
    simulator = ObjectiveSimulator([Toy()], 4, seed=1, initial="shared")
    assert (simulator.designs(0) == simulator.designs(0)[0]).all()
    simulator.load([0], [Toy()], [np.random.SeedSequence(1)], [start])
    assert (simulator.designs(0) == start).all()
    assert simulator.spreads().tolist() == [[0.0] * 3]


@dataclass(frozen=True)
class Broken(Toy):
    """Says what it is told to."""

    says: str = "nan"

    def energy(self, design: Floats) -> Floats:
        return np.full(len(design), np.nan) if self.says == "nan" else np.zeros((len(design), 2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ObjectiveSimulator([Broken()], 2), "the energy of design .* is nan"),
        (lambda: ObjectiveSimulator([Broken(says="shape")], 2), "returned shape"),
        (lambda: ObjectiveSimulator([Toy(shares={"jump": 1.0})], 2), "unknown move 'jump'"),
        (lambda: ObjectiveSimulator([Toy(shares={"step": 0.0})], 2), "shares ≥ 0"),
        (lambda: ObjectiveSimulator([Toy()], 0), "replicas is 0"),
        (lambda: ObjectiveSimulator([Toy()], 2).advance(-1.0, 1), "inverse temperatures"),
        (lambda: ObjectiveSimulator([Toy()], 2).advance(1.0, -1), "sweeps is -1"),
        (lambda: ObjectiveSimulator([Toy()], 2).advance(1.0, 1, step_size=2.0), "step_size"),
        (lambda: ObjectiveSimulator([Toy()], 2).advance([1.0, 2.0, 3.0], 1), "does not fit"),
        (lambda: ObjectiveSimulator([Toy()], 2).load([0], [Toy()], SEEDS, [[9, 9, 9]]), "coordinate 0 of design 0"),
        (lambda: ObjectiveSimulator([Toy()], 2).load([0], [Toy()], SEEDS, [[0, 0]]), "initial designs have shape"),
        (lambda: ObjectiveSimulator([Toy()], 2).load([0], [Toy(Box(0, 1, 4))], SEEDS), "does not fit"),
        (lambda: Toy().energy_of([0.1, 9.0, 0.1]), r"coordinate 1 of the design is 9; .* is expected"),
        (lambda: Toy().energy_of([0.1, np.nan, 0.1]), "coordinate 1 of the design is nan"),
        (lambda: Toy().energy_of([0.1]), r"a design of shape \(1,\); \(3,\) is expected"),
        (lambda: Box(1.0, 0.0, 2), "low < high"),
        (lambda: Box([0.0, 0.0, 0.0], 1.0, 2), "do not fit"),
        (lambda: Levels(1, 2), "1 levels"),
        (Mixed, "mixture of nothing"),
    ],
)
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_a_simulation_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    simulator = ObjectiveSimulator([Toy()], 64, seed=1, threads=1)
    calls = []

    def interrupted(*arguments: Any) -> None:
        calls.append(arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(kernels, "anneal", interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulator.advance(1.0, 1)
    assert len(calls) == 1


@dataclass(frozen=True)
class Rastrigin(Objective):
    """E = Σ x² - 10 cos 2πx + 10: all that a user has to write, and moves of the user's own ``@njit``."""

    dimensions: int = 3
    own_moves: bool = False

    space: ClassVar[Any] = property(lambda self: Box(-5.12, 5.12, self.dimensions))
    known_optimum: ClassVar[Any] = property(lambda self: 0.0)
    tolerance: ClassVar[Any] = property(lambda self: 1e-2)

    def energy(self, design: Floats) -> Floats:
        return np.asarray((design**2 - 10 * np.cos(2 * np.pi * design) + 10).sum(axis=-1))

    @property
    def kernel(self) -> Kernel | None:
        return Kernel(_own_init, _own_delta, _own_apply, cost=1 / self.dimensions) if self.own_moves else None


@numba.njit
def _own_init(floats, ints, x, cache):  # type: ignore[no-untyped-def]
    return (x**2 - 10 * np.cos(2 * np.pi * x) + 10).sum()


@numba.njit
def _own_delta(floats, ints, x, cache, i, value):  # type: ignore[no-untyped-def]
    return value**2 - x[i] ** 2 - 10 * (np.cos(2 * np.pi * value) - np.cos(2 * np.pi * x[i]))


@numba.njit
def _own_apply(floats, ints, x, cache, i, value):  # type: ignore[no-untyped-def]
    pass


@pytest.mark.parametrize("own_moves", [False, True])
def test_an_objective_of_ones_own(own_moves: bool) -> None:
    check_objective(Rastrigin(own_moves=own_moves))
    check_vector_env(
        lambda k: AnnealingVectorEnv(Rastrigin(own_moves=own_moves), k, steps=3, sweeps_per_step=2, replicas=5)
    )
    simulator = ObjectiveSimulator([Rastrigin(own_moves=own_moves)], 8, seed=1)
    for beta in np.geomspace(0.1, 300, 20):
        simulator.advance(beta, 20, step_size=0.1 if beta < 3 else 0.005)
    assert simulator.best_energies.min() < 1.5, "one of the lowest minima"


def test_a_gradient_that_is_wrong_is_found() -> None:
    @dataclass(frozen=True)
    class Wrong(Toy):
        """Turned."""

        def gradient(self, design: Floats) -> Floats:
            return -super().gradient(design)

    with pytest.raises(AssertionError, match="gradient"):
        check_objective(Wrong())


def test_moves_that_are_wrong_are_found() -> None:
    @dataclass(frozen=True)
    class Scaled(Toy):
        """Not what the moves say."""

        def energy(self, design: Floats) -> Floats:
            return 2 * super().energy(design)

    with pytest.raises(AssertionError, match="init"):
        check_objective(Scaled())

    @dataclass(frozen=True)
    class Late(Toy):
        """Says no change."""

        @property
        def delta(self) -> Any:  # type: ignore[override]
            return lambda x, at, values: np.zeros(len(x))

    with pytest.raises(AssertionError, match="energy change"):
        check_objective(Late(how="change"))


def bowl(width: float = 1.0, *, within: float = 1e-2, lowest: float = 0.0, driven: float | None = None) -> Objective:
    """The same class by name, fields and data, its code edited in one place or another."""

    @dataclass(frozen=True)
    class Bowl(Objective):
        """E = width · Σ x²."""

        space: ClassVar[Any] = property(lambda self: Box(-1.0, 1.0, 2))
        known_optimum: ClassVar[Any] = property(lambda self: lowest)
        tolerance: ClassVar[Any] = property(lambda self: within)
        driving: ClassVar[Any] = property(lambda self: self if driven is None else bowl(driven))

        def energy(self, design: Floats) -> Floats:
            return np.asarray(width * (design**2).sum(axis=-1))

    return Bowl()


def bowls(model: Objective) -> InstanceSet:
    return InstanceSet("bowls", (model,), np.zeros(1), (None,), np.zeros(1), ("optimal",))


def test_content_knows_an_edited_class() -> None:
    variants = [bowl(), bowl(4.0), bowl(within=0.1), bowl(lowest=-1.0), bowl(driven=2.0)]
    assert len({(type(variant).__module__, type(variant).__qualname__) for variant in variants}) == 1
    assert len({bowls(variant).hash for variant in variants}) == len(variants)
    assert bowls(bowl()).hash == bowls(bowl()).hash
    # What another machine's last bits do to energies changes nothing; tiny and vanishing energies are energies too.
    assert bowls(bowl(1 + 1e-15)).hash == bowls(bowl()).hash
    assert len({bowls(bowl(width)).hash for width in (0.0, 1e-300, 2e-300)}) == 3


def test_an_edited_energy_is_measured_again(tmp_path: Path) -> None:
    def residual(model: Objective) -> float:
        budget = Budget(replicas=4, steps=2, sweeps_per_step=2)
        table = benchmark(bowls(model), ["linear:0:1"], episodes=2, budget=budget, out=tmp_path)
        return table.results[0].mean_residual_energy_per_spin

    first = residual(bowl())
    assert residual(bowl(1000.0)) > 10 * first
    assert residual(bowl()) == first
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 2
