"""Tune and measure what the plan asks for, in blocks of episodes that an interruption does not lose."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from annealrl import tuning
from annealrl.api import load_instances
from annealrl.baselines.grammar import parse_method
from annealrl.baselines.schedule import ScheduleMethod
from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.judging import CERTIFIED, check_certificates, ground_energies, run_episodes, slacks
from annealrl.method import Budget, Method
from annealrl.registry import load_object
from annealrl.results import write_text
from annealrl.schedules import coupling_scale
from annealrl.study.plan import SEED, Job, Trained, Tuning, tuning_of
from annealrl.study.record import RECORDS, Record, grounds_hash

#: Episodes on each instance between two writes.
BLOCK = 5

Progress = Callable[[int, int], None]


def trained_agents(runs: Path | None = None) -> list[Trained]:
    """The agents of the zoo; with a folder of trainings, NAME-SEED each, also those seeds of them that are there."""
    names: list[str] = load_object("annealrl.agents.catalogue:names")()
    sweeps: Callable[[str], int] = load_object("annealrl.agents.catalogue:sweeps")
    agents = [Trained(name, sweeps=sweeps(name)) for name in names]
    for path in sorted(runs.iterdir()) if runs is not None else ():
        name, _, seed = path.name.rpartition("-")
        if name in names and seed.isdecimal() and (path / "policy.safetensors").is_file():
            agents.append(Trained(name, int(seed), str(path), sweeps(str(path))))
    return agents


def record_path(folder: Path, job: Job) -> Path:
    """The file of a job's record."""
    slug = re.sub(r"[^a-z0-9]+", "-", job.row.label.replace("β·σ", "sigma").lower()).strip("-")
    return folder / RECORDS / f"{job.problem.test}--{slug}--{job.budget.sweeps}.json"


def method_of(job: Job, folder: Path) -> Method | None:
    """Make the method of a job; None if it is not tuned, or not trained, yet."""
    text = job.row.source
    needed = tuning_of(job)
    if needed is None:
        method = parse_method(text)
        # A further training is known by its label, not by where it lies.
        if job.row.label.startswith("agent "):
            method.name = "agent:" + job.row.label.removeprefix("agent ").replace(", seed ", "-")
        return method
    path = folder / needed.file
    if not path.is_file():
        return None
    method = parse_method(f"schedule:{path}")
    method.name = f"schedule:{path.name}"
    if isinstance(method, ScheduleMethod) and text.endswith(":scaled"):
        notes = json.loads(path.read_text(encoding="utf-8"))["notes"]
        return parse_method(_scaled(path, _median_scale(notes["instances"]["name"])))
    return method


def _scaled(path: Path, scale: float) -> str:
    """The text of a tuned schedule with its β in units of 1/σ."""
    content = json.loads(path.read_text(encoding="utf-8"))
    betas = content["knots"] if content["kind"] == "knots" else [content["start"], content["end"]]
    return ":".join([content["kind"], *(f"{beta * scale:.6g}" for beta in betas), "sigma"])


@cache
def _median_scale(name: str) -> float:
    return float(np.median([coupling_scale(model) for model in load_instances(name)]))


@cache
def _loaded(name: str) -> InstanceSet:
    return load_instances(name)


def tune(
    task: Tuning, folder: Path, work: Path, *, candidates: int, training: int, threads: int, progress: Progress
) -> None:
    """Search, if the folder has no result yet; the history in `work` lets an interrupted search go on."""
    if (folder / task.file).is_file():
        return
    work.mkdir(parents=True, exist_ok=True)
    found = tuning.tune(
        load_instances(f"{task.problem.train}:{training}", certify=True),
        task.family,
        evaluations=candidates,
        budget=replace(task.budget, threads=threads),
        criterion=task.criterion,  # type: ignore[arg-type]
        seed=2,
        sigma_units=task.sigma,
        out=work / task.file,
        progress=progress,
    )
    found.save(folder / task.file)


