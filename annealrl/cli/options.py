"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from annealrl.cli.output import check_json


class Sign(StrEnum):
    """How weights are meant where a file format leaves it open."""

    ising = "ising"
    dimod = "dimod"
    maxcut = "maxcut"


class Criterion(StrEnum):
    """Which configurations count."""

    best = "best"
    final = "final"


class Tolerance(StrEnum):
    """How close counts as the ground state."""

    exact = "exact"
    cool = "cool"


class IndexBase(StrEnum):
    """What a text file calls its first spin."""

    auto = "auto"
    zero = "0"
    one = "1"

    @property
    def value_or_auto(self) -> str | int:
        """``"auto"`` or the number."""
        return self.value if self is IndexBase.auto else int(self.value)


class Device(StrEnum):
    """Where networks run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Backend(StrEnum):
    """Where replicas are and move."""

    cpu = "cpu"
    cuda = "cuda"


Json = Annotated[
    str | None,
    typer.Option("--json", metavar="OUT", callback=check_json, help="Write JSON to this file; - for stdout."),
]
Signs = Annotated[
    Sign | None,
    typer.Option(
        "--sign", help="ising: H=-Σwss-Σhs, dimod: H=+Σwss+Σhs (default of COO), maxcut: H=+Σwss (default of rudy)."
    ),
]
IndexBases = Annotated[IndexBase, typer.Option("--index-base", help="What the first spin is called.")]
Instances = Annotated[
    str,
    typer.Option("--instances", metavar="SET", help="A name, set file or instance file; SET:20 takes the first 20."),
]
Episodes = Annotated[int, typer.Option("--episodes", min=1, help="Episodes on each instance.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
Replicas = Annotated[int, typer.Option("--replicas", min=1, help="Replicas of an episode.")]
Steps = Annotated[int, typer.Option("--steps", min=1, help="Decisions of an episode.")]
SweepsPerStep = Annotated[int, typer.Option("--sweeps-per-step", min=1, help="Sweeps between two decisions.")]
Criteria = Annotated[
    Criterion, typer.Option("--criterion", help="Judge the lowest energy at any step, or that at the end.")
]
Tolerances = Annotated[
    Tolerance, typer.Option("--tolerance", help="exact: 1e-9 of Σ|J|; cool: 1e-5 per spin, the reference paper's.")
]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Threads; all available cores by default.")]
Backends = Annotated[
    Backend,
    typer.Option("--backend", help="Where replicas are and move; cuda takes a device and the extra of that name."),
]
TimeLimit = Annotated[float | None, typer.Option("--time-limit", min=0.0, metavar="S", help="Seconds an instance.")]
