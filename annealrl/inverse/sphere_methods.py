"""What is free in every method that the table of eight-layer spheres compares, and how a choice of it is spelled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Shape = tuple[int, int, int]
#: Layers of the spheres: proposals of a sweep.
LAYERS = 8


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


def shape_of(replicas: int, steps: int, calls: int, least: int = 1) -> Shape:
    """About as many steps as wanted, with `least` sweeps each or more, that use up a number of calls."""
    replicas = min(replicas, calls // (least * LAYERS + 2))
    most = calls // replicas - 1
    sweeps = max(least, (most // steps - 1) // LAYERS)
    steps = max(1, most // (sweeps * LAYERS + 1))
    return replicas, steps, max(least, (most // steps - 1) // LAYERS)


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
#: What had been tuned for one replica and 200 calls.
_BEFORE = {
    "replicas": 2,
    "first": 4.01,
    "last": 171.0,
    "sizes": "geometric",
    "step": 0.664,
    "to": 0.0278,
    "accept": 0.44,
}


def _annealing(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
    return _schedule(v), shape_of(v["replicas"], v["steps"], calls)


def _hybrid(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
    return f"hybrid:{_schedule(v)}:share={v['share']:.3g}:{v['descent']}", shape_of(v["replicas"], v["steps"], calls, 4)


def _adaptive(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
    if v["kind"] == "speed":
        text = f"adaptive:speed:speed={v['speed']:.3g}:start={v['beta']:.3g}"
    else:
        plateau = v["start"] * v["plateau"]
        text = f"adaptive:acceptance:start={v['start']:.3g}:plateau={plateau:.3g}:end={plateau * v['end']:.3g}"
    return f"{text}:accept={v['accept']:.3g}", shape_of(v["replicas"], v["steps"], calls)


def _adam(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
    return f"gradient:adam:rate={v['rate']:.3g}{v['flags']}", _alone(calls // v["starts"], v["starts"])


def _alone(calls: int, replicas: int = 1) -> Shape:
    """What is no anneal has no steps."""
    return replicas, 1, max(1, (calls - 2) // LAYERS)


def _cma(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
    return f"search:cma:size={v['size']:.0f}:sigma={v['sigma']:.3g}:growth={v['growth']}", _alone(calls)


def _evolution(v: Mapping[str, Any], calls: int) -> tuple[str, Shape]:
    weight = "" if v["weight"] == "drawn" else f":mutation={v['mutation']:.3g}"
    return f"search:de:size={v['size']}{weight}:crossover={v['crossover']:.3g}", _alone(calls)


#: By name. What has nothing free tries the calls of an episode alone.
METHODS: dict[str, Tunable] = {
    "L-BFGS-B": Tunable(lambda v, calls: ("gradient:lbfgs", _alone(calls))),
    "least squares": Tunable(lambda v, calls: ("gradient:lsq", _alone(calls))),
    "Adam": Tunable(
        _adam,
        {
            "starts": Choice((1, 2, 4, 8, 16)),
            "rate": Range(3e-3, 0.3),
            "flags": Choice(("", ":cosine", ":log", ":cosine:log")),
        },
        {"starts": 4, "rate": 0.03, "flags": ""},
    ),
    "nearest designs": Tunable(
        lambda v, calls: (f"nearest:{v['starts']}:{v['first']}:{v['each']}", (1, 1, calls // LAYERS)),
        {"starts": Choice((5, 10, 20, 30, 60)), "first": Choice((2, 3, 4, 6, 8, 12)), "each": Choice((8, 15, 30, 60))},
        {"starts": 30, "first": 4, "each": 30},
    ),
    "annealing": Tunable(_annealing, _SCHEDULE | {"steps": Choice((8, 16, 32, 64))}, _BEFORE | {"steps": 16}),
    "annealing and descent": Tunable(
        _hybrid,
        _SCHEDULE | {"steps": Choice((2, 4, 8)), "share": Range(0.2, 0.9), "descent": Choice(("lsq", "lbfgs"))},
        _BEFORE | {"replicas": 4, "steps": 8, "share": 0.5, "descent": "lsq"},
    ),
    "adaptive annealing": Tunable(
        _adaptive,
        {
            "replicas": Choice((2, 4, 8)),
            "steps": Choice((8, 16, 32, 64)),
            "kind": Choice(("acceptance", "speed")),
            "start": Range(0.2, 0.95),
            "plateau": Range(0.05, 1.0),
            "end": Range(0.01, 1.0),
            "speed": Range(0.2, 20.0),
            "beta": Range(0.05, 5.0),
            "accept": Range(0.1, 0.5),
        },
        {"replicas": 2, "steps": 16, "kind": "acceptance", "start": 0.7, "plateau": 0.114, "end": 0.0625}
        | {"speed": 2.2, "beta": 0.44, "accept": 0.44},
    ),
    "agent of three layers": Tunable(
        lambda v, calls: ("agent:nanoparticle", shape_of(v["replicas"], 12, calls)),
        {"replicas": Choice((1, 2, 4, 8))},
        {"replicas": 2},
    ),
    "CMA-ES": Tunable(
        _cma,
        {"size": Range(5, 60), "sigma": Range(0.08, 0.8), "growth": Choice((1, 2, 4))},
        {"size": 10, "sigma": 0.3, "growth": 2},
    ),
    "differential evolution": Tunable(
        _evolution,
        {"size": Choice((8, 16, 24, 32, 64)), "weight": Choice(("drawn", "fixed"))}
        | {"mutation": Range(0.3, 1.0), "crossover": Range(0.2, 1.0)},
        {"size": 16, "weight": "drawn", "mutation": 0.7, "crossover": 0.7},
    ),
    "random designs": Tunable(lambda v, calls: ("search:random", _alone(calls))),
}
