"""AnnealRLSampler as a citizen of the dimod ecosystem: dimod's own kit, D-Wave's parameters, physics."""

from __future__ import annotations

import itertools
import math
import time
import unittest
from typing import Any

import dimod
import dimod.testing
import numpy as np
import pytest
from scipy import stats

from annealrl.beta_range import default_beta_range
from annealrl.extras import MissingPackageError, require
from annealrl.instances.conventions import from_dimod
from annealrl.interop import AnnealRLSampler

FRUSTRATED = dimod.BinaryQuadraticModel({"a": 0.5}, {"ab": 1.0, "bc": 1.0, "ca": 1.0}, 0.25, "SPIN")


def glass(n: int, seed: int = 0) -> dimod.BinaryQuadraticModel:
    rng = np.random.default_rng(seed)
    pairs = {(i, j): float(rng.normal()) for i in range(n) for j in range(i)}
    return dimod.BinaryQuadraticModel({i: float(rng.normal()) for i in range(n)}, pairs, 1.5, "SPIN")


@dimod.testing.load_sampler_bqm_tests(AnnealRLSampler)
class TestDimodsOwn(unittest.TestCase):
    pass


def test_api() -> None:
    sampler = AnnealRLSampler()
    dimod.testing.assert_sampler_api(sampler)
    assert isinstance(sampler, dimod.Initialized)
    asked = {"num_reads", "num_sweeps", "beta_range", "beta_schedule_type", "beta_schedule", "num_sweeps_per_beta"}
    asked |= {"initial_states", "initial_states_generator", "interrupt_function", "seed"}
    assert asked <= set(sampler.parameters)
    assert sampler.properties["beta_schedule_options"] == ("linear", "geometric", "custom")
    with pytest.warns(dimod.exceptions.SamplerUnknownArgWarning, match="nonsense"):
        sampler.sample(FRUSTRATED, nonsense=1, num_sweeps=1)


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_energies_are_the_models_own(vartype: str) -> None:
    bqm = glass(9).change_vartype(vartype, inplace=False)
    bqm.add_variable(("isolated", 1), 0.0)
    bqm.add_variable("free", 0.75)
    found = AnnealRLSampler().sample(bqm, num_reads=70, seed=1)
    dimod.testing.assert_response_energies(found, bqm)
    assert found.vartype is bqm.vartype
    assert set(found.variables) == set(bqm.variables)
    assert len(found) == 70
    assert set(np.unique(found.record.sample)) == set(bqm.vartype.value)
    assert found.first.energy == pytest.approx(dimod.ExactSolver().sample(bqm).first.energy)
    # Nothing holds the isolated variable: it takes both values.
    assert len({sample[("isolated", 1)] for sample in found.samples()}) == 2


def test_composed_with_dimods_composites() -> None:
    # Three-body terms, made quadratic by dimod: the product of three spins is -1 in the ground state.
    found = dimod.HigherOrderComposite(AnnealRLSampler()).sample_hising({}, {"abc": 1.0}, num_reads=20, seed=1)
    assert found.first.energy == -1.0
    tracked = dimod.TrackingComposite(AnnealRLSampler())
    tracked.sample(FRUSTRATED, num_reads=3, seed=1)
    assert tracked.input["num_reads"] == 3
    assert len(tracked.output) == 3


def test_empty_and_single() -> None:
    empty = AnnealRLSampler().sample(dimod.BinaryQuadraticModel({}, {}, 1.5, "BINARY"), num_reads=3)
    assert empty.record.energy.tolist() == [1.5] * 3
    assert empty.record.sample.shape == (3, 0)
    single = AnnealRLSampler().sample_ising({"x": 2.0}, {}, num_reads=3, seed=0)
    assert single.record.energy.tolist() == [-2.0] * 3
    assert AnnealRLSampler().sample_qubo({(0, 0): 0.0}, num_reads=40, seed=0).record.energy.tolist() == [0.0] * 40


