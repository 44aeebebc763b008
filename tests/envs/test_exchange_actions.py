"""Tempering, cluster moves and sweeps under control: neutral actions are the methods they start from."""

from __future__ import annotations

from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from scipy.stats import chisquare

from annealrl.baselines.grammar import parse_method
from annealrl.errors import InputError
from annealrl.ising import FloatArray, IsingModel
from annealrl.method import Budget
from annealrl.schedules import Linear
from annealrl.simulator import ReplicaSimulator, instance_seeds
from annealrl.testing import check_vector_env
from annealrl.vector_env import AnnealingVectorEnv

ID = "EdwardsAnderson2D-v0"
SHORT: dict[str, Any] = {"steps": 4, "sweeps_per_step": 5, "replicas": 16, "length": 4, "threads": 1}
LADDER = "tempering:0.3:3:4:icm:every=2"
ALL = ("log_beta_offset", "spread", "bend", "cluster", "sweeps")
#: A ring with a chord and no fields: 32 states, levels that are easily told apart.
CHORD = IsingModel.from_edges([(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (0, 2)], [1.0, -0.7, 0.4, 1.1, 0.8, -0.5])


def batch(num_envs: int = 3, **options: Any) -> AnnealingVectorEnv:
    return AnnealingVectorEnv(ID, num_envs, **{**SHORT, **options})


def ends(env: AnnealingVectorEnv, actions: FloatArray, **options: Any) -> dict[str, Any]:
    """Final information of an episode of constant actions, with the replicas' energies and the updates attempted."""
    kept: dict[str, Any] = {}

    def look(end: Any) -> FloatArray:
        assert env.simulator is not None
        kept["energies"] = env.simulator.energies.copy()
        kept["attempted"] = env.attempted_updates
        return np.zeros(env.num_envs)

    env.reward = look
    env.reset(seed=2, options=options)
    for _ in range(env.steps):
        info = env.step(np.broadcast_to(actions, env.action_space.shape or ()))[4]
    return {**info["final_info"], **kept}


@pytest.mark.parametrize("action", ["spread", ("cluster", "sweeps"), ("resample", "cluster", "log_beta_offset"), ALL])
def test_the_contract_holds(action: Any) -> None:
    features = {"action": action, "observation": "features"}
    check_vector_env(lambda num_envs: batch(num_envs, **features))
    check_env(gym.make(ID, **{**SHORT, **features}).unwrapped, skip_render_check=True)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("tempering:0.3:3:8", "spread"),
        ("tempering:0.3:3:8", ("delta_log_temperature", "bend", "sweeps")),
        (LADDER, ("delta_beta", "spread")),
        (LADDER, ALL),
        ("tempering:0.5:2:4:copies=4:icm:sigma", ALL),
    ],
)
def test_neutral_actions_are_the_reference_to_the_bit(text: str, action: Any) -> None:
    env = batch(action=action, ladder=text)
    models = [env.family.draw(np.random.default_rng(i)) for i in range(3)]
    seeds = instance_seeds(7, 3)
    method = parse_method(text)
    wanted = method.run(models, Budget(16, 4, 5, 1), seeds)
    found = ends(env, np.zeros(1), instance=models, seeds=seeds, initial_spins=[None] * 3)
    np.testing.assert_array_equal(found["energies"].min(axis=1), wanted.final_energies)
    np.testing.assert_array_equal(found["best_energy"], wanted.best_energies)
    assert found["attempted"] == wanted.attempted_updates
    assert env.action.moves == method.moves | ({"cluster"} if "cluster" in action else set())


def test_other_actions_are_something_else() -> None:
    env = batch(action=ALL, ladder=LADDER)
    neutral = ends(env, np.zeros(5))
    for column in range(5):
        changed = ends(env, 0.8 * (np.arange(5) == column) * (-1 if column == 3 else 1))
        # On a ladder that stays where it is, nothing depends on where the steps end.
        assert (changed["energies"] != neutral["energies"]).any() == (ALL[column] != "sweeps"), ALL[column]


