"""The method grammar and the method behind every schedule."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from annealrl.baselines import grammar
from annealrl.baselines.families import Setting, families
from annealrl.baselines.grammar import known_methods, parse_method, register_method
from annealrl.baselines.schedule import ScheduleMethod
from annealrl.controllers import AdaptiveAcceptance, AdaptiveSpeed, CoolPublished, Kirkpatrick
from annealrl.errors import InputError
from annealrl.ising import IsingModel
from annealrl.method import Budget, Method
from annealrl.schedules import Geometric, Knots, Linear, Reciprocal

RING = IsingModel.from_edges([(i, (i + 1) % 8) for i in range(8)], np.linspace(-1, 1.3, 8))
GRAMMAR = {
    "linear:0:5": Linear(0, 5),
    "linear:0:5:sigma": Linear(0, 5, sigma_units=True),
    "geometric:.5:8": Geometric(0.5, 8),
    "reciprocal:.5:8": Reciprocal(0.5, 8),
    "knots:.44:1.6:.93": Knots((0.44, 1.6, 0.93)),
    "knots:1:2:sigma": Knots((1, 2), sigma_units=True),
    "kirkpatrick": Kirkpatrick(),
    "kirkpatrick:ratio=0.95:acceptance=0.7": Kirkpatrick(acceptance=0.7, ratio=0.95),
    "adaptive": AdaptiveAcceptance(),
    "adaptive:acceptance:plateau=0.3": AdaptiveAcceptance(plateau=0.3),
    "adaptive:speed:speed=2:start=0": AdaptiveSpeed(2.0, 0.0),
    "cool-published": CoolPublished(),
}


def streams(count: int) -> list[np.random.SeedSequence]:
    return [np.random.SeedSequence(3, spawn_key=(e,)) for e in range(count)]


@pytest.mark.parametrize("text", GRAMMAR)
def test_every_form_is_parsed_and_keeps_its_spelling(text: str) -> None:
    method = parse_method(text)
    assert isinstance(method, ScheduleMethod)
    assert isinstance(method, Method)
    assert method.control == GRAMMAR[text]
    assert method.name == text
    assert method.moves == {"flip"}


def test_fingerprints_tell_methods_apart_and_not_their_spellings() -> None:
    prints = {parse_method(text).fingerprint for text in GRAMMAR}  # type: ignore[attr-defined]
    assert len(prints) == len(GRAMMAR)
    assert parse_method("linear:0:5").fingerprint == parse_method("linear:0.0:5.").fingerprint  # type: ignore[attr-defined]
    assert ScheduleMethod(Linear(0, 5), "a").fingerprint != ScheduleMethod(Linear(0, 5), "a", ramp=True).fingerprint


def test_schedule_files_are_read_and_tuned_heuristics_too(tmp_path: Path) -> None:
    path = tmp_path / "free.json"
    Knots((1, 2, 3)).save(path, tuned="yes")
    method = parse_method(f"schedule:{path}")
    assert isinstance(method, ScheduleMethod)
    assert method.control == Knots((1, 2, 3))
    assert method.name == f"schedule:{path}"
    path.write_text('{"annealrl_schedule": 1, "kind": "method", "method": "adaptive:speed:speed=2"}')
    method = parse_method(f"schedule:{path}")
    assert isinstance(method, ScheduleMethod)
    assert method.control == AdaptiveSpeed(2.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("linera:0:5", r"unknown method 'linera'; did you mean linear"),
        ("", "unknown method ''"),
        ("linear", r"method 'linear': 0 β given; linear:B0:B1\[:sigma\] is expected"),
        ("linear:0", r"1 β given; linear:B0:B1"),
        ("linear:0:1:2", r"3 β given"),
        ("linear:0:x", r"β is 'x', no number; linear:B0:B1"),
        ("linear:0:end=5", r"unknown option 'end'; linear:B0:B1"),
        ("linear:0:-5", r"method 'linear:0:-5': .*end is -5"),
        ("linear:nan:5", r"start is nan"),
        ("geometric:0:5", r"start is 0; a finite number > 0"),
        ("knots:1", r"1 β given; knots:B0:B1"),
        ("schedule", r"no file given; schedule:FILE\.json"),
        ("schedule:missing.json", r"method 'schedule:missing\.json': missing\.json: No such file"),
        ("kirkpatrick:0.9", r"unknown argument '0\.9'; kirkpatrick\["),
        ("kirkpatrick:acceptance=2", r"acceptance is 2"),
        ("adaptive:lam", r"unknown kind 'lam'; adaptive\["),
        ("adaptive:acceptance:plateau=", r"plateau is '', no number"),
        ("cool-published:3", r"unknown argument '3'; cool-published is expected"),
    ],
)
def test_bad_texts_are_refused_in_one_line_with_the_grammar(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_method(text)
    assert "\n" not in str(caught.value)


def test_plug_ins_extend_the_grammar_and_are_imported_on_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammar, "_entries", dict(grammar._entries))
    register_method("mine", lambda rest: ScheduleMethod(Linear(0, float(rest)), f"mine:{rest}"), "mine:B", "my own")
    method = parse_method("mine:3")
    assert isinstance(method, ScheduleMethod)
    assert method.control == Linear(0, 3)
    assert ("mine:B", "my own") in known_methods()
    register_method("absent", "annealrl_absent.module:load", "absent:X", "not there")
    with pytest.raises(InputError, match="annealrl_absent is not installed"):
        parse_method("absent:3")


def test_the_engine_knows_agents_by_name_and_does_not_import_them() -> None:
    code = (
        "import sys; from annealrl.baselines.grammar import known_methods, parse_method; parse_method('linear:0:5');"
        "assert any(form == 'agent:NAME_OR_DIR' for form, _ in known_methods());"
        "sys.exit(any(name in sys.modules for name in ('annealrl.agents', 'torch', 'matplotlib', 'cma')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_outcome_is_what_the_configurations_say() -> None:
    models = [RING, IsingModel.from_edges([(0, 1), (1, 2), (0, 2)], -1.0)]
    outcome = parse_method("linear:0:3").run(models, Budget(64, 4, 5), streams(2))
    assert outcome.attempted_updates == 64 * (8 + 3) * 20
    assert outcome.betas is not None
    assert outcome.betas[:, 1].tolist() == [0, 1, 2, 3]
    assert (outcome.best_energies <= outcome.final_energies).all()
    for model, spins, energy in zip(models, outcome.best_spins, outcome.best_energies, strict=True):
        assert model.energy(spins) == pytest.approx(energy)
    assert outcome.seconds > 0


def test_best_counts_energies_on_the_way() -> None:
    # Cold, then so hot that nothing stays: the end says nothing of what was found before.
    outcome = parse_method("linear:20:0").run([RING] * 20, Budget(1, 6, 30), streams(20))
    assert (outcome.best_energies < outcome.final_energies - 1e-9).sum() >= 10


def test_a_ramp_goes_through_the_step_and_ends_at_the_same_beta() -> None:
    flat, ramp = (ScheduleMethod(Linear(0, 8), "m", ramp=ramp) for ramp in (False, True))
    budget = Budget(64, 2, 40)
    one, other = (m.run([RING] * 4, budget, streams(4)) for m in (flat, ramp))
    assert one.betas is not None
    assert other.betas is not None
    assert one.betas.tolist() == other.betas.tolist()
    assert one.final_energies.tolist() != other.final_energies.tolist() or any(
        (a != b).any() for a, b in zip(one.best_spins, other.best_spins, strict=True)
    )


@pytest.mark.parametrize("name", families())
def test_families_start_at_a_method_that_runs_at_any_scale(name: str) -> None:
    family = families()[name]
    method = family.build(np.array(family.start), Setting(10.0, False, 64))
    outcome = method.run([RING], Budget(64, 4, 5), streams(1))
    assert (outcome.betas is None) == ("exchange" in method.moves)
    assert outcome.betas is None or np.isfinite(outcome.betas).all()
    control = getattr(method, "control", None)
    if isinstance(control, Linear):
        assert control.end == pytest.approx(np.exp(family.start[1]) / 10)
        # The start may reach zero and never falls below it.
        lowest = family.build(np.array([0.0, 1.0]), Setting(1.0, True, 64))
        assert isinstance(lowest, ScheduleMethod)
        assert lowest.control == Linear(0, np.e, sigma_units=True)