# β and vartypes


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_the_default_range_is_physical(vartype: str) -> None:
    # A chain: the dearest flip is found by trying all, and it meets the bound; the weakest bond of every spin is 1.
    bqm = dimod.BinaryQuadraticModel({}, {(i, i + 1): -1.0 for i in range(5)}, 3.0, "SPIN")
    bqm = bqm.change_vartype(vartype, inplace=False)
    values = sorted(bqm.vartype.value)
    changes = [
        bqm.energy(dict(enumerate((*state[:i], other, *state[i + 1 :])))) - bqm.energy(dict(enumerate(state)))
        for state in itertools.product(values, repeat=6)
        for i in range(6)
        for other in values
        if other != state[i]
    ]
    hot, cold = AnnealRLSampler().sample(bqm, num_sweeps=2).info["beta_range"]
    assert math.exp(-hot * max(changes)) == pytest.approx(0.5)
    assert math.exp(-cold * min(change for change in changes if change > 0)) == pytest.approx(0.01)


def test_the_default_range_does_not_depend_on_the_vartype() -> None:
    for seed in range(5):
        spin = glass(7, seed)
        ranges = [default_beta_range(from_dimod(bqm)) for bqm in (spin, spin.change_vartype("BINARY", inplace=False))]
        assert ranges[0] == pytest.approx(ranges[1], rel=1e-9)
        assert 0 < ranges[0][0] < ranges[0][1] < np.inf
    assert default_beta_range(from_dimod(dimod.BinaryQuadraticModel({0: 0.0}, {}, 0.0, "SPIN"))) == (0.1, 1.0)
    one, ten = (default_beta_range(from_dimod(glass(7) * scale)) for scale in (1.0, 10.0))
    assert one == pytest.approx([10 * beta for beta in ten])


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("criterion", ["Metropolis", "Gibbs"])
def test_constant_beta_samples_the_boltzmann_distribution(vartype: str, criterion: str) -> None:
    # χ² against exact weights, 4 096 independent reads; each of the four cases fails wrongly with probability 1e-5.
    bqm = (glass(4, 3) * 0.5).change_vartype(vartype, inplace=False)
    beta = 0.8
    found = AnnealRLSampler().sample(
        bqm,
        num_reads=4096,
        beta_schedule=[beta],
        beta_schedule_type="custom",
        num_sweeps_per_beta=200,
        proposal_acceptance_criteria=criterion,
        seed=5,
    )
    states = np.array(list(itertools.product(sorted(bqm.vartype.value), repeat=4)))
    weights = np.exp(-beta * bqm.energies((states, list(found.variables))))
    keys = [(found.record.sample == state).all(axis=1).sum() for state in states]
    assert sum(keys) == 4096
    assert stats.chisquare(keys, 4096 * weights / weights.sum()).pvalue > 1e-5


# Schedules


def test_schedules_are_what_info_says() -> None:
    def info(**options: Any) -> dict[str, Any]:
        return dict(AnnealRLSampler().sample(FRUSTRATED, seed=1, **options).info)

    found = info(beta_range=(0.1, 10), num_sweeps=5, num_sweeps_per_beta=1)
    assert found["beta_schedule"] == pytest.approx(np.geomspace(0.1, 10, 5))
    assert found["sweeps"] == [1] * 5
    found = info(beta_range=[0, 3], num_sweeps=8, num_sweeps_per_beta=2, beta_schedule_type="linear")
    assert (found["beta_schedule"], found["sweeps"]) == ([0, 1, 2, 3], [2] * 4)
    assert (found["beta_range"], found["beta_schedule_type"]) == ([0, 3], "linear")
    found = info(beta_schedule_type="custom", beta_schedule=(3, 1), num_sweeps_per_beta=4)
    assert (found["beta_schedule"], found["sweeps"], found["beta_range"]) == ([3, 1], [4, 4], [3, 1])
    found = info(num_sweeps=1013)
    assert (len(found["sweeps"]), sum(found["sweeps"])) == (100, 1013)
    assert info(beta_range=(1, 2), num_sweeps=1)["beta_schedule"] == [2]
    assert sum(info()["sweeps"]) == 1000


