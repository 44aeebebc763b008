"""Threads over slices of instances; the kernels let go of the interpreter's lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from itertools import pairwise

import numpy as np

from annealrl.ising import IntArray

_limit: ContextVar[int | None] = ContextVar("threads", default=None)


def available_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def at_most(threads: int) -> Iterator[None]:
    """Let energies that go parallel by themselves, having no such parameter, take this many threads in here."""
    token = _limit.set(threads)
    try:
        yield
    finally:
        _limit.reset(token)


def allowed_threads() -> int:
    """What :func:`at_most` says here; all available cores where it says nothing."""
    return _limit.get() or available_cores()


def run_slices(work: Callable[[int, int], None], count: int, threads: int) -> None:
    """Call ``work(first, last)`` so that 0 … count - 1 is covered, two slices to a thread so that they even out."""
    if threads == 1 or count == 1:
        work(0, count)
        return
    slices = min(count, 2 * threads)
    cuts = [count * k // slices for k in range(slices + 1)]
    # Slices that run at the same time are far from each other, so that threads do not write to the same cache lines.
    pending = deque(sorted(range(slices), key=lambda k: k % -(-slices // threads)))

    def work_off() -> None:
        while True:
            try:
                k = pending.popleft()
            except IndexError:
                return
            work(cuts[k], cuts[k + 1])

    others = [_pool(threads).submit(work_off) for _ in range(min(threads, slices) - 1)]
    try:
        work_off()
    finally:
        for other in others:
            other.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="annealrl")


def equal_runs(columns: IntArray, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Part first … last - 1 into runs (start, stop) of neighbours with equal rows of `columns`, shape (n, k)."""
    changes = np.flatnonzero((columns[first + 1 : last] != columns[first : last - 1]).any(axis=1)) + first + 1
    ends = [first, *(int(change) for change in changes), last]
    return pairwise(ends)
