"""What was measured of one method on one set with one budget: counts by instance and rule, and what they cost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from annealrl import statistics
from annealrl.errors import InputError
from annealrl.instance_set import InstanceSet
from annealrl.judging import ground_energies, slacks
from annealrl.method import Budget
from annealrl.results import read_json, write_text

#: Version of the JSON.
VERSION = 1
#: Where the records of a folder of results lie.
RECORDS = "records"
#: Rules of success: the lowest energy at any step, or that at the end.
RULES = ("best", "final")


class Estimate(NamedTuple):
    """What tables show of :class:`annealrl.statistics.Summary`, without its slower intervals."""

    p: float
    p_ci: statistics.Interval
    n99: float
    n99_ci: statistics.Interval
    n99_set: float
    median_n99: float

    @classmethod
    def of(cls, solved: Sequence[int], trials: Sequence[int]) -> Estimate:
        """Estimate everything from the counts by instance."""
        shares = np.array(solved) / np.array(trials)
        p, p_ci = sum(solved) / sum(trials), statistics.pooled_interval(solved, trials)
        n99_ci = (float(statistics.n99(p_ci[1])), float(statistics.n99(p_ci[0])))
        median = float(np.median(statistics.n99(shares)))
        return cls(p, p_ci, float(statistics.n99(p)), n99_ci, float(statistics.n99_set(shares)), median)


@dataclass(frozen=True)
class Record:
    """One method on one set with one budget, by both rules.

    Attributes
    ----------
    label, method, fingerprint, moves
        What tables call it, the text that spells it, all that decides what it does, and what it may do.
    instances : dict
        ``name`` and ``hash`` of the set, and ``grounds``, a hash of the energies that success was judged by.
    certified : int
        How many of the instances have a proven optimum.
    replicas, steps, sweeps_per_step, seed, threads : int
    episodes : int
        Done on each instance.
    solved : dict
        ``best`` and ``final``: solved episodes of each instance.
    residual_per_spin : dict
        ``best`` and ``final``: mean of (E - E_ground)/n.
    seconds, processor_seconds : float
        Of all episodes: wall time on a machine that may have been shared, and processor time.
    attempted_updates : int
        Of all episodes.
    """

    label: str
    method: str
    fingerprint: str
    moves: tuple[str, ...]
    instances: dict[str, str]
    certified: int
    replicas: int
    steps: int
    sweeps_per_step: int
    seed: int
    threads: int
    episodes: int
    solved: dict[str, list[int]]
    residual_per_spin: dict[str, float]
    seconds: float
    processor_seconds: float
    attempted_updates: int
    version: int = VERSION

    @property
    def budget(self) -> Budget:
        """What an episode could spend."""
        return Budget(self.replicas, self.steps, self.sweeps_per_step, self.threads)

    @property
    def is_agent(self) -> bool:
        """Whether it was learned."""
        return self.method.startswith("agent:")

    @property
    def trials(self) -> list[int]:
        """Episodes by instance."""
        return [self.episodes] * len(self.solved["best"])

    @cached_property
    def _estimates(self) -> dict[str, Estimate]:
        return {rule: Estimate.of(self.solved[rule], self.trials) for rule in RULES}

    def summary(self, rule: str) -> Estimate:
        """Estimates by one of :data:`RULES`."""
        return self._estimates[rule]

    @property
    def seconds_per_episode(self) -> float:
        """Processor time, decisions and all moves included."""
        return self.processor_seconds / sum(self.trials)

    def tts(self, rule: str) -> float:
        """Processor seconds to 99 % success, at least those of one episode; inf where nothing was solved."""
        return self.seconds_per_episode * max(1.0, self.summary(rule).n99)

    def ratio(self, other: Record, rule: str) -> statistics.Ratio:
        """Paired ratio of pooled n99 to another's; below 1, this one is better."""
        if self.instances != other.instances:
            raise InputError(f"{self.label} and {other.label} were measured on different instances")
        return statistics.paired_ratio(self.solved[rule], self.trials, other.solved[rule], other.trials)

    def merged(self, more: Record) -> Record:
        """The same measurement with further episodes."""
        done, new = self.episodes, more.episodes
        return replace(
            self,
            episodes=done + new,
            solved={rule: [a + b for a, b in zip(self.solved[rule], more.solved[rule], strict=True)] for rule in RULES},
            residual_per_spin={
                rule: (done * self.residual_per_spin[rule] + new * more.residual_per_spin[rule]) / (done + new)
                for rule in RULES
            },
            seconds=self.seconds + more.seconds,
            processor_seconds=self.processor_seconds + more.processor_seconds,
            attempted_updates=self.attempted_updates + more.attempted_updates,
        )

    def continues(self, other: Record) -> bool:
        """Whether both are episodes of the same measurement (threads and label aside)."""
        keys = ("fingerprint", "instances", "replicas", "steps", "sweeps_per_step", "seed")
        return all(getattr(self, key) == getattr(other, key) for key in keys)

    def save(self, path: Path) -> None:
        """Write the JSON, renamed into place."""
        content = json.dumps(asdict(self), indent=1, allow_nan=False)
        # A list of counts is one line, not a hundred.
        write_text(path, _joined(content) + "\n")

    @classmethod
    def load(cls, path: Path) -> Record:
        """Read what :meth:`save` wrote.

        Raises
        ------
        InputError
            If the file is none.
        """
        content = read_json(path)
        known = set(cls.__dataclass_fields__)
        if not isinstance(content, dict) or content.get("version") != VERSION or set(content) != known:
            raise InputError(f"{path}: a record of scripts/results.py, version {VERSION}, is expected")
        return cls(**{**content, "moves": tuple(content["moves"])})


def grounds_hash(instances: InstanceSet) -> str:
    """Short hash of the ground energies and tolerances that success is judged by."""
    judged = np.concatenate([ground_energies(instances), slacks(instances, "exact")])
    return hashlib.sha256(judged.tobytes()).hexdigest()[:16]


def load_records(folder: Path) -> list[Record]:
    """All records of a folder, by the names of their files; not more than one for a label, set and budget."""
    return [Record.load(path) for path in sorted(folder.glob("*.json"))]


def _joined(text: str) -> str:
    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        if inside:
            lines[-1] += line.strip() + ("" if line.strip().startswith("]") else " ")
            inside = not line.strip().startswith("]")
            if not inside:
                lines[-1] = lines[-1].replace(" ]", "]")
        else:
            lines.append(line)
            inside = line.endswith("[")
    return "\n".join(lines)


def describe(value: Any) -> str:
    """A number to three digits, whole above a thousand; ∞ where there is none."""
    number = float(value)
    if not np.isfinite(number):
        return "∞"
    return f"{number:.3g}" if abs(number) < 1000 else f"{number:.0f}"
