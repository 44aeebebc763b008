"""Instance sets by name or path: ``load("cool-10")``, ``load("ea2d-10-train:400")``, ``load("problem.txt")``.

Names
-----
``cool-4 … cool-16``
    Shipped: the 100 fixed test instances of each even side, with certified optima.
``ea2d-<L>-train``, ``ea2d-<L>-val``
    Generated: 2D Edwards–Anderson tori of any side L ≥ 3, for training and for validation, 100 unless a selection says
    otherwise. They come from other streams than the test sets and from each other. Their optima are unknown until
    :func:`annealrl.instances.certify.certified` proves them.

A selection may follow a name or a path: ``:N`` means the first N instances, ``:A-B`` instances A to B, both included,
counted from 0. Generated sets have no end: ``ea2d-10-train:400`` begins with the 100 instances of ``ea2d-10-train``.
"""

from __future__ import annotations

import difflib
import functools
import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.instances.archive import place, regular_file
from annealrl.instances.generators import COOL_COUNT, COOL_SIDES, edwards_anderson_2d
from annealrl.instances.setfile import read_set
from annealrl.ising import IsingModel

#: Folder of the shipped set files.
DATA = Path(__file__).resolve().parent / "data"

#: Instances of a generated set when no selection says how many.
DEFAULT_COUNT = 100

#: Most spins that a generated set may have in all.
MAX_SPINS = 1 << 24

_ENTROPY = 0x616E6E65616C726C
_SPLITS = {"train": 0, "val": 1}
_GENERATED = re.compile(r"ea2d-(0|[1-9][0-9]{0,8})-(train|val)")
_SELECTION = re.compile(r"(.+):(?:([0-9]{1,9})-)?([0-9]{1,9})", re.DOTALL)


@dataclass(frozen=True)
class Source:
    """What a name or path led to.

    Attributes
    ----------
    instances : InstanceSet
    convention : str
        In whose convention the energies are: "ising" for sets, else that of the file (see
        :mod:`annealrl.instances.formats`).
    format : str
        "set", "generated", or the format of a single-instance file.
    """

    instances: InstanceSet
    convention: str
    format: str


def names() -> list[tuple[str, str]]:
    """Return (name, description) of every set that :func:`load` knows."""
    torus = "2D Edwards–Anderson torus, Gaussian couplings"
    known = [(f"cool-{L}", f"{COOL_COUNT} fixed test instances, {torus}, {L}×{L}, certified") for L in COOL_SIDES]
    known.append(("ea2d-<L>-train", f"{torus}, any side L ≥ 3, generated for training; :N takes the first N"))
    known.append(("ea2d-<L>-val", f"{torus}, any side L ≥ 3, generated for validation; :N takes the first N"))
    return known


def load(
    name_or_path: str | Path, *, sign: str | None = None, index_base: str | int = "auto", fmt: str = "auto"
) -> InstanceSet:
    """Return the set of that name, of that set file, or of the one instance in that file.

    Parameters
    ----------
    name_or_path : str or path
        A name of :func:`names`, or a path; ``:N`` or ``:A-B`` behind it selects. A name goes before a file of that name
        (write ``./cool-10`` for the file), a file whose own name ends like a selection before the selection.
    sign, index_base, fmt
        For single-instance files; see :func:`annealrl.instances.formats.read_instance`.

    Raises
    ------
    InputError
        If there is no such name or file (close matches are named), the selection is out of range, or the file is wrong.
    """
    return open_source(name_or_path, sign=sign, index_base=index_base, fmt=fmt).instances


def open_source(
    name_or_path: str | Path, *, sign: str | None = None, index_base: str | int = "auto", fmt: str = "auto"
) -> Source:
    """Return what :func:`load` returns, together with its convention and format."""
    text = str(name_or_path)
    base, chosen = text, None
    match = _SELECTION.fullmatch(text)
    if match and not _is_file(text):
        base = match[1]
        last = int(match[3])
        chosen = range(int(match[2]), last + 1) if match[2] is not None else range(last)
        if len(chosen) == 0:
            raise InputError(f"instance set {text!r}: the selection is empty; :N or :A-B with A ≤ B is expected")
    generated = _GENERATED.fullmatch(base)
    if generated:
        side, split = int(generated[1]), generated[2]
        return Source(_generate(text, side, split, chosen or range(DEFAULT_COUNT)), "ising", "generated")
    if base in {f"cool-{side}" for side in COOL_SIDES}:
        source = Source(read_set(DATA / f"{base}.npz"), "ising", "set")
    elif _is_file(base):
        source = _open_file(base, sign, index_base, fmt)
    else:
        raise InputError(_unknown(text, base))
    if chosen is None:
        return source
    whole = source.instances
    if chosen[-1] >= len(whole):
        raise InputError(f"instance set {text!r}: it has instances 0 … {len(whole) - 1}, not {chosen[-1]}")
    selected = whole.subset(chosen, f"{whole.name}{text.removeprefix(base)}")
    return replace(source, instances=selected)


