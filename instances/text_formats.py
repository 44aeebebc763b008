"""Text files of one instance: rudy/Gset, Biq Mac's sparse QUBO, COO with fields, and the lattice files of COOL.

All are lines of ``i j w``. rudy and QUBO files begin with a line ``n m`` (the 7th DIMACS challenge writes ``n m 0``,
one Gset file ``n m J``) and count from 1. COO and lattice files have no such line; there ``i i h`` is a field. dimod
may put ``# vartype=SPIN`` or ``# vartype=BINARY`` before COO. Lattice files count from 0, and commas may part their
columns. ``#`` begins a comment; empty lines are skipped, and so is a byte order mark. No format here says that repeated
pairs are summed, so a repeated pair is an error.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np

from annealrl.errors import InputError
from annealrl.instances.archive import place, regular_file
from annealrl.instances.conventions import IndexBase, Sign, from_biqmac_qubo, from_bqm, from_spin, resolve_index_base
from annealrl.ising import FloatArray, IntArray, IsingModel

#: Most spins and most entries that are read from one text or JSON file, and the longest line of text.
MAX_SPINS = 1 << 22
MAX_ENTRIES = 1 << 22
MAX_LINE = 4096
#: Largest sum of the moduli of all weights: no convention's sums over them can overflow then.
MAX_SUM = 1e300


@dataclass(frozen=True)
class Table:
    """The lines of a text file: the first one as words, the others as numbers.

    Attributes
    ----------
    path : path
    first : list of bytes
        Words of the first line that is neither empty nor a comment.
    first_line : int
        Its number, counted from 1.
    i, j : int64 arrays, shape (rows,)
        As written.
    w : float64 array, shape (rows,)
    lines : int64 array, shape (rows,)
        Line of each row.
    last_line : int
        Number of lines of the file.
    vartype : str
        What a dimod comment said, else "".
    """

    path: Path
    first: list[bytes]
    first_line: int
    i: IntArray
    j: IntArray
    w: FloatArray
    lines: IntArray
    last_line: int
    vartype: str

    def fail(self, line: int, message: str) -> NoReturn:
        """Raise InputError for a line."""
        raise InputError(f"{place(self.path, line)}{message}")

    @property
    def has_header(self) -> bool:
        """Whether the first line is ``n m`` and not an entry.

        Two words are. Three are when the last one is no number; or when it is ``0``, no later index is larger than the
        first word, and there are just as many later lines as the second word says or either word is larger than all
        later indices. A coupling of zero on the first line that looks like that must be written ``0.0``.
        """
        if self.vartype or len(self.first) != 3:
            return not self.vartype
        try:
            float(self.first[2])
        except ValueError:
            return True
        if self.first[2] != b"0":
            return False
        try:
            n, m = (int(word) for word in self.first[:2])
        except ValueError:
            return False
        seen = int(max(self.i.max(initial=-1), self.j.max(initial=-1)))
        return 0 < n >= seen and m > 0 and (len(self.w) == m or max(n, m) > seen)


def read_table(path: str | Path, *, commas: bool = False) -> Table:
    """Read the lines of a text file; with `commas`, one comma may stand between two columns.

    Raises
    ------
    InputError
        If the file is missing, empty, not text, too large, or a line is not ``i j w`` with finite w; or if the moduli
        of all w add up to more than `MAX_SUM`.
    """
    source = regular_file(path)
    comments: list[str] = []
    i, j, w, lines = array("q"), array("q"), array("d"), array("q")
    try:
        with source.open("rb") as handle:
            rows = _words(source, handle, comments, commas)
            number, first = next(rows, (0, []))
            if not first:
                raise InputError(f"{place(source, 1)}the file is empty; lines of 'i j w' are expected")
            start, total = number, 0.0
            for number, words in rows:
                a, b, value = _entry(source, number, words)
                total += abs(value)
                if total > MAX_SUM:
                    raise InputError(f"{place(source, number)}the moduli up to here add up to more than {MAX_SUM:g}")
                i.append(a)
                j.append(b)
                w.append(value)
                lines.append(number)
                if len(w) > MAX_ENTRIES:
                    raise InputError(f"{place(source, number)}more than {MAX_ENTRIES} entries")
    except OSError as error:
        raise InputError(f"{place(source)}cannot be read: {error.strerror or error}") from None
    vartypes = [text.partition("=")[2].strip() or "nothing" for text in comments if text.startswith("vartype=")]
    vartype = " and ".join(dict.fromkeys(vartypes))
    return Table(
        source,
        first,
        start,
        np.frombuffer(i, dtype=np.int64) if i else np.zeros(0, np.int64),
        np.frombuffer(j, dtype=np.int64) if j else np.zeros(0, np.int64),
        np.frombuffer(w, dtype=np.float64) if w else np.zeros(0),
        np.frombuffer(lines, dtype=np.int64) if lines else np.zeros(0, np.int64),
        number,
        vartype,
    )


def read_rudy(table: Table, sign: Sign, index_base: IndexBase, name: str) -> IsingModel:
    """Read a graph with weights: a header ``n m``, then m lines ``i j w``.

    References
    ----------
    G. Rinaldi, rudy, a graph generator (1998); C. Helmberg and F. Rendl, SIAM J. Optim. 10, 673 (2000) for Gset.
    """
    n, i, j, lines = _after_header(table, index_base)
    loops = np.flatnonzero(i == j)
    if len(loops):
        row = loops[0]
        table.fail(
            int(lines[row]), f"edge {table.i[row]} {table.j[row]} is a self-loop; two different nodes are expected"
        )
    _refuse_repeats(table, i, j, lines, n)
    return from_spin(n, np.stack([i, j], axis=1), table.w, sign=sign, name=name)


def read_qubo(table: Table, index_base: IndexBase, name: str) -> IsingModel:
    """Read Biq Mac's sparse QUBO: a header ``n m``, then m lines ``i j q`` with i = j for the diagonal."""
    n, i, j, lines = _after_header(table, index_base)
    _refuse_repeats(table, i, j, lines, n)
    diagonal, pairs, entries = _split(n, i, j, table.w)
    return from_biqmac_qubo(diagonal, pairs, entries, name=name)


