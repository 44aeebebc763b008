"""Transmission of the wire against published values, dense algebra and finite differences."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from annealrl.errors import InputError
from annealrl.kernels import jit, quantum_wire, wire_changes

Complex = npt.NDArray[np.complex128]
Floats = npt.NDArray[np.float64]
ENERGY = 1.2
#: Kwant 1.5 (smatrix with SciPy's sparse solver) of 30×30 sites with the paper's antidot, at every tenth of 101 fields.
ANTIDOT = (
    *(8.770934974, 8.716931575, 8.184588429, 6.918645560, 5.283873620, 4.995560714),
    *(4.012491738, 3.999995949, 3.0, 3.0, 3.0),
)


class Wire:
    """The arrays of one wire at some fields."""

    def __init__(self, potential: Floats, fields: Floats, changes: int = 4) -> None:
        self.potential, self.fields = potential.copy(), fields
        (columns, width), count = potential.shape, len(fields)
        self.width, self.made = width, 0
        self.phases = quantum_wire.peierls_phases(fields, width)
        self.leads = quantum_wire.leads(fields, width, ENERGY)
        self.blocks = [np.zeros((count, columns, width, width), complex) for _ in range(4)]
        self.corner = np.zeros((count, width, width), complex)
        self.sites, self.sizes = np.zeros((count, 2, columns * width), complex), np.zeros((count, 2, columns * width))
        self.vectors = np.zeros((count, changes, 2, columns * width), complex)
        self.factors = np.zeros((count, changes), complex)
        self.known = np.zeros(count)

    def transmission(self) -> Floats:
        out = np.zeros(len(self.fields))
        quantum_wire.transmission(self.potential, ENERGY, self.phases, *self.leads, 0, len(out), out)
        return out

    def solve(self) -> Floats:
        last, kept = len(self.fields), (*self.blocks, self.corner, self.sites, self.sizes, self.known)
        quantum_wire.solve(self.potential, ENERGY, self.phases, *self.leads, 0, last, *kept)
        self.made = 0
        return self.known.copy()

    def propose(self, site: int, change: float) -> Floats:
        out = np.zeros(len(self.fields))
        wire_changes.propose(site, change, self.sites, self.sizes, self.known, out)
        return out

    def accept(self, site: int, change: float) -> Floats:
        last, kept = len(self.fields), (*self.blocks, self.corner, self.sites, self.sizes, self.known)
        history = (self.vectors, self.factors)
        wire_changes.accept(site, change, self.made, self.phases, *self.leads, 0, last, *kept, *history)
        self.potential[site // self.width, site % self.width] += change
        self.made += 1
        return self.known.copy()

    def green(self, f: int) -> Complex:
        """G by one dense inversion."""
        columns, width = self.potential.shape
        size = columns * width
        matrix = np.diag(ENERGY - self.potential.ravel()).astype(complex)
        for x in range(columns):
            for y in range(width):
                at = x * width + y
                if y:
                    matrix[at, at - 1] = matrix[at - 1, at] = 1.0
                if x:
                    matrix[at, at - width] = self.phases[f, y]
                    matrix[at - width, at] = np.conj(self.phases[f, y])
        matrix[:width, :width] -= self.leads[0][f]
        matrix[size - width :, size - width :] -= self.leads[1][f]
        return np.linalg.inv(matrix)


def antidot(columns: int, width: int, strength: float, x0: float, y0: float, radius: float) -> Floats:
    x, y = np.indices((columns, width))
    return 4.0 + strength * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / radius**2)


def random_wire(fields: npt.ArrayLike = (0.0, 0.05, 0.31), columns: int = 6, width: int = 5) -> Wire:
    rng = np.random.default_rng(2)
    return Wire(4.0 + rng.normal(0.0, 1.0, (columns, width)), np.asarray(fields, float))


@pytest.mark.skipif(jit.INTERPRETED, reason="too much arithmetic for interpreted kernels")
@pytest.mark.parametrize(
    ("strength", "known"),
    [
        (0.0, (11, 11, 10, 9, 7, 5, 5, 4, 3, 3, 3)),
        (10.0, ANTIDOT),
    ],
)
def test_published_transmissions(strength: float, known: tuple[float, ...]) -> None:
    wire = Wire(antidot(30, 30, strength, 15, 10, 2), np.linspace(0, 0.12, 101)[::10])
    found = wire.transmission()
    np.testing.assert_allclose(found, known, atol=1e-8)


def test_dense_algebra_agrees_and_current_is_conserved() -> None:
    wire = random_wire()
    found, solved = wire.transmission(), wire.solve()
    np.testing.assert_allclose(found, solved, atol=1e-12)
    for f in range(3):
        whole = wire.green(f)
        gamma = [np.zeros_like(whole) for _ in range(2)]
        for lead, place in enumerate((slice(0, 5), slice(25, 30))):
            sigma = wire.leads[lead][f]
            gamma[lead][place, place] = 1j * (sigma - sigma.conj().T)
        forth = np.trace(gamma[0] @ whole @ gamma[1] @ whole.conj().T).real
        assert found[f] == pytest.approx(forth, abs=1e-10)
        # Unitarity: what comes in by the left lead goes out by either, G (Γ_L + Γ_R) G† being the spectral function.
        came = np.trace(gamma[0] @ (1j * (whole - whole.conj().T))).real
        back = np.trace(gamma[0] @ whole @ gamma[0] @ whole.conj().T).real
        assert came == pytest.approx(forth + back, abs=1e-8)
        for at, blocks in ((0, wire.blocks[2]), (1, wire.blocks[3])):
            dense = whole[:5].T if at == 0 else whole[:, 25:]
            np.testing.assert_allclose(blocks[f].reshape(30, 5), dense, atol=1e-10)
        np.testing.assert_allclose(wire.sites[f, 0], np.diag(whole), atol=1e-10)


def test_fields_of_either_sign_and_mirrored_wires() -> None:
    wire = random_wire([0.05, -0.05, 0.2, -0.2])
    found = wire.transmission()
    np.testing.assert_allclose(found[::2], found[1::2], atol=1e-8)
    mirrored = Wire(np.ascontiguousarray(wire.potential[:, ::-1]), wire.fields)
    np.testing.assert_allclose(mirrored.transmission(), found, atol=1e-8)


def test_gradient_by_finite_differences() -> None:
    wire = random_wire()
    wire.solve()
    step, gradient = 1e-5, 2 * wire.sites[:, 1].real
    for site in (0, 7, 13, 29):
        sides = []
        for sign in (1, -1):
            moved = Wire(wire.potential, wire.fields)
            moved.potential[site // 5, site % 5] += sign * step
            sides.append(moved.transmission())
        np.testing.assert_allclose(gradient[:, site], (sides[0] - sides[1]) / (2 * step), atol=1e-7)


def test_changes_of_one_site_do_not_drift() -> None:
    wire = Wire(random_wire().potential, random_wire().fields, changes=40)
    wire.solve()
    rng = np.random.default_rng(5)
    for _ in range(40):
        site, change = int(rng.integers(30)), float(rng.normal(0, 2))
        told = wire.propose(site, change)
        made = wire.accept(site, change)
        np.testing.assert_allclose(told, made, atol=1e-12)
    np.testing.assert_allclose(made, wire.transmission(), atol=1e-8)
    fresh = Wire(wire.potential, wire.fields)
    fresh.solve()
    for incremental, exact in zip(
        (*wire.blocks[2:], wire.corner, wire.sites, wire.sizes),
        (*fresh.blocks[2:], fresh.corner, fresh.sites, fresh.sizes),
        strict=True,
    ):
        np.testing.assert_allclose(incremental, exact, atol=1e-7)


def test_leads_that_do_not_converge_say_so() -> None:
    with pytest.raises(InputError, match="leads: no convergence"):
        quantum_wire.leads(np.zeros(1), 1, 3.3, broadening=0.0)


def test_leads_at_a_field_where_the_decimation_meets_a_singular_matrix() -> None:
    fields = np.array([0.178, 0.1785, 0.179])
    for sigma in quantum_wire.leads(fields, 10, ENERGY):
        assert np.isfinite(sigma).all()
        np.testing.assert_allclose(sigma[1], (sigma[0] + sigma[2]) / 2, atol=0.05)
