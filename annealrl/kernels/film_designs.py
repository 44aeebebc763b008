r"""Designs of thin films: compiled moves, energies and exact gradients.

The energy compares a spectrum q (reflectance R, transmittance T or absorbed share A = 1 - R - T) with a target, as the
mean over wavelengths of :math:`(q - q^*)^2`, or, without a target, asks for as much of it as can be: 1 - mean q.
Coordinates are thicknesses of some of the layers, or the permittivities of all (lossless, normal incidence) followed by
all thicknesses.

``ints`` holds layers L, wavelengths W, coordinates n, the quantity (:data:`QUANTITIES`), whether there is a target,
whether permittivities are coordinates, and the layer of every coordinate. ``floats`` is made by :func:`pack`. A
replica's cache holds thicknesses, the spectrum, the table of :func:`annealrl.kernels.transfer_matrix.tabulate` and,
where permittivities are coordinates, wave numbers and admittances; complex numbers stand as pairs. A proposal costs one
matrix a wavelength, an accepted one the whole table.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from annealrl.kernels.designs import APPLY, DELTA, INIT
from annealrl.kernels.jit import jit
from annealrl.kernels.transfer_matrix import derivatives, replaced, spectra, tabulate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Complex = npt.NDArray[np.complex128]

QUANTITIES = ("reflectance", "transmittance", "absorptance")
REFLECTANCE, TRANSMITTANCE, ABSORPTANCE = 0, 1, 2
_LAYERS, _COUNT, _COORDINATES, _QUANTITY, _TARGET, _FREE, _LAYER_OF = range(7)


def pack(
    thickness: Floats,
    target: Floats,
    vacuum: Floats,
    wave_numbers: Complex,
    admittances: Complex,
    incident: Complex,
    exit: Complex,
) -> Floats:
    """The ``floats`` of these functions.

    Parameters
    ----------
    thickness : float64, shape (L,)
        Of the layers that no coordinate sets.
    target, vacuum : float64, shape (W,)
        q*, and 2π over the vacuum wavelength.
    wave_numbers, admittances : complex128, shape (L, W)
    incident, exit : complex128, shape (W,)
        As :func:`annealrl.kernels.transfer_matrix.tabulate` takes them.
    """
    pairs = [np.ascontiguousarray(a).ravel().view(np.float64) for a in (wave_numbers, admittances, incident, exit)]
    return np.concatenate([thickness, target, vacuum, *pairs])


def cache_size(layers: int, count: int, free: bool) -> int:
    """Numbers in a replica's cache."""
    return layers + count + 12 * count * layers + (4 * count * layers if free else 0)


@jit("complex128[:,::1](float64[::1], int64, int64, int64)")
def _pairs(numbers: Floats, first: int, rows: int, columns: int) -> Complex:
    return numbers[first : first + 2 * rows * columns].view(np.complex128).reshape((rows, columns))


@jit("Tuple((complex128[:,::1], complex128[:,::1]))(float64[::1], int64[::1], float64[::1])")
def _media(floats: Floats, ints: Ints, cache: Floats) -> tuple[Complex, Complex]:
    """Wave numbers and admittances, which are the replica's own where permittivities are coordinates."""
    layers, count = ints[_LAYERS], ints[_COUNT]
    if ints[_FREE]:
        at = layers + count + 12 * count * layers
        return _pairs(cache, at, layers, count), _pairs(cache, at + 2 * layers * count, layers, count)
    at = layers + 2 * count
    return _pairs(floats, at, layers, count), _pairs(floats, at + 2 * layers * count, layers, count)


@jit("Tuple((complex128[::1], complex128[::1]))(float64[::1], int64[::1])")
def _outside(floats: Floats, ints: Ints) -> tuple[Complex, Complex]:
    """Admittances of the two half-spaces."""
    layers, count = ints[_LAYERS], ints[_COUNT]
    ends = _pairs(floats, layers + 2 * count + 4 * layers * count, 2, count)
    return ends[0], ends[1]


@jit("complex128[:,:,::1](int64[::1], float64[::1])")
def _table(ints: Ints, cache: Floats) -> Complex:
    layers, count = ints[_LAYERS], ints[_COUNT]
    return _pairs(cache, layers + count, count * layers, 6).reshape((count, layers, 6))


