"""Outside samplers as baselines: the same budget and starts, energies by our own model."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from annealrl.baselines.dwave_tempering import DwaveTemperingMethod
from annealrl.baselines.grammar import known_methods, parse_method
from annealrl.baselines.peers import DwaveMethod, OpenJijMethod, Peer, common_starts, to_bqm
from annealrl.cli.app import run
from annealrl.envs.rotor import XYModel
from annealrl.errors import InputError
from annealrl.evaluation import benchmark
from annealrl.instance_set import InstanceSet
from annealrl.ising import IsingModel
from annealrl.method import Budget, Method
from annealrl.results import Result
from annealrl.schedules import Table
from annealrl.simulator import ReplicaSimulator, instance_seeds

RNG = np.random.default_rng(7)
PAIRS = np.stack(np.triu_indices(5, 1), axis=1)
#: Six spins, the last of which nothing holds; fields and an offset.
SMALL = [
    IsingModel.from_edges(PAIRS, RNG.normal(size=10), [*RNG.normal(size=5), 0.0], n=6, offset=0.5) for _ in range(3)
]
BUDGET = Budget(replicas=12, steps=10, sweeps_per_step=20, threads=1)
SEEDS = instance_seeds(3, 3)
TEXTS = ["dwave", "dwave:0.1:8", "dwave:0:8:linear:random", "openjij", "openjij:0:8:linear", "dwave-tempering:0.2:6:4"]


def configurations(n: int) -> np.ndarray:
    return np.array(list(itertools.product([-1, 1], repeat=n)))


@pytest.mark.parametrize("text", TEXTS)
def test_peers_anneal(text: str) -> None:
    method = parse_method(text)
    assert isinstance(method, Method)
    assert method.name == text
    outcome = method.run(SMALL, BUDGET, SEEDS)
    lowest = [model.energy(configurations(6)).min() for model in SMALL]
    assert outcome.best_energies == pytest.approx(lowest)
    assert [model.energy(s) for model, s in zip(SMALL, outcome.best_spins, strict=True)] == pytest.approx(lowest)
    assert (outcome.final_energies >= outcome.best_energies).all()
    assert outcome.seconds > 0
    flips, pairs = 3 * 6 * 12 * 200, 3 * 10 * 3 * 3 if "tempering" in text else 0
    assert outcome.attempted_updates == flips + pairs
    again = method.run(SMALL[1:], BUDGET, SEEDS[1:])  # whatever else is in the batch
    assert all((a == b).all() for a, b in zip(outcome.best_spins[1:], again.best_spins, strict=True))


def test_moves_and_listing() -> None:
    assert parse_method("dwave").moves == parse_method("openjij").moves == {"flip"}
    assert parse_method("dwave-tempering:0.2:6:4").moves == {"flip", "exchange"}
    forms = [form for form, _ in known_methods()]
    assert all(any(form.startswith(prefix) for form in forms) for prefix in ("dwave[", "openjij[", "dwave-tempering:"))
    prints = {parse_method(text).fingerprint for text in TEXTS}  # type: ignore[attr-defined]
    assert len(prints) == len(TEXTS)


def test_models_keep_their_order_on_the_way_to_dimod() -> None:
    model = IsingModel.from_edges([(1, 3), (0, 4)], n=5)
    assert list(to_bqm(model).variables) == list(range(5))


def test_starts_are_those_of_all_methods() -> None:
    starts = common_starts(SMALL, BUDGET, SEEDS)
    simulator = ReplicaSimulator(SMALL, 12, seeds=SEEDS)
    assert all((start == simulator.spins(place)).all() for place, start in enumerate(starts))


@pytest.mark.parametrize("method", [DwaveMethod("d", (0.7, 0.7), random_order=True), OpenJijMethod("o", (0.7, 0.7))])
def test_reads_are_independent_and_beta_is_ours(method: Peer) -> None:
    # χ² against exact weights at one β, 4 096 reads; each fails wrongly with probability 1e-5.
    model, budget = SMALL[0], Budget(replicas=4096, steps=1, sweeps_per_step=100)
    (start,) = common_starts([model], budget, SEEDS[:1])
    spins, _ = method.sample(model, start, budget, np.random.default_rng(1))
    states = configurations(6)
    weights = np.exp(-0.7 * model.energy(states))
    counts = np.bincount((spins > 0) @ (2 ** np.arange(6)[::-1]), minlength=64)
    likely = 4096 * weights / weights.sum() > 5
    expected = 4096 * weights / weights.sum()
    observed = [*counts[likely], counts[~likely].sum()]
    assert stats.chisquare(observed, [*expected[likely], expected[~likely].sum()]).pvalue > 1e-5


@pytest.mark.parametrize("prefix", ["dwave", "openjij"])
def test_schedule_files(prefix: str, tmp_path: Path) -> None:
    # Hot in the last step: the end is far from the ground state, as the file says. (Couplings are Gaussian, because
    # Metropolis sweeps in order move the domain walls of a plain ring along for ever, at any β.)
    glass = IsingModel.from_edges([(i, (i + k) % 64) for i in range(64) for k in (1, 8)], RNG.normal(size=128))
    for name, betas in (("hot", (5.0, 0.1)), ("cold", (0.1, 5.0))):
        Table(betas).save(tmp_path / f"{name}.json")
    budget = Budget(replicas=8, steps=2, sweeps_per_step=100)
    energies = [
        parse_method(f"{prefix}:{tmp_path}/{name}.json").run([glass], budget, SEEDS[:1]).final_energies[0]
        for name in ("hot", "cold")
    ]
    assert energies[0] > 0.6 * energies[1]
    with pytest.raises(InputError, match="2 steps"):
        parse_method(f"{prefix}:{tmp_path}/hot.json").run([glass], BUDGET, SEEDS[:1])


def test_exchanges_are_accepted_as_they_should() -> None:
    method, copies = DwaveTemperingMethod(1.0, 2.0, 2, "t"), 20_000
    energies = np.repeat([[-1.0], [-2.0]], copies, axis=1)  # ΔE = 1, Δβ = -1: accepted with probability e^-1
    spins = np.repeat(np.array([1, -1], np.int8)[:, None, None], copies, axis=1)
    method._exchange(energies, spins, np.random.default_rng(0))
    moved = spins[0, :, 0] == -1
    assert abs(moved.mean() - np.exp(-1)) < 5 * np.sqrt(0.24 / copies)
    assert (spins[0, :, 0] == -spins[1, :, 0]).all()
    assert ((energies[0] == -2.0) == moved).all()
    energies = np.repeat([[-2.0], [-1.0]], 10, axis=1)
    method._exchange(energies, np.zeros((2, 10, 1), np.int8), np.random.default_rng(0))
    assert (energies[1] == -2.0).all()  # the lower energy goes to the colder rung always


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dwave:1", "1"),
        ("dwave:1:x", "malformed"),
        ("dwave:1:2:3", "malformed"),
        ("dwave:linear:1:2", "malformed"),
        ("dwave:1:2:linear:geometric", "malformed"),
        ("dwave:0:2", "> 0"),
        ("dwave:-1:2:linear", "≥ 0"),
        ("dwave:1:inf", "finite"),
        ("openjij:1:2:random", "malformed"),
        ("openjij:1:2:3", "malformed"),
        ("dwave-tempering:1:2", "malformed"),
        ("dwave-tempering:1:2:3:icm", "malformed"),
        ("dwave-tempering:2:1:3", "from 2 to 1"),
        ("dwave-tempering:1:2:1", "1 temperatures"),
        ("dwave-tempering:1:2:3:every=0", "every is 0"),
        ("dwave-tempering:1:2:3:copies=1.5", "whole number"),
    ],
)
def test_bad_texts(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_method(text)


def test_a_ladder_that_does_not_fit() -> None:
    with pytest.raises(InputError, match="5 temperatures × 2 copies are not the budget's 12 replicas"):
        parse_method("dwave-tempering:0.2:6:5").run(SMALL, BUDGET, SEEDS)


@pytest.mark.parametrize(
    ("text", "package"),
    [("dwave", "dwave.samplers"), ("openjij", "openjij"), ("dwave-tempering:1:2:2", "dwave.samplers")],
)
def test_a_missing_package_is_one_line(
    text: str, package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert run(["evaluate", "--instances", "cool-6:1", "--method", text]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{package} is not installed" in line
    assert "annealrl[interop]" in line


def test_in_a_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    budget = ["--replicas", "8", "--steps", "4", "--sweeps-per-step", "5", "--episodes", "2"]
    methods = "linear:0:5,dwave:0.1:5,openjij:0.1:5,dwave-tempering:0.5:3:4"
    assert run(["benchmark", "--instances", "cool-6:2", "--methods", methods, *budget]) == 0
    shown = capsys.readouterr().out
    assert all(method in shown for method in methods.split(","))


def test_tables_mark_what_is_judged_by_its_end(tmp_path: Path) -> None:
    lowest = np.array([model.energy(configurations(6)).min() for model in SMALL])
    small = InstanceSet("small", tuple(SMALL), lowest, (None,) * 3, lowest, ("optimal",) * 3)
    methods = ["linear:0:5", "dwave:0.1:5", "openjij:0.1:5", "dwave-tempering:0.5:3:4"]
    best = benchmark(small, methods, episodes=1, budget=BUDGET, out=tmp_path)
    assert [result.final_only for result in best.results] == [False, True, True, False]
    for shown in (best.to_text(), best.to_markdown(), (tmp_path / "benchmark.html").read_text()):
        marked = {method for method in methods if f"{method} †" in shown}
        assert marked == {"dwave:0.1:5", "openjij:0.1:5"}
        assert "† returns configurations of the end alone" in shown
    record = best.results[1].to_json()
    assert Result.from_json(record).final_only
    del record["final_only"]  # as written before there was such a key
    assert not Result.from_json(record).final_only
    lines = (tmp_path / "results.jsonl").read_text().replace('"final_only": true, ', "")
    (tmp_path / "results.jsonl").write_text(lines)
    resumed = benchmark(small, methods, episodes=1, budget=BUDGET, out=tmp_path)
    assert [result.final_only for result in resumed.results] == [False, True, True, False]
    final = benchmark(small, methods[:2], episodes=1, budget=BUDGET, criterion="final")
    assert "†" not in final.to_text()


@pytest.mark.parametrize("text", [*TEXTS, "tempering:0.2:6:4"])
def test_designs_are_refused(text: str) -> None:
    with pytest.raises(
        InputError, match=rf"^method '{text}': Ising models are expected, not designs such as 'XYModel'$"
    ):
        parse_method(text).run([XYModel(length=3)] * 3, BUDGET, SEEDS)
