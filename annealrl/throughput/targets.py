"""What is aimed at, beside what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from annealrl.cuda_rate import TARGET

Report = Mapping[str, Any]


class _Target(NamedTuple):
    what: str
    at_least: bool
    bound: float | None  # None: the figure is reported and nothing is aimed at
    value: Callable[[Report], float | None]


def _best(
    report: Report, model: str, key: Callable[[Mapping[str, Any]], float | None], among: str = ""
) -> float | None:
    rows = [row for row in report["models"] if row["model"] == model and row["peer"] is None]
    values = [key(row) for row in rows if among in row["contender"]]
    return max((value for value in values if value is not None), default=None)


def _rate(model: str, among: str = "") -> Callable[[Report], float | None]:
    return lambda report: _best(report, model, lambda row: row["updates_per_second"], among)


def _ratio(model: str, peer: str, among: str = "") -> Callable[[Report], float | None]:
    def value(report: Report) -> float | None:
        return _best(report, model, lambda row: row["ratios"].get(peer, {}).get("median"), among)

    return value


def _spread(order: str, largest: int) -> Callable[[Report], float | None]:
    """Return the largest cost of an update, over that at the best size, among sizes up to a largest one."""

    def value(report: Report) -> float | None:
        rows = [row for row in report.get("scaling", ()) if row["order"] == order and row["n"] <= largest]
        return max((row["to_the_least"] for row in rows), default=None)

    return value


def _part(part: str, key: str) -> Callable[[Report], float | None]:
    return lambda report: report[part][key] if part in report else None


def _waited(key: str) -> Callable[[Report], float | None]:
    """Seconds by the clock until something has started."""
    return lambda report: report["start"]["wall"][key] if "start" in report else None


def _move(name: str, key: str) -> Callable[[Report], float | None]:
    return lambda report: next((row[key] for row in report.get("moves", ()) if row["name"] == name), None)


_SPARSE = "2D Gaussian 16×16"
#: The kernel that ±J models get unasked; at 64 replicas another one is faster, which is not what one gets.
_CHOSEN = "multispin, Metropolis, random"
TARGETS = (
    _Target("updates a second, degree 4, random order", True, 3e9, _rate(_SPARSE, "random")),
    _Target("ratio to dwave-samplers' faster order, degree 4", True, 20.0, _ratio(_SPARSE, "dwave", "random")),
    _Target("ratio to OpenJij, degree 4", True, 25.0, _ratio(_SPARSE, "openjij", "random")),
    _Target("ratio to dwave-samplers' faster order, SK 1000", True, 5.0, _ratio("SK 1000", "dwave", "random")),
    _Target("updates a second, ±J, 512 replicas", True, 8e9, _rate("±J 16×16, 512 replicas", _CHOSEN)),
    _Target("updates a second, ±J, 64 replicas", True, None, _rate("±J 16×16", _CHOSEN)),
    _Target("gain by two threads", True, 1.8, _part("threads", "speedup")),
    _Target("cost growth up to 10⁴ spins, ordered", False, 1.5, _spread("sequential", 10**4)),
    _Target("cost growth up to 10⁵ spins, ordered", False, 3.0, _spread("sequential", 10**5)),
    _Target("resampling, share of a step of 100 sweeps", False, 0.05, _move("resampling once", "share_of_step")),
    _Target("first run, kernels from the cache, seconds", False, 3.0, _waited("first_run_warm")),
    _Target("first run, kernels compiled, seconds", False, 25.0, _waited("first_run_cold")),
    _Target("updates a second, CUDA device", True, TARGET, _part("cuda", "updates_per_second")),
    _Target("annealrl --help, seconds", False, 0.3, _waited("help")),
)


def judge(report: Report) -> list[dict[str, Any]]:
    """Return every target whose value was measured, and whether it is met (None where nothing is aimed at).

    Quick runs have none: their models are too small and their times too short for a verdict.
    """
    if report["quick"]:
        return []
    out: list[dict[str, Any]] = []
    for target in TARGETS:
        value = target.value(report)
        if value is None:
            continue
        row = {"what": target.what, "sense": "reported", "bound": target.bound, "value": value, "met": None}
        if target.bound is not None:
            met = value >= target.bound if target.at_least else value <= target.bound
            row |= {"sense": "at least" if target.at_least else "at most", "met": bool(met)}
        out.append(row)
    return out
