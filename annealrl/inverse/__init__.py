"""Learned inverse design: networks trained on simulated spectra, judged by the true simulator."""
