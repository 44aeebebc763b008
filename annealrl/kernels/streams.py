"""Random words from counters: SplitMix64 with a stream's own increment.

Word number k of a stream is ``mix(position + k·gamma)``, so any word can be had without those before it: kernels that
stop drawing early stay in step with those that do not.

Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014 (state and increment together
hold 127 bits; the finaliser is variant 13 of Stafford).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annealrl.kernels.jit import jit
from annealrl.kernels.lanes import popcount

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB

_M1, _M2 = np.uint64(MIX_1), np.uint64(MIX_2)
_G1, _G2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_ONE = np.uint64(1)
_S27, _S30, _S31, _S32, _S33 = (np.uint64(k) for k in (27, 30, 31, 32, 33))


@jit("uint64(uint64)")
def mix(z: np.uint64) -> np.uint64:
    """Finaliser of SplitMix64."""
    z = (z ^ (z >> _S30)) * _M1
    z = (z ^ (z >> _S27)) * _M2
    return z ^ (z >> _S31)


@jit("uint64(uint64)")
def mix_gamma(z: np.uint64) -> np.uint64:
    """Turn a counter into an increment: odd, and without long runs of equal bits (section 5 of the source)."""
    z = (z ^ (z >> _S33)) * _G1
    z = (z ^ (z >> _S33)) * _G2
    z = (z ^ (z >> _S33)) | _ONE
    return z ^ np.uint64(0xAAAAAAAAAAAAAAAA) if popcount(z ^ (z >> _ONE)) < np.uint64(24) else z


@jit("int64(uint64, uint64)")
def site_of(counter: np.uint64, n: np.uint64) -> int:
    """Site 0 … n - 1 drawn at `counter`, which goes up by ``GOLDEN`` from draw to draw; bias below n·2**-32."""
    return int(((mix(counter) >> _S32) * n) >> _S32)


@jit("void(uint64, uint64[:, ::1])")
def seed_words(key: np.uint64, streams: npt.NDArray[np.uint64]) -> None:
    """Start one instance's streams, ``streams[0] = position`` and ``streams[1] = gamma`` of every word of replicas.

    Those of word w depend on `key` and w alone.
    """
    for w in range(streams.shape[1]):
        at = key + np.uint64(2 * w + 1) * GOLDEN
        streams[0, w] = mix(at)
        streams[1, w] = mix_gamma(at + GOLDEN)
