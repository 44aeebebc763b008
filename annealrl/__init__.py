"""Annealing environments, schedules, agents and honest benchmarks."""
