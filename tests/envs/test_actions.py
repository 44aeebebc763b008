"""Composed actions, and options that mean nothing beside others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from annealrl.baselines.grammar import parse_method
from annealrl.errors import InputError
from annealrl.method import Budget
from annealrl.schedules import Knots, Linear
from annealrl.testing import check_vector_env
from annealrl.vector_env import AnnealingVectorEnv

SHORT: dict[str, Any] = {"steps": 4, "sweeps_per_step": 3, "replicas": 10, "length": 5}


def batch(num_envs: int = 3, **options: Any) -> AnnealingVectorEnv:
    return AnnealingVectorEnv("EdwardsAnderson2D-v0", num_envs, **{**SHORT, **options})


def played(env: AnnealingVectorEnv, columns: list[float]) -> np.ndarray:
    env.reset(seed=4)
    return np.array([env.step(np.tile(columns, (env.num_envs, 1)))[4]["energy"] for _ in range(3)])


@pytest.mark.parametrize(
    "action",
    [("delta_beta", "resample"), ("resample", "log_beta_offset"), "resample", ("select", "log_beta_offset"), "select"],
)
def test_composed_actions_keep_the_contract(action: Any) -> None:
    check_vector_env(lambda num_envs: batch(num_envs, action=action))
    check_env(gym.make("EdwardsAnderson2D-v0", action=action, **SHORT).unwrapped, skip_render_check=True)


def test_resampling_by_nothing_changes_nothing() -> None:
    plain = batch(action="delta_beta")
    both = batch(action=("delta_beta", "resample"))
    assert both.single_action_space.shape == (2,)
    np.testing.assert_array_equal(played(plain, [0.3]), played(both, [0.3, -1.0]))
    assert both.attempted_updates == plain.attempted_updates
    assert (played(plain, [0.3]) != played(both, [0.3, 1.0])).any()
    assert both.attempted_updates == plain.attempted_updates + 2 * 3 * 10, "two resamplings of three populations"


def test_the_order_of_components_orders_the_columns_alone() -> None:
    one, other = batch(action=("delta_beta", "resample")), batch(action=("resample", "delta_beta"))
    np.testing.assert_array_equal(played(one, [0.3, 0.8]), played(other, [0.8, 0.3]))


def test_resampling_selects_by_the_change_of_beta() -> None:
    env = batch(1, action=("delta_beta", "resample"), replicas=64, beta_start=0.1, sweeps_per_step=1)
    env.reset(seed=1)
    env.step([[0.0, 1.0]])
    simulator: Any = env.simulator
    assert len(np.unique(simulator.population.families)) == 64, "before the first step nothing is resampled"
    env.step([[0.5, 1.0]])
    families = simulator.population.families
    assert len(np.unique(families)) < 64


def test_selection_goes_by_the_reference_where_beta_leaves_it() -> None:
    env = batch(1, action=("log_beta_offset", "select"), reference=Linear(0.5, 0.5), replicas=64)
    env.reset(seed=1)
    for action in (-1.0, 1.0, 0.5):
        env.step([[action, 1.0]])
    simulator: Any = env.simulator
    assert len(np.unique(simulator.population.families)) == 64, "the reference stands still"


def test_selection_may_have_a_schedule_of_its_own() -> None:
    env = batch(1, action="select", reference=Linear(2.0, 2.0), selection=Linear(0.0, 30.0), replicas=64)
    env.reset(seed=1)
    simulator: Any = env.simulator
    env.step([[1.0]])
    assert len(np.unique(simulator.population.families)) == 64, "before the first step nothing is resampled"
    env.step([[1.0]])
    assert len(np.unique(simulator.population.families)) < 8, "hard selection keeps few"


def test_beta_follows_the_reference_where_nothing_sets_it() -> None:
    env = batch(2, action="resample", reference=Linear(0.5, 2.0))
    env.reset(seed=1)
    betas = [env.step(np.zeros((2, 1)))[4]["beta"][0] for _ in range(3)]
    np.testing.assert_allclose(betas, [0.5, 1.0, 1.5])


def test_temperature_changes_by_a_factor() -> None:
    env = batch(2, action="delta_log_temperature", action_scale=0.7, beta_start=1.0, beta_max=2.5)
    env.reset(seed=1)
    assert env.step([[-1.0], [1.0]])[4]["beta"] == pytest.approx(np.exp([0.7, -0.7]))
    assert env.step([[-1.0], [0.0]])[4]["beta"] == pytest.approx([2.5, np.exp(-0.7)])


def test_scales_belong_to_components() -> None:
    env = batch(1, action=("delta_beta", "resample"), action_scale=(0.5, 3.0))
    assert [component.scale for component in env.action.components] == [0.5, 3.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"action": ("delta_beta", "log_beta_offset")}, "both set β"),
        ({"action": ("resample", "resample")}, "both set resampling"),
        ({"action": ()}, "action is empty"),
        ({"action": ("delta_beta", "warmth")}, "unknown action 'warmth'"),
        ({"action": ("delta_beta", "resample"), "action_scale": (1.0,)}, "1 numbers for 2 components"),
        ({"action": "delta_log_step"}, "moves of one size"),
        ({"reference": Linear(0, 1)}, "reference is given, but action 'delta_beta'"),
        ({"action": "log_beta_offset", "beta_start": 1.0}, "beta_start is given"),
        ({"action": "log_beta_offset", "refusal_penalty": 1.0}, "refusal_penalty is given"),
        ({"step_start": 0.1}, "step_start is given"),
        ({"step_start": 2.0}, "fraction of the range"),
        ({"features": ("time",)}, "observation is 'spins'"),
        ({"observation": "designs"}, "unknown observation 'designs'"),
        ({"observation": "features", "features": ("spread",)}, "means nothing for EdwardsAnderson2D"),
        ({"initial": "same"}, "unknown initial 'same'"),
        ({"replicas": 2.5}, "replicas is 2.5"),
        ({"refusal_penalty": -1.0}, "refusal_penalty is -1"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        batch(**options)


@pytest.mark.parametrize(
    ("component", "option", "alpha", "text"),
    [
        ("resample", {}, 1.7, "alpha=1.7"),
        ("select", {}, 1.7, "alpha=1.7"),
        ("select", {"selection": Knots((0.2, 0.9))}, 1.0, "select=0.2,0.9"),
    ],
)
def test_a_neutral_action_is_tuned_population_annealing(
    component: str, option: dict[str, Any], alpha: float, text: str
) -> None:
    schedule = Knots((0.7, 1.3, 40.0))
    env = batch(
        3,
        action=("log_beta_offset", component),
        action_scale=(0.5, 2 * alpha),
        reference=schedule,
        beta_max=200.0,
        replicas=64,
        **option,
    )
    models = [env.family.sample(np.random.default_rng(i)) for i in range(3)]
    seeds = [np.random.SeedSequence(i) for i in range(3)]
    env.reset(options={"instance": models, "seeds": seeds, "initial_spins": [None] * 3})
    for _ in range(4):
        info = env.step(np.zeros((3, 2)))[4]
    method = parse_method(f"population:knots:0.7:1.3:40:{text}")
    outcome = method.run(models, Budget(64, 4, 3), seeds)
    np.testing.assert_array_equal(info["final_info"]["energy"], outcome.final_energies)
    np.testing.assert_array_equal(info["final_info"]["best_energy"], outcome.best_energies)


def test_a_measured_unit_follows_the_scale_of_all_couplings() -> None:
    model = batch().family.sample(np.random.default_rng(3))
    larger = replace(model, couplings=128 * model.couplings)
    options: dict[str, Any] = {
        "action": "measured_beta_offset",
        "reference": Linear(0.5, 3.0),
        "beta_max": 1e4,
        "observation": "features",
        "features": ("time", "relative_energy", "overlap", "acceptance"),
        "reward": "scaled_soft_minimum",
        "replicas": 64,
    }
    seen, told = [], []
    for instance in (model, larger):
        env = batch(1, **options)
        seeds = [np.random.SeedSequence(5)]
        env.reset(options={"instance": instance, "seeds": seeds, "episodes": 2})
        played = [env.step([[0.3]]) for _ in range(4)]
        seen.append([step[0] for step in played])
        told.append((played[0][4]["beta"][0] * instance.energy_scale, played[-1][1][0]))
    # A power of two, so that every rounding is the same.
    np.testing.assert_array_equal(seen[0], seen[1])
    assert told[0] == pytest.approx(told[1], rel=1e-12)
    assert told[0][0] == pytest.approx(0.5 * np.exp(0.3), rel=0.4), "64 replicas know the scale to 9 % (σ)"
