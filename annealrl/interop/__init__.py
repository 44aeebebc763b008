"""Samplers for the annealing ecosystem (dimod, D-Wave's Ocean); needs the extra ``interop``."""

from annealrl.interop.learned import LearnedScheduleSampler
from annealrl.interop.sampler import AnnealRLSampler
from annealrl.mean_schedule import MeanSchedule, mean_schedule

__all__ = ["AnnealRLSampler", "LearnedScheduleSampler", "MeanSchedule", "mean_schedule"]
