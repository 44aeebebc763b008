r"""Scattering of light by spheres of concentric lossless layers, with exact derivatives by the radii.

In layer i a partial wave is u = A ψ_l + B χ_l of n_i k r, with the Riccati–Bessel functions ψ_l(x) = x j_l(x) and
χ_l(x) = -x y_l(x). The core has A = 1, B = 0. At an interface with m = n_{i+1}/n_i, F = m u, G = u' (TE) or F = u,
G = m u' (TM) go over, and in the outer layer A ← F χ' - G χ, B ← ψ G - ψ' F up to a common sign. In the medium

.. math:: |c_l|^2 = \frac{B^2}{A^2 + B^2}, \qquad
          Q_\mathrm{sca} = \frac{2}{x^2} \sum_l (2l + 1) (|a_l|^2 + |b_l|^2), \qquad x = n_\mathrm{medium} k R.

C. F. Bohren and D. R. Huffman, Absorption and Scattering of Light by Small Particles (1983), chapters 4 and 8.

A change of a layer's thickness moves its outer interface and those outside it; the waves inside stay. So (A, B) are
kept at every interface, and only what lies outside is computed anew. Derivatives by the radii go backwards through the
same interfaces; second derivatives of ψ and χ follow from their differential equation, u'' = (l(l+1)/x² - 1) u.
"""

from __future__ import annotations

import numpy as np

from annealrl.kernels.jit import jit

#: Downward recursion starts this far beyond the highest order and the turning point, so that its start is forgotten.
_MARGIN = 20


@jit("(float64, float64[::1], float64[::1], float64[::1], float64[::1])")
def riccati_bessel(x: float, psi: np.ndarray, psi_by: np.ndarray, chi: np.ndarray, chi_by: np.ndarray) -> None:
    """ψ_l(x), ψ'_l, χ_l, χ'_l for l = 0 … len - 1; x > 0.

    χ goes upwards. ψ would lose all digits that way: its ratios ρ_l = ψ_{l-1}/ψ_l go downwards, and the Wronskian
    ψ_{l-1} χ_l - ψ_l χ_{l-1} = 1 gives ψ_l from them.
    """
    top = len(psi) - 1
    sine, cosine = np.sin(x), np.cos(x)
    psi[0], chi[0] = sine, cosine
    psi_by[0], chi_by[0] = cosine, -sine
    if top == 0:
        return
    chi[1] = cosine / x + sine
    for order in range(1, top):
        chi[order + 1] = (2 * order + 1) / x * chi[order] - chi[order - 1]
    highest = max(top, int(x + 4.0 * np.cbrt(x))) + _MARGIN
    ratio = (2 * highest + 1) / x
    for order in range(highest - 1, 0, -1):
        ratio = (2 * order + 1) / x - 1.0 / ratio
        if order <= top:
            psi[order] = 1.0 / (ratio * chi[order] - chi[order - 1])
    for order in range(1, top + 1):
        psi_by[order] = psi[order - 1] - order / x * psi[order]
        chi_by[order] = chi[order - 1] - order / x * chi[order]


@jit("(int64, float64[::1], float64[::1], float64[:,::1], float64[:,:,:,:,::1], float64[:,:,:,:,::1], float64[::1])")
def scattering(
    first: int,
    radii: np.ndarray,
    wave_numbers: np.ndarray,
    indices: np.ndarray,
    known: np.ndarray,
    states: np.ndarray,
    out: np.ndarray,
) -> None:
    """Scattering efficiency of one sphere, computed outwards from interface `first`.

    Parameters
    ----------
    first : int
        The innermost interface that differs from what `known` was computed for; 0 computes everything.
    radii : float64, shape (L,)
        Outer radius of every layer, rising.
    wave_numbers : float64, shape (W,)
        2π over the vacuum wavelength, in reciprocal units of the radii.
    indices : float64, shape (L + 1, W)
        Of the layers, and of the medium last.
    known : float64, shape (W, L + 1, orders, 2, 2)
        (A, B) of both polarisations (TE, TM) inside every interface up to `first`, for l = 1 … orders.
    states : as `known`
        Written from interface `first` on; may be `known` itself. The last entry is the medium's.
    out : float64, shape (W,)
        Written.
    """
    layers, count, orders = len(radii), len(wave_numbers), states.shape[2]
    psi, psi_by, chi, chi_by = (np.empty(orders + 1), np.empty(orders + 1), np.empty(orders + 1), np.empty(orders + 1))
    far, far_by, near, near_by = (
        np.empty(orders + 1),
        np.empty(orders + 1),
        np.empty(orders + 1),
        np.empty(orders + 1),
    )
    for w in range(count):
        for t in range(orders):
            for polarisation in range(2):
                for part in range(2):
                    states[w, first, t, polarisation, part] = known[w, first, t, polarisation, part]
                if first == 0:
                    states[w, 0, t, polarisation, 0], states[w, 0, t, polarisation, 1] = 1.0, 0.0
        for i in range(first, layers):
            inner, outer = indices[i, w], indices[i + 1, w]
            m = outer / inner
            riccati_bessel(inner * wave_numbers[w] * radii[i], psi, psi_by, chi, chi_by)
            riccati_bessel(outer * wave_numbers[w] * radii[i], far, far_by, near, near_by)
            for t in range(orders):
                for polarisation in range(2):
                    a, b = states[w, i, t, polarisation, 0], states[w, i, t, polarisation, 1]
                    wave = a * psi[t + 1] + b * chi[t + 1]
                    slope = a * psi_by[t + 1] + b * chi_by[t + 1]
                    if polarisation == 0:
                        wave *= m
                    else:
                        slope *= m
                    states[w, i + 1, t, polarisation, 0] = wave * near_by[t + 1] - slope * near[t + 1]
                    states[w, i + 1, t, polarisation, 1] = far[t + 1] * slope - far_by[t + 1] * wave
        total = 0.0
        for t in range(orders):
            for polarisation in range(2):
                a, b = states[w, layers, t, polarisation, 0], states[w, layers, t, polarisation, 1]
                total += (2 * t + 3) * (b * b / (a * a + b * b))
        x = indices[layers, w] * wave_numbers[w] * radii[layers - 1]
        out[w] = 2.0 / (x * x) * total


