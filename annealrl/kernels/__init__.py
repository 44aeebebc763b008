"""All compiled code of the package; nothing outside this folder is passed to numba.

Replicas are the vector lanes: the spins of 64 replicas at one site are the bits of one 64-bit word (bit 1 is +1), so
that flips, alignments with neighbours and the bookkeeping of best configurations are word operations, and one proposal
moves 64 replicas at once.
"""
