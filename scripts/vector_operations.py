"""Count the machine instructions of one proposal to 64 replicas, in the compiled loop of the packed kernel.

Compiles into an empty cache (some ten seconds), because numba does not show code that it has read from its cache. A
block of the loop belongs to the class of sites whose table it looks up: one permutation of 16 lanes at up to four
neighbours, two sources for more.
"""

from __future__ import annotations

import collections
import os
import re
import subprocess
import sys
import tempfile

#: What one unit of 512 bits does, in operations; moves to and from memory have ports of their own.
OPERATIONS = {"vpmulld": 2}


def count() -> None:
    """Print the counts."""
    from annealrl.kernels import packed

    code = next(iter(packed._sweep.inspect_asm().values()))  # type: ignore[attr-defined]
    for block in re.split(r"^\.?\w+:", code, flags=re.MULTILINE):
        lines = [line.strip() for line in block.splitlines() if line.startswith("\t") and line.strip()[0] != "."]
        kinds = collections.Counter(line.split()[0] for line in lines if "zmm" in line or line.startswith("kmov"))
        if not any(kind.startswith("vperm") for kind in kinds):
            continue
        used = {kind: number for kind, number in kinds.items() if not kind.startswith(("vmovdqu64", "vmovdqa"))}
        total = sum(OPERATIONS.get(kind, 1) * number for kind, number in used.items())
        print(f"{len(lines)} instructions, {total} vector operations: ", end="")
        print(", ".join(f"{number} {kind}" for kind, number in sorted(used.items())))


if __name__ == "__main__":
    if "NUMBA_CACHE_DIR" in os.environ:
        count()
    else:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [sys.executable, __file__], env={**os.environ, "NUMBA_CACHE_DIR": folder}, check=True, timeout=300
            )