def test_the_same_schedule_in_other_words() -> None:
    options: dict[str, Any] = {"num_reads": 20, "seed": 3}
    named = AnnealRLSampler().sample(
        glass(8), beta_range=(0.1, 1), num_sweeps=30, num_sweeps_per_beta=3, beta_schedule_type="linear", **options
    )
    listed = AnnealRLSampler().sample(
        glass(8), beta_schedule=np.linspace(0.1, 1, 10), beta_schedule_type="custom", num_sweeps_per_beta=3, **options
    )
    assert (named.record.sample == listed.record.sample).all()


# Starts


def test_zero_sweeps_return_the_start() -> None:
    starts = dimod.SampleSet.from_samples_bqm([{"c": 1, "a": 1, "b": -1}, {"c": -1, "a": 1, "b": 1}], FRUSTRATED)
    for bqm in (FRUSTRATED, FRUSTRATED.change_vartype("BINARY", inplace=False)):
        found = AnnealRLSampler().sample(bqm, num_sweeps=0, initial_states=starts)
        wanted = starts.change_vartype(bqm.vartype, inplace=False)
        assert list(found.samples(sorted_by=None)) == list(wanted.samples(sorted_by=None))
        assert found.record.energy == pytest.approx(starts.record.energy)
        assert found.info["beta_range"] is None
    tiled = AnnealRLSampler().sample(
        FRUSTRATED, num_sweeps=0, num_reads=67, initial_states=starts, initial_states_generator="tile"
    )
    assert list(tiled.samples(sorted_by=None)) == (list(starts.samples(sorted_by=None)) * 34)[:67]


def test_initial_states_generators() -> None:
    sampler, starts = AnnealRLSampler(), [{"a": 1, "b": 1, "c": 1}, {"a": -1, "b": -1, "c": -1}]
    assert len(sampler.sample(FRUSTRATED)) == 1
    assert len(sampler.sample(FRUSTRATED, initial_states=starts)) == 2
    assert len(sampler.sample(FRUSTRATED, initial_states=starts, num_reads=1, initial_states_generator="none")) == 1
    random = sampler.sample(FRUSTRATED, initial_states=starts, num_reads=200, num_sweeps=0, seed=1)
    rows = random.record.sample
    assert (rows[:2] == [[1, 1, 1], [-1, -1, -1]]).all()
    assert len(np.unique(rows, axis=0)) == 8
    with pytest.raises(ValueError, match="insufficient"):
        sampler.sample(FRUSTRATED, initial_states=starts, num_reads=3, initial_states_generator="none")
    with pytest.raises(ValueError, match="mismatch"):
        sampler.sample(FRUSTRATED, initial_states={"a": 1})


# Seeds, threads, interruption


def test_seeds_reproduce() -> None:
    def rows(num_reads: int, **options: Any) -> Any:
        return AnnealRLSampler().sample(glass(20), num_reads=num_reads, num_sweeps=3, **options).record.sample

    first = rows(200, seed=1)
    assert (first == rows(200, seed=1, threads=1)).all()
    assert (first == rows(200, seed=1, threads=3)).all()
    assert (first[:130] == rows(130, seed=1)).all()
    assert (first[:10] == rows(10, seed=1)).all()
    assert (first != rows(200, seed=2)).any()
    assert len(np.unique(first, axis=0)) > 100  # reads differ from each other
    free = AnnealRLSampler().sample(glass(20), num_reads=10, num_sweeps=3)
    assert (rows(10, seed=free.info["seed"]) == free.record.sample).all()