def test_ladders_stand_where_they_are_said_to() -> None:
    env = batch(
        2, action=("log_beta_offset", "spread", "bend"), ladder="tempering:0.25:4:4", action_scale=(1.0, 0.5, 2.0)
    )
    env.reset(seed=1)
    info = env.step([[0.0, 0.0, 0.0], [-0.5, 0.6, 0.25]])[4]
    assert env.drive.rounds is not None
    plain, moved = env.drive.rounds.tempering.betas
    np.testing.assert_allclose(plain, np.geomspace(0.25, 4.0, 4))
    depths = np.array([1.0, 2 / 3, 1 / 3, 0.0]) ** np.exp(0.5)
    np.testing.assert_allclose(moved, 4.0 * np.exp(-0.5) * np.exp(-np.log(16) * np.exp(0.3) * depths))
    np.testing.assert_allclose(info["beta"], [4.0, 4.0 * np.exp(-0.5)])
    np.testing.assert_allclose(info["log_width"], np.log(16) * np.exp([0.0, 0.3]))


def test_cluster_moves_come_as_often_as_asked() -> None:
    # 20 sweeps, a round after each: cluster moves in all, in every third, in none.
    env = batch(3, action="cluster", reference=Linear(0.3, 0.3))
    env.reset(seed=3)
    simulator = env.simulator
    assert isinstance(simulator, ReplicaSimulator)
    actions = np.array([[1.0], [-0.7], [-1.0]])
    assert env.drive.rounds is not None
    for _ in range(3):
        env.step(actions)
    np.testing.assert_allclose(env.drive.rounds.share, [1.0, 0.3, 0.0])
    turned = env.drive.rounds.tempering._rounds[:, 1]
    assert turned[2] == 0 < turned[1] < 0.6 * turned[0]
    assert env.attempted_updates == simulator.attempted + turned.sum()


def test_sweeps_add_up_and_steps_differ() -> None:
    for others in ({}, {"ladder": LADDER}):
        env = batch(4, action=("spread", "sweeps") if others else "sweeps", **others)
        rng = np.random.default_rng(0)
        env.reset(seed=5)
        taken = []
        for _ in range(4):
            info = env.step(rng.uniform(-1, 1, env.action_space.shape))[4]
            taken.append(info.get("final_info", info)["sweeps"])
        taken_each = np.diff(np.array(taken), axis=0, prepend=0)
        assert (taken_each.sum(axis=0) == 20).all()
        assert (taken_each >= 0).all()
        assert len(np.unique(taken_each)) > 3
        if not others:
            assert env.attempted_updates == 4 * 20 * 16 * 16


def test_sweeps_of_an_instance_are_its_own() -> None:
    models = [IsingModel.from_edges(CHORD.edges, np.roll(CHORD.couplings, i)) for i in range(3)]
    whole = ReplicaSimulator(models, 8, seeds=instance_seeds(1, 3), threads=2)
    whole.advance(0.7, np.array([3, 0, 5]))
    for i, sweeps in enumerate([3, 0, 5]):
        alone = ReplicaSimulator(models[i : i + 1], 8, seeds=instance_seeds(1, 3)[i : i + 1])
        alone.advance(0.7, sweeps)
        np.testing.assert_array_equal(whole.energies[i], alone.energies[0])
    assert whole.attempted == 8 * 5 * 8
    with pytest.raises(InputError, match="3 of them"):
        whole.advance(0.7, np.array([3, -1, 5]))


@pytest.mark.parametrize("action", ["spread", ("spread", "bend", "cluster", "sweeps"), "cluster"])
def test_replicas_at_fixed_temperatures_keep_the_boltzmann_distribution(action: Any) -> None:
    alone = action == "cluster"
    options = {"reference": Linear(0.8, 0.8)} if alone else {"ladder": "tempering:0.4:1.2:4:icm"}
    count = 400
    env = AnnealingVectorEnv(
        "Annealing-v0", count, model=CHORD, replicas=8, steps=5, sweeps_per_step=12, action=action, **options
    )
    actions = {"spread": [0.0], "cluster": [-0.4]}.get(str(action), [0.4, -0.3, -0.5, 0.6])
    env.reset(seed=11)
    for _ in range(4):
        env.step(np.tile(actions, (count, 1)))
    simulator: Any = env.simulator
    rounds = env.drive.rounds
    assert rounds is not None
    betas = rounds.tempering.betas[0]
    assert alone or len(np.unique(betas)) == 4
    states = np.array(list(product([-1, 1], repeat=CHORD.n)), np.int8)
    energies = np.array([CHORD.energy(state) for state in states])
    codes = (simulator.all_spins() > 0) @ (1 << np.arange(CHORD.n)[::-1])
    by_rung = codes.reshape(count, -1, len(betas))
    for k, beta in enumerate(betas):
        weights = np.exp(-beta * (energies - energies.min()))
        observed = np.bincount(by_rung[:, :, k].ravel(), minlength=len(states))
        expected = weights / weights.sum() * observed.sum()
        # The rarest states together, so that every cell is expected to hold enough.
        order = np.argsort(expected)
        few = max(1, int(np.searchsorted(np.cumsum(expected[order]), 10.0)) + 1)
        cells = [np.append(column[order[few:]], column[order[:few]].sum()) for column in (observed, expected)]
        assert chisquare(*cells).pvalue > 1e-4, (k, beta)