def read_coo(table: Table, sign: Sign, index_base: IndexBase, name: str) -> IsingModel:
    """Read COO with fields: lines ``i j w``, where ``i i h`` is a field; n is what the largest index asks for."""
    a, b, value = _entry(table.path, table.first_line, table.first)
    i, j = np.append(a, table.i), np.append(b, table.j)
    w = np.append(value, table.w)
    lines = np.append(table.first_line, table.lines)
    base = resolve_index_base(int(min(i.min(), j.min())), index_base)
    _check_range(table, i, j, lines, base, MAX_SPINS + base - 1)
    i, j = i - base, j - base
    n = int(max(i.max(), j.max())) + 1
    _refuse_repeats(table, i, j, lines, n)
    if sign == "maxcut":
        field = np.flatnonzero((i == j) & (w != 0))
        if len(field):
            table.fail(int(lines[field[0]]), "a field, but sign maxcut has none; sign ising or dimod is expected")
    fields, pairs, weights = _split(n, i, j, w)
    if table.vartype:
        if table.vartype not in ("SPIN", "BINARY"):
            table.fail(
                table.first_line,
                f"the comment before says vartype {_shown(table.vartype.encode())}; SPIN or BINARY is expected",
            )
        if sign != "dimod":
            table.fail(table.first_line, f"the file says vartype={table.vartype}, so sign {sign!r} cannot be meant")
        return from_bqm(table.vartype, fields, pairs, weights, name=name)
    return from_spin(n, pairs, weights, fields, sign=sign, name=name)


def _words(path: Path, handle: BinaryIO, comments: list[str], commas: bool) -> Iterator[tuple[int, list[bytes]]]:
    number = 0
    while line := handle.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise InputError(f"{place(path, number)}longer than {MAX_LINE} bytes; a line 'i j w' is expected")
        if b"\0" in line:
            raise InputError(f"{place(path, number)}a NUL byte; text is expected")
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # what some editors put before UTF-8
        content, _, comment = line.partition(b"#")
        if not content.strip():
            if comment:
                comments.append(comment.decode("latin-1").strip("# \t\r\n"))
                del comments[8:]
            continue
        commas_here = commas and b"," in content
        yield number, [word.strip() for word in content.split(b",", 4)] if commas_here else content.split(None, 4)


