r"""Transfer matrices of thin films: reflectance, transmittance, and their exact derivatives by the thicknesses.

A layer with admittance η and wave number k_z across the films has the matrix

.. math:: M = \begin{pmatrix} \cos δ & -\mathrm{i} \sin δ / η \\ -\mathrm{i} η \sin δ & \cos δ \end{pmatrix},
          \qquad δ = k_z d,

which takes the fields at its far side to those at its near side; with (B, C) = Π M · (1, η_out),

.. math:: r = \frac{η_\mathrm{in} B - C}{η_\mathrm{in} B + C}, \qquad
          T = \frac{4 η_\mathrm{in} \mathrm{Re}\, η_\mathrm{out}}{|η_\mathrm{in} B + C|^2}.

Time goes as exp(-iωt), so that absorption is a positive imaginary part of the index. Polarisation and angle enter
through η and k_z alone: η = n cos θ (s) or n / cos θ (p). H. A. Macleod, Thin-Film Optical Filters, chapter 2.

The derivative by one thickness needs what stands before and after that layer: the rows (η_in, ∓1) times the product of
the matrices before it, and the product of those after it times (1, η_out). Both are kept for all layers, so that all
derivatives cost about as much as the value, and a proposal that changes one layer costs one matrix a wavelength.
"""

from __future__ import annotations

import numpy as np

from annealrl.kernels.jit import jit


@jit("UniTuple(complex128, 2)(complex128, float64)", inline=False)
def _cosine_sine(wave_number: complex, thickness: float) -> tuple[complex, complex]:
    """Cosine and sine of a phase; a real one is spared the hyperbolic functions."""
    real = wave_number.real * thickness
    cosine, sine = np.cos(real), np.sin(real)
    imaginary = wave_number.imag * thickness
    if imaginary == 0.0:
        return complex(cosine, 0.0), complex(sine, 0.0)
    grown = np.exp(imaginary)
    even, odd = 0.5 * (grown + 1.0 / grown), 0.5 * (grown - 1.0 / grown)
    return complex(cosine * even, -sine * odd), complex(sine * even, cosine * odd)


@jit("(float64[::1], complex128[:,::1], complex128[:,::1], complex128[::1], complex128[::1], complex128[:,:,::1])")
def tabulate(
    thickness: np.ndarray,
    wave_numbers: np.ndarray,
    admittances: np.ndarray,
    incident: np.ndarray,
    exit: np.ndarray,
    table: np.ndarray,
) -> None:
    """Fill what a change of one layer needs, for every layer and wavelength.

    Parameters
    ----------
    thickness : float64, shape (L,)
    wave_numbers, admittances : complex128, shape (L, W)
        k_z, in reciprocal units of `thickness`, and η.
    incident, exit : complex128, shape (W,)
        η of the two half-spaces.
    table : complex128, shape (W, L, 6)
        Written: the two rows before the layer (of the numerator of r, then of its denominator) and the column behind.
    """
    layers, count = wave_numbers.shape
    for w in range(count):
        first, second = complex(1.0, 0.0), exit[w]
        for k in range(layers - 1, -1, -1):
            table[w, k, 4], table[w, k, 5] = first, second
            cosine, sine = _cosine_sine(wave_numbers[k, w], thickness[k])
            eta = admittances[k, w]
            above = cosine * first - 1j * sine / eta * second
            second = cosine * second - 1j * eta * sine * first
            first = above
        numerator_0, numerator_1 = incident[w], complex(-1.0, 0.0)
        denominator_0, denominator_1 = incident[w], complex(1.0, 0.0)
        for k in range(layers):
            table[w, k, 0], table[w, k, 1] = numerator_0, numerator_1
            table[w, k, 2], table[w, k, 3] = denominator_0, denominator_1
            cosine, sine = _cosine_sine(wave_numbers[k, w], thickness[k])
            down, across = -1j * admittances[k, w] * sine, -1j * sine / admittances[k, w]
            kept = numerator_0
            numerator_0 = numerator_0 * cosine + numerator_1 * down
            numerator_1 = kept * across + numerator_1 * cosine
            kept = denominator_0
            denominator_0 = denominator_0 * cosine + denominator_1 * down
            denominator_1 = kept * across + denominator_1 * cosine


