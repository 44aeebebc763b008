"""Processor time of a quantum wire's solution, gradient, proposed and accepted changes, and the drift of the latter.

One thread, square wires in fields from 0 to 3.5 / width with random defects. "Solve" is G alone, "cached solve" is what
fast moves begin with, "drift" the largest error of G over all fields after 32 accepted changes, which is when the wire
is solved anew. Prints a table, and writes it to --json when all rows are there; `python scripts/quantum_wire.py speed`
puts it on the page too.

    python scripts/bench_wire.py [--sides 8:11,10,20,30,40] [--fields 101] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from annealrl.envs.quantum_wire import QuantumWire
from annealrl.kernels import wire_designs
from annealrl.quantum_wire import Wire
from annealrl.results import write_text

PROPOSALS = 2000
SIDES, FIELDS = "8:11,10,20,30,40", 101


def seconds(work: Callable[[], object], least: float = 0.2) -> float:
    """Processor time of one call, the smallest of three runs that each last long enough."""
    work()
    count, best = 1, np.inf
    for _ in range(3):
        while True:
            began = time.process_time()
            for _ in range(count):
                work()
            spent = time.process_time() - began
            if spent >= least / 3:
                break
            count *= 2
        best = min(best, spent / count)
    return float(best)


def measure(side: int, fields: int) -> dict[str, Any]:
    """One row of the table."""
    began = time.process_time()
    lead = Wire(side, np.linspace(0, 3.5 / side, fields))
    leads = time.process_time() - began
    model = QuantumWire(length=side, width=side, fields=fields, field_max=3.5 / side).sample(np.random.default_rng(0))
    kernel = model.kernel
    assert kernel is not None
    rng = np.random.default_rng(1)
    x = model.space.random(rng, 1)[0]
    h = model.potentials(x[None])
    cache = np.zeros(kernel.cache)
    given = (kernel.floats, kernel.ints)
    solved = seconds(lambda: lead.transmissions(h, 1))
    sensitive = seconds(lambda: lead.sensitivities(h, 1))
    cached = seconds(lambda: wire_designs.wire_init(*given, x, cache))
    sites = rng.integers(0, model.n, PROPOSALS)

    def propose() -> None:
        for i in sites:
            wire_designs.wire_delta(*given, x, cache, i, model.height - x[i])

    proposed = seconds(propose) / PROPOSALS
    changes = int(kernel.ints[3])
    spent = 0.0
    for i in rng.integers(0, model.n, changes):
        value = model.height - x[i]
        began = time.process_time()
        wire_designs.wire_apply(*given, x, cache, i, value)
        spent += time.process_time() - began
        x[i] = value
    drift = float(np.abs(cache[:fields] - model.conductances(x[None])[0]).max())
    return {
        "side": side,
        "fields": fields,
        "leads": leads,
        "solve": solved,
        "gradient": sensitive,
        "cached solve": cached,
        "proposal": proposed,
        "acceptance": spent / changes,
        "solve / proposal": solved / proposed,
        "solve / acceptance": solved * changes / spent,
        "drift": drift,
        "MiB a replica": kernel.cache * 8 / 2**20,
    }


def bench(sides: str, fields: int, path: Path | None) -> None:
    """Print the table, row by row, and write the rows."""
    rows = []
    for word in sides.split(","):
        side, _, own = word.partition(":")
        rows.append(measure(int(side), int(own or fields)))
        if len(rows) == 1:
            print("| " + " | ".join(rows[0]) + " |\n" + "|---" * len(rows[0]) + "|")
        print("| " + " | ".join(f"{value:.3g}" for value in rows[-1].values()) + " |", flush=True)
    if path is not None:
        write_text(path, json.dumps(rows, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", default=SIDES, help="sides, or side:fields")
    parser.add_argument("--fields", type=int, default=FIELDS)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    bench(arguments.sides, arguments.fields, arguments.json)


if __name__ == "__main__":
    main()
