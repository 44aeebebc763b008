"""The evaluator: what counts as success, pairing, resuming, and certificates that lie."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from annealrl import statistics
from annealrl.errors import InputError
from annealrl.evaluation import CertificateError, benchmark, evaluate, with_sweeps
from annealrl.instance_set import InstanceSet
from annealrl.ising import IsingModel
from annealrl.kernels import jit
from annealrl.method import Budget, Outcome

pytestmark = pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")

SMALL = Budget(replicas=4, steps=5, sweeps_per_step=2)


def ring(n: int, seed: int) -> IsingModel:
    edges = [(i, (i + 1) % n) for i in range(n)] + [(i, (i + 3) % n) for i in range(n)]
    return IsingModel.from_edges(edges, np.random.default_rng(seed).normal(size=2 * n), name=f"ring-{seed}")


def solved_set(count: int = 5, n: int = 10, name: str = "rings") -> InstanceSet:
    """Small rings with their optima by enumeration."""
    models = tuple(ring(n, seed) for seed in range(count))
    states = np.array(list(itertools.product((-1, 1), repeat=n)))
    spins = [states[model.energy(states).argmin()].astype(np.int8) for model in models]
    energies = np.array([model.energy(s) for model, s in zip(models, spins, strict=True)])
    return InstanceSet(name, models, energies, tuple(spins), energies.copy(), ("optimal",) * count)


RINGS = solved_set()


@dataclass
class Scripted:
    """A method whose best and final energies lie given amounts above the ground state, episode by episode."""

    best: float
    final: float
    ground: dict[str, np.ndarray]
    name: str = "scripted"
    moves: frozenset[str] = frozenset({"flip"})
    lie: float = 0.0

    def run(self, models: Sequence[IsingModel], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        spins = [self.ground[model.name] for model in models]
        energies = np.array([model.energy(s) for model, s in zip(models, spins, strict=True)])
        return Outcome(energies + self.lie, energies + self.final, tuple(spins), 7, 0.5)


def scripted(instances: InstanceSet = RINGS, **kwargs: float) -> Scripted:
    ground = {m.name: s for m, s in zip(instances.models, instances.ground_spins, strict=True) if s is not None}
    return Scripted(kwargs.get("best", 0.0), kwargs.get("final", 0.0), ground, lie=kwargs.get("lie", 0.0))


def test_success_is_counted_by_either_criterion() -> None:
    method = scripted(final=0.5)
    best = evaluate(method, RINGS, episodes=4, budget=SMALL)
    final = evaluate(method, RINGS, episodes=4, budget=SMALL, criterion="final")
    assert (best.p, best.p_best, best.p_final) == (1, 1, 0)
    assert (final.p, final.p_best, final.p_final) == (0, 1, 0)
    assert best.n99 == 0
    assert final.n99 is None
    assert final.n99_ci[0] is not None
    assert final.n99_ci[1] is None
    assert best.mean_residual_energy_per_spin == pytest.approx(0)
    assert final.mean_residual_energy_per_spin == pytest.approx(0.05)
    row = final.per_instance[2]
    assert (row.name, row.n, row.episodes, row.successes) == ("ring-2", 10, 4, 0)
    assert (row.best_successes, row.final_successes, row.certified) == (4, 0, True)
    assert row.ground_energy == pytest.approx(RINGS.ground_energies[2])
    assert row.best_energy == pytest.approx(RINGS.ground_energies[2])


def test_time_and_updates_are_those_that_the_method_spent() -> None:
    result = evaluate(scripted(final=0.5), RINGS, episodes=4, budget=SMALL, batch=6)
    # 20 episodes in batches of 6, 6, 6 and 2.
    assert result.seconds_per_episode == pytest.approx(4 * 0.5 / 20)
    assert result.attempted_updates == 28
    assert result.tts_seconds == pytest.approx(result.seconds_per_episode)
    real = evaluate("linear:0:3", RINGS, episodes=3, budget=SMALL)
    assert real.attempted_updates == 15 * 4 * 10 * 10
    assert real.n99 is not None
    assert real.tts_seconds == pytest.approx(real.seconds_per_episode * max(1, real.n99))


@pytest.mark.parametrize(("above", "exact", "cool"), [(1e-12, 1, 1), (1e-6, 0, 1), (0.9e-4, 0, 1), (1.2e-4, 0, 0)])
def test_tolerances(above: float, exact: int, cool: int) -> None:
    # Ten spins: the paper's tolerance is 1e-4 in all.
    method = scripted(final=above)
    assert evaluate(method, RINGS, episodes=1, criterion="final").p == exact
    assert evaluate(method, RINGS, episodes=1, criterion="final", tolerance="cool").p == cool


def test_ground_energies_are_recomputed_from_spins() -> None:
    # A stored energy that is rounded down would hide every success.
    rounded = replace(RINGS, ground_energies=RINGS.ground_energies - 1e-5, bounds=np.full(5, np.nan))
    assert evaluate(scripted(), rounded, episodes=1).p == 1
    nothing = replace(rounded, ground_spins=(None,) * 5)
    assert evaluate(scripted(), nothing, episodes=1).p == 0


def test_unknown_ground_energies_are_refused_by_name() -> None:
    unknown = replace(
        RINGS,
        ground_energies=np.where(np.arange(5) == 3, np.nan, RINGS.ground_energies),
        ground_spins=(None,) * 5,
    )
    with pytest.raises(InputError, match=r"'rings': the ground energy of instance 'ring-3' is unknown"):
        evaluate("linear:0:3", unknown, episodes=1)


def test_a_wrong_certificate_is_loud() -> None:
    wrong = replace(RINGS, ground_energies=RINGS.ground_energies + 0.1, ground_spins=(None,) * 5)
    with pytest.raises(CertificateError, match=r"scripted found .* on instance 'ring-0', below its certified"):
        evaluate(scripted(), replace(wrong, bounds=np.full(5, np.nan)), episodes=1)
    # What is only best known may be beaten, a bound may not.
    putative = replace(wrong, statuses=("putative",) * 5, bounds=np.full(5, np.nan))
    result = evaluate(scripted(), putative, episodes=1)
    assert result.p == 1
    assert not result.per_instance[0].certified
    with pytest.raises(CertificateError, match="certificate is wrong"):
        evaluate(scripted(), replace(putative, bounds=RINGS.ground_energies + 0.05), episodes=1)


def test_a_method_that_misreports_its_energies_is_loud() -> None:
    for method in (scripted(lie=0.3), scripted(lie=float("nan")), scripted(final=-0.2), scripted(final=float("nan"))):
        with pytest.raises(CertificateError, match="instance 'ring-0'; its best configuration has"):
            evaluate(method, RINGS, episodes=1)


def test_results_do_not_depend_on_batches_and_more_episodes_extend_fewer() -> None:
    whole = evaluate("linear:0:3", RINGS, episodes=6, budget=SMALL, seed=5)
    assert 0 < whole.p < 1
    for batch in (1, 4, 7):
        parts = evaluate("linear:0:3", RINGS, episodes=6, budget=SMALL, seed=5, batch=batch)
        assert parts.per_instance == whole.per_instance
        assert parts.mean_residual_energy_per_spin == whole.mean_residual_energy_per_spin
    fewer = evaluate("linear:0:3", RINGS, episodes=3, budget=SMALL, seed=5)
    for few, all_ in zip(fewer.per_instance, whole.per_instance, strict=True):
        assert few.successes <= all_.successes
        assert few.best_energy >= all_.best_energy
    other = evaluate("linear:0:3", RINGS, episodes=6, budget=SMALL, seed=6)
    assert other.per_instance != whole.per_instance


def test_episodes_run_on_the_streams_of_the_rule() -> None:
    seen: list[tuple[object, tuple[int, ...], str]] = []

    class Spy(Scripted):
        def run(self, models: Sequence[IsingModel], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
            seen.extend((s.entropy, tuple(s.spawn_key), m.name) for s, m in zip(seeds, models, strict=True))
            return super().run(models, budget, seeds)

    evaluate(Spy(0, 0, scripted().ground), RINGS, episodes=3, seed=11, batch=4)
    assert seen == [(11, (i, e), f"ring-{i}") for i in range(5) for e in range(3)]


def test_the_statistics_are_those_of_the_counts() -> None:
    result = evaluate("linear:0:3", RINGS, episodes=6, budget=SMALL)
    summary = statistics.summarize(result.successes, result.episodes)
    assert (result.p, result.p_ci, result.n99) == (summary.p, summary.p_ci, summary.n99)


def test_progress_counts_episodes_and_an_interrupt_passes_through() -> None:
    calls: list[tuple[int, int]] = []
    evaluate("linear:0:3", RINGS, episodes=2, budget=SMALL, batch=4, progress=lambda *at: calls.append(at))
    assert calls == [(4, 10), (8, 10), (10, 10)]

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate("linear:0:3", RINGS, episodes=2, budget=SMALL, batch=4, progress=interrupt)
    assert evaluate("linear:0:3", RINGS, episodes=2, budget=SMALL).p >= 0


def test_benchmark_measures_every_method_as_evaluate_does() -> None:
    table = benchmark(RINGS, ["linear:0:3", "geometric:.5:3"], episodes=3, budget=SMALL, seed=2)
    alone = evaluate("geometric:.5:3", RINGS, episodes=3, budget=SMALL, seed=2)
    assert table.methods == ["linear:0:3", "geometric:.5:3"]
    assert table.get("geometric:.5:3").per_instance == alone.per_instance


def test_an_interrupted_benchmark_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    methods = ["linear:0:3", "geometric:.5:3", "cool-published"]
    undisturbed = benchmark(RINGS, methods, episodes=2, budget=SMALL, sweeps=[5, 10], progress=None)

    def stop(done: int, total: int) -> None:
        if done > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        benchmark(RINGS, methods, episodes=2, budget=SMALL, sweeps=[5, 10], out=tmp_path, progress=stop)
    calls: list[tuple[int, int]] = []
    table = benchmark(
        RINGS, methods, episodes=2, budget=SMALL, sweeps=[5, 10], out=tmp_path, progress=lambda *at: calls.append(at)
    )
    assert calls == [(40, 60), (50, 60), (60, 60)]
    assert [r.per_instance for r in table.results] == [r.per_instance for r in undisturbed.results]
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"results.jsonl", "benchmark.json", "benchmark.md", "benchmark.html", "n99.png"}
    calls.clear()
    benchmark(
        RINGS, methods[:2], episodes=2, budget=SMALL, sweeps=[10], out=tmp_path, progress=lambda *a: calls.append(a)
    )
    assert not calls
    # Other instances, streams or rules are other measurements.
    benchmark(RINGS, methods[:1], episodes=2, budget=replace(SMALL, replicas=5), out=tmp_path, seed=1,
              progress=lambda *at: calls.append(at))  # fmt: skip
    assert calls == [(10, 10)]


@pytest.mark.parametrize(
    ("sweeps", "steps"), [(4000, 40), (500, 25), (1000, 40), (8000, 40), (7, 7), (1, 1), (37, 37), (39, 39)]
)
def test_sweeps_are_parted_into_equal_steps(sweeps: int, steps: int) -> None:
    budget = with_sweeps(Budget(replicas=3), sweeps)
    assert (budget.steps, budget.sweeps, budget.replicas) == (steps, sweeps, 3)


@pytest.mark.parametrize("sweeps", [0, -40, 41, 503])
def test_sweeps_that_cannot_be_parted_are_refused(sweeps: int) -> None:
    with pytest.raises(InputError, match=f"sweeps: {sweeps} cannot be parted"):
        with_sweeps(Budget(), sweeps)


def test_bad_options_are_refused() -> None:
    with pytest.raises(InputError, match="criterion is 'worst'; one of best, final"):
        evaluate("linear:0:3", RINGS, episodes=1, criterion="worst")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="tolerance is 'loose'; one of exact, cool"):
        evaluate("linear:0:3", RINGS, episodes=1, tolerance="loose")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="at least 1"):
        evaluate("linear:0:3", RINGS, episodes=0)
    with pytest.raises(InputError, match="no method given"):
        benchmark(RINGS, [], episodes=1)
    with pytest.raises(InputError, match="'linear:0:3' is given twice"):
        benchmark(RINGS, ["linear:0:3", "linear:0:3"], episodes=1)