@jit("UniTuple(complex128, 2)(complex128, complex128, float64, complex128[::1])")
def replaced(
    wave_number: complex, admittance: complex, thickness: float, around: np.ndarray
) -> tuple[complex, complex]:
    """Numerator and denominator of r with another layer between what stands `around` it.

    Parameters
    ----------
    around : complex128, shape (6,)
        ``table[w, k]`` of :func:`tabulate`.
    """
    cosine, sine = _cosine_sine(wave_number, thickness)
    above = cosine * around[4] - 1j * sine / admittance * around[5]
    below = cosine * around[5] - 1j * admittance * sine * around[4]
    return around[0] * above + around[1] * below, around[2] * above + around[3] * below


@jit(
    "(float64[:,::1], complex128[:,::1], complex128[:,::1], complex128[::1], complex128[::1], complex128[:,::1], "
    "float64[:,::1])"
)
def spectra(
    thickness: np.ndarray,
    wave_numbers: np.ndarray,
    admittances: np.ndarray,
    incident: np.ndarray,
    exit: np.ndarray,
    reflection: np.ndarray,
    transmittance: np.ndarray,
) -> None:
    """Amplitude r and transmittance T of many designs.

    Parameters
    ----------
    thickness : float64, shape (D, L)
    reflection, transmittance : complex128 and float64, shape (D, W)
        Written; |r|² is the reflectance where the incident medium is lossless.
    """
    layers, count = wave_numbers.shape
    for d in range(thickness.shape[0]):
        for w in range(count):
            first, second = complex(1.0, 0.0), exit[w]
            for k in range(layers - 1, -1, -1):
                cosine, sine = _cosine_sine(wave_numbers[k, w], thickness[d, k])
                eta = admittances[k, w]
                above = cosine * first - 1j * sine / eta * second
                second = cosine * second - 1j * eta * sine * first
                first = above
            denominator = incident[w] * first + second
            reflection[d, w] = (incident[w] * first - second) / denominator
            size = denominator.real * denominator.real + denominator.imag * denominator.imag
            transmittance[d, w] = 4.0 * incident[w].real * exit[w].real / size


@jit(
    "(float64[::1], complex128[:,::1], complex128[:,::1], complex128[::1], complex128[::1], complex128[:,:,::1], "
    "complex128[::1], float64[::1], complex128[:,::1], float64[:,::1])"
)
def derivatives(
    thickness: np.ndarray,
    wave_numbers: np.ndarray,
    admittances: np.ndarray,
    incident: np.ndarray,
    exit: np.ndarray,
    table: np.ndarray,
    reflection: np.ndarray,
    transmittance: np.ndarray,
    reflection_by: np.ndarray,
    transmittance_by: np.ndarray,
) -> None:
    """Amplitude r and transmittance T of one design, and their derivatives by every thickness.

    Parameters
    ----------
    table : complex128, shape (W, L, 6)
        Written, as by :func:`tabulate`.
    reflection, transmittance : complex128 and float64, shape (W,)
        Written.
    reflection_by, transmittance_by : complex128 and float64, shape (W, L)
        Written: ∂r/∂d_k and ∂T/∂d_k.
    """
    layers, count = wave_numbers.shape
    tabulate(thickness, wave_numbers, admittances, incident, exit, table)
    for w in range(count):
        numerator = denominator = complex(0.0, 0.0)
        for k in range(layers):
            cosine, sine = _cosine_sine(wave_numbers[k, w], thickness[k])
            eta = admittances[k, w]
            first, second = table[w, k, 4], table[w, k, 5]
            if k == 0:
                above = cosine * first - 1j * sine / eta * second
                below = cosine * second - 1j * eta * sine * first
                numerator = table[w, 0, 0] * above + table[w, 0, 1] * below
                denominator = table[w, 0, 2] * above + table[w, 0, 3] * below
                r = numerator / denominator
                reflection[w] = r
                size = denominator.real * denominator.real + denominator.imag * denominator.imag
                transmittance[w] = 4.0 * incident[w].real * exit[w].real / size
            above = wave_numbers[k, w] * (-sine * first - 1j * cosine / eta * second)
            below = wave_numbers[k, w] * (-sine * second - 1j * eta * cosine * first)
            change = (table[w, k, 2] * above + table[w, k, 3] * below) / denominator
            reflection_by[w, k] = (table[w, k, 0] * above + table[w, k, 1] * below) / denominator - r * change
            transmittance_by[w, k] = -2.0 * transmittance[w] * change.real