@jit("void(float64[::1], int64[::1], float64[::1], float64[::1])")
def _place(floats: Floats, ints: Ints, x: Floats, cache: Floats) -> None:
    """Put thicknesses, and media where they are free, into the cache."""
    layers, count = ints[_LAYERS], ints[_COUNT]
    for k in range(layers):
        cache[k] = floats[k]
    for c in range(ints[_COORDINATES]):
        if not ints[_FREE] or c >= layers:
            cache[ints[_LAYER_OF + c]] = x[c]
    if ints[_FREE]:
        wave_numbers, admittances = _media(floats, ints, cache)
        for k in range(layers):
            index = np.sqrt(x[k])
            for w in range(count):
                wave_numbers[k, w], admittances[k, w] = index * floats[layers + count + w], index


@jit("float64(complex128, complex128, complex128, complex128, int64)")
def _quantity(numerator: complex, denominator: complex, incident: complex, exit: complex, kind: int) -> float:
    """R, T or A of one wavelength."""
    size = denominator.real * denominator.real + denominator.imag * denominator.imag
    reflected = (numerator.real * numerator.real + numerator.imag * numerator.imag) / size
    if kind == REFLECTANCE:
        return reflected
    passed = 4.0 * incident.real * exit.real / size
    return passed if kind == TRANSMITTANCE else 1.0 - reflected - passed


@jit("float64(float64[::1], int64[::1], float64[::1])")
def _fill(floats: Floats, ints: Ints, cache: Floats) -> float:
    """Table and spectrum of what stands in the cache; returns the energy."""
    layers, count = ints[_LAYERS], ints[_COUNT]
    wave_numbers, admittances = _media(floats, ints, cache)
    incident, exit = _outside(floats, ints)
    table = _table(ints, cache)
    tabulate(cache[:layers], wave_numbers, admittances, incident, exit, table)
    energy = 0.0
    for w in range(count):
        numerator, denominator = replaced(wave_numbers[0, w], admittances[0, w], cache[0], table[w, 0])
        q = _quantity(numerator, denominator, incident[w], exit[w], ints[_QUANTITY])
        cache[layers + w] = q
        off = q - floats[layers + w]
        energy += off * off if ints[_TARGET] else 1.0 - q
    return float(energy / count)


@jit(INIT)
def film_init(floats: Floats, ints: Ints, x: Floats, cache: Floats) -> float:
    """Table and spectrum of a design."""
    _place(floats, ints, x, cache)
    return _fill(floats, ints, cache)


@jit(DELTA)
def film_delta(floats: Floats, ints: Ints, x: Floats, cache: Floats, i: int, value: float) -> float:
    """One matrix a wavelength."""
    layers, count, layer = ints[_LAYERS], ints[_COUNT], ints[_LAYER_OF + i]
    wave_numbers, admittances = _media(floats, ints, cache)
    incident, exit = _outside(floats, ints)
    table = _table(ints, cache)
    index = np.sqrt(value) if ints[_FREE] and i < layers else 0.0
    thickness = cache[layer] if index > 0.0 else value
    change = 0.0
    for w in range(count):
        wave_number, admittance = wave_numbers[layer, w], admittances[layer, w]
        if index > 0.0:
            wave_number, admittance = complex(index * floats[layers + count + w], 0.0), complex(index, 0.0)
        numerator, denominator = replaced(wave_number, admittance, thickness, table[w, layer])
        more = _quantity(numerator, denominator, incident[w], exit[w], ints[_QUANTITY]) - cache[layers + w]
        change += more * (more + 2.0 * (cache[layers + w] - floats[layers + w])) if ints[_TARGET] else -more
    return float(change / count)


@jit(APPLY)
def film_apply(floats: Floats, ints: Ints, x: Floats, cache: Floats, i: int, value: float) -> None:
    """The whole table anew."""
    layers, count, layer = ints[_LAYERS], ints[_COUNT], ints[_LAYER_OF + i]
    if ints[_FREE] and i < layers:
        wave_numbers, admittances = _media(floats, ints, cache)
        index = np.sqrt(value)
        for w in range(count):
            wave_numbers[layer, w], admittances[layer, w] = index * floats[layers + count + w], index
    else:
        cache[layer] = value
    _fill(floats, ints, cache)


@jit("void(float64[::1], int64[::1], float64[:,::1], float64[:,::1])")
def film_spectra(floats: Floats, ints: Ints, designs: Floats, out: Floats) -> None:
    """Spectra of designs, shape (R, n) → (R, W)."""
    layers, count = ints[_LAYERS], ints[_COUNT]
    cache = np.zeros(layers + count + 16 * count * layers)
    incident, exit = _outside(floats, ints)
    reflection, transmittance = np.zeros((1, count), np.complex128), np.zeros((1, count))
    for r in range(len(designs)):
        _place(floats, ints, designs[r], cache)
        wave_numbers, admittances = _media(floats, ints, cache)
        thickness = cache[:layers].reshape((1, layers))
        spectra(thickness, wave_numbers, admittances, incident, exit, reflection, transmittance)
        for w in range(count):
            amplitude, passed = reflection[0, w], transmittance[0, w]
            reflected = amplitude.real * amplitude.real + amplitude.imag * amplitude.imag
            if ints[_QUANTITY] == REFLECTANCE:
                out[r, w] = reflected
            else:
                out[r, w] = passed if ints[_QUANTITY] == TRANSMITTANCE else 1.0 - reflected - passed