def content_key(model: IsingModel) -> bytes:
    """What stays the same of an instance under names, signs and relabelling: its sorted strengths, rounded to 1e-9."""
    strengths = np.sort(np.abs(np.concatenate([model.couplings, model.fields])))
    return hashlib.sha256(np.round(strengths, 9).tobytes()).digest()


@functools.cache
def _test_contents() -> frozenset[bytes]:
    return frozenset(content_key(model) for side in COOL_SIDES for model in read_set(DATA / f"cool-{side}.npz"))


def test_instances(instances: InstanceSet) -> list[str]:
    """Names of those instances that a shipped test set holds, whatever the set is called here."""
    known = _test_contents()
    return [
        name for name, model in zip(instances.instance_names, instances, strict=True) if content_key(model) in known
    ]


def ea2d_instance(side: int, split: str, index: int) -> IsingModel:
    """Return instance `index` of ``ea2d-<side>-<split>``: a 2D Edwards–Anderson torus from a stream of its own.

    The stream is numpy's ``SeedSequence`` with a spawn key (family, side, split, index), which is neither that of
    another split nor the Mersenne twister of the ``cool`` test sets. It stays the same as long as numpy's
    ``Generator.standard_normal`` does.

    Parameters
    ----------
    side : int
        At least 3.
    split : {"train", "val"}
    index : int
        Any number from 0.
    """
    if split not in _SPLITS:
        raise InputError(f"split {split!r} is none of {', '.join(_SPLITS)}")
    if side < 3 or index < 0:
        raise InputError(
            f"ea2d-{side}-{split}, instance {index}: a side of at least 3 and an index from 0 are expected"
        )
    seed = np.random.SeedSequence(_ENTROPY, spawn_key=(0, side, _SPLITS[split], index))
    return edwards_anderson_2d(side, np.random.default_rng(seed), name=f"ea2d-{side}-{split}-{index}")


def _generate(name: str, side: int, split: str, indices: range) -> InstanceSet:
    if side < 3:
        raise InputError(f"instance set {name!r}: a torus needs a side of at least 3")
    if side * side * len(indices) > MAX_SPINS:
        raise InputError(
            f"instance set {name!r}: {len(indices)} instances of {side}×{side} spins are too many; "
            f"at most {MAX_SPINS} spins in all"
        )
    return InstanceSet.from_models(name, [ea2d_instance(side, split, index) for index in indices])


def _open_file(path: str, sign: str | None, index_base: str | int, fmt: str) -> Source:
    target = regular_file(path)
    try:
        with target.open("rb") as handle:
            packed = handle.read(2) == b"PK"
    except OSError as error:
        raise InputError(f"{place(path)}cannot be read: {error.strerror or error}") from None
    if packed or target.suffix == ".npz":
        return Source(read_set(target), "ising", "set")
    from annealrl.instances.formats import read_instance

    loaded = read_instance(target, fmt=fmt, sign=sign, index_base=index_base)
    instances = InstanceSet.from_models(loaded.model.name or target.stem, [loaded.model])
    return Source(instances, loaded.convention, loaded.format)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _unknown(text: str, base: str) -> str:
    if "/" in base or "\\" in base:
        return f"{place(text)}no such file"
    sides = re.findall(r"-([0-9]+)", base)[:1] or ["10"]
    candidates = [f"cool-{side}" for side in COOL_SIDES]
    candidates += [f"ea2d-{sides[0]}-{split}" for split in _SPLITS]
    close = difflib.get_close_matches(base[:100].lower(), candidates, n=3, cutoff=0.5)
    hint = (
        f"did you mean {' or '.join(close)}"
        if close
        else "cool-4 … cool-16, ea2d-<L>-train or ea2d-<L>-val is expected"
    )
    return f"instance set {text[:100]!r}: neither a known name nor a file; {hint}?".replace("expected?", "expected")
