"""Branch and cut for one block: which open node is taken up by which worker, and what each knows when it begins.

Two workers search at a time, and what they find does not hang on how many threads they run on. Time is counted in
work done (:attr:`annealrl.solvers.nodes.Worker.work`) and not in seconds. A worker that is free at some time takes up
the best node that is open at that time, knowing what was found up to that time and nothing found later. On one thread
the worker that is behind in this count goes on first. On two threads a worker that is ahead waits until the other one
has come as far, which costs little, as equal work takes about equal seconds.
"""

from __future__ import annotations

import math
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from annealrl.ising import SpinArray
from annealrl.solvers.graph import SignedGraph
from annealrl.solvers.heuristics import Incumbent
from annealrl.solvers.nodes import Node, Report, Worker
from annealrl.solvers.probing import Prober
from annealrl.solvers.semidefinite import semidefinite_bound

WORKERS = 2
"""LPs that search nodes in turn, or at once where there are threads. Another number of them changes the course of the
search, the number of threads does not."""
_DENSE = 5
"""Edges a spin beyond which annealing and the semidefinite bound come first."""
_GLANCE = 0.005
"""Seconds between two glances at how far the workers on other threads have come."""


@dataclass(eq=False)
class _Seat:
    """A worker, the node it has in hand until all know what came of it, and that node's bound when it began."""

    worker: Worker | None = None
    ahead: int = 0
    node: Node | None = None
    known: int = 0
    running: Future[bool] | None = None
    finished: bool = True
    waiting: bool = False

    @property
    def time(self) -> int:
        """How far the worker has come."""
        return self.ahead + (0 if self.worker is None else self.worker.work)


class BranchAndCut:
    """Search for the cheapest configuration of a block.

    Parameters
    ----------
    graph : SignedGraph
        A connected graph.
    start : int8 array, optional
        Configuration to start from.
    deadline : float
        Time by ``time.perf_counter`` at which to stop.
    tolerance : int
        Nodes whose bound is within this cost of the incumbent are closed; their bound is reported truly.
    report : callable
        Called with (cost, bound) for every relaxation that was solved, after the root once the node is done.
    threads : int
        Threads to use; more than ``WORKERS`` are of no use.
    """

    def __init__(
        self,
        graph: SignedGraph,
        *,
        rng: np.random.Generator,
        deadline: float,
        tolerance: int = 0,
        start: SpinArray | None = None,
        report: Report | None = None,
        threads: int = 1,
    ) -> None:
        self.graph = graph
        self.deadline = deadline
        self.nodes = 0
        self._tolerance = tolerance
        self._report = report
        self._rng = rng
        self._threads = min(threads, WORKERS)
        self._prober = Prober(graph.costs)
        self._open: list[Node] = []
        self._closed: int | None = None
        self._late = False
        self._seats = [_Seat(waiting=number > 0) for number in range(WORKERS)]
        self.incumbent = Incumbent(graph, rng, start, deadline)

    def run(self) -> tuple[SpinArray, int]:
        """Search until proven or out of time; returns the best configuration and a lower bound on the cost of any."""
        bound = 0
        if len(self.graph.costs) > _DENSE * self.graph.n:
            self.incumbent.anneal(self.deadline)
            bound = semidefinite_bound(self.graph, self._rng, self.deadline)
        m = len(self.graph.costs)
        root = Node(bound, 0, np.zeros(m, dtype=np.int8), np.ones(m, dtype=np.int8))
        root.bound += (self.incumbent.cost - bound) % self.graph.step
        self._open = [root]
        with ThreadPoolExecutor(self._threads, thread_name_prefix="annealrl-solver") as pool:
            try:
                self._search(pool)
            finally:
                # After an exception the others are to stop soon.
                for seat in self._seats:
                    if seat.worker is not None:
                        seat.worker.deadline = -math.inf
        return self.incumbent.spins, self.bound

    @property
    def bound(self) -> int:
        """Lower bound on the cost of every configuration: the least of the closed nodes' and all others'."""
        bounds = [self.incumbent.cost, *(node.bound for node in self._open)]
        bounds += [seat.known for seat in self._seats if seat.node is not None]
        return min(bounds if self._closed is None else [*bounds, self._closed])

    def _search(self, pool: ThreadPoolExecutor) -> None:
        while True:
            for other in self._seats:
                if other.running is not None and other.running.done():
                    other.finished, other.running = other.running.result(), None
            free = [seat for seat in self._seats if seat.running is None and not seat.waiting]
            running = [seat for seat in self._seats if seat.running is not None]
            if not free and not running:
                return
            seat = min(free, key=lambda seat: seat.time, default=None)
            # Whoever else is running and behind may find something first.
            if seat is None or any(other.time <= seat.time for other in running):
                wait([other.running for other in running if other.running], _GLANCE, FIRST_COMPLETED)
                continue
            if seat.node is not None:
                self._publish(seat)
            node = self._best_for(seat)
            if node is None:
                seat.waiting = True
                continue
            worker = self._begin(seat, node)
            if self._threads == 1 or all(other.waiting for other in self._seats if other is not seat):
                seat.finished = worker.process(node)
            else:
                seat.running = pool.submit(worker.process, node)

    def _best_for(self, seat: _Seat) -> Node | None:
        """Take the open node of least bound, rather one where the worker's relaxation stands, rather a new one."""
        done = self.incumbent.cost - self._tolerance
        for node in self._open:
            if node.bound >= done:
                self._close(node.bound)
        self._open = [node for node in self._open if node.bound < done]
        if self._late or not self._open:
            return None
        best = min(
            reversed(self._open),
            key=lambda node: (node.bound, seat.worker is None or not seat.worker.ready_for(node)),
        )
        self._open.remove(best)
        return best

    def _begin(self, seat: _Seat, node: Node) -> Worker:
        """Let the worker know all that is known."""
        if seat.worker is None:
            first = seat is self._seats[0]
            rng = self._rng if first else self._rng.spawn(1)[0]
            seat.worker = Worker(
                self.graph, self.incumbent.twin(rng), deadline=self.deadline, tolerance=self._tolerance, anneals=first
            )
        seat.node, seat.known = node, node.bound
        seat.worker.incumbent.take(self.incumbent)
        seat.worker.prober.recall(self._prober)
        seat.worker.report = self._report if node.depth == 0 else None
        return seat.worker

    def _publish(self, seat: _Seat) -> None:
        """Let all know what came of the node in hand; who waits for open nodes may go on."""
        worker, node = seat.worker, seat.node
        assert worker is not None
        assert node is not None
        self.nodes += 1
        self.incumbent.take(worker.incumbent)
        for edge, gained in worker.prober.news():
            self._prober.remember(edge, gained)
        seat.node = None
        self._open += worker.children
        if worker.closed is not None:
            self._close(worker.closed)
        if not seat.finished:
            self._close(node.bound)
            self._late = True
        if self._report and node.depth:
            for bound in worker.bounds:
                self._report(self.incumbent.cost, min(self.bound, bound))
        for other in self._seats:
            if other.waiting:
                other.ahead += seat.time - other.time
                other.waiting = False

    def _close(self, bound: int) -> None:
        self._closed = bound if self._closed is None else min(self._closed, bound)
