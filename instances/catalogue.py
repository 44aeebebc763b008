"""Instance sets by name or path: ``load("cool-10")``, ``load("ea2d-10-train:400")``, ``load("problem.txt")``.

Names
-----
``cool-4 … cool-16``, ``ea2d-pm-16``, ``sk-50``, …
    Shipped: fixed test instances with their optima or best known energies; ``data/manifest.json`` lists them.
``<family>-<size>-train``, ``<family>-<size>-val``, ``<family>-<size>-test``
    Generated: any size of any family in :data:`annealrl.instances.families.FAMILIES`, 100 instances unless a selection
    says otherwise. The shipped test sets of these families begin the split ``test``; no split shares an instance with
    another. Optima are unknown, unless planted, until :func:`annealrl.instances.certify.certified` proves them.
``env:<id>[,<parameter>=<value>…][,split=…]``
    Sampled from any registered family of Ising models, plugged in or not; see :mod:`annealrl.instances.sampled`.

A selection may follow a name or a path: ``:N`` means the first N instances, ``:A-B`` instances A to B, both included,
counted from 0. Generated sets have no end: ``ea2d-10-train:400`` begins with the 100 instances of ``ea2d-10-train``.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.instances import sampled
from annealrl.instances.archive import place, regular_file
from annealrl.instances.families import FAMILIES, MAX_SPINS, SPLITS, generate
from annealrl.instances.setfile import check_scale, read_set
from annealrl.instances.shipped import DATA, is_shipped, manifest
from annealrl.ising import IsingModel

#: Instances of a generated set when no selection says how many.
DEFAULT_COUNT = 100

_GENERATED = re.compile(rf"({'|'.join(FAMILIES)})-(0|[1-9][0-9]{{0,8}})-({'|'.join(SPLITS)})")
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
    known = [
        (name, f"{entry['instances']} fixed test instances, {entry['title']}, {entry['spins']} spins; {certificate}")
        for name, entry in manifest().items()
        for certificate in [_certificate(entry)]
    ]
    for family in FAMILIES.values():
        stem = f"{family.name}-<{family.size}>"
        known += [
            (f"{stem}-train", f"{family.title}, any size, generated for training; :N takes the first N"),
            (f"{stem}-val", f"{family.title}, any size, generated for validation; :N takes the first N"),
        ]
    known.append((sampled.GRAMMAR, "sampled from any registered family of Ising models, as env:SK-v0,n=20:50"))
    return known


def _certificate(entry: dict[str, Any]) -> str:
    """Say how many optima are proven, planted or putative."""
    statuses, total = entry["statuses"], entry["instances"]
    words = {
        "optimal": "certified",
        "planted": "planted ground states" + (f" ({entry['proven']} proven too)" if entry["proven"] else ""),
        "putative": "putative: best known without a proof",
    }
    return ", ".join(
        text if statuses[key] == total else f"{statuses[key]} {text}"
        for key, text in words.items()
        if statuses.get(key)
    )


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
    if base.startswith(sampled.PREFIX):
        chosen = chosen or range(DEFAULT_COUNT)
        return Source(sampled.sampled_set(base, chosen, title=text, most_spins=MAX_SPINS), "ising", "generated")
    if generated:
        family, size, split = FAMILIES[generated[1]], int(generated[2]), generated[3]
        return Source(generate(text, family, size, split, chosen or range(DEFAULT_COUNT)), "ising", "generated")
    if base in manifest():
        source = Source(read_set(DATA / manifest()[base]["file"]), "ising", "set")
    elif _exists(base):
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


def test_instances(instances: InstanceSet) -> list[str]:
    """Names of those instances that a shipped test set holds, whatever the set or its spins are called here.

    They are known by :func:`~annealrl.instances.identity.content_key`; the shipped ones' keys are in the manifest, so
    no set is read for this. Designs without disorder are the same in every split, so their content says nothing; their
    names do.
    """

    def tests(name: str, model: object) -> bool:
        shipped = isinstance(model, IsingModel) and is_shipped(model)
        return shipped or sampled.split_of(name) == "test"

    return [name for name, model in zip(instances.instance_names, instances, strict=True) if tests(name, model)]


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
    check_scale(loaded.model, place(path).removesuffix(": "))
    instances = InstanceSet.from_models(loaded.model.name or target.stem, [loaded.model])
    return Source(instances, loaded.convention, loaded.format)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _exists(text: str) -> bool:
    try:
        return bool(text) and Path(text).exists()
    except (OSError, ValueError):
        return False


def _unknown(text: str, base: str) -> str:
    if "/" in base or "\\" in base:
        return f"{place(text)}no such file"
    sizes = re.findall(r"-([0-9]+)", base)[:1] or ["10"]
    candidates = [*manifest(), *(f"{family}-{sizes[0]}-{split}" for family in FAMILIES for split in ("train", "val"))]
    close = difflib.get_close_matches(base[:100].lower(), candidates, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else "`annealrl list instances` shows the names"
    return f"instance set {text[:100]!r}: neither a known name nor a file; {hint}"