@jit("(float64[::1], float64[::1], float64[:,::1], float64[:,:,:,:,::1], float64[::1], float64[:,::1])")
def derivatives(
    radii: np.ndarray,
    wave_numbers: np.ndarray,
    indices: np.ndarray,
    states: np.ndarray,
    efficiency: np.ndarray,
    out: np.ndarray,
) -> None:
    """∂Q/∂r_i of what :func:`scattering` computed into `states` and `efficiency`.

    Parameters
    ----------
    out : float64, shape (W, L)
        Written: the derivative by every interface's radius. A thickness moves all interfaces from its own outwards.
    """
    layers, count, orders = len(radii), len(wave_numbers), states.shape[2]
    psi, psi_by, chi, chi_by = (np.empty(orders + 1), np.empty(orders + 1), np.empty(orders + 1), np.empty(orders + 1))
    far, far_by, near, near_by = (
        np.empty(orders + 1),
        np.empty(orders + 1),
        np.empty(orders + 1),
        np.empty(orders + 1),
    )
    by = np.empty((orders, 2, 2))
    for w in range(count):
        x = indices[layers, w] * wave_numbers[w] * radii[layers - 1]
        for t in range(orders):
            for polarisation in range(2):
                a, b = states[w, layers, t, polarisation, 0], states[w, layers, t, polarisation, 1]
                size = a * a + b * b
                common = 2.0 / (x * x) * (2 * t + 3) * 2.0 * a * b / (size * size)
                by[t, polarisation, 0], by[t, polarisation, 1] = -common * b, common * a
        for i in range(layers - 1, -1, -1):
            inner, outer = indices[i, w], indices[i + 1, w]
            m = outer / inner
            k_in, k_out = inner * wave_numbers[w], outer * wave_numbers[w]
            x_in, x_out = k_in * radii[i], k_out * radii[i]
            riccati_bessel(x_in, psi, psi_by, chi, chi_by)
            riccati_bessel(x_out, far, far_by, near, near_by)
            total = 0.0
            for t in range(orders):
                square = (t + 1) * (t + 2)
                bend_in, bend_out = square / (x_in * x_in) - 1.0, square / (x_out * x_out) - 1.0
                for polarisation in range(2):
                    a, b = states[w, i, t, polarisation, 0], states[w, i, t, polarisation, 1]
                    wave = a * psi[t + 1] + b * chi[t + 1]
                    slope = a * psi_by[t + 1] + b * chi_by[t + 1]
                    times_wave = m if polarisation == 0 else 1.0
                    times_slope = 1.0 if polarisation == 0 else m
                    by_a, by_b = by[t, polarisation, 0], by[t, polarisation, 1]
                    by_wave = times_wave * (by_a * near_by[t + 1] - by_b * far_by[t + 1])
                    by_slope = times_slope * (by_b * far[t + 1] - by_a * near[t + 1])
                    total += k_in * (by_wave * slope + by_slope * bend_in * wave)
                    wave, slope = wave * times_wave, slope * times_slope
                    total += (k_out * by_a) * (wave * bend_out * near[t + 1] - slope * near_by[t + 1])
                    total += (k_out * by_b) * (slope * far_by[t + 1] - wave * bend_out * far[t + 1])
                    by[t, polarisation, 0] = by_wave * psi[t + 1] + by_slope * psi_by[t + 1]
                    by[t, polarisation, 1] = by_wave * chi[t + 1] + by_slope * chi_by[t + 1]
            out[w, i] = total
        out[w, layers - 1] -= 2.0 * efficiency[w] / radii[layers - 1]
