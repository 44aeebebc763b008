"""Trained agents as dimod samplers, and their schedules in other people's."""

from __future__ import annotations

import itertools
import json
import unittest
from functools import cache
from pathlib import Path
from typing import Any

import dimod
import dimod.testing
import numpy as np
import pytest
from dwave.samplers import SimulatedAnnealingSampler

from annealrl.agents import Agent, load_agent
from annealrl.agents.rollout import play
from annealrl.api import load_instances
from annealrl.baselines.grammar import parse_method
from annealrl.cli.app import run
from annealrl.errors import InputError
from annealrl.instances.conventions import to_dimod
from annealrl.instances.generators import edwards_anderson_2d
from annealrl.interop import LearnedScheduleSampler, mean_schedule
from annealrl.method import Budget
from annealrl.schedules import coupling_scale, load

AGENT = "ea2d-8"
SHORT: dict[str, Any] = {"num_sweeps": 80}


@cache
def agent() -> Agent:
    return load_agent(AGENT)


def learned() -> LearnedScheduleSampler:
    return LearnedScheduleSampler(agent())


@dimod.testing.load_sampler_bqm_tests(learned)
class TestDimodsOwn(unittest.TestCase):
    pass


def torus() -> dimod.BinaryQuadraticModel:
    return to_dimod(edwards_anderson_2d(8, np.random.default_rng(0)))


def test_api() -> None:
    dimod.testing.assert_sampler_api(LearnedScheduleSampler(AGENT))
    assert {"num_reads", "num_sweeps", "initial_states", "interrupt_function", "seed"} <= set(learned().parameters)
    with pytest.raises(InputError, match="no_such_agent"):
        LearnedScheduleSampler("no_such_agent")
    for nameless in (lambda: LearnedScheduleSampler(""), lambda: parse_method("agent:"), lambda: parse_method("agent")):
        with pytest.raises(InputError, match="an agent without a name"):
            nameless()


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_the_agent_anneals(vartype: str) -> None:
    bqm = torus().change_vartype(vartype, inplace=False)
    found = learned().sample(bqm, num_reads=70, seed=1)
    dimod.testing.assert_response_energies(found, bqm)
    assert (len(found), found.vartype) == (70, bqm.vartype)
    info = found.info
    assert (len(info["beta_schedules"]), len(info["beta_schedule"]), info["sweeps"]) == (2, 40, [100] * 40)
    assert info["beta_schedule"] == pytest.approx(np.mean(info["beta_schedules"], axis=0))
    assert info["beta_schedule"][-1] > info["beta_schedule"][0]


def test_reads_are_those_of_an_episode() -> None:
    # Replicas of an episode through the evaluator's interface, started and seeded as the sampler says it does.
    model = edwards_anderson_2d(8, np.random.default_rng(0))
    starts = learned().sample(torus(), num_sweeps=0, num_reads=64, seed=5)
    found = learned().sample(torus(), num_reads=64, seed=5)
    played = play(
        agent().policy,
        agent().config.env,
        [model],
        [np.random.SeedSequence(5, spawn_key=(0,))],
        Budget(64, 40, 100),
        starts=[starts.record.sample],
    )
    assert played.spins is None
    assert found.record.energy == pytest.approx(played.energies[0])
    assert found.info["beta_schedule"] == pytest.approx(played.betas[:, 0])


def test_starts_seeds_and_interruption() -> None:
    options: dict[str, Any] = {"seed": 2, **SHORT}
    whole = learned().sample(torus(), num_reads=130, **options)
    again = learned().sample(torus(), num_reads=130, **options)
    assert (whole.record.sample == again.record.sample).all()
    assert (whole.record.sample[:128] == learned().sample(torus(), num_reads=128, **options).record.sample).all()
    calls = itertools.count(1)
    part = learned().sample(torus(), num_reads=130, interrupt_function=lambda: next(calls) == 2, **options)
    assert (part.info["interrupted"], len(part)) == (True, 128)
    assert (part.record.sample == whole.record.sample[:128]).all()
    starts = learned().sample(torus(), num_sweeps=0, initial_states=whole, num_reads=200, seed=1)
    assert (starts.record.sample[:130] == whole.record.sample).all()
    empty = learned().sample(dimod.BinaryQuadraticModel({}, {}, 1.5, "SPIN"), num_reads=2)
    assert empty.record.energy.tolist() == [1.5, 1.5]


@pytest.mark.parametrize("sweeps", [-40, 41, 1.5, True])
def test_wrong_sweeps(sweeps: Any) -> None:
    with pytest.raises(InputError, match="multiple of the agent's 40 steps"):
        learned().sample(torus(), num_sweeps=sweeps)


# Mean schedules


def test_mean_schedule() -> None:
    small = {"replicas": 16, "steps": 5, "sweeps_per_step": 10}
    found = mean_schedule(agent(), "ea2d-8-val:3", episodes=2, budget=small, seed=4)
    method = parse_method(f"agent:{AGENT}")
    models = list(load_instances("ea2d-8-val:3"))
    seeds = [np.random.SeedSequence(4, spawn_key=(i, e)) for i in range(3) for e in range(2)]
    played = method.run([model for model in models for _ in range(2)], Budget(16, 5, 10), seeds)
    assert played.betas is not None
    assert found.table.values == pytest.approx(played.betas.mean(axis=1))
    assert found.beta_schedule() == pytest.approx(np.repeat(played.betas.mean(axis=1), 10))
    in_sigma = mean_schedule(agent(), "ea2d-8-val:3", episodes=2, budget=small, seed=4, sigma_units=True)
    scales = np.repeat([coupling_scale(model) for model in models], 2)
    assert in_sigma.table.values == pytest.approx((played.betas * scales).mean(axis=1))
    assert in_sigma.beta_schedule(models[0])[::10] == pytest.approx(np.divide(in_sigma.table.values, scales[0]))


def test_exported_to_a_file_and_to_dwave(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "learned.json"
    small = ["--steps", "8", "--sweeps-per-step", "10"]
    assert run(["export", AGENT, "--instances", "ea2d-8-val:2", "--out", str(file), "--json", "-", *small]) == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["agent"], content["instances"], len(content["beta_schedule"])) == (AGENT, "ea2d-8-val:2", 80)
    assert load(file).betas(8).tolist() == content["betas"]
    method = parse_method(f"schedule:{file}")
    model = edwards_anderson_2d(8, np.random.default_rng(0))
    outcome = method.run([model], Budget(8, 8, 10), [np.random.SeedSequence(0)])
    assert outcome.betas is not None
    assert outcome.betas[:, 0].tolist() == content["betas"]
    found = SimulatedAnnealingSampler().sample(
        torus(), beta_schedule_type="custom", beta_schedule=content["beta_schedule"], num_reads=5, seed=1
    )
    dimod.testing.assert_response_energies(found, torus())
    assert found.record.energy.mean() < -60


def test_wrong_exports(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        (["no_such_agent"], "no_such_agent"),
        ([AGENT, "--instances", "cool-8:1"], "test instances"),
        ([AGENT, "--instances", "no_such_set"], "no_such_set"),
    ):
        assert run(["export", *arguments]) == 2
        assert said in capsys.readouterr().err
