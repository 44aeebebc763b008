"""A quantum wire whose scatterers are sought from its magneto-conductance."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from annealrl import register
from annealrl.envs.quantum_wire_curves import CURVES, drawn
from annealrl.errors import InputError
from annealrl.family import check_positive
from annealrl.ising import FloatArray
from annealrl.kernels import wire_designs
from annealrl.objective import Kernel, Objective
from annealrl.quantum_wire import LEAD, Wire, shared_wire
from annealrl.space import Box, Levels, Mixed, Space

#: Largest potential of each kind of design, unless it is said.
_STRENGTHS = {"defects": 2.0, "levels": 1.0, "sites": 2.0, "antidots": 10.0}
#: The paper's antidot: strength and radius.
_ANTIDOT, _RADIUS = 10.0, 2.0
#: Accepted changes between two solutions in full.
_CHANGES = 32
#: Most numbers that a replica may keep, and that a design of antidots may take, which is solved beside all others.
_MOST_NUMBERS, _MOST_OF_ANTIDOTS = 2**28, 2**24
#: Sites × fields from which fewer designs tell the energy scale.
_LARGE = 20_000
#: What a proposed site and a gradient cost in evaluations (scripts/bench_wire.py).
_SITE_COST, _GRADIENT_COST = 1 / 3, 2.0


@register("QuantumWire-v0")
@dataclass(frozen=True)
class QuantumWire(Objective):
    r"""Inverse magneto-conductance of a wire (Hirasaki, Inui and Saitoh (2024)).

    .. math:: E = \frac{1}{F} \sum_{k=1}^F [G(B_k) - G_\mathrm{target}(B_k)]^2, \qquad
              G = \frac{e^2}{h} \mathrm{Tr}\, \Gamma_L \mathcal G \Gamma_R \mathcal G^\dagger

    A square lattice of `length` × `width` sites (hopping 1, on-site energies 4 + h) between two clean leads, in
    `fields` evenly spaced fields φ = πBa²/φ_0 from 0 to `field_max` (3.6 / width unless it is said, the paper's 0.12
    at width 30). G is in e²/h; -φ gives the same G, and so does the wire seen in a mirror. A design is

    - ``defects``: h = 0 or `strength` at every site;
    - ``levels``: h on `levels` even levels from -`strength` to `strength`;
    - ``sites``: h anywhere in [-`strength`, `strength`];
    - ``antidots``: h = Σ A exp(-|r - r_k|²/r_k²) of `antidots` Gaussians amid the wire, with A in [0, `strength`], y_k
      in the lower half and r_k in [0.5, 4]: all A, then all y, then all r. x does not matter for one.

    Targets are ``planted`` (of a hidden random design, drawn anew for each instance, so that the lowest energy is 0),
    ``antidot`` (the paper's, A = 10 and r = 2 at a third of the width) or a curve drawn by hand (``bridge``,
    ``skyline``), which no design need have. Success is a root mean square of `accuracy` at most; the paper's objective
    ln ‖G - G_target‖ has no lowest value. Moves of sites cost a few multiplications a field to propose.
    """

    example: ClassVar[Mapping[str, Any]] = {"length": 4, "width": 4, "fields": 3}
    gradient_cost: ClassVar[float] = _GRADIENT_COST

    length: int = 8
    width: int = 8
    fields: int = 11
    design: Literal["defects", "levels", "sites", "antidots"] = "defects"
    target: Literal["planted", "antidot", "bridge", "skyline"] = "planted"
    levels: int = 8
    antidots: int = 1
    strength: float | None = None
    field_max: float | None = None
    fermi_energy: float = 1.2
    accuracy: float = 0.02
    instance: int = 0

    def __post_init__(self) -> None:
        for key, least in (("length", 2), ("width", 2), ("fields", 1), ("levels", 2), ("antidots", 1), ("instance", 0)):
            if getattr(self, key) < least:
                raise InputError(f"{key} is {getattr(self, key)}; at least {least} is expected")
        for key, known in (("design", tuple(_STRENGTHS)), ("target", ("planted", "antidot", *CURVES))):
            if getattr(self, key) not in known:
                raise InputError(f"{key} is {getattr(self, key)!r}; one of {', '.join(known)} is expected")
        check_positive("accuracy", self.accuracy)
        check_positive("strength", self.height)
        check_positive("field_max", self.highest_field)
        for key in ("accuracy", "strength", "field_max", "fermi_energy"):
            if not np.isfinite(getattr(self, key) or 0.0):
                raise InputError(f"{key} is {getattr(self, key)}; a finite number is expected")
        across = LEAD - 2 * np.cos(np.pi * np.arange(1, self.width + 1) / (self.width + 1))
        if not (np.abs(self.fermi_energy - across) < 2).any():
            raise InputError(
                f"fermi_energy is {self.fermi_energy:g}: no mode of a wire of width {self.width} is open; "
                f"a number in ({across[0] - 2:.3g}, {across[-1] + 2:.3g}) is expected"
            )
        size = f"length {self.length}, width {self.width}, fields {self.fields}"
        if self.design != "antidots" and self._cache[0] > _MOST_NUMBERS:
            raise InputError(
                f"{size}: a replica would keep {self._cache[0] * 8 / 2**30:.1f} GiB; "
                "a smaller wire or fewer fields are expected"
            )
        # Gaussians and their distances, slopes at all fields, and both leads.
        taken = self.length * self.width * (2 * self.antidots + self.fields) + 4 * self.fields * self.width**2
        if self.design == "antidots" and taken > _MOST_OF_ANTIDOTS:
            raise InputError(
                f"{size}, antidots {self.antidots}: a design would take {taken * 8 / 2**30:.1f} GiB; "
                "a smaller wire, fewer fields or fewer antidots are expected"
            )

    # -- the wire --------------------------------------------------------------------------------------------------

    @property
    def height(self) -> float:
        """`strength`, or what stands for it."""
        return _STRENGTHS[self.design] if self.strength is None else self.strength

    @property
    def highest_field(self) -> float:
        """`field_max`, or what stands for it."""
        return 3.6 / self.width if self.field_max is None else self.field_max

    @property
    def wire(self) -> Wire:
        """Phases and leads."""
        return shared_wire(self.width, self.fields, float(self.highest_field), float(self.fermi_energy))

    @cached_property
    def space(self) -> Space:
        """Sites in row-major order, x first, or the antidots' parameters."""
        sites, most = self.length * self.width, self.height
        if self.design == "antidots":
            k = self.antidots
            return Mixed(Box(0.0, most, k), Box(0.0, (self.width - 1) / 2, k), Box(0.5, 4.0, k))
        if self.design == "sites":
            return Box(-most, most, sites)
        if self.design == "levels":
            return Levels(self.levels, sites, -most, most)
        return Levels(2, sites, 0.0, most)

    def potentials(self, designs: FloatArray) -> FloatArray:
        """On-site energies, shape (R, n) → (R, length, width)."""
        x = np.asarray(designs, np.float64)
        if x.ndim != 2 or x.shape[1] != self.space.n:
            raise InputError(f"quantum wire: designs of shape {x.shape}; (R, {self.space.n}) is expected")
        if self.design != "antidots":
            return LEAD + x.reshape(-1, self.length, self.width)
        gaussians, _, _ = self._gaussians(x)
        amplitude = x[:, : self.antidots, None, None]
        return np.asarray(LEAD + (amplitude * gaussians).sum(axis=1))

    def conductances(self, designs: FloatArray) -> FloatArray:
        """G(B) in e²/h, shape (R, n) → (R, fields)."""
        return self.wire.transmissions(self.potentials(designs))

    def _gaussians(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """exp(-d²/r²), y - y_k and d², each of shape (R, antidots, length, width) or (…, 1, width)."""
        k = self.antidots
        _, y0, r = x[:, :k], x[:, k : 2 * k, None, None], x[:, 2 * k :, None, None]
        along = np.arange(self.length)[:, None] - self.length / 2
        across = np.arange(self.width)[None, :] - y0
        distance = along**2 + across**2
        return np.exp(-distance / r**2), across, distance

    # -- the target ------------------------------------------------------------------------------------------------

    def sample(self, rng: np.random.Generator) -> QuantumWire:
        """Hide another design, if the target is planted."""
        return dataclasses.replace(self, instance=int(rng.integers(2**62))) if self.target == "planted" else self

    @cached_property
    def hidden(self) -> FloatArray | None:
        """The design that has the target, shape (n,); None of a drawn curve, or where no design of the space has it."""
        if self.target == "planted":
            return np.asarray(self.space.random(np.random.default_rng(self.instance), 1)[0])
        if self.target != "antidot":
            return None
        one = (_ANTIDOT, self.width / 3, _RADIUS)
        wanted = dataclasses.replace(self, design="antidots", antidots=1)
        if self.design == "antidots":
            # Further antidots have no strength.
            k = self.antidots
            found = np.concatenate([self.space.low[:k], np.full(k, one[1]), np.full(k, one[2])])
            found[0] = one[0]
        else:
            found = (wanted.potentials(np.array([one])) - LEAD).ravel()
        return found if bool(self.space.contains(found)) else None

    @cached_property
    def target_conductance(self) -> FloatArray:
        """G_target, shape (fields,)."""
        if self.target == "planted":
            assert self.hidden is not None
            return np.asarray(self.conductances(self.hidden[None])[0])
        if self.target == "antidot":
            wanted = dataclasses.replace(self, design="antidots", antidots=1)
            return np.asarray(
                self.conductances_of(wanted.potentials(np.array([[_ANTIDOT, self.width / 3, _RADIUS]])))[0]
            )
        clean = self.conductances_of(np.full((1, self.length, self.width), LEAD))[0, 0]
        return np.asarray(drawn(self.target, self.fields) * clean)

    def conductances_of(self, potentials: FloatArray) -> FloatArray:
        """G(B) of any on-site energies, shape (R, length, width) → (R, fields)."""
        return self.wire.transmissions(potentials)

    @property
    def known_optimum(self) -> float | None:
        """0 where a design of the space has the target."""
        return None if self.hidden is None else 0.0

    optimum_status: ClassVar[str] = "planted"

    @property
    def scale_designs(self) -> int:
        """Fewer for wires whose solutions take tens of milliseconds."""
        return super().scale_designs if self.length * self.width * self.fields < _LARGE else 24

    @property
    def tolerance(self) -> float:
        """The accuracy squared."""
        return float(self.accuracy**2)

    def lattice_shape(self, model: QuantumWire) -> tuple[int, ...] | None:
        """That of the wire, where coordinates are sites."""
        return None if model.design == "antidots" else (model.length, model.width)

    # -- the energy ------------------------------------------------------------------------------------------------

    def energy(self, design: FloatArray) -> FloatArray:
        """Mean squared difference from the target, shape (R, n) → (R,)."""
        off = self.conductances(design) - self.target_conductance
        return np.asarray((off**2).mean(axis=-1))

    def gradient(self, design: FloatArray) -> FloatArray:
        """∂E by all coordinates as if all were continuous, shape (R, n) → (R, n)."""
        return self.value_and_gradient(design)[1]

    def value_and_gradient(self, designs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Both by one solution of the wire."""
        x = np.asarray(designs, np.float64)
        found, slopes = self.wire.sensitivities(self.potentials(x))
        off = found - self.target_conductance
        by_site = 2.0 / self.fields * np.einsum("rf,rfxy->rxy", off, slopes)
        return np.asarray((off**2).mean(axis=-1)), self.pulled_back(x, by_site)

    def residuals(self, design: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Differences from the target, shape (fields,), and their Jacobian, shape (fields, n), for least squares."""
        x = np.asarray(design, np.float64)[None]
        found, slopes = self.wire.sensitivities(self.potentials(x))
        return found[0] - self.target_conductance, self.pulled_back(np.repeat(x, self.fields, axis=0), slopes[0])

    def pulled_back(self, designs: FloatArray, by_site: FloatArray) -> FloatArray:
        """Derivatives by coordinates from those by on-site energies, shape (R, length, width) → (R, n)."""
        if self.design != "antidots":
            return np.asarray(by_site.reshape(len(designs), -1))
        k = self.antidots
        gaussians, across, distance = self._gaussians(designs)
        weights = gaussians * by_site[:, None]
        amplitude, r = designs[:, :k], designs[:, 2 * k :]
        by_height = weights.sum(axis=(2, 3))
        by_y = 2 * amplitude / r**2 * (weights * across).sum(axis=(2, 3))
        by_r = 2 * amplitude / r**3 * (weights * distance).sum(axis=(2, 3))
        return np.concatenate([by_height, by_y, by_r], axis=1)

    @property
    def _cache(self) -> tuple[int, int]:
        return wire_designs.cache_sizes(self.length, self.width, self.fields, _CHANGES)

    @cached_property
    def kernel(self) -> Kernel | None:
        """Compiled moves of sites; a change of an antidot changes all of them and is solved in full."""
        if self.design == "antidots":
            return None
        wire, (cache, history) = self.wire, self._cache
        return Kernel(
            wire_designs.wire_init,
            wire_designs.wire_delta,
            wire_designs.wire_apply,
            cache=cache,
            history=history,
            floats=wire_designs.pack(
                wire.energy, LEAD, 1.0, self.target_conductance, wire.phases, wire.left, wire.right
            ),
            ints=np.array([self.length, self.width, self.fields, _CHANGES], np.int64),
            cost=_SITE_COST,
        )
