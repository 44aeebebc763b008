"""Attempted updates per second of the CUDA backend: 1000 glasses of 16×16 with 64 replicas, unless told otherwise.

Where there is no device, one line says so. ``--listing`` needs none: with NVIDIA's compiler libraries (NVVM, NVRTC) it
compiles all kernels for compute capability 9.0 and, with ``ptxas`` and ``nvdisasm`` on the path, counts the machine
instructions of an update, which bound the rate from above.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from annealrl.cuda_rate import cuda_rate
from annealrl.errors import InputError

#: An H100 SXM: lanes that are given an instruction in a cycle, and cycles a second (NVIDIA's data sheet).
H100_LANES, H100_CLOCK = 132 * 4 * 32, 1.755e9


class _Device(NamedTuple):
    compute_capability: tuple[int, int] = (9, 0)


def listing() -> None:
    """Compile every kernel without a device, and count what an update takes."""
    import numba.cuda.dispatcher
    from numba import cuda

    from annealrl.kernels import cuda_state, cuda_sweeps
    from annealrl.kernels.cuda_tools import KERNELS

    assert cuda_state.begin is not None
    # Parts of kernels are compiled for the current device, of which there is none.
    numba.cuda.dispatcher.get_current_device = _Device
    made = [(function.__name__, function, signature) for function, signature in KERNELS]
    for width in (*cuda_sweeps.WIDTHS, 0):
        for memory in (cuda_sweeps.ALL, cuda_sweeps.SPINS, cuda_sweeps.GLOBAL):
            cuda_sweeps.advance_kernel(width, memory)
            made.append((f"advance, width {width}, memory {memory}", *KERNELS[-1]))
    for name, function, signature in made:
        code, _ = cuda.compile_ptx(function, signature, cc=_Device().compute_capability)
        print(f"{name:28} {_instructions(code)}")


def _instructions(code: str) -> str:
    """What the assembler says of a kernel, and the length of the loop around its exponential."""
    if not shutil.which("ptxas"):
        return f"{len(code.splitlines())} lines of PTX; no ptxas to go on with"
    with tempfile.TemporaryDirectory() as folder:
        source, binary = Path(folder) / "kernel.ptx", Path(folder) / "kernel.cubin"
        source.write_text(code)
        run = subprocess.run(
            ["ptxas", "-arch=sm_90", "-v", "-o", binary, source], capture_output=True, text=True, check=True
        )
        registers = re.search(r"Used (\d+) registers", run.stderr)
        told = f"{registers[1] if registers else '?'} registers"
        if not shutil.which("nvdisasm"):
            return told
        text = subprocess.run(["nvdisasm", "-c", binary], capture_output=True, text=True, check=True).stdout
    length = _loop(text)
    if length is None:
        return told
    bound = H100_LANES * H100_CLOCK / length
    return f"{told}, {length} instructions an update: at most {bound / 1e9:.0f} x 1e9/s on an H100"


def _loop(text: str) -> int | None:
    """Instructions from the label before the exponential to the jump back to it, if nothing branches between."""
    lines = [m[0].strip() for m in re.finditer(r"^\.L_\w+:|/\*[0-9a-f]{4,5}\*/ [^;]*;", text, re.MULTILINE)]
    at = next((k for k, line in enumerate(lines) if "MUFU.EX2" in line), None)
    if at is None:
        return None
    top = max((k for k in range(at) if lines[k].startswith(".L_")), default=0)
    label = lines[top].rstrip(":")
    end = next((k for k in range(at, len(lines)) if "BRA" in lines[k] and f"({label})" in lines[k]), None)
    return None if end is None else end - top


def measured(options: dict[str, Any], path: Path | None) -> None:
    """Measure, print a line, and write JSON if asked to."""
    row = cuda_rate(**options)
    print(
        f"{row['device']}: {row['updates_per_second'] / 1e9:.1f} x 1e9 attempted updates a second in steps "
        f"({row['sweeps_only'] / 1e9:.1f} without); {row['target'] / 1e9:.0f} are aimed at"
    )
    if path:
        path.write_text(json.dumps(row, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("instances", 1000), ("length", 16), ("replicas", 64), ("sweeps", 100), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--rule", choices=("metropolis", "gibbs"), default="metropolis")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--listing", action="store_true", help="compile without a device and count instructions")
    arguments = vars(parser.parse_args())
    path, only_compile = arguments.pop("json"), arguments.pop("listing")
    work: Callable[[], None] = listing if only_compile else lambda: measured(arguments, path)
    try:
        work()
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