def _entry(path: Path, line: int, words: list[bytes]) -> tuple[int, int, float]:
    if len(words) != 3:
        some = f"{min(len(words), 5)} words" if len(words) < 5 else "more than 4 words"
        raise InputError(f"{place(path, line)}{some}; 'i j w' is expected")
    i, j = _index(path, line, words[0]), _index(path, line, words[1])
    try:
        w = float(words[2]) if b"_" not in words[2] else math.nan
    except ValueError:
        w = math.nan
    if not math.isfinite(w):
        raise InputError(f"{place(path, line)}weight {_shown(words[2])}; a finite number is expected")
    return i, j, w


def _index(path: Path, line: int, word: bytes) -> int:
    try:
        value = int(word) if b"_" not in word else -1
    except ValueError:
        raise InputError(f"{place(path, line)}index {_shown(word)}; an integer is expected") from None
    if not 0 <= value <= MAX_SPINS:
        raise InputError(f"{place(path, line)}index {_shown(word)}; an integer from 0 to {MAX_SPINS} is expected")
    return value


def _after_header(table: Table, index_base: IndexBase) -> tuple[int, IntArray, IntArray, IntArray]:
    """Return n and the 0-based indices and lines of the entries, checked against the header."""
    words = table.first
    if not 2 <= len(words) <= 3:
        table.fail(table.first_line, f"{len(words)} words; a header 'n m' is expected")
    n, m = (_count(table, word, what) for word, what in zip(words, ("spins", "entries"), strict=False))
    if n < 1:
        table.fail(table.first_line, "the header says 0 spins; at least 1 is expected")
    if len(table.w) > m:
        table.fail(int(table.lines[m]), f"one entry more than the {m} that the header (line {table.first_line}) says")
    if len(table.w) < m:
        table.fail(
            table.last_line,
            f"the file ends after {len(table.w)} entries; the header (line {table.first_line}) says {m}",
        )
    smallest = int(min(table.i.min(initial=1), table.j.min(initial=1)))
    base = resolve_index_base(smallest, index_base)
    _check_range(table, table.i, table.j, table.lines, base, n + base - 1)
    return n, table.i - base, table.j - base, table.lines


def _count(table: Table, word: bytes, what: str) -> int:
    try:
        value = int(word) if b"_" not in word else -1
    except ValueError:
        table.fail(
            table.first_line, f"{_shown(word)} where the header says the number of {what}; an integer is expected"
        )
    most = MAX_SPINS if what == "spins" else MAX_ENTRIES
    if not 0 <= value <= most:
        table.fail(table.first_line, f"the header says {_shown(word)} {what}; 0 to {most} are read")
    return value


def _check_range(table: Table, i: IntArray, j: IntArray, lines: IntArray, least: int, most: int) -> None:
    low, high = np.minimum(i, j), np.maximum(i, j)
    bad = np.flatnonzero((low < least) | (high > most))
    if len(bad):
        row = bad[0]
        table.fail(int(lines[row]), f"edge {i[row]} {j[row]} leaves the range {least} … {most}")


def _refuse_repeats(table: Table, i: IntArray, j: IntArray, lines: IntArray, n: int) -> None:
    keys = np.minimum(i, j) * n + np.maximum(i, j)
    order = np.argsort(keys, kind="stable")
    twice = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    if len(twice):
        pairs = order[twice + 1]
        at = int(np.argmin(pairs))
        row, earlier = pairs[at], order[twice[at]]
        table.fail(int(lines[row]), f"the pair of line {lines[earlier]} once more; each pair may be given once")


def _split(n: int, i: IntArray, j: IntArray, w: FloatArray) -> tuple[FloatArray, IntArray, FloatArray]:
    """Split entries into the diagonal, shape (n,), and pairs with their values."""
    own = i == j
    diagonal = np.zeros(n)
    diagonal[i[own]] = w[own]
    return diagonal, np.stack([i, j], axis=1)[~own], w[~own]


def _shown(word: bytes) -> str:
    return repr(word[:40].decode("latin-1"))
