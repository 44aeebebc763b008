"""What was measured: a record for each method, kept in an append-only store; tables and plots read nothing else."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from annealrl.errors import InputError

#: Version of the record's JSON.
VERSION = 1
#: Beside the hash of the instances, what makes two measurements the same one.
KEY = (
    "fingerprint",
    "episodes_per_instance",
    "replicas",
    "steps",
    "sweeps_per_step",
    "seed",
    "criterion",
    "tolerance",
)


@dataclass(frozen=True)
class InstanceResult:
    """What came of the episodes on one instance; energies are totals in the package's convention.

    ``successes`` counts by the criterion of the record; ``best_successes`` and ``final_successes`` by either.
    ``best_energy`` is the lowest of all episodes.
    """

    name: str
    n: int
    ground_energy: float
    certified: bool
    episodes: int
    successes: int
    best_energy: float
    best_successes: int
    final_successes: int


@dataclass(frozen=True)
class Result:
    """One method on one instance set with one budget; the JSON of ``evaluate`` and ``benchmark`` has these keys.

    Attributes
    ----------
    method, fingerprint, moves
        Its name, all that decides what it does, and what it may do.
    instances : dict
        ``name`` and ``hash`` of the set.
    episodes_per_instance, replicas, steps, sweeps_per_step, seed, criterion, tolerance
        How it was run and judged.
    p, p_ci, n99, n99_ci
        Pooled, with 95 % intervals; None stands for infinity.
    p_best, p_final
        Pooled p by either criterion, one of which is `criterion`.
    n99_set, n99_set_ci, median_instance_n99, median_instance_n99_ci
        See :class:`annealrl.statistics.Summary`.
    mean_residual_energy_per_spin : float
        Mean over episodes of (E - E_ground)/n, E by the criterion.
    seconds_per_episode, tts_seconds
        Wall time, decisions included, and that × max(1, n99).
    attempted_updates : int
        Proposed single-spin updates of all episodes together.
    per_instance : tuple of InstanceResult
    final_only : bool
        Whether the method returns configurations of the end alone, so that its best energies are final ones; false in
        records of before there was such a key.
    """

    method: str
    instances: dict[str, str]
    episodes_per_instance: int
    replicas: int
    steps: int
    sweeps_per_step: int
    seed: int
    criterion: str
    tolerance: str
    p: float
    p_ci: tuple[float, float]
    n99: float | None
    n99_ci: tuple[float | None, float | None]
    p_best: float
    p_final: float
    n99_set: float | None
    n99_set_ci: tuple[float | None, float | None]
    median_instance_n99: float | None
    median_instance_n99_ci: tuple[float | None, float | None]
    mean_residual_energy_per_spin: float
    seconds_per_episode: float
    tts_seconds: float | None
    attempted_updates: int
    moves: tuple[str, ...]
    fingerprint: str
    per_instance: tuple[InstanceResult, ...]
    final_only: bool = False
    version: int = VERSION

    @property
    def sweeps(self) -> int:
        """Sweeps per replica in one episode."""
        return self.steps * self.sweeps_per_step

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two measurements the same one."""
        return (self.instances["hash"], *(getattr(self, name) for name in KEY))

    @property
    def successes(self) -> list[int]:
        """By instance."""
        return [row.successes for row in self.per_instance]

    @property
    def episodes(self) -> list[int]:
        """By instance."""
        return [row.episodes for row in self.per_instance]

    def to_json(self) -> dict[str, Any]:
        """The record as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Any, where: str = "result") -> Result:
        """Read a record back.

        Raises
        ------
        InputError
            If a key is missing, unknown or of the wrong type, or the version another; opens with `where`.
        """
        if isinstance(content, dict) and content.get("version") != VERSION:
            raise InputError(f"{where}: version is {content.get('version')!r}; {VERSION} is expected")
        result: Result = _read(content, cls, where)
        return result


def _read(value: Any, kind: Any, where: str) -> Any:
    """Check a value from JSON against a type hint of the record and convert it (lists to tuples, say)."""
    if is_dataclass(kind):
        if not isinstance(value, dict):
            raise InputError(f"{where}: a JSON object is expected")
        hints = get_type_hints(kind)
        for key in value:
            if key not in hints:
                raise InputError(f"{where}: unknown key {key!r}")
        for entry in fields(kind):
            if entry.name not in value and entry.default is MISSING:
                raise InputError(f"{where}: key {entry.name!r} is missing")
        return kind(**{key: _read(item, hints[key], f"{where}: {key}") for key, item in value.items()})  # type: ignore[operator]
    arguments = get_args(kind)
    if get_origin(kind) is tuple and isinstance(value, (list, tuple)):
        if arguments[-1] is Ellipsis:
            return tuple(_read(item, arguments[0], f"{where}[{i}]") for i, item in enumerate(value))
        if len(value) == len(arguments):
            return tuple(_read(value[i], arguments[i], f"{where}[{i}]") for i in range(len(value)))
    elif get_origin(kind) is dict and isinstance(value, dict):
        return {key: _read(item, arguments[1], f"{where}: {key}") for key, item in value.items()}
    elif kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    elif kind in (str, int, bool) and type(value) is kind:
        return value
    elif type(None) in arguments:
        return None if value is None else _read(value, arguments[0], where)
    raise InputError(f"{where}: {value!r} is of the wrong type; {getattr(kind, '__name__', kind)} is expected")


class ResultStore:
    """Append-only store of results: one line of JSON each in ``results.jsonl`` of a directory.

    A result is on the disk when :meth:`append` returns; a line that a killed process left half-written is dropped when
    the store is opened, so that an interrupted benchmark goes on where it was.

    Parameters
    ----------
    directory : str or Path
        Made if it is not there.
    """

    def __init__(self, directory: str | Path) -> None:
        self.path = Path(directory) / "results.jsonl"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{directory}: it cannot be made a directory: {error.strerror or error}") from None
        self._results: dict[tuple[Any, ...], Result] = {}
        data = self.path.read_bytes() if self.path.exists() else b""
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with self.path.open("r+b") as file:
                file.truncate(whole)
        for number, line in enumerate(data[:whole].splitlines(), start=1):
            where = f"{self.path}, line {number}"
            try:
                content = json.loads(line)
            except ValueError:
                raise InputError(f"{where}: no JSON; a result is expected") from None
            result = Result.from_json(content, where)
            self._results[result.key] = result

    def __iter__(self) -> Iterator[Result]:
        return iter(self._results.values())

    def __len__(self) -> int:
        return len(self._results)

    def get(self, key: tuple[Any, ...]) -> Result | None:
        """The result with this :attr:`Result.key`, if it is there."""
        return self._results.get(key)

    def append(self, result: Result) -> None:
        """Add a result; of two with the same key the later one counts."""
        line = json.dumps(result.to_json(), allow_nan=False) + "\n"
        with self.path.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
        self._results[result.key] = result


def write_text(path: str | Path, text: str) -> None:
    """Write a file beside its place and rename it in, so that no reader ever sees half of it.

    Links are followed, and devices and pipes written to instead of being replaced.

    Raises
    ------
    InputError
        If the place cannot be written; names it.
    """
    try:
        _write_text(Path(path), text)
    except OSError as error:
        raise InputError(f"{path}: it cannot be written: {error.strerror or error}") from None


def _write_text(path: Path, text: str) -> None:
    path = path.resolve()
    if path.exists() and not path.is_file() and not path.is_dir():
        path.write_text(text, encoding="utf-8")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; what is written here is meant to be shared as any other file is.
        os.chmod(name, 0o666 & ~_umask())  # noqa: PTH101
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises
    ------
    InputError
        If it cannot be read or is no JSON; names the file and the line.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; a readable JSON file is expected") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: it is no UTF-8 text; a JSON file is expected") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path}, line {error.lineno}: {error.msg}; JSON is expected") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
