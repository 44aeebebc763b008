"""The mapped layout: everything ships, nothing shadows, imports go one way, doctests run."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import annealrl

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    "annealrl": "annealrl",
    "annealrl.envs": "envs",
    "annealrl.agents": "agents",
    "annealrl.instances": "instances",
}


def module_names() -> list[str]:
    names = ["annealrl"]
    for package in FOLDERS:
        paths = importlib.import_module(package).__path__
        names += [found.name for found in pkgutil.walk_packages(paths, f"{package}.")]
    return sorted(set(names))


def test_every_package_folder_is_listed() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = set()
    for package, folder in FOLDERS.items():
        for file in (ROOT / folder).rglob("__init__.py"):
            inside = file.parent.relative_to(ROOT / folder)
            found.add(".".join([package, *inside.parts]))
    assert set(listed) == found


def test_the_folders_are_never_imported_by_their_bare_names() -> None:
    for name in module_names():
        importlib.import_module(name)
    assert not {"envs", "agents", "instances"} & set(sys.modules)


def test_imports_go_one_way() -> None:
    # instances, envs → annealrl (and envs use generators); agents → envs, annealrl; the engine uses none of them.
    allowed = {
        "annealrl": set(),
        "instances": {"annealrl.instances"},
        "envs": {"annealrl.envs", "annealrl.instances"},
        "agents": {"annealrl.agents", "annealrl.envs", "annealrl.instances"},
    }
    rooms = {"annealrl.instances", "annealrl.envs", "annealrl.agents"}
    for folder, may in allowed.items():
        for file in (ROOT / folder).rglob("*.py"):
            if "cli" in file.relative_to(ROOT).parts:
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                for name in names:
                    room = ".".join(name.split(".")[:2])
                    assert room not in rooms - may, f"{file.relative_to(ROOT)} imports {name}"


def test_compiled_code_stands_in_kernels_alone() -> None:
    for folder in FOLDERS.values():
        for file in (ROOT / folder).rglob("*.py"):
            if file.parent.name != "kernels":
                assert "import numba" not in file.read_text(), file
                assert "from numba" not in file.read_text(), file


@pytest.mark.parametrize("name", module_names())
def test_doctests(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_help_needs_no_torch_and_no_compiler() -> None:
    code = "import sys, annealrl.cli; sys.exit(bool({'torch', 'numba', 'scipy', 'networkx'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_installed_wheel_works_outside_the_checkout(tmp_path: Path) -> None:
    # Built from a copy: setuptools keeps a build folder beside the sources, and files long deleted in it.
    source = tmp_path / "source"
    unwanted = shutil.ignore_patterns(".*", "__pycache__", "build", "runs", "*.egg-info")
    shutil.copytree(ROOT, source, ignore=unwanted)
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "-w", str(tmp_path), str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    target = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
        names = archive.namelist()
    assert not any(name.split("/")[0] in {"envs", "agents", "instances", "tests", "scripts"} for name in names)
    code = (
        "import annealrl, gymnasium as gym; assert 'site' in annealrl.__file__, annealrl.__file__;"
        "env = gym.make('EdwardsAnderson2D-v0', length=3, steps=2, sweeps_per_step=1);"
        "env.reset(seed=0); env.step([0.5]);"
        "from annealrl.instances import catalogue; assert len(catalogue.load('cool-4')) == 100"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(target)}
    )


def test_version() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == annealrl.__version__
