"""The method grammar: the one place where a text such as ``linear:0:5`` becomes a method.

A text opens with a prefix that names a factory and goes on with what the factory takes, parted by colons. Factories are
strings ``"module:function"`` and are imported when first used, so that a prefix may belong to a room that the engine
does not import (``agent:``) or to a plug-in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from annealrl import schedules
from annealrl.baselines.schedule import ScheduleMethod
from annealrl.baselines.simulated import SimulatedMethod
from annealrl.controllers import AdaptiveAcceptance, AdaptiveSpeed, Controller, CoolPublished, Kirkpatrick
from annealrl.errors import InputError
from annealrl.method import Method
from annealrl.registry import load_object, unknown
from annealrl.results import read_json
from annealrl.schedules import Schedule
from annealrl.step_sizes import StepSize, from_options

Factory = Callable[[str], Method]


@dataclass(frozen=True)
class _Entry:
    target: str | Factory
    grammar: str
    help: str


_entries: dict[str, _Entry] = {}


def register_method(prefix: str, target: str | Factory, grammar: str, help: str) -> None:
    """Let the grammar know a prefix.

    Parameters
    ----------
    prefix : str
        What a text opens with, up to the first colon.
    target : str or callable
        ``"module:function"``, imported on first use, or the function itself. It is called with the text behind the
        prefix and its colon (possibly empty) and returns a Method; on a bad text it raises InputError or ValueError.
    grammar, help : str
        The whole form, and a line on what it does, for errors and listings.
    """
    _entries[prefix] = _Entry(target, grammar, help)


def known_methods() -> list[tuple[str, str]]:
    """All forms that :func:`parse_method` takes, each with a line of description."""
    return [(entry.grammar, entry.help) for entry in _entries.values()]


def parse_method(text: str) -> Method:
    """Make the method that a text spells.

    Raises
    ------
    InputError
        If the prefix is unknown or the rest malformed; the message gives the grammar.

    Examples
    --------
    >>> parse_method("linear:0:5").control.betas(3).tolist()
    [0.0, 2.5, 5.0]
    """
    prefix, _, rest = text.partition(":")
    if prefix not in _entries:
        raise unknown("method", prefix, _entries)
    entry = _entries[prefix]
    try:
        factory = load_object(entry.target) if isinstance(entry.target, str) else entry.target
    except ModuleNotFoundError as error:
        raise InputError(f"method {text!r}: the module {error.name} is not installed") from None
    try:
        method: Method = factory(rest)
    except _MalformedError as error:
        raise InputError(f"method {text!r}: {error}; {entry.grammar} is expected") from None
    except InputError as error:
        raise InputError(f"method {text!r}: {error}") from None
    return method


class _MalformedError(InputError):
    """The form itself is wrong, so that the message should end with the grammar."""


def split(rest: str, options: Mapping[str, float | None] = {}) -> tuple[list[str], dict[str, float | None]]:
    """Part the text behind a prefix into words and ``key=number`` options (those of `options`, with these defaults).

    Raises
    ------
    InputError
        If an option is unknown, no number or given twice.
    """
    words: list[str] = []
    values = dict(options)
    given: set[str] = set()
    for part in rest.split(":") if rest else []:
        key, equals, value = part.partition("=")
        if not equals:
            words.append(part)
        elif key not in options:
            raise _MalformedError(f"unknown option {key!r}")
        elif key in given:
            raise _MalformedError(f"{key} is given twice")
        else:
            given.add(key)
            values[key] = _number(value, key)
    return words, values


def count(value: float | None, what: str, least: int, most: int) -> int | None:
    """An option's number as a whole one; None stays.

    Raises
    ------
    InputError
        If it is none, or lies outside of `least` to `most`.
    """
    if value is None:
        return None
    if not (least <= value <= most and value == int(value)):
        raise InputError(f"{what} is {value:g}; a whole number from {least} to {most:,} is expected")
    return int(value)


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _MalformedError(f"{what} is {text!r}, no number") from None


#: How the size of moves goes in anneals of designs; any schedule or heuristic takes these options.
_STEPS: Mapping[str, float | None] = {"step": None, "to": None, "accept": None}


def _step_size(options: Mapping[str, float | None]) -> StepSize | None:
    return from_options(options["step"], options["to"], options["accept"])


def _spelled(prefix: str, rest: str) -> str:
    return f"{prefix}:{rest}" if rest else prefix


def _static(kind: str, rest: str) -> ScheduleMethod:
    words, options = split(rest, _STEPS)
    sigma = bool(words) and words[-1] == "sigma"
    betas = [_number(word, "β") for word in (words[:-1] if sigma else words)]
    schedule: Schedule
    if kind == "knots":
        if len(betas) < 2:
            raise _MalformedError(f"{len(betas)} β given")
        schedule = schedules.Knots(tuple(betas), sigma_units=sigma)
    else:
        if len(betas) != 2:
            raise _MalformedError(f"{len(betas)} β given")
        schedule = schedules.KINDS[kind](*betas, sigma_units=sigma)
    return ScheduleMethod(schedule, _spelled(kind, rest), step_size=_step_size(options))


def _from_file(rest: str) -> SimulatedMethod:
    if not rest:
        raise _MalformedError("no file given")
    content = read_json(rest)
    # A tuned heuristic or ladder has no table of β: its file holds the text that spells it.
    if isinstance(content, dict) and content.get("kind") == "method":
        method = parse_method(str(content.get("method")))
        if not isinstance(method, SimulatedMethod):
            raise InputError(f"{rest}: method {method.name!r} cannot be told by a file")
        method.name = _spelled("schedule", rest)
        return method
    return ScheduleMethod(schedules.load(rest), _spelled("schedule", rest))


def _kirkpatrick(rest: str) -> ScheduleMethod:
    words, options = split(rest, {"ratio": None, "acceptance": 0.8, **_STEPS})
    _no_words(words)
    control = Kirkpatrick(ratio=options["ratio"], acceptance=float(options["acceptance"] or 0))
    return ScheduleMethod(control, _spelled("kirkpatrick", rest), step_size=_step_size(options))


def _adaptive(rest: str) -> ScheduleMethod:
    kind, _, more = rest.partition(":")
    control: Controller
    if kind in ("", "acceptance"):
        words, options = split(more, {"start": 0.7, "plateau": 0.08, "end": 0.005, **_STEPS})
        control = AdaptiveAcceptance(**{k: float(options[k] or 0) for k in ("start", "plateau", "end")})
    elif kind == "speed":
        words, options = split(more, {"speed": 2.2, "start": 0.44, **_STEPS})
        control = AdaptiveSpeed(**{k: float(options[k] or 0) for k in ("speed", "start")})
    else:
        raise _MalformedError(f"unknown kind {kind!r}")
    _no_words(words)
    return ScheduleMethod(control, _spelled("adaptive", rest), step_size=_step_size(options))


def _cool_published(rest: str) -> ScheduleMethod:
    if rest:
        raise _MalformedError(f"unknown argument {rest!r}")
    return ScheduleMethod(CoolPublished(), "cool-published")


def _no_words(words: Sequence[str]) -> None:
    if words:
        raise _MalformedError(f"unknown argument {words[0]!r}")


for _kind, _form, _help in (
    (
        "linear",
        "linear:B0:B1[:sigma]",
        "β linear from B0 to B1; with :sigma in units of 1/σ, σ² = ΣJ²/N; designs: :step=A[:to=B] or :accept=A",
    ),
    ("geometric", "geometric:B0:B1[:sigma]", "β geometric from B0 to B1"),
    ("reciprocal", "reciprocal:B0:B1[:sigma]", "temperature linear from 1/B0 to 1/B1"),
    ("knots", "knots:B0:B1:…[:sigma]", "free form: log β piecewise linear between evenly spaced knots"),
):
    register_method(_kind, partial(_static, _kind), _form, _help)
register_method("schedule", _from_file, "schedule:FILE.json", "a schedule file, as `tune` writes it")
register_method(
    "kirkpatrick",
    _kirkpatrick,
    "kirkpatrick[:ratio=R][:acceptance=A]",
    "geometric cooling from the temperature with acceptance A (0.8), T × R a step (0.9 at 40 steps)",
)
register_method(
    "adaptive",
    _adaptive,
    "adaptive[:acceptance[:start=A][:plateau=A][:end=A]] or adaptive:speed[:speed=V][:start=B]",
    "follow a curve of acceptance ratios, or cool at constant thermodynamic speed Δβ ∝ V/σ_E",
)
register_method(
    "cool-published", _cool_published, "cool-published", "the published quench: β from U(2, 4), +0.01 a step"
)
register_method(
    "agent", "annealrl.agents.method:load_agent_method", "agent:NAME_OR_DIR", "a trained agent, by name or directory"
)
register_method(
    "neutral",
    "annealrl.agents.method:load_neutral_method",
    "neutral:NAME_OR_DIR",
    "what a trained agent started from: the same environment with its neutral action at every step",
)
register_method(
    "population",
    "annealrl.baselines.population:from_text",
    "population:SCHEDULE[:alpha=A|:select=S1,S2,…]",
    "population annealing by a schedule: resample in proportion to exp(-A Δβ E) before every step (A = 1), or to "
    "exp(-S E) with log S piecewise linear between S1, S2, …, evenly spaced",
)
register_method(
    "tempering",
    "annealrl.baselines.tempering:from_text",
    "tempering:LO:HI:K[:copies=C][:icm][:every=S][:low_from=LO0][:high_from=HI0][:sigma]",
    "replica exchange on K geometric β in C copies, every S (1) sweeps; with icm also isoenergetic cluster moves; from "
    "LO0 or HI0 the ends of the ladder go to LO and HI in the course of the steps",
)
register_method(
    "gradient",
    "annealrl.baselines.gradient:from_text",
    "gradient:rmsprop|adabelief|adam|lbfgs|lsq[:rate=A][:iterations=K][:log][:cosine][:memory=M][:tight]",
    "descend from as many random starts as replicas, designs alone; A (0.01) in ranges, as dear as the budget's moves, "
    "lbfgs by its last M (10) steps and, with tight, to the last digits before it starts anew",
)
register_method(
    "hybrid",
    "annealrl.baselines.hybrid:from_text",
    "hybrid:SCHEDULE[:share=S][:lbfgs|:lsq]",
    "anneal designs by a schedule, then descend from the replicas, lowest first; S (0.5) of the budget for the descent",
)
register_method(
    "search",
    "annealrl.baselines.search:from_text",
    "search:cma[:sigma=S][:growth=G]|de[:mutation=F][:crossover=C]|random, each [:size=P]",
    "one search without gradients for the whole budget, designs alone: CMA-ES (first deviation S = 0.3, G = 2 times "
    "the population at a restart), differential evolution, random designs",
)
register_method(
    "dwave",
    "annealrl.baselines.peers:from_dwave_text",
    "dwave[:LO:HI|:FILE.json][:linear|:geometric][:random]",
    "dwave-samplers' simulated annealing, β geometric unless said, sites in order unless :random (extra interop)",
)
register_method(
    "openjij",
    "annealrl.baselines.peers:from_openjij_text",
    "openjij[:LO:HI|:FILE.json][:linear|:geometric]",
    "OpenJij's simulated annealing, β geometric unless said (extra interop)",
)
register_method(
    "dwave-tempering",
    "annealrl.baselines.dwave_tempering:from_text",
    "dwave-tempering:LO:HI:K[:copies=C][:every=S][:random]",
    "replica exchange on K geometric β, swept by dwave-samplers, every S sweeps (those of a step; extra interop)",
)
