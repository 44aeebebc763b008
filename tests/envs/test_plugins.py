"""Families from outside: installed packages, own files, sets sampled from them; what is said of bad ones."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from annealrl import registry
from annealrl.cli.app import run
from annealrl.errors import InputError
from annealrl.instances import load
from annealrl.instances.catalogue import test_instances as known_test_instances
from annealrl.plugins import load_plugin, resolve
from annealrl.tuning import tune

FAMILY = '''
"""A family from outside."""

from dataclasses import dataclass

import numpy as np

from annealrl import Hamiltonian, IsingModel, register


@register("{env_id}")
@dataclass(frozen=True)
class {name}(Hamiltonian):
    """Ring of antiferromagnetic bonds of random strength (Nobody, J. Rings 1, 1 (2001))."""

    n: int = 9

    def sample(self, rng: np.random.Generator) -> IsingModel:
        edges = [(i, (i + 1) % self.n) for i in range(self.n)]
        return IsingModel.from_edges(edges, -rng.uniform(0.5, 1.5, self.n))
'''
PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "ring-plugin"
version = "1.0"

[project.entry-points."annealrl.plugins"]
"PluggedRing-v0" = "ring_plugin.families:PluggedRing"
"Missing-v0" = "ring_plugin.nowhere:Missing"

[tool.setuptools]
packages = ["ring_plugin"]
"""
#: Run where the plug-in is installed; nothing names its module.
SESSION = """
import sys
import gymnasium as gym
import annealrl
assert "ring_plugin" not in sys.modules, "names, not modules"
env = gym.make("PluggedRing-v0", n=7, steps=2, sweeps_per_step=1)
assert env.reset(seed=0)[0].shape == (64, 7)
assert gym.make_vec("PluggedRing-v0", num_envs=3, steps=2).reset(seed=0)[0].shape == (3, 64, 9)
from annealrl.cli.app import run
assert run(["list", "envs"]) == 0
small = "env.num_envs=16 env.steps=4 env.sweeps_per_step=2 env.group_size=4 validation.instances=2"
changes = [word for change in ["episodes=16", "ppo.batch_episodes=16", *small.split()] for word in ("--set", change)]
assert run(["train", "--env", "PluggedRing-v0", "--out", "agent", *changes]) == 0
measured = ["--episodes", "2", "--steps", "4", "--sweeps-per-step", "2", "--json", "table.json"]
methods = "linear:0:5,agent:agent"
assert run(["benchmark", "--instances", "env:PluggedRing-v0,n=8:3", "--methods", methods, *measured]) == 0
"""


def write_package(folder: Path) -> None:
    package = folder / "ring_plugin"
    package.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (package / "__init__.py").write_text("")
    (package / "families.py").write_text(FAMILY.format(env_id="PluggedRing-v0", name="PluggedRing"))


