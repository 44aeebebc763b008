"""What replicas do around each site, pooled over them: statistics that no gauge transformation changes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annealrl.kernels.jit import jit
from annealrl.kernels.lanes import LANES, accumulate, popcount

U64 = npt.NDArray[np.uint64]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]


@jit(
    "void(int32[:, :, ::1], float64[:, :, ::1], float64[:, ::1], int32[:, ::1], int64[::1], uint64[:, :, ::1],"
    " int64, float32[:, :, ::1], int64, int64)"
)
def stars(
    neighbours: I32,
    couplings: F64,
    fields: F64,
    degrees: I32,
    sizes: npt.NDArray[np.int64],
    spins: U64,
    replicas: int,
    out: F32,
    first: int,
    last: int,
) -> None:
    """Write the statistics of each site's star, the site with its bonds: ``out[instance, statistic, site]``.

    Statistics, for site i with a = Σ_k |J_ik| + |h_i| and u_r = s_i (Σ_k J_ik s_k + h_i)/a of replica r: 0: 1; 1 and 2:
    mean and standard deviation of u over the replicas; 3: mean over the bonds of the link overlap, that of s_i s_k over
    pairs of different replicas; 4: a. What lies beyond an instance's size stays as it was.
    """
    words = spins.shape[2]
    sums = np.zeros(LANES)
    for instance in range(first, last):
        for i in range(sizes[instance]):
            strength = abs(fields[instance, i])
            for k in range(degrees[instance, i]):
                strength += abs(couplings[instance, i, k])
            total, square = 0.0, 0.0
            for w in range(words):
                s = spins[instance, i, w]
                sums[:] = 0.0
                accumulate(sums, 0, s, fields[instance, i])
                for k in range(degrees[instance, i]):
                    unlike = spins[instance, neighbours[instance, i, k], w] ^ s
                    accumulate(sums, 0, ~unlike, couplings[instance, i, k])
                for lane in range(min(LANES, replicas - w * LANES)):
                    total += sums[lane]
                    square += sums[lane] * sums[lane]
            overlap = 0.0
            for k in range(degrees[instance, i]):
                differing = np.int64(0)
                for w in range(words):
                    used = replicas - w * LANES
                    unlike = spins[instance, neighbours[instance, i, k], w] ^ spins[instance, i, w]
                    if used < LANES:
                        unlike &= (np.uint64(1) << np.uint64(used)) - np.uint64(1)
                    differing += np.int64(popcount(unlike))
                total_sign = np.float64(replicas - 2 * differing)
                # Less what each replica has with itself; a single one has no other.
                overlap += (total_sign * total_sign - replicas) / max(1, replicas * (replicas - 1))
            scale = strength if strength > 0.0 else 1.0
            mean = total / (replicas * scale)
            variance = square / (replicas * scale * scale) - mean * mean
            out[instance, 0, i] = 1.0
            out[instance, 1, i] = mean
            out[instance, 2, i] = np.sqrt(max(variance, 0.0))
            out[instance, 3, i] = overlap / max(1, degrees[instance, i])
            out[instance, 4, i] = strength