@jit(
    "void(float64[::1], int64[::1], float64[::1], complex128[:,:,::1], complex128[::1], float64[::1],"
    " complex128[:,::1], float64[:,::1])"
)
def _by_index(
    floats: Floats,
    ints: Ints,
    cache: Floats,
    table: Complex,
    reflection: Complex,
    transmittance: Floats,
    reflection_by: Complex,
    transmittance_by: Floats,
) -> None:
    """∂r/∂n_k and ∂T/∂n_k at normal incidence, where both the phase and the admittance have the index in them."""
    layers, count = ints[_LAYERS], ints[_COUNT]
    wave_numbers, admittances = _media(floats, ints, cache)
    for w in range(count):
        for k in range(layers):
            around, eta, phase = table[w, k], admittances[k, w], wave_numbers[k, w] * cache[k]
            cosine, sine = np.cos(phase), np.sin(phase)
            by_phase = floats[layers + count + w] * cache[k]
            above = by_phase * (-sine * around[4] - 1j * cosine / eta * around[5])
            above += 1j * sine / (eta * eta) * around[5]
            below = by_phase * (-sine * around[5] - 1j * eta * cosine * around[4]) - 1j * sine * around[4]
            _, denominator = replaced(wave_numbers[k, w], eta, cache[k], around)
            change = (around[2] * above + around[3] * below) / denominator
            reflection_by[w, k] = (around[0] * above + around[1] * below) / denominator - reflection[w] * change
            transmittance_by[w, k] = -2.0 * transmittance[w] * change.real


@jit("void(float64[::1], int64[::1], float64[:,::1], float64[:,::1], float64[:,:,::1])")
def film_slopes(floats: Floats, ints: Ints, designs: Floats, out: Floats, slopes: Floats) -> None:
    """Spectra of designs and their derivatives by all coordinates, shapes (R, n) → (R, W) and (R, W, n)."""
    layers, count = ints[_LAYERS], ints[_COUNT]
    cache = np.zeros(layers + count + 16 * count * layers)
    incident, exit = _outside(floats, ints)
    table = _table(ints, cache)
    reflection, transmittance = np.zeros(count, np.complex128), np.zeros(count)
    reflection_by, transmittance_by = np.zeros((count, layers), np.complex128), np.zeros((count, layers))
    by_index = np.zeros((count, layers), np.complex128), np.zeros((count, layers))
    for r in range(len(designs)):
        _place(floats, ints, designs[r], cache)
        wave_numbers, admittances = _media(floats, ints, cache)
        thickness = cache[:layers]
        derivatives(
            thickness, wave_numbers, admittances, incident, exit,
            table, reflection, transmittance, reflection_by, transmittance_by,
        )  # fmt: skip
        if ints[_FREE]:
            _by_index(floats, ints, cache, table, reflection, transmittance, by_index[0], by_index[1])
        for w in range(count):
            amplitude, passed = reflection[w], transmittance[w]
            reflected = amplitude.real * amplitude.real + amplitude.imag * amplitude.imag
            kind = ints[_QUANTITY]
            out[r, w] = reflected if kind == REFLECTANCE else passed
            if kind == ABSORPTANCE:
                out[r, w] = 1.0 - reflected - passed
            for c in range(ints[_COORDINATES]):
                layer = ints[_LAYER_OF + c]
                free = ints[_FREE] and c < layers
                amplitude_by = by_index[0][w, layer] if free else reflection_by[w, layer]
                passed_by = by_index[1][w, layer] if free else transmittance_by[w, layer]
                reflected_by = 2.0 * (amplitude.real * amplitude_by.real + amplitude.imag * amplitude_by.imag)
                slopes[r, w, c] = reflected_by if kind == REFLECTANCE else passed_by
                if kind == ABSORPTANCE:
                    slopes[r, w, c] = -reflected_by - passed_by
                if free:  # by the permittivity, n²
                    slopes[r, w, c] *= 0.5 / np.sqrt(designs[r, c])