def measure(
    job: Job,
    method: Method,
    folder: Path,
    *,
    episodes: int,
    instances: InstanceSet | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> Record:
    """Bring a job's record to `episodes` on each instance, block by block; nothing is done twice.

    A record of other instances, certificates, budget or method - a retrained agent, say - is measured anew; one that is
    the same by another label is taken over.

    Raises
    ------
    CertificateError
        If a configuration is found below a certified optimum.
    """
    instances = instances if instances is not None else _loaded(job.problem.test)
    path = record_path(folder, job)
    start = _block(job, method, instances, range(0), threads)
    record = Record.load(path) if path.is_file() else None
    if record is None or not record.continues(start):
        # The pick of several seeds, say, is one of them.
        same = (
            Record.load(other) for other in sorted(path.parent.glob(f"{job.problem.test}--*--{job.budget.sweeps}.json"))
        )
        twins = [replace(other, label=start.label, method=start.method) for other in same if other.continues(start)]
        record = max(twins, key=lambda other: other.episodes, default=start)
        if record.episodes:
            record.save(path)
    if record.episodes < episodes:
        # What is compiled or loaded on first use is no cost of an episode.
        short = Budget(job.budget.replicas, steps=2, sweeps_per_step=1, threads=threads)
        method.run([instances.models[0]], short, [np.random.SeedSequence(SEED)])
    while record.episodes < episodes:
        block = range(record.episodes, min(episodes, record.episodes + BLOCK))
        record = record.merged(_block(job, method, instances, block, threads))
        record.save(path)
        if progress is not None:
            progress(record.episodes, episodes)
    return record


def _block(job: Job, method: Method, instances: InstanceSet, block: range, threads: int) -> Record:
    """The record of some episodes; of none, it says only what they would be."""
    budget = Budget(job.budget.replicas, job.budget.steps, job.budget.sweeps_per_step, threads)
    shared: dict[str, Any] = {
        "label": job.row.label,
        "method": method.name,
        "fingerprint": str(getattr(method, "fingerprint", method.name)),
        "moves": tuple(sorted(method.moves)),
        "instances": {"name": instances.name, "hash": instances.hash, "grounds": grounds_hash(instances)},
        "certified": sum(status in CERTIFIED for status in instances.statuses),
        "replicas": budget.replicas,
        "steps": budget.steps,
        "sweeps_per_step": budget.sweeps_per_step,
        "seed": SEED,
        "threads": threads,
        "episodes": len(block),
    }
    if not block:
        nothing = {"best": [0] * len(instances), "final": [0] * len(instances)}
        return Record(**shared, solved=nothing, residual_per_spin={"best": 0.0, "final": 0.0}, **_NO_COST)
    played = run_episodes(method, instances, block, budget, SEED)
    ground, slack = ground_energies(instances), slacks(instances, "exact")
    check_certificates(method.name, instances, played.best.min(axis=1), ground, slack)
    energies = {"best": played.best, "final": played.final}
    extents = np.array([model.extent for model in instances])
    return Record(
        **shared,
        solved={rule: (e <= (ground + slack)[:, None]).sum(axis=1).tolist() for rule, e in energies.items()},
        residual_per_spin={
            rule: float(((e - ground[:, None]) / extents[:, None]).mean()) for rule, e in energies.items()
        },
        seconds=played.seconds,
        processor_seconds=played.processor_seconds,
        attempted_updates=played.attempted_updates,
    )


_NO_COST: dict[str, Any] = {"seconds": 0.0, "processor_seconds": 0.0, "attempted_updates": 0}


def drop_stale(folder: Path, jobs: Sequence[Job]) -> list[Path]:
    """Remove records that no job of the plan has any more; return their paths."""
    wanted = {record_path(folder, job) for job in jobs}
    stale = [path for path in sorted((folder / RECORDS).glob("*.json")) if path not in wanted]
    for path in stale:
        path.unlink()
    return stale


def write_exact_seconds(folder: Path, sets: Sequence[str], limit: int) -> None:
    """Time the exact solver on the first instances of some sets, processor seconds, into ``exact-seconds.json``."""
    import time

    from annealrl.api import solve

    path = folder / "exact-seconds.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name in sets:
        if name in found:
            continue
        chosen = _loaded(name)
        seconds, proven = [], 0
        for model in chosen.models[:limit]:
            began = time.process_time()
            try:
                solution = solve(model)
            except InputError:
                continue
            seconds.append(round(time.process_time() - began, 4))
            proven += solution.status == "optimal"
        found[name] = {"instances": len(seconds), "proven": proven, "processor_seconds": seconds}
        write_text(path, json.dumps(found) + "\n")
