"""Number partitioning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from annealrl import register
from annealrl.errors import InputError
from annealrl.hamiltonian import Hamiltonian
from annealrl.ising import IsingModel, SpinArray


@register("NumberPartitioning-v0")
@dataclass(frozen=True)
class NumberPartitioning(Hamiltonian):
    r"""Part n random numbers of b bits into two heaps of nearly equal sums (Mertens, Phys. Rev. Lett. 81, 4281 (1998)).

    .. math:: H = \Big( \sum_i a_i s_i \Big)^2, \qquad a_i = k_i / 2^b, \quad k_i \in \{1, \dots, 2^b\}

    The energy is the squared difference of the heaps, offset included, so that a perfect partition has 0 (or 2^(-2b)
    where the sum of all k is odd). There are perfect partitions almost surely for b below about n, and almost none
    above. The optimum is found with the instance, by dynamic programming over the sums that can be reached.
    """

    n: int = 24
    bits: int = 10

    example: ClassVar[Mapping[str, Any]] = {"n": 10, "bits": 9}
    symmetries: ClassVar[tuple[str, ...]] = ("spin-flip",)

    def __post_init__(self) -> None:
        # Two energies differ by 4·4^-b at least, and an optimum is told from the next within 1e-9 of Σ|J| < n².
        if self.n < 2 or self.bits < 1 or self.n**2 * 4.0**self.bits > 2e9:
            raise InputError(
                f"n and bits are {self.n} and {self.bits}; n ≥ 2, bits ≥ 1 and n²·4^bits ≤ 2e9 are expected, beyond "
                "which energies of different partitions could not be told apart"
            )

    def sample(self, rng: np.random.Generator) -> IsingModel:
        """Draw the numbers."""
        k = rng.integers(1, 2**self.bits, self.n, endpoint=True)
        a = k / 2.0**self.bits
        edges = np.stack(np.triu_indices(self.n, 1), axis=1)
        couplings = -2 * a[edges[:, 0]] * a[edges[:, 1]]
        return IsingModel(
            self.n,
            edges,
            couplings,
            np.zeros(self.n),
            offset=float((a**2).sum()),
            ground_spins=best_partition(k.tolist()),
        )


def best_partition(numbers: list[int]) -> SpinArray:
    """Return ±1 for each number such that the difference of the two heaps is least; exact, by reachable sums."""
    reachable = [1]  # bit t of reachable[i] says whether some of the first i numbers add up to t
    for number in numbers:
        reachable.append(reachable[-1] | reachable[-1] << number)
    half = sum(numbers) // 2
    target = (reachable[-1] & ((1 << (half + 1)) - 1)).bit_length() - 1
    spins = np.full(len(numbers), -1, np.int8)
    for i in range(len(numbers) - 1, -1, -1):
        if not reachable[i] >> target & 1:
            spins[i] = 1
            target -= numbers[i]
    return spins
