"""Every tutorial runs as it stands, and is short."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documents import blocks, commands, lines_of_code, play

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted((DOCS / "tutorials").glob("*.md"))


def test_what_there_is() -> None:
    names = {page.stem for page in PAGES}
    assert names >= {"train", "benchmark-a-schedule", "anneal-my-own-qubo", "learned-schedule-in-dimod"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page: Path, tmp_path: Path) -> None:
    assert {language for language, _ in blocks(page)} <= {"python", "sh", "text"}
    assert 0 < lines_of_code(page) <= 40
    play(page, tmp_path)


def test_interop_page(tmp_path: Path) -> None:
    play(DOCS / "interop.md", tmp_path)


def test_failures_are_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for code in ("```python\nassert False\n```\n", "```sh\nannealrl solve no_such_file\n```\n"):
        page.write_text(f"# Page\n\n{code}")
        with pytest.raises(AssertionError, match="page"):
            play(page, tmp_path)


def test_blocks_share_a_namespace_and_a_folder(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nvalue = 1\nopen('triangle.txt', 'w').write('3 3\\n1 2 1\\n2 3 1\\n1 3 1\\n')\n```\n"
        "```sh\nannealrl solve triangle.txt \\\n  --json found.json   # proven\n```\n"
        "```python\nimport json\nassert value == 1 and json.load(open('found.json'))[0]['energy'] == -1\n```\n"
    )
    play(page, tmp_path)
    assert (tmp_path / "found.json").is_file()
    assert lines_of_code(page) == 6
    assert commands("annealrl a \\\n b # c\n\nls\n") == [["annealrl", "a", "b"], ["ls"]]
