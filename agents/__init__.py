"""Policies, training and the zoo of trained agents."""
