# Sourced by the other scripts: makes .venv if it is missing and installs what the checkout declares, once.
set -eu
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
if [ ! -x .venv/bin/python ]; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "annealrl needs Python 3.11 or newer; set PYTHON to one (found: $("$python" --version))" >&2
        exit 2
    }
    "$python" -m venv .venv
fi

# A stamp of everything that decides what is installed: unchanged, nothing is installed again.
stamp=$(cat pyproject.toml scripts/constraints.txt | cksum)
if [ "$(cat .venv/annealrl-installed 2>/dev/null || true)" != "$stamp" ]; then
    PIP_CONSTRAINT=scripts/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
        .venv/bin/python -m pip install --quiet --editable '.[dev]'
    echo "$stamp" > .venv/annealrl-installed
fi
PATH="$PWD/.venv/bin:$PATH"
export PATH
