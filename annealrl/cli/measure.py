"""``annealrl evaluate``, ``benchmark`` and ``tune``: everything that runs methods on a set and judges them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from annealrl.cli import options as opt
from annealrl.cli.output import human, progress_bar, write_json
from annealrl.errors import InputError

if TYPE_CHECKING:
    from annealrl.instance_set import InstanceSet


@dataclass(frozen=True)
class Judging:
    """What an episode may spend and how it is judged: the options that all commands of this module take."""

    seed: opt.Seed = 0
    replicas: opt.Replicas = 64
    steps: opt.Steps = 40
    sweeps_per_step: opt.SweepsPerStep = 100
    criterion: opt.Criteria = opt.Criterion.best
    tolerance: opt.Tolerances = opt.Tolerance.exact
    threads: opt.Threads = None
    backend: opt.Backends = opt.Backend.cpu
    json: opt.Json = None
    sign: opt.Signs = None
    index_base: opt.IndexBases = opt.IndexBase.auto

    def load(self, instances: str) -> InstanceSet:
        """Read the set, with certificates."""
        from annealrl import api

        return api.load_instances(instances, sign=self.sign, index_base=self.index_base.value_or_auto, certify=True)

    def keywords(self) -> dict[str, Any]:
        """What `evaluate`, `benchmark` and `tune` of the package take in common."""
        from annealrl.method import Budget

        return {
            "budget": Budget(self.replicas, self.steps, self.sweeps_per_step, self.threads, self.backend.value),
            "criterion": self.criterion.value,
            "tolerance": self.tolerance.value,
            "seed": self.seed,
        }

    def show(self, text: str, found: Any) -> None:
        """Print a text for people, and write the JSON of what was found where that is wanted."""
        print(text, file=human(self.json))
        write_json(found.to_json(), self.json)


def _judged(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command whose last parameter is a :class:`Judging` take the fields of that as options of its own."""
    hints = get_type_hints(Judging, include_extras=True)
    names = [field.name for field in fields(Judging)]

    @wraps(command)
    def spread(**given: Any) -> None:
        judging = Judging(**{name: given.pop(name) for name in names})
        command(**given, judging=judging)

    signature = inspect.signature(command, eval_str=True)
    own = [parameter for parameter in signature.parameters.values() if parameter.name != "judging"]
    shared = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(Judging)
    ]
    own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    spread.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
    return spread


@_judged
def evaluate(
    instances: opt.Instances,
    method: Annotated[str, typer.Option("--method", metavar="M", help="See `annealrl list baselines`.")],
    episodes: opt.Episodes = 20,
    *,
    judging: Judging,
) -> None:
    """Measure p and n99 of one method on a set."""
    from annealrl import evaluation
    from annealrl.baselines.grammar import parse_method
    from annealrl.tables import Table

    parsed = parse_method(method)
    loaded = judging.load(instances)
    with progress_bar(method) as update:
        result = evaluation.evaluate(parsed, loaded, episodes=episodes, progress=update, **judging.keywords())
    judging.show(Table((result,)).to_text(), result)


@_judged
def benchmark(
    instances: opt.Instances,
    methods: Annotated[str, typer.Option("--methods", metavar="M1,M2,…", help="Methods, parted by commas.")],
    episodes: opt.Episodes = 20,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Table, JSON, HTML and plot go here.")
    ] = None,
    sweeps: Annotated[
        str | None,
        typer.Option("--sweeps", metavar="S1,S2,…", help="Repeat over these budgets; reports the optimal TTS."),
    ] = None,
    *,
    judging: Judging,
) -> None:
    """Compare methods, paired, on the same instances and starts; a run with --out resumes."""
    from annealrl import evaluation

    loaded = judging.load(instances)
    with progress_bar("benchmark") as update:
        table = evaluation.benchmark(
            loaded,
            _methods(methods),
            episodes=episodes,
            sweeps=None if sweeps is None else _numbers(sweeps, "--sweeps"),
            out=out,
            progress=update,
            **judging.keywords(),
        )
    judging.show(table.to_text(), table)


@_judged
def tune(
    instances: opt.Instances,
    family: Annotated[
        str,
        typer.Option(
            "--family",
            help="linear, geometric, reciprocal, free, adaptive, adaptive-speed, population, tempering, tempering-icm, "
            "tempering-icm-moving.",
        ),
    ],
    budget: Annotated[int, typer.Option("--budget", min=1, metavar="N", help="Candidates to try.")] = 100,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the schedule here.")] = None,
    episodes: Annotated[int, typer.Option("--episodes", min=1, help="Episodes on each instance for a candidate.")] = 1,
    sigma: Annotated[
        bool, typer.Option("--sigma", help="Tune β in units of 1/σ of each instance, as :sigma of the methods does.")
    ] = False,
    *,
    judging: Judging,
) -> None:
    """Find the best method of a family, on training instances alone."""
    from annealrl import tuning

    loaded = judging.load(instances)
    with progress_bar(f"tune {family}") as update:
        found = tuning.tune(
            loaded,
            family,
            evaluations=budget,
            episodes=episodes,
            sigma_units=sigma,
            out=out,
            progress=update,
            **judging.keywords(),
        )
    judging.show(found.to_text(), found)


def _methods(text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise InputError(f"--methods is {text!r}; methods parted by single commas are expected")
    return parts


def _numbers(text: str, what: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{what} is {text!r}; whole numbers parted by commas are expected") from None
