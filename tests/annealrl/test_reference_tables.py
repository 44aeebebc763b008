"""The ferromagnet on 4×4 and 8×8 tori against exact tables, and running sums after millions of updates."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from annealrl.ising import IsingModel
from annealrl.kernels import jit, own_beta, packed
from annealrl.simulator import ReplicaSimulator, instance_seeds

pytestmark = pytest.mark.skipif(jit.INTERPRETED, reason="too many updates for the interpreted kernels")

#: T: (u, c) of 4×4 by enumeration, then of 8×8 by Kaufman's formula (Phys. Rev. 76, 1232 (1949)); per site, J = 1.
TABLE = {
    1.5: ((-1.95064, 0.20035), (-1.95112, 0.19730)),
    2.0: ((-1.75538, 0.60553), (-1.74568, 0.71412)),
    2.269185: ((-1.56562, 0.78327), (-1.49159, 1.14556)),
    2.5: ((-1.37912, 0.81252), (-1.22232, 1.10048)),
    3.0: ((-1.01707, 0.60313), (-0.84132, 0.48397)),
    4.0: ((-0.62549, 0.24011), (-0.55849, 0.17425)),
}
#: ⟨|m|⟩ and ⟨m²⟩ of 4×4 by enumeration.
MAGNETISATION = {
    1.5: (0.98617, 0.97530),
    2.0: (0.91894, 0.86892),
    2.269185: (0.84386, 0.76136),
    2.5: (0.76471, 0.65483),
    3.0: (0.60129, 0.45099),
    4.0: (0.41818, 0.24822),
}
TEMPERATURES = tuple(TABLE)


def torus(side: int) -> IsingModel:
    site = np.arange(side * side).reshape(side, side)
    return IsingModel.from_edges(
        np.concatenate([np.stack([site.ravel(), np.roll(site, -1, axis).ravel()], 1) for axis in (0, 1)])
    )


@cache
def exact(side: int, temperature: float) -> npt.NDArray[np.float64]:
    """u, c, ⟨|m|⟩, ⟨m²⟩ by transfer matrix: the distribution of M is the Fourier transform of Z in imaginary fields."""
    rows = ((np.arange(1 << side)[:, None] >> np.arange(side)) & 1) * 2 - 1
    along = (rows * np.roll(rows, 1, axis=1)).sum(axis=1)
    between = rows @ rows.T
    n, up = side * side, rows.sum(axis=1)

    def log_z(beta: float) -> float:
        T = np.exp(beta * (between + (along[:, None] + along) / 2))
        values = np.linalg.eigvalsh(T)
        return float(side * np.log(values[-1]) + np.log(((values / values[-1]) ** side).sum()))

    beta, step = 1.0 / temperature, 1e-3
    z = [log_z(beta + k * step) for k in (-2, -1, 0, 1, 2)]
    first = (z[0] - 8 * z[1] + 8 * z[3] - z[4]) / (12 * step)
    second = (-z[0] + 16 * z[1] - 30 * z[2] + 16 * z[3] - z[4]) / (12 * step**2)
    T = np.exp(beta * (between + (along[:, None] + along) / 2))
    T /= np.linalg.eigvalsh(T)[-1]
    kind = np.complex128 if side == 4 else np.complex64  # sixth digits are enough beside sampling errors
    transform = np.empty(n // 2 + 1, complex)
    for k in range(n // 2 + 1):
        # M = 2·(number of spins up) - n: a phase for each spin up resolves its n + 1 values
        power = (T * np.exp(2j * np.pi * k * (up + side) / 2 / (n + 1))[None, :]).astype(kind)
        for _ in range(int(np.log2(side)) - 1):
            power = power @ power
        transform[k] = (power * power.T).sum()
    chances = np.fft.irfft(np.conj(transform), n + 1)
    chances /= chances.sum()
    m = np.abs(2.0 * np.arange(n + 1) - n) / n
    return np.array([-first / n, beta**2 * second / n, chances @ m, chances @ m**2])


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_the_transfer_matrix_gives_the_tables(temperature: float) -> None:
    for side, (u, c) in zip((4, 8), TABLE[temperature], strict=True):
        np.testing.assert_allclose(exact(side, temperature)[:2], [u, c], atol=6e-6)
    np.testing.assert_allclose(exact(4, temperature)[2:], MAGNETISATION[temperature], atol=6e-6)


def compare(side: int, temperature: float, energies: npt.ArrayLike, magnetisation: npt.NDArray[np.float64]) -> None:
    """Four standard errors for u, c, |m| and m² from independent replicas, one sample of each."""
    n, e, m = side * side, np.ravel(energies), np.abs(magnetisation.ravel())
    count = len(e)
    centred = e - e.mean()
    scale = 1.0 / (temperature**2 * n)
    found = [e.mean() / n, scale * e.var(ddof=1), m.mean(), (m**2).mean()]
    fourth = (centred**4).mean() - (centred**2).mean() ** 2
    spread = [e.std() / n, scale * np.sqrt(fourth), m.std(), (m**2).std()]
    errors = np.array(spread) / np.sqrt(count)
    assert (np.abs(np.array(found) - exact(side, temperature)) < 4 * errors).all()
    assert errors[0] < 0.008, "an error that hides nothing"


# 2 sizes × 6 temperatures × 4 quantities × 4 kernels at four standard errors: a false alarm has 1.2 % in all, and the
# seeds are fixed. All replicas start from the ground state, because quenches leave stripes.


@pytest.mark.parametrize("side", [4, 8])
@pytest.mark.parametrize(
    ("layout", "rule", "order"),
    [("packed", "metropolis", "random"), ("multispin", "metropolis", "random"), ("packed", "gibbs", "sequential")],
)
def test_tables(layout: str, rule: str, order: str, side: int) -> None:
    model = torus(side)
    instances, replicas = 16, 512
    for k, temperature in enumerate(TEMPERATURES):
        simulator = ReplicaSimulator([model] * instances, replicas, rule=rule, order=order, layout=layout)  # type: ignore[arg-type]
        simulator.load(
            range(instances), [model] * instances, instance_seeds(k, instances), [np.ones(model.n)] * instances
        )
        simulator.advance(1.0 / temperature, 600)
        m = np.stack([simulator.spins(b).mean(axis=1) for b in range(instances)])
        compare(side, temperature, simulator.energies, m)


@pytest.mark.parametrize("side", [4, 8])
def test_tables_at_own_temperatures(side: int) -> None:
    model = torus(side)
    instances, copies = 32, 256
    betas = np.tile(1.0 / np.array(TEMPERATURES), copies)[None]
    simulator = ReplicaSimulator([model] * instances, copies * 6)
    simulator.load(range(instances), [model] * instances, instance_seeds(1, instances), [np.ones(model.n)] * instances)
    simulator.advance(betas, 600)
    m = np.stack([simulator.spins(b).mean(axis=1) for b in range(instances)])
    for k, temperature in enumerate(TEMPERATURES):
        compare(side, temperature, simulator.energies[:, k::6], m[:, k::6])


@pytest.mark.parametrize("kind", ["tables", "sums"])
def test_running_energies_do_not_drift(kind: str) -> None:
    # Integer energies that followed every accepted flip of more than a million updates are those of the configurations.
    rng = np.random.default_rng(4)
    edges = torus(16).edges if kind == "tables" else np.stack(np.triu_indices(40, 1), axis=1)
    model = IsingModel.from_edges(edges, rng.normal(size=len(edges)), rng.normal(size=int(edges.max()) + 1))
    n, replicas, sweeps = model.n, 100, 100 if kind == "tables" else 600
    simulator = ReplicaSimulator([model], replicas, seed=3)
    arrays = (simulator._neighbours[0], simulator._couplings[0], simulator._fields[0], simulator._degrees[0])
    bits, rows = np.zeros(n, np.int32), np.zeros(n, np.int64)
    table = np.zeros(max(packed.table_rows(*arrays[1:], bits, rows, n), 1), np.int32)
    assert (bits == 0).all() == (kind == "sums")
    scale = own_beta.energy_scale(*arrays[1:], n)
    own_beta.fill_deltas(arrays[1], arrays[2], bits, rows, n, scale, table)
    factors, energies, again = np.zeros(128, np.float32), np.zeros(128, np.int64), np.zeros(128, np.int64)
    own_beta.lane_betas(np.linspace(0.05, 1.0, replicas), scale, factors)
    spins, state = simulator._spins[0], simulator._lanes[0].reshape(-1)
    own_beta.own_energies(*arrays, n, scale, spins, energies)
    flips = own_beta.sweep_own(
        *arrays, bits, rows, n, scale, 0, 0, table, factors, spins, state, simulator._site_states[0], n * sweeps,
        energies, np.zeros(64, np.int32),
    )  # fmt: skip
    assert n * sweeps * replicas > 1e6
    assert flips > 1e5
    own_beta.own_energies(*arrays, n, scale, spins, again)
    np.testing.assert_array_equal(energies, again)
    np.testing.assert_allclose(energies[:replicas] / scale, model.energy(simulator.spins(0)), atol=1e-4)


@pytest.mark.parametrize("couplings", ["gaussian", "pm1"])
def test_looking_ahead_changes_nothing(couplings: str) -> None:
    # With ten words a side of 90 is beyond what is asked for ahead of time, with one it is not.
    edges = torus(90).edges
    rng = np.random.default_rng(1)
    J = rng.normal(size=len(edges)) if couplings == "gaussian" else rng.choice([-1.0, 1.0], len(edges))
    model = IsingModel.from_edges(edges, J)
    runs = []
    for replicas in (64, 1280):
        simulator = ReplicaSimulator([model], replicas, seed=2)
        simulator.advance(0.9, 3)
        runs.append(simulator.spins(0)[:64])
    np.testing.assert_array_equal(*runs)
