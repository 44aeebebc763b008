"""Time how long every shipped set takes to load in a warm process: ``python scripts/bench_sets.py [--repeats 20]``.

Loading reads the file, builds and checks every instance, and recomputes every energy from the stored spins.
"""

from __future__ import annotations

import argparse
import statistics
import time

from annealrl.instances import load
from annealrl.instances.shipped import DATA, manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    repeats = parser.parse_args().repeats
    print(f"{'set':22}{'spins':>6}{'instances':>11}{'KB':>7}{'fastest ms':>12}{'median ms':>11}{'processor ms':>14}")
    for name, entry in manifest().items():
        load(name)
        wall, processor = [], []
        for _ in range(repeats):
            began, used = time.perf_counter(), time.process_time()
            load(name)
            wall.append(1e3 * (time.perf_counter() - began))
            processor.append(1e3 * (time.process_time() - used))
        size = (DATA / entry["file"]).stat().st_size / 1e3
        times = f"{min(wall):12.1f}{statistics.median(wall):11.1f}{statistics.median(processor):14.1f}"
        print(f"{name:22}{entry['spins']:6}{entry['instances']:11}{size:7.0f}{times}")


if __name__ == "__main__":
    main()
