#!/bin/sh
# mypy over everything that ships. The four folders are one package by mapping alone, which mypy does not know: it is
# shown a tree of links that looks like the installed package (checking the bare folders would be a false green).
set -eu
cd "$(dirname "$0")/.."
root=$PWD
rm -rf .typecheck
mkdir -p .typecheck/annealrl
for entry in annealrl/*; do ln -s "$root/$entry" .typecheck/annealrl/; done
for folder in envs agents instances; do ln -s "$root/$folder" ".typecheck/annealrl/$folder"; done
cd .typecheck
MYPYPATH=. "$root/.venv/bin/python" -m mypy --config-file "$root/pyproject.toml" -p annealrl
