"""Make the shipped sets ``cool-4 … cool-16`` from their seeds, with certified optima, and a manifest.

Run from the checkout: ``python scripts/make_sets.py``. With ``--reference DIR`` the energies are compared with the
published files ``RND_J_<L>x<L>.npz`` in that folder, and nothing is written when they differ by more than 2e-6 per spin
or an instance is not proven. Couplings depend on the platform's logarithm in their last bit, so a run on another
machine may give other hashes; ``--check`` then says whether the shipped sets agree with this machine's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.instances import certified, cool_instance, import_npz, read_set, write_set
from annealrl.instances.archive import replacing
from annealrl.instances.catalogue import DATA
from annealrl.instances.certify import solver_version
from annealrl.instances.generators import COOL_COUNT, COOL_SIDES

#: The published energies are rounded; they were up to 1.5e-6 per spin off the exact ones.
ENERGY_TOLERANCE = 2e-6
#: Last-bit differences between platforms.
COUPLING_TOLERANCE = 1e-14


def make(side: int) -> InstanceSet:
    """Return the certified set of one side."""
    instances = InstanceSet.from_models(f"cool-{side}", [cool_instance(side, i) for i in range(COOL_COUNT)])
    instances = certified(instances, cache=False)
    unproven = [i for i, status in enumerate(instances.statuses) if status != "optimal"]
    if unproven:
        raise SystemExit(f"cool-{side}: instances {unproven} are not proven")
    return instances


def coupling_difference(a: InstanceSet, b: InstanceSet) -> float:
    """Return the largest difference of couplings, infinite when the graphs differ."""
    if len(a) != len(b) or any(not np.array_equal(x.edges, y.edges) for x, y in zip(a, b, strict=True)):
        return np.inf
    return max(float(np.abs(x.couplings - y.couplings).max()) for x, y in zip(a, b, strict=True))


def compare(instances: InstanceSet, reference: Path, side: int) -> None:
    """Report the largest differences from the published file; stop when they are too large."""
    path = reference / f"RND_J_{side}x{side}.npz"
    published = import_npz(path, sign="dimod", energy_key="gs_energy_per_spin", per_spin=True)
    couplings = coupling_difference(instances, published)
    energies = float(np.abs(instances.ground_energies - published.ground_energies).max()) / side**2
    print(f"{instances.name}: couplings differ by at most {couplings:.1e}, energies by {energies:.2e} per spin")
    if couplings > COUPLING_TOLERANCE or energies > ENERGY_TOLERANCE:
        raise SystemExit(f"{instances.name} disagrees with {path}")


def entry(path: Path, instances: InstanceSet, side: int) -> dict[str, object]:
    """Return what the manifest says of one set."""
    return {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "hash": instances.hash,
        "instances": len(instances),
        "spins": side**2,
        "generator": "annealrl.instances.generators.cool_instance",
        "seeds": f"numpy.random.RandomState(i), i = 0 ... {len(instances) - 1}",
        "certificate": "optimal: energy - bound <= 1e-9 * sum |J| for every instance",
        "largest_gap": max(0.0, float((instances.ground_energies - instances.bounds).max())),
        "mean_energy_per_spin": round(float(instances.ground_energies.mean()) / side**2, 6),
        "solver": solver_version(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, metavar="DIR", help="folder of the published RND_J_<L>x<L>.npz")
    parser.add_argument("--out", type=Path, default=DATA, metavar="DIR", help="where to write (default: the package)")
    parser.add_argument("--check", action="store_true", help="write nothing; compare with the sets that are there")
    arguments = parser.parse_args()
    made: dict[str, tuple[int, InstanceSet]] = {}
    for side in COOL_SIDES:
        instances = make(side)
        if arguments.reference is not None:
            compare(instances, arguments.reference, side)
        made[instances.name] = side, instances
    if arguments.check:
        for name, (_, instances) in made.items():
            shipped = read_set(arguments.out / f"{name}.npz")
            difference = coupling_difference(instances, shipped)
            energies = float(np.abs(instances.ground_energies - shipped.ground_energies).max())
            print(
                f"{name}: couplings differ by at most {difference:.1e}, energies by {energies:.1e} from {arguments.out}"
            )
            if max(difference, energies) > COUPLING_TOLERANCE * 1000:
                raise SystemExit(f"{name} disagrees with the shipped set")
        return
    manifest = {}
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, (side, instances) in made.items():
        path = arguments.out / f"{name}.npz"
        write_set(path, instances)
        manifest[name] = entry(path, read_set(path), side)
    with replacing(arguments.out / "manifest.json") as handle:
        handle.write((json.dumps(manifest, indent=2) + "\n").encode("ascii"))


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
