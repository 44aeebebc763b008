#!/bin/sh
# The whole test suite, from a bare machine with Python 3.11 or newer.
. "$(dirname "$0")/environment.sh"

ruff check .
ruff format --check .
sh scripts/typecheck.sh
# The small kernel tests once more without the compiler and with bounds checked: what vector code can hide.
kernels="tests/annealrl/test_simulator.py tests/annealrl/test_dense.py tests/annealrl/test_multispin.py"
NUMBA_DISABLE_JIT=1 python -m pytest -q $kernels
NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=.venv/numba-boundscheck python -m pytest -q $kernels
exec python -m pytest -q "$@"
