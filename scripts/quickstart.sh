#!/bin/sh
# From a bare machine with Python 3.11 or newer to the table of the README: installs, tunes, evaluates, reports.
. "$(dirname "$0")/environment.sh"
exec python scripts/quickstart.py "$@"