def test_what_is_observed() -> None:
    env = batch(2, action=("spread", "sweeps"), observation="features", ladder=LADDER)
    names = list(env.observation.names)  # type: ignore[union-attr]
    assert {"sweeps_left", "log_ladder_width", "mean_exchange_rate"} <= set(names)
    first, _ = env.reset(seed=1)
    np.testing.assert_allclose(first[:, names.index("sweeps_left")], 1.0)
    np.testing.assert_allclose(first[:, names.index("log_ladder_width")], np.log(10), rtol=1e-6)
    seen, _, _, _, info = env.step([[0.0, 1.0], [0.0, -1.0]])
    np.testing.assert_allclose(seen[:, names.index("sweeps_left")], 1 - info["sweeps"] / 20, rtol=1e-6)
    np.testing.assert_allclose(seen[:, names.index("mean_exchange_rate")], info["exchange_rate"], rtol=1e-6)
    assert (info["sweeps"] == [14, 2]).all()
    plain = batch(2, observation="features")
    assert "sweeps_left" not in plain.observation.names  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"action": "spread", "ladder": "linear:0:1"}, "ladder is 'linear:0:1'; tempering:LO:HI:K"),
        ({"action": "spread", "ladder": "tempering:3:1:4"}, "ladder: .*LO < HI"),
        ({"action": "spread", "ladder": "tempering:0.3:3:5"}, "5 temperatures × 3 copies are 15 replicas"),
        ({"action": "spread", "ladder": "tempering:0.3:3:16:icm"}, "two replicas at one temperature"),
        ({"action": ("spread", "cluster"), "ladder": "tempering:0.3:3:16"}, "two replicas at one temperature"),
        ({"action": "spread", "replicas": 1}, "1 replicas are no ladder"),
        ({"action": "spread", "ladder": LADDER, "exchange_every": 2}, "exchange_every is given"),
        ({"action": ("spread", "cluster"), "exchange_every": 2}, "exchange_every is given beside a ladder"),
        ({"action": "spread", "ladder": 3}, "ladder is 3; a text"),
        ({"action": "cluster", "exchange_every": 0}, "exchange_every is 0"),
        ({"action": "cluster", "ladder": LADDER}, "ladder is given, but action 'cluster'"),
        ({"action": "cluster", "replicas": 1}, "two replicas at one temperature"),
        ({"ladder": LADDER}, "ladder is given, but action 'delta_beta'"),
        ({"action": ("spread", "resample")}, "one temperature, 'spread' spreads them"),
        ({"action": ("spread", "spread")}, "both set the ladder's width"),
        ({"action": "spread", "ramp": True}, "ramp is given"),
        ({"action": "spread", "backend": "cuda"}, "CUDA backend has no 'spread'"),
        ({"action": "sweeps", "backend": "cuda"}, "CUDA backend has no 'sweeps'"),
        ({"action": ("delta_beta", "spread")}, "beta_start is not given"),
        ({"observation": "features", "features": ("ladder",)}, "means nothing without a ladder"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        batch(**options)


def test_a_ladder_beyond_the_largest_beta_is_refused() -> None:
    with pytest.raises(InputError, match="above beta_max = 2"):
        batch(action="spread", ladder=LADDER, beta_max=2.0).reset(seed=0)


def test_designs_share_out_sweeps_but_do_not_exchange() -> None:
    options = {**SHORT, "action": ("delta_log_temperature", "sweeps"), "observation": "features"}
    check_vector_env(lambda num_envs: AnnealingVectorEnv("PlanarRotor-v0", num_envs, **options))
    with pytest.raises(InputError, match="PlanarRotor is none"):
        AnnealingVectorEnv("PlanarRotor-v0", **{**options, "action": "cluster"})
