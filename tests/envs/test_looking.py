"""Looking at replicas: destructively, at fixed intervals, or where the action asks for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.statistics import pooled_interval
from annealrl.testing import check_vector_env
from annealrl.vector_env import AnnealingVectorEnv

SHORT: dict[str, Any] = {
    "length": 4,
    "steps": 5,
    "sweeps_per_step": 3,
    "replicas": 8,
    "observation": "features",
    "action": "log_beta_offset",
    "threads": 1,
}
LOOK = ("log_beta_offset", "look")
TIME_LEFT, MEAN, AGE = 0, 2, -1


def batch(num_envs: int = 3, **options: Any) -> AnnealingVectorEnv:
    return AnnealingVectorEnv("EdwardsAnderson2D-v0", num_envs, **{**SHORT, **options})


def played(env: AnnealingVectorEnv, seed: int = 3, looks: Any = None) -> dict[str, Any]:
    """One episode of random actions; columns beyond the first are `looks`, shape (steps, B)."""
    rng = np.random.default_rng(0)
    seen = [env.reset(seed=seed)[0]]
    rewards = np.zeros(env.num_envs)
    for step in range(env.steps):
        actions = [rng.uniform(-1, 1, env.num_envs), *([] if looks is None else [looks[step]])]
        observation, reward, *_, info = env.step(np.stack(actions, axis=1))
        rewards += reward
        seen.append(observation if step < env.steps - 1 else np.stack(info["final_obs"]))
    return {"seen": np.array(seen), "rewards": rewards, **info["final_info"]}


@pytest.mark.parametrize(
    "options",
    [
        {"observing": "destructive"},
        {"observing": "destructive", "ensembles": "literal", "observation": "spins"},
        {"observing": "destructive", "look_every": 2},
        {"observing": "destructive", "action": LOOK, "look_cost": 0.1, "look_paid_in": "ensemble"},
        {"action": LOOK, "look_cost": 0.1},
        {"look_every": 3},
    ],
)
def test_ways_of_looking_keep_the_contract(options: Any) -> None:
    check_vector_env(lambda num_envs: batch(num_envs, **options))


def test_literal_and_parallel_are_the_same_on_the_same_streams() -> None:
    results = []
    for ensembles in ("parallel", "literal"):
        env = batch(observing="destructive", ensembles=ensembles, beta_start=(0.1, 1.0), action="delta_beta")
        results.append((played(env), env.attempted_updates, played(env, 4)))
    (one, spent, again), (other, cost, too) = results
    np.testing.assert_array_equal(one["seen"], other["seen"])
    np.testing.assert_array_equal(again["seen"], too["seen"])
    np.testing.assert_array_equal(one["energy"], other["energy"])
    # 0 + 1 + … + 4 steps of ensembles that are used up, and 5 of the one that is judged.
    assert (one["attempted_updates"] == 15 * 3 * 16 * 8).all()
    assert spent == cost == 3 * 15 * 3 * 16 * 8
    np.testing.assert_array_equal(one["looks"], 4)


def test_destroyed_replicas_are_fresh_ones_with_the_same_past() -> None:
    free, destructive = played(batch()), played(batch(observing="destructive"))
    np.testing.assert_array_equal(free["energy"], destructive["energy"])
    np.testing.assert_array_equal(free["seen"][:, :, :2], destructive["seen"][:, :, :2])
    assert (free["seen"][1:5, :, MEAN] != destructive["seen"][1:5, :, MEAN]).all()
    np.testing.assert_array_equal(free["seen"][5, :, MEAN], destructive["seen"][5, :, MEAN])


def test_success_agrees_between_literal_parallel_and_free() -> None:
    # A policy that cools by what it sees, on streams that differ between the three. Intervals of the pooled p at 95 %
    # that do not meet are rarer than 1e-2 for two equal p; the seeds are fixed.
    family = batch().family
    models = [family.sample(np.random.default_rng(i)) for i in range(8)]
    ground = np.repeat([family.certify(model) + model.slack for model in models], 25)
    intervals = {}
    for i, options in enumerate(
        ({"observing": "destructive"}, {"observing": "destructive", "ensembles": "literal"}, {})
    ):
        env = batch(200, **options, steps=8, replicas=4, action="delta_beta", action_scale=1.0)
        seeds = [np.random.SeedSequence([i, b]) for b in range(200)]
        observation, _ = env.reset(options={"instance": [m for m in models for _ in range(25)], "seeds": seeds})
        for _ in range(8):
            observation, *_, info = env.step(np.clip(observation[:, 4] + 1.5, 0.0, 1.0)[:, None])
        solved = info["final_info"]["energy"] <= ground
        intervals[i] = pooled_interval(solved.astype(int), np.ones(200, int))
        assert 0.1 < solved.mean() < 0.9
    for one in intervals.values():
        for other in intervals.values():
            assert one[0] < other[1]


def test_unobserved_steps_repeat_the_last_observation_with_its_age() -> None:
    looks = np.array([[-1, 1, -1], [-1, -1, -1], [1, -1, -1], [-1, -1, -1], [-1, -1, 1]], float)
    result = played(batch(action=LOOK), looks=looks)
    plain = played(batch())
    seen = result["seen"]
    np.testing.assert_allclose(np.exp(seen[:, 0, AGE]) - 1, [0, 1, 2, 0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(np.exp(seen[:, 1, AGE]) - 1, [0, 0, 1, 2, 3, 0], atol=1e-6)
    np.testing.assert_array_equal(seen[1:3, 0, MEAN:AGE], seen[[0, 0], 0, MEAN:AGE])
    np.testing.assert_array_equal(seen[:, :, :2], plain["seen"][:, :, :2], "time and β are known without looking")
    np.testing.assert_array_equal(seen[3, 0, MEAN], plain["seen"][3, 0, MEAN])
    np.testing.assert_array_equal(seen[5, :, MEAN], plain["seen"][5, :, MEAN], "the end is read in any case")
    # The look after the last decision is no look.
    np.testing.assert_array_equal(result["looks"], [1, 1, 0])
    np.testing.assert_array_equal(result["energy"], plain["energy"])


def test_looking_before_every_decision_by_choice_is_looking_always() -> None:
    for options in ({}, {"observing": "destructive", "ensembles": "literal"}):
        always, chosen = played(batch(**options)), played(batch(action=LOOK, **options), looks=np.ones((5, 3)))
        np.testing.assert_array_equal(always["seen"], chosen["seen"][:, :, :AGE])


def test_looks_cost_what_is_stated() -> None:
    looks = np.array([[1, -1, -1], [-1, 1, -1], [-1, 1, -1], [1, -1, -1], [1, 1, 1]], float)
    free = played(batch(action=LOOK), looks=looks)["rewards"]
    reward = played(batch(action=LOOK, look_cost=0.25), looks=looks)["rewards"]
    np.testing.assert_allclose(free - reward, [0.5, 0.5, 0.0])
    env = batch(action=LOOK, look_cost=0.5, look_paid_in="ensemble", observing="destructive")
    paid = played(env, looks=looks)
    np.testing.assert_allclose(free - paid["rewards"], 0.5 * np.array([1 + 4, 2 + 3, 0]) / 5)
    assert (paid["attempted_updates"] == (5 + np.array([1 + 4, 2 + 3, 0])) * 3 * 16 * 8).all()
    assert env.attempted_updates == paid["attempted_updates"].sum()


def test_looks_at_fixed_steps() -> None:
    result = played(batch(look_every=2, observing="destructive"))
    np.testing.assert_array_equal(result["looks"], 2)
    assert (result["attempted_updates"] == (5 + 2 + 4) * 3 * 16 * 8).all()
    np.testing.assert_allclose(np.exp(result["seen"][:, 0, AGE]) - 1, [0, 1, 0, 1, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"observing": "gentle"}, "observing is 'gentle'"),
        ({"observing": "destructive", "criterion": "best"}, "criterion is 'best'"),
        ({"observing": "destructive", "action": ("log_beta_offset", "resample")}, "'resample' looks at the replicas"),
        ({"observing": "destructive", "action": LOOK, "ensembles": "parallel"}, "'literal' is expected"),
        ({"ensembles": "literal"}, "'destructive' alone"),
        ({"look_cost": 0.1}, "nothing decides on looks"),
        ({"look_every": 2, "action": LOOK}, "one of them"),
        ({"look_every": 0}, "look_every is 0"),
        ({"look_every": "often"}, "look_every is 'often'"),
        ({"look_every": 2, "criterion": "best"}, "criterion is .best."),
        ({"look_every": 2, "observation": "spins"}, "no place for its age"),
        ({"features": ("time", "age")}, "group 'age'"),
        ({"action": LOOK, "look_cost": -1.0}, "look_cost is -1"),
        ({"action": LOOK, "look_paid_in": "ensemble"}, "'destructive' alone"),
        ({"action": LOOK, "look_paid_in": "sweeps", "look_cost": 3.0}, "below sweeps_per_step = 3"),
        ({"action": "look", "look_paid_in": "sweeps", "observing": "destructive"}, "'ensemble' is expected"),
    ],
)
def test_ways_of_looking_that_make_no_sense(options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        batch(**options)


def test_designs_are_not_destroyed() -> None:
    with pytest.raises(InputError, match="destroys nothing"):
        AnnealingVectorEnv("XYModel-v0", observing="destructive")
