"""What the command line says before it works, and when it is interrupted."""

from __future__ import annotations

import json
from pathlib import Path

import networkx as nx
import pytest

from annealrl.cli.app import run
from annealrl.errors import InputError
from annealrl.ising import IsingModel


@pytest.mark.parametrize("place", ["", "file/x.json", "file/deeper/x.json"])
def test_json_that_cannot_be_written_is_said_first(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, place: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    # The problem is missing too, but the place of the output comes first.
    assert run(["solve", str(tmp_path / "missing.rud"), "--json", str(tmp_path / place)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "it cannot be written" in line


def test_missing_folders_are_made_only_by_writing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "new" / "x.json"
    assert run(["solve", str(tmp_path / "missing.rud"), "--json", str(out)]) == 2
    assert "missing.rud" in capsys.readouterr().err
    assert not out.parent.exists()


def test_names_from_files_are_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Closing markup that was never opened ends rich, and codes for the terminal would change it."""
    graph = {"graph": {"name": "[/x]\x1b[31m"}, "nodes": [{"id": 0}, {"id": 1}], "edges": [{"source": 0, "target": 1}]}
    (tmp_path / "x.json").write_text(json.dumps(graph))
    assert run(["solve", str(tmp_path / "x.json")]) == 0
    assert "[/x]\\x1b[31m" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["solve", "train"], "annealrl: interrupted"),
        (["benchmark", "--instances", "cool-4"], "annealrl: interrupted"),
        (["benchmark", "--out=DIR"], "annealrl: interrupted; run again, it goes on"),
        (["train", "x.yml"], "annealrl: interrupted; with --resume it goes on from its last checkpoint"),
    ],
)
def test_interruption_promises_only_what_holds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("annealrl.cli.app.typer.main.get_command", lambda _: interrupted)
    assert run(arguments) == 1
    assert capsys.readouterr().err.strip() == said


def test_words_are_no_weights() -> None:
    graph = nx.Graph()
    graph.add_edge(0, 1, weight="3")
    with pytest.raises(InputError, match="attribute 'weight' is '3'; a number is expected"):
        IsingModel.from_networkx(graph)
