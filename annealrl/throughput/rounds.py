"""Taking turns: what is compared runs round by round, because machines are noisy and pairs less so."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

#: A run is repeated until it takes at least this long, in seconds.
LEAST = 0.05


def alternating(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of processor time of each run in each round, after one round that does not count."""
    repeats = {name: max(1, min(200, int(LEAST / max(1e-6, seconds(run))))) for name, run in runs.items()}
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.process_time()
            for _ in range(repeats[name]):
                run()
            taken[name].append((time.process_time() - began) / repeats[name])
    return taken


def seconds(run: Callable[[], object]) -> float:
    """Processor time of one run."""
    began = time.process_time()
    run()
    return time.process_time() - began
