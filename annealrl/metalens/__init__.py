"""Metalenses: a beam-propagation substitute for Maxwell's equations, reduced models fitted to it, goals, and design."""
