"""What is free in a method of inverse design, and how a choice of it is spelled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: Replicas, steps, sweeps a step.
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Range:
    """A positive number, even in its logarithm between two ends."""

    low: float
    high: float

    def at(self, place: float) -> float:
        """The number at a place in [0, 1]."""
        return float(self.low * (self.high / self.low) ** place)

    def place(self, value: float) -> float:
        """Where a number stands."""
        return float(np.log(value / self.low) / np.log(self.high / self.low))


@dataclass(frozen=True)
class Choice:
    """One of several."""

    options: Sequence[Any]

    def at(self, place: float) -> Any:
        """The option at a place in [0, 1]."""
        return self.options[min(int(place * len(self.options)), len(self.options) - 1)]

    def place(self, value: Any) -> float:
        """The middle of an option's share."""
        return (self.options.index(value) + 0.5) / len(self.options)


@dataclass(frozen=True)
class Tunable:
    """A method with all that is free in it, but for the calls of an episode.

    Attributes
    ----------
    build : callable
        Values of what is free, and the calls of an episode, to the method's text and (replicas, steps, sweeps a step).
    free : dict
        What can be chosen, by name.
    start : dict
        What it was before it was tuned.
    """

    build: Callable[[Mapping[str, Any], int], tuple[str, Shape]]
    free: Mapping[str, Range | Choice] = field(default_factory=dict)
    start: Mapping[str, Any] = field(default_factory=dict)

    def at(self, places: Sequence[float], calls: int) -> tuple[str, Shape]:
        """The text and shape at a point of the unit cube."""
        return self.build({key: kind.at(u) for (key, kind), u in zip(self.free.items(), places, strict=True)}, calls)

    @property
    def begin(self) -> list[float]:
        """Where :attr:`start` lies in the unit cube."""
        return [kind.place(self.start[key]) for key, kind in self.free.items()]


