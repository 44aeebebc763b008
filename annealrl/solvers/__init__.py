"""Certified ground states: an exact branch and cut for sparse Ising models."""

from annealrl.solvers.exact import solve
from annealrl.solvers.solution import Solution

__all__ = ["Solution", "solve"]
