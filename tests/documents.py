"""Pages whose code blocks are run as they stand; ``python -P tests/documents.py PAGE`` plays one where you are."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

Block = tuple[str, str]

#: First line of a block that is a file: it is written, not run.
_FILE = re.compile(r"# (\w+\.py)\n")
_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[Block]:
    """Language and code of every fenced block."""
    return _FENCED.findall(page.read_text(encoding="utf-8"))


def commands(code: str) -> list[list[str]]:
    """The words of each command of a shell block."""
    lines = code.replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def lines_of_code(page: Path) -> int:
    """Lines of all blocks that are neither empty nor a comment."""
    code = "".join(code for language, code in blocks(page) if language in ("python", "sh"))
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in code.splitlines())


def play(page: Path, folder: Path, *only: int) -> None:
    """Run the blocks of a page in `folder`, in a process of its own (it may register things), or `only` some of them.

    Warnings are errors, as everywhere.
    """
    done = subprocess.run(
        # -P: the folder of this file holds tests/annealrl, which is not the package.
        [sys.executable, "-P", "-W", "error", __file__, str(page), *map(str, only)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{page.name}: {done.stderr}"


def _main(page: str, *only: str) -> None:
    """Run Python blocks in order in one namespace, and the ``annealrl`` commands between them where they stand.

    A block that opens with ``# NAME.py`` is that file.
    """
    from annealrl.cli.app import run

    sys.path.insert(0, "")  # what a script that stands in the current folder can import
    # The page may define classes, whose module has to be found.
    namespace: dict[str, Any] = sys.modules["__main__"].__dict__
    for number, (language, code) in enumerate(blocks(Path(page))):
        if only and str(number) not in only:
            continue
        file = _FILE.match(code)
        if file:
            Path(file[1]).write_text(code, encoding="utf-8")
        elif language == "python":
            exec(compile(code, f"{page}, block {number}", "exec", dont_inherit=True), namespace)
        elif language == "sh":
            for words in commands(code):
                if words[0] == "annealrl" and run(words[1:]) != 0:
                    sys.exit(f"block {number}: {shlex.join(words)}")


if __name__ == "__main__":
    _main(*sys.argv[1:])