def shape_of(n: int, replicas: int, steps: int, calls: int, least: int = 1) -> Shape:
    """About as many steps as wanted, of `least` sweeps of n coordinates or more, that use up a number of calls."""
    replicas = max(1, min(replicas, calls // (least * n + 2)))
    most = calls // replicas - 1
    sweeps = max(least, (most // steps - 1) // n)
    steps = max(1, most // (sweeps * n + 1))
    return replicas, steps, max(least, (most // steps - 1) // n)


def alone(n: int, calls: int, replicas: int = 1) -> Shape:
    """What is no anneal has no steps."""
    return replicas, 1, max(1, (calls - 2) // n)


def _schedule(v: Mapping[str, Any]) -> str:
    sizes = f"step={v['step']:.3g}:to={v['to']:.3g}" if v["sizes"] == "geometric" else f"accept={v['accept']:.3g}"
    return f"geometric:{v['first']:.4g}:{v['last']:.4g}:sigma:{sizes}"


_SCHEDULE: dict[str, Range | Choice] = {
    "replicas": Choice((1, 2, 4, 8)),
    "first": Range(0.3, 30.0),
    "last": Range(30.0, 1e4),
    "sizes": Choice(("geometric", "accept")),
    "step": Range(0.1, 1.0),
    "to": Range(0.003, 0.3),
    "accept": Range(0.1, 0.5),
}

# Makers of methods for designs of n coordinates: `start` is what stood before, `free` what is to be sought elsewhere
# than it would be.


def annealing(n: int, start: Mapping[str, Any], **free: Range | Choice) -> Tunable:
    """A geometric schedule; step sizes geometric or kept at an acceptance."""

    def build(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
        return _schedule(v), shape_of(n, v["replicas"], v["steps"], calls)

    return Tunable(build, _SCHEDULE | {"steps": Choice((8, 16, 32, 64))} | free, start)


def hybrid(n: int, start: Mapping[str, Any], **free: Range | Choice) -> Tunable:
    """The same with a descent after it."""

    def build(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
        text = f"hybrid:{_schedule(v)}:share={v['share']:.3g}:{v['descent']}"
        return text, shape_of(n, v["replicas"], v["steps"], calls, 4)

    more: dict[str, Range | Choice] = {
        "steps": Choice((2, 4, 8)),
        "share": Range(0.2, 0.9),
        "descent": Choice(("lsq", "lbfgs")),
    }
    return Tunable(build, _SCHEDULE | more | free, start)


def adaptive(n: int, start: Mapping[str, Any], **free: Range | Choice) -> Tunable:
    """A schedule that follows acceptances, or goes at a constant thermodynamic speed."""

    def build(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
        if v["kind"] == "speed":
            text = f"adaptive:speed:speed={v['speed']:.3g}:start={v['beta']:.3g}"
        else:
            plateau = v["start"] * v["plateau"]
            text = f"adaptive:acceptance:start={v['start']:.3g}:plateau={plateau:.3g}:end={plateau * v['end']:.3g}"
        return f"{text}:accept={v['accept']:.3g}", shape_of(n, v["replicas"], v["steps"], calls)

    known: dict[str, Range | Choice] = {
        "replicas": Choice((2, 4, 8)),
        "steps": Choice((8, 16, 32, 64)),
        "kind": Choice(("acceptance", "speed")),
        "start": Range(0.2, 0.95),
        "plateau": Range(0.05, 1.0),
        "end": Range(0.01, 1.0),
        "speed": Range(0.2, 20.0),
        "beta": Range(0.05, 5.0),
        "accept": Range(0.1, 0.5),
    }
    usual = {"replicas": 2, "steps": 16, "kind": "acceptance", "start": 0.7, "plateau": 0.114, "end": 0.0625}
    return Tunable(build, known | free, usual | {"speed": 2.2, "beta": 0.44, "accept": 0.44} | dict(start))


def adam(n: int, start: Mapping[str, Any], **free: Range | Choice) -> Tunable:
    """Torch's Adam from several starts."""

    def build(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
        starts = min(v["starts"], calls // (n + 2))
        return f"gradient:adam:rate={v['rate']:.3g}{v['flags']}", alone(n, calls // starts, starts)

    known: dict[str, Range | Choice] = {
        "starts": Choice((1, 2, 4, 8, 16)),
        "rate": Range(3e-3, 0.3),
        "flags": Choice(("", ":cosine", ":log", ":cosine:log")),
    }
    return Tunable(build, known | free, {"starts": 4, "rate": 0.03, "flags": ""} | dict(start))


def lbfgs(n: int) -> Tunable:
    """L-BFGS-B with SciPy's tolerances or to the last digits, and with more or less memory."""

    def build(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
        memory = "" if v["memory"] == 10 else f":memory={v['memory']}"
        return f"gradient:lbfgs{memory}{v['flag']}", alone(n, calls)

    free: dict[str, Range | Choice] = {"memory": Choice((5, 10, 20, 40)), "flag": Choice(("", ":tight"))}
    return Tunable(build, free, {"memory": 10, "flag": ""})


def cma(n: int, start: Mapping[str, Any], **free: Range | Choice) -> Tunable:
    """CMA-ES with restarts."""

    def build(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
        return f"search:cma:size={v['size']:.0f}:sigma={v['sigma']:.3g}:growth={v['growth']}", alone(n, calls)

    known: dict[str, Range | Choice] = {
        "size": Range(5, 60),
        "sigma": Range(0.08, 0.8),
        "growth": Choice((1, 2, 4)),
    }
    return Tunable(build, known | free, {"sigma": 0.3, "growth": 2} | dict(start))


def evolution(n: int, start: Mapping[str, Any], **free: Range | Choice) -> Tunable:
    """Differential evolution."""

    def build(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
        weight = "" if v["weight"] == "drawn" else f":mutation={v['mutation']:.3g}"
        return f"search:de:size={v['size']}{weight}:crossover={v['crossover']:.3g}", alone(n, calls)

    known: dict[str, Range | Choice] = {
        "size": Choice((8, 16, 24, 32, 64)),
        "weight": Choice(("drawn", "fixed")),
        "mutation": Range(0.3, 1.0),
        "crossover": Range(0.2, 1.0),
    }
    return Tunable(build, known | free, {"weight": "drawn", "mutation": 0.7, "crossover": 0.7} | dict(start))


def agent(n: int, name: str, steps: int) -> Tunable:
    """An agent as it was trained, with more or fewer replicas."""

    def build(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
        return f"agent:{name}", shape_of(n, v["replicas"], steps, calls)

    return Tunable(build, {"replicas": Choice((1, 2, 4, 8))}, {"replicas": 2})


def fixed(n: int, text: str) -> Tunable:
    """What has nothing free tries the calls of an episode alone."""
    return Tunable(lambda v, calls: (text, alone(n, calls)))
