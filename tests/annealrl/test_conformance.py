"""The conformance kit: every baseline keeps the contract, and what breaks a promise is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from annealrl.baselines.grammar import known_methods, parse_method
from annealrl.envs.rotor import PlanarRotor, XYModel
from annealrl.hamiltonian import Hamiltonian
from annealrl.ising import IsingModel
from annealrl.method import Budget, Outcome
from annealrl.schedules import Linear
from annealrl.testing import check_baseline, check_hamiltonian

#: A text of every form that `annealrl list baselines` shows; a new baseline needs one here.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "linear": ("linear:0:3", "linear:0:3:sigma"),
    "geometric": ("geometric:0.2:3",),
    "reciprocal": ("reciprocal:0.2:3",),
    "knots": ("knots:0.2:1:0.5:3",),
    "schedule": ("schedule:FILE",),
    "kirkpatrick": ("kirkpatrick",),
    "adaptive": ("adaptive", "adaptive:speed"),
    "cool-published": ("cool-published",),
    "agent": ("agent:ea2d-8", "agent:wsc"),
    "neutral": ("neutral:ea2d-8", "neutral:wsc"),
    "population": ("population:geometric:0.2:3", "population:kirkpatrick:alpha=0.5"),
    "tempering": ("tempering:0.2:3:8", "tempering:0.2:3:8:copies=4:icm:every=2"),
    "gradient": (
        "gradient:rmsprop:rate=0.1:log",
        "gradient:adabelief:cosine",
        "gradient:adam",
        "gradient:lbfgs:log",
        "gradient:lbfgs:memory=5:tight",
    ),
    "search": ("search:cma", "search:de:size=32", "search:random"),
    "hybrid": ("hybrid:geometric:0.2:3:share=0.3",),
    "dwave": ("dwave:0.2:3", "dwave:linear:random"),
    "openjij": ("openjij:0.2:3",),
    "dwave-tempering": ("dwave-tempering:0.2:3:8",),
}


def prefixes() -> list[str]:
    found = [re.match(r"[\w-]+", grammar) for grammar, _ in known_methods()]
    return [match[0] for match in found if match]


def test_every_baseline_has_an_example() -> None:
    assert set(prefixes()) == set(EXAMPLES)


@pytest.mark.parametrize("text", [text for texts in EXAMPLES.values() for text in texts])
def test_baselines_keep_the_contract(text: str, tmp_path: Path) -> None:
    if "FILE" in text:
        Linear(0.0, 3.0).save(tmp_path / "schedule.json")
        text = text.replace("FILE", str(tmp_path / "schedule.json"))
    # Those that descend or search need designs, of two sizes and continuous.
    needy = text.startswith(("gradient", "search", "hybrid"))
    designs = [XYModel(length=3), PlanarRotor(length=4)] if needy else None
    check_baseline(text, models=designs)


# -- methods that do not -----------------------------------------------------------------------------------------------


@dataclass
class Bent:
    """A sound method whose outcome something is done to."""

    change: Callable[[Outcome], Outcome]
    name: str = "bent"
    moves: frozenset[str] = frozenset({"flip"})

    def run(self, models: Sequence[IsingModel], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        return self.change(parse_method("linear:0:3").run(models, budget, seeds))


def _noisy(outcome: Outcome) -> Outcome:
    spins = tuple(np.where(np.random.random(len(s)) < 0.5, s, -s).astype(np.int8) for s in outcome.best_spins)  # noqa: NPY002
    return replace(outcome, best_spins=spins)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda o: replace(o, best_energies=o.best_energies - 1), "but best_spins has"),
        (lambda o: replace(o, final_energies=o.best_energies - 1), "lies below the best one"),
        (lambda o: replace(o, final_energies=o.final_energies[:1]), "final_energies has shape"),
        (lambda o: replace(o, best_energies=o.best_energies.astype(np.float32)), "float64 is expected"),
        (lambda o: replace(o, best_spins=o.best_spins[:1]), "1 best_spins for 4 episodes"),
        (lambda o: replace(o, best_spins=tuple(s[:-1] for s in o.best_spins)), "best_spins has shape"),
        (lambda o: replace(o, attempted_updates=2 * o.attempted_updates), "the budget allows"),
        (lambda o: replace(o, attempted_updates=0), "no attempted updates"),
        (lambda o: replace(o, seconds=0.0), "seconds is not positive"),
        (lambda o: replace(o, betas=o.betas[:-1]), "betas has shape"),
        (_noisy, "but best_spins has"),
    ],
)
def test_a_method_that_misreports_is_found(change: Callable[[Outcome], Outcome], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_baseline(Bent(change))


@dataclass
class Careless:
    """A method that takes its random numbers from elsewhere than the seeds."""

    source: str
    name: str = "careless"
    moves: frozenset[str] = frozenset({"flip"})
    calls: int = 0

    def run(self, models: Sequence[IsingModel], budget: Budget, seeds: Sequence[np.random.SeedSequence]) -> Outcome:
        self.calls += 1
        root = {"call": self.calls, "nothing": 0, "batch": len(models)}.get(self.source)
        fixed = [np.random.SeedSequence(root, spawn_key=(e,)) for e in range(len(models))]
        return parse_method("linear:0:1").run(models, budget, fixed)


@pytest.mark.parametrize(
    ("source", "message"), [("call", "run twice"), ("nothing", "in another order"), ("batch", "in another order")]
)
def test_a_method_that_ignores_its_seeds_is_found(source: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_baseline(Careless(source))


def test_names_and_moves_are_checked() -> None:
    with pytest.raises(AssertionError, match="unknown moves"):
        check_baseline(Bent(lambda o: o, moves=frozenset({"jump"})))
    with pytest.raises(AssertionError, match="name is a text"):
        check_baseline(Bent(lambda o: o, name=""))
    with pytest.raises(AssertionError, match="a method has"):
        check_baseline(object())  # type: ignore[arg-type]


# -- families that do not ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ring(Hamiltonian):
    """A ring, out of which wrong ones are made."""

    n: int = 9

    def sample(self, rng: np.random.Generator) -> IsingModel:
        return IsingModel.from_edges([(i, (i + 1) % self.n) for i in range(self.n)], rng.normal(size=self.n))


@dataclass(frozen=True)
class Global(Ring):
    """Its couplings come from the global generator."""

    def sample(self, rng: np.random.Generator) -> IsingModel:
        return IsingModel.from_edges([(0, 1), (1, 2)], np.random.normal(size=2))  # noqa: NPY002


@dataclass(frozen=True)
class TooLow(Ring):
    """Its ground energy is never reached."""

    def ground_energy(self, model: IsingModel) -> float:
        return -model.scale - 1.0


@dataclass(frozen=True)
class FarTooLow(Ring):
    """Its ground energy is never reached, on a ring that is too large to enumerate."""

    n: int = 20

    def ground_energy(self, model: IsingModel) -> float:
        return -1000.0


@dataclass(frozen=True)
class Moved(Ring):
    """Its constant comes from the global generator."""

    def sample(self, rng: np.random.Generator) -> IsingModel:
        return replace(super().sample(rng), offset=np.random.normal())  # noqa: NPY002


@dataclass(frozen=True)
class Hidden(Ring):
    """Its ground state comes from the global generator."""

    def sample(self, rng: np.random.Generator) -> IsingModel:
        spins = np.random.choice(np.array([-1, 1], np.int8), self.n)  # noqa: NPY002
        return replace(super().sample(rng), ground_spins=spins)


@dataclass(frozen=True)
class Listed(Ring):
    """It starts in a list."""

    def initial_spins(self, model: IsingModel) -> Any:
        return [1] * model.n


@dataclass(frozen=True)
class TooHigh(Ring):
    """Its ground energy is undercut."""

    def ground_energy(self, model: IsingModel) -> float:
        return 0.0


@dataclass(frozen=True)
class Planted(Ring):
    """The state that it plants is no ground state."""

    def sample(self, rng: np.random.Generator) -> IsingModel:
        return replace(super().sample(rng), ground_spins=np.ones(self.n, np.int8))


@dataclass(frozen=True)
class Claims(Ring):
    """It has a field, and claims that it has none."""

    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip",)

    def sample(self, rng: np.random.Generator) -> IsingModel:
        return replace(super().sample(rng), fields=np.ones(self.n))


@dataclass(frozen=True)
class Shifted(Ring):
    """Random couplings are not the same everywhere."""

    symmetries: ClassVar[tuple[str, ...]] = ("translation",)

    def lattice_shape(self, model: IsingModel) -> tuple[int, ...]:
        return (3, 3)


@dataclass(frozen=True)
class Misshapen(Ring):
    """Its lattice has other sites than spins."""

    def lattice_shape(self, model: IsingModel) -> tuple[int, ...]:
        return (3, 4)


@dataclass(frozen=True)
class Started(Ring):
    """It starts in something that is no configuration."""

    def initial_spins(self, model: IsingModel) -> Any:
        return np.zeros(model.n, np.int8)


@dataclass(frozen=True)
class Example(Ring):
    """Its example has a parameter that it does not know."""

    example: ClassVar[Mapping[str, Any]] = {"length": 3}


@dataclass(frozen=True)
class Undocumented(Ring):
    n: int = 9


@dataclass(eq=True)
class Thawed(Hamiltonian):  # type: ignore[misc]
    """Its parameters can be changed behind the back of an environment."""

    def sample(self, rng: np.random.Generator) -> IsingModel:
        return IsingModel.from_edges([(0, 1)])


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Global, "all randomness must come from `rng`"),
        (TooLow, "but the minimum is"),
        (FarTooLow, "ground_energy\\(\\) is -1000.0, but"),
        (Moved, "other offset for the same seed"),
        (Hidden, "other ground_spins for the same seed"),
        (Listed, "initial_spins\\(\\) is a list"),
        (TooHigh, "was found"),
        (Planted, "was found"),
        (Claims, "'spin-flip' changes energies"),
        (Shifted, "'translation' changes energies"),
        (Misshapen, "there are 9 spins"),
        (Started, "must be ±1"),
        (Example, "example does not make one"),
        (Undocumented, "no docstring"),
        (Thawed, "no frozen dataclass"),
    ],
)
def test_a_family_that_breaks_a_promise_is_found(kind: type[Hamiltonian], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_hamiltonian(kind())


def test_a_sound_family_passes() -> None:
    check_hamiltonian(Ring())
    check_hamiltonian(Ring(n=21))
