"""Screened Coulomb tables against the sum written out, and ground states by proof."""

from __future__ import annotations

import math

import numpy as np
import pytest

from annealrl.errors import InputError
from annealrl.instances.generators import coulomb_table, screened_coulomb, sinusoidal_coulomb
from annealrl.solvers import solve


def written_out(dx, dy, side, k, cutoff, wave):
    total = 0.0
    reach = int(cutoff / side) + 2
    for a in range(-reach, reach + 1):
        for b in range(-reach, reach + 1):
            r = math.hypot(dx + a * side, dy + b * side)
            if 0 < r <= cutoff:
                total += math.exp(-k * r) / r * (math.sin(r) if wave else 1)
    return total


@pytest.mark.parametrize(("side", "k", "cutoff", "wave"), [(4, 1.0, 64, False), (5, 0.3, 12.5, True), (3, 0, 7, False)])
def test_the_table_is_the_sum(side, k, cutoff, wave):
    table = coulomb_table(side, k, cutoff=cutoff, sinusoidal=wave)
    for x in range(side):
        for y in range(side):
            assert table[x, y] == pytest.approx(written_out(x, y, side, k, cutoff, wave), rel=1e-12, abs=1e-14)
    for same in (table.T, np.roll(table[::-1], 1, axis=0), np.roll(table[:, ::-1], 1, axis=1)):
        np.testing.assert_array_equal(table, same)


def test_translations_and_strength():
    model = screened_coulomb(4, J=2.0)
    plain = coulomb_table(4, 1.0)
    couplings = {tuple(edge): J for edge, J in zip(model.edges.tolist(), model.couplings, strict=True)}
    assert len(couplings) == 120
    assert couplings[0, 1] == couplings[5, 6] == couplings[3, 7] == couplings[0, 12] == -2 * plain[0, 1]
    assert couplings[2, 4] == -2 * plain[1, 2]
    sine = sinusoidal_coulomb(10, 0.5)
    assert sine.couplings.min() < 0 < sine.couplings.max()  # it changes its sign with the distance


@pytest.mark.parametrize("k", [0.8, 1.2])
def test_the_ground_state_is_the_checkerboard(k):
    board = 1 - 2 * (np.indices((4, 4)).sum(axis=0) % 2).ravel()
    model = screened_coulomb(4, k)
    solution = solve(model)
    assert solution.status == "optimal"
    assert solution.energy == pytest.approx(model.energy(board), rel=1e-12)
    assert abs(int(solution.spins @ board)) == 16
    uniform = solve(screened_coulomb(4, k, J=-1.0))
    assert abs(int(uniform.spins.sum())) == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"length": 1}, "lattice side 1"),
        ({"length": 65}, "lattice side 65"),
        ({"length": 4.0}, "lattice side 4.0"),
        ({"length": 4, "screening": -1.0}, "screening k"),
        ({"length": 4, "screening": math.nan}, "screening k"),
        ({"length": 4, "cutoff": 0.5}, "cut-off"),
        ({"length": 4, "cutoff": 1e9}, "cut-off"),
        ({"length": 4, "J": math.inf}, "strength J"),
    ],
)
def test_what_is_refused(arguments, message):
    for make in (screened_coulomb, sinusoidal_coulomb):
        with pytest.raises(InputError, match=message):
            make(**arguments)