def test_an_installed_package_brings_its_family(tmp_path: Path) -> None:
    source, site, work = tmp_path / "source", tmp_path / "site", tmp_path / "work"
    write_package(source)
    work.mkdir()
    install = ["install", "-q", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(site), str(source)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(site), "ANNEALRL_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SESSION],
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "PluggedRing-v0" in done.stdout
    assert "Ring of antiferromagnetic bonds" in done.stdout
    assert "J. Rings 1, 1 (2001)" in done.stdout
    assert "cannot be loaded" in done.stdout, "a broken plug-in has a row that says so, and hurts nobody"
    table = json.loads((work / "table.json").read_text())
    assert {row["method"] for row in table["results"]} == {"linear:0:5", "agent:agent"}


def test_gymnasium_finds_the_package_without_an_import() -> None:
    code = "import gymnasium as gym; assert gym.make('annealrl:SK-v0', n=6).reset(seed=0)[0].shape == (64, 6)"
    code += "; assert gym.make_vec('annealrl:SK-v0', num_envs=2, n=6).reset(seed=0)[0].shape == (2, 64, 6)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


@pytest.fixture
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A script with a family, in the current folder; what it registers is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "rings.py"
    text = FAMILY.format(env_id=f"Own{tmp_path.name.replace('_', '')}-v0", name="OwnRing")
    file.write_text(text + "\nif __name__ == '__main__':\n    raise RuntimeError('only as a script')\n")
    before = set(registry.env_ids())
    yield file
    for env_id in set(registry.env_ids()) - before:
        del registry._families[env_id]
        del gym.registry[env_id]


def own_id(file: Path) -> str:
    return f"Own{file.parent.name.replace('_', '')}-v0"


def test_a_file_of_ones_own_works_from_the_shell(own_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = "env.num_envs=16 env.steps=4 env.sweeps_per_step=2 env.group_size=4 validation.instances=2"
    changes = [
        word for change in ["episodes=16", "ppo.batch_episodes=16", *small.split()] for word in ("--set", change)
    ]
    assert run(["train", "--env", "rings.py:OwnRing", "--out", "agent", *changes]) == 0
    spent = ["--episodes", "2", "--steps", "4", "--sweeps-per-step", "2", "--json", "-"]
    instances = ["--instances", f"env:{own_id(own_file)},n=8:3"]
    capsys.readouterr()
    assert run(["evaluate", "--plugin", "rings.py", *instances, "--method", "agent:agent", *spent]) == 0
    assert json.loads(capsys.readouterr().out)["instances"]["name"] == f"env:{own_id(own_file)},n=8:3"
    assert run(["--plugin=rings.py", "benchmark", *instances, "--methods", "agent:agent,linear:0:4", *spent]) == 0
    capsys.readouterr()
    assert run(["list", "envs", "--plugin", "rings.py", "--json"]) == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert listed[own_id(own_file)]["parameters"] == "n = 9"


def test_a_class_is_named_where_the_file_has_several(own_file: Path) -> None:
    assert resolve("rings.py") == own_id(own_file)
    assert resolve("rings.py:OwnRing") == own_id(own_file)
    assert resolve("SK-v0") == "SK-v0"
    undecorated = own_file.with_name("plain.py")
    name = f"Plain{own_file.parent.name.replace('_', '')}"
    undecorated.write_text(FAMILY.format(env_id="x-v0", name=name).replace('@register("x-v0")', ""))
    assert resolve(f"plain.py:{name}") == f"{name}-v0"
    assert gym.make(f"{name}-v0", n=5).reset(seed=0)[0].shape == (64, 5)
    with pytest.raises(InputError, match="no family called 'Nothing'"):
        resolve("rings.py:Nothing")
    with pytest.raises(InputError, match=r"FILE\.py:Class"):
        resolve("plain.py:np")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ndef f(:\n", r"line 2: SyntaxError"),
        ("x = 1\ny = x / 0\n", r"line 2: ZeroDivisionError: division by zero"),
        ("import nowhere_at_all\n", "line 1: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("raise SystemExit(3)\n", "line 1: SystemExit: 3"),
        (FAMILY.format(env_id="SK-v0", name="Other"), "annealrl.envs.sherrington_kirkpatrick has registered it"),
        (FAMILY.format(env_id="no version", name="Other"), "a name and a version are expected"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(InputError, match=message):
        load_plugin(tmp_path / "bad.py")
    assert run(["--plugin", str(tmp_path / "bad.py"), "list", "envs"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_files_that_are_not_there(tmp_path: Path) -> None:
    for name in ("nowhere.py", "notes.txt"):
        with pytest.raises(InputError, match="no such Python file"):
            load_plugin(tmp_path / name)
    assert run(["--plugin"]) == 2


@pytest.mark.parametrize("loaded", [True, False])
def test_a_plug_in_that_takes_a_name_is_left_out_with_a_warning(monkeypatch: pytest.MonkeyPatch, loaded: bool) -> None:
    held = registry.family("SK-v0") if loaded else "annealrl.envs.sherrington_kirkpatrick:"
    monkeypatch.setitem(registry._families, "SK-v0", held)

    class Entry:
        name, value = "SK-v0", "elsewhere:SK"

    monkeypatch.setattr(registry, "entry_points", lambda group: [Entry()])
    with pytest.warns(UserWarning, match="plug-in 'elsewhere:SK' is left out"):
        registry.discover_plugins()
    assert registry.registered()["SK-v0"] is held


# -- sets sampled from a family ---------------------------------------------------------------------------------------


def test_sampled_sets_are_reproducible_and_their_splits_apart() -> None:
    sets = {split: load(f"env:SK-v0,n=6,split={split}:4") for split in ("train", "val", "test")}
    keys = {model.couplings.tobytes() for chosen in sets.values() for model in chosen}
    assert len(keys) == 12
    longer = load("env:SK-v0,split=val,n=6:6")
    assert [m.couplings.tobytes() for m in longer][:4] == [m.couplings.tobytes() for m in sets["val"]]
    assert load("env:SK-v0,n=6:4").hash == sets["test"].hash, "test is the default"
    assert load("env:SK-v0,n=6:2-3").instance_names == ("env:SK-v0,n=6,split=test-2", "env:SK-v0,n=6,split=test-3")
    assert load("env:SK-v0,n=7:1").models[0].n == 7
    assert load("env:SK-v0,n=6,couplings=pm1:1").hash != load("env:SK-v0,n=6:1").hash
    assert len(load("env:SK-v0,n=6")) == 100


def test_sampled_sets_know_planted_optima() -> None:
    chosen = load("env:XORSAT-v0,bits=6:3")
    assert chosen.statuses == ("planted",) * 3
    assert chosen.ground_energies.tolist() == [-24.0] * 3
    for model, spins in zip(chosen, chosen.ground_spins, strict=True):
        assert spins is not None
        assert model.energy(spins) == -24.0
    assert load("env:SK-v0,n=6:2").statuses == ("unknown",) * 2
    assert np.isnan(load("env:SK-v0,n=6:2").ground_energies).all()


def test_sampled_test_instances_are_not_tuned_on() -> None:
    assert known_test_instances(load("env:SK-v0,n=6:1")) == ["env:SK-v0,n=6,split=test-0"]
    assert known_test_instances(load("env:SK-v0,n=6,split=train:1")) == []
    with pytest.raises(InputError, match="test"):
        tune(load("env:XORSAT-v0,bits=4:1"), "linear", evaluations=1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("env:SK-v1", "unknown environment 'SK-v1'; did you mean SK-v0"),
        ("env:SK-v0,m=3", "unknown option of SherringtonKirkpatrick 'm'"),
        ("env:SK-v0,n=six", "n is 'six'; a whole number is expected"),
        ("env:SK-v0,n", "'n' is no setting"),
        ("env:SK-v0,n=1:2", "number of spins 1"),
        ("env:SK-v0,split=exam", "one of train, val, test is expected"),
        ("env:SK-v0,couplings=cauchy", "one of gaussian, pm1 is expected"),
        ("env:EdwardsAnderson2D-v0,periodic=maybe", "true or false is expected"),
        ("env:Wishart-v0,alpha=much", "a number is expected"),
        ("env:SK-v0,n=6:0", "the selection is empty"),
        ("env:SK-v0,n=60:9999999", "spins in all"),
    ],
)
def test_wrong_names_of_sampled_sets(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load(name)


# -- what is wrong with a plug-in is one line -------------------------------------------------------------------------

BODY = '''
from dataclasses import dataclass
import numpy as np
from annealrl import Hamiltonian, IsingModel, register

CHAIN = [(0, 1), (1, 2), (2, 3)]

@register("Bad-v0")
@dataclass(frozen=True)
class Bad(Hamiltonian):
    """A bad one."""
    n: int = 4
    def sample(self, rng): return IsingModel.from_edges(CHAIN)
'''


@pytest.fixture
def bad_file(own_file: Path) -> Path:
    """Where to put a wrong plug-in; what it registers is forgotten afterwards."""
    return own_file.with_name("bad.py")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("def sample", "def draw_one", "bad.py, line 8: environment 'Bad-v0': class Bad lacks sample()"),
        ("(Hamiltonian)", "", "Bad is no family; a Hamiltonian or an Objective is expected"),
        ("n: int = 4", "n: int", "Bad: n is not given and has no default"),
        ("return Ising", "return 1 / 0 or Ising", "Bad.sample(): ZeroDivisionError: division by zero"),
        ("return Ising", "return None and Ising", "Bad.sample() returned None; an IsingModel is expected"),
        ("return Ising", "return 3 and 'x' or Ising", "Bad.sample() returned a str; an IsingModel is expected"),
        ("@dataclass(frozen=True)", "", "class Bad is no dataclass; @dataclass(frozen=True) above it is expected"),
        ("    n: int", "    steps: int", "field 'steps' is the name of an option of the environment"),
        ("    n: int", "    observation: int", "field 'observation' is the name of an option of the environment"),
        ("    def", "    def __post_init__(self): {}['key']\n    def", "Bad(): KeyError: 'key'"),
        (
            "    def",
            "    def ground_energy(self, model): return model.no\n    def",
            "Bad.ground_energy(): AttributeError",
        ),
    ],
)
def test_a_bad_family_is_one_line(
    bad_file: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, message: str
) -> None:
    assert BODY.count(old) == 1
    bad_file.write_text(BODY.replace(old, new))
    measured = ["--episodes", "2", "--steps", "2", "--sweeps-per-step", "1"]
    assert (
        run(["evaluate", "--plugin", "bad.py", "--instances", "env:Bad-v0:2", "--method", "linear:0:3", *measured]) == 2
    )
    said = capsys.readouterr().err
    assert message in said
    assert len(said.splitlines()) == 1

    def use() -> None:
        load_plugin("bad.py")
        gym.make("Bad-v0", steps=1).reset(seed=0)

    with pytest.raises(InputError, match=re.escape(message)):
        use()


def test_a_listing_shows_the_others(bad_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad_file.write_text(BODY.replace("@dataclass(frozen=True)", ""))
    assert run(["list", "envs", "--plugin", "bad.py", "--json"]) == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert "class Bad is no dataclass" in listed["Bad-v0"]["description"]
    assert "SK-v0" in listed
    # Decorators may stand in any order.
    bad_file.with_name("turned.py").write_text(
        BODY.replace('@register("Bad-v0")\n@dataclass(frozen=True)', '@dataclass(frozen=True)\n@register("Turned-v0")')
    )
    load_plugin("turned.py")
    assert gym.make("Turned-v0", steps=1).reset(seed=0)[0].shape == (64, 4)


def test_one_id_is_not_taken_twice(bad_file: Path) -> None:
    second = BODY.partition("@register")
    bad_file.write_text(BODY + "".join(second[1:]).replace("class Bad", "class Worse"))
    with pytest.raises(InputError, match=r"bad\.py, line 14: .*'Bad-v0': class Bad of bad\.py has registered it"):
        load_plugin(bad_file)
    assert "Bad-v0" not in registry.env_ids(), "a file that fails leaves nothing behind"
    bad_file.write_text(BODY)
    assert load_plugin(bad_file) == ["Bad-v0"]
    # Run again, as a notebook does, a class takes its own place.
    registry.register("Bad-v0")(registry.family("Bad-v0"))
    with pytest.raises(InputError, match="annealrl_plugin_bad_"):
        registry.register_family("Bad-v0", "elsewhere:Bad")


def test_options_are_of_the_type_that_their_field_has() -> None:
    for options, message in (
        ({"periodic": "no"}, "periodic is 'no'; true or false is expected"),
        ({"length": 4.5}, "length is 4.5; a whole number is expected"),
        ({"length": True}, "length is True; a whole number is expected"),
        ({"couplings": 3}, "couplings is 3; one of gaussian, pm1"),
        ({"certify": "yes"}, "certify is 'yes'; true or false or none is expected"),
        ({"ramp": 1}, "ramp is 1; true or false is expected"),
        ({"refusal_penalty": "much"}, "refusal_penalty is 'much'; a number is expected"),
    ):
        with pytest.raises(InputError, match=message):
            gym.make("annealrl:EdwardsAnderson2D-v0", **options)
    periodic = np.bool_(False)
    assert gym.make("EdwardsAnderson2D-v0", length=np.int64(3), periodic=periodic).reset(seed=0)[0].shape == (64, 9)


def test_several_numbers_stand_in_brackets() -> None:
    plain = load("env:PlantedTiles-v0,length=4:2")
    for text in ("(0.2, 0.5, 0.1, 0.2)", "[0.2,0.5,0.1,0.2]"):
        assert load(f"env:PlantedTiles-v0,probabilities={text},length=4:2").hash == plain.hash
    assert load("env:PlantedTiles-v0,probabilities=(1,0,0,0),length=4:2").hash != plain.hash
    label = load("env:PlantedTiles-v0,length=4,probabilities=(1,0,0,0):1").instance_names[0]
    assert load(label.rpartition("-")[0] + ":1").instance_names == (label,), "names can be read back"
    for text, message in (("0.2", "in brackets"), ("(1, 0)", "4 values"), ("(1,0,0,x)", "'x'; a number")):
        with pytest.raises(InputError, match=message):
            load(f"env:PlantedTiles-v0,probabilities={text}:1")