def test_interruption_returns_what_there_is() -> None:
    calls = itertools.count(1)

    def after(count: int) -> Any:
        return lambda: next(calls) >= count

    options: dict[str, Any] = {"num_reads": 150, "num_sweeps": 10, "num_sweeps_per_beta": 1, "seed": 1, "threads": 1}
    whole = AnnealRLSampler().sample(glass(20), **options)
    assert (whole.info["interrupted"], len(whole)) == (False, 150)
    # In the second group's fourth sweep: the first group is done, the second stands where it stands, no third.
    found = AnnealRLSampler().sample(glass(20), interrupt_function=after(14), **options)
    assert (found.info["interrupted"], len(found), next(calls)) == (True, 128, 15)
    dimod.testing.assert_response_energies(found, glass(20))
    assert (found.record.sample[:64] == whole.record.sample[:64]).all()
    assert (found.record.sample[64:] != whole.record.sample[64:128]).any()
    with pytest.raises(TypeError, match="interrupt_function"):
        AnnealRLSampler().sample(FRUSTRATED, interrupt_function=1)


def test_timings_mean_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0]
    monkeypatch.setattr(time, "perf_counter_ns", lambda: now[0])

    def spend(target: Any, name: str, amount: int) -> None:
        original = getattr(target, name)

        def slow(*arguments: Any, **options: Any) -> Any:
            now[0] += amount
            return original(*arguments, **options)

        monkeypatch.setattr(target, name, slow)

    from annealrl.simulator import ReplicaSimulator

    spend(AnnealRLSampler, "parse_initial_states", 1)
    spend(ReplicaSimulator, "load", 10)
    spend(ReplicaSimulator, "advance", 1000)
    spend(ReplicaSimulator, "spins", 100_000)
    spend(dimod.SampleSet, "from_samples_bqm", 1_000_000)
    found = AnnealRLSampler().sample(FRUSTRATED, num_reads=128, num_sweeps=3, threads=1)
    # Two groups, loaded twice each (drawn, then given their starts); dimod's parser makes a sample set of its own.
    assert found.info["timing"] == {
        "preprocessing_ns": 1 + 1_000_000 + 4 * 10,
        "sampling_ns": 2 * 3 * 1000,
        "postprocessing_ns": 2 * 100_000 + 1_000_000,
    }


# Errors


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"beta_schedule_type": "asd"}, "beta_schedule_type"),
        ({"beta_schedule_type": "custom"}, "beta_schedule"),
        ({"beta_schedule_type": "custom", "beta_schedule": [-1, 1]}, "beta_schedule"),
        ({"beta_schedule_type": "custom", "beta_schedule": ["asd", 1]}, "beta_schedule"),
        ({"beta_schedule_type": "custom", "beta_schedule": [1, 2], "num_sweeps": 3}, "num_sweeps"),
        ({"beta_schedule_type": "custom", "beta_schedule": [1, 2], "beta_range": (1, 3)}, "beta_range"),
        ({"beta_schedule": [1, 2]}, "beta_schedule"),
        ({"beta_range": (0, 1)}, "beta_range"),
        ({"beta_range": (-1, 1), "beta_schedule_type": "linear"}, "beta_range"),
        ({"beta_range": (1, np.inf)}, "beta_range"),
        ({"beta_range": 3}, "beta_range"),
        ({"num_sweeps": -1}, "num_sweeps"),
        ({"num_sweeps": 2.5}, "num_sweeps"),
        ({"num_sweeps": 10, "num_sweeps_per_beta": 3}, "num_sweeps"),
        ({"num_sweeps_per_beta": 0}, "num_sweeps_per_beta"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**65}, "seed"),
        ({"num_reads": 0}, "num_reads"),
        ({"randomize_order": False}, "sequential"),
        ({"proposal_acceptance_criteria": "Glauber"}, "proposal_acceptance_criteria"),
        ({"initial_states_generator": "asd"}, "initial_states_generator"),
        ({"threads": 0}, "threads"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AnnealRLSampler().sample(FRUSTRATED, **options)


@pytest.mark.parametrize("options", [{"seed": 3.5}, {"seed": "1"}, {"num_reads": 3.5}])
def test_wrong_types(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        AnnealRLSampler().sample(FRUSTRATED, **options)


def test_a_missing_package_is_named_with_its_extra() -> None:
    with pytest.raises(MissingPackageError, match=r"no_such_package is not installed.*annealrl\[interop\]"):
        require("no_such_package", "interop")
    assert issubclass(MissingPackageError, ImportError)
