"""Conformance kit: what a plug-in promises, checked; the package's own tests use nothing else.

Every check takes an object, raises an ``AssertionError`` that says what was expected, and returns nothing.
"""

from annealrl.testing.hamiltonian import check_hamiltonian
from annealrl.testing.method import check_baseline
from annealrl.testing.objective import check_objective
from annealrl.testing.vector_env import check_vector_env

__all__ = ["check_baseline", "check_hamiltonian", "check_objective", "check_vector_env"]
