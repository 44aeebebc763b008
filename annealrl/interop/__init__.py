"""Samplers for the annealing ecosystem; needs the extra ``interop``."""

from annealrl.interop.sampler import AnnealRLSampler

__all__ = ["AnnealRLSampler"]
